package ingest

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/prefetch"
)

// LogSuffix is what the name of a connection log has instead of ".pcapng".
const LogSuffix = ".conns.jsonl"

// FindLog returns the path of the connection log beside a capture:
// "run.conns.jsonl" for "run.pcapng" and "run.pcapng.gz", and for "run_00001_20260102030405.pcapng"
// of a rotated set; "x.dump.conns.jsonl" for "x.dump"; "" where there is none.
func FindLog(capture string) string {
	dir, name := filepath.Split(capture)
	for _, suffix := range []string{".gz", ".zst", ".lz4", ".xz"} {
		name = strings.TrimSuffix(name, suffix)
	}
	base := name
	for _, suffix := range []string{".pcapng", ".pcap", ".cap"} {
		if cut, ok := strings.CutSuffix(name, suffix); ok {
			base = cut
			break
		}
	}
	for _, base := range []string{base, rotated.ReplaceAllString(base, ""), name} {
		path := dir + base + LogSuffix
		if info, err := os.Stat(path); base != "" && err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// Log reads the events of connection logs, one log after the other. It is not
// safe for concurrent use.
type Log struct {
	paths   []string
	file    *os.File // nil before the first log and after the last
	reader  *connlog.Reader
	damage  []Damage
	current int
	state   logState

	size   int64        // of all logs, bytes
	before int64        // bytes of those before the current
	done   atomic.Int64 // bytes that were read

	sorted   bool        // see SortedLog
	lines    *lineReader // of the current log, if sorted
	seq      uint64      // of the last event
	disorder bool
}

// logState is how the current log would end if it ended now.
type logState uint8

const (
	logOpen  logState = iota // without an end event
	logEnded                 // in order
	logTorn                  // within a line, which was noted
)

// OpenLog opens connection logs. It fails when one cannot be opened; whether
// they are logs shows with the first event.
func OpenLog(paths ...string) (*Log, error) {
	l := &Log{paths: slices.Clone(paths)}
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			return nil, err
		}
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			l.size += info.Size()
		}
		f.Close()
	}
	return l, nil
}

// Progress returns how many bytes Each has read, and of how many; it may be called
// meanwhile. What is no regular file counts as nothing.
func (l *Log) Progress() (done, total int64) { return min(l.done.Load(), l.size), l.size }

// logAhead is how many events are read ahead at a time, and logBatches how many
// times.
const logAhead, logBatches = 256, 3

// Each calls f with every event, in the order of each log, until one call fails
// or ctx ends; the event's memory is valid during the call. Lines are read and
// parsed ahead, by another goroutine. Malformed lines, and a log without its
// end, are noted as Damage; other errors end the reading, a *connlog.NotLogError
// among them.
func (l *Log) Each(ctx context.Context, f func(*connlog.Event) error) error {
	free, read := make(chan []connlog.Slot, logBatches), make(chan []connlog.Slot, logBatches)
	for range logBatches {
		free <- make([]connlog.Slot, logAhead)
	}
	var failed error // of the reading; valid once read is closed
	go func() {
		defer close(read)
		for batch := range free {
			n := 0
			for ; n < len(batch) && failed == nil; n++ {
				ask(prefetch.Write, batch, n)
				failed = l.next(&batch[n])
			}
			l.done.Store(l.offset())
			if failed != nil {
				read <- batch[:n-1]
				return
			}
			read <- batch
		}
	}()
	err := eachOf(ctx, read, free, f)
	close(free)
	for range read { // until the reading has ended
	}
	if err == nil && failed != io.EOF {
		err = failed
	}
	return err
}

// ask asks for the memory of an event some before its turn: another core had it last.
func ask(how func(unsafe.Pointer, int), batch []connlog.Slot, n int) {
	const early = 2
	if n+early < len(batch) {
		how(unsafe.Pointer(&batch[n+early]), int(unsafe.Sizeof(batch[0])))
	}
}

// offset returns how many bytes were read.
func (l *Log) offset() int64 {
	if l.file == nil {
		return l.before
	}
	return l.before + l.reader.Offset()
}

// eachOf calls f with the events of batches, and gives those back.
func eachOf(ctx context.Context, read <-chan []connlog.Slot, free chan<- []connlog.Slot, f func(*connlog.Event) error) error {
	for batch := range read {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := range batch {
			ask(prefetch.Read, batch, i)
			if err := f(&batch[i].Event); err != nil {
				return err
			}
		}
		free <- batch[:cap(batch)]
	}
	return nil
}

// next reads the next event into s. At the end it returns io.EOF.
func (l *Log) next(s *connlog.Slot) error {
	for {
		if l.file == nil {
			if l.current == len(l.paths) {
				return io.EOF
			}
			if err := l.open(); err != nil {
				return err
			}
		}
		err := l.reader.Read(s)
		if err == nil {
			l.state = logOpen
			l.checkOrder(s.Seq, s.Kind == connlog.KindHead)
			if s.Kind == connlog.KindEnd {
				l.state = logEnded
			}
			return nil
		}
		if err = l.stop(err); err != nil {
			return err
		}
	}
}

// stop takes what the current log's reader returned instead of an event. It
// returns what ends the reading.
func (l *Log) stop(err error) error {
	var bad *connlog.LineError
	switch {
	case errors.As(err, &bad):
		l.note(bad)
	case err == io.EOF:
		l.finish()
	default:
		return err
	}
	return nil
}

// open opens the current log.
func (l *Log) open() error {
	f, err := os.Open(l.paths[l.current])
	if err != nil {
		return err
	}
	l.file, l.state = f, logOpen
	if !l.sorted {
		l.reader = connlog.NewReader(f, l.paths[l.current])
		return nil
	}
	if l.lines, err = newLineReader(f); err != nil {
		return err
	}
	l.reader = connlog.NewReader(l.lines, l.paths[l.current])
	return nil
}

func (l *Log) note(e *connlog.LineError) {
	if e.Torn {
		l.state = logTorn
	}
	if l.sorted {
		e.Line, e.Offset = l.lines.place(e.Offset)
	}
	l.damage = addDamage(l.damage, Damage{File: e.File, Block: e.Line, Offset: e.Offset, Field: e.Field, Message: e.Text})
}

// finish closes the current log. One whose recorder was killed may end with a
// whole line, and only the missing end tells.
func (l *Log) finish() {
	if l.state == logOpen {
		l.damage = addDamage(l.damage, Damage{File: l.paths[l.current],
			Message: "the log ends without an end event: it was cut, or its recorder was killed"})
	}
	l.before = l.offset()
	l.file.Close()
	l.file, l.current = nil, l.current+1
}

// Damage returns what was damaged in what was read so far.
func (l *Log) Damage() []Damage { return l.damage }

// Close closes the log that is open.
func (l *Log) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
