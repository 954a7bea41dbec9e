package ingest

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

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
	paths  []string
	sorted bool                 // see SortedLog
	expect func(*connlog.Event) // nil = nobody does; see Expect
	damage []Damage
	state  logState

	size int64        // of all logs, bytes
	done atomic.Int64 // bytes that were read

	seq      uint64 // of the last event
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

// Expect has Each call f with most events, some before their turn: so that it may ask for
// memory.
func (l *Log) Expect(f func(*connlog.Event)) { l.expect = f }

// logEarly is how many events before its turn one is expected.
const logEarly = 8

// Each calls f with every event, in the order of each log, until one call fails
// or ctx ends; the event's memory is valid during the call. Lines are read and
// parsed ahead, by other goroutines. Malformed lines, and a log without its
// end, are noted as Damage; other errors end the reading, a *connlog.NotLogError
// among them. It is called once.
func (l *Log) Each(ctx context.Context, f func(*connlog.Event) error) error {
	parts := newLogParts()
	defer parts.close()
	go parts.read(l.paths, l.sorted)
	for range logParsers {
		go parts.parse()
	}
	for p := range parts.inOrder {
		<-p.parsed
		if err := l.take(ctx, p, f); err != nil {
			p.log.file.Close()
			return err
		}
		parts.free <- p
	}
	return nil
}

// take takes a part.
func (l *Log) take(ctx context.Context, p *logPart, f func(*connlog.Event) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.events(p, f); err != nil {
		return err
	}
	l.done.Store(p.end)
	if p.ended == io.EOF {
		l.finish(p.log)
		return nil
	}
	return p.ended
}

// events calls f with the events of a part, and notes what is malformed between them.
func (l *Log) events(p *logPart, f func(*connlog.Event) error) error {
	bad := p.bad
	for i := 0; ; i++ {
		for ; len(bad) > 0 && bad[0].before == i; bad = bad[1:] {
			l.note(p.log, bad[0].LineError)
		}
		if i == p.events {
			return nil
		}
		ask(prefetch.Read, p.slots, i)
		if l.expect != nil && i+logEarly < p.events {
			l.expect(&p.slots[i+logEarly].Event)
		}
		e := &p.slots[i].Event
		l.state = logOpen
		if e.Kind == connlog.KindEnd {
			l.state = logEnded
		}
		l.checkOrder(e.Seq, e.Kind == connlog.KindHead)
		if err := f(e); err != nil {
			return err
		}
	}
}

func (l *Log) note(of *openedLog, e *connlog.LineError) {
	if e.Torn {
		l.state = logTorn
	}
	if of.lines != nil {
		e.Line, e.Offset = of.lines.place(e.Offset)
	}
	l.damage = addDamage(l.damage, Damage{File: e.File, Block: e.Line, Offset: e.Offset, Field: e.Field, Message: e.Text})
}

// finish closes a log that was read. One whose recorder was killed may end with a
// whole line, and only the missing end tells.
func (l *Log) finish(of *openedLog) {
	if l.state == logOpen {
		l.damage = addDamage(l.damage, Damage{File: of.path,
			Message: "the log ends without an end event: it was cut, or its recorder was killed"})
	}
	l.state = logOpen
	of.file.Close()
}

// Damage returns what was damaged in what was read so far.
func (l *Log) Damage() []Damage { return l.damage }
