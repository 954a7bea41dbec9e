package record

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// TestStatus passes on how the command ended.
func TestStatus(t *testing.T) {
	private(t)
	for script, want := range map[string]int{
		"exit 0": 0, "exit 3": 3, "exit 255": 255,
		"kill -TERM $$": 128 + 15, "kill -KILL $$": 128 + 9, "kill -SEGV $$": 128 + 11,
	} {
		cfg := configure(t, "sh", "-c", script)
		s := complete(t, begin(t, cfg))
		log := readLog(t, cfg.Capture)
		last := log[len(log)-1]
		if s.Status == nil || *s.Status != want || last.Status == nil || *last.Status != want || last.Reason != "the command ended" {
			t.Errorf("%q: status %v, the log ends with %+v, want %d", script, s.Status, last, want)
		}
	}
}

// TestStreams connects the command's three streams.
func TestStreams(t *testing.T) {
	private(t)
	cfg := configure(t, "sh", "-c", "cat; echo done >&2")
	var out, told bytes.Buffer
	cfg.Stdin, cfg.Stdout, cfg.Stderr = strings.NewReader("input"), &out, &told
	complete(t, begin(t, cfg))
	if out.String() != "input" || told.String() != "done\n" {
		t.Errorf("output %q, errors %q", out.String(), told.String())
	}
}

// TestShortCommand ends before the second look: its process is in the log, as
// the command's, and so are its packets.
func TestShortCommand(t *testing.T) {
	private(t)
	cfg := configure(t, as("sender", "RECORD_TEST_COUNT=1", "RECORD_TEST_SIZE=10")...)
	cfg.Interval, cfg.Filter = time.Hour, tcpdump(t, "udp")
	s := complete(t, begin(t, cfg))
	if s.Packets != 1 || *s.Status != 7 {
		t.Errorf("%d packets, status %d, want 1 and 7", s.Packets, *s.Status)
	}
	if !slices.ContainsFunc(readLog(t, cfg.Capture), func(l line) bool { return l.Event == "process" && l.InCommand }) {
		t.Error("no process of the command")
	}
}

// TestLastLook sees the sockets that are open when the recording is stopped,
// and captures what comes right before.
func TestLastLook(t *testing.T) {
	private(t)
	cfg := configure(t)
	cfg.Interval, cfg.Filter = time.Hour, tcpdump(t, "udp")
	r := begin(t, cfg)
	datagrams(t, 20, 10)
	u := socket(t)
	r.Stop()
	s := complete(t, r)
	if s.Packets != 20 {
		t.Errorf("%d packets, want 20", s.Packets)
	}
	if !slices.ContainsFunc(readLog(t, cfg.Capture), func(l line) bool {
		return l.Event == "socket" && l.Change == "open" && l.Local == u && len(l.Owners) == 1 && l.Owners[0].PID == int32(os.Getpid())
	}) {
		t.Errorf("the log has no socket %s of this process", u)
	}
}

// recorder starts the recorder role in a process group of its own. told reads
// its next outcome.
func recorder(t *testing.T, settings []string, command ...string) (c *exec.Cmd, told func() outcome) {
	t.Helper()
	private(t)
	c = exec.Command(os.Args[0], command...)
	c.Env = append(append(os.Environ(), roleVariable+"=recorder"), settings...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c.ProcessState == nil { // the test failed before it waited
			c.Process.Kill()
			io.Copy(io.Discard, out)
			c.Wait()
		}
	})
	d := json.NewDecoder(out)
	return c, func() (o outcome) {
		t.Helper()
		if err := d.Decode(&o); err != nil {
			t.Fatalf("the recorder: %v", err)
		}
		return o
	}
}

