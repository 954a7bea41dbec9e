package attribute_test

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// oracleMarks name two processes of the log, one that it does not know, and two
// that happened to run.
var oracleMarks = []pcapng.Mark{
	{PID: 1, Start: 1, Origin: pcapng.MarkWireshark},
	{PID: 2, Origin: pcapng.MarkPKTAP},
	{PID: 9, Origin: pcapng.MarkPtcpdump},
	{PID: 7, Origin: pcapng.MarkETL},
	{PID: 8, Origin: pcapng.MarkPktmon},
}

func (o *oracle) mark(i int) *pcapng.Mark {
	if n := o.packets[i].Mark; n > 0 {
		return &oracleMarks[n-1]
	}
	return nil
}

// about returns the end that the mark of packet i is of; ok is false where that
// is not known.
func (o *oracle) about(i int) (end flow.Endpoint, ok bool) {
	p := &o.packets[i]
	from, to := o.local(p.Tuple.Source), o.local(p.Tuple.Destination)
	switch {
	case from && !to && p.Direction != packet.Inbound:
		return p.Tuple.From(), true
	case to && !from && p.Direction != packet.Outbound:
		return p.Tuple.To(), true
	}
	return end, false
}

// answer returns "reason pids" for one side of packet i.
func (o *oracle) answer(i int, source bool) string {
	log := o.logged(i, source)
	p := &o.packets[i]
	me := p.Tuple.To()
	if source {
		me = p.Tuple.From()
	}
	rest := o.rest(i, source, me, log)
	m := o.mark(i)
	if m == nil {
		return rest
	}
	end, known := o.about(i)
	loose := m.Origin == pcapng.MarkETL || m.Origin == pcapng.MarkPktmon
	switch {
	case !known && !loose && strings.HasPrefix(rest, "unknown"):
		return fmt.Sprint("ambiguous ", []int32{m.PID})
	case !known || end != me:
	case !loose:
		return confronted(log, []int32{m.PID}, false, "packet")
	case source:
		if who, unsure, voted := o.named(i, me); voted && !unsure && slices.Equal(who, []int32{m.PID}) {
			return confronted(log, who, false, "packet")
		}
	}
	return rest
}

// witnesses are the packets of i's connection whose marks are of one end.
func (o *oracle) witnesses(i int, me flow.Endpoint) (list []int) {
	for k := range o.packets {
		if end, ok := o.about(k); o.inst[k] == o.inst[i] && o.mark(k) != nil && ok && end == me {
			list = append(list, k)
		}
	}
	return list
}

// named returns who the marks of i's connection name at one end.
func (o *oracle) named(i int, me flow.Endpoint) (who []int32, unsure, voted bool) {
	votes, all := map[int32]int{}, 0
	var runners []int32
	for _, k := range o.witnesses(i, me) {
		m, p := o.mark(k), &o.packets[k]
		if m.Origin != pcapng.MarkETL && m.Origin != pcapng.MarkPktmon {
			who = append(who, m.PID)
		} else if p.Tuple.From() == me {
			runners = append(runners, m.PID)
			if p.Payload > 0 || p.TCPFlags&packet.SYN != 0 && p.TCPFlags&packet.ACK == 0 {
				votes[m.PID]++
				all++
			}
		}
	}
	if len(who) == 0 {
		who, unsure, voted = runners, true, true
		for pid, n := range votes {
			if n > 1 && n > all-n {
				who, unsure = []int32{pid}, false
			}
		}
	}
	slices.Sort(who)
	return slices.Compact(who), unsure, voted
}

// rest answers for a packet that has no mark of this end. Those with one mark of
// the other, sent by one side in one stretch, are judged together.
func (o *oracle) rest(i int, source bool, me flow.Endpoint, log string) string {
	who, unsure, _ := o.named(i, me)
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	low, high := i, i
	for k := range o.packets {
		q := &o.packets[k]
		if o.inst[k] != o.inst[i] {
			continue
		}
		first, last = min(first, q.Time), max(last, q.Time)
		if o.packets[i].Mark > 0 && q.Mark == o.packets[i].Mark && q.Tuple == o.packets[i].Tuple && o.together(i, k) {
			a, aKnown := o.about(i)
			if b, bKnown := o.about(k); a == b && aKnown == bKnown {
				low, high = min(low, k), max(high, k)
			}
		}
	}
	if len(who) == 0 || within(o.losses(), first, last) {
		return log
	}
	w := o.witnesses(i, me)
	before, after := low < w[0], high > w[len(w)-1]
	if o.packets[i].Tuple.Protocol == flow.TCP {
		unsure = unsure || before && (o.server(i, source) || !o.begun(o.inst[i]))
	} else if before || after {
		return log
	}
	return confronted(log, who, unsure, "stream")
}

// confronted holds who the capture names against what the log says.
func confronted(log string, who []int32, unsure bool, reason string) string {
	word, list, _ := strings.Cut(log, " ")
	var logged []int32
	for _, s := range strings.Fields(strings.Trim(list, "[]")) {
		var n int32
		fmt.Sscan(s, &n)
		logged = append(logged, n)
	}
	one := len(who) == 1 && !unsure
	all := append(slices.Clone(who), logged...)
	slices.Sort(all)
	all = slices.Compact(all)
	switch {
	case word != "ambiguous" && len(logged) == 1 && len(all) == 1:
		return log
	case one && (word == "unknown" || word == "ambiguous" && slices.Contains(logged, who[0])):
		return fmt.Sprint(reason, " ", who)
	}
	return fmt.Sprint("ambiguous ", all)
}
