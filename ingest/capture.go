package ingest

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// Interface is one interface of one capture file.
type Interface struct {
	File                    int    // index into Capture.Files
	Name                    string // "" = not told
	LinkType                uint16
	Snaplen                 uint32 // bytes kept of a frame; 0 = all
	Received, Dropped       uint64 // as last told by the recorder; valid iff HasReceived, HasDropped
	HasReceived, HasDropped bool
	Device                  uint16 // which of the recorder's interfaces it is, as in packet.Packet
}

// File is one capture file.
type File struct {
	Name        string // as given; "-" = standard input
	Format      pcapng.Format
	Compression Compression
	Size        int64  // bytes, as compressed; 0 = not known
	RecordingID string // the identity that record wrote into it, "" where there is none; valid once it was read
	LeftOut     bool   // it could not be read, and Damage says why: see Config.Lenient
	First, Last int64  // times of its earliest and latest packet, Unix nanoseconds, 0 = unknown; valid once a Stream read it

	begins int64 // time of its first packet; math.MaxInt64 = unknown
}

// Capture reads capture files as one recording. It is not safe for concurrent
// use.
type Capture struct {
	files      []File
	damage     []Damage
	leftOut    []Damage // why files were left out when they were opened
	interfaces []Interface
	devices    map[device]uint16
	marks      []pcapng.Mark
	config     Config

	merge   *merge  // nil unless the order is Merged
	current *source // nil before the first file and after the last
	next    int     // index of the file after it
	done    int64   // bytes of the files before current
	frame   uint64
	rec     pcapng.Record
	failed  error // what every further Read returns
}

// source is one open file.
type source struct {
	file   int
	f      *os.File // nil = it is open only while it is read
	in     *content
	reader *pcapng.Reader
	whole  bool  // it is not worth reading it in pieces
	at     int64 // where the pieces of it that were read end; see Stream
	base   int   // index of its first interface
	marks  int   // index of its first mark
}

// close closes the file.
func (s *source) close() error {
	s.in.close()
	if s.f == nil {
		return nil
	}
	return s.f.Close()
}

// stat tells about the file, which is called name.
func (s *source) stat(name string) (os.FileInfo, error) {
	if s.f == nil {
		return os.Stat(name)
	}
	return s.f.Stat()
}

// offset returns how many bytes of the file were used.
func (s *source) offset() int64 {
	if s.in.compression != "" {
		return s.in.used()
	}
	return max(s.at, s.reader.Offset())
}

// Config says how captures are read; its zero value reads everything.
type Config struct {
	MaxDecompressed int64 // bytes that one compressed file may hold; 0 = no limit
	Order           Order // of several files

	// Lenient: of several files, one that cannot be read is left out, and noted
	// as Damage. Open fails where none can be read.
	Lenient bool
}

// Open opens capture files as one recording, in the order given; "-" is
// standard input. It fails when a file cannot be read, with a
// *pcapng.NotCaptureError when one is no capture, and with a
// *pcapng.FormatError when its header is malformed.
func Open(paths ...string) (*Capture, error) { return Config{}.Open(paths...) }

