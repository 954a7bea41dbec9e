package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// end is what a process of a test says of itself.
type end struct {
	Role     string
	PID      int32
	TCP, UDP int // ports of its own: of a server, those it listens on
}

// exchanges is how many datagrams a client sends, and gets back.
const exchanges = 8

// serve listens, starts a client process, and answers it over TCP and UDP until
// that closes.
func serve() {
	address := os.Getenv("RECORD_TEST_ADDRESS")
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	must(err)
	u, err := net.ListenPacket("udp", net.JoinHostPort(address, "0"))
	must(err)
	me := end{"server", int32(os.Getpid()), l.Addr().(*net.TCPAddr).Port, u.LocalAddr().(*net.UDPAddr).Port}
	tell(me)
	client := exec.Command(os.Args[0])
	client.Env = append(os.Environ(), roleVariable+"=client",
		"RECORD_TEST_TCP="+strconv.Itoa(me.TCP), "RECORD_TEST_UDP="+strconv.Itoa(me.UDP))
	client.Stdout, client.Stderr = os.Stdout, os.Stderr
	must(client.Start())
	go echo(u)
	c, err := l.Accept()
	must(err)
	var b [1 << 10]byte
	for err == nil {
		_, err = c.Read(b[:])
	}
	must(c.Close())
	must(client.Wait())
}

func echo(u net.PacketConn) {
	var b [1 << 10]byte
	for {
		n, from, err := u.ReadFrom(b[:])
		if err != nil {
			return
		}
		u.WriteTo(b[:n], from)
	}
}

// dial exchanges with the server, and holds its connections until the log has
// them: how long a look takes does not matter.
func dial() {
	address := os.Getenv("RECORD_TEST_ADDRESS")
	c, err := net.Dial("tcp", net.JoinHostPort(address, os.Getenv("RECORD_TEST_TCP")))
	must(err)
	u, err := net.Dial("udp", net.JoinHostPort(address, os.Getenv("RECORD_TEST_UDP")))
	must(err)
	me := end{"client", int32(os.Getpid()), c.LocalAddr().(*net.TCPAddr).Port, u.LocalAddr().(*net.UDPAddr).Port}
	tell(me)
	var b [1 << 10]byte
	for range exchanges {
		_, err := c.Write(b[:100])
		must(err)
		_, err = u.Write([]byte("ping"))
		must(err)
		_, err = u.Read(b[:])
		must(err)
	}
	wants := []string{
		c.LocalAddr().String() + `","remote":"` + c.RemoteAddr().String(),
		c.RemoteAddr().String() + `","remote":"` + c.LocalAddr().String(),
		u.LocalAddr().String() + `","remote":"`, `"local":"` + u.RemoteAddr().String(),
	}
	must(waitForText(os.Getenv("RECORD_TEST_LOG"), wants...))
	must(c.Close())
	must(u.Close())
}

// waitForText waits until a file has all of the given texts, each in a line that
// names owners.
func waitForText(path string, wants ...string) error {
	var text []byte
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(20 * time.Millisecond) {
		text, _ = os.ReadFile(path)
		missing := ""
		for _, w := range wants {
			if !slices.ContainsFunc(bytes.Split(text, []byte("\n")), func(line []byte) bool {
				return bytes.Contains(line, []byte(w)) && bytes.Contains(line, []byte(`"owners":[{`))
			}) {
				missing = w
			}
		}
		if missing == "" {
			return nil
		}
	}
	return fmt.Errorf("%s has not %q:\n%s", path, wants, text)
}

// outcome is what the recorder role writes: once when it started or failed to,
// once at its end.
type outcome struct {
	Started         bool
	Message, Remedy string
	ExitStatus      int
	Summary         *Summary
	Later           string // Wait's error
}

// recordAsTold is a recorder as a process. Under RECORD_TEST_SIGNALS its context
// ends with SIGINT and SIGTERM, as that of a program may.
func recordAsTold() {
	ctx := context.Background()
	if os.Getenv("RECORD_TEST_SIGNALS") != "" {
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
		defer stop()
	}
	cfg := Config{Interfaces: []string{"lo"}, Capture: os.Getenv("RECORD_TEST_CAPTURE"), RingMiB: 8, Command: os.Args[1:], Stdout: os.Stderr, Stderr: os.Stderr}
	r, err := Start(ctx, cfg)
	var e *Error
	if errors.As(err, &e) {
		tell(outcome{Message: e.Error(), Remedy: e.Remedy(), ExitStatus: e.ExitStatus()})
		os.Exit(e.ExitStatus())
	}
	must(err)
	tell(outcome{Started: true})
	s, err := r.Wait()
	o := outcome{Summary: &s}
	if err != nil {
		o.Later = err.Error()
	}
	tell(o)
}

// countSignals exits with 100 + 10 for each SIGTERM + 1 for each SIGINT or
// SIGHUP, a moment after the first.
func countSignals() {
	signals := make(chan os.Signal, 10)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	must(os.WriteFile(os.Getenv("RECORD_TEST_READY"), nil, 0o600))
	status := 100
	count := func(s os.Signal) {
		if status++; s == syscall.SIGTERM {
			status += 9
		}
	}
	count(<-signals)
	for end := time.After(700 * time.Millisecond); ; {
		select {
		case s := <-signals:
			count(s)
		case <-end:
			os.Exit(status)
		}
	}
}

// send sends datagrams over loopback, then exits with status 7.
func send() {
	count, err := strconv.Atoi(os.Getenv("RECORD_TEST_COUNT"))
	must(err)
	size, err := strconv.Atoi(os.Getenv("RECORD_TEST_SIZE"))
	must(err)
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(err)
	for i := range count {
		_, err := u.WriteTo(make([]byte, size), u.LocalAddr())
		must(err)
		if i%64 == 63 {
			time.Sleep(2 * time.Millisecond) // the ring is small
		}
	}
	os.Exit(7)
}

// takeSocket takes a socket through descriptor 3, says so, and keeps it until
// the other end closes.
func takeSocket() {
	var b [1]byte
	rights := make([]byte, unix.CmsgSpace(4))
	_, _, _, _, err := unix.Recvmsg(3, b[:], rights, 0)
	must(err)
	_, err = unix.Write(3, b[:])
	must(err)
	_, err = unix.Read(3, b[:])
	must(err)
}

// listenForever is a command that opens a socket and waits to be ended.
func listenForever() {
	_, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	select {}
}
