package ingest

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// Order is how several files are one recording.
type Order uint8

const (
	AsGiven Order = iota // one after the other, in the order given
	ByTime               // one after the other, by the times of their first packets; as given where one can be read only once
	Merged               // all packets in the order of time
)

// openAll looks at every file, so that errors come before an hour of reading,
// and puts them in order. A file that can be read only once is opened in its
// turn.
func (c *Capture) openAll() error {
	sorted := c.config.Order != AsGiven && len(c.files) > 1
	var first error
	for i := range c.files {
		if once(c.files[i].Name) && (i > 0 || sorted) {
			if c.config.Order == Merged {
				return &fs.PathError{Op: "merge", Path: c.files[i].Name, Err: errors.New("it can be read only once, and merging looks at all files first")}
			}
			sorted = false
			continue
		}
		s, err := c.open(i)
		switch {
		case err == nil && i == 0 && !sorted && c.config.Order != Merged:
			c.use(s)
		case err == nil:
			c.files[i].begins = c.peek(s)
			s.close()
		case c.lenient():
			c.leave(i, err)
			first = cmp.Or(first, err)
		default:
			return err
		}
	}
	if !slices.ContainsFunc(c.files, func(f File) bool { return !f.LeftOut }) {
		return first
	}
	c.leftOut, c.damage = c.damage, nil
	if sorted {
		slices.SortStableFunc(c.files, func(a, b File) int { return cmp.Compare(a.begins, b.begins) })
	}
	if c.config.Order == Merged {
		c.merge = newMerge(c)
	}
	return nil
}

// maxPeek is how many damaged places are passed over to find a file's first
// packet.
const maxPeek = 16

// peek returns the time of a file's first packet, math.MaxInt64 where there is
// none, or none with a time.
func (c *Capture) peek(s *source) int64 {
	if c.config.Order == AsGiven || len(c.files) == 1 {
		return 0 // nobody asks
	}
	var rec pcapng.Record
	for range maxPeek {
		err := s.reader.Next(&rec)
		if err == nil && rec.Time != 0 {
			return rec.Time
		}
		if err != nil && !errors.As(err, new(*pcapng.FormatError)) {
			break
		}
	}
	return math.MaxInt64
}

// lenient tells whether a file that cannot be read is left out.
func (c *Capture) lenient() bool { return c.config.Lenient && len(c.files) > 1 }

// leave leaves a file out.
func (c *Capture) leave(i int, err error) {
	f := &c.files[i]
	f.LeftOut = true
	c.damage = addDamage(c.damage, Damage{File: f.Name, Message: "left out: " + reason(f.Name, err)})
}

// leaveRest leaves out the rest of a file, reading which has failed.
func (c *Capture) leaveRest(i int, err error) {
	name := c.files[i].Name
	c.damage = addDamage(c.damage, Damage{File: name, Message: "the rest was left out: " + reason(name, err)})
}

// reason is what an error says beside the name of the file.
func reason(name string, err error) string {
	if p := (*fs.PathError)(nil); errors.As(err, &p) && p.Path == name {
		err = p.Err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "the file ends too early"
	}
	return strings.TrimPrefix(err.Error(), name+": ")
}

// see takes in the times of packets, from the earliest to the latest.
func (f *File) see(earliest, latest int64) {
	if earliest > latest {
		return // none has one
	}
	if f.First == 0 || earliest < f.First {
		f.First = earliest
	}
	if f.Last == 0 || latest > f.Last {
		f.Last = latest
	}
}

// IsCapture tells whether a file begins as a capture does, perhaps compressed.
// It fails where the file cannot be read.
func IsCapture(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	in, err := openContent(f, path, 0, aheadSmall)
	if err != nil {
		return false, err
	}
	defer in.close()
	switch _, err = pcapng.NewReader(in, path); {
	case errors.As(err, new(*pcapng.NotCaptureError)):
		return false, nil
	case err == nil, errors.As(err, new(*pcapng.FormatError)):
		return true, nil
	}
	return false, err
}
