package record

import (
	"os"
	"slices"
	"testing"
)

// TestElders has those asked first who began last, then who was found last, then who holds
// any sockets.
func TestElders(t *testing.T) {
	h := holders{young: map[int32]*youngster{7: {forked: 100}, 8: {forked: 200}, 9: {forked: 400}}, free: map[int32]uint64{2: 3, 4: 3, 9: 3}, elders: []int32{5, 4, 2}}
	h.prefer(2)
	h.age(300, []int32{1, 2, 3, 5, 6, 7, 8, 9}, map[int32]holding{3: {}, 5: {}, 6: {}}, nil) // 4 ended
	if want := []int32{8, 7, 2, 5, 3, 6, 1}; !slices.Equal(h.elders, want) {
		t.Errorf("they are asked in the order %v, want %v", h.elders, want)
	}
	if len(h.young) != 1 || h.young[9] == nil {
		t.Errorf("%v are young", h.byAge())
	}
	if len(h.free) != 2 || h.free[4] != 0 {
		t.Errorf("numbers that are free: %v", h.free)
	}
}

// TestHolderSeen finds who has a socket by what it had when it was asked for another.
func TestHolderSeen(t *testing.T) {
	d := lookingUp(t)
	client, server := bothEnds(t, "tcp", "127.0.0.1")
	defer client.Close()
	defer server.Close()
	d.lookups.mutex.Lock()
	defer d.lookups.mutex.Unlock()
	h := &d.lookups.holders
	self := int32(os.Getpid())
	s := search{holders: h}
	s.ask(self)
	h.elders, h.young, h.accept = nil, nil, nil
	held, err := h.reader.sockets(self, nil)
	if err != nil || len(held) == 0 {
		t.Fatalf("%v, %v", held, err)
	}
	for _, f := range held {
		s, turn := search{holders: h, inode: f.inode}, 0
		if s.first(0, &turn); !slices.Equal(s.holding, []int32{self}) {
			t.Errorf("descriptor %d: %v has it", f.number, s.holding)
		}
	}
}
