package slab

import "unsafe"

// leastHuge is how large a slice must be, in bytes, to be worth huge pages.
const leastHuge = 2 << 20

// Make returns n zero elements. Where they are large the system is asked to give huge
// pages: what is used at random costs it a page fault for each 4 KiB, and the processor
// a walk through the page tables at nearly every use.
func Make[T any](n int) []T {
	s := make([]T, n)
	if size := n * int(unsafe.Sizeof(*new(T))); size >= leastHuge {
		preferHuge(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), size))
	}
	return s
}
