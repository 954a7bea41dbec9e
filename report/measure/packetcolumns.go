package measure

import (
	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/report/table"
)

// columns appends the rows of some packets.
func (s *packetRows) columns(b *table.Batch, some []ownedPacket, interfaces []ingest.Interface) {
	ints := func(name string, of func(p *ownedPacket) (int64, bool)) {
		b.Ints(name, len(some), func(i int) (int64, bool) { return of(&some[i]) })
	}
	texts := func(name string, of func(p *ownedPacket) (string, bool)) {
		b.Texts(name, len(some), func(i int) (string, bool) { return of(&some[i]) })
	}
	texts("file", func(p *ownedPacket) (string, bool) { file, _ := s.origin(p, interfaces); return file, true })
	ints("frame_number", func(p *ownedPacket) (int64, bool) { return int64(p.Frame), true })
	ints("time_ns", func(p *ownedPacket) (int64, bool) { return p.Time, p.Time != 0 })
	texts("interface", func(p *ownedPacket) (string, bool) { _, name := s.origin(p, interfaces); return name, name != "" })
	ints("captured_length", func(p *ownedPacket) (int64, bool) { return int64(p.CapturedLength), true })
	ints("wire_length", func(p *ownedPacket) (int64, bool) { return int64(p.WireLength), true })
	ints("ip_version", func(p *ownedPacket) (int64, bool) { return int64(p.IPVersion), p.IPVersion != 0 })
	texts("protocol", func(p *ownedPacket) (string, bool) {
		if !network(p) {
			return "", false
		}
		return p.Tuple.Protocol.String(), true
	})
	texts("source_ip", func(p *ownedPacket) (string, bool) { return s.address(p, p.Tuple.Source) })
	ints("source_port", func(p *ownedPacket) (int64, bool) { return int64(p.Tuple.SourcePort), transport(p) })
	texts("destination_ip", func(p *ownedPacket) (string, bool) { return s.address(p, p.Tuple.Destination) })
	ints("destination_port", func(p *ownedPacket) (int64, bool) { return int64(p.Tuple.DestinationPort), transport(p) })
	ints("tcp_flags", func(p *ownedPacket) (int64, bool) {
		return int64(p.TCPFlags), transport(p) && p.Tuple.Protocol == flow.TCP
	})
	ints("payload_length", func(p *ownedPacket) (int64, bool) { return int64(p.Payload), hasPayload(&p.Packet) })
	ints("connection_id", func(p *ownedPacket) (int64, bool) { return int64(p.connection), p.connection != 0 })
	ints("source_pid", func(p *ownedPacket) (int64, bool) { return s.pid(p.source) })
	texts("source_reason", func(p *ownedPacket) (string, bool) { return s.reasons[p.source.Reason], true })
	ints("destination_pid", func(p *ownedPacket) (int64, bool) { return s.pid(p.destination) })
	texts("destination_reason", func(p *ownedPacket) (string, bool) { return s.reasons[p.destination.Reason], true })
	b.Bools("duplicate", len(some), func(i int) (bool, bool) { return s.once && some[i].duplicate, s.once })
}

func network(p *ownedPacket) bool   { return p.Class == packet.Network || p.Class == packet.Transport }
func transport(p *ownedPacket) bool { return p.Class == packet.Transport }

// origin names the file and the interface of p.
func (s *packetRows) origin(p *ownedPacket, interfaces []ingest.Interface) (file, name string) {
	if int(p.Interface) >= len(interfaces) {
		return "", ""
	}
	i := &interfaces[p.Interface]
	return s.files[i.File], i.Name
}

func (s *packetRows) address(p *ownedPacket, a flow.Addr) (string, bool) {
	if !network(p) {
		return "", false
	}
	return s.addresses.text(a), true
}

func (s *packetRows) pid(o attribute.Owner) (int64, bool) {
	if o.Process == attribute.NoProcess {
		return 0, false
	}
	return int64(s.r.Processes[o.Process].ID.PID), true
}

// hasPayload tells whether p's headers say how much payload it had.
func hasPayload(p *packet.Packet) bool {
	later := p.Class == packet.Network && p.Fragmented && p.FragmentOffset > 0
	return p.Class == packet.Transport || later && (p.Tuple.Protocol == flow.TCP || p.Tuple.Protocol == flow.UDP)
}
