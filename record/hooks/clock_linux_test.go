package hooks

import (
	"net"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// Events have the time since boot that this process has, too.
func TestEventTime(t *testing.T) {
	h := opened(t)
	boot := func() int64 {
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
			t.Fatal(err)
		}
		return ts.Nano()
	}
	drain(t, h)
	before := boot()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	told := false
	for _, e := range drain(t, h) {
		if e.User.PID != int32(os.Getpid()) || e.Local.String() != l.Addr().String() {
			continue
		}
		told = true
		if e.Time < before || e.Time > boot() || int64(e.User.Start) > before || int64(e.User.Start) < before-60e9 {
			t.Errorf("at %d ns, by a process of %d ns, and it was %d ns", e.Time, e.User.Start, before)
		}
	}
	if !told {
		t.Error("nothing is told")
	}
}

// So they have in a time namespace.
func TestTimeNamespace(t *testing.T) {
	need.Root(t)
	if _, err := os.Stat("/proc/self/ns/time"); err != nil {
		need.Missing(t, "needs time namespaces (Linux 5.6)")
	}
	cmd := exec.Command(need.Tool(t, "unshare"), "--time", "--boottime", "100000", "--fork", os.Args[0], "-test.run=^TestEventTime$")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
