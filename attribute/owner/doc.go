// Package owner is the timeline of who owned which socket.
//
//  1. Timeline.Add takes the events of a connection log, in any order that
//     keeps (time, seq) within one log.
//  2. Timeline.Seal turns them into Sockets: each with the times between which
//     it certainly existed, the times between which it may have, and its
//     Holds: who held it, from when to when.
//  3. The sealed timeline answers: which sockets had this five-tuple
//     (Connected), which were bound to this port (Bound), and whether several
//     processes used it at one time (Shared); when anything about a connection
//     key changes (Cut), whose address this is (Locality), what was lost when
//     (Lossy), and which times passed twice (Twice).
//
// Where network namespaces are connected, or addresses translated, a key may be that
// of sockets elsewhere: network knows which namespaces are connected and who has an
// address, translation what the kernel made of a connection, and view is all that is
// known of such a key.
//
// Each head begins a recording, whose sockets end with it.
//
// Times of polling sources are windows: a poll that began at a and ended at b
// proves that a socket existed at some instant between. The certain life of a
// socket runs from the end of the first such window to the beginning of the
// last; what lies outside is possible, not certain.
//
//	 poll     poll                poll     poll
//	[a0 b0]  [a1 b1]             [a2 b2]  [a3 b3]
//	   |        └──── certain ─────┘         |
//	   └──────────── possible ───────────────┘
//
// The package knows nothing of packets. It imports ingest/flow and
// ingest/connlog.
package owner
