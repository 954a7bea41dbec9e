package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// truth is who had which packet, by witnesses that share nothing with the recorder:
// the kernel told which socket each packet left and reached (witness), and the
// processes themselves wrote down which socket they used when (testdata/uses.py).
//
// A packet of the capture is one that the kernel saw if their first headLength bytes
// from the IP header on are the same: addresses, ports, IP identification, sequence
// numbers and TCP's time stamps, or some payload of UDP. What is changed on the way
// (checksums, time to live) does not count. The n-th of several that are alike is the
// n-th that each interface captured.
type truth struct {
	sockets map[passing][]uint64 // cookies, in order
	uses    map[uint64][]use     // by cookie
	ends    map[end][]use        // by what the processes said were the ends

	// Addresses are translated on the way: packets are known without theirs.
	translated bool
}

// passing is a packet on its way out of a socket, or into one.
type passing struct {
	inbound bool
	head    [headLength]byte
}

// use is a call of a socket, as its process wrote it down.
type use struct {
	pid        int32
	cookie     uint64 // of an accepted socket that of the listening one
	first, end int64  // Unix nanoseconds
	verb       string // connect, accept, send or receive
	of         end
}

// newTruth gathers what the witnesses say.
func newTruth(t *testing.T, seen []sighting, path string, translated bool) *truth {
	t.Helper()
	truth := &truth{sockets: map[passing][]uint64{}, uses: map[uint64][]use{}, ends: map[end][]use{}, translated: translated}
	for _, s := range seen {
		p := passing{s.inbound, truth.lasting(s.head)}
		truth.sockets[p] = append(truth.sockets[p], s.cookie)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		u, err := parseUse(lines.Text())
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		truth.uses[u.cookie] = append(truth.uses[u.cookie], u)
		truth.ends[u.of] = append(truth.ends[u.of], u)
	}
	return truth
}

func parseUse(line string) (u use, err error) {
	var protocol, local, remote string
	_, err = fmt.Sscan(line, &u.pid, &u.cookie, &u.first, &u.end, &u.verb, &protocol, &local, &remote)
	u.of.protocol = map[string]flow.Protocol{"tcp": flow.TCP, "udp": flow.UDP}[protocol]
	for _, x := range []struct {
		text string
		to   *flow.Endpoint
	}{{local, &u.of.local}, {remote, &u.of.remote}} {
		if x.text != "-" && err == nil {
			var a netip.AddrPort
			a, err = netip.ParseAddrPort(x.text)
			*x.to = flow.EndpointFrom(a)
		}
	}
	if err != nil {
		err = fmt.Errorf("%q: %w", line, err)
	}
	return u, err
}

// lasting returns a packet's head without what is changed on its way.
func (w *truth) lasting(head [headLength]byte) [headLength]byte {
	transport, addresses := head[:], head[12:20]
	protocol := head[9]
	switch head[0] >> 4 {
	case 4:
		head[8], head[10], head[11] = 0, 0, 0
		transport = head[int(head[0]&15)*4:]
	case 6:
		head[7], protocol = 0, head[6]
		transport, addresses = head[40:], head[8:40]
	}
	if w.translated {
		clear(addresses)
		clear(transport[:4]) // ports
	}
	switch flow.Protocol(protocol) {
	case flow.TCP:
		transport[16], transport[17] = 0, 0
	case flow.UDP:
		transport[6], transport[7] = 0, 0
	}
	return head
}

// captured is a packet of the capture with what is true of its sides: source,
// destination.
type captured struct {
	packet.Packet
	cookie [2]uint64 // 0 = no socket of the workload
	device string    // name of the interface
}

// ends returns what each side of p is an end of.
func (p *captured) ends() [2]end {
	from, to := p.Tuple.From(), p.Tuple.To()
	return [2]end{{p.Tuple.Protocol, from, to}, {p.Tuple.Protocol, to, from}}
}

// packets reads a capture of Ethernet.
func (w *truth) packets(t *testing.T, path string) (all []captured) {
	t.Helper()
	c, err := ingest.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	frames, err := pcapng.NewReader(f, path)
	if err != nil {
		t.Fatal(err)
	}
	type turn struct {
		passing
		device uint32
	}
	turns := map[turn]int{} // how many alike were captured
	for {
		var one [1]packet.Packet
		n, err := c.Read(one[:])
		if n == 0 && errors.Is(err, io.EOF) {
			return all
		}
		var frame pcapng.Record
		if e := frames.Next(&frame); e != nil || n == 0 {
			t.Fatal(err, e)
		}
		p := captured{Packet: one[0], device: c.Interfaces()[one[0].Interface].Name}
		for side, inbound := range []bool{false, true} {
			var head [headLength]byte
			copy(head[:], frame.Data[min(14, len(frame.Data)):])
			k := passing{inbound, w.lasting(head)}
			at := turn{k, frame.Interface}
			if cookies := w.sockets[k]; p.Class == packet.Transport && turns[at] < len(cookies) {
				p.cookie[side] = cookies[turns[at]]
			}
			turns[at]++
		}
		all = append(all, p)
	}
}

