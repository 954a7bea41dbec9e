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
//  3. Finish assigns each TCP socket of the log to the one instance it was the
//     end of (hearing.belongs). Result.Connections applies the rules to both ends
//     of each segment when a connection is asked for (hearing, rules): the
//     segments become Spans with their Verdicts.
//     Where the capture itself names processes (SetMarks), the segments are
//     divided by what it says of their packets, which is held against the rules'
//     verdicts (hearing.divide).
//  4. Result.Find answers for single packets on a second pass.
//
// The sums over all spans and all Loose are the capture, exactly, for each
// side. The same input gives the same Result, with any number of shares.
package attribute
