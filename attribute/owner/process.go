package owner

import (
	"cmp"
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// Process is a process of the recording, as last described.
type Process struct {
	ID      connlog.ProcessID
	Parent  connlog.ProcessID // as first described; zero = unknown
	Name    string            // "" = the log never described it
	Exe     string
	Args    []string
	UID     int64 // -1 = unknown
	Cgroup  string
	Command bool // in the wrapped command's process tree
}

func (t *Timeline) addProcess(at int64, e *connlog.Process) {
	p := &t.Processes[t.processIndex(e.ID)]
	if p.Parent == (connlog.ProcessID{}) {
		p.Parent = e.Parent // an orphan's later parent is only who adopted it
	}
	p.Command = p.Command || e.Command
	if e.Change == connlog.ProcessExit {
		t.exits[e.ID] = at
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
		p.Cgroup = e.Cgroup
	}
	p.UID = e.UID
}

// processIndex returns the index of a process, new or known.
func (t *Timeline) processIndex(id connlog.ProcessID) int32 {
	i, ok := t.process[id]
	if !ok {
		i = int32(len(t.Processes))
		t.process[id] = i
		t.Processes = append(t.Processes, Process{ID: id, UID: -1})
	}
	return i
}

// sortProcesses orders the processes by start time and PID.
func (t *Timeline) sortProcesses() {
	slices.SortFunc(t.Processes, func(a, b Process) int {
		return cmp.Or(cmp.Compare(a.ID.Start, b.ID.Start), cmp.Compare(a.ID.PID, b.ID.PID))
	})
	for place, p := range t.Processes {
		t.process[p.ID] = int32(place)
	}
}

// Parent returns the process that began process i, if the log has it.
func (t *Timeline) Parent(i int32) (int32, bool) {
	p, ok := t.process[t.Processes[i].Parent]
	return p, ok
}
