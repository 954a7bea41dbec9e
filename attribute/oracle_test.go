package attribute_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"pgregory.net/rapid"
)

// oracle applies the rules of docs/attribution.md to one packet at a time, by
// scanning all events and all packets anew for every answer. It shares no
// code with package attribute.
type oracle struct {
	events  []connlog.Event
	packets []packet.Packet
	echoes  []packet.Packet // without ports
	inst    []int           // instance number of each packet, duplicated where it is of none
	whole   []int           // the same, of duplicates too

	containers bool // there are other network namespaces

	listed []*oracleSocket        // once asked for: by sockets
	housed map[flow.Addr][]uint64 // by homes
}

// unseen stands for processes that the log could not see.
const unseen = 0

func within(windows [][2]int64, a, b int64) bool {
	return slices.ContainsFunc(windows, func(w [2]int64) bool { return w[0] <= max(a, b) && w[1] >= min(a, b) })
}

// logged returns "reason pids" for one side of packet i, as the log tells.
func (o *oracle) logged(i int, source bool) string {
	p := &o.packets[i]
	me, you := p.Tuple.From(), p.Tuple.To()
	if !source {
		me, you = you, me
	}
	if !o.local(me.Addr) {
		return "remote []"
	}
	if within(o.twice(), p.Time, p.Time) {
		return "unknown []"
	}
	tcp := p.Tuple.Protocol == flow.TCP
	var exact, bound []*oracleSocket
	for _, s := range o.sockets() {
		switch {
		case s.Protocol != p.Tuple.Protocol:
		case s.HasRemote && (s.Local == me && s.Remote == you && o.connectable(s, p, me) || o.translatedTo(s, p, me)):
			exact = append(exact, s)
		case !s.HasRemote && (!tcp || s.State == "listen") && o.boundTo(s, i, me):
			bound = append(bound, s)
		}
	}
	if apart(exact) && len(o.translations(p, me)) == 0 {
		exact = slices.DeleteFunc(exact, func(s *oracleSocket) bool { return !o.mayBe(s, i, second) })
		if apart(exact) && len(o.translations(p, me)) == 0 {
			return o.eachMayBe(i, exact)
		}
	} else if tcp {
		exact = slices.DeleteFunc(exact, func(s *oracleSocket) bool { return !o.mayBe(s, i, 0) })
	}
	if !tcp {
		return o.datagram(i, source, me, exact, bound)
	}
	if who := heldAt(exact, p.Time); len(who) > 0 {
		return verdict("exact", who)
	}
	if a, ok := o.stream(i, source, exact, bound); ok {
		return a
	}
	return o.listen(i, source, exact, bound)
}

// verdict words an answer: who is ascending.
func verdict(reason string, who []int32) string {
	if len(who) > 1 {
		reason = "ambiguous"
	}
	if len(who) > 0 && who[0] == unseen {
		if who = who[1:]; len(who) == 0 {
			reason = "unknown"
		}
	}
	return fmt.Sprint(reason, " ", who)
}

// TestOracle holds that the engine and the oracle give every side of every
// packet the same reason, owner and candidates.
func TestOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := draw(t)
		log := owner.NewTimeline()
		for i := range o.events {
			log.Add(&o.events[i])
		}
		attribute.SweepAfter(rapid.SampledFrom([]int{1, 3, 1 << 14}).Draw(t, "packets between sweeps"))
		a := attribute.New(attribute.Config{Log: log, Shares: rapid.IntRange(1, 3).Draw(t, "shares"), Windows: drawWindows(t)})
		a.Add(o.packets)
		a.Add(o.echoes)
		a.SetMarks(oracleMarks)
		r, err := a.Finish()
		if err != nil {
			t.Fatal(err)
		}
		for i := range o.packets {
			_, src, dst, err := r.Find(&o.packets[i])
			if err != nil {
				t.Fatal(err)
			}
			if again := o.inst[i] == duplicated; again || r.Duplicate() {
				if !again || !r.Duplicate() {
					t.Fatalf("packet %d is a duplicate: %v, the oracle says %v\n%s", i+1, r.Duplicate(), again, o.dump())
				}
				continue
			}
			for n, v := range [2]attribute.Verdict{src, dst} {
				if got, want := engineWord(r, v), o.answer(i, n == 0); got != want {
					t.Fatalf("packet %d (%v at %d ms), side %d: got %s, the oracle says %s\n%s", i+1, o.packets[i].Tuple, o.packets[i].Time/1e6, n, got, want, o.dump())
				}
			}
		}
		checkEchoes(t, o, r)
		if n, err := attribute.CheckOwners(r, slices.Concat(o.packets, o.echoes)); n > 0 || err != nil {
			t.Fatalf("%d packets have other owners in brief, error %v\n%s", n, err, o.dump())
		}
	})
}

// drawWindows draws what changes no verdict.
func drawWindows(t *rapid.T) *attribute.Windows {
	w := &attribute.Windows{Width: ms * rapid.Int64Range(0, 9).Draw(t, "width")}
	for range rapid.IntRange(0, 3).Draw(t, "bounds") {
		w.Bounds = append(w.Bounds, base+ms*rapid.Int64Range(0, 50).Draw(t, "bound"))
	}
	slices.Sort(w.Bounds)
	if w.Width == 0 && len(w.Bounds) == 0 {
		return nil
	}
	return w
}

func engineWord(r *attribute.Result, v attribute.Verdict) string {
	who := []int32{}
	if v.Process != attribute.NoProcess {
		who = append(who, r.Processes[v.Process].ID.PID)
	}
	for _, c := range v.Candidates {
		who = append(who, r.Processes[c].ID.PID)
	}
	slices.SortFunc(who, cmp.Compare)
	return fmt.Sprint(v.Reason, " ", who)
}

func (o *oracle) dump() string {
	var b strings.Builder
	for _, e := range o.events {
		switch e.Kind {
		case connlog.KindAddress:
			fmt.Fprintf(&b, "%4d address %+v\n", e.Time/1e6, *e.Address)
		case connlog.KindSocket:
			fmt.Fprintf(&b, "%4d socket %d change %d since %d %v %v>%v %q dev=%d ns=%d partial=%v %v\n", e.Time/1e6, e.Socket.ID, e.Socket.Change, e.Socket.Since/1e6, e.Socket.Protocol, e.Socket.Local, e.Socket.Remote, e.Socket.State, e.Socket.Interface, e.Socket.Namespace, e.Socket.Partial, e.Socket.Owners)
		case connlog.KindPoll:
			fmt.Fprintf(&b, "%4d poll %d-%d\n", e.Time/1e6, e.Poll.Begin/1e6, e.Poll.End/1e6)
		case connlog.KindHead:
			fmt.Fprintf(&b, "%4d head\n", e.Time/1e6)
		case connlog.KindClock:
			fmt.Fprintf(&b, "%4d clock %d\n", e.Time/1e6, e.Clock.Step/1e6)
		case connlog.KindGap:
			fmt.Fprintf(&b, "%4d gap %d-%d\n", e.Time/1e6, e.Gap.Begin/1e6, e.Gap.End/1e6)
		}
	}
	for i, p := range o.packets {
		fmt.Fprintf(&b, "%8.2f packet %d instance %d %v flags %#x seq %d len %d mark %d direction %d place %d device %d print %d\n", float64(p.Time)/1e6, i+1, o.inst[i], p.Tuple, p.TCPFlags, p.Seq, p.Payload, p.Mark, p.Direction, p.Place, p.Device, p.Print)
	}
	return b.String()
}
