package conn

import (
	"unsafe"

	"github.com/pcapwho/pcapwho/attribute/slab"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/prefetch"
)

// Table finds the latest instance of a connection key: open addressing over
// 8-byte slots that hold half of the hash and an index, so that a miss costs
// one cache line, and a hit another, which is the instance's first. The zero
// value is ready.
type Table struct {
	slots []uint64 // upper half: hash tag; lower half: index+1; 0 = empty
	used  int
}

// find returns the index that put stored for k, whose hash is h, and whether
// it did.
func (t *Table) find(f *Follower, k *flow.Key, h uint64) (int32, bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := t.slots[i]
		if s == 0 {
			return 0, false
		}
		if n := int32(uint32(s) - 1); tag(s) == tag(h) && f.Instance(n).Key.Equal(k) {
			return n, true
		}
	}
}

// put stores index v for k, whose hash is h, in place of what was there.
func (t *Table) put(f *Follower, k *flow.Key, h uint64, v int32) {
	if t.used >= len(t.slots)/8*5 {
		t.grow(f)
	}
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := t.slots[i]
		if s == 0 {
			t.used++
		} else if tag(s) != tag(h) || !f.Instance(int32(uint32(s)-1)).Key.Equal(k) {
			continue
		}
		t.slots[i] = tag(h) | uint64(v+1)
		return
	}
}

// delete takes the entry of instance i out, and moves those behind it up that
// were put there because its place was taken.
func (t *Table) delete(f *Follower, i int32) {
	mask := uint64(len(t.slots) - 1)
	at := f.Instance(i).Key.Hash() & mask
	for uint32(t.slots[at]) != uint32(i+1) {
		at = (at + 1) & mask
	}
	for next := (at + 1) & mask; t.slots[next] != 0; next = (next + 1) & mask {
		home := f.Instance(int32(uint32(t.slots[next])-1)).Key.Hash() & mask
		if (next-home)&mask >= (next-at)&mask {
			t.slots[at], at = t.slots[next], next
		}
	}
	t.slots[at] = 0
	t.used--
}

// seek asks for the slots of some hashes.
func (t *Table) seek(hashes []uint64) {
	if len(t.slots) == 0 {
		return
	}
	mask := uint64(len(t.slots) - 1)
	for _, h := range hashes {
		prefetch.Read(unsafe.Pointer(&t.slots[h&mask]), 1)
	}
}

// likely returns the index of the instance that find likely finds, -1 where it finds none.
func (t *Table) likely(h uint64) int32 {
	if len(t.slots) == 0 {
		return -1
	}
	mask := uint64(len(t.slots) - 1)
	i := h & mask
	for t.slots[i] != 0 && tag(t.slots[i]) != tag(h) {
		i = (i + 1) & mask
	}
	return int32(uint32(t.slots[i])) - 1
}

func tag(h uint64) uint64 { return h &^ 0xffffffff }

func (t *Table) grow(f *Follower) {
	old := t.slots
	t.slots = slab.Make[uint64](max(1024, 2*len(old)))
	mask := uint64(len(t.slots) - 1)
	for _, s := range old {
		if s == 0 {
			continue
		}
		i := f.Instance(int32(uint32(s)-1)).Key.Hash() & mask
		for t.slots[i] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = s
	}
}
