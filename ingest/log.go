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
// that tcpdump, dumpcap and pcapwho write.
var rotated = regexp.MustCompile(`_\d{5,}(_\d{14})?$`)

// FindLog returns the path of the connection log beside a capture:
// "run.conns.jsonl" for "run.pcapng", and for "run_00001_20260102030405.pcapng"
// of a rotated set; "" where there is none.
func FindLog(capture string) string {
	dir, name := filepath.Split(capture)
	for _, suffix := range []string{".pcapng", ".pcap", ".cap"} {
		name = strings.TrimSuffix(name, suffix)
	}
	for _, base := range []string{name, rotated.ReplaceAllString(name, "")} {
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
}

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
// until the next call. At the end it returns io.EOF. Malformed lines are noted
// as Damage; other errors are final, a *connlog.NotLogError among them.
func (l *Log) Next() (*connlog.Event, error) {
	for {
		if l.file == nil {
			if l.current == len(l.paths) {
				return nil, io.EOF
			}
			f, err := os.Open(l.paths[l.current])
			if err != nil {
				return nil, err
			}
			l.file, l.reader = f, connlog.NewReader(f, l.paths[l.current])
		}
		e, err := l.reader.Next()
		var bad *connlog.LineError
		switch {
		case err == nil:
			return e, nil
		case errors.As(err, &bad):
			l.damage = addDamage(l.damage, Damage{File: bad.File, Block: bad.Line, Offset: bad.Offset, Field: bad.Field, Message: bad.Text})
		case err == io.EOF && l.reader.Offset() > 0:
			l.file.Close()
			l.file, l.current = nil, l.current+1
		case err == io.EOF:
			return nil, &connlog.NotLogError{File: l.paths[l.current], Text: "no connection log: it is empty"}
		default:
			return nil, err
		}
	}
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
