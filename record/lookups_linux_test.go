package record

import (
	"context"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// lookingUp is a source of this network namespace that looks up since its first look.
func lookingUp(t *testing.T) *diag {
	t.Helper()
	private(t)
	d := newSource(t, newDiag).(*diag)
	if d.lookups == nil {
		_, err := openLookups(d.reader.another())
		t.Fatalf("nothing is looked up: %v", err)
	}
	if _, err := d.look(true); err != nil {
		t.Fatal(err)
	}
	d.begin()
	return d
}

// local is an address of one end, as the log has it.
func local(c net.Conn) string { return c.LocalAddr().String() }

// until waits for the look-up of sockets by their local addresses.
func (d *diag) until(t *testing.T, what string, done func(found []string) bool) {
	t.Helper()
	within(t, what, func() bool {
		d.lookups.mutex.Lock()
		defer d.lookups.mutex.Unlock()
		var found []string
		for _, q := range d.lookups.found {
			found = append(found, q.sighting.Local.String())
		}
		return done(found)
	})
}

// glimpses returns what the next look has of local addresses, once the sockets were
// closed.
func (d *diag) glimpses(t *testing.T, closed ...string) (list []glimpse) {
	t.Helper()
	l, err := d.look(true)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range l.found {
		if slices.Contains(closed, f.Local.String()) {
			list = append(list, f)
		}
	}
	return list
}

// bothEnds connects two ends of this process.
func bothEnds(t *testing.T, network, address string) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen(network, net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial(network, l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// TestLookups opens and closes connections between two looks: the second has both ends
// of each, whose they were, and since when.
func TestLookups(t *testing.T) {
	d := lookingUp(t)
	for _, address := range []string{"127.0.0.1", "::1"} {
		before := time.Now().UnixNano()
		client, server := bothEnds(t, "tcp", address)
		ends := []string{local(client), local(server)}
		d.until(t, "both ends are found", func(found []string) bool {
			return slices.Contains(found, ends[0]) && slices.Contains(found, ends[1])
		})
		client.Close()
		server.Close()
		d.check(t, before, ends...)
	}
	for _, how := range []string{"connected", "unconnected"} {
		before := time.Now().UnixNano()
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4zero})
		if how == "connected" {
			c.Close()
			c, err = net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})
		}
		if err != nil {
			t.Fatal(err)
		}
		if how == "connected" {
			_, err = c.Write([]byte("hello"))
		} else {
			_, err = c.WriteTo([]byte("hello"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})
		}
		if err != nil {
			t.Fatal(err)
		}
		address := local(c)
		d.until(t, "the datagram's socket is found", func(found []string) bool { return slices.Contains(found, address) })
		c.Close()
		d.check(t, before, address)
	}
}

// check looks, and wants this process to have been the holder of sockets since a time.
func (d *diag) check(t *testing.T, before int64, ends ...string) {
	t.Helper()
	found := d.glimpses(t, ends...)
	if len(found) != len(ends) {
		t.Fatalf("%d of %q were found: %+v", len(found), ends, found)
	}
	for _, f := range found {
		now := time.Now().UnixNano()
		if !f.ended || f.Partial || len(f.Owners) != 1 || f.Owners[0].PID != int32(os.Getpid()) || f.first < before || f.last < f.first || f.last > now {
			t.Errorf("%+v, want that of this process, alone, from %d to %d", f, before, now)
		}
		if id, ok := d.roster.id(int32(os.Getpid())); !ok || f.Owners[0] != id {
			t.Errorf("it is of %v, and the log has %v", f.Owners[0], id)
		}
	}
}

// TestLookupsDoubt makes connections whose holder may not have been alone: that is said.
func TestLookupsDoubt(t *testing.T) {
	for name, before := range map[string]func(t *testing.T){
		"it has a Unix socket": func(t *testing.T) {
			fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
		},
		"it forks": nil,
	} {
		t.Run(name, func(t *testing.T) {
			d := lookingUp(t)
			if before != nil {
				before(t)
			}
			client, server := bothEnds(t, "tcp", "127.0.0.1")
			ends := []string{local(client), local(server)}
			d.until(t, "both ends are found", func(found []string) bool {
				return slices.Contains(found, ends[0]) && slices.Contains(found, ends[1])
			})
			if before == nil {
				if err := exec.CommandContext(context.Background(), "true").Run(); err != nil {
					t.Fatal(err)
				}
			}
			client.Close()
			server.Close()
			found := d.glimpses(t, ends...)
			if len(found) != 2 || !found[0].Partial || !found[1].Partial {
				t.Errorf("%+v, want both ends, and doubt", found)
			}
		})
	}
}

