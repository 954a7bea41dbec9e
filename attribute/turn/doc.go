// Package turn follows who speaks in a connection, of TCP or UDP, and measures it
// without knowing the protocol: when it was busy, how much came at once, and how long
// one side waited for the other.
//
// Who sends payload first makes requests, the other side responses. A Turn is a
// request and the response to it: it begins when the requester speaks after the other
// side did, or after silence (PauseTime). Payload that the capture had before counts
// once, so that what is sent again is no turn.
//
// A Run is a stretch in which packets came within QuietTime of each other: the union of
// the runs of several connections is when whoever has them was busy.
//
// A Follower keeps one state of fixed size for each live connection; Add gives it the
// next packet and tells which turn and run this ended, End ends the connection, and Cut
// tells before what was measured in a part of its time. It knows nothing of processes,
// files or connection keys, and does not allocate for a packet.
package turn
