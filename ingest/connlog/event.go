package connlog

import "github.com/pcapwho/pcapwho/ingest/flow"

// Schema is the value of a head's schema field. A reader refuses another
// name, and a major version above Major.
const (
	Schema = "pcapwho.connlog/1"
	Major  = 1
)

// Kind is the value of an event's "event" field.
type Kind uint8

// The events of a connection log, in the order of the documentation.
const (
	KindUnknown Kind = iota // an event this version does not know; it is skipped
	KindHead
	KindProcess
	KindSocket
	KindPoll
	KindAddress
	KindInterface
	KindNAT
	KindMark
	KindClock
	KindGap
	KindEnd
)

// Event is one line of a connection log. Exactly one of the pointers is set,
// the one that Kind names.
type Event struct {
	Kind Kind
	Time int64  // time_ns: Unix nanoseconds on the clock of the capture's timestamps
	Seq  uint64 // orders events of equal time; 1 for the head
	Boot int64  // boot_ns: nanoseconds since boot, on the kernel's stamp; 0 where there is none

	Head      *Head
	Process   *Process
	Socket    *Socket
	Poll      *Poll
	Address   *Address
	Interface *Interface // captured from now on: the next of Head.Interfaces
	NAT       *NAT
	Mark      *Mark
	Clock     *Clock
	Gap       *Gap
	End       *End
}

// ProcessID identifies a process: the PID alone is reused.
type ProcessID struct {
	PID   int32 // in the recorder's PID namespace; 0 = none
	Start int64 // start_ns: Unix nanoseconds
}

// Head is the first line: what was recorded, how, and what it cannot see.
type Head struct {
	Schema      string
	RecordingID string // 32 hexadecimal digits, also in the capture's section comment
	Host        string
	BootID      string
	OS          string // runtime.GOOS
	Kernel      string
	Tool        string // "pcapwho" and its version

	Source       string   // "diag", "poll"
	SourceReason string   // why this source
	Blind        []string // what the source cannot see, one sentence each
	Interval     int64    // interval_ns between polls; 0 when the source does not poll

	Captures   []string // file names as given
	Interfaces []Interface
	Addresses  []string // of every interface of the recorder's network namespace, captured or not, in CIDR notation
	Namespace  uint64   // netns: inode number of the recorder's network namespace; 0 = unknown
	PIDSpace   uint64   // pidns: inode number of the recorder's PID namespace; 0 = unknown
	Snaplen    int      // bytes kept of a frame; 0 = all
	Filter     string   // as given; "" = none

	Command []string  // argv of the wrapped command; empty = none
	Focus   []int32   // PIDs named by the user: they and their children are marked as the command's are
	Focused bool      // what is not marked so is not what the user wants to see
	Control string    // path of the socket that takes marks while it records; "" = there is none
	Root    ProcessID // always zero in the head: the command has not started; see Process.Command
}

// Interface is one captured interface; its place in Head.Interfaces is its
// pcapng interface ID.
type Interface struct {
	Name      string
	Index     int // ifindex
	Namespace uint64
	LinkType  uint16
	MTU       int
	Addresses []string // CIDR notation
	Loopback  bool
}

// ProcessChange is what a process event says.
type ProcessChange uint8

const (
	ProcessSnapshot ProcessChange = iota + 1 // existed at this time, start known only by Start
	ProcessExec
	ProcessFork
	ProcessExit
)

// Process describes a process at the event's time.
type Process struct {
	Change    ProcessChange
	ID        ProcessID
	NSPID     int32 // in its own PID namespace; 0 = unknown or the same
	Parent    ProcessID
	Name      string
	Exe       string
	Args      []string
	UID       int64 // -1 = unknown
	Cgroup    string
	Container string // container id, "" = none
	Namespace uint64 // network namespace; 0 = unknown
	Command   bool   // belongs to the wrapped command's tree
}

// SocketChange is what a socket event says.
type SocketChange uint8

const (
	SocketSnapshot SocketChange = iota + 1 // existed before this time, opening unknown
	SocketOpen                             // opened: after Since, at the latest at Time
	SocketPeer                             // an unconnected socket exchanged with Remote
	SocketOwner                            // the set of holders is now Owners: changed after Since, at the latest at Time
	SocketClose                            // gone: after Since, at the latest at Time
)

// Evidence is how a socket event came to be known.
type Evidence uint8

