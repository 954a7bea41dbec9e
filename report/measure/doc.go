// Package measure folds an attribution into the rows of the tables.
//
//  1. [Fold] sums packets by side and reason: [Coverage].
//  2. It sums what every process sent and received, alone and with
//     its descendants: [Processes]. [Tree] holds the parent links.
//     [Timeseries] and [ByPhase] sum the same by time. [Selection] says what counts.
//     For how long they were busy is added up last, from stretches sorted by time.
//  3. [Connections] gives one row a connection.
//  4. [Packets] gives one row a packet, in a second pass over the capture.
//  5. [Capture] and [Damage] are the recording as a whole and what was wrong
//     with it.
//  6. [NWB] reproduces the nine numbers of nwb_benchmarks' network tracking,
//     in an own pass that follows packets as tshark does.
//
// Every sum is an integer. A packet between two local processes counts once
// as sent, for the owner of its source, and once as received, for the owner
// of its destination; so for each side the sum over all reasons is the
// capture, packets and bytes.
package measure
