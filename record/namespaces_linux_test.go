package record

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// startContainer starts a process in a network namespace of its own, which a veth pair
// connects to this one: name here, with the address 172.30.N.1/24, eth0 there, with
// 172.30.N.2/24. It returns its PID.
func startContainer(t *testing.T, name string, n int) int {
	t.Helper()
	private(t)
	c := exec.Command("unshare", "--net", "sleep", "60")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	pid := strconv.Itoa(c.Process.Pid)
	own := networkNamespace()
	within(t, "a process is in its namespace", func() bool { return inodeOf("/proc/"+pid+"/ns/net") != own })
	inside := []string{"--net=/proc/" + pid + "/ns/net"}
	here := fmt.Sprintf("172.30.%d.", n)
	run(t, "ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", pid)
	run(t, "ip", "address", "add", here+"1/24", "dev", name)
	run(t, "ip", "link", "set", name, "up")
	for _, args := range [][]string{{"address", "add", here + "2/24", "dev", "eth0"}, {"link", "set", "eth0", "up"}, {"link", "set", "lo", "up"}, {"route", "add", "default", "via", here + "1"}} {
		run(t, "nsenter", append(append(inside, "ip"), args...)...)
	}
	return c.Process.Pid
}

// TestNamespaces records while a container comes: the log tells its addresses, and
// to which interface here they lead, and the interface that came with it.
func TestNamespaces(t *testing.T) {
	private(t)
	cfg := configure(t)
	cfg.Interfaces = nil
	r := begin(t, cfg)
	if r.summary.Source != SourceEBPF {
		t.Skip("without the kernel's own events no process of another namespace is told")
	}
	pid := startContainer(t, "cont0", 7)
	run(t, "nsenter", "--net=/proc/"+strconv.Itoa(pid)+"/ns/net", "bash", "-c", "echo > /dev/udp/172.30.7.1/9")
	time.Sleep(1200 * time.Millisecond) // a look a second
	r.Stop()
	complete(t, r)
	inode := inodeOf("/proc/" + strconv.Itoa(pid) + "/ns/net")
	here, err := net.InterfaceByName("cont0")
	if err != nil {
		t.Fatal(err)
	}
	addresses, interfaces := 0, 0
	for _, e := range readEvents(t, cfg.Capture) {
		switch e.Kind {
		case connlog.KindAddress:
			if a := e.Address; a.Namespace == inode && a.Address == "172.30.7.2/24" {
				addresses++
				if a.Change != connlog.AddressAdd || a.Name != "eth0" || a.Peer != networkNamespace() || a.PeerIndex != here.Index {
					t.Errorf("%+v, want eth0 whose other end is %d in %d", *a, here.Index, networkNamespace())
				}
			}
		case connlog.KindInterface:
			if e.Interface.Name == "cont0" {
				interfaces++
			}
		}
	}
	if addresses != 1 || interfaces != 1 {
		t.Errorf("the address was told %d times, the interface %d times, want once each", addresses, interfaces)
	}
}

// readEvents reads what the log of a capture says of addresses, interfaces and
// translations.
func readEvents(t *testing.T, capture string) (list []connlog.Event) {
	t.Helper()
	r := connlog.NewReader(bytes.NewReader(readFile(t, LogPath(capture))), capture)
	for {
		e, err := r.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e.Kind {
		case connlog.KindAddress, connlog.KindInterface, connlog.KindNAT: // their memory is their own
			list = append(list, *e)
		}
	}
}

// TestTranslation records a connection whose address the kernel changes.
func TestTranslation(t *testing.T) {
	private(t)
	run(t, "iptables", "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "-d", "127.0.0.1", "--dport", "7999", "-j", "REDIRECT", "--to-ports", "7998")
	t.Cleanup(func() { run(t, "iptables", "-t", "nat", "-F", "OUTPUT") })
	cfg := configure(t)
	r := begin(t, cfg)
	if r.nat.notices == nil {
		t.Fatal("nobody tells of translations")
	}
	run(t, "sh", "-c", `python3 -c '
import socket
l = socket.create_server(("127.0.0.1", 7998))
c = socket.create_connection(("127.0.0.1", 7999))
l.accept()'`)
	r.Stop()
	complete(t, r)
	var told []string
	for _, e := range readEvents(t, cfg.Capture) {
		if n := e.NAT; n != nil {
			told = append(told, fmt.Sprintf("%v %v %v > %v", n.Change, n.Protocol, n.Destination, n.NewDestination))
		}
	}
	if len(told) == 0 || told[0] != "open tcp 127.0.0.1:7999 > 127.0.0.1:7998" {
		t.Errorf("told %q", told)
	}
}
