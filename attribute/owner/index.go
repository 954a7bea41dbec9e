package owner

import (
	"unsafe"

	"github.com/pcapwho/pcapwho/attribute/slab"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/prefetch"
)

// index numbers connection keys, and has a tuple for each: the first that is put is 0.
// Open addressing over 8-byte slots, so that a miss costs one cache line and a hit
// two. The zero value is empty.
type index struct {
	slots  []uint64 // upper half: of the hash; lower half: number + 1; 0 = free
	tuples slab.List[tuple]
}

// len returns how many keys there are.
func (x *index) len() int { return x.tuples.Len() }

// at returns the tuple of a number, which must have been put.
func (x *index) at(n int32) *tuple { return x.tuples.At(n) }

// key returns its key.
func (x *index) key(n int32) *flow.Key { return &x.tuples.At(n).key }

// find returns the number of k, whose hash is h, -1 where it was not put.
func (x *index) find(k *flow.Key, h uint64) int32 {
	if len(x.slots) == 0 {
		return -1
	}
	return int32(uint32(x.slots[x.slot(k, h)])) - 1
}

// touch reads what find will for these hashes, and makes numbers those of keys that likely
// have them, -1 where none does. It gives up at the first slot of another hash.
func (x *index) touch(hashes []uint64, numbers []int32) {
	mask := uint64(len(x.slots) - 1)
	for i, h := range hashes {
		numbers[i] = -1
		if len(x.slots) == 0 {
			continue
		}
		if s := x.slots[h&mask]; s != 0 && (s^h)>>32 == 0 {
			numbers[i] = int32(uint32(s)) - 1
		}
	}
}

// expect asks for the memory of a key with this hash, which will be put.
func (x *index) expect(h uint64) {
	if len(x.slots) > 0 {
		prefetch.Write(unsafe.Pointer(&x.slots[h&uint64(len(x.slots)-1)]), 1)
	}
}

// put returns the number of k, a new one where it was not put yet.
func (x *index) put(k *flow.Key) int32 {
	if x.len() >= len(x.slots)/8*5 {
		x.grow()
	}
	h := k.Hash()
	i := x.slot(k, h)
	if x.slots[i] == 0 {
		n := x.tuples.Add()
		x.at(n).key = *k
		x.slots[i] = h&^0xffffffff | uint64(n+1)
	}
	return int32(uint32(x.slots[i])) - 1
}

// slot returns where k, whose hash is h, stands or belongs.
func (x *index) slot(k *flow.Key, h uint64) uint64 {
	mask := uint64(len(x.slots) - 1)
	i := h & mask
	for ; x.slots[i] != 0; i = (i + 1) & mask {
		if (x.slots[i]^h)>>32 == 0 && x.key(int32(uint32(x.slots[i])-1)).Equal(k) {
			break
		}
	}
	return i
}

func (x *index) grow() {
	x.slots = slab.Make[uint64](max(1024, 2*len(x.slots)))
	mask := uint64(len(x.slots) - 1)
	for n := range int32(x.len()) {
		h := x.key(n).Hash()
		i := h & mask
		for x.slots[i] != 0 {
			i = (i + 1) & mask
		}
		x.slots[i] = h&^0xffffffff | uint64(n+1)
	}
}
