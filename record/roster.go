package record

import (
	"cmp"
	"os"
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// A process that is younger is read at every look: that is when it executes
// another program, and closes what it inherited.
const youth = int64(1e9)

// maxArgs bounds the command line that is kept of a process, in bytes.
const maxArgs = 4096

// roster knows the processes that live, by PID. Its reader is /proc on Linux
// and gopsutil elsewhere.
type roster struct {
	reader  processReader
	living  map[int32]*resident
	pids    []int32     // of the last refresh, ascending
	visited []int32     // those that were read in the last refresh
	met     []encounter // since the last refresh
	round   uint64
	version uint64 // grows when a process comes or goes
	tree    tree
	lineage lineage
}

type resident struct {
	connlog.Process
	since   int64 // Unix nanoseconds when it was first seen
	first   uint64
	round   uint64
	adopted bool // by a reaper, before it was seen
	face    face // as last read

	described bool  // the log has it
	ended     int64 // Unix nanoseconds when it was first seen to wait for its parent's wait; 0 = it runs
}

func newRoster(reader processReader) *roster {
	return &roster{reader: reader, living: map[int32]*resident{}, lineage: lineage{}, tree: tree{self: int32(os.Getpid())}}
}

// id returns who has a PID now, as last read.
func (r *roster) id(pid int32) (connlog.ProcessID, bool) {
	if p, ok := r.living[pid]; ok {
		return p.ID, true
	}
	return connlog.ProcessID{}, false
}

// refresh lists the processes; it reads new and young ones, and all when
// thorough. It returns what changed: the exits first, then new and changed
// processes in the order of their start.
func (r *roster) refresh(now int64, thorough bool) (changes []connlog.Process, err error) {
	if r.pids, err = r.reader.pids(r.pids[:0]); err != nil {
		return nil, err
	}
	slices.Sort(r.pids)
	r.visited = r.visited[:0]
	r.round++
	for i := range r.met {
		changes = r.encounter(changes, now, &r.met[i])
	}
	r.met = nil
	for _, pid := range r.pids {
		p, known := r.living[pid]
		if known && !thorough && now-p.since > youth {
			p.round = r.round
			continue
		}
		face, ok := r.reader.face(pid)
		if !ok {
			continue // it went between listing and reading
		}
		r.visited = append(r.visited, pid)
		if known && p.ID.Start == face.start {
			p.round, p.face = r.round, face
			r.reap(p, now)
			if executed(p, face) {
				changes = append(changes, r.describe(p, face, connlog.ProcessExec))
			}
			continue
		}
		if known {
			changes = append(changes, exitOf(p))
		}
		changes = append(changes, r.describe(r.settle(now, pid, face), face, connlog.ProcessSnapshot))
	}
	for pid, p := range r.living {
		if p.round != r.round {
			changes = append(changes, exitOf(p))
			delete(r.living, pid)
			r.version++
		}
	}
	r.fillParents(changes)
	r.remember(changes)
	r.tree.find(r)
	for _, p := range r.tree.grow(r.living) {
		change := p.Process
		change.Change = connlog.ProcessExec
		changes = append(changes, change)
	}
	for i := range changes {
		if p, lives := r.living[changes[i].ID.PID]; lives && p.ID == changes[i].ID {
			changes[i].Command, p.described = p.Command, true
		}
	}
	slices.SortStableFunc(changes, func(a, b connlog.Process) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.ID.Start, b.ID.Start), cmp.Compare(a.ID.PID, b.ID.PID))
	})
	return changes, nil
}

// settle makes who has a PID now a resident.
func (r *roster) settle(now int64, pid int32, face face) *resident {
	p := &resident{since: now, first: r.round, round: r.round, face: face}
	p.ID = connlog.ProcessID{PID: pid, Start: face.start}
	r.living[pid] = p
	p.adopted = r.round > 1 && (face.parent <= 1 || face.parent == r.tree.self && pid != r.tree.root)
	r.version++
	return p
}

