package filter

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
	"pgregory.net/rapid"
)

func address(text string) []byte { return netip.MustParseAddr(text).AsSlice() }

func mac(text string) []byte {
	b, err := net.ParseMAC(wide(text))
	if err != nil {
		panic(err)
	}
	return b
}

// needTcpdump skips where the oracle is missing, but in CI.
func needTcpdump(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("tcpdump"); err != nil && os.Getenv("PCAPWHO_CI") == "" {
		t.Skip("tcpdump is not installed")
	}
}

// oracle is the program that tcpdump makes; its error is what tcpdump says.
func oracle(t testing.TB, expression string, l link, flags ...string) ([]bpf.RawInstruction, error) {
	t.Helper()
	name := [...]string{ethernet: "EN10MB", rawIP: "RAW"}[l]
	var failed strings.Builder
	cmd := exec.Command("tcpdump", append(flags, "-ddd", "-s", "262144", "-y", name, "--", expression)...)
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, failed.String())
	}
	program, err := Parse(strings.NewReader(string(out)))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return program, nil
}

// machine runs a program.
func machine(t testing.TB, program []bpf.RawInstruction) *bpf.VM {
	t.Helper()
	program = slices.Clone(program)
	for i, in := range program {
		if in.Op == 0x84 { // neg, which x/net's machine lacks
			program[i] = bpf.RawInstruction{Op: 0x24, K: 1<<32 - 1} // mul #-1
		}
	}
	list, ok := bpf.Disassemble(program)
	if !ok {
		t.Fatalf("cannot be disassembled: %v", program)
	}
	vm, err := bpf.NewVM(list)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

func accepts(t testing.TB, vm *bpf.VM, frame []byte) bool {
	t.Helper()
	n, err := vm.Run(frame)
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}

// compare runs ours and tcpdump's program over many frames, and returns how many
// were accepted. The optimizer of libpcap leaves out loads whose value cannot
// matter, so that what is cut may pass: only its plain program decides there.
func compareWithTcpdump(t testing.TB, expression string, l link, seed uint64, frames int) (accepted int) {
	t.Helper()
	ours, err := compile(expression, l)
	if err != nil {
		t.Fatalf("%q: %v", expression, err)
	}
	theirs, err := oracle(t, expression, l, "-O")
	if err != nil {
		t.Fatalf("%q: %v", expression, err)
	}
	mine, plain := machine(t, ours), machine(t, theirs)
	d := draws{rand.New(rand.NewPCG(seed, 1))}
	for range frames {
		frame := d.frame(l)
		got, want := accepts(t, mine, frame), accepts(t, plain, frame)
		if got != want {
			t.Fatalf("%q, %d: frame %x: accepted = %v, tcpdump's = %v\nours %v\ntheirs %v", expression, l, frame, got, want, ours, theirs)
		}
		if got {
			accepted++
		}
	}
	return accepted
}

// expressions are of every primitive and way to join them.
func expressions() []string {
	return []string{
		"ip", "ip6", "arp", "rarp", "tcp", "udp", "icmp", "icmp6", "sctp", "igmp", "esp", "ah", "pim", "vrrp", "not ip", "! tcp",
		"host 10.0.0.1", "src host 10.0.0.1", "dst host 10.0.0.1", "src or dst host 10.0.0.1", "src and dst host 127.0.0.1", "dst or src host 10.0.0.1",
		"ip host 10.0.0.1", "arp host 10.0.0.1", "rarp src host 10.0.0.2", "src 10.0.0.1", "ip dst 10.0.0.2", "host ::1", "ip6 host fe80::1", "src host 2001:db8::2", "dst ff02::1",
		"net 10", "net 10.1", "net 10.0.0.0/8", "net 10.0.0.0/30", "src net 10.0.0.0/24", "net 10.0.0.0 mask 255.255.255.0", "net 0.0.0.0/0", "arp net 10.1.2", "net 10.1.2.3",
		"net 2001:db8::/32", "net fe80::/10", "src net ::/0", "dst net ff00::/8", "net ::1", "net ::/33", "net ::/127",
		"port 80", "src port 80", "dst port 443", "tcp port 80", "udp port 53", "sctp port 8080", "tcp dst port 80", "udp src port 53", "port 0", "port 65535",
		"src and dst port 80", "src or dst port 53", "tcp src and dst port 443",
		"portrange 50-90", "tcp portrange 80-443", "udp dst portrange 0-53", "portrange 443-80", "portrange 80", "src and dst portrange 50-500",
		"port 80 or 443", "port 80 or 443 and host 10.0.0.1", "not port 80 or 443", "port 80 or not 443", "port (80 or 443 or 53)", "not (port 80 or 443)", "host 10.0.0.1 or ::1",
		"src port 80 or 443 or dst port 53", "tcp and port (80 or 443)", "(tcp or udp) and not net 10.0.0.0/8", "host not 10.0.0.1", "host ! 10.0.0.1 and 10.0.0.2",
		"tcp port 80 or udp port 53 and host 10.0.0.1", "tcp || udp && ip6", "!(tcp && ip)", "((tcp))", "not not tcp",
		"proto 6", "ip proto 17", "ip6 proto 58", `ip proto \tcp`, `proto \udp`, "proto 44", "ip6 proto 44", "ip proto 1 or 6", "ether proto 0x86dd", `ether proto \arp`, "ether proto 2048", "ether proto 0x88cc",
		"ether host 02:00:00:00:00:01", "ether src 02:00:00:00:00:01", "ether dst ff:ff:ff:ff:ff:ff", "ether host 2:0:0:0:0:1", "ether src and dst 00:00:00:00:00:00", "not ether host 02:00:00:00:00:01",
		"ether broadcast", "broadcast", "multicast", "ether multicast", "ip multicast", "ip6 multicast", "ip multicast or ip6 multicast",
		"less 60", "greater 80", "len > 70", "len <= 60", "len = 64", "less 60 or greater 70", "50 < len", "len - 14 >= 40", "len*2 > 140",
		"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "tcp[tcpflags] & tcp-syn != 0 and not src port 80", "tcp[13] = 2", "tcp[tcpflags] == tcp-syn|tcp-ack",
		"icmp[icmptype] = icmp-echo", "icmp[icmptype] != icmp-echoreply", "icmp6[icmp6type] = icmp6-echo", "icmp6[0] > 5", "udp[0:2] = 53", "udp[4:2] > 20", "sctp[0:2]<100", "igmp[0] != 0",
		"ip[8] < 64", "ip[0] & 0xf != 5", "ip[6:2] & 0x1fff = 0", "ip[2:2] > 100", "ip6[6] = 6", "ip6[40:2] = 80", "arp[6:2] = 1", "ether[0] & 1 = 0 and ip[16] >= 224", "ether[12:2] = 0x0800",
		"tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)", "ip[12:4] = 0x0a000001", "ip[ip[0] & 3] = 0", "tcp[(tcp[12] >> 4) * 4] = 0", "udp[ip[9]] > 3", "ip[ip[9]] = 0",
		"ip[0] + ip[1] > ip[2] * 2", "ip[3] / ip[4] = 2", "(ip[3] % (ip[4] | 1)) = 0", "(ip[3] ^ ip[4]) = 0", "-ip[3] > 0", "ip[3] << (ip[4] & 7) > 1000", "1 = 1", "2 > 3", "not 1 = 2", "(1 = 1)", "(tcp[0]) = 0",
		"ip[2:2] = 010", "ip[1] = 0x0", "tcp[0:4] != 0", "not tcp[0] = 0", "(ip[8] = ip[9]) or tcp", "ip[8] <= (3 + 4) * 5",
		"tcp and ip6 or udp and ip", "ip or ip6 and not (port 53 or icmp or icmp6) or arp",
	}
}

// Every primitive accepts what tcpdump's does, whole and cut, with both links.
func TestAsTcpdump(t *testing.T) {
	needTcpdump(t)
	for n, expression := range expressions() {
		for _, l := range []link{ethernet, rawIP} {
			if l == rawIP && (strings.Contains(expression, "ether") || strings.HasSuffix(expression, "cast") && !strings.HasPrefix(expression, "ip")) {
				continue // which tcpdump refuses
			}
			accepted := compareWithTcpdump(t, expression, l, uint64(n), 1500)
			if l == ethernet && (accepted == 0) != (expression == "2 > 3") {
				t.Errorf("%q accepted %d of the frames: the test proves nothing", expression, accepted)
			}
		}
	}
}

// drawn draws an expression.
func drawn(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		pick := func(of ...string) string { return rapid.SampledFrom(of).Draw(t, "word") }
		if depth > 0 && rapid.IntRange(0, 2).Draw(t, "joined") > 0 {
			a, b := drawn(depth-1).Draw(t, "a"), drawn(depth-1).Draw(t, "b")
			return pick(a+" and "+b, a+" or "+b, "not "+a, "("+a+" or "+b+")", "("+a+") && !("+b+")", "not ("+a+" and "+b+")", a+" || "+b)
		}
		side := pick("", "src ", "dst ", "src or dst ", "src and dst ")
		four, six := pick(addresses4()...), pick(addresses6()...)
		port := func() string { return fmt.Sprint(rapid.SampledFrom(ports()).Draw(t, "port")) }
		switch rapid.IntRange(0, 8).Draw(t, "kind") {
		case 0:
			return pick("ip", "ip6", "arp", "rarp", "tcp", "udp", "icmp", "icmp6", "sctp")
		case 1:
			return pick("", "ip ", "arp ") + side + "host " + four
		case 2:
			return pick("", "ip6 ") + side + "host " + six
		case 3:
			bits := rapid.IntRange(0, 128).Draw(t, "bits")
			return side + "net " + netip.PrefixFrom(netip.MustParseAddr(six), bits).Masked().String()
		case 4:
			bits := rapid.IntRange(0, 32).Draw(t, "bits")
			return side + "net " + netip.PrefixFrom(netip.MustParseAddr(four), bits).Masked().String()
		case 5:
			return pick("", "tcp ", "udp ", "sctp ") + side + pick("port "+port(), "portrange "+port()+"-"+port(), "port "+port()+" or "+port(), "port ("+port()+" or "+port()+")")
		case 6:
			return pick("", "ip ", "ip6 ") + "proto " + fmt.Sprint(rapid.SampledFrom([]int{1, 6, 17, 44, 58, 132, 200}).Draw(t, "proto"))
		case 7:
			return pick("less ", "greater ") + fmt.Sprint(rapid.IntRange(20, 120).Draw(t, "length"))
		}
		names := []string{"ip", "ip6", "arp", "tcp", "udp", "icmp", "icmp6", "sctp"}
		return drawnNumber(pick(names...), false, 2).Draw(t, "left") + pick(" = ", " != ", " > ", " < ", " >= ", " <= ") + drawnNumber(pick(names...), false, 1).Draw(t, "right")
	})
}

