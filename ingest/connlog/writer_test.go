package connlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
)

// pieces keeps what each Write got.
type pieces struct{ all [][]byte }

func (p *pieces) Write(b []byte) (int, error) {
	p.all = append(p.all, bytes.Clone(b))
	return len(b), nil
}

func message(n int) *Event {
	return &Event{Kind: KindGap, Gap: &Gap{Source: GapSockets, Message: strings.Repeat("x", n)}}
}

// Every write holds whole lines, numbered from 1; the end counts them.
func TestWriter(t *testing.T) {
	var out pieces
	w := NewWriter(&out)
	var events []*Event
	for n := range 500 {
		events = append(events, message(n))
	}
	events = append(events, &Event{Kind: KindEnd, End: &End{}})
	for i, e := range events {
		if err := w.Write(e); err != nil || e.Seq != uint64(i+1) {
			t.Fatalf("event %d: %v, seq %d", i, err, e.Seq)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	log := bytes.Join(out.all, nil)
	if w.Size() != int64(len(log)) {
		t.Errorf("size is %d, %d bytes were written", w.Size(), len(log))
	}
	if len(out.all) < 2 || slices.ContainsFunc(out.all, func(b []byte) bool { return len(b) == 0 || b[len(b)-1] != '\n' }) {
		t.Errorf("%d writes, not all of whole lines", len(out.all))
	}
	lines := strings.SplitAfter(string(log), "\n")
	if len(lines) != len(events)+1 || !strings.Contains(lines[len(events)-1], fmt.Sprintf(`"events":%d`, len(events))) {
		t.Errorf("%d lines, the last is %s", len(lines)-1, lines[len(events)-1])
	}
	given := &Event{Kind: KindEnd, End: &End{Events: 7}}
	if err := w.Write(given); err != nil || given.End.Events != 7 {
		t.Errorf("a given number of events became %d, %v", given.End.Events, err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	n := len(out.all)
	if err := w.Flush(); err != nil || len(out.all) != n {
		t.Errorf("flushing nothing: %v, %d writes", err, len(out.all)-n)
	}
}

// failsAt fails the k-th write, from 1, having written some of it.
type failsAt struct {
	k    int
	n    int
	err  error
	seen int
}

func (f *failsAt) Write(b []byte) (int, error) {
	if f.seen++; f.seen == f.k {
		return f.n, f.err
	}
	return len(b), nil
}

// The first error stays, whichever write it comes from, and nothing is
// written after it.
func TestWriterErrorsStay(t *testing.T) {
	full := errors.New("no space left")
	for k := 1; k <= 4; k++ {
		for _, fault := range []failsAt{{k: k, n: 5, err: full}, {k: k, n: 5}} {
			want := fault.err
			if want == nil {
				want = io.ErrShortWrite
			}
			w := NewWriter(&fault)
			var first error
			for n := 0; n < 10 && first == nil; n++ {
				first = w.Write(message(writerBuffer))
			}
			if first != want || w.Write(message(1)) != want || w.Flush() != want || fault.seen != k {
				t.Errorf("fault at write %d: %v, then %v and %v after %d writes; want %v", k, first, w.Write(message(1)), w.Flush(), fault.seen, want)
			}
		}
	}
}

// Events of many goroutines make one log.
func TestWriterIsConcurrent(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				if w.Write(&Event{Kind: KindClock, Clock: &Clock{}}) != nil || w.Size() == 0 {
					t.Error("a write failed")
				}
			}
		})
	}
	all.Wait()
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
		var e Event
		if _, err := parse([]byte(line), &e); err != nil || e.Seq != uint64(i+1) {
			t.Fatalf("line %d: seq %d, %v", i+1, e.Seq, err)
		}
	}
}

func TestWritingDoesNotAllocate(t *testing.T) {
	w := NewWriter(io.Discard)
	e := message(100)
	for range 1000 {
		w.Write(e)
	}
	if n := testing.AllocsPerRun(1000, func() { w.Write(e) }); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}
