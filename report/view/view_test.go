package view

import (
	"slices"
	"testing"

	"github.com/pcapwho/pcapwho/report/table"
	"github.com/pcapwho/pcapwho/report/table/tabletest"
)

// Joining keeps the bytes and the ends, and joins what is closest.
func TestJoin(t *testing.T) {
	all := []Stretch{{50, 60, 1, 0}, {0, 10, 1, 2}, {12, 20, 3, 4}, {40, 45, 5, 6}, {44, 47, 7, 8}}
	got := join(slices.Clone(all), 3)
	if want := []Stretch{{0, 20, 4, 6}, {40, 47, 12, 14}, {50, 60, 1, 0}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := join(slices.Clone(all), 1); !slices.Equal(got, []Stretch{{0, 60, 17, 20}}) {
		t.Errorf("got %v", got)
	}
	if got := join(nil, 1); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

// Processes hang below the latest of their parent's number that started before, and
// below its parent where that is not shown.
func TestProcessTree(t *testing.T) {
	rows := [][4]int{{1, 0, 1, 0}, {5, 1, 2, 0}, {5, 1, 3, 0}, {7, 5, 4, 9}, {5, 5, 5, 0}, {8, 9, 6, 0}} // pid, ppid, start, bytes
	p, err := readProcesses(table.Of(table.Processes(), len(rows), func(b *table.Batch, i int) {
		tabletest.Fill(b, map[string]any{"pid": rows[i][0], "ppid": rows[i][1], "start_ns": rows[i][2], "tree_sent_wire_bytes": rows[i][3]})
	}))
	if err != nil || !slices.Equal(p.parent, []int{-1, 0, 0, 2, 2, -1}) {
		t.Errorf("parents are %v: %v", p.parent, err)
	}
	l := p.list(2, 0, 9)
	if !slices.Equal(l.Parents, []int{-1, 0}) || *l.Columns["pid"].Numbers[1] != 7 || l.Left != 4 {
		t.Errorf("shown are %+v", l)
	}
}

// Each number is in its fine bin, and the bins lie beside each other.
func TestFineBins(t *testing.T) {
	for _, n := range []uint64{0, 1, 63, 64, 127, 128, 129, 1000, 1e6, 1e9 + 7, 1 << 40, 1<<62 + 5, 1<<63 - 1} {
		from, below := FineBounds(fineBin(n))
		next, _ := FineBounds(fineBin(n) + 1)
		if v := float64(n); v < from || v > below || below != next || n >= 64 && below/from > 1.0157 {
			t.Errorf("%d is in a bin from %v to %v; the next begins at %v", n, from, below, next)
		}
	}
}
