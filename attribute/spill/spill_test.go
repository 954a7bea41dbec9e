package spill

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// What comes out is what went in, in order, however much of it was spilled, and
// every time it is read.
func TestSortsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sorters []*Sorter
		var want []uint64
		length := func(id uint64) int { return int(id*id%1009) * int(id%3) }
		for range rapid.IntRange(1, 3).Draw(t, "sorters") {
			s := NewSorter(rapid.SampledFrom([]int{0, chunkSize, 1 << 30}).Draw(t, "budget"))
			defer s.Close()
			for range rapid.IntRange(0, 1500).Draw(t, "records") {
				id := uint64(len(want)*7919%100_003 + 1)
				if err := s.Add(id, bytes.Repeat([]byte{byte(id)}, length(id))); err != nil {
					t.Fatal(err)
				}
				want = append(want, id)
			}
			sorters = append(sorters, s)
		}
		slices.Sort(want)
		for range 2 {
			r, n := Merge(sorters...), 0
			for ; ; n++ {
				err := r.Next(func(id uint64, record []byte) {
					if id != want[n] || len(record) != length(id) || len(bytes.Trim(record, string([]byte{byte(id)}))) > 0 {
						t.Fatalf("record %d is number %d with %d bytes, want %d", n, id, len(record), want[n])
					}
				})
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if n != len(want) {
				t.Fatalf("%d records came back, want %d", n, len(want))
			}
		}
	})
}

// A sorter holds its budget in memory and leaves nothing behind.
func TestBudget(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir) // where Windows looks
	s := NewSorter(1 << 20)
	for i := range uint64(100_000) {
		if err := s.Add(i, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		if limit := 1<<20 + 2*chunkSize; s.held > limit {
			t.Fatalf("%d bytes in memory after %d records, want at most %d", s.held, i+1, limit)
		}
	}
	if len(s.runs) < 5 || s.size < 90*100_000 {
		t.Errorf("%d runs of %d bytes were spilled", len(s.runs), s.size)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// An error of the temporary file is told by the call that needs it.
func TestFileFails(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	t.Setenv("TMPDIR", missing)
	t.Setenv("TMP", missing)
	s := NewSorter(0)
	var err error
	for i := uint64(0); err == nil && i < 10_000; i++ {
		err = s.Add(i, make([]byte, 1000))
	}
	if !os.IsNotExist(err) {
		t.Errorf("error %v, want that there is no such folder", err)
	}
}

func BenchmarkSort(b *testing.B) {
	for _, budget := range []int{1 << 20, 1 << 30} {
		b.Run(fmt.Sprintf("budget=%dMiB", budget>>20), func(b *testing.B) {
			b.ReportAllocs()
			record := make([]byte, 80)
			for b.Loop() {
				s := NewSorter(budget)
				for i := range uint64(200_000) {
					s.Add(i*7919%200_003, record)
				}
				r := Merge(s)
				for r.Next(func(uint64, []byte) {}) == nil {
				}
				s.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*200_000), "ns/record")
		})
	}
}
