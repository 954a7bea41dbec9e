// Package attribute gives every packet of a recording its owners: for each of
// its two sides a process with the reason, or a reason without a process.
//
//  1. New seals the timeline of socket ownership (package owner) that the
//     connection logs made.
//  2. Add follows packets into connection instances (package conn), cut into
//     segments at every moment when evidence about their owners changes.
//     Later IP fragments take the ports of their first; packets of no
//     connection are summed apart.
//  3. Finish assigns each TCP socket of the log to the one instance it was the
//     end of (assign), and applies the rules to both ends of each segment
//     (judge, rules): the segments become Spans with their Verdicts.
//  4. Result.Find answers for single packets on a second pass.
//
// The sums over all spans and all Loose are the capture, exactly, for each
// side. The same input gives the same Result.
package attribute
