package slab

import (
	"math"
	"testing"
)

// Elements are there, are zero at first, and stay where they are.
func TestList(t *testing.T) {
	const n = 5<<mostBits + 3
	var l List[[3]int64]
	var first []*[3]int64
	for i := range int32(n) {
		if got := l.Add(); got != i || l.Len() != int(i)+1 {
			t.Fatalf("element %d has index %d, and there are %d", i, got, l.Len())
		}
		e := l.At(i)
		if *e != ([3]int64{}) {
			t.Fatalf("element %d is %v at first", i, *e)
		}
		e[1] = int64(i)
		first = append(first, e)
	}
	for i := range int32(n) {
		if e := l.At(i); e != first[i] || e[1] != int64(i) {
			t.Fatalf("element %d is %v", i, *e)
		}
	}
}

// Places follow each other, to the last that an index can name.
func TestPlace(t *testing.T) {
	slab, at := uint32(0), uint32(0)
	for i := range int32(1 << 20) {
		if k, n := place(i); k != slab || n != at {
			t.Fatalf("element %d lies at %d in slab %d, want %d in %d", i, n, k, at, slab)
		}
		if at++; at == 1<<min(firstBits+slab, mostBits) {
			slab, at = slab+1, 0
		}
	}
	if k, n := place(math.MaxInt32); k != 1<<15+mostBits-firstBits-1 || n != 1<<firstBits-1 {
		t.Errorf("the last element lies at %d in slab %d", n, k)
	}
}
