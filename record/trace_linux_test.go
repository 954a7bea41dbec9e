package record

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/record/hooks"
)

// fakeTrace returns a trace of events that a test makes up, and what it writes.
func fakeTrace(t *testing.T) (*trace, *[]string) {
	t.Helper()
	reader, err := newProcessReader()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.close)
	var got []string
	f := &trace{namespace: 1, sockets: map[uint64]*traced{}, listeners: map[uint64]*traced{}}
	f.write = func(e *connlog.Event) {
		if s := e.Socket; s != nil {
			line := fmt.Sprintf("%d %s %d %s", e.Time, s.Change, s.ID, s.Local)
			if s.HasRemote {
				line += " > " + s.Remote.String()
			}
			for _, o := range s.Owners {
				line += fmt.Sprintf(" %d", o.PID)
			}
			if s.Partial {
				line += " …"
			}
			if s.Evidence != 0 {
				line += " by " + s.Evidence.String()
			}
			if s.Since != 0 {
				line += fmt.Sprintf(" since %d", s.Since)
			}
			got = append(got, line)
		}
	}
	f.census = &census{roster: newRoster(reader), reader: reader, renamed: map[connlog.ProcessID]int64{}, write: func(int64, *connlog.Process) {}}
	return f, &got
}

// socketEvent makes an event: user 0 is the network.
func socketEvent(kind hooks.Kind, at int64, user int32, local, remote string) *hooks.Event {
	e := &hooks.Event{Kind: kind, Time: at, Netns: 1}
	if user != 0 {
		e.User = hooks.Identity{PID: user << 22, Start: uint64(user)} // PIDs that nobody has
	}
	e.Cookie, e.Protocol = 5, uint8(flow.TCP)
	e.Local, _ = netip.ParseAddrPort(local) // none of ""
	e.Remote, _ = netip.ParseAddrPort(remote)
	return e
}

func state(e *hooks.Event, s uint8) *hooks.Event { e.State = s; return e }
func udp(e *hooks.Event) *hooks.Event            { e.Protocol = uint8(flow.UDP); return e }
func icmp(raw bool, e *hooks.Event) *hooks.Event {
	e.Protocol, e.Raw = uint8(flow.ICMP), raw
	return e
}
func sent(e *hooks.Event) *hooks.Event { e.Direction = hooks.Sent; return e }
func former(e *hooks.Event, at int64) *hooks.Event {
	e.Former = at
	return e
}

