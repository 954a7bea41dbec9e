package ingest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// The lines of a log in any order are the events that were written, in their order; a
// line that is none is told by its place in the file.
func TestSortedLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.conns.jsonl")
	logs := map[int][]byte{} // by the number of polls
	for n := range 10 {
		logs[n] = lines(t, n)
	}
	rapid.Check(t, func(t *rapid.T) {
		var list [][]byte
		recordings := rapid.IntRange(1, 2).Draw(t, "recordings")
		for range recordings {
			whole := bytes.SplitAfter(logs[rapid.IntRange(0, 9).Draw(t, "polls")], []byte("\n"))
			whole = whole[:len(whole)-1]
			from := 0
			if recordings > 1 {
				from = 1 // the head stays before them
			}
			rest := rapid.Permutation(whole[from:]).Draw(t, "order")
			list = append(append(list, whole[:from]...), rest...)
		}
		bad, offset := rapid.IntRange(-1, len(list)).Draw(t, "malformed"), int64(0)
		if bad >= 0 {
			list = slices.Insert(list, bad, []byte("no event\n"))
			offset = int64(len(bytes.Join(list[:bad], nil)))
		}
		text := bytes.Join(list, nil)
		if rapid.Bool().Draw(t, "no newline at the end") {
			text = text[:len(text)-1]
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := SortedLog(path)
		if err != nil {
			t.Fatal(err)
		}
		seq, n := uint64(0), 0
		err = l.Each(context.Background(), func(e *connlog.Event) error {
			if e.Kind == connlog.KindHead {
				seq = 0
			}
			if n++; e.Seq != seq+1 {
				return fmt.Errorf("event %d has seq %d behind %d", n, e.Seq, seq)
			}
			seq = e.Seq
			return nil
		})
		if bad == 0 && err != nil { // what stands before all has no place
			return
		}
		if want := len(list) - b2i(bad >= 0); err != nil || n != want || !l.InOrder() {
			t.Fatalf("%d events, want %d: %v", n, want, err)
		}
		d := l.Damage()
		if bad < 0 && len(d) > 0 || bad >= 0 && (len(d) != 1 || d[0].Block != uint64(bad+1) || d[0].Offset != offset) {
			t.Fatalf("damage %+v, want line %d (offset %#x)", d, bad+1, offset)
		}
	})
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
