package tcp

import "github.com/pcapwho/pcapwho/attribute/quantile"

// state is a connection as far as it was followed. It has no pointers, and fills four
// cache lines: what every segment needs is in the first three.
type state struct {
	last      int64   // latest segment, Unix nanoseconds
	half      [2]half // by flow.Side
	handshake handshake
	end       uint8 // Measures.End
	finished  uint8 // sides that sent FIN, a bit each
	cut       bool  // by Follower.Cut
	_         [8]byte
}

// half is what one side sent.
type half struct {
	next         uint32 // behind the highest sequence number seen; valid iff seen
	acked        uint32 // what its last segment acknowledged; valid iff acks
	nextTime     int64  // of the segment that brought next, Unix nanoseconds
	lastTime     int64  // of its last segment
	timer        timer
	window       uint16 // in its last segment, as it stands there
	mss          uint16 // announced; 0 = none
	duplicates   uint16 // ACKs in a row that are; no more than it holds
	scale        uint8  // 1 + the announced one; 0 = none
	is           uint8  // bits
	trouble      int32  // in Follower.troubles; 0 = none
	inFlightMax  uint32
	windowMax    uint32 // valid iff both sides opened
	wireSegments uint64
	trips        quantile.Summary
}

// The bits of half.is.
const (
	seen    = 1 << iota // it sent a segment
	acks                // its last segment acknowledged something
	alive               // its last segment was a keep-alive
	probed              // its last segment probed a closed window
	opened              // it sent a SYN, sometime, of which the capture has the window scale or that there is none
	greeted             // the handshake was over when it sent its last segment
	shut                // its window is closed: see trouble.closed
)

// trouble is what goes wrong with what one side sends: most connections have none.
type trouble struct {
	retransmitted, fast, spurious, outOfOrder, lost uint32
	duplicateACKs, keepAlives, zeroWindows          uint32
	retransmittedBytes, outOfOrderBytes             uint64
	lostBytes                                       int64 // less those that came late
	lowest                                          int64 // the least that was, not positive
	closed                                          int64 // when it closed its window; 0 = it is open
	closedTime                                      int64 // how long it was closed before
}