const (
	EvidencePoll Evidence = iota + 1 // a table of sockets was read
	EvidenceConnect
	EvidenceAccept
	EvidenceBind
	EvidenceSend
	EvidenceReceive
	EvidenceDestroy // the kernel's own destroy event
	EvidencePacket  // looked up because of a packet
)

// Socket is one change in a socket's life. Owners, Local and Remote are those
// that hold from now on.
type Socket struct {
	Change    SocketChange
	ID        uint64 // socket_id: the kernel's cookie where there is one, else unique in the log
	Inode     uint64 // 0 = unknown or already detached
	Namespace uint64 // 0 = the recorder's
	Protocol  flow.Protocol
	Local     flow.Endpoint
	Remote    flow.Endpoint // valid iff HasRemote
	HasRemote bool
	V6        bool   // an AF_INET6 socket
	V6Only    bool   // an AF_INET6 socket that takes no IPv4
	Interface int    // ifindex the socket is bound to; 0 = any
	State     string // "established", "listen", "time_wait"…; "" = unknown
	Owners    []ProcessID
	Partial   bool // processes that could not be seen may hold it too
	Evidence  Evidence
	Since     int64 // since_ns: the change happened after this time, and until it Owners were verified; 0 = at Time itself
	Counters  *Counters
}

// Counters are the kernel's own counts of a TCP socket (struct tcp_info).
type Counters struct {
	BytesSent, BytesReceived, Retransmits int64
	RTT                                   int64 // smoothed, nanoseconds
}

// Poll says that a source looked at every socket it can see, and found those
// that are open in the log at this point.
type Poll struct {
	Begin, End int64 // begin_ns, end_ns: Unix nanoseconds; every socket reported existed at some instant between
	Sockets    int   // how many were seen
	Thorough   bool  // every process was asked for all it holds: the owners in the log at this point are all that can be seen
}

// AddressChange is what an address event says.
type AddressChange uint8

const (
	AddressAdd AddressChange = iota + 1
	AddressRemove
)

// Address says that an address of an interface came or went.
type Address struct {
	Change    AddressChange
	Address   string // CIDR notation
	Interface int    // ifindex; 0 = unknown
	Name      string // of the interface; "" = unknown
	Namespace uint64 // network namespace; 0 = the recorder's
	// Where the interface has another end (veth) or a parent device (macvlan,
	// ipvlan): peer_netns and peer_ifindex, its network namespace and index.
	// 0 = none, or unknown.
	Peer      uint64
	PeerIndex int
}

// TranslationChange is what a nat event says.
type TranslationChange uint8

const (
	TranslationSnapshot TranslationChange = iota + 1 // existed before this time
	TranslationOpen
	TranslationClose
)

// NAT says that the packets of a connection are given other addresses or ports
// (conntrack). Source is the end that opened it.
type NAT struct {
	Change                    TranslationChange
	Namespace                 uint64 // network namespace that translates; 0 = the recorder's
	Protocol                  flow.Protocol
	Source, Destination       flow.Endpoint // of the packets from Source, before
	NewSource, NewDestination flow.Endpoint // and after
}

// MarkChange is what a mark says of the phase that it names.
type MarkChange uint8

const (
	MarkBegin   MarkChange = iota + 1 // it begins, and lasts until a mark ends it
	MarkEnd                           // it ends
	MarkInstant                       // it begins, and lasts until the next such mark
)

// Mark bounds a phase of a benchmark. The event's time is when it was written to
// the recorder.
type Mark struct {
	Change MarkChange
	Name   string
	PID    int32 // of the process that wrote it; 0 = unknown
}

// Clock is a reading of both clocks at one moment.
type Clock struct {
	Step int64 // step_ns: how far realtime jumped against boot time since the last reading; 0 = no step
}

// GapSource says what a gap lost.
type GapSource string

const (
	GapCapture   GapSource = "capture"   // packets dropped by the capture ring
	GapSockets   GapSource = "sockets"   // a poll or event was missed
	GapProcesses GapSource = "processes" // processes could not be read
)

// Gap says that something was lost.
type Gap struct {
	Source     GapSource
	Begin, End int64 // begin_ns, end_ns: the loss lies between
	Count      int64 // how many; 0 = unknown
	Message    string
}

// End is the last line of a log that ended in order.
type End struct {
	Packets int64
	Dropped int64
	Events  int64 // lines of this log, this one included

	// From the beginning of a poll to that of the next, mean and longest,
	// nanoseconds; 0 = the source does not poll.
	Interval, Longest int64

	Status *int // exit status of the wrapped command; nil = none
	Reason string
}
