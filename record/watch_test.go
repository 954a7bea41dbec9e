package record

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// looks is a source whose looks are made by hand.
type looks struct {
	list []look
	asks []bool // thorough or not
}

func (s *looks) name() string         { return "hand" }
func (s *looks) blind() []string      { return nil }
func (s *looks) close()               {}
func (s *looks) enter([]string) error { return nil }
func (s *looks) begin()               {}
func (s *looks) started(int32)        {}
func (s *looks) focus([]int32)        {}
func (s *looks) look(thorough bool) (look, error) {
	s.asks = append(s.asks, thorough)
	if len(s.list) == 0 {
		return look{}, errors.New("nothing to see")
	}
	l := s.list[0]
	s.list = s.list[1:]
	return l, nil
}

// who is a process that began at its own number.
func who(pids ...int32) (list []connlog.ProcessID) {
	for _, p := range pids {
		list = append(list, connlog.ProcessID{PID: p, Start: int64(p)})
	}
	return list
}

// seen makes a sighting.
func seen(id, inode uint64, state, local, remote string, owners ...int32) sighting {
	s := sighting{ID: id, Inode: inode, Protocol: flow.TCP, State: state, Local: flow.EndpointFrom(netip.MustParseAddrPort(local)), Owners: who(owners...)}
	if remote != "" {
		s.Remote, s.HasRemote = flow.EndpointFrom(netip.MustParseAddrPort(remote)), true
	}
	return s
}

func partial(s sighting) sighting {
	s.Partial = true
	return s
}

// cheap makes a look that is not thorough; TestWatch sets its times.
func cheap(sockets ...sighting) look { return look{begin: 1, sockets: sockets} }

// told writes events in short.
func told(list *[]string) func(*connlog.Event) {
	return func(e *connlog.Event) {
		text := fmt.Sprintf("%d %s", e.Time, e.Kind)
		switch e.Kind {
		case connlog.KindSocket:
			s := e.Socket
			text += fmt.Sprintf(" %d %s", s.ID, s.Change)
			if s.Since != 0 {
				text += fmt.Sprintf(" since %d", s.Since)
			}
			if s.Counters != nil {
				text += fmt.Sprintf(" sent %d", s.Counters.BytesSent)
			}
			for _, o := range s.Owners {
				text += fmt.Sprintf(" p%d", o.PID)
			}
			if s.Partial {
				text += " partial"
			}
		case connlog.KindProcess:
			text += fmt.Sprintf(" %d %s", e.Process.ID.PID, e.Process.Change)
			if e.Process.Command {
				text += " in command"
			}
		case connlog.KindPoll:
			text += fmt.Sprintf(" %d-%d %d", e.Poll.Begin, e.Poll.End, e.Poll.Sockets)
		case connlog.KindGap:
			text += " " + string(e.Gap.Source) + " " + e.Gap.Message
		}
		*list = append(*list, text)
	}
}

