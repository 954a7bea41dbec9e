package record

import (
	"context"
	"net"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	psnet "github.com/shirou/gopsutil/v3/net"
	"golang.org/x/sys/unix"
)

// twin opens a UDP socket whose port others may have too.
func twin(t *testing.T, address string) *net.UDPConn {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
	}}
	u, err := config.ListenPacket(context.Background(), "udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	return u.(*net.UDPConn)
}

// TestPollHolders finds every holder where gopsutil tells one: of a socket that a
// child inherited, and of two sockets on one port.
func TestPollHolders(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	shared, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	mine := twin(t, "127.0.0.1:0")
	theirs, err := twin(t, mine.LocalAddr().String()).File()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	end := os.NewFile(uintptr(pair[1]), "pair")
	child := exec.Command("/proc/self/exe")
	child.Env = append(os.Environ(), roleVariable+"=taker")
	child.ExtraFiles = []*os.File{end, shared, theirs}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	defer unix.Close(pair[0])
	end.Close()
	theirs.Close()
	seen, err := newSource(t, newPoll).look(true)
	if err != nil {
		t.Fatal(err)
	}
	me, its := int32(os.Getpid()), int32(child.Process.Pid)
	for _, address := range []string{l.Addr().String(), mine.LocalAddr().String()} {
		var pids []int32
		found := find(seen, address)
		for _, s := range found {
			for _, o := range s.Owners {
				pids = append(pids, o.PID)
			}
		}
		slices.Sort(pids)
		want := []int32{min(me, its), max(me, its)}
		if len(found) != 1 || !slices.Equal(pids, want) {
			t.Errorf("%s: %+v, want one socket of %v", address, found, want)
		}
	}
}

// TestPollGuesses marks a socket whose only known holder has a child that may
// have inherited it, where nothing tells who else holds it.
func TestPollGuesses(t *testing.T) {
	p := newSource(t, newPoll).(*poll)
	p.roster = family([3]int{10, 1, 1}, [3]int{11, 10, 3}, [3]int{9, 10, 3})
	for name, c := range map[string]struct {
		found inspection
		rows  string
		want  bool
	}{
		"a child of a greater PID":     {inspection{}, "tcp 127.0.0.1:80 127.0.0.1:5000 ESTABLISHED 10", true},
		"the child, which came second": {inspection{}, "tcp 127.0.0.1:80 127.0.0.1:5000 ESTABLISHED 11", false},
		"all are known":                {inspection{inodes: map[handle]uint64{{pid: 10}: 7}, holders: map[uint64][]int32{7: {10}}}, "tcp 127.0.0.1:80 127.0.0.1:5000 ESTABLISHED 10", false},
		"all but one that is hidden":   {inspection{inodes: map[handle]uint64{{pid: 10}: 7}, holders: map[uint64][]int32{7: {10}}, hidden: map[int32]bool{9: true}}, "tcp 127.0.0.1:80 127.0.0.1:5000 ESTABLISHED 10", true},
	} {
		for _, r := range p.roster.living {
			r.UID = int64(os.Geteuid())
		}
		p.ids = map[pollKey]uint64{}
		list, first := p.sightings([]psnet.ConnectionStat{row(t, c.rows)}, c.found, p.roster.id)
		var b births
		b.partial(p.roster, list, 2, func(s *sighting) bool { return first[s.ID] }, c.found.unseen)
		if len(list) != 1 || list[0].Partial != c.want {
			t.Errorf("%s: %+v, want partial %v", name, list, c.want)
		}
	}
}
