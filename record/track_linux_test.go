package record

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"testing"

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
