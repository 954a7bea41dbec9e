package tcp

import "github.com/pcapwho/pcapwho/attribute/quantile"

// Unknown stands for what a connection does not tell.
const Unknown = -1

// How a connection ended: Measures.End.
const (
	Open        = iota // neither was it reset, nor finished from both sides
	Finished           // both sides sent FIN
	FirstReset         // the first side sent the first RST, before both had sent FIN
	SecondReset        // the second did
	Reused             // its five-tuple was used again, while it was Open
)

// Measures is what the segments of a connection tell. Times are nanoseconds,
// lengths are bytes of payload. docs/measures.md defines each.
type Measures struct {
	Known      bool         // false: nothing was measured, and all else is zero
	End        int64        // Open, Finished…
	InitialRTT int64        // from the opener's last SYN to the first ACK that is no SYN; Unknown
	Sent       [2]Direction // by side
}

// Swap makes the first side the second.
func (m *Measures) Swap() {
	m.Sent[0], m.Sent[1] = m.Sent[1], m.Sent[0]
	switch m.End {
	case FirstReset:
		m.End = SecondReset
	case SecondReset:
		m.End = FirstReset
	}
}

// Direction is what one side sent, and how the other answered. Segments are those
// of the capture: super-packets that the sender's card cuts are one.
type Direction struct {
	Handshake   int64 // time that the side took for its part of the handshake; Unknown
	MSS         int64 // maximum segment size that it announced; Unknown
	WindowScale int64 // shift that it announced; Unknown
	WindowMax   int64 // largest receive window that it announced; Unknown
	InFlightMax int64 // most bytes that were sent and not acknowledged

	RTT quantile.Quantiles // from one of its segments to the acknowledgement

	Retransmitted, RetransmittedBytes int64 // segments that were sent before, Fast and Spurious included
	Fast                              int64 // of them, those that duplicate ACKs asked for
	Spurious                          int64 // of them, those whose bytes had been acknowledged
	OutOfOrder, OutOfOrderBytes       int64 // segments that others overtook
	Lost, LostBytes                   int64 // places where segments are missing; and bytes that the capture has nowhere
	DuplicateACKs                     int64
	KeepAlives                        int64
	ZeroWindows, ZeroWindowTime       int64 // segments that say that its window is closed; and for how long it was
	WireSegments                      int64 // segments with payload that the peer's MSS allows; Unknown

	Late int64 // of a part alone, before Settle: bytes that came late and had been missing before it
}
