package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/cmd/pcapwho/workload"
	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// The rights that a recorder keeps: see package record.
const (
	inspects = 1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_NET_ADMIN
	write    = 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_FOWNER
)

// watched is a command that writes down its own rights and those of every thread of
// the recorder, then makes connections.
const watched = `sleep .3; cat /proc/self/status >command; cat /proc/$PPID/task/*/status >recorder 2>/dev/null; exec plain/pcapwho workload ledger --long 4 --hold 1200ms`

// TestRights records as every kind of user that can: the recorder and the command
// have no more rights than they need, the files belong to who called, and every
// connection has its owners.
func TestRights(t *testing.T) {
	need.Root(t)
	t.Parallel()
	nobody := need.Tool(t, "setpriv") + " --reuid=nobody --regid=nogroup --clear-groups "
	for _, c := range []struct {
		name      string
		run       string // in front of what records
		program   string
		source    string
		user      int // of recorder, command and files
		permitted uint64
		effective uint64 // in every thread
		root      bool   // the command has all that root has
	}{
		{"root", "", "plain/pcapwho", "ebpf", 0, inspects | write, write, true},
		{"sudo", "SUDO_UID=65534 SUDO_GID=65534 ", "plain/pcapwho", "ebpf", 65534, inspects, 0, false},
		{"file capabilities", nobody, "capable/pcapwho", "ebpf", 65534, inspects, 0, false},
		{"only the right to capture", nobody + "--inh-caps=-all,+net_raw --ambient-caps=-all,+net_raw ", "plain/pcapwho", "auto", 65534, 0, 0, false},
		{"none", nobody + need.Tool(t, "unshare") + " -Urn ", "plain/pcapwho", "auto", 0, inspects | write, write, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := programs(t)
			inside(t, dir, c.run+"sh -ec 'ip link set lo up 2>/dev/null || true; exec "+c.program+" record -q -i lo --source "+c.source+` -- sh -c "$0"' '`+watched+"'")
			checkRecorder(t, statuses(t, filepath.Join(dir, "recorder")), c.user, c.permitted, c.effective)
			command := statuses(t, filepath.Join(dir, "command"))[0]
			if full := command["CapEff"] == command["CapBnd"] && command["CapEff"]&inspects == inspects; full != c.root || !c.root && command["CapPrm"]|command["CapEff"] != 0 {
				t.Errorf("the command has the rights %x, effective %x", command["CapPrm"], command["CapEff"])
			}
			if command["CapInh"]|command["CapAmb"] != 0 || command["CapBnd"]>>unix.CAP_NET_RAW&1 == 0 || command["Uid"] != uint64(c.user) {
				t.Errorf("the command: %x", command)
			}
			for _, name := range []string{"run.pcapng", "run.conns.jsonl"} {
				var info unix.Stat_t
				if err := unix.Stat(filepath.Join(dir, name), &info); err != nil || info.Mode&0o777 != 0o600 || c.name != "none" && int(info.Uid) != c.user {
					t.Errorf("%s: %v, of user %d, mode %o", name, err, info.Uid, info.Mode)
				}
			}
			checkOwners(t, dir)
		})
	}
}

// TestRightsWithoutCommand: a recorder that executes nothing cannot get rights back.
func TestRightsWithoutCommand(t *testing.T) {
	need.Root(t)
	dir := programs(t)
	inside(t, dir, `
		SUDO_UID=65534 SUDO_GID=65534 plain/pcapwho record -q -i lo & recorder=$!
		for i in $(seq 600); do [ -s run.conns.jsonl ] && break; sleep .05; done
		sleep .3; cat /proc/$recorder/task/*/status >recorder
		kill -INT $recorder; wait $recorder`)
	all := statuses(t, filepath.Join(dir, "recorder"))
	checkRecorder(t, all, 65534, inspects, 0)
	for _, s := range all {
		if s["CapBnd"] != 0 {
			t.Errorf("bounding set %x", s["CapBnd"])
		}
	}
}

