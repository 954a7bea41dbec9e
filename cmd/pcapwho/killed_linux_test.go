package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// talk sends datagrams and makes connections for ever, and keeps in a file when it last did.
const talk = `
import mmap, socket, sys, time
file = open(sys.argv[1], "r+b")
sent = mmap.mmap(file.fileno(), 8)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
listener = socket.create_server(("127.0.0.1", 0))
print("ready", flush=True)
while True:
    for i in range(10):
        udp.sendto(b"x" * 500, udp.getsockname())
        sent[:] = time.time_ns().to_bytes(8, "little")
        udp.recv(1000)
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    client.sendall(b"y" * 300)
    client.close()
    server.close()
    time.sleep(.005)
`

// talking starts a program that talks in a network namespace of its own until the
// test ends, and returns a command that runs pcapwho there, and when it talked last.
func talking(t *testing.T) (pcapwho func(args ...string) *exec.Cmd, last func() time.Time) {
	t.Helper()
	need.Root(t)
	sent := filepath.Join(t.TempDir(), "sent")
	if err := os.WriteFile(sent, make([]byte, 8), 0o600); err != nil {
		t.Fatal(err)
	}
	p := exec.Command(need.Tool(t, "unshare"), "-n", "sh", "-ec", need.Tool(t, "ip")+` link set lo up; exec "$0" -c "$1" "$2"`, need.Tool(t, "python3"), talk, sent)
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Process.Kill()
		p.Wait()
	})
	ready := make([]byte, 6)
	if _, err := io.ReadFull(out, ready); err != nil {
		t.Fatalf("the program says %q", ready)
	}
	pcapwho = func(args ...string) *exec.Cmd {
		c := exec.Command(need.Tool(t, "nsenter"), append([]string{"--net=/proc/" + strconv.Itoa(p.Process.Pid) + "/ns/net", need.Tool(t, "pcapwho")}, args...)...)
		c.Stderr = os.Stderr
		return c
	}
	return pcapwho, func() time.Time {
		b, err := os.ReadFile(sent)
		if err != nil {
			t.Fatal(err)
		}
		return time.Unix(0, int64(binary.LittleEndian.Uint64(b)))
	}
}

// TestKilledAtAnyMoment kills recorders at random moments, every other one not before
// it has written something: other programs and the analysis read all that is before a
// cut last block and a torn last line, and no more is missing than what was sent in the
// last second.
// PCAPWHO_KILLS says how many; 200 take five minutes.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	pcapwho, last := talking(t)
	kills, dir := 12, t.TempDir()
	if n, err := strconv.Atoi(os.Getenv("PCAPWHO_KILLS")); err == nil {
		kills = n
	}
	empty, cut, torn, missing := 0, 0, 0, time.Duration(0)
	for kill := range kills {
		capture, log := filepath.Join(dir, "run.pcapng"), filepath.Join(dir, "run.conns.jsonl")
		p := pcapwho("record", "-q", "--force", "-i", "lo", "-s", "128", "-w", capture)
		began := time.Now()
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		if kill%2 == 1 {
			await(t, "it records", func() bool { return has(capture, 1) && has(log, 1) })
		}
		time.Sleep(time.Duration(rand.Int64N(int64(2 * time.Second))))
		killed, sent := time.Now(), last()
		p.Process.Kill()
		p.Wait()
		if !has(capture, 1) || !has(log, 1) {
			empty++ // before the files were there
			os.Remove(capture)
			os.Remove(log)
			continue
		}
		lines, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		whole := lines[:bytes.LastIndexByte(lines, '\n')+1]
		if len(whole) < len(lines) {
			torn++
		}
		for line := range bytes.Lines(whole) {
			if !json.Valid(line) {
				t.Fatalf("a line in mid-file is no JSON: %q", line)
			}
		}
		if len(whole) == 0 {
			continue
		}
		packets, isCut := counted(t, capture)
		if isCut {
			cut++
		}
		d := analyzed(t, dir, capture)
		if d.Capture.Packets != packets {
			t.Errorf("killed after %v: %d packets analyzed, capinfos reads %d", killed.Sub(began), d.Capture.Packets, packets)
		}
		if packets > 0 {
			missing = max(missing, time.Duration(sent.UnixNano()-d.Capture.Last))
		}
		os.Remove(capture)
		os.Remove(log)
	}
	t.Logf("%d recorders killed, %d of them before there was anything; %d captures cut, %d logs torn; at most the last %v missing", kills, empty, cut, torn, missing)
	if limit := 1500 * time.Millisecond; missing > limit { // a second, and what a busy machine adds
		t.Errorf("what was sent in the last %v is missing, want at most %v", missing, limit)
	}
	if empty > kills/2 {
		t.Errorf("%d of %d recorders wrote nothing", empty, kills)
	}
}

