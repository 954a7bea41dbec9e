package owner

import (
	"cmp"
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// Process is a process of the recording, as last described.
type Process struct {
	ID        connlog.ProcessID
	Parent    connlog.ProcessID // as first described; zero = unknown
	Name      string            // "" = the log never described it
	Exe       string
	Args      []string
	UID       int64 // -1 = unknown
	Cgroup    string
	Container string // container id; "" = none
	Command   bool   // in the wrapped command's process tree
}

func (t *Timeline) addProcess(at int64, e *connlog.Process) {
	p := &t.Processes[t.processIndex(e.ID)]
	if p.Parent == (connlog.ProcessID{}) {
		p.Parent = e.Parent // an orphan's later parent is only who adopted it
	}
	p.Command = p.Command || e.Command
	if e.Change == connlog.ProcessExit {
		t.exits[p.ID] = at
		return
	}
	if e.Name != "" {
		p.Name = e.Name
	}
	if e.Exe != "" {
		p.Exe = e.Exe
	}
	if len(e.Args) > 0 {
		p.Args = slices.Clone(e.Args)
	}
	if e.Cgroup != "" {
		p.Cgroup, p.Container = e.Cgroup, e.Container
	}
	p.UID = e.UID
}

// processIndex returns the index of a process, new or known.
func (t *Timeline) processIndex(id connlog.ProcessID) int32 {
	i, ok := t.process.get(uint64(id.Start), uint32(id.PID))
	if ok {
		return i
	}
	resident := resident{t.recording().boot, id.PID}
	if i, ok = t.namesake(resident, id.Start); !ok {
		i = int32(len(t.Processes))
		t.Processes = append(t.Processes, Process{ID: id, UID: -1})
		if resident.boot != "" {
			t.residents[resident] = append(t.residents[resident], i)
		}
	}
	t.process.put(uint64(id.Start), uint32(id.PID), i)
	return i
}

// resident is a PID during one run of a kernel.
type resident struct {
	boot string
	pid  int32
}

// tick is the unit of the kernel's start times: recordings of one host do not
// agree on them beyond that.
const tick = int64(10e6)

// namesake finds the process of another recording of the same host that is the
// one which began at start.
func (t *Timeline) namesake(r resident, start int64) (int32, bool) {
	if len(t.recordings) < 2 || r.boot == "" {
		return 0, false
	}
	for _, i := range t.residents[r] {
		if d := t.Processes[i].ID.Start - start; -tick < d && d < tick {
			return i, true
		}
	}
	return 0, false
}

// sortProcesses orders the processes by start time and PID, and whatever names
// them by their place.
func (t *Timeline) sortProcesses() {
	first := make([]connlog.ProcessID, len(t.Processes))
	for i, p := range t.Processes {
		first[i] = p.ID
	}
	slices.SortFunc(t.Processes, func(a, b Process) int {
		return cmp.Or(cmp.Compare(a.ID.Start, b.ID.Start), cmp.Compare(a.ID.PID, b.ID.PID))
	})
	place := make(map[connlog.ProcessID]int32, len(t.Processes))
	for i, p := range t.Processes {
		place[p.ID] = int32(i)
	}
	moved := make([]int32, len(first))
	for i, id := range first {
		moved[i] = place[id]
	}
	t.process.renumber(moved)
	t.sortSets(moved)
}

// Parent returns the process that began process i, if the log has it.
func (t *Timeline) Parent(i int32) (int32, bool) {
	parent := t.Processes[i].Parent
	return t.process.get(uint64(parent.Start), uint32(parent.PID))
}
