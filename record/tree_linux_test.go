package record

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// TestTree tells which processes are the command's. In the procfs of these
// tests PID 50 is the recorder.
func TestTree(t *testing.T) {
	sh := task{parent: 50, ticks: 200, name: "sh", exe: "/bin/sh", group: 50, session: 40}
	child := func(parent int32, f ...func(*task)) task {
		x := task{parent: parent, ticks: 300, name: "x", exe: "/x", group: 50, session: 40}
		for _, f := range f {
			f(&x)
		}
		return x
	}
	session := func(id int32) func(*task) { return func(x *task) { x.session, x.group = id, id } }
	cgroup := func(name string) func(*task) { return func(x *task) { x.cgroup = name } }
	for name, c := range map[string]struct {
		looks []map[int32]task // after the command started as PID 100; a task without a name ended
		want  string           // members, as in the log
	}{
		"children":                          {[]map[int32]task{{100: sh, 101: child(100), 102: child(101), 60: child(50)}}, "100 101 102"},
		"not its siblings":                  {[]map[int32]task{{100: sh, 103: child(40), 104: child(1)}}, "100"},
		"a child whose parent ended":        {[]map[int32]task{{100: sh, 101: child(100)}, {101: {}, 102: child(50)}}, "100 101 102"},
		"adopted, its parent not seen":      {[]map[int32]task{{100: sh}, {110: child(50, session(110))}}, "100 110"},
		"adopted, in the same look":         {[]map[int32]task{{100: sh, 90: child(50, session(90)), 110: child(50, session(110))}}, "100 110 90"},
		"adopted, after it was seen":        {[]map[int32]task{{100: sh, 110: child(105)}, {110: child(50)}}, "100 110"},
		"of a session of the tree":          {[]map[int32]task{{100: sh, 101: child(100, session(101))}, {110: child(1, session(101))}}, "100 101 110"},
		"of the recorder's session":         {[]map[int32]task{{100: sh}, {110: child(40)}}, "100"},
		"of a control group of the tree":    {[]map[int32]task{{100: sh, 101: child(100, cgroup("/run"))}, {110: child(1, cgroup("/run"))}}, "100 101 110"},
		"of a control group that was there": {[]map[int32]task{{100: sh, 101: child(100, cgroup("/old"))}, {110: child(1, cgroup("/old"))}}, "100 101"},
		"the PID of the command again":      {[]map[int32]task{{100: sh}, {100: {}}, {100: {parent: 1, ticks: 900, name: "y", exe: "/y"}}}, "100"},
		"what was there before":             {[]map[int32]task{{100: sh, 70: child(50)}}, "100"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProcfs(t)
			p.run(1, task{name: "init", exe: "/init"})
			p.run(40, task{parent: 1, ticks: 5, name: "bash", exe: "/bash", group: 40, session: 40})
			p.run(50, task{parent: 40, ticks: 10, name: "recorder", exe: "/r", group: 50, session: 40})
			p.run(60, child(50))
			p.run(70, child(50))
			p.run(80, child(1, cgroup("/old")))
			r := newRoster(p.reader())
			r.tree.self = 50
			if _, err := r.refresh(1e9, true); err != nil {
				t.Fatal(err)
			}
			r.tree.start(r, 100)
			members := map[string]bool{}
			for i, l := range c.looks {
				for pid, x := range l {
					if x.name == "" {
						p.end(pid)
					} else {
						p.run(pid, x)
					}
				}
				list, err := r.refresh(2e9+int64(i), true)
				if err != nil {
					t.Fatal(err)
				}
				for _, x := range list {
					if x.Command {
						members[fmt.Sprint(x.ID.PID)] = true
					}
				}
			}
			got := []string{}
			for m := range members {
				got = append(got, m)
			}
			slices.Sort(got)
			if strings.Join(got, " ") != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestOrphans leaves processes behind that have no parent when they are first
// seen: they are the command's, their end is seen, and the command's status is
// its own.
func TestOrphans(t *testing.T) {
	capture := filepath.Join(t.TempDir(), "run.pcapng")
	script := `( setsid sh -c 'sleep 1.6; exit 5' & ); sleep 4.5; exit 3`
	p, told := recorder(t, []string{"RECORD_TEST_CAPTURE=" + capture}, "sh", "-c", script)
	if o := told(); !o.Started {
		t.Fatalf("%+v", o)
	}
	o := told()
	if o.Summary == nil || *o.Summary.Status != 3 {
		t.Fatalf("%+v", o)
	}
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
	sleeping := map[int32]string{}
	for _, l := range readLog(t, capture) {
		if l.Event == "process" && l.InCommand && l.Name == "sleep" {
			sleeping[l.PID] = l.Change
		}
	}
	exits := 0
	for _, change := range sleeping {
		if change == "exit" {
			exits++
		}
	}
	if len(sleeping) != 2 || exits < 1 {
		t.Errorf("processes of the command that slept: %v\n%s", sleeping, readFile(t, LogPath(capture)))
	}
}

// TestReap takes the status of an orphan, and leaves its own children to the
// program that records.
func TestReap(t *testing.T) {
	r := newRoster(processReader{})
	r.tree = tree{self: int32(os.Getpid()), root: 1 << 30}
	start := func() (*exec.Cmd, *resident) {
		c := exec.Command("true")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		p := &resident{first: 9, face: face{parent: r.tree.self, zombie: true}}
		p.ID.PID, p.Parent.PID = int32(c.Process.Pid), r.tree.self
		reader, err := newProcessReader()
		if err != nil {
			t.Fatal(err)
		}
		defer reader.close()
		within(t, "it ended", func() bool { f, _ := reader.face(p.ID.PID); return f.zombie })
		return c, p
	}
	own, p := start()
	r.reap(p, 5e9)
	r.reap(p, 5e9+grace)
	if err := own.Wait(); err != nil {
		t.Errorf("its status was taken: %v", err)
	}
	for _, seen := range []bool{true, false} {
		c, p := start()
		if seen { // with another parent
			p.Parent = connlog.ProcessID{PID: 7}
		} else {
			r.reap(p, 5e9)
		}
		if r.reap(p, 6e9+1); c.Wait() == nil {
			t.Errorf("seen before %v: nobody took its status", seen)
		}
	}
}

// TestReapLate takes the status of a process that is adopted long after it ended, when a
// parent ends that did not wait for it: by the events of the kernel too, which tell an end
// but once.
func TestReapLate(t *testing.T) {
	reader, err := newProcessReader()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.close()
	child := exec.Command("true")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	pid := int32(child.Process.Pid)
	within(t, "it ended", func() bool { f, _ := reader.face(pid); return f.zombie })
	start, _ := reader.start(pid)
	c := &census{roster: newRoster(reader), reader: reader, write: func(int64, *connlog.Process) {}}
	c.tree = tree{self: 1, root: 1 << 30} // this process is the parent that does not wait
	p := &resident{}
	p.ID, p.Command = connlog.ProcessID{PID: pid, Start: start}, true
	c.leave(0, p)
	pass := func() {
		for i := range c.ended {
			c.ended[i].next = time.Now().Add(-4 * time.Second)
		}
		c.reap()
	}
	pass()
	pass()
	if f, there := reader.face(pid); !there || !f.zombie || len(c.ended) != 1 {
		t.Fatalf("%+v, there %v: its parent may wait for it; %d are looked at again", f, there, len(c.ended))
	}
	c.tree.self = int32(os.Getpid()) // which adopts it
	pass()
	pass()
	if child.Wait() == nil || len(c.ended) != 0 {
		t.Errorf("nobody took its status; %d are looked at again", len(c.ended))
	}
}
