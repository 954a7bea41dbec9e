package pcapng

// Mark is a process that a capture file itself names for some of its packets.
// Text is as it stands in the file, which may be no UTF-8.
type Mark struct {
	PID          int32
	TID          int32 // thread; 0 = unknown
	EffectivePID int32 // of the process on whose behalf PID acts, as macOS tells; 0 = unknown or none
	Start        int64 // when the process started, Unix nanoseconds; 0 = unknown
	Name, Path   string
	Args         []string
	PPID, UID    int64 // -1 = unknown
	Origin       MarkOrigin
}

// MarkOrigin is what a Mark was read from.
type MarkOrigin uint8

// The origins of marks.
const (
	MarkPacketOption MarkOrigin = 1 + iota // epb_processid_threadid alone
	MarkWireshark                          // the same, and Wireshark's process information block
	MarkApple                              // Apple's process block
	MarkPKTAP                              // the header of link type PKTAP
	MarkPtcpdump                           // comments of ptcpdump
	MarkRustNet                            // a comment of RustNet
	MarkETL                                // a comment of etl2pcapng
	MarkPktmon                             // epb_processid_threadid alone, in a file from Windows, as pktmon writes it
)

// Loose tells that marks of an origin name the process that ran when the packet
// was noted, which need not be its owner: Windows notes what arrives, and what
// the network stack sends by itself, in the context of any process.
func (o MarkOrigin) Loose() bool { return o == MarkETL || o == MarkPktmon }

// String returns the name of the origin in lower case.
func (o MarkOrigin) String() string {
	switch o {
	case MarkPacketOption:
		return "packet option"
	case MarkWireshark:
		return "wireshark"
	case MarkApple:
		return "apple"
	case MarkPKTAP:
		return "pktap"
	case MarkPtcpdump:
		return "ptcpdump"
	case MarkRustNet:
		return "rustnet"
	case MarkETL:
		return "etl2pcapng"
	case MarkPktmon:
		return "pktmon"
	}
	return "none"
}
