package measure

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/attribute/turn"
)

// FoldConfig says what is summed, and how.
type FoldConfig struct {
	Workers   int        // the sums do not depend on their number; 0 = 1
	Selection *Selection // what counts; nil = all
	Bucket    int64      // of the timeseries, nanoseconds; 0 = none
	Phases    Phases     // of the benchmark
	Endpoints bool       // whether they are
}

// Sums are what an attribution sums up to.
type Sums struct {
	Coverage   *Coverage
	Processes  Processes
	Timeseries *Timeseries // nil unless asked for
	ByPhase    *ByPhase    // without rows where there are no phases
	Endpoints  *Endpoints  // likewise
}

// Fold sums r by side and reason, by process, and by process and time, for which
// the attribution's windows must not reach over buckets and phases. Its errors are
// those of attribute.Connections.
func Fold(r *attribute.Result, cfg FoldConfig) (sums *Sums, err error) {
	tree := NewTree(r.Processes)
	var folders []*folder
	defer func() {
		for _, f := range folders {
			err = errors.Join(err, f.stretches.sorter.Close())
		}
	}()
	err = r.Connections.Divide(cfg.Workers, func() func(*attribute.Connection) {
		f := newFolder(&cfg, r, tree)
		folders = append(folders, f)
		return f.connection
	})
	if err != nil {
		return nil, err
	}
	f := folders[0]
	if err := f.earlier(); err != nil {
		return nil, err
	}
	var stretches []stretches
	for _, g := range folders {
		g.rest()
		stretches = append(stretches, g.stretches)
	}
	for _, g := range folders[1:] {
		f.merge(g)
	}
	if err := f.busy(stretches); err != nil {
		return nil, fmt.Errorf("the temporary file for stretches of activity: %w", err)
	}
	for i := range r.Loose {
		f.loose(&r.Loose[i])
	}
	sums = &Sums{Coverage: &f.coverage, Processes: f.processes(r.Processes)}
	if f.timeseries != nil {
		sums.Timeseries = &Timeseries{cfg.Bucket, f.timeseries}
	}
	sums.ByPhase = &ByPhase{cfg.Phases, f.byPhase}
	sums.Endpoints = f.endpoints
	return sums, nil
}

// folder is the sums of one worker.
type folder struct {
	cfg      *FoldConfig
	chooser  *Chooser
	tree     *Tree
	coverage Coverage
	self     []Traffic // by process
	sum      []Traffic // of the trees, what is not their members' own; the last is the root's
	owners   []int32

	times     []*Times   // by process; nil = none
	activity  []activity // by process
	stretches stretches  // that are over

	timeseries, byPhase *Breakdown // nil = none

	result    *attribute.Result
	endpoints *Endpoints // nil = none
}

func newFolder(cfg *FoldConfig, r *attribute.Result, tree *Tree) *folder {
	n := len(r.Processes)
	f := &folder{cfg: cfg, chooser: cfg.Selection.Chooser(r), tree: tree, self: make([]Traffic, n), sum: make([]Traffic, n+1)}
	f.result = r
	if cfg.Endpoints {
		f.endpoints = newEndpoints(maxEndpoints)
		f.endpoints.measured = r.Measured
	}
	f.times = make([]*Times, n)
	f.activity, f.stretches = make([]activity, n), newStretches(cfg.Workers)
	if cfg.Bucket > 0 {
		f.timeseries = newTimeseries(cfg.Bucket)
		f.timeseries.measured = r.Measured
	}
	if len(cfg.Phases) > 0 {
		f.byPhase = cfg.Phases.breakdown()
		f.byPhase.measured = r.Measured
	}
	return f
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
	for i := range g.times {
		f.times[i] = f.times[i].merge(g.times[i])
	}
	for i := range g.sum {
		f.sum[i].add(&g.sum[i])
	}
	if f.endpoints != nil {
		f.endpoints.merge(g.endpoints)
	}
	if f.timeseries != nil {
		f.timeseries.merge(g.timeseries)
	}
	if f.byPhase != nil {
		f.byPhase.merge(g.byPhase)
	}
}

// earlier books the stretches in which connections were busy before their last, few of
// which have any.
func (f *folder) earlier() error {
	var of uint64 // the connection that was asked about
	counts := false
	return f.result.Runs.All(func(c *attribute.Connection, r turn.Run) {
		if c.ID != of {
			of, counts = c.ID, f.chooser.Connection(c)
		}
		if counts {
			f.active(c, r)
		}
	})
}

func (f *folder) connection(c *attribute.Connection) {
	last, measured := c.LastRun()
	ends := holders(c)
	if !f.chooser.Connection(c) {
		return
	}
	if measured {
		f.active(c, last)
		f.timesOf(c, ends)
	}
	f.coverage.connection(c)
	if f.endpoints != nil {
		f.endpoints.connection(f.result, c)
	}
	if f.timeseries != nil {
		f.timeseries.connection(c)
	}
	if f.byPhase != nil {
		f.byPhase.connection(c)
		f.byPhase.timesOf(c, ends)
	}
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

// loose books packets without a connection.
func (f *folder) loose(l *attribute.Loose) {
	if !f.chooser.loose(l) {
		return
	}
	f.coverage.add(l.Source.Reason, l.Destination.Reason, l.Counts)
	f.exchange(l.Source.Process, l.Destination.Process, l.Counts)
	if f.timeseries != nil {
		f.timeseries.loose(l)
	}
	if f.byPhase != nil {
		f.byPhase.loose(l)
	}
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
	trees := make([]*Times, len(list)+1)
	for _, v := range slices.Backward(f.tree.order) {
		all[v].Times, all[v].TreeTimes = f.times[v], trees[v].merge(f.times[v])
		trees[f.tree.parent[v]] = trees[f.tree.parent[v]].merge(all[v].TreeTimes)
		f.sum[v].Sent.Add(all[v].Self.Sent)
		f.sum[v].Received.Add(all[v].Self.Received)
		all[v].Tree = f.sum[v]
		f.sum[f.tree.parent[v]].add(&f.sum[v])
		if !f.result.Measured {
			all[v].Self.Busy, all[v].Tree.Busy = turn.Unknown, turn.Unknown
		}
	}
	return all
}