// users returns the uses of which one is that of side s of packet n: it went out, or
// was read, by that process. None where nobody used the socket.
func (w *truth) users(all []captured, n, s int) []use {
	p := &all[n]
	cookie, e := p.cookie[s], p.ends()[s]
	if p.Tuple.Protocol == flow.UDP {
		return w.datagram(p, s, cookie, e)
	}
	calls := w.uses[cookie]
	if slices.ContainsFunc(calls, func(u use) bool { return u.verb == "accept" }) {
		// The listening socket has the handshake of what it will be accepted as:
		// the socket of the packets that follow.
		calls = nil
		for i := range all[n+1:] {
			q := &all[n+1+i]
			ends := q.ends()
			if k := slices.Index(ends[:], e); k >= 0 && q.Interface == p.Interface && q.cookie[k] != 0 && q.cookie[k] != cookie {
				calls = w.uses[q.cookie[k]]
				break
			}
		}
		if len(calls) == 0 {
			calls = nearest(w.ends[e], p.Time) // it was accepted, and that was all
		}
	}
	if len(calls) == 0 {
		calls = w.ends[e] // a connection of multipath TCP has another cookie than its socket
	}
	return nearest(calls, p.Time)
}

// nearest returns the last use that began before a time, and the first that ended
// after it.
func nearest(calls []use, at int64) (near []use) {
	var before, after *use
	for i := range calls {
		u := &calls[i]
		if u.first <= at && (before == nil || u.first > before.first) {
			before = u
		}
		if u.end >= at && (after == nil || u.end < after.end) {
			after = u
		}
	}
	for _, u := range []*use{before, after} {
		if u != nil {
			near = append(near, *u)
		}
	}
	return near
}

// datagram returns who sent a datagram, or received it: of those who did between the
// same ends, who did at that time, or next.
func (w *truth) datagram(p *captured, s int, cookie uint64, e end) (near []use) {
	var those []use
	for _, u := range w.uses[cookie] {
		sent := s == 0
		if u.of.remote == e.remote && u.end >= p.Time && (u.verb == "send") == sent && (u.first <= p.Time || !sent) {
			those = append(those, u)
		}
	}
	if len(those) == 0 {
		return nil
	}
	return []use{slices.MinFunc(those, func(a, b use) int { return cmp.Compare(a.end, b.end) })}
}

// score is how an analysis did.
type score struct {
	sides     int // of packets, that had a socket whose user is known
	owned     int // of these, those that were given to a process
	wrong     int // and to another one
	ambiguous int // given to none, with candidates
	misled    int // of these, the true one is no candidate
	strange   int // sides that no socket of the workload had, or whose user is not known
	reasons   map[string]int
	mistakes  []string // the wrong and the misled
	open      []string // the others without an owner
}

func (s *score) String() string {
	share := func(n int) string { return fmt.Sprintf("%.2f %%", 100*float64(n)/float64(max(s.sides, 1))) }
	text := fmt.Sprintf("%d sides of packets with a socket: owned %s, wrong %d, ambiguous %s (%d without the true one), unknown %s; %d other sides", s.sides,
		share(s.owned), s.wrong, share(s.ambiguous), s.misled, share(s.sides-s.owned-s.ambiguous), s.strange)
	for _, r := range slices.Sorted(maps.Keys(s.reasons)) {
		text += fmt.Sprintf("; %s %d", r, s.reasons[r])
	}
	return text
}

