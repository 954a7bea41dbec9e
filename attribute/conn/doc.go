// Package conn follows packets into connections.
//
//  1. A packet's five-tuple becomes a flow.Key; Table finds the key's latest
//     Instance with one look-up.
//  2. Follower decides whether the packet still belongs to it or begins a new
//     one: a SYN with another initial sequence number, or silence longer than
//     the idle limits. One that another interface had before is a duplicate, and
//     goes no further (duplicate.go).
//  3. The packet is added to the instance's open Segment. Segments are cut at
//     the times that the caller's Evidence gives (where an owner may change), so
//     that everything inside one segment has one answer.
//     Packets with a mark are summed apart too, by what the mark says: Labels.
//  4. Sequence counts each TCP sequence number once.
//
// The package knows nothing of processes. Packets of one connection must come
// in the order of the file; their times may go backwards.
//
// Limits: an instance remembers at most maxHoles holes in its sequence space
// for each direction; the oldest are forgotten first, and bytes that fill a
// forgotten hole are not counted as unique.
package conn