// encounter takes a process that was met since the last refresh, and may be gone: it
// lives for this one.
func (r *roster) encounter(changes []connlog.Process, now int64, e *encounter) []connlog.Process {
	p, known := r.living[e.process.ID.PID]
	if known && p.ID == e.process.ID {
		p.round = r.round // it may have ended: that is told when nothing is left to be told of it
		return changes
	}
	if known {
		changes = append(changes, exitOf(p))
	}
	p = r.settle(now, e.process.ID.PID, e.face)
	return append(changes, r.tell(p, e.process, e.face, connlog.ProcessSnapshot))
}

// grace is how long the end of a process that may be this program's own is left
// to it.
const grace = int64(1e9)

// reap lets go of a process that ended after this one adopted it: nobody else
// waits for it. One that was never seen with another parent may have been started
// by the program that records.
func (r *roster) reap(p *resident, now int64) {
	if !p.face.zombie || !r.tree.fosters(p) {
		return
	}
	if p.ended == 0 {
		p.ended = now
	}
	if p.Parent.PID != r.tree.self || now-p.ended > grace {
		reap(p.ID.PID)
	}
}

// executed tells whether a process runs another program, or another name, than
// it did. The path is unknown of a zombie and of a process that this user may not
// inspect; kernel threads have none, and change their names with their work.
func executed(p *resident, face face) bool {
	const kthreadd = 2
	if face.exe != "" && p.Exe != face.exe {
		return true
	}
	return p.Name != face.name && (face.exe != "" || face.parent != kthreadd && face.parent != 0)
}

// describe reads everything about a process.
func (r *roster) describe(p *resident, face face, change connlog.ProcessChange) connlog.Process {
	return r.tell(p, r.reader.describe(p.ID.PID), face, change)
}

// tell makes what was read about a process what is told of it.
func (r *roster) tell(p *resident, read connlog.Process, face face, change connlog.ProcessChange) connlog.Process {
	parent := p.Parent
	id := p.ID
	command := p.Command
	p.Process = read
	p.Command = command
	p.ID, p.Name, p.Exe, p.Change = id, face.name, face.exe, change
	p.Parent.PID = face.parent
	if parent != (connlog.ProcessID{}) {
		p.Parent = parent // who began it, not who adopted it
	}
	return p.Process
}

// fillParents completes parents by their start, where it is before the child's.
func (r *roster) fillParents(changes []connlog.Process) {
	for i := range changes {
		c := &changes[i]
		if c.Parent.Start != 0 || c.Parent.PID == 0 {
			continue
		}
		if parent, ok := r.living[c.Parent.PID]; ok && parent.ID.Start <= c.ID.Start {
			c.Parent = parent.ID
			if p, ok := r.living[c.ID.PID]; ok && p.ID == c.ID {
				p.Parent = parent.ID
			}
		}
	}
}

// remember adds new processes to the lineage.
func (r *roster) remember(changes []connlog.Process) {
	for i := range changes {
		c := &changes[i]
		p, lives := r.living[c.ID.PID]
		if lives && p.ID == c.ID && c.Change != connlog.ProcessExit {
			r.lineage[c.ID] = descent{p.Parent, p.first}
		}
	}
	r.lineage.prune(r.living)
}

func exitOf(p *resident) connlog.Process {
	out := p.Process
	out.Change = connlog.ProcessExit
	return out
}

func rank(p connlog.Process) int {
	if p.Change == connlog.ProcessExit {
		return 0
	}
	return 1
}

// encounter is a process that was met between two looks.
type encounter struct {
	face    face
	process connlog.Process // with its ID
}

// face is what tells one process from the next of the same PID, and one
// program from the next in the same process.
type face struct {
	start  int64 // Unix nanoseconds
	parent int32
	name   string
	exe    string

	group, session int32 // 0 = unknown
	zombie         bool
}

// cutArgs keeps as many arguments as fit maxArgs; the last is cut.
func cutArgs(args []string) []string {
	room := maxArgs
	for i, a := range args {
		if room -= len(a) + 1; room <= 0 {
			if i > 0 && room+len(a) <= 0 {
				return args[:i]
			}
			return append(args[:i:i], cut(a, len(a)+room))
		}
	}
	return args
}
