package measure

import (
	"slices"

	"github.com/pcapwho/pcapwho/attribute"
)

// Fold sums r by side and reason, and by process, with so many workers. The
// result does not depend on their number. Its errors are those of
// attribute.Connections.
func Fold(r *attribute.Result, workers int) (*Coverage, Processes, error) {
	tree := NewTree(r.Processes)
	var folders []*folder
	err := r.Connections.Divide(workers, func() func(*attribute.Connection) {
		f := newFolder(tree, len(r.Processes))
		folders = append(folders, f)
		return f.connection
	})
	if err != nil {
		return nil, nil, err
	}
	f := folders[0]
	for _, g := range folders[1:] {
		f.merge(g)
	}
	for i := range r.Loose {
		l := &r.Loose[i]
		f.coverage.add(l.Source.Reason, l.Destination.Reason, l.Counts)
		f.exchange(l.Source.Process, l.Destination.Process, l.Counts)
	}
	return &f.coverage, f.processes(r.Processes), nil
}

// folder is the sums of one worker.
type folder struct {
	tree     *Tree
	coverage Coverage
	self     []Traffic // by process
	sum      []Traffic // of the trees, what is not their members' own; the last is the root's
	owners   []int32
}

func newFolder(tree *Tree, processes int) *folder {
	return &folder{tree: tree, self: make([]Traffic, processes), sum: make([]Traffic, processes+1)}
}

func (f *folder) merge(g *folder) {
	for s := range g.coverage {
		for r := range g.coverage[s] {
			f.coverage[s][r].Add(g.coverage[s][r])
		}
	}
	for i := range g.self {
		f.self[i].add(&g.self[i])
	}
	for i := range g.sum {
		f.sum[i].add(&g.sum[i])
	}
}

func (f *folder) connection(c *attribute.Connection) {
	f.coverage.connection(c)
	f.owners = f.owners[:0]
	for i := range c.Spans {
		s := &c.Spans[i]
		client, server := s.Verdict[attribute.Client].Process, s.Verdict[attribute.Server].Process
		f.exchange(client, server, s.Sent[attribute.Client])
		f.exchange(server, client, s.Sent[attribute.Server])
		f.own(client)
		f.own(server)
	}
	f.connect()
}

// own notes an owner of the connection.
func (f *folder) own(p int32) {
	if p != attribute.NoProcess && !slices.Contains(f.owners, p) {
		f.owners = append(f.owners, p)
	}
}

// exchange books what one process sent another; either may be NoProcess.
func (f *folder) exchange(from, to int32, n attribute.Counts) {
	if from != attribute.NoProcess {
		f.self[from].Sent.Add(n)
	}
	if to != attribute.NoProcess {
		f.self[to].Received.Add(n)
	}
}

// connect counts one connection for each of its owners, and so in sum that
// adding up the sums of a subtree counts it once: once for each owner, and
// once less where two of them, next to each other in the walk, meet.
func (f *folder) connect() {
	slices.SortFunc(f.owners, func(a, b int32) int { return int(f.tree.place[a]) - int(f.tree.place[b]) })
	for i, p := range f.owners {
		f.self[p].Connections++
		f.sum[p].Connections++
		if i > 0 {
			f.sum[f.tree.common(f.owners[i-1], p)].Connections--
		}
	}
}

// processes adds up the trees, children before parents.
func (f *folder) processes(list []attribute.Process) Processes {
	all := make(Processes, len(list))
	for i := range all {
		all[i].Process, all[i].Self = &list[i], f.self[i]
	}
	for _, v := range slices.Backward(f.tree.order) {
		f.sum[v].Sent.Add(all[v].Self.Sent)
		f.sum[v].Received.Add(all[v].Self.Received)
		all[v].Tree = f.sum[v]
		f.sum[f.tree.parent[v]].add(&f.sum[v])
	}
	return all
}
