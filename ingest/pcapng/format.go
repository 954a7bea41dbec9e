package pcapng

import "fmt"

// Limits that Wireshark has too (wiretap/wtap.h and wiretap/pcapng.c).
const (
	MaxCaptured   = 262144    // bytes captured of one packet
	MaxBlock      = 134348832 // bytes of one block
	MaxInterfaces = 65536     // over all sections of a file
)

// Block types, draft-ietf-opsawg-pcapng section 11.1.
const (
	blockInterface  = 1
	blockPacket     = 2 // obsolete
	blockSimple     = 3
	blockStatistics = 5
	blockEnhanced   = 6
	blockSection    = 0x0A0D0D0A

	byteOrderMagic = 0x1A2B3C4D
)

// Option codes of draft-ietf-opsawg-pcapng section 3.5 and 4.
const (
	optEnd     = 0
	optComment = 1

	sectionHardware    = 2
	sectionOS          = 3
	sectionApplication = 4

	interfaceName        = 2
	interfaceDescription = 3
	interfaceTsresol     = 9
	interfaceFilter      = 11
	interfaceOS          = 12
	interfaceTsoffset    = 14

	packetFlags = 2

	statisticsStart     = 2
	statisticsEnd       = 3
	statisticsReceived  = 4
	statisticsDropped   = 5
	statisticsAccepted  = 6
	statisticsOSDropped = 7
	statisticsDelivered = 8
)

// Link types that pcapwho names (www.tcpdump.org/linktypes.html).
const (
	LinkNull     uint16 = 0   // BSD loopback: the address family in the writer's byte order
	LinkEthernet uint16 = 1   // Ethernet
	LinkRaw      uint16 = 101 // an IPv4 or IPv6 header
	LinkLoop     uint16 = 108 // OpenBSD loopback: the address family in network byte order
	LinkSLL      uint16 = 113 // Linux cooked capture
	LinkIPv4     uint16 = 228 // an IPv4 header
	LinkIPv6     uint16 = 229 // an IPv6 header
	LinkSLL2     uint16 = 276 // Linux cooked capture, version 2
)

// FormatError says where and how a capture file is cut or malformed.
type FormatError struct {
	File   string
	Block  uint64 // number of the block or record, counted from 1; 0 = none, what is wrong is around them
	Offset int64  // where it begins, in bytes
	Field  string // the field that is wrong; "" = the block as a whole
	Text   string // what was found and what was expected
	Cut    bool   // the file ends within this block
}

// Error returns "cap.pcapng: block 1042 (offset 0x1f3a0): total length 8, need at least 12".
func (e *FormatError) Error() string {
	if e.Block == 0 {
		return fmt.Sprintf("%s: offset %#x: %s", e.File, e.Offset, e.Message())
	}
	return fmt.Sprintf("%s: block %d (offset %#x): %s", e.File, e.Block, e.Offset, e.Message())
}

// Message returns what is wrong, without the place.
func (e *FormatError) Message() string {
	if e.Field == "" {
		return e.Text
	}
	return e.Field + " " + e.Text
}
