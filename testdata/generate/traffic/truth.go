package traffic

import "net/netip"

// Truth is what an analysis of a recording must find.
type Truth struct {
	Kind              string     `json:"kind"`
	Seed              uint64     `json:"seed"`
	Scale             float64    `json:"scale"`
	Packets           int64      `json:"packets"`
	WireBytes         int64      `json:"wire_bytes"` // and captured bytes: no frame is cut
	Connections       int64      `json:"connections"`
	LogLines          int64      `json:"log_lines"`
	FirstNs           int64      `json:"first_ns"`
	LastNs            int64      `json:"last_ns"`
	OwnedSources      int64      `json:"owned_sources"`      // packets whose source has an owner; all others are remote
	OwnedDestinations int64      `json:"owned_destinations"` // packets whose destination has an owner
	Processes         []*Process `json:"processes"`          // those without a packet too
}

// Process is a process and what it sent and received. The names are those of
// the processes table.
type Process struct {
	PID         int32  `json:"pid"`
	StartNs     int64  `json:"start_ns"`
	Name        string `json:"name"`
	Connections int64  `json:"connections"`

	SentPackets           int64  `json:"sent_packets"`
	ReceivedPackets       int64  `json:"received_packets"`
	SentWireBytes         int64  `json:"sent_wire_bytes"`
	ReceivedWireBytes     int64  `json:"received_wire_bytes"`
	SentPayload           int64  `json:"sent_payload_bytes"`
	ReceivedPayload       int64  `json:"received_payload_bytes"`
	SentUniquePayload     int64  `json:"sent_unique_payload_bytes"`
	ReceivedUniquePayload int64  `json:"received_unique_payload_bytes"`
	port                  uint16 // that a server listens on, TCP and UDP
	inCommand             bool
}

// The two ends of a connection.
const (
	Client = 0 // opened it
	Server = 1
)

// Connection is the truth about one connection. Arrays are by end.
type Connection struct {
	Frame    int64 // number of its first packet
	Last     int64 // and of its last
	TCP      bool
	Endpoint [2]netip.AddrPort
	Owner    [2]*Process // nil = a remote host's
	Former   [2]*Process // nil, or who held the socket before Owner
	Packets  [2]int64    // that this end sent
	Wire     [2]int64
	Payload  [2]int64
	Unique   [2]int64 // each TCP byte once
}