// TestSignals sends signals to the recorder: the command has each exactly once,
// whether the context of the recording ends with it or not.
func TestSignals(t *testing.T) {
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		group  bool // to the whole process group, as a terminal does
		ctx    bool // ends with the signal
		status int  // 100 + 10 a SIGTERM + 1 a SIGINT or SIGHUP
	}{
		{"SIGTERM", syscall.SIGTERM, false, false, 110},
		{"SIGTERM that ends the context", syscall.SIGTERM, false, true, 110},
		{"SIGHUP", syscall.SIGHUP, false, false, 101},
		{"SIGINT of the terminal", syscall.SIGINT, true, false, 101},
		{"SIGINT of the terminal that ends the context", syscall.SIGINT, true, true, 101},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			capture, ready := filepath.Join(folder, "run.pcapng"), filepath.Join(folder, "ready")
			settings := []string{"RECORD_TEST_CAPTURE=" + capture}
			if c.ctx {
				settings = append(settings, "RECORD_TEST_SIGNALS=1")
			}
			p, told := recorder(t, settings, as("counter", "RECORD_TEST_READY="+ready)...)
			if o := told(); !o.Started {
				t.Fatalf("%+v", o)
			}
			within(t, "the command is ready", func() bool { _, err := os.Stat(ready); return err == nil })
			to := p.Process.Pid
			if c.group {
				to = -to
			}
			if err := syscall.Kill(to, c.signal); err != nil {
				t.Fatal(err)
			}
			o := told()
			if o.Summary == nil || o.Later != "" {
				t.Fatalf("%+v", o)
			}
			if got := *o.Summary.Status; got != c.status {
				t.Errorf("status %d, want %d", got, c.status)
			}
			if err := p.Wait(); err != nil {
				t.Error(err)
			}
			checkFiles(t, capture, *o.Summary)
		})
	}
}

// TestInsistingSignals sends a signal again and again to the recorder of a
// command that counts them and goes on: SIGTERM kills it the third time, and
// those of the keys do not.
func TestInsistingSignals(t *testing.T) {
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		times  int
		status int
	}{
		{"SIGTERM", syscall.SIGTERM, 2, 120},
		{"SIGTERM, and again", syscall.SIGTERM, 3, 128 + 9},
		{"SIGINT", syscall.SIGINT, 5, 110}, // and one SIGTERM at the end
		{"SIGQUIT", syscall.SIGQUIT, 5, 110},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			capture, ready := filepath.Join(folder, "run.pcapng"), filepath.Join(folder, "ready")
			p, told := recorder(t, []string{"RECORD_TEST_CAPTURE=" + capture}, as("counter", "RECORD_TEST_READY="+ready)...)
			if o := told(); !o.Started {
				t.Fatalf("%+v", o)
			}
			within(t, "the command is ready", func() bool { _, err := os.Stat(ready); return err == nil })
			for range c.times {
				if err := p.Process.Signal(c.signal); err != nil {
					t.Fatal(err)
				}
				time.Sleep(100 * time.Millisecond) // two of a kind that wait are one
			}
			if c.signal != syscall.SIGTERM {
				if err := p.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
			}
			o := told()
			if o.Summary == nil || *o.Summary.Status != c.status {
				t.Fatalf("%+v, want status %d", o, c.status)
			}
			if err := p.Wait(); err != nil {
				t.Error(err)
			}
			checkFiles(t, capture, *o.Summary)
		})
	}
}

// TestIgnoredSignals leaves a signal ignored that was so at the start, in the command too:
// SIGHUP by nohup, SIGINT by a shell that starts it in the background of a script.
func TestIgnoredSignals(t *testing.T) {
	private(t)
	for _, name := range []string{"HUP", "INT"} {
		capture := filepath.Join(t.TempDir(), "run.pcapng")
		script := fmt.Sprintf("kill -%[1]s $PPID; kill -%[1]s $$; sleep 0.3; exit 6", name)
		c := exec.Command("sh", "-c", `trap "" `+name+`; exec "$0" sh -c "$1"`, os.Args[0], script)
		c.Env = append(os.Environ(), roleVariable+"=recorder", "RECORD_TEST_CAPTURE="+capture)
		c.Stderr = os.Stderr
		out, err := c.Output()
		var started, ended outcome
		d := json.NewDecoder(bytes.NewReader(out))
		if err := errors.Join(err, d.Decode(&started), d.Decode(&ended)); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		if *ended.Summary.Status != 6 {
			t.Errorf("%s: status %d, want 6", name, *ended.Summary.Status)
		}
	}
}

