// Package traffic makes recordings whose truth is known: a capture, and the
// connection log that an ideal recorder would have written beside it. Both
// are made from a seed, the same bytes on every machine.
//
//  1. A [Kind] says how much there is of what.
//  2. Generate keeps a number of connections alive. It picks one, lets it take
//     a step of its life (a handshake's packet, a few segments, an end), and
//     when one has ended the next begins in its place.
//  3. Each packet is booked for the processes at its ends as it is sent, and
//     the sums are the [Truth]: nothing is read back or analyzed for it.
//
// Connections have a local end in a process of the recorded host, or two, on
// the loopback interface. Events stand between packets, never at the same
// nanosecond. Lengths, sequence numbers and IPv4 checksums are right; the
// checksums of TCP and UDP are zero, as those of offloaded packets are.
package traffic
