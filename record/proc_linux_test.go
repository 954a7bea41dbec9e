package record

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// procfs is a /proc in a folder of the test's.
type procfs struct {
	t      *testing.T
	folder string
}

// task is what a process of a procfs runs.
type task struct {
	parent  int32
	ticks   int64 // since boot, when it began
	name    string
	exe     string // "" = cannot be read
	args    string // NUL-terminated
	sockets []uint64
	group   int32
	session int32
	cgroup  string // "" = "/x"
}

func newProcfs(t *testing.T) *procfs { return &procfs{t, t.TempDir()} }

func (p *procfs) reader() processReader {
	p.t.Helper()
	r, err := newProcessReader()
	if err != nil {
		p.t.Fatal(err)
	}
	unix.Close(r.dir)
	if r.dir, err = unix.Open(p.folder, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(r.close)
	r.boot = 0
	return r
}

// run lets a PID run a program, in place of what ran there.
func (p *procfs) run(pid int32, x task) {
	p.t.Helper()
	p.end(pid)
	at := func(name string) string { return filepath.Join(p.folder, fmt.Sprint(pid), name) }
	stat := fmt.Sprintf("%d (%s) S %d %d %d 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0\n", pid, x.name, x.parent, x.group, x.session, x.ticks)
	status := fmt.Sprintf("Name:\t%s\nUid:\t1000\t0\t0\t0\nNSpid:\t%d\t7\n", x.name, pid)
	err := errors.Join(os.MkdirAll(at("fd"), 0o755), os.Mkdir(at("ns"), 0o755),
		os.WriteFile(at("stat"), []byte(stat), 0o644), os.WriteFile(at("status"), []byte(status), 0o644),
		os.WriteFile(at("cmdline"), []byte(x.args), 0o644), os.WriteFile(at("cgroup"), []byte("0::"+cmp.Or(x.cgroup, "/x")+"\n"), 0o644),
		os.Symlink("net:[4026531840]", at("ns/net")), os.Symlink("/dev/null", at("fd/0")))
	if x.exe != "" {
		err = errors.Join(err, os.Symlink(x.exe, at("exe")))
	}
	for i, inode := range x.sockets {
		err = errors.Join(err, os.Symlink(fmt.Sprintf("socket:[%d]", inode), at(fmt.Sprintf("fd/%d", i+3))))
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *procfs) end(pid int32) {
	p.t.Helper()
	if err := os.RemoveAll(filepath.Join(p.folder, fmt.Sprint(pid))); err != nil {
		p.t.Fatal(err)
	}
}

// changes writes what a refresh returned in short.
func changes(list []connlog.Process) string {
	var texts []string
	for _, c := range list {
		text := fmt.Sprintf("%s %d@%d %s", c.Change, c.ID.PID, c.ID.Start/tick, c.Name)
		if c.Parent.PID != 0 {
			text += fmt.Sprintf(" of %d@%d", c.Parent.PID, c.Parent.Start/tick)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

// TestRoster lets processes come, execute, go, and use PIDs again.
func TestRoster(t *testing.T) {
	type step struct {
		at       int64 // seconds
		thorough bool
		change   func(p *procfs)
		want     string
		visited  int // processes whose files are listed
	}
	sh := task{parent: 1, ticks: 100, name: "sh", exe: "/bin/sh"}
	start := func(p *procfs) {
		p.run(1, task{name: "init", exe: "/init"})
		p.run(10, sh)
	}
	with := func(x task, f func(*task)) task { f(&x); return x }
	first := step{1, true, start, "snapshot 1@0 init, snapshot 10@100 sh of 1@0", 2}
	for name, steps := range map[string][]step{
		"nothing changes": {first, {1, false, func(*procfs) {}, "", 2}, {9, false, func(*procfs) {}, "", 0}, {9, true, func(*procfs) {}, "", 2}},
		"a child": {first, {2, false, func(p *procfs) {
			p.run(11, task{parent: 10, ticks: 200, name: "ls", exe: "/bin/ls"})
		}, "snapshot 11@200 ls of 10@100", 3}},
		"a child of an unknown parent": {first, {2, false, func(p *procfs) {
			p.run(11, task{parent: 99, ticks: 200, name: "ls", exe: "/bin/ls"})
		}, "snapshot 11@200 ls of 99@0", 3}},
		"a parent that is younger is not that parent": {first, {2, false, func(p *procfs) {
			p.run(11, task{parent: 10, ticks: 99, name: "ls", exe: "/bin/ls"})
		}, "snapshot 11@99 ls of 10@0", 3}},
		"a young process executes": {first, {2, false, func(p *procfs) {
			p.run(10, with(sh, func(x *task) { x.name, x.exe = "ls", "/bin/ls" }))
		}, "exec 10@100 ls of 1@0", 2}},
		"a new path with the old name": {first, {2, false, func(p *procfs) {
			p.run(10, with(sh, func(x *task) { x.exe = "/usr/bin/sh" }))
		}, "exec 10@100 sh of 1@0", 2}},
		"a new name with the old path": {first, {2, false, func(p *procfs) {
			p.run(10, with(sh, func(x *task) { x.name = "worker" }))
		}, "exec 10@100 worker of 1@0", 2}},
		"an old process executes": {first,
			{5, false, func(p *procfs) { p.run(10, with(sh, func(x *task) { x.exe = "/bin/ls" })) }, "", 0},
			{6, true, func(*procfs) {}, "exec 10@100 sh of 1@0", 2}},
		"a zombie executes nothing": {first, {2, false, func(p *procfs) {
			p.run(10, with(sh, func(x *task) { x.exe = "" }))
		}, "", 2}},
		"a process that may not be inspected executes": {first,
			{2, false, func(p *procfs) { p.run(11, task{parent: 10, ticks: 200, name: "ssh"}) }, "snapshot 11@200 ssh of 10@100", 3},
			{2, false, func(p *procfs) { p.run(11, task{parent: 10, ticks: 200, name: "bash"}) }, "exec 11@200 bash of 10@100", 3}},
		"a kernel thread only changes its name": {first,
			{2, false, func(p *procfs) { p.run(11, task{parent: 2, ticks: 0, name: "kworker/0:1-events"}) }, "snapshot 11@0 kworker/0:1-events of 2@0", 3},
			{2, false, func(p *procfs) { p.run(11, task{parent: 2, ticks: 0, name: "kworker/0:1"}) }, "", 3}},
		"exit": {first, {5, false, func(p *procfs) { p.end(10) }, "exit 10@100 sh of 1@0", 0}},
		"an adopted child keeps its parent": {first,
			{2, false, func(p *procfs) { p.run(11, task{parent: 10, ticks: 200, name: "d", exe: "/d"}) }, "snapshot 11@200 d of 10@100", 3},
			{2, false, func(p *procfs) {
				p.end(10)
				p.run(11, task{parent: 1, ticks: 200, name: "e", exe: "/e"})
			}, "exit 10@100 sh of 1@0, exec 11@200 e of 10@100", 2}},
		"a PID is used again": {first, {2, false, func(p *procfs) {
			p.run(10, with(sh, func(x *task) { x.ticks = 300 }))
		}, "exit 10@100 sh of 1@0, snapshot 10@300 sh of 1@0", 2}},
		"a PID of an old process is used again": {first,
			{5, false, func(p *procfs) { p.run(10, with(sh, func(x *task) { x.ticks = 300 })) }, "", 0},
			{6, true, func(*procfs) {}, "exit 10@100 sh of 1@0, snapshot 10@300 sh of 1@0", 2}},
		"exits first, then by start, then by PID": {first, {2, false, func(p *procfs) {
			p.end(10)
			p.run(13, task{ticks: 150, name: "c", exe: "/c"})
			p.run(11, task{ticks: 200, name: "a", exe: "/a"})
			p.run(12, task{ticks: 150, name: "b", exe: "/b"})
		}, "exit 10@100 sh of 1@0, snapshot 12@150 b, snapshot 13@150 c, snapshot 11@200 a", 4}},
		"it goes between list and look": {first, {2, false, func(p *procfs) {
			os.Remove(filepath.Join(p.folder, "10", "stat"))
		}, "exit 10@100 sh of 1@0", 1}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProcfs(t)
			r := newRoster(p.reader())
			for i, s := range steps {
				s.change(p)
				list, err := r.refresh(s.at*1e9, s.thorough)
				if err != nil {
					t.Fatal(err)
				}
				if got := changes(list); got != s.want || len(r.visited) != s.visited {
					t.Fatalf("step %d: %q, %d visited, want %q, %d", i, got, len(r.visited), s.want, s.visited)
				}
			}
		})
	}
}

// TestProcessReader reads what a process says of itself.
func TestProcessReader(t *testing.T) {
	p := newProcfs(t)
	p.run(10, task{parent: 3, ticks: 500, name: "a) S 9 (b", exe: "/bin/a (deleted)", args: "a\x00\x00-x y\x00", sockets: []uint64{7, 1<<32 - 1}})
	r := p.reader()
	f, ok := r.face(10)
	if want := (face{start: 500 * tick, parent: 3, name: "a) S 9 (b", exe: "/bin/a (deleted)"}); !ok || f != want {
		t.Errorf("%+v, want %+v", f, want)
	}
	if start, ok := r.start(10); !ok || start != f.start {
		t.Errorf("start %d, %v", start, ok)
	}
	d := r.describe(10)
	if d.UID != 1000 || d.NSPID != 7 || !slices.Equal(d.Args, []string{"a", "", "-x y"}) || d.Cgroup != "/x" || d.Namespace != 4026531840 {
		t.Errorf("%+v", d)
	}
	if list, err := r.sockets(10, nil); err != nil || !slices.Equal(list, []descriptor{{3, 7}, {4, 1<<32 - 1}}) {
		t.Errorf("sockets %v, %v", list, err)
	}
	for name, text := range map[string]string{"empty": "", "cut": "10 (a", "few": "10 (a) S 1 2 3", "no start": "10 (a) S 3 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 x 0", "crossed": "10 )a( S 3 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0"} {
		if err := os.WriteFile(filepath.Join(p.folder, "10", "stat"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if f, ok := r.face(10); ok {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if _, ok := r.start(99); ok {
		t.Error("nobody has a start")
	}
	if d := r.describe(99); d.UID != -1 || d.Args != nil {
		t.Errorf("nobody is %+v", d)
	}
	if _, err := r.sockets(99, nil); !errors.Is(err, unix.ENOENT) {
		t.Errorf("nobody's sockets: %v", err)
	}
}

// TestFirstThreadEnded reads the descriptors of a process whose first thread has ended,
// and whose others go on.
func TestFirstThreadEnded(t *testing.T) {
	p := newProcfs(t)
	p.run(12, task{ticks: 1, name: "a", exe: "/a"})
	folder := filepath.Join(p.folder, "12")
	stat := func(state string) string {
		return "12 (a) " + state + " 3 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 2 0 1 0"
	}
	for name, text := range map[string]string{"stat": stat("Z"), "task/12/stat": stat("Z"), "task/13/stat": stat("S")} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755), os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	fds := filepath.Join(folder, "task/13/fd")
	if err := errors.Join(os.Remove(filepath.Join(folder, "fd/0")), os.Mkdir(fds, 0o755), os.Symlink("socket:[7]", filepath.Join(fds, "5"))); err != nil {
		t.Fatal(err)
	}
	r := p.reader()
	if list, err := r.sockets(12, nil); err != nil || !slices.Equal(list, []descriptor{{5, 7}}) {
		t.Errorf("sockets %v, %v", list, err)
	}
	if !r.holds(12, descriptor{5, 7}) || r.holds(12, descriptor{6, 7}) {
		t.Error("it holds socket 7 by descriptor 5 alone")
	}
}

// TestOwnProcess reads the real /proc: this process is there, as it is.
func TestOwnProcess(t *testing.T) {
	r, err := newProcessReader()
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	me := int32(os.Getpid())
	pids, err := r.pids(nil)
	if err != nil || !slices.Contains(pids, me) || slices.Contains(pids, 0) {
		t.Errorf("PIDs %v, %v, want %d in them", pids, err, me)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if f, ok := r.face(me); !ok || f.exe != exe || f.parent != int32(os.Getppid()) {
		t.Errorf("%+v", f)
	}
	if d := r.describe(me); d.UID != int64(os.Getuid()) || !slices.Equal(d.Args, cutArgs(os.Args)) || d.Namespace != networkNamespace() {
		t.Errorf("%+v", d)
	}
	if pidNamespace() == 0 || networkNamespace() == 0 || len(bootID()) != 36 || !strings.HasPrefix(kernel(), "Linux ") {
		t.Errorf("namespaces %d and %d, boot %q, kernel %q", pidNamespace(), networkNamespace(), bootID(), kernel())
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]int64{"": -1, "0": 0, "007": 7, "4294967295": 1<<32 - 1, "9223372036854775807": 1<<63 - 1, "99999999999999999999": -1, "-1": -1, "1x": -1, " 1": -1} {
		if got, ok := number([]byte(text)); ok != (want >= 0) || ok && int64(got) != want {
			t.Errorf("%q: %d, %v, want %d", text, got, ok, want)
		}
	}
}

func TestCgroup(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for name, c := range map[string]struct{ text, cgroup, container string }{
		"none":            {"", "", ""},
		"root":            {"0::/\n", "/", ""},
		"unified":         {"0::/user.slice/session-1.scope\n", "/user.slice/session-1.scope", ""},
		"colons":          {"0::/a:b:c\n", "/a:b:c", ""},
		"hybrid":          {"12:cpu:/x\n1:name=systemd:/system.slice/ssh.service\n0::/\n", "/system.slice/ssh.service", ""},
		"old":             {"2:cpu:/x\n1:name=systemd:/y\n", "/y", ""},
		"both":            {"1:name=systemd:/y\n0::/z\n", "/z", ""},
		"damaged":         {"x\n0:\n", "", ""},
		"docker":          {"0::/system.slice/docker-" + id + ".scope\n", "/system.slice/docker-" + id + ".scope", id},
		"docker, old":     {"1:name=systemd:/docker/" + id + "\n", "/docker/" + id, id},
		"kubernetes":      {"0::/kubepods/burstable/pod1234-56/" + id + "\n", "/kubepods/burstable/pod1234-56/" + id, id},
		"podman":          {"0::/machine.slice/libpod-" + id + ".scope/container\n", "/machine.slice/libpod-" + id + ".scope/container", id},
		"inner of two":    {"0::/docker/" + id + "/docker/" + strings.Repeat("ab", 32) + "\n", "/docker/" + id + "/docker/" + strings.Repeat("ab", 32), strings.Repeat("ab", 32)},
		"65 digits":       {"0::/docker/a" + id + "\n", "/docker/a" + id, ""},
		"63 digits":       {"0::/docker/" + id[1:] + "\n", "/docker/" + id[1:], ""},
		"digits only":     {id, "", ""},
		"capital letters": {"0::/" + strings.ToUpper(id) + "\n", "/" + strings.ToUpper(id), ""},
	} {
		got := cgroup(c.text)
		if got != c.cgroup || container(got) != c.container {
			t.Errorf("%s: cgroup %q, container %q, want %q, %q", name, got, container(got), c.cgroup, c.container)
		}
	}
	if container(id) != id {
		t.Error("a cgroup that is an id has none")
	}
}

// TestThreadIsNoProcess refuses the number of a thread, which /proc has too: nothing would
// be marked.
func TestThreadIsNoProcess(t *testing.T) {
	threads := make(chan int)
	release := make(chan struct{})
	defer close(release)
	for range 2 { // one of them at least is not the first
		go func() {
			runtime.LockOSThread()
			threads <- unix.Gettid()
			<-release
		}()
	}
	for range 2 {
		tid := <-threads
		c := Config{Capture: "run.pcapng", PIDs: []int32{int32(tid)}}
		if err := c.resolve(); (err == nil) != (tid == os.Getpid()) {
			t.Errorf("thread %d of process %d: %v", tid, os.Getpid(), err)
		}
	}
}
