package record

import (
	"bytes"
	"encoding/binary"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// veth makes a pair of interfaces, name0 and name1, which are up.
func veth(t *testing.T, name string) {
	t.Helper()
	private(t)
	run(t, "ip", "link", "add", name+"0", "type", "veth", "peer", "name", name+"1")
	for _, end := range []string{name + "0", name + "1"} {
		if err := raise(end); err != nil {
			t.Fatal(err)
		}
	}
	running(t, name+"0")
	running(t, name+"1")
}

// running waits until an interface sends: until the kernel gave it a queue it
// drops everything.
func running(t *testing.T, name string) {
	t.Helper()
	within(t, name+" runs", func() bool {
		text := run(t, "ip", "-o", "link", "show", "dev", name)
		return strings.Contains(text, "state UP") && !strings.Contains(text, "qdisc noop ")
	})
}

// pair makes the interfaces pair0 and pair1 for all tests: it takes the kernel
// up to a second until a new one runs.
func pair(t *testing.T) {
	t.Helper()
	if _, err := net.InterfaceByName("pair0"); err != nil {
		veth(t, "pair")
	}
}

// experimental is the EtherType of the frames that these tests make (IEEE 802).
const experimental = 0x88b5

// inject sends frames out over an interface, each with a tag in front of the
// EtherType where tag is not 0.
func inject(t *testing.T, name string, n int, destination string, tag uint32) {
	t.Helper()
	i, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	to, err := net.ParseMAC(destination)
	if err != nil {
		t.Fatal(err)
	}
	frame := append(slices.Clone(to), i.HardwareAddr...)
	if tag != 0 {
		frame = binary.BigEndian.AppendUint32(frame, tag)
	}
	frame = binary.BigEndian.AppendUint16(frame, experimental)
	frame = append(frame, make([]byte, 50)...)
	for range n {
		if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: i.Index}); err != nil {
			t.Fatal(err)
		}
	}
}

func hardwareAddress(t *testing.T, name string) string {
	t.Helper()
	i, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return i.HardwareAddr.String()
}

// tally counts the rows of tshark that are alike.
func tally(rows [][]string) map[string]int {
	n := map[string]int{}
	for _, r := range rows {
		n[strings.Join(r, " ")]++
	}
	return n
}

// TestInterfaces records two ends of a veth pair: each frame is there once going
// out and once coming in, with its reception type and its VLAN tag, and nothing
// of loopback.
func TestInterfaces(t *testing.T) {
	private(t)
	pair(t)
	cfg := configure(t)
	cfg.Interfaces = []string{"pair1", "pair0"}
	cfg.Filter = tcpdump(t, "ether proto 0x88b5 or udp")
	r := begin(t, cfg)
	inject(t, "pair0", 3, hardwareAddress(t, "pair1"), 0)
	inject(t, "pair0", 4, "ff:ff:ff:ff:ff:ff", 0)
	inject(t, "pair1", 5, "01:00:5e:00:00:01", 0)
	inject(t, "pair1", 6, "02:00:00:00:00:99", 0)
	datagrams(t, 10, 10) // over loopback
	r.Stop()
	s := complete(t, r)
	checkFiles(t, cfg.Capture, s)
	got := tally(fieldsOf(t, cfg.Capture, "frame.interface_name", "frame.packet_flags_direction", "frame.packet_flags_reception_type", "frame.len"))
	want := map[string]int{
		"pair0 2 0 64": 7, "pair1 1 1 64": 3, "pair1 1 3 64": 4,
		"pair1 2 0 64": 11, "pair0 1 2 64": 5, "pair0 1 4 64": 6,
	}
	normal := map[string]int{}
	for k, n := range got {
		f := strings.Fields(k)
		for i := 1; i < 3; i++ {
			v, err := strconv.ParseUint(f[i], 0, 32)
			if err != nil {
				t.Fatal(err)
			}
			f[i] = strconv.FormatUint(v, 10)
		}
		normal[strings.Join(f, " ")] = n
	}
	if len(normal) != len(want) {
		t.Errorf("interface, direction, reception, length: %v, want %v", normal, want)
	}
	for k, n := range want {
		if normal[k] != n {
			t.Errorf("%s: %d frames, want %d (all: %v)", k, normal[k], n, normal)
		}
	}
}

