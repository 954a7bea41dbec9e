package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/report/measure"
)

// log is what the connection logs say: the owners, and what the report tells
// about the recording itself.
type log struct {
	paths    []string
	timeline *owner.Timeline // nil = there is no log
	ids      []string        // recording ids, of every head
	made     []made          // of every head, in that order
	host     string
	command  []string
	focused  bool
	blind    []string // what the source could not see
	ended    bool     // the last event says so
	dropped  int64
	first    int64 // time of the earliest event, Unix nanoseconds; 0 = there is none
	last     int64 // and of the latest
	gaps     int64 // losses that the recorder noticed
	marks    measure.Marker
	damage   []ingest.Damage
}

// made is where and when a recording was.
type made struct {
	id, host, boot string
	first, last    int64 // events, Unix nanoseconds
}

// logs returns the paths of the connection logs: those given, or those beside
// the captures.
func (cfg *Config) logs() []string {
	if len(cfg.Logs) > 0 {
		return cfg.Logs
	}
	var paths []string
	for _, c := range cfg.Captures {
		if p := ingest.FindLog(c); p != "" && !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	return paths
}

// readLog reads the logs, those whose lines are not in the order of seq twice; nwb, where it
// is not nil, gets every event too. tell is called now and then, and at the end.
func readLog(ctx context.Context, cfg *Config, nwb *measure.NWB, tell func(*ingest.Log)) (*log, error) {
	l := &log{paths: cfg.logs()}
	if len(l.paths) == 0 {
		return l, nil
	}
	events, err := ingest.OpenLog(l.paths...)
	if err != nil {
		return nil, &InputError{Err: err}
	}
	err = l.read(ctx, cfg, nwb, events, tell)
	if notLog := (*connlog.NotLogError)(nil); err == nil && !events.InOrder() || errors.As(err, &notLog) {
		ordered, e := ingest.SortedLog(l.paths...)
		if e != nil {
			return nil, &InputError{Err: e}
		}
		again := &log{paths: l.paths}
		if nwb != nil {
			*nwb = *measure.NewNWB(cfg.NWB)
		}
		if e := again.read(ctx, cfg, nwb, ordered, nil); e == nil || err == nil {
			l, err = again, e
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, &InputError{Err: err}
	}
	return l, nil
}

// read takes all events.
func (l *log) read(ctx context.Context, cfg *Config, nwb *measure.NWB, events *ingest.Log, tell func(*ingest.Log)) error {
	l.timeline = owner.NewTimeline()
	events.Expect(l.timeline.Expect)
	n := 0
	err := events.Each(ctx, func(e *connlog.Event) error {
		if n++; n%1000 == 0 && tell != nil {
			tell(events)
		}
		if cfg.ClockOffset != 0 {
			e.Shift(cfg.ClockOffset)
		}
		l.note(e)
		l.timeline.Add(e)
		if nwb != nil {
			nwb.Event(e)
		}
		return nil
	})
	l.damage = events.Damage()
	if tell != nil {
		tell(events)
	}
	return err
}

// checkLogs refuses logs that are of other recordings than all captures, or of another
// host's at the time of one, where both tell: it would give the packets wrong owners.
func (r *Result) checkLogs() error {
	if r.cfg.OtherHost || len(r.log.ids) == 0 {
		return nil
	}
	capture, id := "", ""
	for i, f := range r.input.capture.Files() {
		switch {
		case f.RecordingID == "":
		case slices.Contains(r.log.ids, f.RecordingID):
			return r.checkHosts()
		case id == "":
			capture, id = r.input.names[i], f.RecordingID
		}
	}
	if id == "" {
		return nil
	}
	return &InputError{Err: fmt.Errorf("%s is of recording %q, and the log of %q, made on %s", capture, id, strings.Join(r.log.ids, ", "), cmp.Or(r.log.host, "an unknown host")),
		Hint: "give the log that was written with the capture; if this one is of the same host and time, say --other-host"}
}

// checkHosts refuses a capture beside which another host was recorded.
func (r *Result) checkHosts() error {
	for i, f := range r.input.capture.Files() {
		for _, m := range r.log.made {
			if f.RecordingID == "" || m.id == "" || m.id == f.RecordingID || f.First > m.last || f.Last < m.first || r.log.madeWith(f.RecordingID, &m) {
				continue
			}
			return &InputError{Err: fmt.Errorf("%s is of recording %q, and that of %q was made at the same time on %s", r.input.names[i], f.RecordingID, m.id, cmp.Or(m.host, "an unknown host")),
				Hint: "analyze each recording by itself, with --each; or say --other-host, if both are of one host"}
		}
	}
	return nil
}

// madeWith tells whether a recording was made on the host of another.
func (l *log) madeWith(id string, other *made) bool {
	return slices.ContainsFunc(l.made, func(m made) bool {
		if m.boot != "" && other.boot != "" {
			return m.id == id && m.boot == other.boot
		}
		return m.id == id && m.host == other.host
	})
}

// note keeps what e says about the recording.
func (l *log) note(e *connlog.Event) {
	if l.first == 0 || e.Time < l.first {
		l.first = e.Time
	}
	l.last = max(l.last, e.Time)
	if e.Kind == connlog.KindHead {
		l.made = append(l.made, made{e.Head.RecordingID, e.Head.Host, e.Head.BootID, e.Time, e.Time})
	}
	if n := len(l.made) - 1; n >= 0 {
		m := &l.made[n]
		m.first, m.last = min(m.first, e.Time), max(m.last, e.Time)
	}
	switch e.Kind {
	case connlog.KindHead:
		if e.Head.RecordingID != "" && !slices.Contains(l.ids, e.Head.RecordingID) {
			l.ids = append(l.ids, e.Head.RecordingID)
		}
		if len(l.made) > 1 && !slices.Equal(l.command, e.Head.Command) {
			l.command = nil // several are no one's
		} else {
			l.command = slices.Clone(e.Head.Command)
		}
		l.host, l.focused = e.Head.Host, e.Head.Focused
		l.blind = slices.Clone(e.Head.Blind)
	case connlog.KindGap:
		l.gaps++
	case connlog.KindMark:
		l.marks.Add(e.Mark, e.Time)
	case connlog.KindEnd:
		l.ended, l.dropped = true, l.dropped+e.End.Dropped
	}
}
