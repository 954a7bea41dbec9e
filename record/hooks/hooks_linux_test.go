package hooks

import (
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// open opens hooks for the PID namespace of the test.
func open(t *testing.T) *Hooks {
	t.Helper()
	need.Root(t)
	info, err := os.Stat("/proc/self/ns/pid")
	if err != nil {
		t.Fatal(err)
	}
	h, err := Open(info.Sys().(*syscall.Stat_t).Ino)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// drain takes all events that there are.
func drain(t *testing.T, h *Hooks) (all []Event) {
	t.Helper()
	lost, err := h.Read(func(e *Event) { all = append(all, *e) })
	if err != nil || lost != 0 {
		t.Fatalf("%d lost: %v", lost, err)
	}
	return all
}

// A connection to ourselves: each of its events comes once, in order, with this
// process where a call of it was the cause.
func TestConnection(t *testing.T) {
	h := open(t)
	self := int32(os.Getpid())
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	held := 0
	err = h.Held(func(e *Event) {
		if e.User.PID == self && e.Local.String() == client.LocalAddr().String() && e.Remote.String() == client.RemoteAddr().String() {
			held++
		}
	})
	if err != nil || held != 1 {
		t.Errorf("listed %d times, want once: %v", held, err)
	}
	server.Close()
	client.Close()
	steps := map[string][]string{}
	for _, e := range drain(t, h) {
		if e.User.PID != 0 && e.User.PID != self {
			continue
		}
		switch step := []string{State: "state", Use: "use", Release: "release"}[min(int(e.Kind), int(Release))]; {
		case step == "" || e.Remote.Port() == 0:
		case e.Kind == State && e.State == Established && e.User.PID != 0:
			t.Error("the network established the connection, and it is said to be a process")
		default:
			steps[e.Local.String()] = append(steps[e.Local.String()], step)
		}
	}
	if got := steps[client.LocalAddr().String()]; !slices.Contains(got, "use") || !slices.Contains(got, "release") {
		t.Errorf("client: %q", got)
	}
	if got := steps[client.RemoteAddr().String()]; !slices.Contains(got, "use") || !slices.Contains(got, "release") {
		t.Errorf("server: %q", got)
	}
}

// A process that is over at once is told with its arguments, byte for byte.
func TestProcess(t *testing.T) {
	h := open(t)
	long := strings.Repeat("a", 5000)
	cmd := exec.Command(need.Tool(t, "true"), "a b", "", "\xff\n", long)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	var kinds []Kind
	for _, e := range drain(t, h) {
		if e.User.PID != int32(cmd.Process.Pid) {
			continue
		}
		kinds = append(kinds, e.Kind)
		if e.Parent.PID != int32(os.Getpid()) && e.Kind != Exit {
			t.Errorf("parent %d, want %d", e.Parent.PID, os.Getpid())
		}
		if e.Kind != Exec {
			continue
		}
		if len(e.Args) != 5 || e.Args[1] != "a b" || e.Args[2] != "" || e.Args[3] != "\xff\n" || !strings.HasPrefix(long, e.Args[4]) || len(e.Args[4]) < 4000 {
			t.Errorf("arguments %.100q", e.Args)
		}
		if e.Name != "true" || !strings.HasSuffix(e.Path, "/true") {
			t.Errorf("name %q, path %q", e.Name, e.Path)
		}
	}
	if !slices.Contains(kinds, Fork) || !slices.Contains(kinds, Exec) || kinds[len(kinds)-1] != Exit {
		t.Errorf("kinds %v", kinds)
	}
}
