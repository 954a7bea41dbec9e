package measure

import (
	"slices"
	"strings"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/report/table"
)

// Traffic is what one process, or a tree of them, exchanged.
type Traffic struct {
	Connections    int64
	Sent, Received attribute.Counts
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
}

// Processes are all processes of the recording, ordered by start time, then PID.
type Processes []Process

// ByProcess sums r by process.
func ByProcess(r *attribute.Result) Processes {
	all := make(Processes, len(r.Processes))
	for i := range all {
		all[i].Process = &r.Processes[i]
	}
	tree := NewTree(r.Processes)
	sum := make([]Traffic, len(all)+1) // of the trees; the last is the root's
	var owners []int32
	r.Connections.All(func(_ int, c *attribute.Connection) {
		owners = owners[:0]
		for j := range c.Spans {
			s := &c.Spans[j]
			client, server := s.Verdict[attribute.Client].Process, s.Verdict[attribute.Server].Process
			all.exchange(client, server, s.Sent[attribute.Client])
			all.exchange(server, client, s.Sent[attribute.Server])
			owners = append(owners, client, server)
		}
		all.connect(owners, tree, sum)
	})
	for i := range r.Loose {
		l := &r.Loose[i]
		all.exchange(l.Source.Process, l.Destination.Process, l.Counts)
	}
	all.climb(tree, sum)
	return all
}

// exchange books what one process sent another; either may be NoProcess.
func (all Processes) exchange(from, to int32, n attribute.Counts) {
	if from != attribute.NoProcess {
		all[from].Self.Sent.Add(n)
	}
	if to != attribute.NoProcess {
		all[to].Self.Received.Add(n)
	}
}

// connect counts one connection for each of its owners, and so in sum that
// adding up the sums of a subtree counts it once: once for each owner, and
// once less where two of them, next to each other in the walk, meet.
func (all Processes) connect(owners []int32, tree *Tree, sum []Traffic) {
	owners = slices.DeleteFunc(owners, func(p int32) bool { return p == attribute.NoProcess })
	slices.SortFunc(owners, func(a, b int32) int { return int(tree.place[a]) - int(tree.place[b]) })
	for i, p := range slices.Compact(owners) {
		all[p].Self.Connections++
		sum[p].Connections++
		if i > 0 {
			sum[tree.common(owners[i-1], p)].Connections--
		}
	}
}

// climb adds up the trees, children before parents.
func (all Processes) climb(tree *Tree, sum []Traffic) {
	for _, v := range slices.Backward(tree.order) {
		sum[v].Sent.Add(all[v].Self.Sent)
		sum[v].Received.Add(all[v].Self.Received)
		all[v].Tree = sum[v]
		sum[tree.parent[v]].add(&sum[v])
	}
}

// Table returns one row a process.
func (all Processes) Table() *table.Table {
	return table.Of(table.Processes(), len(all), func(b *table.Batch, i int) {
		p := &all[i]
		b.Int("pid", int64(p.ID.PID))
		b.IntIf("start_ns", p.ID.Start, p.ID.Start != 0)
		b.TextIf("name", p.Name)
		b.TextIf("exe", p.Exe)
		b.TextIf("command", Quote(p.Args))
		b.IntIf("ppid", int64(p.Parent.PID), p.Parent.PID != 0)
		b.IntIf("uid", p.UID, p.UID >= 0)
		b.Bool("in_command", p.Command)
		appendTraffic(b, "", &p.Self)
		appendTraffic(b, "tree_", &p.Tree)
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
