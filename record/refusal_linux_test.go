package record

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// small mounts a tmpfs of a size, "0" = no limit, and returns its folder.
func small(t *testing.T, size string) string {
	t.Helper()
	private(t)
	folder := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size="+size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(folder, unix.MNT_DETACH) })
	return folder
}

// files lists what is in a folder, each with its contents.
func files(t *testing.T, folder string) string {
	t.Helper()
	list, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range list {
		name := f.Name()
		if f.Type().IsRegular() {
			name += "=" + string(readFile(t, filepath.Join(folder, name)))
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// TestRefusals asks for recordings that cannot be: each time the error says
// what to do, nothing was written, and no command was started.
func TestRefusals(t *testing.T) {
	private(t)
	write := func(path string, mode os.FileMode, text string) {
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		change  func(t *testing.T, cfg *Config, folder string)
		message string // part of the error
		remedy  string // part of the remedy; "" = none is needed
		status  int    // without a command
		command int    // with one
	}{
		{"no file", func(_ *testing.T, c *Config, _ string) { c.Capture = "" }, "no capture file", "-w", 2, 125},
		{"standard output", func(_ *testing.T, c *Config, _ string) { c.Capture = "-" }, "cannot be written to standard output", "-w run.pcapng", 2, 125},
		{"standard output without a log", func(_ *testing.T, c *Config, _ string) { c.Capture, c.Output = "-", io.Discard }, "no connection log named", "--log run.conns.jsonl", 2, 125},
		{"standard output rotated", func(_ *testing.T, c *Config, folder string) {
			c.Capture, c.Output, c.Log, c.Rotation.Bytes = "-", io.Discard, folder+"/log", 1
		}, "standard output is not several files", "-w run.pcapng", 2, 125},
		{"log on standard output", func(_ *testing.T, c *Config, _ string) { c.Log = "-" }, "cannot be written to standard output", "--log run.conns.jsonl", 2, 125},
		{"capture of a long name", func(_ *testing.T, c *Config, f string) { c.Capture = f + "/" + strings.Repeat("x", 256) }, "file name too long", "-w", 2, 125},
		{"log of a long name", func(_ *testing.T, c *Config, f string) { c.Capture = f + "/" + strings.Repeat("x", 255) }, ".conns.jsonl\": file name too long", "--log", 2, 125},
		{"snaplen", func(_ *testing.T, c *Config, _ string) { c.Snaplen = -1 }, "snaplen is negative", "0 keeps", 2, 125},
		{"ring", func(_ *testing.T, c *Config, _ string) { c.RingMiB = 5000 }, "1 to 4095 MiB", "64 MiB", 2, 125},
		{"duration", func(_ *testing.T, c *Config, _ string) { c.Duration = -1 }, "time span is negative", "", 2, 125},
		{"source", func(_ *testing.T, c *Config, _ string) { c.Source = "magic" }, `unknown source "magic"`, "auto, ebpf, diag and poll", 2, 125},
		{"interface", func(_ *testing.T, c *Config, _ string) { c.Interfaces = []string{"lo", "nosuch9"} }, `no interface "nosuch9"`, "lo", 2, 125},
		{"filter that does not end", func(_ *testing.T, c *Config, _ string) { c.Filter = []bpf.RawInstruction{{Op: 0x28, K: 12}} }, "filter: instruction 0: the last instruction is no return", "tcpdump -ddd", 2, 125},
		{"filter of no instruction", func(_ *testing.T, c *Config, _ string) { c.Filter = []bpf.RawInstruction{{Op: 0xfff8}, {Op: 6}} }, "the kernel refuses the filter: invalid argument", "tcpdump -ddd", 2, 125},
		{"capture exists", func(t *testing.T, c *Config, _ string) { write(c.Capture, 0o600, "old") }, "run.pcapng\" exists", "--force", 2, 125},
		{"log exists", func(t *testing.T, c *Config, _ string) { write(LogPath(c.Capture), 0o600, "old") }, "run.conns.jsonl\" exists", "--force", 2, 125},
		{"capture is a folder", func(t *testing.T, c *Config, f string) { os.Mkdir(c.Capture, 0o755); c.Force = true }, "not a regular file", "another name", 2, 125},
		{"capture is a link", func(t *testing.T, c *Config, f string) { os.Symlink("/nowhere", c.Capture); c.Force = true }, "not a regular file", "another name", 2, 125},
		{"no folder", func(t *testing.T, c *Config, f string) { c.Capture = f + "/none/run.pcapng" }, "no folder", "mkdir -p", 2, 125},
		{"folder is a file", func(t *testing.T, c *Config, f string) { write(f+"/x", 0o600, ""); c.Capture = f + "/x/run.pcapng" }, "is not a folder", "", 2, 125},
		{"one file for both", func(t *testing.T, c *Config, f string) { c.Log = f + "/./run.pcapng" }, "the same file", "--log", 2, 125},
		{"one file for both through a link", func(t *testing.T, c *Config, f string) { os.Symlink(".", f+"/here"); c.Log = f + "/here/run.pcapng" }, "the same file", "--log", 2, 125},
		{"no space", func(t *testing.T, c *Config, _ string) { c.Capture = small(t, "900k") + "/run.pcapng" }, "no space in", "", 1, 125},
		{"no space for the log", func(t *testing.T, c *Config, _ string) { c.Log = small(t, "900k") + "/log" }, "no space in", "", 1, 125},
		{"file system is read-only", func(t *testing.T, c *Config, _ string) {
			f := small(t, "8m")
			if err := unix.Mount("", f, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
			c.Log = f + "/log"
		}, "no file to write to", "another place with --log", 2, 125},
		{"sudo", func(t *testing.T, c *Config, _ string) { t.Setenv("SUDO_UID", "x") }, `SUDO_UID="x" SUDO_GID="" name no user`, "", 1, 125},
		{"no command", func(_ *testing.T, c *Config, _ string) { c.Command = []string{"nosuchprogram-9"} }, `command "nosuchprogram-9" not found`, "./", 127, 127},
		{"no command there", func(t *testing.T, c *Config, f string) { c.Command = []string{f + "/none"} }, "not found", "./", 127, 127},
		{"not executable", func(t *testing.T, c *Config, f string) {
			write(f+"/data", 0o644, "x")
			c.Command = []string{f + "/data"}
		}, "cannot be executed", "", 126, 126},
		{"a folder", func(t *testing.T, c *Config, f string) { c.Command = []string{f} }, "cannot be executed", "", 126, 126},
		{"no program", func(t *testing.T, c *Config, f string) {
			write(f+"/junk", 0o755, "\x7fELF junk")
			c.Command = []string{f + "/junk"}
		}, "cannot be executed: fork/exec", "", 126, 126},
		{"no interpreter", func(t *testing.T, c *Config, f string) {
			write(f+"/script", 0o755, "#!/none\n")
			c.Command = []string{f + "/script"}
		}, "not found", "", 127, 127},
		{"not executable by the caller of sudo", func(t *testing.T, c *Config, f string) {
			t.Setenv("SUDO_UID", "65534")
			t.Setenv("SUDO_GID", "65534")
			write(f+"/mine", 0o700, "#!/bin/sh\n")
			c.Command = []string{f + "/mine"}
		}, "cannot be executed", "", 126, 126},
	} {
		for _, withCommand := range []bool{false, true} {
			name := c.name
			if withCommand {
				name += " for a command"
			}
			t.Run(name, func(t *testing.T) {
				cfg := configure(t)
				folder := filepath.Dir(cfg.Capture)
				started := filepath.Join(t.TempDir(), "started")
				if withCommand {
					cfg.Command = []string{"touch", started}
				}
				c.change(t, &cfg, folder)
				before := files(t, folder)
				var told messages
				cfg.Message = told.add
				r, err := Start(context.Background(), cfg)
				if err == nil {
					r.Stop()
					r.Wait()
					t.Fatal("it started")
				}
				want := c.status
				if withCommand {
					want = c.command
				}
				checkRefusal(t, err, c.message, c.remedy, want)
				if after := files(t, folder); after != before {
					t.Errorf("files: %q, before %q", after, before)
				}
				if _, err := os.Stat(started); err == nil {
					t.Error("the command was started")
				}
				if told.all() != "" {
					t.Errorf("told %q", told.all())
				}
			})
		}
	}
}

func checkRefusal(t *testing.T, err error, message, remedy string, status int) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T %v is no *Error", err, err)
	}
	if !strings.Contains(e.Error(), message) || strings.HasSuffix(e.Error(), ".") || strings.Contains(e.Error(), "\n") {
		t.Errorf("error %q, want %q in it", e, message)
	}
	if !strings.Contains(e.Remedy(), remedy) {
		t.Errorf("remedy %q, want %q in it", e.Remedy(), remedy)
	}
	if e.ExitStatus() != status {
		t.Errorf("status %d, want %d", e.ExitStatus(), status)
	}
}

// TestForceAndRefusal replaces old files only by a recording that starts.
func TestForceAndRefusal(t *testing.T) {
	private(t)
	cfg := configure(t)
	folder := filepath.Dir(cfg.Capture)
	for _, path := range []string{cfg.Capture, LogPath(cfg.Capture)} {
		if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cfg.Force = true
	junk := filepath.Join(t.TempDir(), "junk")
	if err := os.WriteFile(junk, []byte("junk"), 0o755); err != nil {
		t.Fatal(err)
	}
	cfg.Command = []string{junk}
	_, err := Start(context.Background(), cfg)
	checkRefusal(t, err, "cannot be executed", "", 126)
	if got, want := files(t, folder), "run.conns.jsonl=old run.pcapng=old"; got != want {
		t.Errorf("after a refusal: %q, want %q", got, want)
	}
	cfg.Command = []string{"true"}
	checkFiles(t, cfg.Capture, complete(t, begin(t, cfg)))
	if list, err := os.ReadDir(folder); err != nil || len(list) != 2 {
		t.Errorf("after a recording: %v %v", list, err)
	}
}

// TestSpaceWithoutLimit records onto a file system that does not count.
func TestSpaceWithoutLimit(t *testing.T) {
	cfg := configure(t, "true")
	cfg.Capture = small(t, "0") + "/run.pcapng"
	checkFiles(t, cfg.Capture, complete(t, begin(t, cfg)))
}

// TestNoRight takes the right to capture away, in this thread.
func TestNoRight(t *testing.T) {
	cfg := configure(t)
	if os.Geteuid() == 0 {
		private(t)
		runtime.LockOSThread() // and not unlocked: the thread ends with the test
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var data [2]unix.CapUserData
		if err := unix.Capget(&header, &data[0]); err != nil {
			t.Fatal(err)
		}
		data[0].Effective &^= 1 << unix.CAP_NET_RAW
		if err := unix.Capset(&header, &data[0]); err != nil {
			t.Fatal(err)
		}
	}
	checkRefusal(t, CanRecord(), "no right to capture packets (needs CAP_NET_RAW)", "sudo", 1)
	for _, command := range [][]string{nil, {"true"}} {
		cfg.Command = command
		_, err := Start(context.Background(), cfg)
		checkRefusal(t, err, "no right to capture packets", "setcap", 1+124*len(command))
		if left := files(t, filepath.Dir(cfg.Capture)); left != "" {
			t.Errorf("left behind: %q", left)
		}
	}
}

// open returns a folder where everybody may write.
func open(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, f := range []string{filepath.Dir(folder), folder} {
		if err := os.Chmod(f, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestOrdinaryUser runs the recorder as nobody.
func TestOrdinaryUser(t *testing.T) {
	need.Root(t)
	folder := open(t)
	for status, command := range map[int][]string{1: nil, 125: {"touch", folder + "/started"}, 127: {"nosuchprogram-9"}} {
		c := exec.Command("/proc/self/exe", command...) // its folder is root's alone
		c.Env = append(os.Environ(), roleVariable+"=recorder", "RECORD_TEST_CAPTURE="+folder+"/run.pcapng")
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		c.Stderr = os.Stderr
		out, _ := c.Output()
		var o outcome
		if err := json.Unmarshal(out, &o); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		if o.ExitStatus != status || c.ProcessState.ExitCode() != status {
			t.Errorf("status %d, exit status %d, want %d: %s", o.ExitStatus, c.ProcessState.ExitCode(), status, o.Message)
		}
		if status != 127 && (!strings.Contains(o.Message, "no right to capture") || !strings.Contains(o.Remedy, "sudo")) {
			t.Errorf("%q, %q", o.Message, o.Remedy)
		}
		if left := files(t, folder); left != "" {
			t.Errorf("left behind: %q", left)
		}
	}
}

// TestOnlyCaptureRight runs the recorder as nobody with CAP_NET_RAW: it records,
// and says whose sockets it cannot see.
func TestOnlyCaptureRight(t *testing.T) {
	private(t)
	capture := open(t) + "/run.pcapng"
	c := exec.Command("/proc/self/exe", "sh", "-c", "exit 3")
	c.Env = append(os.Environ(), roleVariable+"=recorder", "RECORD_TEST_CAPTURE="+capture)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, AmbientCaps: []uintptr{unix.CAP_NET_RAW}}
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	d := json.NewDecoder(bytes.NewReader(out))
	var started, ended outcome
	if err := errors.Join(d.Decode(&started), d.Decode(&ended)); err != nil || !started.Started || *ended.Summary.Status != 3 {
		t.Fatalf("%s: %v", out, err)
	}
	head := readLog(t, capture)[0]
	if !slices.ContainsFunc(head.Blind, func(s string) bool {
		return strings.HasPrefix(s, "who holds the sockets of ") && strings.Contains(s, "CAP_SYS_PTRACE")
	}) {
		t.Errorf("blind for %q", head.Blind)
	}
}