// TestLookupOfAnother finds a process that lives no longer than its connection, and was
// forked after the last look: the log has it.
func TestLookupOfAnother(t *testing.T) {
	d := lookingUp(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	cmd := exec.CommandContext(t.Context(), "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/"+port+"; read -u 3 line")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	client := server.RemoteAddr().String()
	d.until(t, "the client is found", func(found []string) bool { return slices.Contains(found, client) })
	server.Close()
	_ = cmd.Wait() // it read nothing
	look, err := d.look(true)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(look.found, func(f glimpse) bool { return f.Local.String() == client })
	if i < 0 || look.found[i].Partial || len(look.found[i].Owners) != 1 || look.found[i].Owners[0].PID != int32(cmd.Process.Pid) {
		t.Fatalf("%+v, want it to be of process %d", look.found, cmd.Process.Pid)
	}
	if !slices.ContainsFunc(look.processes, func(p connlog.Process) bool {
		return p.ID == look.found[i].Owners[0] && p.Change == connlog.ProcessSnapshot && p.Name == "bash" && strings.HasSuffix(p.Exe, "/bash")
	}) {
		t.Errorf("the log does not have it: %+v", look.processes)
	}
}

func TestParseBeginning(t *testing.T) {
	four := func(protocol byte, options int) []byte {
		b := make([]byte, 20+4*options+20)
		b[0], b[9] = byte(0x45+options), protocol
		copy(b[12:], []byte{192, 0, 2, 1, 192, 0, 2, 2})
		copy(b[20+4*options:], []byte{0x13, 0x88, 0, 80})
		return b
	}
	six := make([]byte, 60)
	six[0], six[6], six[23], six[39] = 0x60, 17, 1, 2
	copy(six[40:], []byte{0x13, 0x88, 0, 53})
	for name, c := range map[string]struct {
		packet []byte
		want   string // "" = none
	}{
		"TCP":          {four(6, 0), "tcp 192.0.2.1:5000 > 192.0.2.2:80"},
		"with options": {four(17, 3), "udp 192.0.2.1:5000 > 192.0.2.2:80"},
		"IPv6":         {six, "udp [::1]:5000 > [::2]:53"},
		"ICMP":         {four(1, 0), ""},
		"short":        {four(6, 0)[:23], ""},
		"short IPv6":   {six[:43], ""},
		"empty":        {nil, ""},
		"no IP":        {make([]byte, 60), ""},
	} {
		got, ok := parseBeginning(c.packet)
		if ok != (c.want != "") || ok && got.String() != c.want {
			t.Errorf("%s: %v %v, want %q", name, got, ok, c.want)
		}
	}
}

// TestBudget takes no more than its share.
func TestBudget(t *testing.T) {
	b := budget{share: 0.25, most: 100, left: 100}
	taken := 0
	for now := int64(0); now < 10_000; now += 10 {
		if b.take(now, 20) {
			taken += 20
		}
	}
	if taken < 2400 || taken > 2700 {
		t.Errorf("%d of 10,000 with a share of a quarter and a burst of 100", taken)
	}
}

// TestDiagQuestion asks for either end of a packet in the order that the kernel wants.
func TestDiagQuestion(t *testing.T) {
	tuple := flow.FiveTuple{Source: flow.AddrFrom4(0x7f000001), Destination: flow.AddrFrom4(0x7f000002), SourcePort: 5000, DestinationPort: 80, Protocol: flow.TCP}
	b := diagQuestion(&tuple)
	tuple.Protocol = flow.UDP
	c := diagQuestion(&tuple)
	want := []byte{0x13, 0x88, 0, 80, 127, 0, 0, 1}
	if !slices.Equal(b[8:16], want) || b[28] != 127 || b[31] != 2 || len(b) != diagRequest || !slices.Equal(c[8:12], []byte{0, 80, 0x13, 0x88}) || c[15] != 2 || c[31] != 1 {
		t.Errorf("TCP %x\nUDP %x", b, c)
	}
}

// TestFloodOfDatagrams has datagrams come faster than they may be looked at: those that
// wait already are ignored, and after a rest the next ones are looked at.
func TestFloodOfDatagrams(t *testing.T) {
	l := &lookups{packets: -1, flood: datagramBudget()}
	heard := func(at int64) (n int) {
		for range 3 * datagramMost {
			if l.hears(at) {
				n++
			}
		}
		return n
	}
	if n := heard(1e18); n != datagramMost || !l.deaf || l.rested != 1e18+int64(datagramRest) {
		t.Fatalf("%d of a flood were heard, deaf: %v until %d", n, l.deaf, l.rested)
	}
	_ = l.listen(true) // there is no socket
	if n := heard(l.rested); n != datagramMost {
		t.Errorf("%d were heard after the rest, want %d", n, datagramMost)
	}
}

// TestHeardLessOften has datagrams of one end pass all the time: the looks at it become
// fewer the longer it is there.
func TestHeardLessOften(t *testing.T) {
	q, looks, before := &lookup{due: 1 << 62}, 0, 0
	for now := int64(0); now < 1e9; now += 10_000 {
		if q.heard(now); q.due <= now {
			q.last, q.due, looks = now, 1<<62, looks+1
		}
		if now == 1e7 {
			before = looks
		}
	}
	if before < 20 || looks > 150 {
		t.Errorf("%d looks in 10 ms and %d in a second", before, looks)
	}
}

// TestLookupSettles has a process that could pass a connection on wait to receive from it:
// it is the one who uses it. Of one that does not wait nothing is known.
func TestLookupSettles(t *testing.T) {
	d := lookingUp(t)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	client, server := bothEnds(t, "tcp", "127.0.0.1")
	idleClient, idleServer := bothEnds(t, "tcp", "127.0.0.1")
	ends := []string{local(server), local(idleServer)}
	file, err := server.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	fd := int(file.Fd()) // which waits: it is set to block
	received := make(chan struct{})
	go func() {
		_, _ = unix.Read(fd, make([]byte, 1)) // nothing comes
		close(received)
	}()
	d.until(t, "both ends are found", func(found []string) bool {
		return slices.Contains(found, ends[0]) && slices.Contains(found, ends[1])
	})
	within(t, "who waits is sure to be the one", func() bool {
		d.lookups.mutex.Lock()
		defer d.lookups.mutex.Unlock()
		for _, q := range d.lookups.found {
			if q.sure && q.sighting.Local.String() == ends[0] {
				return true
			}
		}
		return false
	})
	client.Close()
	<-received
	for _, c := range []interface{ Close() error }{file, server, idleServer, idleClient} {
		c.Close()
	}
	found := d.glimpses(t, ends...)
	if len(found) != 2 {
		t.Fatalf("%+v, want both servers' ends", found)
	}
	for _, f := range found {
		waited := f.Local.String() == ends[0]
		if f.Partial == waited || len(f.Owners) != 1 || f.Owners[0].PID != int32(os.Getpid()) || f.last < f.first {
			t.Errorf("%+v, want this process, in doubt: %v", f, !waited)
		}
	}
}

func TestReceiving(t *testing.T) {
	wait := strconv.Itoa(unix.SYS_RECVFROM)
	for text, want := range map[string]int{
		wait + " 0x1f 0x7f7600647b60 0x1 0x0 0x0 0x0 0x7ffc63f0c698 0x7f7600b28929\n":                     31,
		strconv.Itoa(unix.SYS_READ) + " 0x4 0x7f 0x1 0x0 0x0 0x0 0x7ffc 0x7f76\n":                         4,
		strconv.Itoa(unix.SYS_ACCEPT4) + " 0x1f 0x7f7600647b60 0x1 0x0 0x0 0x0 0x7ffc63f0c698 0x7f7600\n": -1,
		"running\n": -1, "": -1, wait + " 0xffffffffffffffff 0x0\n": -1, "-1 0x7ffc63f0c698 0x7f7600b28929\n": -1,
	} {
		got, ok := receiving([]byte(text))
		if ok != (want >= 0) || ok && int(got) != want {
			t.Errorf("%q: %d, %v, want %d", text, got, ok, want)
		}
	}
}

// TestLookupComesLate keeps a datagram waiting until another socket has its port: that one
// did not send it, and is named from when it was found.
func TestLookupComesLate(t *testing.T) {
	d := lookingUp(t)
	peer := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}
	d.lookups.mutex.Lock()
	first, err := net.DialUDP("udp", nil, peer)
	if err == nil {
		_, err = first.Write([]byte("hello"))
	}
	if err != nil {
		d.lookups.mutex.Unlock()
		t.Fatal(err)
	}
	address := first.LocalAddr().(*net.UDPAddr)
	first.Close()
	time.Sleep(2 * settled)
	opened := time.Now().UnixNano()
	second, err := net.DialUDP("udp", address, peer)
	d.lookups.mutex.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	d.until(t, "the second socket is found", func(found []string) bool { return slices.Contains(found, address.String()) })
	second.Close()
	d.check(t, opened, address.String())
}

