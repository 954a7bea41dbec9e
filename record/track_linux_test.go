package record

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// TestTrack records what a function of this process does, with its phases.
func TestTrack(t *testing.T) {
	private(t)
	t.Setenv(SocketVariable, "before")
	cfg := configure(t)
	cfg.Filter = tcpdump(t, "udp")
	mine := errors.New("mine")
	s, err := Track(context.Background(), cfg, func() error {
		u, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer u.Close()
		for n := range 9 {
			if n == 3 {
				err = Mark("", connlog.MarkBegin, "last")
			}
			if _, e := u.WriteTo([]byte{1}, u.LocalAddr()); err != nil || e != nil {
				return errors.Join(err, e)
			}
		}
		return mine
	})
	if !errors.Is(err, mine) || s.Packets != 9 || s.Status != nil {
		t.Fatalf("%v, %+v", err, s)
	}
	log := readLog(t, cfg.Capture)
	if !slices.ContainsFunc(log, func(l line) bool { return l.Event == "process" && l.PID == int32(os.Getpid()) && l.InCommand }) {
		t.Error("this process is not marked")
	}
	if got := marksOf(log); !slices.Equal(got, []string{"begin last"}) {
		t.Errorf("marks are %q", got)
	}
	if got := os.Getenv(SocketVariable); got != "before" {
		t.Errorf("%s is %q", SocketVariable, got)
	}
	var refused *Error
	if _, err := Track(context.Background(), Config{Command: []string{"true"}}, nil); !errors.As(err, &refused) {
		t.Errorf("with a command: %v", err)
	}
}

// TestTrackLeavesChildren: a child of this process is this process's, however late it
// waits for it.
func TestTrackLeavesChildren(t *testing.T) {
	private(t)
	for _, source := range []string{SourceAuto, SourceDiag} {
		cfg := configure(t)
		cfg.Source = source
		_, err := Track(context.Background(), cfg, func() error {
			child := exec.Command("true")
			if err := child.Start(); err != nil {
				return err
			}
			time.Sleep(time.Duration(grace) + 300*time.Millisecond)
			return child.Wait()
		})
		if err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// TestTrackPanic: the recording is whole when a function's panic goes on.
func TestTrackPanic(t *testing.T) {
	private(t)
	cfg := configure(t)
	func() {
		defer func() {
			if recover() != "mine" {
				t.Error("the panic did not go on")
			}
		}()
		_, _ = Track(context.Background(), cfg, func() error { panic("mine") })
	}()
	if log := readLog(t, cfg.Capture); log[len(log)-1].Event != "end" {
		t.Errorf("the log ends with %+v", log[len(log)-1])
	}
}
