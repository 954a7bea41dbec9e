package owner

// arena hands out short slices from long ones: a log has millions of sockets,
// and an allocation for each of their lists would cost more than the lists.
type arena[T any] struct{ free []T }

// arenaSize is how many elements are allocated at a time.
const arenaSize = 8192

// take returns n zero elements with no room behind them, so that appending to
// them moves them out of the arena.
func (a *arena[T]) take(n int) []T {
	if n > len(a.free) {
		a.free = make([]T, max(n, arenaSize))
	}
	s := a.free[:n:n]
	a.free = a.free[n:]
	return s
}

// append appends v to s, whose first element lives in the arena.
func (a *arena[T]) append(s []T, v T) []T {
	if s == nil {
		s = a.take(1)[:0]
	}
	return append(s, v)
}

// copy returns a copy of s; nil where it is empty.
func (a *arena[T]) copy(s []T) []T {
	if len(s) == 0 {
		return nil
	}
	c := a.take(len(s))
	copy(c, s)
	return c
}
