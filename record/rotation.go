package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// Rotation says when a capture goes on in another file. Each file is whole: it has
// a section header, all interfaces and statistics of its own, and each packet is in
// one of them. They are named run_00001_20260102030405.pcapng for Config.Capture
// run.pcapng: number and local time of their beginning, as dumpcap names its. The
// log is one. The zero value writes a single file of the name given.
type Rotation struct {
	Bytes int64         // a file that has as many is the last to take a packet; 0 = any
	Every time.Duration // a file is written for so long; 0 = any
	Files int           // so many files are kept: the oldest is removed; 0 = all
}

// on tells whether there is a set of files.
func (r *Rotation) on() bool { return r.Bytes > 0 || r.Every > 0 }

// Limits end a recording by themselves; 0 = no limit. A command goes on.
type Limits struct {
	Bytes   int64 // of the capture file, which is single then
	Packets int64 // exactly
	Files   int   // of a rotated capture
}

// check refuses what makes no sense together.
func (r *Rotation) check(l *Limits) error {
	usage := func(message, hint string) error { return &Error{Message: message, Hint: hint, Status: statusUsage} }
	switch {
	case r.Bytes < 0 || r.Every < 0 || r.Files < 0 || l.Bytes < 0 || l.Packets < 0 || l.Files < 0:
		return usage("a limit of the recording is negative", "")
	case !r.on() && r.Files > 0:
		return usage("a number of files to keep, and no rule when the next one begins", "add -b filesize:KB or -b duration:SECONDS")
	case !r.on() && l.Files > 0:
		return usage("a number of files to end after, and no rule when the next one begins", "add -b filesize:KB or -b duration:SECONDS")
	case r.on() && l.Bytes > 0:
		return usage("a size to end at does not go with files that follow each other", "end after a number of them: -a files:N")
	}
	return nil
}

// fileOf returns the name of the n-th file of a rotated capture, from 1.
func fileOf(capture string, n int, begin time.Time) string {
	base, suffix := capture, ""
	for _, s := range []string{".pcapng", ".pcap"} {
		if cut, ok := strings.CutSuffix(LogPath(capture), ".conns.jsonl"); ok && cut+s == capture {
			base, suffix = cut, s
		}
	}
	return fmt.Sprintf("%s_%05d_%s%s", base, n, begin.Format("20060102150405"), suffix)
}

// rotate goes on in the next file when it is time, or says that the recording is
// at its end.
func (c *capture) rotate(now time.Time) {
	switch {
	case c.failed != nil || c.full:
	case c.limits.Packets > 0 && c.packets >= c.limits.Packets:
		c.reach("the number of packets was reached")
	case c.limits.Bytes > 0 && c.writer.Size() >= c.limits.Bytes:
		c.reach("the size of the capture was reached")
	case c.rotation.Bytes > 0 && c.writer.Size() >= c.rotation.Bytes,
		c.rotation.Every > 0 && now.Sub(c.opened) >= c.rotation.Every:
		if c.limits.Files > 0 && c.number >= c.limits.Files {
			c.reach("the number of files was reached")
			return
		}
		c.fail(c.nextFile(now))
	}
}

// reach takes no further packet and has the recording end.
func (c *capture) reach(reason string) {
	c.full = true
	c.reached(reason)
}

// mostBehind is how many files of the past a slow disk may not have yet before packets wait
// for it.
const mostBehind = 16

// nextFile begins another file, and leaves it to settle to finish the one before. What
// that had to say of drops is said.
func (c *capture) nextFile(now time.Time) error {
	c.readDrops(now.UnixNano())
	c.sumUp(now)
	if c.failed != nil {
		return c.failed
	}
	out, err := c.create(fileOf(c.name, c.number+1, now))
	if err != nil {
		return err
	}
	out.keep()
	c.past, c.out = append(c.past, c.out), out
	if err := c.beginFile(now); err != nil {
		return err
	}
	if n := c.rotation.Files; n > 0 && len(c.files) > n {
		if err := c.removeOldest(); err != nil {
			return err
		}
	}
	c.settle(mostBehind)
	return nil
}

// settle brings the files of the past to the disk and closes them, one after the other,
// beside the goroutine that takes packets: the ring has no room for all that come while a
// slow disk does it. It waits where more than so many would be left.
func (c *capture) settle(behind int) {
	for len(c.past) > 0 {
		o := c.past[0]
		o.finishSoon()
		var err error
		if len(c.past) > behind {
			err = <-o.finished
		} else {
			select {
			case err = <-o.finished:
			default:
				return
			}
		}
		c.past = c.past[1:]
		c.failIn(o.path, err)
	}
}

// removeOldest removes the first file that is kept. The disk need not have it where its
// turn did not come.
func (c *capture) removeOldest() error {
	oldest := c.files[0]
	c.files = slices.Delete(c.files, 0, 1)
	if i := slices.IndexFunc(c.past, func(o *output) bool { return o.path == oldest && o.finished == nil }); i >= 0 {
		if err := c.past[i].file.Close(); err != nil {
			return err
		}
		c.past = slices.Delete(c.past, i, i+1)
	}
	err := os.Remove(oldest)
	if err != nil && len(c.past) > 0 { // some systems do not remove what is open
		c.settle(0)
		err = os.Remove(oldest)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// beginFile writes the section and the interfaces.
func (c *capture) beginFile(now time.Time) (err error) {
	c.number++
	c.files = append(c.files, c.out.path)
	c.opened, c.begin = now, now.UnixNano()
	if c.writer, err = pcapng.NewWriter(c, c.section); err != nil {
		return err
	}
	for i := range c.ports {
		p := &c.ports[i]
		p.received, p.dropped = 0, 0
		if _, err := c.writer.AddInterface(p.description); err != nil {
			return err
		}
	}
	return c.writer.Flush()
}

// sumUp writes the last statistics of a file.
func (c *capture) sumUp(now time.Time) {
	c.writeStatistics(now.UnixNano())
	c.flush()
}
