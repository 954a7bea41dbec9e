package ingest

import (
	"container/heap"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// merge reads the packets of several files in the order of time: always that of
// the file whose next packet is the earliest. Packets of equal time come in the
// order of the files, those of one file always as it has them.
//
//	a.pcapng  1 4 5 ──┐
//	b.pcapng  2 3   ──┼─► 1 2 3 4 5 …
//	c.pcapng  … 9     ┘   opened when 9 is near
//
// A file is opened when the earliest of the others reaches its first packet, so
// that of a rotated set one or two are open. Of any number of files that overlap
// no more than maxOpen are open: the others are opened for each read.
type merge struct {
	capture *Capture
	heads   heads // a heap
	failed  error // what next returns next
}

// maxOpen is how many files stay open at once: well below the smallest usual
// limit of a process, which is 256 (macOS).
const maxOpen = 64

// head is an open file and its next packet.
type head struct {
	*source
	rec   pcapng.Record
	time  int64    // of the packet; of the one before where it has none
	ids   []uint32 // of its interfaces, among those of the recording
	named []int32  // of its marks, as in packet.Packet
}

type heads []*head

func (h heads) Len() int { return len(h) }
func (h heads) Less(i, j int) bool {
	return h[i].time < h[j].time || h[i].time == h[j].time && h[i].file < h[j].file
}
func (h heads) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *heads) Push(x any)   { *h = append(*h, x.(*head)) }
func (h *heads) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}

func newMerge(c *Capture) *merge { return &merge{capture: c} }

// next decodes the next packet into p, of a batch that keeps its payload, or of
// none. It returns io.EOF behind the last.
func (m *merge) next(p *packet.Packet, b *Batch) error {
	if m.failed != nil {
		return m.failed
	}
	h, err := m.earliest()
	if err != nil {
		return err
	}
	m.decode(h, p)
	b.keep(p, h.rec.Data)
	m.failed = m.step(h)
	return nil
}

// earliest returns the file whose packet is next, once all files are open that
// may have it.
func (m *merge) earliest() (*head, error) {
	c := m.capture
	for c.next < len(c.files) && (len(m.heads) == 0 || c.files[c.next].begins <= m.heads[0].time) {
		i := c.next
		c.next++
		if c.files[i].LeftOut {
			continue
		}
		if err := m.open(i); err != nil {
			return nil, err
		}
	}
	if len(m.heads) == 0 {
		return nil, io.EOF
	}
	return m.heads[0], nil
}

// open opens file i and reads its first packet.
func (m *merge) open(i int) error {
	c := m.capture
	s, err := c.open(i)
	if err != nil {
		if c.lenient() {
			c.leave(i, err)
			return nil
		}
		return err
	}
	s.reader.Small()
	h := &head{source: s, time: c.files[i].begins}
	heap.Push(&m.heads, h)
	return m.step(h)
}

// step reads the next packet of a file, and closes one that has no more.
func (m *merge) step(h *head) error {
	c := m.capture
	at := 0
	for m.heads[at] != h {
		at++ // the packet that was taken is the first; one that was opened is anywhere
	}
	for {
		err := h.reader.Next(&h.rec)
		var malformed *pcapng.FormatError
		switch {
		case err == nil:
			if h.rec.Time != 0 {
				h.time = h.rec.Time
			}
			heap.Fix(&m.heads, at)
			return nil
		case errors.As(err, &malformed):
			c.note(malformed)
			continue
		case err != io.EOF && c.lenient():
			c.leaveRest(h.file, err)
			err = nil
		case err == io.EOF:
			err = nil
		}
		heap.Remove(&m.heads, at)
		m.describe(h)
		c.checkSize(h.source)
		c.done += h.offset()
		h.close()
		return err
	}
}

// decode turns the packet of h into p.
func (m *merge) decode(h *head, p *packet.Packet) {
	c := m.capture
	if int(h.rec.Interface) >= len(h.ids) || int(h.rec.Mark) > len(h.named) {
		m.describe(h)
	}
	c.frame++
	p.Frame, p.Interface, p.Mark = c.frame, h.ids[h.rec.Interface], 0
	if h.rec.Mark != 0 {
		p.Mark = h.named[h.rec.Mark-1]
	}
	i := &c.interfaces[p.Interface]
	p.Device, p.Place = i.Device, placeOf(h.rec.Interface)
	decode(&h.rec, i.LinkType, p)
}

// describe takes over what a file says about its interfaces and processes.
func (m *merge) describe(h *head) {
	c := m.capture
	for i := range h.reader.Interfaces() {
		if i == len(h.ids) {
			h.ids = append(h.ids, uint32(len(c.interfaces)))
			c.interfaces = append(c.interfaces, Interface{})
		}
		c.interfaces[h.ids[i]] = c.interfaceOf(h.file, i, &h.reader.Interfaces()[i])
	}
	for i, mark := range h.reader.Marks() {
		if i == len(h.named) {
			c.marks = append(c.marks, pcapng.Mark{})
			h.named = append(h.named, int32(len(c.marks)))
		}
		c.marks[h.named[i]-1] = mark
	}
	c.files[h.file].RecordingID = identity(h.reader.Comment())
}

func (m *merge) describeAll() {
	for _, h := range m.heads {
		m.describe(h)
	}
}

// offset returns how many bytes of the open files were used.
func (m *merge) offset() (n int64) {
	for _, h := range m.heads {
		n += h.offset()
	}
	return n
}

// close closes the open files.
func (m *merge) close() {
	for _, h := range m.heads {
		h.close()
	}
	m.heads = nil
}

// visited is a file that is open only while it is read.
type visited struct {
	path string
	was  os.FileInfo
	at   int64
}

// Read opens the file, which must still be the same, and reads on.
func (v *visited) Read(p []byte) (int, error) {
	f, err := os.Open(v.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !os.SameFile(info, v.was) {
		return 0, fmt.Errorf("%s: it was replaced while it was read", v.path)
	}
	n, err := f.ReadAt(p, v.at)
	v.at += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}