// TestVLAN sends tagged frames: where they come in the kernel took the tag out,
// and the file has it again, cut to the snaplen like everything.
func TestVLAN(t *testing.T) {
	private(t)
	pair(t)
	for _, c := range []struct {
		name    string
		tag     uint32
		snaplen int
		want    string // interface, captured length, length, protocol ids, VLAN id, priority
	}{
		{"802.1Q", 0x8100_6007, 0, "68 68 3 7"},
		{"802.1ad", 0x88a8_2fff, 0, "68 68 1 4095"},
		{"cut", 0x8100_0123, 30, "30 68 0 291"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := configure(t)
			cfg.Interfaces, cfg.Snaplen = []string{"pair0", "pair1"}, c.snaplen
			r := begin(t, cfg)
			inject(t, "pair0", 5, hardwareAddress(t, "pair1"), c.tag)
			r.Stop()
			checkFiles(t, cfg.Capture, complete(t, r))
			id, priority := "vlan.id", "vlan.priority"
			if c.tag>>16 == 0x88a8 {
				id, priority = "ieee8021ad.id", "ieee8021ad.priority"
			}
			got := tally(fieldsOf(t, cfg.Capture, "frame.interface_name", "frame.cap_len", "frame.len", priority, id))
			for _, end := range []string{"pair0 ", "pair1 "} {
				if got[end+c.want] != 5 {
					t.Errorf("%s: want 5 frames of %q, got %v", end, c.want, got)
				}
			}
			frames := map[string]bool{}
			for _, rec := range readCapture(t, cfg.Capture).records {
				if bytes.Contains(rec.Data, binary.BigEndian.AppendUint32(nil, c.tag)) {
					frames[string(rec.Data)] = true
				}
			}
			if len(frames) != 1 {
				t.Errorf("%d different frames at both ends, want 1", len(frames))
			}
		})
	}
}

// TestInterfaceAppears records all interfaces: one that comes later has its own
// block from its first packet on.
func TestInterfaceAppears(t *testing.T) {
	private(t)
	cfg := configure(t)
	cfg.Interfaces, cfg.Filter = nil, tcpdump(t, "ether proto 0x88b5 or udp")
	r := begin(t, cfg)
	datagrams(t, 2, 10)
	veth(t, "late")
	inject(t, "late0", 3, hardwareAddress(t, "late1"), 0)
	// Blocks of the ring come 50 ms later; then the name of the interface is asked for.
	time.Sleep(4 * blockTimeout)
	run(t, "ip", "link", "del", "late0")
	r.Stop()
	s := complete(t, r)
	checkFiles(t, cfg.Capture, s)
	got := tally(fieldsOf(t, cfg.Capture, "frame.interface_name"))
	if s.Packets != 8 || got["lo"] != 2 || got["late0"] != 3 || got["late1"] != 3 {
		t.Errorf("%d packets: %v, want 2 on lo and 3 on late0 and late1", s.Packets, got)
	}
}

// TestInterfaceDown says once that the only interface went down, and records it
// when it is up again.
func TestInterfaceDown(t *testing.T) {
	private(t)
	veth(t, "down")
	cfg := configure(t)
	cfg.Interfaces, cfg.Filter = []string{"down0"}, tcpdump(t, "ether proto 0x88b5")
	var told messages
	cfg.Message = told.add
	t.Cleanup(func() { run(t, "ip", "link", "del", "down0") })
	r := begin(t, cfg)
	inject(t, "down0", 1, "ff:ff:ff:ff:ff:ff", 0)
	time.Sleep(4 * blockTimeout)
	run(t, "ip", "link", "set", "down0", "down")
	within(t, "the message", func() bool { return strings.Contains(told.all(), "down: it") })
	if err := raise("down0"); err != nil {
		t.Fatal(err)
	}
	running(t, "down0")
	inject(t, "down0", 1, "ff:ff:ff:ff:ff:ff", 0)
	r.Stop()
	s := complete(t, r)
	if s.Packets != 2 || strings.Count(told.all(), "a recorded interface is down: it sends and receives nothing") != 1 {
		t.Errorf("%d packets, want 2; told %q", s.Packets, told.all())
	}
}

// TestInterfaceGoes takes the only interface away: what it had sent is in the file,
// the user is told, and the recording ends in order.
func TestInterfaceGoes(t *testing.T) {
	private(t)
	veth(t, "gone")
	cfg := configure(t)
	cfg.Interfaces, cfg.Filter = []string{"gone0"}, tcpdump(t, "ether proto 0x88b5")
	var told messages
	cfg.Message = told.add
	r := begin(t, cfg)
	inject(t, "gone0", 3, "ff:ff:ff:ff:ff:ff", 0)
	time.Sleep(4 * blockTimeout)
	run(t, "ip", "link", "del", "gone0")
	within(t, "the message", func() bool { return strings.Contains(told.all(), "down: it") })
	r.Stop()
	s := complete(t, r)
	checkFiles(t, cfg.Capture, s)
	if s.Packets != 3 {
		t.Errorf("%d packets, want 3; told %q", s.Packets, told.all())
	}
}

