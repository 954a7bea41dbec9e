package inspect

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"

	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// Capture is what one capture file is. Times are Unix nanoseconds; what is not
// known is null.
type Capture struct {
	File        string `json:"file"`
	Format      string `json:"format"`      // pcapng or pcap
	Compression string `json:"compression"` // gzip, zstd, lz4, xz or ""
	FileBytes   *int64 `json:"file_bytes"`  // as it is stored; null for a pipe
	RecordingID string `json:"recording_id"`

	Packets       int64  `json:"packets"`
	WireBytes     int64  `json:"wire_bytes"`
	CapturedBytes int64  `json:"captured_bytes"`
	First         *int64 `json:"first_ns"`
	Last          *int64 `json:"last_ns"`
	InOrder       bool   `json:"in_time_order"`         // no packet is earlier than the one before
	Cut           int64  `json:"cut_packets"`           // that were longer on the wire than in the file
	Undecoded     int64  `json:"undecoded_packets"`     // whose headers could not be read
	Unconnected   int64  `json:"packets_without_ports"` // ARP, ICMP and other packets of no connection
	Dropped       *int64 `json:"dropped_packets"`       // that the recorder lost

	Interfaces []Interface `json:"interfaces"`
	Processes  []Process   `json:"processes"` // that the file itself names
	Damage     []Damage    `json:"damage"`
	Log        *Log        `json:"log"` // beside the file; null where there is none
}

// Interface is one interface of the file.
type Interface struct {
	Name      string `json:"name"`
	LinkType  uint16 `json:"link_type"` // of tcpdump.org/linktypes.html
	Snaplen   uint32 `json:"snaplen"`   // bytes kept of a packet; 0 = all
	Packets   int64  `json:"packets"`
	WireBytes int64  `json:"wire_bytes"`
	Received  *int64 `json:"received_packets"` // by the recorder's own count
	Dropped   *int64 `json:"dropped_packets"`
}

// Process is one that the file names for packets.
type Process struct {
	PID     int64  `json:"pid"`
	Name    string `json:"name"`
	Packets int64  `json:"packets"`
}

// Damage is one place where the file is damaged or cut.
type Damage struct {
	Block   uint64 `json:"block"` // counted from 1; 0 = the whole file
	Offset  int64  `json:"offset"`
	Field   string `json:"field"`
	Message string `json:"message"`
	Count   int64  `json:"count"`
}

// Config says how a file is read.
type Config struct {
	Workers  int                     // goroutines; 0 = 1
	Progress func(done, total int64) // called now and then; nil = nobody asks
}

// File tells what a capture file is. It fails where that is none, or cannot be
// read.
func File(ctx context.Context, path string, cfg Config) (*Capture, error) {
	in, err := ingest.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	stream := in.Stream(ctx, cfg.Workers, 1)
	defer stream.Close()
	s := summer{capture: &Capture{File: path, InOrder: true}, last: math.MinInt64}
	for {
		b, err := stream.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		s.add(b)
		b.Done()
		if cfg.Progress != nil {
			cfg.Progress(in.Progress())
		}
	}
	s.finish(in)
	if path != "-" {
		s.capture.Log, err = besides(s.capture)
	}
	return s.capture, err
}

// summer adds up the packets of a file.
type summer struct {
	capture    *Capture
	last       int64 // time of the packet before that has one
	interfaces []Interface
	marks      map[int32]int64 // packets by Packet.Mark
}

func (s *summer) add(b *ingest.Batch) {
	c := s.capture
	c.Packets += int64(len(b.Packets))
	c.WireBytes += b.WireBytes
	c.CapturedBytes += b.CapturedBytes
	c.Undecoded += b.Undecoded
	if b.Earliest <= b.Latest {
		c.First, c.Last = earlier(c.First, b.Earliest), later(c.Last, b.Latest)
	}
	for i := range b.Packets {
		p := &b.Packets[i]
		for int(p.Interface) >= len(s.interfaces) {
			s.interfaces = append(s.interfaces, Interface{})
		}
		s.interfaces[p.Interface].Packets++
		s.interfaces[p.Interface].WireBytes += int64(p.WireLength)
		if p.Time != 0 {
			c.InOrder = c.InOrder && p.Time >= s.last
			s.last = p.Time
		}
		if p.WireLength > p.CapturedLength {
			c.Cut++
		}
		if p.Class == packet.Link || p.Class == packet.Network {
			c.Unconnected++
		}
		if p.Mark != 0 {
			if s.marks == nil {
				s.marks = map[int32]int64{}
			}
			s.marks[p.Mark]++
		}
	}
}

func earlier(a *int64, b int64) *int64 {
	if a != nil && *a <= b {
		return a
	}
	return &b
}

func later(a *int64, b int64) *int64 {
	if a != nil && *a >= b {
		return a
	}
	return &b
}

// finish takes what the capture tells when all of it was read.
func (s *summer) finish(in *ingest.Capture) {
	c, file := s.capture, in.Files()[0]
	c.Format, c.Compression, c.RecordingID = string(file.Format), string(file.Compression), in.RecordingID()
	if file.Size > 0 {
		c.FileBytes = &file.Size
	}
	c.Interfaces = make([]Interface, len(in.Interfaces()))
	copy(c.Interfaces, s.interfaces)
	for n, i := range in.Interfaces() {
		out := &c.Interfaces[n]
		out.Name, out.LinkType, out.Snaplen = i.Name, i.LinkType, i.Snaplen
		out.Received, out.Dropped = counted(i.Received, i.HasReceived), counted(i.Dropped, i.HasDropped)
		if out.Dropped != nil {
			if c.Dropped == nil {
				c.Dropped = new(int64)
			}
			*c.Dropped += *out.Dropped
		}
	}
	c.Processes = s.processes(in)
	c.Damage = []Damage{}
	for _, d := range in.Damage() {
		c.Damage = append(c.Damage, Damage{d.Block, d.Offset, d.Field, d.Message, d.Count})
	}
}

func counted(n uint64, known bool) *int64 {
	if !known || n > math.MaxInt64 {
		return nil
	}
	v := int64(n)
	return &v
}

// processes lists those that the file names for packets, the busiest first. Marks
// that differ in what is not told here, as in the thread, are one process.
func (s *summer) processes(in *ingest.Capture) []Process {
	list, places := []Process{}, map[Process]int{}
	for i, m := range in.Marks() {
		n := s.marks[int32(i+1)]
		if n == 0 {
			continue
		}
		p := Process{PID: int64(m.PID), Name: m.Name}
		if _, there := places[p]; !there {
			places[p] = len(list)
			list = append(list, p)
		}
		list[places[p]].Packets += n
	}
	slices.SortStableFunc(list, func(a, b Process) int { return int(b.Packets - a.Packets) })
	return list
}
