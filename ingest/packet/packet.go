package packet

import (
	"unsafe"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

// Class tells how far the headers of a frame could be read.
type Class uint8

const (
	// Undecoded: the headers could not be read: an unknown link type, a frame
	// cut inside its headers, or a malformed header. Tuple is not valid.
	Undecoded Class = iota
	// Link: a frame that carries no IP packet (ARP, LLDP, STP…). Tuple is not valid.
	Link
	// Network: an IP packet whose protocol has no ports, or a fragment other
	// than the first: Tuple's addresses and protocol are valid, its ports are 0.
	Network
	// Transport: TCP, UDP or SCTP with ports: the whole Tuple is valid.
	Transport
)

// Direction is where a frame went, as the capture itself tells (bits 0-1 of
// epb_flags, draft-ietf-opsawg-pcapng section 4.3.1; the packet type of SLL).
type Direction uint8

const (
	DirectionUnknown Direction = 0
	Inbound          Direction = 1
	Outbound         Direction = 2
)

// The bits of Packet.TCPFlags, RFC 9293 section 3.1.
const (
	FIN = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// MaxHeld is how many bytes of a packet's payload are at hand: as many as a TLS
// record has (RFC 8446 section 5.1).
const MaxHeld = 1 << 14

// Usual is how many bytes of a Packet most packets need.
const Usual = int(unsafe.Offsetof(Packet{}.Quoted))

// Packet is what pcapwho keeps of one frame: a plain value without pointers,
// reused in batches. Lengths are in bytes. It fills three cache lines, and most
// packets only the first two: one core writes them and another reads them.
type Packet struct {
	Tuple flow.FiveTuple
	Hash  uint64 // Tuple.Hash(); valid iff Class is Transport
	Frame uint64 // 1-based frame number in the recording, over all its files
	Time  int64  // Unix nanoseconds; 0 where the capture has none (simple packet blocks), or none between the years 1677 and 2262

	Interface      uint32 // index into the recording's interfaces, over all its files
	Device         uint16 // which of the recorder's interfaces that is: the same in every file of a rotated set
	Place          uint16 // of the interface, in its own file
	CapturedLength uint32 // bytes of the frame in the file
	WireLength     uint32 // bytes of the frame on the wire, link header included

	// Payload is the number of transport payload bytes this packet had on the
	// wire by its headers, not by what was captured; valid iff Class is
	// Transport, or it is a later fragment of TCP or UDP (then all its data).
	Payload uint32

	// Body is where the Held bytes of the payload begin: in the frame, as Decode
	// leaves it, and in Batch.Data of package ingest, as a Stream hands it on.
	// Valid iff Held > 0.
	Body uint32
	Held uint16 // bytes of the payload that are at hand, as far as MaxHeld

	Print uint16 // of UDP, what tells a datagram from others: a hash of its checksum and first bytes

	// Mark is 1 + the index into Capture.Marks of package ingest of the process
	// that the capture itself names for this packet; 0 = none.
	Mark int32

	// Valid iff Tuple.Protocol is TCP and Class is Transport.
	Seq, Ack uint32
	Window   uint16 // as it stands in the header, unscaled; 65535 where it was not captured
	MSS      uint16 // the maximum segment size option, RFC 9293 section 3.7.1; 0 = it has none
	TCPFlags uint8

	// TCPOptions tells which options a TCP segment has, as far as they were
	// captured; valid as Seq is.
	TCPOptions TCPOptions

	Class      Class
	IPVersion  uint8 // 4, 6, or 0 when Class is Undecoded or Link
	Direction  Direction
	Fragmented bool // it is one of several fragments of an IP datagram
	HasQuoted  bool // it is an ICMP error: see Quoted

	// Stamp and Echo are TSval and TSecr of TCP's timestamps option, RFC 7323
	// section 3; valid iff TCPOptions.Stamped.
	Stamp, Echo uint32

	// The third line, which is 0 where the packet is Transport and not Fragmented.

	// Quoted is the five-tuple of the packet that an ICMP error quotes, as
	// that packet was sent; valid iff HasQuoted.
	Quoted flow.FiveTuple

	// Valid iff Fragmented (RFC 791, RFC 8200 section 4.5).
	FragmentID     uint32
	FragmentOffset uint16 // in bytes; 0 is the first fragment, the only one that can be Transport
	FragmentMore   bool   // more fragments follow

	// Valid iff Tuple.Protocol is ICMP or ICMPv6 and Class is Network.
	ICMPType, ICMPCode uint8
	// ICMPID is the identifier of an echo request or reply, RFC 792; 0 in other messages.
	ICMPID uint16

	_ [8]byte // 64 in all
}