// TestWatch turns looks into events. Each look takes from n0 to n9.
func TestWatch(t *testing.T) {
	const a, b, c = "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"
	sent := func(s sighting, n int64) sighting { s.Counters = &connlog.Counters{BytesSent: n}; return s }
	for name, test := range map[string]struct {
		looks []look // thorough but where a test is about that
		want  string
	}{
		"snapshot, open, close": {[]look{
			{sockets: []sighting{seen(7, 70, "listen", a, "", 1)}},
			{sockets: []sighting{seen(7, 70, "listen", a, "", 1), seen(8, 80, "established", a, b, 2)}},
			{sockets: []sighting{seen(8, 80, "established", a, b, 2)}},
			{},
		}, `19 socket 7 snapshot p1
			19 poll 10-19 1
			29 socket 8 open since 10 p2
			29 poll 20-29 2
			39 socket 7 close since 29 p1
			39 poll 30-39 1
			49 socket 8 close since 39 p2
			49 poll 40-49 0`},
		"between two looks": {[]look{
			{},
			{found: []glimpse{{seen(7, 70, "established", a, b, 1), 10, 23, 25, false, true, false}}, ends: map[uint64]ending{7: {at: 26}}},
		}, `19 poll 10-19 0
			23 socket 7 open since 10 p1
			26 socket 7 close since 25 p1
			29 poll 20-29 0`},
		"between two looks, and others may have had it": {[]look{
			{},
			{found: []glimpse{{partial(seen(7, 70, "established", a, b, 1)), 10, 23, 25, false, true, false}}},
		}, `19 poll 10-19 0
			23 socket 7 open since 10 p1 partial
			29 socket 7 close since 25 p1 partial
			29 poll 20-29 0`},
		"accepted, and others may have had it": {[]look{
			{},
			{found: []glimpse{{partial(seen(7, 70, "established", a, b, 1)), 10, 23, 25, true, true, false}}},
		}, `19 poll 10-19 0
			29 poll 20-29 0`},
		"before the look that sees it": {[]look{
			{},
			{sockets: []sighting{seen(7, 70, "established", a, b, 1)}, found: []glimpse{{seen(7, 70, "established", a, b, 1), 10, 15, 16, false, false, false}}},
		}, `19 poll 10-19 0
			15 socket 7 open since 10 p1
			29 poll 20-29 1`},
		"watched on": {[]look{
			{},
			{sockets: []sighting{seen(7, 70, "established", a, b, 1)}, found: []glimpse{{seen(7, 70, "established", a, b, 1), 10, 15, 16, false, false, true}}},
			{found: []glimpse{{partial(seen(7, 70, "established", a, b, 1)), 10, 15, 26, false, true, false}}},
		}, `19 poll 10-19 0
			29 poll 20-29 1
			15 socket 7 open since 10 p1 partial
			39 socket 7 close since 26 p1 partial
			39 poll 30-39 0`},
		"accepted by who may pass it on, and does": {[]look{
			{},
			{sockets: []sighting{seen(7, 70, "established", a, b, 1)}, found: []glimpse{{partial(seen(7, 70, "established", a, b, 1)), 10, 15, 16, true, false, false}}},
			{sockets: []sighting{seen(7, 70, "established", a, b, 1)}},
			{sockets: []sighting{seen(7, 70, "established", a, b, 2)}},
		}, `19 poll 10-19 0
			29 socket 7 open since 10 p1 partial
			29 poll 20-29 1
			39 poll 30-39 1
			49 socket 7 owner since 39 p2
			49 poll 40-49 1`},
		"its holder went before the look": {[]look{
			{},
			{sockets: []sighting{seen(7, 70, "established", a, b)}, found: []glimpse{{seen(7, 70, "established", a, b, 1), 10, 15, 16, false, false, false}}},
		}, `19 poll 10-19 0
			15 socket 7 open since 10 p1
			29 socket 7 owner since 16
			29 poll 20-29 1`},
		"another holder than the look's": {[]look{
			{},
			{sockets: []sighting{seen(7, 70, "established", a, b, 2)}, found: []glimpse{{seen(7, 70, "established", a, b, 1), 10, 15, 16, false, false, false}}},
		}, `19 poll 10-19 0
			29 socket 7 open since 10 p2
			29 poll 20-29 1`},
		"accepted after the look that saw it": {[]look{
			{},
			{sockets: []sighting{seen(7, 0, "established", a, b)}},
			{found: []glimpse{{seen(7, 70, "established", a, b, 1), 10, 31, 33, false, true, false}}},
		}, `19 poll 10-19 0
			29 socket 7 open since 10
			29 poll 20-29 1
			31 socket 7 owner since 29 p1
			39 socket 7 close since 33 p1
			39 poll 30-39 0`},
		"accepted after the look that saw it, by one who was forked meanwhile": {[]look{
			{},
			{sockets: []sighting{partial(seen(7, 0, "established", a, b))}},
			{found: []glimpse{{seen(7, 70, "established", a, b, 1), 10, 31, 33, false, true, false}}},
		}, `19 poll 10-19 0
			29 socket 7 open since 10 partial
			29 poll 20-29 1
			31 socket 7 owner since 29 p1
			39 socket 7 close since 33 p1
			39 poll 30-39 0`},
		"nothing changes": {[]look{
			{sockets: []sighting{seen(7, 70, "listen", a, "", 1)}},
			{sockets: []sighting{seen(7, 70, "listen", a, "", 1)}},
		}, `19 socket 7 snapshot p1
			19 poll 10-19 1
			29 poll 20-29 1`},
		"counters are told at the end": {[]look{
			{sockets: []sighting{sent(seen(7, 70, "established", a, b, 1), 5)}},
			{sockets: []sighting{sent(seen(7, 70, "established", a, b, 1), 6)}},
			{},
		}, `19 socket 7 snapshot p1
			19 poll 10-19 1
			29 poll 20-29 1
			39 socket 7 close since 29 sent 6 p1
			39 poll 30-39 0`},
		"the kernel tells of an end": {[]look{
			{sockets: []sighting{sent(seen(7, 70, "established", a, b, 1), 5), seen(8, 80, "listen", a, "", 1)}},
			{sockets: []sighting{sent(seen(7, 70, "established", a, b, 1), 6)}, ends: map[uint64]ending{7: {at: 28, counters: &connlog.Counters{BytesSent: 9}}, 8: {at: 23}, 9: {at: 24}}},
			{},
		}, `19 socket 7 snapshot p1
			19 socket 8 snapshot p1
			19 poll 10-19 2
			23 socket 8 close since 19 p1
			29 poll 20-29 1
			39 socket 7 close since 29 sent 9 p1
			39 poll 30-39 0`},
		"a state that changes is no event": {[]look{
			{sockets: []sighting{seen(7, 70, "syn_sent", a, b, 1)}},
			{sockets: []sighting{seen(7, 70, "established", a, b, 1)}},
		}, `19 socket 7 snapshot p1
			19 poll 10-19 1
			29 poll 20-29 1`},
		"owners since the last thorough look": {[]look{
			{sockets: []sighting{seen(7, 70, "established", a, b, 1)}},
			{sockets: []sighting{seen(7, 70, "established", a, b, 1)}},
			cheap(seen(7, 70, "established", a, b, 1)),
			cheap(seen(7, 70, "established", a, b, 1, 2)),
			{sockets: []sighting{seen(7, 70, "established", a, b, 2)}},
		}, `19 socket 7 snapshot p1
			19 poll 10-19 1
			29 poll 20-29 1
			39 poll 30-39 1
			49 socket 7 owner since 29 p1 p2
			49 poll 40-49 1
			59 socket 7 owner since 29 p2
			59 poll 50-59 1`},
		"a close tells how long the owners were known to be all": {[]look{
			{sockets: []sighting{seen(7, 70, "established", a, b, 1)}},
			cheap(seen(7, 70, "established", a, b, 1)),
			cheap(),
		}, `19 socket 7 snapshot p1
			19 poll 10-19 1
			29 poll 20-29 1
			39 socket 7 close since 19 p1
			39 poll 30-39 0`},
		"the owners may not be all, and then are": {[]look{
			{sockets: []sighting{partial(seen(7, 70, "established", a, b, 1))}},
			{sockets: []sighting{seen(7, 70, "established", a, b, 1)}},
			{sockets: []sighting{partial(seen(7, 70, "established", a, b, 1))}},
			{},
		}, `19 socket 7 snapshot p1 partial
			19 poll 10-19 1
			29 socket 7 owner since 19 p1
			29 poll 20-29 1
			39 socket 7 owner since 29 p1 partial
			39 poll 30-39 1
			49 socket 7 close since 39 p1 partial
			49 poll 40-49 0`},
		"accepted later": {[]look{
			{sockets: []sighting{seen(7, 0, "established", a, b)}},
			{sockets: []sighting{seen(7, 70, "established", a, b, 1)}},
		}, `19 socket 7 snapshot
			19 poll 10-19 1
			29 socket 7 owner since 19 p1
			29 poll 20-29 1`},
		"detached from its process": {[]look{
			{sockets: []sighting{seen(7, 70, "established", a, b, 1)}},
			{sockets: []sighting{seen(7, 0, "close_wait", a, b)}},
			{},
		}, `19 socket 7 snapshot p1
			19 poll 10-19 1
			29 socket 7 close since 19 p1
			29 poll 20-29 1
			39 poll 30-39 0`},
		"a UDP socket is connected anew": {[]look{
			{sockets: []sighting{seen(7, 70, "", a, b, 1)}},
			{sockets: []sighting{seen(7, 70, "", a, c, 1)}},
			{sockets: []sighting{seen(7, 70, "", a, "", 1)}},
		}, `19 socket 7 snapshot p1
			19 poll 10-19 1
			29 socket 7 close since 19 p1
			29 socket 7 open since 10 p1
			29 poll 20-29 1
			39 socket 7 close since 29 p1
			39 socket 7 open since 20 p1
			39 poll 30-39 1`},
		"bound, then listening": {[]look{
			{sockets: []sighting{seen(7, 70, "close", a, "", 1)}},
			{sockets: []sighting{seen(7, 70, "listen", a, "", 1)}},
		}, `19 socket 7 snapshot p1
			19 poll 10-19 1
			29 socket 7 close since 19 p1
			29 socket 7 open since 10 p1
			29 poll 20-29 1`},
		"many close in the order of their ids": {[]look{
			{sockets: []sighting{seen(9, 1, "listen", a, ""), seen(3, 2, "listen", b, ""), seen(5, 3, "listen", c, "")}},
			{},
		}, `19 socket 9 snapshot
			19 socket 3 snapshot
			19 socket 5 snapshot
			19 poll 10-19 3
			29 socket 3 close since 19
			29 socket 5 close since 19
			29 socket 9 close since 19
			29 poll 20-29 0`},
	} {
		s := &looks{}
		for i, l := range test.looks {
			l.begin, l.end, l.thorough = int64(i+1)*10, int64(i+1)*10+9, l.begin == 0
			s.list = append(s.list, l)
		}
		var got []string
		w := newWatch(s, told(&got))
		for range test.looks {
			if err := w.lookNow(false); err != nil {
				t.Fatal(err)
			}
		}
		want := strings.Split(strings.ReplaceAll(test.want, "\t", ""), "\n")
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Errorf("%s: event %d:\ngot  %s\nwant %s", name, i, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
				break
			}
		}
	}
}

