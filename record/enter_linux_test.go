package record

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestEntering enters another network namespace for a call, from any thread: what is
// opened there stays there, and this process where it is.
func TestEntering(t *testing.T) {
	private(t)
	cmd := exec.CommandContext(t.Context(), "sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }() // it is killed
	own, path := networkNamespace(), spacePath(strconv.Itoa(cmd.Process.Pid))
	want := inodeOf(path)
	if want == 0 || want == own {
		t.Fatalf("namespace %d, the own is %d", want, own)
	}
	done := make(chan struct{})
	for range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 20 {
				failed := errors.New("it failed")
				var inside uint64
				err := entering(path, func() error {
					inside = networkNamespace()
					return failed
				})
				if !errors.Is(err, failed) || inside != want {
					t.Errorf("inside %d, want %d; %v", inside, want, err)
				}
				if here, first := networkNamespace(), inodeOf("/proc/self/ns/net"); here != own || first != own {
					t.Errorf("it is in %d behind that, its first thread in %d, want %d", here, first, own)
				}
			}
		}()
	}
	for range 8 {
		<-done
	}
	if err := entering("/proc/self/ns/missing", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v for what is not there", err)
	}
	if err := entering(os.DevNull, nil); !errors.Is(err, unix.EINVAL) {
		t.Errorf("%v for what is no namespace", err)
	}
}

func TestSpacePath(t *testing.T) {
	for text, want := range map[string]string{
		"blue":           "/run/netns/blue",
		"4711":           "/proc/4711/ns/net",
		"./x":            "./x",
		"/proc/1/ns/net": "/proc/1/ns/net",
		"cni-1234":       "/run/netns/cni-1234",
	} {
		if got := spacePath(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