// Open opens capture files as function Open does.
func (cfg Config) Open(paths ...string) (*Capture, error) {
	if len(paths) == 0 {
		return nil, errors.New("no capture file given")
	}
	c := &Capture{config: cfg}
	for _, path := range paths {
		c.files = append(c.files, File{Name: path})
	}
	if err := c.openAll(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// once tells whether a file can be read only once: standard input, a pipe.
func once(path string) bool {
	if path == "-" {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// open opens file i and reads its header.
func (c *Capture) open(i int) (*source, error) {
	file := &c.files[i]
	f := os.Stdin
	if file.Name != "-" {
		var err error
		if f, err = os.Open(file.Name); err != nil {
			return nil, err
		}
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s: a folder without captures, want a capture file", file.Name)
	}
	if err == nil {
		if info.Mode().IsRegular() {
			file.Size = info.Size()
		}
		var src io.Reader = f
		if c.merge != nil && len(c.merge.heads) >= maxOpen {
			src = &visited{path: file.Name, was: info}
			f.Close()
			f = nil
		}
		var s *source
		if s, err = c.begin(file, src); err == nil {
			s.file, s.f = i, f
			return s, nil
		}
	}
	f.Close()
	return nil, err
}

// begin reads the header of an open file.
func (c *Capture) begin(file *File, src io.Reader) (*source, error) {
	ahead := aheadSize
	if c.merge != nil {
		ahead = aheadSmall
	}
	in, err := openContent(src, file.Name, c.config.MaxDecompressed, ahead)
	if err != nil {
		return nil, err
	}
	r, err := pcapng.NewReader(in, file.Name)
	if err != nil {
		in.close()
		return nil, err
	}
	file.Format, file.Compression = r.Format(), in.compression
	return &source{in: in, reader: r}, nil
}

// use makes s the current file.
func (c *Capture) use(s *source) {
	s.base, s.marks = len(c.interfaces), len(c.marks)
	c.current, c.next = s, s.file+1
}

// Read decodes packets into batch and returns how many. At the end it returns
// io.EOF, perhaps with the last packets. A malformed block is noted as Damage;
// where reading cannot go on behind it, the next file does. Other errors are
// those of the files, and final.
func (c *Capture) Read(batch []packet.Packet) (n int, err error) {
	for n < len(batch) && c.failed == nil {
		if c.merge != nil {
			if c.failed = c.merge.next(&batch[n], nil); c.failed == nil {
				n++
			}
			continue
		}
		if c.current == nil {
			c.failed = c.advance()
			continue
		}
		if err := c.current.reader.Next(&c.rec); err != nil {
			c.failed = c.stop(err)
			continue
		}
		c.decode(&batch[n], nil)
		n++
	}
	return n, c.failed
}

// stop takes what the current file's reader returned instead of a packet. It
// returns what ends the reading.
func (c *Capture) stop(err error) error {
	var malformed *pcapng.FormatError
	switch {
	case err == io.EOF:
		c.finish()
	case errors.As(err, &malformed):
		c.note(malformed)
	case c.lenient():
		c.leaveRest(c.current.file, err)
		c.finish()
	default:
		c.finish()
		return err
	}
	return nil
}

// advance opens the next file; behind the last it returns io.EOF.
func (c *Capture) advance() error {
	for c.next < len(c.files) && c.files[c.next].LeftOut {
		c.next++
	}
	if c.next == len(c.files) {
		return io.EOF
	}
	s, err := c.open(c.next)
	switch {
	case err == nil:
		c.use(s)
	case c.lenient():
		c.leave(c.next, err)
		err = nil
	}
	return err
}

// decode turns the record that was just read into p, of a batch that keeps its
// payload, or of none.
func (c *Capture) decode(p *packet.Packet, b *Batch) {
	s, rec := c.current, &c.rec
	c.frame++
	if s.base+int(rec.Interface) >= len(c.interfaces) {
		c.describe()
	}
	p.Frame, p.Interface = c.frame, uint32(s.base)+rec.Interface
	if p.Mark = rec.Mark; p.Mark != 0 {
		p.Mark += int32(s.marks)
	}
	i := &c.interfaces[p.Interface]
	p.Device, p.Place = i.Device, placeOf(rec.Interface)
	decode(rec, i.LinkType, p)
	b.keep(p, rec.Data)
}

// decode sets what a record and its link type say of p.
func decode(rec *pcapng.Record, link uint16, p *packet.Packet) {
	p.Time, p.CapturedLength, p.WireLength = rec.Time, uint32(len(rec.Data)), rec.WireLength
	p.Direction = packet.Direction(rec.Flags & 3)
	if p.Direction > packet.Outbound {
		p.Direction = packet.DirectionUnknown // 3 is not assigned
	}
	packet.Decode(link, rec.Data, p)
}

// describe takes over what the current file says about its interfaces.
func (c *Capture) describe() {
	s := c.current
	c.interfaces = c.interfaces[:s.base]
	for _, i := range s.reader.Interfaces() {
		c.interfaces = append(c.interfaces, c.interfaceOf(s.file, len(c.interfaces)-s.base, &i))
	}
	c.files[s.file].RecordingID = identity(s.reader.Comment())
}

// device is what tells a recorder's interfaces apart: the name, or where there is none
// the place in its file, and the file where several are merged.
type device struct {
	name        string
	place, file int
}

// deviceOf returns the number of an interface's device.
func (c *Capture) deviceOf(file, place int, name string) uint16 {
	d := device{name: name}
	if name == "" {
		d.place = place
		if c.config.Order == Merged {
			d.file = file
		}
	}
	n, ok := c.devices[d]
	if !ok {
		if c.devices == nil {
			c.devices = map[device]uint16{}
		}
		n = uint16(min(len(c.devices), math.MaxUint16-1)) // those beyond are taken for one
		c.devices[d] = n
	}
	return n
}

// placeOf returns an interface's place in its file, as in packet.Packet: those beyond
// are taken for one.
func placeOf(i uint32) uint16 { return uint16(min(i, math.MaxUint16)) }

func (c *Capture) interfaceOf(file, place int, i *pcapng.Interface) Interface {
	return Interface{
		Device: c.deviceOf(file, place, i.Name),
		File:   file, Name: strings.ToValidUTF8(i.Name, "\ufffd"), LinkType: i.LinkType, Snaplen: i.Snaplen,
		Received: i.Received.N, HasReceived: i.Received.Known, Dropped: i.Dropped.N, HasDropped: i.Dropped.Known,
	}
}

// finish closes the current file.
func (c *Capture) finish() {
	c.describe()
	c.Marks()
	c.checkSize(c.current)
	c.done += c.current.offset()
	c.current.close()
	c.current = nil
}

// checkSize notes that a file is not as long as it was when it was
// opened: what was read of it may be neither what it was nor what it is.
func (c *Capture) checkSize(s *source) {
	before := c.files[s.file].Size
	info, err := s.stat(c.files[s.file].Name)
	if err != nil || !info.Mode().IsRegular() || info.Size() == before {
		return
	}
	was := "cut"
	if info.Size() > before {
		was = "extended"
	}
	c.note(&pcapng.FormatError{File: c.files[s.file].Name, Offset: min(before, info.Size()),
		Text: fmt.Sprintf("the file was %s to %d bytes while it was read, and had %d", was, info.Size(), before)})
}

func (c *Capture) note(e *pcapng.FormatError) {
	c.damage = addDamage(c.damage, Damage{File: e.File, Block: e.Block, Offset: e.Offset, Field: e.Field, Message: e.Text})
}

// Interfaces returns the interfaces of the files read so far, in the order in
// which Packet.Interface counts them. Drops are final once a file is read.
func (c *Capture) Interfaces() []Interface { return c.interfaces }

// Marks returns the processes that the files read so far name for packets, in
// the order in which Packet.Mark counts them. They are final once a file is
// read.
func (c *Capture) Marks() []pcapng.Mark {
	if c.merge != nil {
		c.merge.describeAll()
	} else if s := c.current; s != nil {
		c.marks = append(c.marks[:s.marks], s.reader.Marks()...)
	}
	return c.marks
}

// Damage returns what was damaged in what was read so far.
func (c *Capture) Damage() []Damage { return slices.Concat(c.leftOut, c.damage) }

// Files returns the files in the order in which they are read.
func (c *Capture) Files() []File { return c.files }

// RecordingID returns the identity that record wrote into the capture, of
// several the first, "" where there is none; valid once a packet was read.
func (c *Capture) RecordingID() string {
	for i := range c.files {
		if id := c.files[i].RecordingID; id != "" {
			return id
		}
	}
	return ""
}

// identity finds the recording id in a section's comment.
func identity(comment string) string {
	for field := range strings.FieldsSeq(comment) {
		if id, ok := strings.CutPrefix(field, "recording_id="); ok && len(id) == 32 && strings.Trim(id, "0123456789abcdef") == "" {
			return id
		}
	}
	return ""
}

// Progress returns how many bytes were read, and of how many; total is 0 when
// a file's size is not known.
func (c *Capture) Progress() (done, total int64) {
	for _, f := range c.files {
		if f.LeftOut {
			continue
		}
		if f.Size == 0 {
			total = 0
			break
		}
		total += f.Size
	}
	done = c.done
	if c.current != nil {
		done += c.current.offset()
	}
	if c.merge != nil {
		done += c.merge.offset()
	}
	return done, total
}

// Rewind goes back to before the first packet. It fails when standard input
// or a pipe is among the files: they cannot be read again.
func (c *Capture) Rewind() error {
	for _, f := range c.files {
		switch {
		case f.Name == "-":
			return errors.New("standard input cannot be read twice")
		case once(f.Name):
			return fmt.Errorf("%s: a pipe cannot be read twice", f.Name)
		}
	}
	err := c.Close()
	c.interfaces, c.marks = nil, nil
	c.damage, c.failed, c.done, c.frame, c.next = nil, nil, 0, 0, 0
	if c.merge != nil {
		c.merge = newMerge(c)
	}
	return err
}

// Close closes the files.
func (c *Capture) Close() error {
	if c.merge != nil {
		c.merge.close()
	}
	if c.current == nil {
		return nil
	}
	s := c.current
	c.current = nil
	return s.close()
}
