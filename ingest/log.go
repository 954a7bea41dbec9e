package ingest

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// LogSuffix is what the name of a connection log has instead of ".pcapng".
const LogSuffix = ".conns.jsonl"

// rotated is what rotation puts before a capture's suffix: the number and time
// of dumpcap and pcapwho, or the number alone.
var rotated = regexp.MustCompile(`_\d{5,}(_\d{14})?$`)

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
		f.Close()
	}
	return l, nil
}

// Next returns the next event, in the order of each log; its memory is valid
// until the next call. At the end it returns io.EOF. Malformed lines, and a log
// without its end, are noted as Damage; other errors are final, a
// *connlog.NotLogError among them.
func (l *Log) Next() (*connlog.Event, error) {
	for {
		if l.file == nil {
			if l.current == len(l.paths) {
				return nil, io.EOF
			}
			if err := l.open(); err != nil {
				return nil, err
			}
		}
		e, err := l.reader.Next()
		if err == nil {
			l.state = logOpen
			if e.Kind == connlog.KindEnd {
				l.state = logEnded
			}
			return e, nil
		}
		if err = l.stop(err); err != nil {
			return nil, err
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
	l.file, l.reader, l.state = f, connlog.NewReader(f, l.paths[l.current]), logOpen
	return nil
}

func (l *Log) note(e *connlog.LineError) {
	if e.Torn {
		l.state = logTorn
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
