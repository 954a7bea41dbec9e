package record

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// newSource opens a source of this process's network namespace.
func newSource(t *testing.T, open func() (source, error)) source {
	t.Helper()
	s, err := open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// find returns what a look has of a local address.
func find(l look, local string) (found []sighting) {
	for _, s := range l.sockets {
		if s.Local.String() == local {
			found = append(found, s)
		}
	}
	return found
}

// TestLooks opens sockets of this process: both sources find them and their
// owner, and see them go.
func TestLooks(t *testing.T) {
	for name, open := range map[string]func() (source, error){SourceDiag: newDiag, SourcePoll: newPoll} {
		t.Run(name, func(t *testing.T) {
			s := newSource(t, open)
			if _, err := s.look(true); err != nil {
				t.Fatal(err)
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			before := time.Now().UnixNano()
			seen, err := s.look(false)
			if err != nil || seen.begin < before || seen.end < seen.begin || seen.end > time.Now().UnixNano() {
				t.Fatalf("from %d to %d, %v", seen.begin, seen.end, err)
			}
			me := int32(os.Getpid())
			listening, client, server := find(seen, l.Addr().String()), find(seen, c.LocalAddr().String()), []sighting(nil)
			for i, x := range listening {
				if x.State != "listen" {
					server = append(server, x)
					listening = slices.Delete(listening, i, i+1)
					break
				}
			}
			for what, x := range map[string][]sighting{"listening": listening, "client": client} {
				if len(x) != 1 || len(x[0].Owners) != 1 || x[0].Owners[0].PID != me || x[0].ID == 0 {
					t.Errorf("%s: %+v, want one, of %d", what, x, me)
				}
			}
			// Nobody accepted it yet.
			if len(server) != 1 || server[0].Remote.String() != c.LocalAddr().String() || len(server[0].Owners) != 0 || server[0].State != "established" {
				t.Errorf("server: %+v, want one without an owner", server)
			}
			c.Close()
			l.Close()
			gone, err := s.look(false)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(find(gone, l.Addr().String())); n != 0 {
				t.Errorf("%d sockets of the closed address", n)
			}
		})
	}
}

// TestDiagShared finds every holder of a socket, and the one that is left.
func TestDiagShared(t *testing.T) {
	p := newProcfs(t)
	p.run(10, task{ticks: 1, name: "a", exe: "/a", sockets: []uint64{7, 8, 7}})
	p.run(20, task{ticks: 2, name: "b", exe: "/b", sockets: []uint64{8}})
	d := newSource(t, newDiag).(*diag)
	d.reader.close()
	d.reader = p.reader()
	d.reader.dir, _ = unix.Dup(d.reader.dir) // the source closes its own
	d.roster = newRoster(d.reader)
	owners := func(thorough bool) (list [2][]connlog.ProcessID) {
		if _, err := d.roster.refresh(2e9, thorough); err != nil {
			t.Fatal(err)
		}
		sockets := []sighting{{ID: 1, Inode: 7}, {ID: 2, Inode: 8}, {ID: 3}}
		d.readHoldings(sockets)
		if d.assign(sockets); sockets[2].Owners != nil {
			t.Error("a socket without an inode has owners")
		}
		return [2][]connlog.ProcessID{sockets[0].Owners, sockets[1].Owners}
	}
	a, b := connlog.ProcessID{PID: 10, Start: tick}, connlog.ProcessID{PID: 20, Start: 2 * tick}
	check := func(what string, got [2][]connlog.ProcessID, of7, of8 []connlog.ProcessID) {
		t.Helper()
		if !slices.Equal(got[0], of7) || !slices.Equal(got[1], of8) {
			t.Errorf("%s: %v, want %v and %v", what, got, of7, of8)
		}
	}
	both := []connlog.ProcessID{a, b}
	check("at first", owners(true), both[:1], both)
	p.end(10)
	check("one ended", owners(false), nil, both[1:])
	p.run(20, task{ticks: 99, name: "b", exe: "/b"})
	check("the PID is used again", owners(false), nil, nil)
	p.run(20, task{ticks: 99, name: "b", exe: "/b", sockets: []uint64{7}})
	check("another holds it", owners(false), []connlog.ProcessID{{PID: 20, Start: 99 * tick}}, nil)
}

// TestOnlyOnce keeps one of a socket that a dump told twice.
func TestOnlyOnce(t *testing.T) {
	got := onlyOnce([]sighting{{ID: 1, Inode: 5}, {ID: 2}, {ID: 1, Inode: 6}, {ID: 3}, {ID: 3}})
	if len(got) != 3 || got[0].ID != 1 || got[0].Inode != 5 || got[1].ID != 2 || got[2].ID != 3 {
		t.Errorf("%+v", got)
	}
}

func TestNetlinkFailure(t *testing.T) {
	code := func(n int32) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(n)) }
	for name, c := range map[string]struct {
		payload []byte
		family  uint8
		want    string
	}{
		"acknowledged":       {code(0), familyINET, ""},
		"not permitted":      {code(-int32(unix.EPERM)), familyINET, "sock_diag: operation not permitted"},
		"no IPv6":            {code(-int32(unix.ENOENT)), familyINET6, ""},
		"no IPv4":            {code(-int32(unix.ENOENT)), familyINET, "sock_diag: no such file or directory"},
		"nothing":            {nil, familyINET, "sock_diag: error without a number"},
		"IPv6 not permitted": {code(-int32(unix.EPERM)), familyINET6, "sock_diag: operation not permitted"},
	} {
		err := netlinkFailure(c.payload, c.family)
		if c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestDiagBlind says what the source cannot see.
func TestDiagBlind(t *testing.T) {
	d := newSource(t, newDiag).(*diag)
	if len(d.blind()) != 3 {
		t.Errorf("%q", d.blind())
	}
	for pid := range int32(5) {
		d.hide(pid+1, true)
	}
	if list := d.blind(); len(list) != 4 || !strings.Contains(list[3], "of 5 processes") {
		t.Errorf("%q", list)
	}
}

func TestOpenSource(t *testing.T) {
	for asked, want := range map[string]string{SourceAuto: "diag the best that this version has for Linux", SourceDiag: "diag asked for", SourcePoll: "poll asked for"} {
		s, why, err := openSource(asked)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.name() + " " + why; got != want {
			t.Errorf("%s: %q, want %q", asked, got, want)
		}
		s.close()
	}
}

// TestWatchSteps ends when it is stopped.
func TestWatchSteps(t *testing.T) {
	stop, err := watchSteps(func() { t.Error("a step") })
	if err != nil {
		t.Fatal(err)
	}
	stop()
}

// TestDiagVerifies lets old processes close and pass on what they hold, between
// two looks that ask nobody for all he holds: a holder that has it no more is
// noticed, and only then all are asked.
func TestDiagVerifies(t *testing.T) {
	p := newProcfs(t)
	r := p.reader()
	old, other := task{ticks: 1, name: "a", exe: "/a", sockets: []uint64{7, 8}}, task{ticks: 2, name: "b", exe: "/b", sockets: []uint64{9}}
	d := &diag{reader: r, roster: newRoster(r), held: map[int32]holding{}, sought: map[uint64]use{}, hidden: map[int32]bool{}}
	look := func(thorough bool, inodes ...uint64) (lost bool, owners string) {
		t.Helper()
		var sockets []sighting
		for _, i := range inodes {
			sockets = append(sockets, sighting{ID: i, Inode: i})
		}
		if _, err := d.roster.refresh(int64(d.roster.round)*10*youth, thorough); err != nil {
			t.Fatal(err)
		}
		lost = d.readHoldings(sockets)
		d.assign(sockets)
		for _, s := range sockets {
			for _, o := range s.Owners {
				owners += fmt.Sprintf("%d:%d ", s.Inode, o.PID)
			}
		}
		return lost, owners
	}
	for i, c := range []struct {
		change   func()
		thorough bool
		inodes   []uint64
		lost     bool
		owners   string
	}{
		{func() { p.run(10, old); p.run(20, other) }, true, []uint64{7, 8, 9}, false, "7:10 8:10 9:20 "},
		{func() {}, false, []uint64{7, 8, 9}, false, "7:10 8:10 9:20 "},
		{func() { // passed on, and closed
			other.sockets = []uint64{9, 8}
			old.sockets = []uint64{7}
			p.run(10, old)
			p.run(20, other)
		}, false, []uint64{7, 8, 9}, true, "7:10 9:20 "},
		{func() {}, true, []uint64{7, 8, 9}, false, "7:10 8:20 9:20 "},
		{func() { old.sockets = []uint64{6}; p.run(10, old) }, false, []uint64{7, 8, 9}, true, "8:20 9:20 "}, // the number has another socket
		{func() { p.end(20) }, false, []uint64{7, 9}, true, ""},
		{func() { p.run(20, other) }, true, []uint64{8, 9}, false, "8:20 9:20 "},
		{func() { p.end(20) }, false, []uint64{7}, false, ""}, // its sockets went with it
	} {
		c.change()
		if lost, owners := look(c.thorough, c.inodes...); lost != c.lost || owners != c.owners {
			t.Errorf("look %d: lost %v, owners %q, want %v, %q", i, lost, owners, c.lost, c.owners)
		}
	}
}

// TestHolds compares a descriptor with what it was.
func TestHolds(t *testing.T) {
	p := newProcfs(t)
	p.run(10, task{ticks: 1, name: "a", exe: "/a", sockets: []uint64{7}})
	r := p.reader()
	for f, want := range map[descriptor]bool{{3, 7}: true, {3, 8}: false, {4, 7}: false, {0, 7}: false} {
		if got := r.holds(10, f); got != want {
			t.Errorf("%+v: %v", f, got)
		}
	}
	if r.holds(11, descriptor{3, 7}) {
		t.Error("nobody holds it")
	}
}

// TestDue gives every descriptor its turn, and each look a bounded number.
func TestDue(t *testing.T) {
	d := &diag{roster: &roster{}, sought: map[uint64]use{}}
	for _, n := range []uint64{1, verifyEach - 1, 5 * verifyEach} {
		for i := range n {
			d.sought[i] = use{}
		}
		turns := map[uint64]int{}
		looks := n/verifyEach + 1
		for range looks {
			d.roster.round++
			now := 0
			for i := range n {
				if d.due(descriptor{inode: i}) {
					turns[i]++
					now++
				}
			}
			if now > verifyEach {
				t.Errorf("%d sockets: %d are verified in a look", n, now)
			}
		}
		for i := range n {
			if turns[i] != 1 {
				t.Fatalf("%d sockets: descriptor %d has %d turns in %d looks", n, i, turns[i], looks)
			}
		}
	}
}

// TestMayHold knows who has no descriptors at all.
func TestMayHold(t *testing.T) {
	p := newProcfs(t)
	p.run(10, task{ticks: 1, name: "a", exe: "/a"})
	for thread, flags := range map[int]int{10: 4194308, 11: 4194308, 12: 4194304} {
		folder := filepath.Join(p.folder, "10", "task", strconv.Itoa(thread))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		stat := fmt.Sprintf("%d (a) R 1 10 10 0 -1 %d 0 0 0 0 0 0 0 0 20 0 3 0 5 0", thread, flags)
		if err := os.WriteFile(filepath.Join(folder, "stat"), []byte(stat), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := p.reader()
	for stat, want := range map[string]bool{
		"10 (a) S 1 10 10 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 5 0":      true,
		"10 (a) S) Z 1 10 10 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 5 0":   false,
		"10 (a) R 1 10 10 0 -1 4194308 0 0 0 0 0 0 0 0 20 0 1 0 5 0":      false, // begins to end
		"10 (a) R 1 10 10 0 -1 4194308 0 0 0 0 0 0 0 0 20 0 3 0 5 0":      true,  // one of three threads
		"10 (kworker) I 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 5 0": false,
		"": false,
	} {
		if err := os.WriteFile(filepath.Join(p.folder, "10", "stat"), []byte(stat), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := r.mayHold(10); got != want {
			t.Errorf("%q: %v", stat, got)
		}
	}
}

// TestDiagPassed passes a socket to an old process (SCM_RIGHTS), which goes on
// holding it alone: the next look says so, though no thorough one is due.
func TestDiagPassed(t *testing.T) {
	d := newSource(t, newDiag).(*diag)
	taker := exec.Command("/proc/self/exe")
	taker.Env = append(os.Environ(), roleVariable+"=taker")
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	end := os.NewFile(uintptr(pair[1]), "pair")
	taker.ExtraFiles, taker.Stderr = []*os.File{end}, os.Stderr
	if err := taker.Start(); err != nil {
		t.Fatal(err)
	}
	end.Close()
	defer taker.Wait()
	defer unix.Close(pair[0])
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	address := l.Addr().String()
	if _, err := d.look(true); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.roster.living {
		p.since -= 2 * youth // not read in every look
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(int(file.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
	file.Close()
	l.Close()
	var b [1]byte
	if _, err := unix.Read(pair[0], b[:]); err != nil { // the taker has it
		t.Fatal(err)
	}
	d.full, d.cost = time.Now(), time.Hour
	seen, err := d.look(false)
	if err != nil {
		t.Fatal(err)
	}
	found := find(seen, address)
	if len(found) != 1 || len(found[0].Owners) != 1 || found[0].Owners[0].PID != int32(taker.Process.Pid) || !seen.thorough {
		t.Errorf("thorough %v: %+v, want one of %d", seen.thorough, found, taker.Process.Pid)
	}
}

// BenchmarkLook looks at so many sockets of one process, none of them new.
// The kernel tells when a connection ended, and what it counted, also of what was
// sent since the last look.
func TestDestroyed(t *testing.T) {
	private(t)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var close *connlog.Event
	w := newWatch(newSource(t, newDiag), func(e *connlog.Event) {
		if e.Kind == connlog.KindSocket && e.Socket.Change == connlog.SocketClose && e.Socket.Local.String() == c.LocalAddr().String() {
			close = e
		}
	})
	if _, err := w.first(); err != nil {
		t.Fatal(err)
	}
	w.report()
	if _, err := c.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	s.Close() // with what it has not read: a reset ends both
	within(t, "the connection is over", func() bool { _, err := c.Read(make([]byte, 1)); return err != nil })
	c.Close()
	closed := time.Now().UnixNano()
	time.Sleep(300 * time.Millisecond)
	if err := w.lookNow(true); err != nil {
		t.Fatal(err)
	}
	if close == nil || close.Socket.Counters == nil || close.Socket.Counters.BytesSent != 1000 {
		t.Fatalf("the end in the log is %+v", close)
	}
	if late := time.Duration(close.Time - closed); late > 250*time.Millisecond {
		t.Errorf("the log has the end %v after it was", late)
	}
}

// BenchmarkDump reads the table of 5,000 sockets; cpu-ns/op is processor time.
func BenchmarkDump(b *testing.B) {
	private(b)
	for range 5000 {
		u, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		defer u.Close()
	}
	s, err := newDiag()
	if err != nil {
		b.Fatal(err)
	}
	defer s.close()
	d := s.(*diag)
	list := make([]sighting, 0, 6000)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := threadTime()
	for b.Loop() {
		for _, family := range [...]uint8{familyINET, familyINET6} {
			if list, err = d.dump(d.tables[0], family, flow.UDP, list[:0]); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(threadTime()-began)/float64(b.N), "cpu-ns/op")
}

func BenchmarkLook(b *testing.B) {
	for _, n := range []int{50, 1000, 5000} {
		for _, thorough := range []bool{false, true} {
			b.Run(fmt.Sprintf("sockets=%d/thorough=%v", n, thorough), func(b *testing.B) {
				private(b)
				for range n {
					u, err := net.ListenPacket("udp", "127.0.0.1:0")
					if err != nil {
						b.Fatal(err)
					}
					defer u.Close()
				}
				s, err := newDiag()
				if err != nil {
					b.Fatal(err)
				}
				defer s.close()
				d := s.(*diag)
				if _, err := d.look(true); err != nil {
					b.Fatal(err)
				}
				for _, p := range d.roster.living {
					p.since -= 2 * youth
				}
				b.ReportAllocs()
				for b.Loop() {
					d.full, d.cost = time.Now(), time.Hour
					if _, err := d.look(thorough); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