func TestTraceTakes(t *testing.T) {
	const a, b, any4 = "10.0.0.1:80", "10.0.0.2:5000", "0.0.0.0:53"
	type list = []*hooks.Event
	for name, c := range map[string]struct {
		batches []list
		want    []string
	}{
		"a client": {[]list{
			{state(socketEvent(hooks.State, 10, 1, "", ""), hooks.SynSent)},
			{state(socketEvent(hooks.State, 20, 0, a, b), hooks.Established), sent(state(socketEvent(hooks.Use, 21, 1, a, b), hooks.Established))},
			{state(socketEvent(hooks.State, 30, 0, a, b), hooks.Close)},
		}, []string{"10 open 5 A > B 1 by connect", "30 close 5 A > B 1"}},
		"refused": {[]list{
			{state(socketEvent(hooks.State, 10, 1, "", ""), hooks.SynSent), state(socketEvent(hooks.State, 20, 0, a, b), hooks.Close)},
		}, []string{"10 open 5 A > B 1 by connect", "20 close 5 A > B 1"}},
		"accepted, and used at once": {[]list{
			{state(socketEvent(hooks.State, 10, 0, a, b), hooks.Established), state(socketEvent(hooks.Use, 11, 2, a, b), hooks.Established)},
		}, []string{"10 open 5 A > B 2 by receive"}},
		"accepted, and used later": {[]list{
			{state(socketEvent(hooks.State, 10, 0, a, b), hooks.Established)},
			{state(socketEvent(hooks.Use, 90, 2, a, b), hooks.Established)},
		}, []string{"10 open 5 A > B by accept", "90 owner 5 A > B 2 by receive since 10"}},
		"accepted, and closed unread": {[]list{
			{state(socketEvent(hooks.State, 10, 0, a, b), hooks.Established)},
			{state(socketEvent(hooks.State, 20, 0, a, b), hooks.Close)},
			{socketEvent(hooks.Release, 25, 2, a, b)},
		}, []string{"10 open 5 A > B by accept", "20 owner 5 A > B 2 by destroy since 10", "20 close 5 A > B 2"}},
		"never accepted": {[]list{
			{state(socketEvent(hooks.State, 10, 0, a, b), hooks.Established)},
			{state(socketEvent(hooks.State, 20, 0, a, b), hooks.Close)}, nil,
		}, []string{"10 open 5 A > B by accept", "20 close 5 A > B"}},
		"changes hands": {[]list{
			{state(socketEvent(hooks.State, 10, 0, a, b), hooks.Established), state(socketEvent(hooks.Use, 11, 2, a, b), hooks.Established),
				former(sent(state(socketEvent(hooks.Use, 30, 3, a, b), hooks.Established)), 15)},
		}, []string{"10 open 5 A > B 2 by receive", "30 owner 5 A > B 3 by send since 15"}},
		"the network's states are nobody's": {[]list{
			{state(socketEvent(hooks.State, 10, 0, a, b), hooks.Established), state(socketEvent(hooks.Use, 11, 2, a, b), hooks.Established),
				state(socketEvent(hooks.State, 12, 3, a, b), hooks.LastAck)},
		}, []string{"10 open 5 A > B 2 by receive"}},
		"bound by one, used by another": {[]list{
			{udp(socketEvent(hooks.Bind, 10, 1, any4, ""))},
			{udp(socketEvent(hooks.Use, 50, 2, any4, "")), udp(socketEvent(hooks.Release, 60, 2, any4, ""))},
		}, []string{"10 open 5 ANY 1 by bind", "50 owner 5 ANY 2 by receive since 10", "60 close 5 ANY 2"}},
		"connected UDP": {[]list{
			{udp(socketEvent(hooks.Connect, 10, 1, "", b))},
			{udp(sent(socketEvent(hooks.Use, 50, 1, a, b)))},
			{udp(socketEvent(hooks.Release, 60, 1, a, b))},
		}, []string{"10 open 5 A > B 1 by connect", "60 close 5 A > B 1"}},
		"UDP that only asked for its address": {[]list{
			{udp(socketEvent(hooks.Connect, 10, 1, "", b)), udp(socketEvent(hooks.Release, 11, 1, a, ""))},
		}, nil},
		"a raw socket": {[]list{
			{icmp(true, socketEvent(hooks.Create, 10, 1, "0.0.0.0:1", ""))},
			{icmp(true, sent(socketEvent(hooks.Use, 20, 1, "0.0.0.0:1", ""))), icmp(true, socketEvent(hooks.Release, 30, 1, "0.0.0.0:1", ""))},
		}, []string{"10 open 5 0.0.0.0:0 1 by bind", "30 close 5 0.0.0.0:0 1"}},
		"a ping": {[]list{
			{icmp(false, socketEvent(hooks.Create, 10, 1, "0.0.0.0:0", ""))},
			{icmp(false, sent(socketEvent(hooks.Use, 20, 1, any4, ""))), icmp(false, socketEvent(hooks.Release, 30, 1, any4, ""))},
		}, []string{"10 open 5 ANY 1 by bind", "30 close 5 ANY 1"}},
		"a ping that never was": {[]list{
			{icmp(false, socketEvent(hooks.Create, 10, 1, "0.0.0.0:0", "")), icmp(false, socketEvent(hooks.Release, 30, 1, "0.0.0.0:0", ""))},
		}, nil},
		"UDP without a port": {[]list{
			{udp(sent(socketEvent(hooks.Peer, 10, 1, any4, b))), udp(sent(socketEvent(hooks.Use, 11, 1, any4, "")))},
		}, []string{"10 open 5 ANY 1 by send", "10 peer 5 ANY > B 1 by send"}},
		"UDP that parts from its peer, and sends to another": {[]list{
			{udp(socketEvent(hooks.Connect, 10, 1, "", b)), udp(sent(state(socketEvent(hooks.Use, 11, 1, a, b), hooks.Established)))},
			{udp(sent(state(socketEvent(hooks.Peer, 20, 1, any4, "10.0.0.3:7"), hooks.Close))), udp(sent(former(state(socketEvent(hooks.Use, 21, 1, any4, ""), hooks.Close), 11)))},
		}, []string{"10 open 5 A > B 1 by connect", "20 close 5 A > B 1", "20 open 5 ANY 1 by send", "20 peer 5 ANY > 10.0.0.3:7 1 by send"}},
		"UDP that sends to another than its peer": {[]list{
			{udp(socketEvent(hooks.Connect, 10, 1, "", b)), udp(sent(state(socketEvent(hooks.Use, 11, 1, a, b), hooks.Established)))},
			{udp(sent(state(socketEvent(hooks.Peer, 20, 1, a, "10.0.0.3:7"), hooks.Established)))},
		}, []string{"10 open 5 A > B 1 by connect", "20 peer 5 A > 10.0.0.3:7 1 by send"}},
		"of another PID namespace": {[]list{
			{func() *hooks.Event {
				e := state(socketEvent(hooks.State, 10, 1, a, b), hooks.SynSent)
				e.User.PID = 0
				return e
			}(), state(socketEvent(hooks.State, 20, 0, a, b), hooks.Established)},
		}, []string{"10 open 5 A > B … by connect"}},
	} {
		t.Run(name, func(t *testing.T) {
			f, got := fakeTrace(t)
			for n, batch := range c.batches {
				for _, e := range batch {
					f.take(e)
				}
				f.flush(int64(n) * int64(patience))
			}
			text := strings.NewReplacer("ANY", any4, "A", a, "B", b)
			for i, w := range c.want {
				c.want[i] = text.Replace(w)
			}
			for i, g := range *got {
				for _, pid := range []int32{1, 2, 3} {
					g = strings.ReplaceAll(g, fmt.Sprintf(" %d", pid<<22), fmt.Sprintf(" %d", pid))
				}
				(*got)[i] = g
			}
			if !slices.Equal(*got, c.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(*got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}

// After a loss the log begins anew: what is open closes, as of when all was
// known, and is found again.
func TestTraceLoss(t *testing.T) {
	private(t)
	var all []*connlog.Event
	f, err := newTrace(func(e *connlog.Event) { all = append(all, e) })
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	l, err := net.Listen("tcp4", "127.0.0.1:0") // of multipath TCP
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := f.first(); err != nil {
		t.Fatal(err)
	}
	f.report()
	known := time.Now().UnixNano()
	if err := f.lookNow(false); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	if err := f.renew(7); err != nil {
		t.Fatal(err)
	}
	f.flush(clock(unix.CLOCK_BOOTTIME))
	var told []string
	for _, e := range all {
		switch {
		case e.Kind == connlog.KindGap:
			told = append(told, fmt.Sprintf("gap of %d", e.Gap.Count))
			if e.Gap.Begin < known || e.Gap.Begin > known+20e6 || e.Gap.End < e.Gap.Begin+20e6 {
				t.Errorf("the gap is from %d to %d ns after all was known", e.Gap.Begin-known, e.Gap.End-known)
			}
		case e.Kind == connlog.KindSocket && e.Socket.Local.String() == l.Addr().String():
			told = append(told, e.Socket.Change.String())
			if e.Socket.Change == connlog.SocketClose && (e.Socket.Since < known || e.Socket.Since > known+20e6) {
				t.Errorf("it was last known %d ns after all was known", e.Socket.Since-known)
			}
			if len(e.Socket.Owners) != 1 || e.Socket.Owners[0].PID != int32(os.Getpid()) {
				t.Errorf("owners %v", e.Socket.Owners)
			}
		}
	}
	if want := []string{"snapshot", "gap of 7", "close", "snapshot"}; !slices.Equal(told, want) {
		t.Errorf("%q, want %q", told, want)
	}
}

// Where the kernel refuses, it is said what would help.
func TestInsteadOfTrace(t *testing.T) {
	refused, lacking := insteadOfTrace(unix.EPERM), insteadOfTrace(unix.ENOENT)
	if !strings.Contains(refused, "sudo setcap cap_net_raw,cap_bpf") {
		t.Errorf("%q", refused)
	}
	if os.Geteuid() != 0 { // rights are missing, whatever else is
		return
	}
	if strings.Contains(lacking, "setcap") || !strings.Contains(lacking, unix.ENOENT.Error()) {
		t.Errorf("%q", lacking)
	}
}

// Of what came together with a loss nothing is said of sockets: between two of their events
// another may have used one.
func TestTraceLossBetween(t *testing.T) {
	const a, b = "10.0.0.1:80", "10.0.0.2:5000"
	for lost, want := range map[uint64]int{0: 2, 7: 1} {
		f, got := fakeTrace(t)
		f.take(state(socketEvent(hooks.State, 10, 1, a, b), hooks.SynSent))
		f.take(state(socketEvent(hooks.State, 20, 0, a, b), hooks.Established))
		f.flush(30)
		f.batch = []hooks.Event{*former(sent(state(socketEvent(hooks.Use, 60, 2, a, b), hooks.Established)), 50)}
		if f.takeBatch(lost); len(*got) != want || len(f.batch) != 0 {
			t.Errorf("%d lost: %q", lost, *got)
		}
	}
}

// Who was about to connect when the recording ends is told, with its endpoints.
func TestTraceWaiting(t *testing.T) {
	private(t)
	var all []*connlog.Event
	f, err := newTrace(func(e *connlog.Event) { all = append(all, e) })
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	if _, err := f.first(); err != nil {
		t.Fatal(err)
	}
	open := func() int {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	address := func(fd int) *unix.SockaddrInet4 {
		name, err := unix.Getsockname(fd)
		if err != nil {
			t.Fatal(err)
		}
		return name.(*unix.SockaddrInet4)
	}
	full := open()
	if err := errors.Join(unix.Bind(full, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(full, 0)); err != nil {
		t.Fatal(err)
	}
	var local string
	for range 3 { // in the listener's queue there is room for one
		fd := open()
		if err := unix.Connect(fd, address(full)); err != nil && err != unix.EINPROGRESS {
			t.Fatal(err)
		}
		local = fmt.Sprintf("127.0.0.1:%d", address(fd).Port)
	}
	if err := f.lookNow(true); err != nil {
		t.Fatal(err)
	}
	told := slices.ContainsFunc(all, func(e *connlog.Event) bool {
		return e.Socket != nil && e.Socket.Local.String() == local && e.Socket.HasRemote && len(e.Socket.Owners) == 1 && e.Socket.Owners[0].PID == int32(os.Getpid())
	})
	if !told {
		t.Errorf("%s, which nobody answered, is not in the log", local)
	}
}
