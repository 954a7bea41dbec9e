// Package attribute gives every packet of a recording its owners: for each of
// its two sides a process with the reason, or a reason without a process.
//
//  1. New seals the timeline of socket ownership (package owner) that the
//     connection logs made.
//  2. Follow takes a stream of batches and has each share of the connections
//     followed by a goroutine of its own; Add does the same packet by packet.
//     A share follows packets into connection instances (package conn), cut
//     into segments at every moment when evidence about their owners changes.
//     Later IP fragments take the ports of their first; packets of no
//     connection are summed apart.
//  3. An instance that is over, by a sweep or in the end by Finish, is judged,
//     once: of the TCP sockets of the log, those are its own that it was the end
//     of (hearing.belongs); the rules answer for both ends of each segment
//     (hearing, rules), and the segments become Spans with their Verdicts. The
//     Connection is kept as a record (codec, package spill).
//  4. Result.Connections reads the records back. Where the capture itself names
//     processes (SetMarks), the spans are divided by what it says of their
//     packets, which is held against the rules' verdicts (marker.divide).
//  5. Result.Find answers for single packets on a second pass: it follows them
//     again, and takes the record of each instance that begins.
//
// The sums over all spans and all Loose are the capture, exactly, for each
// side. The same input gives the same Result, with any
// number of shares.
package attribute
