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
	blockInterface    = 1
	blockPacket       = 2 // obsolete
	blockSimple       = 3
	blockNames        = 4
	blockStatistics   = 5
	blockEnhanced     = 6
	blockJournal      = 9
	blockSecrets      = 10
	blockCustom       = 0x00000BAD // may be copied to another file
	blockCustomNoCopy = 0x40000BAD
	blockSection      = 0x0A0D0D0A
	blockApple        = 0x80000001 // a local block type, in which macOS describes a process

	byteOrderMagic = 0x1A2B3C4D
)

// Option codes of draft-ietf-opsawg-pcapng, sections 3.5 and 4. Integers are in
// the byte order of the section.
const (
	OptionEnd               uint16 = 0     // ends a list; without a value
	OptionComment           uint16 = 1     // UTF-8
	OptionCustomText        uint16 = 2988  // u32 enterprise number, UTF-8; may be copied
	OptionCustomBytes       uint16 = 2989  // u32 enterprise number, bytes; may be copied
	OptionCustomTextNoCopy  uint16 = 19372 // the same, not to be copied
	OptionCustomBytesNoCopy uint16 = 19373

	SectionHardware    uint16 = 2 // UTF-8
	SectionOS          uint16 = 3 // UTF-8
	SectionApplication uint16 = 4 // UTF-8

	InterfaceName      uint16 = 2  // UTF-8
	InterfaceDescribed uint16 = 3  // UTF-8
	InterfaceIPv4      uint16 = 4  // address and mask, 8 bytes
	InterfaceIPv6      uint16 = 5  // address and prefix length, 17 bytes
	InterfaceMAC       uint16 = 6  // 6 bytes
	InterfaceEUI       uint16 = 7  // 8 bytes
	InterfaceSpeed     uint16 = 8  // u64 bits a second
	InterfaceTsresol   uint16 = 9  // u8 exponent of 10, or of 2 with the high bit set; microseconds without it
	InterfaceTzone     uint16 = 10 // u32, obsolete
	InterfaceFilter    uint16 = 11 // u8 kind, and the filter; 0 = as text
	InterfaceOS        uint16 = 12 // UTF-8
	InterfaceFCS       uint16 = 13 // u8 bits of the frame check sequence
	InterfaceTsoffset  uint16 = 14 // i64 seconds to add to times
	InterfaceHardware  uint16 = 15 // UTF-8
	InterfaceTxSpeed   uint16 = 16 // u64 bits a second
	InterfaceRxSpeed   uint16 = 17 // u64 bits a second
	InterfaceTimezone  uint16 = 18 // UTF-8, IANA name

	PacketFlags   uint16 = 2 // u32, section 4.3.1
	PacketHash    uint16 = 3 // u8 algorithm, hash
	PacketDropped uint16 = 4 // u64 packets lost before this one
	PacketID      uint16 = 5 // u64
	PacketQueue   uint16 = 6 // u32
	PacketVerdict uint16 = 7 // u8 kind, verdict
	PacketProcess uint16 = 8 // u32 PID, u32 TID; 0 = unknown

	NamesServer     uint16 = 2 // UTF-8
	NamesServerIPv4 uint16 = 3 // 4 bytes
	NamesServerIPv6 uint16 = 4 // 16 bytes

	StatisticsStart     uint16 = 2 // u32 high, u32 low, in the interface's resolution
	StatisticsEnd       uint16 = 3 // likewise
	StatisticsReceived  uint16 = 4 // u64 packets, as the following
	StatisticsDropped   uint16 = 5
	StatisticsAccepted  uint16 = 6
	StatisticsOSDropped uint16 = 7
	StatisticsDelivered uint16 = 8
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
	LinkPKTAP    uint16 = 258 // Apple's: a header that names the process, and a frame
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

	Skipped int64 // bytes that were not read because of it
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