// TestFolderOfRoot: under sudo a file is made with the caller's rights, and not
// with those of root, who keeps his own.
func TestFolderOfRoot(t *testing.T) {
	need.Root(t)
	dir := programs(t)
	inside(t, dir, `
		mkdir -m 755 closed theirs; chown nobody theirs
		! SUDO_UID=65534 SUDO_GID=65534 plain/pcapwho record -i lo -w closed/run.pcapng -- touch started 2>told
		grep -q 'closed/run.pcapng: permission denied' told
		grep -q '^hint: .*the caller of sudo' told
		[ ! -e started ] && [ ! "$(ls closed)" ]
		plain/pcapwho record -q -i lo -w theirs/run.pcapng -- true
		plain/pcapwho record -q --force -i lo -w theirs/run.pcapng -- true
		[ "$(stat -c %u theirs/run.pcapng)" = 0 ]`)
}

// programs returns a folder of nobody's with the program, as it is and with the
// capabilities that README.md gives it.
func programs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"plain", "capable"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		copyProgram(t, filepath.Join(dir, name, "pcapwho"))
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, line, ok := strings.Cut(string(readme), "\nsudo setcap ")
	rights, _, _ := strings.Cut(line, " ")
	if !ok {
		t.Fatal("README.md names no capabilities")
	}
	if out, err := exec.Command(need.Tool(t, "setcap"), rights, filepath.Join(dir, "capable", "pcapwho")).CombinedOutput(); err != nil {
		t.Fatalf("setcap: %v\n%s", err, out)
	}
	return dir
}

// copyProgram copies this test, which is the program under its name.
func copyProgram(t *testing.T, to string) {
	t.Helper()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err == nil {
		_, err = io.Copy(file, self)
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// statuses reads the user and the capabilities from files of proc_pid_status(5) that
// stand behind each other.
func statuses(t *testing.T, path string) (all []map[string]uint64) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		base := 16
		switch {
		case name == "Name":
			all = append(all, map[string]uint64{})
			continue
		case name == "Uid":
			base = 10
			ids := strings.Fields(value)
			if ids[0] != ids[1] || ids[0] != ids[2] || ids[0] != ids[3] {
				t.Errorf("user ids %v", ids)
			}
			value = ids[0]
		case !strings.HasPrefix(name, "Cap"):
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(value), base, 64)
		if err != nil {
			t.Fatal(err)
		}
		all[len(all)-1][name] = n
	}
	if len(all) == 0 || len(all[0]) != 6 {
		t.Fatalf("%s: %q", path, content)
	}
	return all
}

// checkRecorder holds the threads of a recorder to what they need: one inspects
// other processes.
func checkRecorder(t *testing.T, threads []map[string]uint64, user int, permitted, effective uint64) {
	t.Helper()
	inspecting := 0
	for _, s := range threads {
		if s["Uid"] != uint64(user) || s["CapPrm"] != permitted || s["CapInh"]|s["CapAmb"] != 0 {
			t.Errorf("a thread of the recorder: %x, want user %d, permitted %x", s, user, permitted)
		}
		switch s["CapEff"] {
		case effective:
		case permitted&inspects | effective:
			inspecting++
		default:
			t.Errorf("a thread of the recorder: effective %x, want %x", s["CapEff"], effective)
		}
	}
	if want := min(int(permitted&inspects), 1); inspecting != want || len(threads) < 3 {
		t.Errorf("%d of %d threads inspect, want %d", inspecting, len(threads), want)
	}
}

// checkOwners analyzes the recording in a folder, and holds it to the ledger.
func checkOwners(t *testing.T, dir string) {
	t.Helper()
	log := filepath.Join(dir, "run.conns.jsonl")
	checkLog(t, log)
	result, err := report.Analyze(t.Context(), report.Config{Captures: []string{filepath.Join(dir, "run.pcapng")}, Logs: []string{log}})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	known, err := readEvidence(log)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := workload.ReadLedger(filepath.Join(dir, "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	if b := compareLedger(result, known, entries); b.err() != nil || b.owned < 6 {
		t.Errorf("%d ends with an owner: %v", b.owned, b)
	}
}
