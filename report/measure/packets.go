package measure

import (
	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/report/table"
)

// Pass pushes every packet of a recording, in file order, in batches that are
// valid until yield returns.
type Pass func(yield func([]packet.Packet) error) error

// packetBatch is how many rows are made at a time: few enough that they stay in
// the processor's caches with what the encoder makes of them. 65,536 would take
// 130 MiB as JSON, and twice the time.
const packetBatch = 2048

// Packets returns one row a packet: r's answers in another pass over the
// capture. files and interfaces are asked for the names of a file and of an
// interface after the packet was read. once tells whether packets seen on several
// interfaces were looked for. Packets that do not count have no row.
func Packets(r *attribute.Result, sel *Selection, pass Pass, files []string, interfaces func() []ingest.Interface, once bool) *table.Table {
	return table.Ahead(table.Packets(), func(b *table.Batch, push func(*table.Batch) (*table.Batch, error)) error {
		r.Rewind()
		rows := &packetRows{r: r, chooser: sel.Chooser(r), files: files, once: once}
		err := pass(func(batch []packet.Packet) error {
			rows.interfaces = interfaces()
			for i := range batch {
				err := rows.append(b, &batch[i])
				if err == nil && b.Rows == packetBatch {
					b, err = push(b)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil && b.Rows > 0 {
			_, err = push(b)
		}
		return err
	})
}

type packetRows struct {
	r          *attribute.Result
	chooser    *Chooser
	files      []string
	once       bool
	interfaces []ingest.Interface
	addresses  addresses
}

func (s *packetRows) append(b *table.Batch, p *packet.Packet) error {
	c, source, destination, err := s.r.Find(p)
	if err != nil {
		return err
	}
	if sel := s.chooser.selection; sel != nil && sel.Query != nil && sel.Query.packet != "" {
		s.chooser.packet.Reset()
		s.row(s.chooser.packet, p, c, source, destination)
	}
	if s.chooser.single(p, c, &source, &destination) {
		s.row(b, p, c, source, destination)
	}
	return nil
}

func (s *packetRows) row(b *table.Batch, p *packet.Packet, c *attribute.Connection, source, destination attribute.Verdict) {
	network := p.Class == packet.Network || p.Class == packet.Transport
	transport := p.Class == packet.Transport
	file, iface := s.origin(p)
	b.Text("file", file)
	b.Int("frame_number", int64(p.Frame))
	b.IntIf("time_ns", p.Time, p.Time != 0)
	b.TextIf("interface", iface)
	b.Int("captured_length", int64(p.CapturedLength))
	b.Int("wire_length", int64(p.WireLength))
	b.IntIf("ip_version", int64(p.IPVersion), p.IPVersion != 0)
	if network {
		b.Text("protocol", p.Tuple.Protocol.String())
	} else {
		b.TextIf("protocol", "")
	}
	s.appendEndpoint(b, "source", p.Tuple.From(), network, transport)
	s.appendEndpoint(b, "destination", p.Tuple.To(), network, transport)
	b.IntIf("tcp_flags", int64(p.TCPFlags), transport && p.Tuple.Protocol == flow.TCP)
	b.IntIf("payload_length", int64(p.Payload), hasPayload(p))
	if c != nil {
		b.Int("connection_id", int64(c.ID))
	} else {
		b.IntIf("connection_id", 0, false)
	}
	s.appendVerdict(b, "source", source)
	s.appendVerdict(b, "destination", destination)
	if s.once {
		b.Bool("duplicate", s.r.Duplicate())
	} else {
		b.Null("duplicate")
	}
}

// origin names the file and the interface of p.
func (s *packetRows) origin(p *packet.Packet) (file, iface string) {
	if int(p.Interface) >= len(s.interfaces) {
		return "", ""
	}
	i := &s.interfaces[p.Interface]
	return s.files[i.File], i.Name
}

func (s *packetRows) appendEndpoint(b *table.Batch, side string, e flow.Endpoint, network, transport bool) {
	ip := ""
	if network {
		ip = s.addresses.text(e.Addr)
	}
	b.TextIf(side+"_ip", ip)
	b.IntIf(side+"_port", int64(e.Port), transport)
}

func (s *packetRows) appendVerdict(b *table.Batch, side string, v attribute.Verdict) {
	if v.Process != attribute.NoProcess {
		b.Int(side+"_pid", int64(s.r.Processes[v.Process].ID.PID))
	} else {
		b.IntIf(side+"_pid", 0, false)
	}
	b.Text(side+"_reason", v.Reason.String())
}

// hasPayload tells whether p's headers say how much payload it had.
func hasPayload(p *packet.Packet) bool {
	later := p.Class == packet.Network && p.Fragmented && p.FragmentOffset > 0
	return p.Class == packet.Transport || later && (p.Tuple.Protocol == flow.TCP || p.Tuple.Protocol == flow.UDP)
}
