package ingest

import (
	"errors"
	"fmt"
	"io"
	"os"
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
}

// File is one capture file.
type File struct {
	Name   string // as given; "-" = standard input
	Format pcapng.Format
	Size   int64 // bytes; 0 = not known
}

// Capture reads capture files as one recording. It is not safe for concurrent
// use.
type Capture struct {
	files      []File
	damage     []Damage
	interfaces []Interface
	comment    string

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
	f      *os.File
	reader *pcapng.Reader
	base   int // index of its first interface
}

// Open opens capture files as one recording, in the order given; "-" is
// standard input. It fails when a file cannot be read, with a
// *pcapng.NotCaptureError when one is no capture, and with a
// *pcapng.FormatError when its header is malformed.
func Open(paths ...string) (*Capture, error) {
	if len(paths) == 0 {
		return nil, errors.New("no capture file given")
	}
	c := &Capture{}
	for i, path := range paths {
		c.files = append(c.files, File{Name: path})
		if i > 0 && once(path) {
			continue // opened in its turn
		}
		s, err := c.open(i)
		if err != nil {
			c.Close()
			return nil, err
		}
		if i == 0 {
			c.use(s)
		} else {
			s.f.Close()
		}
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
		err = fmt.Errorf("%s: a directory, want a capture file", file.Name)
	}
	if err == nil {
		if info.Mode().IsRegular() {
			file.Size = info.Size()
		}
		var r *pcapng.Reader
		if r, err = pcapng.NewReader(f, file.Name); err == nil {
			file.Format = r.Format()
			return &source{file: i, f: f, reader: r}, nil
		}
	}
	f.Close()
	return nil, err
}

// use makes s the current file.
func (c *Capture) use(s *source) {
	s.base = len(c.interfaces)
	c.current, c.next = s, s.file+1
}

// Read decodes packets into batch and returns how many. At the end it returns
// io.EOF, perhaps with the last packets. A malformed block is noted as Damage;
// where reading cannot go on behind it, the next file does. Other errors are
// those of the files, and final.
func (c *Capture) Read(batch []packet.Packet) (n int, err error) {
	for n < len(batch) && c.failed == nil {
		if c.current == nil {
			c.failed = c.advance()
			continue
		}
		if err := c.current.reader.Next(&c.rec); err != nil {
			c.failed = c.stop(err)
			continue
		}
		c.decode(&batch[n])
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
	default:
		c.finish()
		return err
	}
	return nil
}

// advance opens the next file; behind the last it returns io.EOF.
func (c *Capture) advance() error {
	if c.next == len(c.files) {
		return io.EOF
	}
	s, err := c.open(c.next)
	if err == nil {
		c.use(s)
	}
	return err
}

// decode turns the record that was just read into p.
func (c *Capture) decode(p *packet.Packet) {
	s, rec := c.current, &c.rec
	c.frame++
	if s.base+int(rec.Interface) >= len(c.interfaces) {
		c.describe()
	}
	p.Frame, p.Time, p.Interface = c.frame, rec.Time, uint32(s.base)+rec.Interface
	p.CapturedLength, p.WireLength = uint32(len(rec.Data)), rec.WireLength
	p.Direction = packet.Direction(rec.Flags & 3)
	if p.Direction > packet.Outbound {
		p.Direction = packet.DirectionUnknown // 3 is not assigned
	}
	packet.Decode(c.interfaces[p.Interface].LinkType, rec.Data, p)
}

// describe takes over what the current file says about its interfaces.
func (c *Capture) describe() {
	s := c.current
	c.interfaces = c.interfaces[:s.base]
	for _, i := range s.reader.Interfaces() {
		c.interfaces = append(c.interfaces, Interface{
			File: s.file, Name: strings.ToValidUTF8(i.Name, "\ufffd"), LinkType: i.LinkType, Snaplen: i.Snaplen,
			Received: i.Received.N, HasReceived: i.Received.Known, Dropped: i.Dropped.N, HasDropped: i.Dropped.Known,
		})
	}
	if c.comment == "" {
		c.comment = s.reader.Comment()
	}
}

// finish closes the current file.
func (c *Capture) finish() {
	c.describe()
	c.done += c.current.reader.Offset()
	c.current.f.Close()
	c.current = nil
}

func (c *Capture) note(e *pcapng.FormatError) {
	c.damage = addDamage(c.damage, Damage{File: e.File, Block: e.Block, Offset: e.Offset, Field: e.Field, Message: e.Text})
}

// Interfaces returns the interfaces of the files read so far, in the order in
// which Packet.Interface counts them. Drops are final once a file is read.
func (c *Capture) Interfaces() []Interface { return c.interfaces }

// Damage returns what was damaged in what was read so far.
func (c *Capture) Damage() []Damage { return c.damage }

// Files returns the files in the order given.
func (c *Capture) Files() []File { return c.files }

// RecordingID returns the identity that record wrote into the capture, ""
// where there is none; valid once a packet was read.
func (c *Capture) RecordingID() string {
	for field := range strings.FieldsSeq(c.comment) {
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
		if f.Size == 0 {
			total = 0
			break
		}
		total += f.Size
	}
	done = c.done
	if c.current != nil {
		done += c.current.reader.Offset()
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
	c.interfaces, c.damage, c.failed, c.done, c.frame, c.next = nil, nil, nil, 0, 0, 0
	return err
}

// Close closes the files.
func (c *Capture) Close() error {
	if c.current == nil {
		return nil
	}
	f := c.current.f
	c.current = nil
	return f.Close()
}
