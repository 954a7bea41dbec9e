package record

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// tunnel makes a TUN interface and returns its end: what is written there comes
// in, as an IP datagram without a header of its own.
func tunnel(t *testing.T, name string) *os.File {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), name) // owns it: closed twice, it would be somebody else's
	t.Cleanup(func() { file.Close() })
	request, err := unix.NewIfreq(name)
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		t.Fatal(err)
	}
	run(t, "ip", "link", "set", name, "up")
	return file
}

// One expression holds for Ethernet framing and for raw IP at once.
func TestFilterByLinkType(t *testing.T) {
	private(t)
	end := tunnel(t, "filter0")
	cfg := configure(t)
	cfg.Interfaces = []string{"lo", "filter0"}
	cfg.FilterText = "udp dst port 9 and not less 29"
	var err error
	if cfg.Filter, err = ParseFilter(strings.NewReader(cfg.FilterText)); err != nil {
		t.Fatal(err)
	}
	r := begin(t, cfg)
	for i := range 30 {
		packet := datagram(uint16(9 + i%3))[14:]
		binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
		copy(packet[12:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
		if _, err := end.Write(packet); err != nil {
			t.Fatal(err)
		}
	}
	datagrams(t, 7, 10) // over loopback, to other ports
	if n, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0); err == nil {
		defer unix.Close(n)
		for range 4 {
			unix.Sendto(n, []byte("to port 9"), 0, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 0, 0, 1}})
		}
	}
	r.Stop()
	s := complete(t, r)
	checkFiles(t, cfg.Capture, s)
	got := tally(fieldsOf(t, cfg.Capture, "frame.interface_name", "udp.dstport"))
	if len(got) != 2 || got["filter0 9"] != 10 || got["lo 9"] != 4 {
		t.Errorf("recorded %v, want 10 of filter0 and 4 of lo, to port 9", got)
	}
}
