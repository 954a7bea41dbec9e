package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// The test binary is also the other processes of a test: the environment says
// which. As root it runs the tests in network and mount namespaces of its own,
// where nobody else sends packets.
const (
	roleVariable    = "RECORD_TEST_ROLE"
	privateVariable = "RECORD_TEST_PRIVATE"
)

func TestMain(m *testing.M) {
	roles := map[string]func(){"server": serve, "client": dial, "recorder": recordAsTold, "counter": countSignals, "sender": send, "listener": listenForever, "taker": takeSocket, "mover": move, "marker": writeMarks}
	if role, ok := roles[os.Getenv(roleVariable)]; ok {
		role()
		return
	}
	// The race detector lets every process wait for a second at its end.
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	switch {
	case os.Getenv(privateVariable) != "":
		must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		must(raise("lo"))
	case os.Geteuid() == 0:
		if status, ran := runPrivately(); ran {
			os.Exit(status)
		}
	}
	goleak.VerifyTestMain(m)
}

// runPrivately runs this binary again in new namespaces. It did not run where
// that is not allowed.
func runPrivately() (status int, ran bool) {
	runtime.LockOSThread() // Pdeathsig is about the thread
	c := exec.Command(os.Args[0], os.Args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Env = append(os.Environ(), privateVariable+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	var exit *exec.ExitError
	if err := c.Run(); err != nil && !errors.As(err, &exit) {
		return 0, false
	}
	return max(c.ProcessState.ExitCode(), -1) & 0xff, true
}

// private skips a test that needs the namespaces.
func private(t testing.TB) {
	t.Helper()
	need.Root(t)
	need.Env(t, privateVariable, "set where namespaces can be made (CAP_SYS_ADMIN)")
}

// raise brings an interface up.
func raise(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

// as returns a command that runs this binary in a role.
func as(role string, settings ...string) []string {
	command := append([]string{"env", roleVariable + "=" + role}, settings...)
	return append(command, os.Args[0])
}

// tell writes one line of JSON to the standard output.
func tell(v any) { must(json.NewEncoder(os.Stdout).Encode(v)) }

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(70)
	}
}

// run runs a program to its end and returns what it wrote.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(need.Tool(t, name), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// within waits until something is so.
func within(t testing.TB, what string, so func() bool) {
	t.Helper()
	for began := time.Now(); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}
