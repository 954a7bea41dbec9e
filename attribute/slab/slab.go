// Package slab keeps what there may be millions of: lists whose elements never
// move, so that they grow without being copied, and that are best made of
// elements without pointers, for the garbage collector then has nothing to look
// at.
package slab

import (
	"math/bits"
	"unsafe"

	"github.com/pcapwho/pcapwho/ingest/prefetch"
)

// List is a list of elements that stay where they are. The zero value is empty.
//
// Its slabs hold 1,024 elements, 1,024 more, and twice as many each time, up to
// 65,536.
type List[T any] struct {
	slabs [][]T
	n     int
}

const (
	firstBits = 10
	mostBits  = 16
	ahead     = 4 // so many elements before it is added, the memory of one is asked for
)

// Len returns how many elements there are.
func (l *List[T]) Len() int { return l.n }

// At returns element i, which must be there.
func (l *List[T]) At(i int32) *T {
	k, at := place(i)
	return &l.slabs[k][at]
}

// place returns the slab of element i, and where in it that is.
func place(i int32) (slab, at uint32) {
	n := uint32(i) + 1<<firstBits // so that each slab but the last kind begins at a power of two
	if n < 1<<mostBits {
		k := uint32(bits.Len32(n)) - 1
		return k - firstBits, n - 1<<k
	}
	return mostBits - firstBits - 1 + n>>mostBits, n & (1<<mostBits - 1)
}

// Add makes room for one more element, which is zero, and returns its index.
func (l *List[T]) Add() int32 {
	i := int32(l.n)
	if k, _ := place(i); int(k) == len(l.slabs) {
		l.slabs = append(l.slabs, Make[T](1<<min(firstBits+k, mostBits)))
	}
	l.n++
	if k, at := place(i + ahead); int(k) < len(l.slabs) {
		e := &l.slabs[k][at]
		prefetch.Write(unsafe.Pointer(e), int(unsafe.Sizeof(*e)))
	}
	return i
}

// Prefetch asks for the memory of element i, which must be there.
func (l *List[T]) Prefetch(i int32) {
	e := l.At(i)
	prefetch.Write(unsafe.Pointer(e), int(unsafe.Sizeof(*e)))
}
