package ingest

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// headers is what both tshark and we tell of a packet; fields that do not
// apply are empty.
type headers struct {
	Time, Captured, Wire        string
	Source, Destination         string
	Protocol                    string // number of what IP carries
	Fragment                    string // offset in bytes; "" = no fragment
	SourcePort, DestinationPort string
	Flags, Seq, Ack, Window     string // TCP
	Payload                     string // TCP and UDP
}

// unread are the link types that we do not read, or not all frames of: the
// packets stay undecoded, and are counted as that.
var unread = map[uint16]string{
	104: "Cisco HDLC", 107: "frame relay", 127: "802.11 with an HT control field, which gopacket does not skip", 129: "ARCNET",
	149: "user-defined", 178: "Juniper", 192: "PPI", 195: "802.15.4", 226: "IPNET", 239: "NFLOG", 242: "IP over InfiniBand", 258: "PKTAP",
}

// unlike are captures of which tshark tells something else than we do.
var unlike = map[string]string{
	"libpcap/tests/filter/ipv6_ext_headers.pcap":     "a hundred extension headers; we follow 16",
	"tcpdump/tests/LINKTYPE_IPV4_invalid.pcap":       "IPv6 under the link type of IPv4: we look at the version",
	"tcpdump/tests/LINKTYPE_IPV6_invalid.pcap":       "IPv4 under the link type of IPv6: we look at the version",
	"tcpdump/tests/ipv4_invalid_length.pcap":         "cut inside the IP header: we need it whole",
	"tcpdump/tests/ipv6_invalid_length.pcap":         "cut inside the IP header: we need it whole",
	"tcpdump/tests/ipv6_39_byte_header.pcap":         "cut inside the IP header: we need it whole",
	"tcpdump/tests/ipv4_invalid_total_length_2.pcap": "a total length below that of the header, the rest is whole",
	"tcpdump/tests/ipv6_frag6_negative_len.pcap":     "payload length 0 in a fragment, taken for a super-packet",
	"tcpdump/tests/tcp_header_heapoverflow.pcap":     "a TCP header cut before its flags: we need them",
}

// TestTshark compares every packet of the captures with tshark: mergecap joins
// the files, and we read them one after the other.
func TestTshark(t *testing.T) {
	dir, files := corpora(t)
	tshark, mergecap := need.Tool(t, "tshark"), need.Tool(t, "mergecap")
	var paths []string
	for path, row := range files {
		if row["capinfos_exit"] == "0" && row["duplicate_of"] == "" && otherwise[path] == "" && row["Number of packets"] != "0" {
			paths = append(paths, filepath.Join(dir, path))
		}
	}
	slices.Sort(paths)
	packets, different := 0, map[string]bool{}
	for chunk := range slices.Chunk(paths, 250) { // mergecap opens all at once
		merged := filepath.Join(t.TempDir(), "merged.pcapng")
		if out, err := exec.Command(mergecap, append([]string{"-a", "-F", "pcapng", "-w", merged}, chunk...)...).CombinedOutput(); err != nil {
			t.Fatalf("mergecap: %v: %s", err, out)
		}
		want := dissected(t, tshark, merged)
		c := open(t, chunk...)
		all, err := drain(c, 1000)
		if err != io.EOF || len(all) != len(want) {
			t.Fatalf("%d packets, %v; tshark has %d", len(all), err, len(want))
		}
		packets += len(all)
		for i := range all {
			p := &all[i]
			link := c.Interfaces()[p.Interface]
			name, err := filepath.Rel(dir, c.Files()[link.File].Name)
			must(t, err)
			got, theirs := ours(p), want[i].headers(p, link.LinkType)
			if got == theirs {
				continue
			}
			different[name] = true
			if unlike[filepath.ToSlash(name)] == "" && !strings.HasPrefix(filepath.Base(name), "bigtcp-") { // lengths above 65,535, new in Wireshark 4.2
				t.Errorf("%s (%s):\n%s", name, want[i]["frame.protocols"], cmp.Diff(theirs, got))
			}
		}
	}
	for name, why := range unlike {
		if !different[filepath.FromSlash(name)] {
			t.Errorf("%s is like tshark's, expected: %s", name, why)
		}
	}
	t.Logf("%d packets of %d files", packets, len(paths))
}

// ours is what we tell.
func ours(p *packet.Packet) headers {
	h := headers{Time: fmt.Sprintf("%d.%09d", p.Time/1e9, p.Time%1e9), Captured: fmt.Sprint(p.CapturedLength), Wire: fmt.Sprint(p.WireLength)}
	if p.Class < packet.Network {
		return h
	}
	h.Source, h.Destination, h.Protocol = p.Tuple.Source.String(), p.Tuple.Destination.String(), fmt.Sprint(uint8(p.Tuple.Protocol))
	if p.Fragmented {
		h.Fragment = fmt.Sprint(p.FragmentOffset)
	}
	if p.Class < packet.Transport {
		return h
	}
	h.SourcePort, h.DestinationPort = fmt.Sprint(p.Tuple.SourcePort), fmt.Sprint(p.Tuple.DestinationPort)
	if p.Tuple.Protocol == flow.TCP {
		h.Flags, h.Seq, h.Ack, h.Window = fmt.Sprint(p.TCPFlags), fmt.Sprint(p.Seq), fmt.Sprint(p.Ack), fmt.Sprint(p.Window)
	}
	if p.Tuple.Protocol != flow.SCTP {
		h.Payload = fmt.Sprint(p.Payload)
	}
	return h
}

