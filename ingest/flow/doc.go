// Package flow holds the nouns every other package speaks in: an address, a
// transport protocol, the five-tuple of one packet and the key of the
// connection it belongs to. It imports nothing of pcapwho.
//
// All types are plain values without pointers, so that they cost nothing to
// copy, compare or use as map keys (a netip.AddrPort carries a zone pointer
// and is half as fast as a key).
package flow
