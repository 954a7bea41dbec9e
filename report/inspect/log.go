package inspect

import (
	"context"

	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// Log is what the connection log beside a capture is.
type Log struct {
	File        string   `json:"file"`
	RecordingID string   `json:"recording_id"`
	Matches     *bool    `json:"matches"` // it is of the same recording as the capture; null where one of them does not tell
	Host        string   `json:"host"`
	Source      string   `json:"source"`
	Blind       []string `json:"blind"` // what the source could not see
	Command     []string `json:"command"`

	Events    int64 `json:"events"`
	Sockets   int64 `json:"sockets"`
	Processes int64 `json:"processes"`
	Gaps      int64 `json:"gaps"` // losses that the recorder noticed
	First     int64 `json:"first_ns"`
	Last      int64 `json:"last_ns"`
	Complete  bool  `json:"complete"` // it ends in order

	// Covers is the share of the capture's time that the log covers, from 0 to
	// 1; null where the capture has no time.
	Covers *float64 `json:"covers"`
}

// besides reads the log beside a capture; nil where there is none.
func besides(c *Capture) (*Log, error) {
	path := ingest.FindLog(c.File)
	if path == "" {
		return nil, nil
	}
	events, err := ingest.OpenLog(path)
	if err != nil {
		return nil, err
	}
	l := &Log{File: path, Blind: []string{}, Command: []string{}}
	err = events.Each(context.Background(), func(e *connlog.Event) error {
		l.add(e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, d := range events.Damage() {
		c.Damage = append(c.Damage, Damage{d.Block, d.Offset, d.Field, d.File + ": " + d.Message, d.Count})
	}
	l.compare(c)
	return l, nil
}

func (l *Log) add(e *connlog.Event) {
	if l.Events == 0 {
		l.First = e.Time
	}
	l.Events++
	l.Last = max(l.Last, e.Time)
	switch e.Kind {
	case connlog.KindHead:
		h := e.Head
		l.RecordingID, l.Host, l.Source = h.RecordingID, h.Host, h.Source
		l.Blind, l.Command = append(l.Blind, h.Blind...), append(l.Command, h.Command...)
	case connlog.KindSocket:
		if e.Socket.Change == connlog.SocketOpen || e.Socket.Change == connlog.SocketSnapshot {
			l.Sockets++
		}
	case connlog.KindProcess:
		if e.Process.Change == connlog.ProcessSnapshot || e.Process.Change == connlog.ProcessFork {
			l.Processes++
		}
	case connlog.KindGap:
		l.Gaps++
	case connlog.KindEnd:
		l.Complete = true
	}
}

// compare tells how well the log fits the capture.
func (l *Log) compare(c *Capture) {
	if l.RecordingID != "" && c.RecordingID != "" {
		same := l.RecordingID == c.RecordingID
		l.Matches = &same
	}
	if c.First == nil {
		return
	}
	share := 0.0
	first, last := max(*c.First, l.First), min(*c.Last, l.Last)
	switch whole := float64(*c.Last) - float64(*c.First); {
	case first > last:
	case whole == 0:
		share = 1
	default:
		share = (float64(last) - float64(first)) / whole
	}
	l.Covers = &share
}