// fields are what tshark is asked for; of several of a name it tells the
// first, the outermost.
var tsharkFields = []string{
	"frame.time_epoch", "frame.cap_len", "frame.len", "frame.protocols",
	"ip.src", "ip.dst", "ip.proto", "ip.frag_offset", "ip.flags.mf", "ip.len", "ip.hdr_len",
	"ipv6.src", "ipv6.dst", "ipv6.nxt", "ipv6.plen", "ipv6.fraghdr.offset", "ipv6.fraghdr.more",
	"tcp.srcport", "tcp.dstport", "tcp.flags", "tcp.seq_raw", "tcp.ack_raw", "tcp.window_size_value", "tcp.len",
	"udp.srcport", "udp.dstport", "udp.length", "sctp.srcport", "sctp.dstport",
}

// dissection is what tshark tells of one packet, by the names of its fields.
type dissection map[string]string

// dissected runs tshark, with everything off that puts packets together.
func dissected(t testing.TB, tshark, path string) (all []dissection) {
	t.Helper()
	args := []string{"-n", "-r", path, "-T", "fields", "-E", "occurrence=f",
		"-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE"}
	for _, f := range tsharkFields {
		args = append(args, "-e", f)
	}
	cmd := exec.Command(tshark, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark: %v: %s", err, stderr.Bytes())
	}
	for line := range strings.Lines(string(out)) {
		d := dissection{}
		for i, cell := range strings.Split(strings.TrimSuffix(line, "\n"), "\t") {
			d[tsharkFields[i]] = cell
		}
		all = append(all, d)
	}
	return all
}

// headers is what tshark tells of the outermost IP header and of what follows
// it, as far as p is about that.
func (d dissection) headers(p *packet.Packet, link uint16) headers {
	h := headers{Time: d["frame.time_epoch"], Captured: d["frame.cap_len"], Wire: d["frame.len"]}
	layers := strings.Split(d["frame.protocols"], ":")
	i := slices.IndexFunc(layers, func(l string) bool { return l == "ip" || l == "ipv6" })
	switch {
	case i < 0, p.Class == packet.Undecoded && unread[link] != "":
		return h
	case p.Class == packet.Link && slices.ContainsFunc(layers[:i], func(l string) bool { return l == "nsh" || l == "macsec" || l == "avsp" || l == "cmd" }):
		return h // tunnels of Ethernet
	}
	v := layers[i]
	h.Source, h.Destination = d[v+".src"], d[v+".dst"]
	if v == "ip" {
		h.Protocol, h.Fragment = d["ip.proto"], fragment(d["ip.frag_offset"], d["ip.flags.mf"])
	} else {
		h.Protocol = d["ipv6.nxt"]
	}
	for i++; v == "ipv6" && i < len(layers) && (strings.HasPrefix(layers[i], "ipv6.") || layers[i] == "ah"); i++ {
		h.Protocol = fmt.Sprint(uint8(p.Tuple.Protocol)) // told by the last extension header; ports show whether it is right
		if layers[i] == "ipv6.fraghdr" {
			h.Fragment = fragment(d["ipv6.fraghdr.offset"], d["ipv6.fraghdr.more"])
		}
	}
	if i == len(layers) {
		return h
	}
	switch l := layers[i]; l {
	case "tcp", "udp", "sctp":
		h.SourcePort, h.DestinationPort = d[l+".srcport"], d[l+".dstport"]
	}
	switch layers[i] {
	case "tcp":
		h.Flags, h.Seq, h.Ack, h.Window, h.Payload = fmt.Sprint(number(d["tcp.flags"])&0xff), d["tcp.seq_raw"], d["tcp.ack_raw"], d["tcp.window_size_value"], d["tcp.len"]
		if h.Payload == "" { // not told of a fragment, nor beyond the frame
			h.Payload = fmt.Sprint(p.Payload)
		}
	case "udp":
		h.Payload = d.udpPayload(v, p)
	}
	return h
}

// fragment returns the offset in bytes; "" for a packet that is none, or is
// all that there is.
func fragment(offset, more string) string {
	if number(offset) == 0 && more != "1" {
		return ""
	}
	return fmt.Sprint(number(offset) * 8)
}

// udpPayload is what UDP's length says, or IP's or the frame's where that is
// less: tshark tells UDP's alone.
func (d dissection) udpPayload(v string, p *packet.Packet) string {
	n := number(d["udp.length"]) - 8
	if n < 0 { // none is told: a jumbogram, or malformed
		n = math.MaxInt64
	}
	if length := number(d["ip.len"]); v == "ip" && length != 0 {
		n = min(n, length-number(d["ip.hdr_len"])-8)
	} else if plen := number(d["ipv6.plen"]); v == "ipv6" && plen != 0 {
		n = min(n, plen-8)
	}
	if int64(p.Payload) < n && n > int64(p.WireLength)-42 {
		n = int64(p.Payload)
	}
	return fmt.Sprint(n)
}

// number reads what tshark writes, 0 where it writes nothing.
func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 0, 64)
	return n
}
