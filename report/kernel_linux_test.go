package report

import (
	"bufio"
	"io"
	"math"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// What the kernel counted of a connection is what we measure of its packets, in a
// network namespace that loses one packet in 23 on its way into the sockets: with
// segments as long as a super-packet, and with super-packets of many.
func TestAgainstKernel(t *testing.T) {
	need.Root(t)
	for _, mtu := range []string{"65536", "1500"} {
		t.Run(mtu, func(t *testing.T) { againstKernel(t, mtu) })
	}
}

func againstKernel(t *testing.T, mtu string) {
	tcpdump, iptables, ip := need.Tool(t, "tcpdump"), need.Tool(t, "iptables"), need.Tool(t, "ip")
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	run(t, ip, "link", "set", "lo", "mtu", mtu, "up")
	run(t, iptables, "-A", "INPUT", "-p", "tcp", "-m", "statistic", "--mode", "nth", "--every", "23", "--packet", "7", "-j", "DROP")
	path := filepath.Join(t.TempDir(), "kernel.pcap")
	stop := dump(t, tcpdump, path)
	const sent, answered = 8 << 20, 1 << 20
	client, server := exchange(t, sent, answered)
	stop()
	row := firstConnection(t, path, Config{})
	for _, end := range []struct {
		name string
		info *unix.TCPInfo
		sent float64
	}{{"client", client, sent}, {"server", server, answered}} {
		number := func(name string) float64 {
			v, ok := row[end.name+"_"+name].(float64)
			if !ok {
				t.Errorf("%s_%s is %v", end.name, name, row[end.name+"_"+name])
			}
			return v
		}
		k := end.info
		if n := number("unique_payload_bytes"); n != end.sent {
			t.Errorf("%s: %v bytes, want %v", end.name, n, end.sent)
		}
		if n := number("payload_bytes"); n != float64(k.Bytes_sent) {
			t.Errorf("%s: %v bytes with those that come again, the kernel sent %d", end.name, n, k.Bytes_sent)
		}
		bytes := float64(k.Bytes_retrans)
		if n := number("payload_bytes") - number("unique_payload_bytes"); n != bytes {
			t.Errorf("%s: %v bytes come again, the kernel sent %v", end.name, n, bytes)
		}
		// Each processor has a queue of what loopback receives: from two of them new
		// segments come in another order than they were sent, and are out of order too.
		if n, late := number("retransmitted_bytes"), number("out_of_order_bytes"); n > bytes || n+late < bytes {
			t.Errorf("%s: %v bytes are retransmitted, and %v late, the kernel sent %v again", end.name, n, late, bytes)
		}
		// An estimate: what is sent again may have been cut otherwise.
		if n := number("wire_segments"); math.Abs(n-float64(k.Data_segs_out)) > 3+float64(k.Data_segs_out)/8 {
			t.Errorf("%s: %v segments on the wire, the kernel sent %d", end.name, n, k.Data_segs_out)
		}
		again, kernels := number("retransmitted_segments")+number("out_of_order_segments"), float64(k.Total_retrans)
		if mtu == "65536" && (again < kernels-2 || number("retransmitted_segments") > kernels+2) { // with super-packets it counts segments, and we packets
			t.Errorf("%s: %v segments come again, the kernel sent %v", end.name, again, kernels)
		}
		least, smooth := float64(k.Min_rtt)*1e3, float64(k.Rtt)*1e3
		if shortest := number("rtt_min_ns"); shortest < least/8 || shortest > 8*smooth {
			t.Errorf("%s: round trips of %v ns and more, for the kernel of %v and usually %v", end.name, shortest, least, smooth)
		}
		t.Logf("%s: %v bytes again, %v segments of %v, round trips of %v to %v ns, for the kernel of %v and usually %v", end.name, k.Bytes_retrans,
			again, k.Data_segs_out, number("rtt_min_ns"), number("rtt_max_ns"), least, smooth)
	}
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// dump begins to capture loopback, and returns what ends it.
func dump(t *testing.T, tcpdump, path string) (stop func()) {
	t.Helper()
	cmd := exec.Command(tcpdump, "-i", "lo", "-s", "128", "-B", "32768", "--immediate-mode", "--time-stamp-precision=nano", "-Z", "root", "-w", path, "tcp")
	stderr, err := cmd.StderrPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill() })
	said := bufio.NewScanner(stderr)
	for said.Scan() && !strings.Contains(said.Text(), "listening on") {
	}
	return func() {
		time.Sleep(300 * time.Millisecond) // the last packets
		must(t, cmd.Process.Signal(unix.SIGINT))
		for said.Scan() {
			if strings.Contains(said.Text(), "dropped by kernel") && !strings.HasPrefix(said.Text(), "0 ") {
				t.Error(said.Text())
			}
		}
		must(t, cmd.Wait())
	}
}

// exchange has a client send so many bytes, and the server answer so many, and
// returns what the kernel knows of both ends when all is acknowledged.
func exchange(t *testing.T, sent, answered int) (client, server *unix.TCPInfo) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	c, err := net.Dial("tcp4", l.Addr().String())
	must(t, err)
	defer c.Close()
	s, err := l.Accept()
	must(t, err)
	defer s.Close()
	pass := func(from, to net.Conn, n int) {
		go func() {
			for left := n; left > 0; left -= min(left, 16384) {
				from.Write(make([]byte, min(left, 16384)))
			}
		}()
		_, err := io.CopyN(io.Discard, to, int64(n))
		must(t, err)
	}
	pass(c, s, sent)
	pass(s, c, answered)
	time.Sleep(500 * time.Millisecond) // until the last is acknowledged, whatever gets lost
	return info(t, c), info(t, s)
}

// info asks the kernel about a connection.
func info(t *testing.T, c net.Conn) (i *unix.TCPInfo) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	must(t, err)
	must(t, raw.Control(func(fd uintptr) { i, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }))
	must(t, err)
	return i
}
