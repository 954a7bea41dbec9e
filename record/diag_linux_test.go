package record

import (
	"encoding/binary"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/ingest/connlog"
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
		d.readHoldings(thorough)
		sockets := []sighting{{ID: 1, Inode: 7}, {ID: 2, Inode: 8}, {ID: 3}}
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
	if d.hidden = 0; len(d.blind()) != 3 {
		t.Errorf("%q", d.blind())
	}
	d.hidden = 5
	if list := d.blind(); len(list) != 4 || !strings.Contains(list[3], "5 processes") {
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