// TestHolderUnknownToLook finds that a process has a socket which was forked while a look
// went on: what the look saw of that socket is in doubt.
func TestHolderUnknownToLook(t *testing.T) {
	parent, child := connlog.ProcessID{PID: 1}, connlog.ProcessID{PID: 2}
	for _, known := range []bool{false, true} {
		l := &lookups{holders: holders{events: -1}, found: map[uint64]*lookup{7: {sighting: connlog.Socket{ID: 7, Owners: []connlog.ProcessID{child}}, sure: true}}}
		sockets := []sighting{{ID: 7, Owners: []connlog.ProcessID{parent}}, {ID: 8, Owners: []connlog.ProcessID{parent}}}
		list := l.take(1, sockets, false, func(connlog.ProcessID) bool { return known })
		if sockets[0].Partial == known || sockets[1].Partial || len(list) != map[bool]int{true: 1}[known] {
			t.Errorf("known %v: the look's sockets are %+v, found %+v", known, sockets, list)
		}
	}
}

// TestLookupRests has looks at an end come soon after each other while one of its holders is
// about to let go of it, or may have forked another, and else seldom.
func TestLookupRests(t *testing.T) {
	const forked, last, due = 50, 40, 1 << 60
	parent, child := connlog.ProcessID{PID: 1}, connlog.ProcessID{PID: 2}
	l := &lookups{holders: holders{forks: map[int32]int64{parent.PID: forked}}}
	for _, c := range []struct {
		what   string
		sent   bool
		owners []connlog.ProcessID // none: it is not found yet
		last   int64
		due    int64
		pause  time.Duration // from one of 10 ms
	}{
		{"not found", false, nil, last, due, maxPause},
		{"accepted by who forked since", false, []connlog.ProcessID{parent}, last, last + int64(maxPause), 40 * time.Millisecond},
		{"accepted by who forked before", false, []connlog.ProcessID{parent}, forked + 1, due, 40 * time.Millisecond},
		{"accepted by who did not fork", false, []connlog.ProcessID{child}, last, due, 40 * time.Millisecond},
		{"accepted, and inherited", false, []connlog.ProcessID{parent, child}, forked + 1, due, maxPause},
		{"sent by who forked since", true, []connlog.ProcessID{parent}, last, due, 40 * time.Millisecond},
		{"sent, and inherited", true, []connlog.ProcessID{parent, child}, last, due, 40 * time.Millisecond},
	} {
		q := &lookup{sent: c.sent, last: c.last, due: due, pause: 10 * time.Millisecond, sighting: connlog.Socket{ID: uint64(len(c.owners)), Owners: c.owners}}
		if got := l.dueAt(q); got != c.due {
			t.Errorf("%s: due at %d, want %d", c.what, got, c.due)
		}
		if q.rest(1000); q.pause != c.pause || q.due != 1000+int64(c.pause) {
			t.Errorf("%s: rests for %v until %d, want %v", c.what, q.pause, q.due, c.pause)
		}
	}
}