// TestChooseInterfaces describes what is there and refuses what is not.
func TestChooseInterfaces(t *testing.T) {
	private(t)
	pair(t)
	run(t, "ip", "address", "add", "192.0.2.1/24", "dev", "pair0")
	t.Cleanup(func() { run(t, "ip", "address", "flush", "dev", "pair0") })
	run(t, "ip", "tuntap", "add", "choosetun", "mode", "tun")
	t.Cleanup(func() { run(t, "ip", "link", "del", "choosetun") })
	drop := func(MessageKind, string) {}
	all, err := chooseInterfaces(nil, drop)
	if err != nil {
		t.Fatal(err)
	}
	links := map[string]uint16{}
	for i, x := range all {
		if links[x.Name] = x.LinkType; i > 0 && all[i-1].Index >= x.Index {
			t.Errorf("%s is out of order", x.Name)
		}
		if x.Loopback != (x.Name == "lo") || x.Namespace != networkNamespace() || x.MTU == 0 {
			t.Errorf("%+v", x)
		}
		if x.Name == "pair0" && !slices.Contains(x.Addresses, "192.0.2.1/24") {
			t.Errorf("pair0 has the addresses %q", x.Addresses)
		}
	}
	if links["lo"] != 1 || links["pair0"] != 1 || links["choosetun"] != 101 {
		t.Errorf("link types %v", links)
	}
	two, err := chooseInterfaces([]string{"choosetun", "lo", "lo"}, drop)
	if err != nil || len(two) != 2 || two[0].Name != "lo" || two[1].Name != "choosetun" {
		t.Errorf("chose %+v, %v", two, err)
	}
}

// TestLinkTypes maps hardware to link types, and refuses what has none.
func TestLinkTypes(t *testing.T) {
	for hardware, want := range map[uint16]uint16{1: 1, 772: 1, 0xfffe: 101, 519: 101, 768: 101, 769: 101, 776: 101, 801: 105, 802: 119, 803: 127} {
		if got, ok := linkType(hardware); !ok || got != want {
			t.Errorf("hardware type %d: %d %v, want %d", hardware, got, ok, want)
		}
	}
	for _, hardware := range []uint16{0, 32, 512, 778, 824} {
		if got, ok := linkType(hardware); ok {
			t.Errorf("hardware type %d has link type %d", hardware, got)
		}
	}
}

// TestAddresses records loopback alone: the head has the addresses of all
// interfaces, and the log says what comes and goes.
func TestAddresses(t *testing.T) {
	private(t)
	pair(t)
	run(t, "ip", "address", "add", "192.0.2.1/24", "dev", "pair0")
	t.Cleanup(func() { run(t, "ip", "address", "flush", "dev", "pair0") })
	for _, told := range []bool{true, false} {
		cfg := configure(t)
		r, err := prepare(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if !told { // as where the kernel does not
			r.local.close()
			r.local.close, r.local.notices = func() {}, nil
		}
		if err := r.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		run(t, "ip", "address", "add", "192.0.2.2/24", "dev", "pair0")
		run(t, "ip", "address", "change", "192.0.2.2/24", "dev", "pair0", "valid_lft", "500", "preferred_lft", "500")
		has := func(what string) func() bool {
			return func() bool { return bytes.Contains(readFile(t, LogPath(cfg.Capture)), []byte(what)) }
		}
		within(t, "the address is in the log", has(`"change":"add","address":"192.0.2.2/24"`))
		run(t, "ip", "address", "del", "192.0.2.2/24", "dev", "pair0")
		within(t, "the address is out of the log", has(`"change":"remove","address":"192.0.2.2/24"`))
		r.Stop()
		checkFiles(t, cfg.Capture, complete(t, r))
		log := readLog(t, cfg.Capture)
		if head := log[0]; !slices.Contains(head.Addresses, "192.0.2.1/24") || !slices.Contains(head.Addresses, "127.0.0.1/8") || len(head.Interfaces) != 1 {
			t.Errorf("the head has the addresses %q and %d interfaces", head.Addresses, len(head.Interfaces))
		}
		var changes []string
		for _, l := range log {
			if l.Event == "address" && strings.HasPrefix(l.Address, "192.") {
				changes = append(changes, l.Change+" "+l.Address+" "+l.Name)
			}
		}
		if got := strings.Join(changes, ", "); got != "add 192.0.2.2/24 pair0, remove 192.0.2.2/24 pair0" {
			t.Errorf("told by the kernel %v: %q", told, got)
		}
	}
}
