package measure

import (
	"io"
	"slices"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/report/table"
)

// Pass begins to read every packet of a recording, in file order. next returns the next of
// them, valid until the call after, and io.EOF behind the last; stop ends the pass.
type Pass func() (next func() ([]packet.Packet, error), stop func(), err error)

// packetBatch is how many rows are made at a time: few enough that they stay in
// the processor's caches with what the encoder makes of them. 65,536 would take
// 130 MiB as JSON, and twice the time.
const packetBatch = 2048

// Packets returns one row a packet: r's answers in another pass over the
// capture, in rows made by so many workers. files and interfaces are asked for the names of a
// file and of an interface after the packet was read. once tells whether packets seen on several
// interfaces were looked for. Packets that do not count have no row.
func Packets(r *attribute.Result, sel *Selection, pass Pass, files []string, interfaces func() []ingest.Interface, once bool, workers int) *table.Table {
	s := table.Packets()
	return &table.Table{Schema: s, Each: func(prepare func(*table.Batch), yield func(*table.Batch) error) error {
		next, stop, err := pass()
		if err != nil {
			return err
		}
		defer stop()
		r.Rewind()
		from := &packetReader{r: r, next: next, interfaces: interfaces, chooser: sel.Chooser(r), rows: newPacketRows(r, files, once)}
		return table.Parallel(s, workers,
			func() func(*packetBlock) error { return from.read },
			func() func(*table.Batch, *packetBlock) { return newPacketRows(r, files, once).append }).Each(prepare, yield)
	}}
}

// packetBlock is some packets that count, with their owners.
type packetBlock struct {
	packets    []ownedPacket
	interfaces []ingest.Interface
}

type ownedPacket struct {
	packet.Packet
	connection          uint64 // 0 = none
	source, destination attribute.Owner
	duplicate           bool
}

// packetReader reads packets and finds their owners, in the order of the files.
type packetReader struct {
	r          *attribute.Result
	next       func() ([]packet.Packet, error)
	interfaces func() []ingest.Interface
	chooser    *Chooser
	rows       *packetRows // makes the rows that a query asks

	rest  []packet.Packet // that were read
	ended error           // of next
}

// read fills b, and returns io.EOF where there are no more packets.
func (s *packetReader) read(b *packetBlock) error {
	for b.packets = b.packets[:0]; len(b.packets) < packetBatch; {
		if len(s.rest) == 0 && s.ended == nil {
			s.rest, s.ended = s.next()
		}
		if s.ended != nil {
			break
		}
		b.interfaces = s.interfaces()
		n := min(len(s.rest), conn.Group, packetBatch-len(b.packets))
		s.r.Prepare(s.rest[:n])
		for i := range s.rest[:n] {
			b.packets = append(b.packets, ownedPacket{Packet: s.rest[i]})
			counts, err := s.find(b)
			if err != nil {
				return err
			}
			if !counts {
				b.packets = b.packets[:len(b.packets)-1]
			}
		}
		s.rest = s.rest[n:]
	}
	if len(b.packets) == 0 || s.ended != nil && s.ended != io.EOF {
		return s.ended
	}
	return nil
}

// find finds the owners of the last packet of b, and tells whether it counts.
func (s *packetReader) find(b *packetBlock) (counts bool, err error) {
	p := &b.packets[len(b.packets)-1]
	sel := s.chooser.selection
	if sel != nil && sel.Query != nil {
		return s.ask(b, p)
	}
	p.connection, p.source, p.destination, err = s.r.Owners(&p.Packet)
	p.duplicate = s.r.Duplicate()
	return err == nil && sel.time(p.Time) && sel.owned(&attribute.Verdict{Process: p.source.Process}, &attribute.Verdict{Process: p.destination.Process}), err
}

// ask does so where there is a query, which may ask for the connection, and for the row.
func (s *packetReader) ask(b *packetBlock, p *ownedPacket) (counts bool, err error) {
	c, source, destination, err := s.r.Find(&p.Packet)
	if err != nil {
		return false, err
	}
	if c != nil {
		p.connection = c.ID
	}
	p.source, p.destination, p.duplicate = source.Owner(), destination.Owner(), s.r.Duplicate()
	if s.chooser.selection.Query.packet != "" {
		s.chooser.packet.Reset()
		s.rows.append(s.chooser.packet, &packetBlock{b.packets[len(b.packets)-1:], b.interfaces})
	}
	return s.chooser.single(&p.Packet, c, &source, &destination), nil
}

// packetRows makes rows; each goroutine has its own.
type packetRows struct {
	r         *attribute.Result
	files     []string
	once      bool
	addresses addresses
	reasons   [attribute.NumReasons]string
}

func newPacketRows(r *attribute.Result, files []string, once bool) *packetRows {
	s := &packetRows{r: r, files: files, once: once}
	for i := range s.reasons {
		s.reasons[i] = attribute.Reason(i).String()
	}
	return s
}

// packetsAtOnce is how many are in the processor's first cache while their columns are made.
const packetsAtOnce = 128

func (s *packetRows) append(b *table.Batch, block *packetBlock) {
	for some := range slices.Chunk(block.packets, packetsAtOnce) {
		s.columns(b, some, block.interfaces)
	}
}
