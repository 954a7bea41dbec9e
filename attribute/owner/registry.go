package owner

import (
	"unsafe"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/prefetch"
)

// registry finds what the log names by two numbers, sockets and processes: open
// addressing over slots of 16 bytes. The zero value is empty. It is half as much
// work as a map, and a million sockets come and go.
type registry struct {
	slots []entry
	used  int
}

// entry is a name and what has it.
type entry struct {
	a     uint64
	b     uint32
	index int32 // and one; 0 = free
}

// home returns where the name a, b belongs.
func (r *registry) home(a uint64, b uint32) uint64 {
	return flow.Mix(a, uint64(b)) & uint64(len(r.slots)-1)
}

// find returns the place of a name, or of the free slot where it belongs. There
// must be slots.
func (r *registry) find(a uint64, b uint32) uint64 {
	mask := uint64(len(r.slots) - 1)
	i := r.home(a, b)
	for e := &r.slots[i]; e.index != 0 && (e.a != a || e.b != b); e = &r.slots[i] {
		i = (i + 1) & mask
	}
	return i
}

// expect asks for the memory of the name a, b, which will be sought.
func (r *registry) expect(a uint64, b uint32) {
	if len(r.slots) > 0 {
		prefetch.Write(unsafe.Pointer(&r.slots[r.home(a, b)]), 1)
	}
}

// get returns the index that has the name a, b.
func (r *registry) get(a uint64, b uint32) (index int32, ok bool) {
	if len(r.slots) == 0 {
		return 0, false
	}
	e := &r.slots[r.find(a, b)]
	return e.index - 1, e.index != 0
}

// put gives an index the name a, b, which nothing else has from then on.
func (r *registry) put(a uint64, b uint32, index int32) {
	if r.used >= len(r.slots)/8*5 {
		r.grow()
	}
	e := &r.slots[r.find(a, b)]
	if e.index == 0 {
		r.used++
	}
	*e = entry{a, b, index + 1}
}

// delete takes a name out, if it is there, and moves those behind it up that were put
// there because its place was taken.
func (r *registry) delete(a uint64, b uint32) {
	if len(r.slots) == 0 {
		return
	}
	mask, at := uint64(len(r.slots)-1), r.find(a, b)
	if r.slots[at].index == 0 {
		return
	}
	for next := (at + 1) & mask; r.slots[next].index != 0; next = (next + 1) & mask {
		if home := r.home(r.slots[next].a, r.slots[next].b); (next-home)&mask >= (next-at)&mask {
			r.slots[at], at = r.slots[next], next
		}
	}
	r.slots[at] = entry{}
	r.used--
}

// renumber gives each name the index that place has for its own.
func (r *registry) renumber(place []int32) {
	for i := range r.slots {
		if e := &r.slots[i]; e.index != 0 {
			e.index = place[e.index-1] + 1
		}
	}
}

func (r *registry) grow() {
	old := r.slots
	r.slots = make([]entry, max(64, 2*len(old)))
	for _, e := range old {
		if e.index != 0 {
			r.slots[r.find(e.a, e.b)] = e
		}
	}
}
