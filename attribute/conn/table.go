package conn

import "github.com/pcapwho/pcapwho/ingest/flow"

// Table finds the latest instance of a connection key: open addressing over
// 8-byte slots that hold half of the hash and an index, so that a miss costs
// one cache line. The zero value is ready.
type Table struct {
	slots []uint64 // upper half: hash tag; lower half: index+1; 0 = empty
	keys  []flow.Key
	value []int32
}

// Get returns what Put stored for k, and whether it did.
func (t *Table) Get(k flow.Key) (int32, bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	i, ok := t.find(k, k.Hash())
	if !ok {
		return 0, false
	}
	return t.value[uint32(t.slots[i])-1], true
}

// Put stores v for k, in place of what was there.
func (t *Table) Put(k flow.Key, v int32) {
	if len(t.keys) >= len(t.slots)/8*5 {
		t.grow()
	}
	h := k.Hash()
	i, ok := t.find(k, h)
	if ok {
		t.value[uint32(t.slots[i])-1] = v
		return
	}
	t.keys = append(t.keys, k)
	t.value = append(t.value, v)
	t.slots[i] = tag(h) | uint64(len(t.keys))
}

// Len returns the number of keys.
func (t *Table) Len() int { return len(t.keys) }

func tag(h uint64) uint64 { return h &^ 0xffffffff }

// find returns the slot of k, or the empty one where it belongs.
func (t *Table) find(k flow.Key, h uint64) (slot uint64, ok bool) {
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := t.slots[i]
		if s == 0 {
			return i, false
		}
		if tag(s) == tag(h) && t.keys[uint32(s)-1] == k {
			return i, true
		}
	}
}

func (t *Table) grow() {
	t.slots = make([]uint64, max(1024, 2*len(t.slots)))
	mask := uint64(len(t.slots) - 1)
	for n, k := range t.keys {
		h := k.Hash()
		i := h & mask
		for t.slots[i] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = tag(h) | uint64(n+1)
	}
}