// check holds the analysis of a recording against the truth: the owner of each side of
// each packet that has a socket, as table packets tells it. Those that pick does not
// choose do not count; nil = all do.
func (w *truth) check(t *testing.T, dir string, pick func(p *captured, side int) bool) *score {
	t.Helper()
	capture := filepath.Join(dir, "run.pcapng")
	r, err := report.Analyze(t.Context(), report.Config{Captures: []string{capture}, Logs: []string{filepath.Join(dir, "run.conns.jsonl")}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if !r.Capture.DropsKnown || r.Capture.Dropped > 0 {
		t.Errorf("%d packets dropped", r.Capture.Dropped)
	}
	all, s := w.packets(t, capture), &score{reasons: map[string]int{}}
	r.Attribution.Rewind()
	for n := range all {
		p := &all[n]
		_, source, destination, err := r.Attribution.Find(&p.Packet)
		if err != nil {
			t.Fatal(err)
		}
		for side, v := range [2]attribute.Verdict{source, destination} {
			if pick != nil && !pick(p, side) {
				continue
			}
			var users []use
			if p.cookie[side] != 0 && !r.Attribution.Duplicate() {
				users = w.users(all, n, side)
			}
			if len(users) > 0 {
				s.add(r.Attribution.Processes, p, side, v, users)
			} else {
				s.strange++
			}
		}
	}
	return s
}

// add counts the verdict for a side of a packet whose owner is one of the users.
func (s *score) add(processes []attribute.Process, p *captured, side int, v attribute.Verdict, users []use) {
	var those []int32
	for _, u := range users {
		those = append(those, running(processes, u))
	}
	s.sides++
	s.reasons[v.Reason.String()]++
	wrong := false
	switch {
	case v.Process != attribute.NoProcess:
		s.owned++
		if wrong = !slices.Contains(those, v.Process); wrong {
			s.wrong++
		}
	case v.Reason == attribute.Ambiguous:
		s.ambiguous++
		known := slices.DeleteFunc(those, func(i int32) bool { return i < 0 }) // of others the log does not know
		wrong = len(known) > 0 && !slices.ContainsFunc(known, func(i int32) bool { return slices.Contains(v.Candidates, i) })
		if wrong {
			s.misled++
		}
	}
	switch told := tell(processes, p, side, v, users); {
	case wrong:
		s.mistakes = append(s.mistakes, told)
	case v.Process == attribute.NoProcess:
		s.open = append(s.open, told)
	}
}

// tell words what was said of a side of a packet, and what is true.
func tell(processes []attribute.Process, p *captured, side int, v attribute.Verdict, users []use) string {
	said := fmt.Sprintf("%v (%s)", v.Reason, v.Why)
	for _, i := range append(slices.Clone(v.Candidates), v.Process) {
		if i != attribute.NoProcess {
			said += fmt.Sprint(" ", processes[i].ID.PID)
		}
	}
	is := ""
	for _, u := range users {
		is += fmt.Sprintf(" %d (%s from %d to %d ns)", u.pid, u.verb, u.first-p.Time, u.end-p.Time)
	}
	return fmt.Sprintf("packet %d, %v %v > %v, flags %#x, %d bytes, its %s: %s, but it was%s", p.Frame, p.Tuple.Protocol, p.Tuple.From(), p.Tuple.To(),
		p.TCPFlags, p.Payload, []string{"source", "destination"}[side], said, is)
}

// running returns the index of the process that made a use: of those with its PID the
// last that had begun; -1 where the log has none. Polls know beginnings to 10 ms.
func running(processes []attribute.Process, u use) int32 {
	found := int32(-1)
	for i := range processes { // by start
		if id := processes[i].ID; id.PID == u.pid && id.Start <= u.first+10e6 {
			found = int32(i)
		}
	}
	return found
}

// script returns the path of a workload.
func script(t *testing.T, name string) string {
	t.Helper()
	need.Tool(t, "python3")
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTruth holds every packet's owner, of connections of all kinds, against who the
// kernel and the processes themselves say it was of. Who looks now and then misses
// most of what lives so shortly, and says so: of a socket that was not seen it names
// those that may have accepted, and not whom they passed it to.
func TestTruth(t *testing.T) {
	need.Root(t)
	t.Parallel()
	for _, source := range []string{"ebpf", "diag", "poll"} {
		t.Run(source, func(t *testing.T) {
			dir := t.TempDir()
			w := newWitness(t)
			command := fmt.Sprintf("ip link set lo up; pcapwho record -q --source %s -s 128 -- python3 %s 12 >ledger", source, script(t, "forks.py"))
			w.run(t, dir, []string{"USES=" + filepath.Join(dir, "uses")}, "unshare", "-n", "sh", "-ec", command)
			s := newTruth(t, w.end(t), filepath.Join(dir, "uses"), false).check(t, dir, nil)
			s.want(t, 2000, map[string]float64{"ebpf": 0.999}[source])
		})
	}
}

// want fails the test unless a number of sides and a share of them has owners, and
// none a wrong one.
func (s *score) want(t *testing.T, sides int, share float64) {
	t.Helper()
	t.Log(s)
	if s.wrong > 0 || share > 0 && s.misled > 0 || s.sides < sides || s.strange > s.sides/10 || float64(s.owned) < share*float64(s.sides) {
		all := append(s.mistakes, s.open...)
		t.Errorf("want %d sides, %.1f %% of them with an owner, and none wrong:\n%s", sides, 100*share, strings.Join(all[:min(len(all), 24)], "\n"))
	}
}
