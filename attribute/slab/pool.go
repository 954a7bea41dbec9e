package slab

import "slices"

// Pool is a List whose elements are given back. Elements are referred to by
// their index and one, so that 0 refers to none. The zero value is empty.
type Pool[T any] struct {
	list List[T]
	free []int32
}

// At returns element n, which must have been taken.
func (p *Pool[T]) At(n int32) *T { return p.list.At(n - 1) }

// Prefetch asks for the memory of element n, which must have been taken.
func (p *Pool[T]) Prefetch(n int32) { p.list.Prefetch(n - 1) }

// Take returns an element that is zero.
func (p *Pool[T]) Take() int32 {
	if k := len(p.free); k > 0 {
		n := p.free[k-1]
		p.free = p.free[:k-1]
		return n
	}
	return p.list.Add() + 1
}

// Give gives element n back, which may be none.
func (p *Pool[T]) Give(n int32) {
	if n == 0 {
		return
	}
	var zero T
	*p.At(n) = zero
	if len(p.free) == cap(p.free) {
		p.free = slices.Grow(p.free, max(len(p.free), 1024)) // twice as many, where append takes a quarter more
	}
	p.free = append(p.free, n)
}

// Len returns how many elements are taken.
func (p *Pool[T]) Len() int { return p.list.Len() - len(p.free) }
