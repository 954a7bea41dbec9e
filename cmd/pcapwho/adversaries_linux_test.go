package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// adversary is traffic that makes it hard to tell whose it is, and its recording.
type adversary struct {
	*truth
	score *score
}

// withAdversary records what testdata/adversaries.py does, by the kernel's own events, on
// all interfaces of a network namespace of its own, and holds it against the truth.
func withAdversary(t *testing.T, args string, n int) *adversary {
	t.Helper()
	return challenge(t, "unshare", "-n", "sh", "-ec", fmt.Sprintf("ip link set lo up; %s -- python3 %s %s %d", recorder, script(t, "adversaries.py"), args, n))
}

const recorder = "pcapwho record -q --source ebpf -s 128"

func challenge(t *testing.T, name string, args ...string) *adversary {
	t.Helper()
	dir, w := t.TempDir(), newWitness(t)
	w.run(t, dir, []string{"USES=" + filepath.Join(dir, "uses")}, name, args...)
	truth := newTruth(t, w.end(t), filepath.Join(dir, "uses"), false)
	return &adversary{truth, truth.check(t, dir, nil)}
}

// TestPIDsComeAgain has some hundred processes at a time connect and end, of which
// PCAPWHO_CYCLES says how many in all, in a PID namespace with 400 PIDs.
func TestPIDsComeAgain(t *testing.T) {
	need.Root(t)
	t.Parallel()
	cycles := 800
	if text := os.Getenv("PCAPWHO_CYCLES"); text != "" {
		var err error
		if cycles, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	if !pidsAreLimited(t) {
		need.Missing(t, "needs Linux 6.14, where each PID namespace has a pid_max of its own")
	}
	a := challenge(t, "unshare", "--net", "--pid", "--fork", "--mount-proc", "sh", "-ec",
		fmt.Sprintf("echo 400 >/proc/sys/kernel/pid_max; ip link set lo up; %s -- python3 %s cycles %d", recorder, script(t, "adversaries.py"), cycles))
	a.score.want(t, 15*cycles, 0.99)
	pids := map[int32]bool{}
	for _, calls := range a.uses {
		for _, u := range calls {
			pids[u.pid] = true
		}
	}
	if len(pids) > 400 || len(pids) > cycles/2 {
		t.Errorf("%d PIDs of %d processes", len(pids), cycles)
	}
}

// pidsAreLimited tells whether a PID namespace has a pid_max of its own (Linux 6.14).
func pidsAreLimited(t *testing.T) bool {
	t.Helper()
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		t.Fatal(err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	return major > 6 || major == 6 && minor >= 14
}

// TestPortsAreReused has hundreds of processes use one five-tuple, TCP and UDP, each
// within some milliseconds of the one before, one at least within one: a busy machine gets
// three tries for that.
func TestPortsAreReused(t *testing.T) {
	need.Root(t)
	const n, tries = 100, 3
	var pauses []int64
	for range tries {
		a := withAdversary(t, "reused", n)
		a.score.want(t, 32*n, 0.99)
		if pauses = a.pauses(7777); len(pauses) >= n-1 && pauses[0] <= 1e6 {
			return
		}
	}
	t.Errorf("%d changes of the process, pauses in ns: %v", len(pauses), pauses)
}

// pauses returns how long the ends at a port were of nobody, from each process to the
// next, ascending.
func (a *adversary) pauses(port uint16) (list []int64) {
	for e, calls := range a.ends {
		if e.local.Port != port {
			continue
		}
		slices.SortFunc(calls, func(a, b use) int { return int(a.first - b.first) })
		for i := range calls[1:] {
			if calls[i].pid != calls[i+1].pid {
				list = append(list, calls[i+1].first-calls[i].end)
			}
		}
	}
	slices.Sort(list)
	return list
}

// TestThousandReceivers has a thousand processes share a UDP port, a socket each.
func TestThousandReceivers(t *testing.T) {
	need.Root(t)
	t.Parallel()
	const n = 1000
	withAdversary(t, "group", n).score.want(t, 4*n, 0.99)
}

// TestPassedSockets has a server pass each accepted socket to a worker that was there
// before.
func TestPassedSockets(t *testing.T) {
	need.Root(t)
	t.Parallel()
	const n = 100
	withAdversary(t, "passed", n).score.want(t, 15*n, 0.99)
}

// TestMultipathListener has a server of multipath TCP.
func TestMultipathListener(t *testing.T) {
	need.Root(t)
	t.Parallel()
	const n = 50
	a := withAdversary(t, "multipath", n)
	a.score.want(t, 15*n, 0.99)
	for cookie := range a.uses {
		for p, list := range a.sockets {
			if slices.Contains(list, cookie) {
				t.Fatalf("%+v is of the socket that the process has: that is no multipath TCP", p)
			}
		}
	}
}

// TestRingServer has a server that does everything by io_uring.
func TestRingServer(t *testing.T) {
	need.Root(t)
	t.Parallel()
	fd, _, failed := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(new([120]byte))), 0)
	if failed != 0 {
		need.Missing(t, "needs a kernel that allows io_uring")
	}
	unix.Close(int(fd))
	server := filepath.Join(t.TempDir(), "uring")
	if out, err := exec.Command(need.Tool(t, "gcc"), "-Wall", "-Werror", "-o", server, "testdata/uring.c", "-luring").CombinedOutput(); err != nil {
		if strings.Contains(string(out), "liburing.h: No such file") {
			need.Missing(t, "needs liburing.h")
		}
		t.Fatalf("%v\n%s", err, out)
	}
	const n = 100
	withAdversary(t, "against "+server, n).score.want(t, 15*n, 0.99)
}

// inNamespaces records what testdata/namespaces.sh does, on all interfaces of the
// namespace that connects the others.
func inNamespaces(t *testing.T, what string) (*truth, string) {
	t.Helper()
	need.Root(t)
	for _, tool := range []string{"ip", "iptables", "nsenter"} {
		need.Tool(t, tool)
	}
	dir, w := t.TempDir(), newWitness(t)
	args := append([]string{"--net", "sh", script(t, "namespaces.sh"), what}, strings.Fields(recorder)...)
	w.run(t, dir, []string{"USES=" + filepath.Join(dir, "uses")}, "unshare", append(args, "--")...)
	return newTruth(t, w.end(t), filepath.Join(dir, "uses"), what == "masqueraded"), dir
}

// TestNamespacesAlike has one and the same five-tuple in three pairs of namespaces at
// once. On the interface of each its own end is known, and the other end may be any of
// the three: it is ambiguous between these.
func TestNamespacesAlike(t *testing.T) {
	t.Parallel()
	truth, dir := inNamespaces(t, "alike")
	near := func(p *captured, side int) bool {
		own := map[string]string{"client": "10.0.0.2", "server": "10.0.0.1"}[strings.TrimRight(p.device, "123")]
		return own == p.ends()[side].local.Addr.String()
	}
	truth.check(t, dir, near).want(t, 280, 0.99)
	far := truth.check(t, dir, func(p *captured, side int) bool { return !near(p, side) })
	if t.Log(far); far.wrong > 0 || far.misled > 0 || far.ambiguous < 50 {
		t.Errorf("the other ends:\n%s", strings.Join(far.mistakes, "\n"))
	}
}

// TestMasqueraded has a container whose connections are translated on their way out,
// and one that is reached by a published port, both ends of this host: each side is
// known on both sides of the translation.
func TestMasqueraded(t *testing.T) {
	t.Parallel()
	truth, dir := inNamespaces(t, "masqueraded")
	truth.check(t, dir, nil).want(t, 4000, 0.99)
}