// drawnNumber draws an arithmetic expression of one protocol, which the first number
// reads: of what is right of an operator libpcap does not look whether the frame
// has it.
func drawnNumber(name string, first bool, depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if depth > 0 && rapid.Bool().Draw(t, "joined") {
			a, b := drawnNumber(name, true, depth-1).Draw(t, "a"), drawnNumber(name, false, depth-1).Draw(t, "b")
			switch op := rapid.SampledFrom([]string{"+", "-", "*", "/", "&", "|", "^", "%"}).Draw(t, "operator"); op {
			case "^": // whose rank libpcap's grammar leaves open, as that of %: brackets around all
				return "((" + a + ") ^ (" + b + "))"
			case "/", "%": // libpcap takes a number read at offset 0 for zero
				return "((" + a + ") " + op + " (1 + " + b + "))"
			default:
				return a + " " + op + " " + b
			}
		}
		at := rapid.IntRange(0, 45).Draw(t, "offset")
		size := rapid.SampledFrom([]string{"", ":1", ":2", ":4"}).Draw(t, "size")
		switch kind := rapid.IntRange(0, 4).Draw(t, "kind"); {
		case first || kind > 2:
			return fmt.Sprintf("%s[%d%s]", name, at, size)
		case kind == 0:
			return "len"
		}
		return fmt.Sprint(rapid.Uint32Range(0, 300).Draw(t, "number"))
	})
}

// Drawn expressions accept what tcpdump's do, and say the same of every frame
// through tcpdump's optimizer, where the frame is whole.
func TestDrawnAsTcpdump(t *testing.T) {
	needTcpdump(t)
	refused, compared := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		expression := drawn(2).Draw(r, "expression")
		l := rapid.SampledFrom([]link{ethernet, rawIP}).Draw(r, "link")
		_, ours := compile(expression, l)
		_, theirs := oracle(t, expression, l, "-O")
		if ours != nil || theirs != nil {
			if ours == nil && !strings.Contains(theirs.Error(), "expression rejects all packets") || theirs == nil {
				r.Fatalf("%q: ours %v, tcpdump's %v", expression, ours, theirs)
			}
			refused++
			return
		}
		compared++
		compareWithTcpdump(t, expression, l, rapid.Uint64().Draw(r, "seed"), 300)
	})
	if t.Logf("%d compared, %d refused by both", compared, refused); compared < refused {
		t.Error("most expressions are refused: the test proves nothing")
	}
}