// TestWatchFails logs a look that fails as a gap; the next one goes on from the
// look before.
func TestWatchFails(t *testing.T) {
	s := &looks{}
	var got []string
	w := newWatch(s, told(&got))
	if err := w.lookNow(true); err == nil || len(got) != 1 || !strings.HasSuffix(got[0], " gap sockets nothing to see") {
		t.Errorf("%v, %q", err, got)
	}
	s.list = []look{{begin: 10, end: 19, thorough: true, sockets: []sighting{seen(7, 70, "listen", "127.0.0.1:1", "", 1)}}}
	if err := w.lookNow(false); err != nil {
		t.Error(err)
	}
	w.lookNow(false)
	s.list = []look{{begin: 30, end: 39, sockets: []sighting{seen(8, 80, "listen", "127.0.0.1:1", "", 1)}}}
	w.lookNow(false)
	got = append(got[1:3], got[4:]...)
	want := "19 socket 7 snapshot p1, 19 poll 10-19 1, 39 socket 8 open since 10 p1, 39 socket 7 close since 19 p1, 39 poll 30-39 1"
	if strings.Join(got, ", ") != want || w.total != 2 {
		t.Errorf("%q, %d sockets, want %q", got, w.total, want)
	}
	if fmt.Sprint(s.asks) != "[true false false false]" {
		t.Errorf("asked for thorough looks: %v", s.asks)
	}
}
