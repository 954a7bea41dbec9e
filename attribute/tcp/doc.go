// Package tcp measures TCP connections, each from its segments in the order in
// which they were captured.
//
//  1. A Follower keeps one state of fixed size for each live connection; Add
//     gives it the next segment.
//  2. What a segment is (new, a retransmission, out of order, a keep-alive, a
//     duplicate ACK…) is decided by its sequence numbers and by what both sides
//     said before: class.go. The rules are those that Wireshark's documentation
//     gives for its TCP analysis (User's Guide section 7.5), so that its numbers
//     and ours are the same.
//  3. One segment a round trip of each side is timed until it is acknowledged:
//     roundtrip.go. The times go into a quantile.Summary.
//  4. End ends a connection and gives its Measures; Cut gives those of a part of its time
//     before, which add up: cut.go.
//
// The package knows nothing of processes, files or connection keys. It does not
// allocate for a segment, but for slabs of states as more connections live at
// the same time.
//
// Limits: a connection takes 248 bytes; 80 more for each direction in which anything
// went wrong (retransmissions, zero windows…), and 16 for each of which more than two
// round trips were timed, 224 of more than 16.
package tcp
