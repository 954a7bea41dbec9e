package record

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestDescriptorsOfCopies asks this process for its descriptors by links, and as one that
// was just forked.
func TestDescriptorsOfCopies(t *testing.T) {
	d := lookingUp(t)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	client, server := bothEnds(t, "tcp", "127.0.0.1")
	defer client.Close()
	defer server.Close()
	h := &d.lookups.holders
	d.lookups.mutex.Lock()
	defer d.lookups.mutex.Unlock()
	if h.mounts.sockets == 0 {
		t.Skip("fdinfo has no inodes before Linux 5.14")
	}
	type entry struct {
		inode  uint64
		passes bool
	}
	self := int32(unix.Getpid())
	list := func(copied bool) map[uint64]entry {
		h.copies[self] = copied
		defer delete(h.copies, self)
		s, all := search{holders: h}, map[uint64]entry{}
		if err := s.each(self, func(number, inode uint64, passes bool) { all[number] = entry{inode, passes} }); err != nil {
			t.Fatal(err)
		}
		return all
	}
	links, infos := list(false), list(true)
	for number, want := range links {
		if got, ok := infos[number]; ok && got != want && !got.passes {
			t.Errorf("descriptor %d is %+v, want %+v", number, got, want)
		}
		s := search{holders: h, inode: want.inode}
		if h.copies[self] = true; want.inode != 0 && (!s.has(self, number) || s.has(self, number+1000)) {
			t.Errorf("descriptor %d is not that of inode %d, or another is", number, want.inode)
		}
		delete(h.copies, self)
	}
	for _, fd := range pair {
		if got := infos[uint64(fd)]; got.inode == 0 || !got.passes {
			t.Errorf("a Unix socket is %+v", got)
		}
	}
}

// TestMounts reads what fdinfo says of descriptors.
func TestMounts(t *testing.T) {
	m := mounts{sockets: 10, anonymous: 16}
	for _, c := range []struct {
		what, info string
		inode      uint64
		passes     bool
	}{
		{"TCP", "pos:\t0\nflags:\t02\nmnt_id:\t10\nino:\t4711\n", 4711, false},
		{"Unix", "pos:\t0\nflags:\t02\nmnt_id:\t10\nino:\t4712\nscm_fds: 0\n", 4712, true},
		{"file", "pos:\t0\nflags:\t02\nmnt_id:\t27\nino:\t4711\n", 0, false},
		{"eventfd", "pos:\t0\nflags:\t02\nmnt_id:\t16\nino:\t2\neventfd-count:                0\n", 0, false},
		{"epoll", "pos:\t0\nflags:\t02\nmnt_id:\t16\nino:\t2\ntfd:        4 events:       19\n", 0, false},
		{"io_uring", "pos:\t0\nflags:\t02\nmnt_id:\t16\nino:\t2\nSqMask:\t0x7\n", 0, true},
		{"io_uring in use", "pos:\t0\nflags:\t02\nmnt_id:\t16\nino:\t2\n", 0, true},
	} {
		if inode, passes := m.descriptor([]byte(c.info)); inode != c.inode || passes != c.passes {
			t.Errorf("%s: socket %d, passes others on: %v", c.what, inode, passes)
		}
	}
}
