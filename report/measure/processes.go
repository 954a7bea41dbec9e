package measure

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/attribute/turn"
	"github.com/pcapwho/pcapwho/report/table"
)

// Traffic is what one process, or a tree of them, exchanged.
type Traffic struct {
	Connections    int64
	Sent, Received attribute.Counts
	Busy           int64 // how long there were TCP and UDP packets, nanoseconds; turn.Unknown
}

func (t *Traffic) add(u *Traffic) {
	t.Connections += u.Connections
	t.Sent.Add(u.Sent)
	t.Received.Add(u.Received)
}

// Process is a process of the recording and its traffic.
type Process struct {
	*attribute.Process
	Self Traffic // by itself
	Tree Traffic // with its descendants in the recording; a connection inside the tree counts once

	Times, TreeTimes *Times // likewise; nil = there are none
}

// Processes are all processes of the recording, in the order of
// attribute.Result.
type Processes []Process

// places returns the place of each in the order of the table.
func (all Processes) places() []int32 {
	order := make([]int32, len(all))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return all[a].compare(&all[b]) })
	place := make([]int32, len(all))
	for i, p := range order {
		place[p] = int32(i)
	}
	return place
}

// sorted returns them by start time, those whose start is not known last, then
// by PID.
func (all Processes) sorted() Processes {
	return slices.SortedStableFunc(slices.Values(all), func(a, b Process) int { return a.compare(&b) })
}

func (p *Process) compare(q *Process) int {
	x, y := p.ID.Start, q.ID.Start
	if known := x != 0; known != (y != 0) {
		if known {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(x, y), cmp.Compare(p.ID.PID, q.ID.PID))
}

// Table returns one row a process; with a selection, one a process that has packets
// or times in it, or whose tree has.
func (all Processes) Table(s *Selection) *table.Table {
	all = all.sorted()
	if s != nil {
		all = slices.DeleteFunc(all, func(p Process) bool { return p.Tree.Sent.Packets+p.Tree.Received.Packets == 0 && p.TreeTimes == nil })
	}
	return table.Of(table.Processes(), len(all), func(b *table.Batch, i int) {
		p := &all[i]
		b.Int("pid", int64(p.ID.PID))
		b.IntIf("start_ns", p.ID.Start, p.ID.Start != 0)
		b.TextIf("name", p.Name)
		b.TextIf("exe", p.Exe)
		b.TextIf("command", Quote(p.Args))
		b.IntIf("ppid", int64(p.Parent.PID), p.Parent.PID != 0)
		b.IntIf("uid", p.UID, p.UID >= 0)
		b.TextIf("cgroup", p.Cgroup)
		b.TextIf("container", p.Container)
		b.Bool("in_command", p.Command)
		appendActivity(b, "", &p.Self)
		appendTotals(b, "", p.Times, p.Self.Busy != turn.Unknown)
		appendTimes(b, "", p.Times, p.Self.Busy != turn.Unknown)
		appendActivity(b, "tree_", &p.Tree)
		appendTotals(b, "tree_", p.TreeTimes, p.Self.Busy != turn.Unknown)
		appendTimes(b, "tree_", p.TreeTimes, p.Self.Busy != turn.Unknown)
	})
}

func appendTraffic(b *table.Batch, prefix string, t *Traffic) {
	b.Int(prefix+"connections", t.Connections)
	b.Int(prefix+"sent_packets", t.Sent.Packets)
	b.Int(prefix+"received_packets", t.Received.Packets)
	b.Int(prefix+"sent_wire_bytes", t.Sent.WireBytes)
	b.Int(prefix+"received_wire_bytes", t.Received.WireBytes)
	b.Int(prefix+"sent_payload_bytes", t.Sent.PayloadBytes)
	b.Int(prefix+"received_payload_bytes", t.Received.PayloadBytes)
	b.Int(prefix+"sent_unique_payload_bytes", t.Sent.UniqueBytes)
	b.Int(prefix+"received_unique_payload_bytes", t.Received.UniqueBytes)
}

// appendActivity appends what was exchanged, and for how long.
func appendActivity(b *table.Batch, prefix string, t *Traffic) {
	appendTraffic(b, prefix, t)
	b.IntIf(prefix+"busy_ns", t.Busy, t.Busy != turn.Unknown)
}

// Quote joins arguments so that a POSIX shell reads the same ones back.
func Quote(args []string) string {
	var b strings.Builder
	for i, a := range args {
		if i > 0 {
			b.WriteByte(' ')
		}
		if a != "" && strings.Trim(a, plain) == "" {
			b.WriteString(a)
			continue
		}
		b.WriteString("'" + strings.ReplaceAll(a, "'", `'\''`) + "'")
	}
	return b.String()
}

// plain are the characters that mean nothing to a shell, anywhere in a word.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-"