// TestContextEnds asks the command to end.
func TestContextEnds(t *testing.T) {
	private(t)
	for name, command := range map[string][]string{"during": {"sleep", "100"}, "": nil} {
		cfg := configure(t, command...)
		ctx, cancel := context.WithCancel(context.Background())
		r, err := Start(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		s := complete(t, r)
		if command == nil && s.Status != nil || command != nil && *s.Status != 128+15 {
			t.Errorf("%s: status %v", name, s.Status)
		}
		log := readLog(t, cfg.Capture)
		want := map[bool]string{true: "cancelled", false: "the command ended"}[command == nil]
		if last := log[len(log)-1]; last.Reason != want {
			t.Errorf("the log ends because %q, want %q", last.Reason, want)
		}
	}
}

// TestEndBeforeCommand ends a recording while its command goes on: by duration
// and by Stop. The files are whole before the command ends.
func TestEndBeforeCommand(t *testing.T) {
	private(t)
	for _, reason := range []string{"the time was up", "stopped"} {
		t.Run(reason, func(t *testing.T) {
			end := filepath.Join(t.TempDir(), "end")
			cfg := configure(t, "sh", "-c", "while [ ! -e "+end+" ]; do sleep 0.02; done; exit 4")
			if reason != "stopped" {
				cfg.Duration = 100 * time.Millisecond
			}
			r := begin(t, cfg)
			if reason == "stopped" {
				r.Stop()
				r.Stop() // once is enough
			}
			within(t, "the log ends", func() bool {
				return bytes.Contains(readFile(t, LogPath(cfg.Capture)), []byte(`"event":"end"`))
			})
			log := readLog(t, cfg.Capture)
			if last := log[len(log)-1]; last.Reason != reason || last.Status != nil {
				t.Errorf("the log ends with %+v", last)
			}
			ended := time.Now()
			if err := os.WriteFile(end, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			s := complete(t, r)
			if *s.Status != 4 {
				t.Errorf("status %d, want 4", *s.Status)
			}
			if s.End.After(ended) {
				t.Errorf("the recording ended at %v, want before %v", s.End, ended)
			}
			checkFiles(t, cfg.Capture, s)
		})
	}
}

// TestDuration ends a recording without a command.
func TestDuration(t *testing.T) {
	private(t)
	cfg := configure(t)
	cfg.Duration = 300 * time.Millisecond
	began := time.Now()
	s := complete(t, begin(t, cfg))
	if took := time.Since(began); took < cfg.Duration || s.End.Sub(s.Begin) < cfg.Duration {
		t.Errorf("it took %v, by its summary %v", took, s.End.Sub(s.Begin))
	}
	log := readLog(t, cfg.Capture)
	if last := log[len(log)-1]; last.Reason != "the time was up" {
		t.Errorf("the log ends with %+v", last)
	}
}

// TestSudo records as root for a caller of sudo: the files are the caller's, and
// so is the command.
func TestSudo(t *testing.T) {
	private(t)
	t.Setenv("SUDO_UID", "65534")
	t.Setenv("SUDO_GID", "65534")
	t.Setenv("USER", "root")
	home := strings.Split(run(t, "getent", "passwd", "65534"), ":")
	var out bytes.Buffer
	cfg := configure(t, "sh", "-c", "id -u; id -ru; id -g; id -G; echo $HOME $USER $LOGNAME")
	cfg.Stdout = &out
	s := complete(t, begin(t, cfg))
	want := "65534\n65534\n65534\n65534\n" + home[5] + " " + home[0] + " " + home[0] + "\n"
	if *s.Status != 0 || out.String() != want {
		t.Errorf("status %d, the command says %q, want %q", *s.Status, out.String(), want)
	}
	for _, path := range append(s.Captures, s.Log) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 65534 || owner.Gid != 65534 || info.Mode() != 0o600 {
			t.Errorf("%s: %d:%d, mode %v", path, owner.Uid, owner.Gid, info.Mode())
		}
	}
}

// TestCaller reads who called sudo.
func TestCaller(t *testing.T) {
	need.Root(t)
	for _, c := range []struct {
		uid, gid string
		want     int // uid; -1 = an error, 0 = nobody
	}{
		{"", "", 0}, {"0", "0", 0}, {"65534", "65534", 65534}, {"4242424", "7", 4242424},
		{"65534", "", -1}, {"-1", "0", -1}, {"4294967296", "0", -1}, {"nobody", "nogroup", -1},
	} {
		t.Setenv("SUDO_UID", c.uid)
		t.Setenv("SUDO_GID", c.gid)
		who, err := caller()
		got := 0
		if who != nil {
			got = who.uid
		}
		if (err != nil) != (c.want == -1) || err == nil && got != c.want {
			t.Errorf("SUDO_UID=%q SUDO_GID=%q: %+v, %v", c.uid, c.gid, who, err)
		}
		if got == 4242424 && (len(who.environment()) != len(os.Environ()) || !slices.Equal(who.groups, []uint32{7})) {
			t.Errorf("a user without an entry: %+v", who)
		}
	}
}

// TestInterpreterMissing: a command is there, and what its first line names is not.
func TestInterpreterMissing(t *testing.T) {
	private(t)
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/none/such\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Start(context.Background(), configure(t, script))
	var e *Error
	if !errors.As(err, &e) || e.ExitStatus() != 127 || !strings.Contains(e.Error(), "interprets") || strings.Contains(e.Hint, "path") {
		t.Errorf("%v (%+v)", err, e)
	}
}

// TestOrphansAfterEnd: when the recording has ended, and its command goes on, nobody is
// adopted whose end nobody would wait for.
func TestOrphansAfterEnd(t *testing.T) {
	private(t)
	end, born := filepath.Join(t.TempDir(), "end"), filepath.Join(t.TempDir(), "born")
	cfg := configure(t, "sh", "-c", "while [ ! -e "+end+" ]; do sleep 0.02; done; (sh -c 'echo $$ >"+born+"; exec sleep 1' &); sleep 0.5")
	r := begin(t, cfg)
	r.Stop()
	within(t, "the log ends", func() bool {
		return bytes.Contains(readFile(t, LogPath(cfg.Capture)), []byte(`"event":"end"`))
	})
	if err := os.WriteFile(end, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	complete(t, r)
	pid, err := strconv.Atoi(strings.TrimSpace(string(readFile(t, born))))
	if err != nil {
		t.Fatal(err)
	}
	reader, err := newProcessReader()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.close()
	if f, there := reader.face(int32(pid)); !there || f.parent == int32(os.Getpid()) {
		t.Errorf("%+v, there %v: it was adopted", f, there)
	}
}

// TestInterruptedBeforeCommand asks a recorder to end that has its files, and no command
// yet: there is no recording then, the command is not started, and the files that were to be
// replaced are there.
func TestInterruptedBeforeCommand(t *testing.T) {
	private(t)
	for signal, want := range map[syscall.Signal]string{
		syscall.SIGINT: "interrupt before the command was started", syscall.SIGTERM: "terminated before the command was started", syscall.SIGHUP: "hangup before the command was started",
	} {
		folder := t.TempDir()
		cfg := configure(t, "touch", filepath.Join(folder, "ran"))
		cfg.Capture, cfg.Log, cfg.Force = filepath.Join(folder, "run.pcapng"), filepath.Join(folder, "log"), true
		if err := os.WriteFile(cfg.Log, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := prepare(cfg)
		if err != nil {
			t.Fatal(err)
		}
		must(syscall.Kill(os.Getpid(), signal))
		within(t, "the signal comes", func() bool { return len(r.command.signals) > 0 })
		err = r.begin(context.Background())
		var e *Error
		if !errors.As(err, &e) || e.Error() != want || e.ExitStatus() != 125 {
			t.Errorf("%v: %v, want %q", signal, err, want)
		}
		if err == nil {
			r.Wait()
		} else {
			r.abandon()
		}
		entries, err := os.ReadDir(folder)
		if err != nil || len(entries) != 1 || string(readFile(t, cfg.Log)) != "old" {
			t.Errorf("%v: the folder has %v, %v", signal, entries, err)
		}
	}
}