// counted returns how many packets capinfos reads, and whether it says that the
// last one is cut. It may say nothing else.
func counted(t *testing.T, capture string) (packets int64, cut bool) {
	t.Helper()
	c := exec.Command(need.Tool(t, "capinfos"), "-c", "-M", "-T", "-r", capture)
	var told bytes.Buffer
	c.Stderr = &told
	out, err := c.Output()
	if cut = strings.Contains(told.String(), "cut short in the middle"); err != nil && !cut {
		t.Fatalf("capinfos: %v: %s", err, told.String())
	}
	fields := strings.Fields(string(out))
	if len(fields) == 0 {
		t.Fatalf("capinfos: %q, %s", out, told.String())
	}
	if packets, err = strconv.ParseInt(fields[len(fields)-1], 10, 64); err != nil {
		t.Fatalf("capinfos: %q", out)
	}
	return packets, cut
}

// analyzed reads what the analysis makes of a capture that may be cut.
func analyzed(t *testing.T, dir, capture string) (d document) {
	t.Helper()
	c := exec.Command("pcapwho", "analyze", "-q", capture, "--force", "-o", filepath.Join(dir, "result.json"))
	out, _ := c.CombinedOutput()
	if status := c.ProcessState.ExitCode(); status != 0 && status != statusDamaged {
		t.Fatalf("status %d: %s", status, out)
	}
	content, err := os.ReadFile(filepath.Join(dir, "result.json"))
	if err == nil {
		err = json.Unmarshal(content, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestSecondInterrupt ends a recorder that is about to end in order: it leaves at
// once, and its files can be read.
func TestSecondInterrupt(t *testing.T) {
	pcapwho, _ := talking(t)
	dir := t.TempDir()
	capture := filepath.Join(dir, "run.pcapng")
	for try := 1; ; try++ {
		p := pcapwho("record", "-q", "--force", "-i", "lo", "-w", capture)
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		exited := make(chan struct{})
		go func() {
			defer close(exited)
			p.Wait()
		}()
		await(t, "it records", func() bool { return has(capture, 10_000) })
		p.Process.Signal(os.Interrupt)
		await(t, "it takes no more signals", func() bool { return !catches(p.Process.Pid, syscall.SIGINT) })
		asked := time.Now()
		p.Process.Signal(os.Interrupt)
		<-exited
		if s := p.ProcessState.Sys().(syscall.WaitStatus); !s.Signaled() && try < 5 {
			continue // it had ended just before
		} else if s.Signal() != syscall.SIGINT || time.Since(asked) > 100*time.Millisecond {
			t.Errorf("%v after %v", p.ProcessState, time.Since(asked))
		}
		break
	}
	packets, _ := counted(t, capture)
	if d := analyzed(t, dir, capture); d.Capture.Packets != packets || packets < 10 {
		t.Errorf("%d packets, capinfos reads %d", d.Capture.Packets, packets)
	}
}

// TestInterruptedOnce ends in order, with an end in the log.
func TestInterruptedOnce(t *testing.T) {
	pcapwho, _ := talking(t)
	dir := t.TempDir()
	capture := filepath.Join(dir, "run.pcapng")
	for _, signal := range []syscall.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP} {
		p := pcapwho("record", "--force", "-i", "lo", "-w", capture)
		var told bytes.Buffer
		p.Stdout, p.Stderr = nil, &told
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		await(t, "it records", func() bool { return has(capture, 10_000) })
		p.Process.Signal(signal)
		err := p.Wait()
		log, readErr := os.ReadFile(filepath.Join(dir, "run.conns.jsonl"))
		if err != nil || readErr != nil || !bytes.Contains(log, []byte(`"event":"end"`)) || !strings.Contains(told.String(), "\nrecorded ") {
			t.Errorf("%v: %v, %s", signal, err, told.String())
		}
		os.Remove(capture)
	}
}

// TestHungUpTwice: who closes a terminal hangs up twice, by the shell and by the kernel; it
// ends in order all the same.
func TestHungUpTwice(t *testing.T) {
	pcapwho, _ := talking(t)
	dir := t.TempDir()
	capture := filepath.Join(dir, "run.pcapng")
	p := pcapwho("record", "-q", "-i", "lo", "-w", capture)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	await(t, "it records", func() bool { return has(capture, 10_000) })
	go func() { ended <- p.Wait() }()
	for again := time.NewTicker(5 * time.Millisecond); ; <-again.C {
		p.Process.Signal(unix.SIGHUP)
		select {
		case err := <-ended:
			if log, readErr := os.ReadFile(filepath.Join(dir, "run.conns.jsonl")); err != nil || readErr != nil || !bytes.Contains(log, []byte(`"event":"end"`)) {
				t.Errorf("%v, %v: the log has no end", err, readErr)
			}
			return
		default:
		}
	}
}

// catches tells whether a process has a handler for a signal.
func catches(pid int, signal syscall.Signal) bool {
	content, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	_, rest, _ := strings.Cut(string(content), "SigCgt:\t")
	mask, err := strconv.ParseUint(strings.SplitN(rest, "\n", 2)[0], 16, 64)
	return err == nil && mask>>(signal-1)&1 == 1
}

// has tells whether a file exists and has so many bytes at least.
func has(path string, size int64) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() >= size
}

func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for began := time.Now(); !so(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}
