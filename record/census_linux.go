package record

import (
	"path/filepath"
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/record/hooks"
)

const kthreadd = 2 // PID of the parent of kernel threads, which change their names with their work

// census knows the processes from the events of the kernel: each from its fork
// on, those before it by the roster.
type census struct {
	*roster
	reader processReader
	write  func(stamp int64, p *connlog.Process) // stamp: nanoseconds since boot
	ended  []ended

	renamed map[connlog.ProcessID]int64 // since when, nanoseconds since boot, and not told yet
}

// renames is how long a new name waits to be told: a program that begins brings its own,
// and is told once.
const renames = 50 * time.Millisecond

// ended is a process of the command's tree that nobody may wait for.
type ended struct {
	id   connlog.ProcessID
	next time.Time // when it is looked at again
}

// id brings the kernel's start time to that of /proc, which has whole ticks: one
// process is never two.
func (c *census) id(i hooks.Identity) connlog.ProcessID {
	return connlog.ProcessID{PID: i.PID, Start: c.reader.boot + int64(i.Start)/tick*tick}
}

// resident returns who has a PID, if it is that process.
func (c *census) resident(id connlog.ProcessID) *resident {
	if p := c.living[id.PID]; p != nil && p.ID == id {
		return p
	}
	return nil
}

// know returns a process that an event names. The log gets one that is new
// here: the event that began it was lost, or came from outside of this PID
// namespace.
func (c *census) know(stamp int64, i hooks.Identity) connlog.ProcessID {
	id := c.id(i)
	if i.PID == 0 || c.resident(id) != nil {
		return id
	}
	p := &resident{Process: connlog.Process{UID: int64(i.UID)}}
	if f, ok := c.reader.face(i.PID); ok && f.start == id.Start {
		p.Process = c.reader.describe(i.PID)
		p.Name, p.Exe = f.name, f.exe
	}
	p.ID = id
	c.enter(stamp, p, connlog.ProcessSnapshot)
	return id
}

// enter adds a process, in the place of one whose end was not told.
func (c *census) enter(stamp int64, p *resident, change connlog.ProcessChange) {
	if before := c.living[p.ID.PID]; before != nil {
		c.leave(stamp, before)
	}
	c.living[p.ID.PID] = p
	if p.ID.PID == c.tree.root && c.tree.command == (connlog.ProcessID{}) {
		c.tree.command, p.Command = p.ID, true
	}
	c.tell(stamp, p, change)
}

func (c *census) tell(stamp int64, p *resident, change connlog.ProcessChange) {
	out := p.Process
	out.Change = change
	c.write(stamp, &out)
}

// tellNames tells the new names that no program brought, up to a time since boot.
func (c *census) tellNames(until int64) {
	for id, at := range c.renamed {
		if p := c.resident(id); p != nil && at <= until {
			c.tell(at, p, connlog.ProcessExec)
		}
		if at <= until {
			delete(c.renamed, id)
		}
	}
}

func (c *census) leave(stamp int64, p *resident) {
	if at, waits := c.renamed[p.ID]; waits {
		c.tell(at, p, connlog.ProcessExec)
		delete(c.renamed, p.ID)
	}
	c.tell(stamp, p, connlog.ProcessExit)
	delete(c.living, p.ID.PID)
	if p.Command && p.ID != c.tree.command && c.tree.root != 0 { // without a command nobody is adopted
		c.ended = append(c.ended, ended{p.ID, time.Now().Add(time.Duration(grace))})
	}
}

func (c *census) take(e *hooks.Event) {
	if e.User.PID == 0 {
		return // of another PID namespace, which this one does not see
	}
	id := c.id(e.User)
	switch p := c.resident(id); e.Kind {
	case hooks.Fork:
		if p == nil {
			c.fork(e, id)
		}
	case hooks.Exec:
		c.exec(e, id)
	case hooks.Rename:
		if p != nil && p.Name != e.Name && p.Parent.PID != kthreadd {
			p.Name = e.Name
			if _, waits := c.renamed[id]; !waits {
				c.renamed[id] = e.Time
			}
		}
	case hooks.Exit:
		if p != nil {
			c.leave(e.Time, p)
		}
	}
}

// fork enters a copy of its parent.
func (c *census) fork(e *hooks.Event, id connlog.ProcessID) {
	p := &resident{Process: connlog.Process{UID: int64(e.User.UID)}}
	if e.Parent.PID != 0 {
		parent := c.know(e.Time, e.Parent)
		p.Process = c.resident(parent).Process
		p.Parent = parent
	}
	p.ID, p.NSPID, p.Name, p.Namespace = id, 0, e.Name, e.Netns
	c.enter(e.Time, p, connlog.ProcessFork)
}

// exec notes another program. What the kernel told is completed from /proc, where
// the process is still there.
func (c *census) exec(e *hooks.Event, id connlog.ProcessID) {
	c.know(e.Time, e.User)
	p := c.resident(id)
	delete(c.renamed, id)
	p.Name, p.Args, p.UID, p.Namespace, p.Exe = e.Name, cutArgs(e.Args), int64(e.User.UID), e.Netns, ""
	if filepath.IsAbs(e.Path) {
		p.Exe = e.Path
	}
	exe, group := c.reader.readlink(id.PID, "exe"), cgroup(string(c.reader.read(id.PID, "cgroup")))
	if start, ok := c.reader.start(id.PID); ok && start == id.Start {
		if exe != "" {
			p.Exe = exe
		}
		p.Cgroup, p.Container = group, container(group)
	}
	c.tell(e.Time, p, connlog.ProcessExec)
}

// reap lets go of processes that this one adopted: nobody else waits for them. It may
// adopt them long after they ended, when a parent that does not wait ends itself. Those
// that the program itself may have started it leaves to it for a while.
func (c *census) reap() {
	now, kept := time.Now(), c.ended[:0]
	for _, p := range c.ended {
		if now.After(p.next) {
			if start, there := c.reader.start(p.id.PID); !there || start != p.id.Start {
				continue
			}
			if f, ok := c.reader.face(p.id.PID); ok && f.zombie && f.parent == c.tree.self {
				reap(p.id.PID)
			}
			p.next = now.Add(time.Duration(grace))
		}
		kept = append(kept, p)
	}
	c.ended = kept
}
