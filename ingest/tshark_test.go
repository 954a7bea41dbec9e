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

// unlike are captures of which tshark tells something else than we do.
var unlike = map[string]string{
	"libpcap/tests/filter/ipv6_ext_headers.pcap":     "a hundred extension headers; we follow 16",
	"tcpdump/tests/LINKTYPE_IPV6_invalid.pcap":       "IPv4 under the link type of IPv6: we look at the version",
	"tcpdump/tests/ipv4_invalid_length.pcap":         "cut inside the IP header: we need it whole",
	"tcpdump/tests/ipv6_invalid_length.pcap":         "cut inside the IP header: we need it whole",
	"tcpdump/tests/ipv6_39_byte_header.pcap":         "cut inside the IP header: we need it whole",
	"tcpdump/tests/ipv4_invalid_total_length_2.pcap": "a total length below that of the header, the rest is whole",
	"tcpdump/tests/ipv6_frag6_negative_len.pcap":     "payload length 0 in a fragment, taken for a super-packet",
	"tcpdump/tests/tcp_header_heapoverflow.pcap":     "a TCP header cut before its flags: we need them",

	"arkime/tests/pcap/arkime_synthetic.pcap":              "Geneve and VXLAN-GPE from a tunnel's port: we look at the port they are sent to",
	"tcpdump/tests/arista_ether.pcap":                      "a version of Arista's time stamp that tshark does not know",
	"tcpdump/tests/vxlan_port_8472.pcap":                   "VXLAN at Linux's port, which is another protocol's for tshark",
	"tcpdump/tests/bad-ipv4-version-pgm-heapoverflow.pcap": "IPv6 in IPv4 without a version 6",
	"tcpdump/tests/kday1.pcap":                             "IPv6 in IPv4 without a version 6",
	"tcpdump/tests/kday3.pcap":                             "IPv6 in IPv4 without a version 6",
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
	packets, different, found := 0, map[string]bool{}, map[string]bool{}
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
			got, theirs := ours(p), want[i].headers(t, p, found)
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
	for name, why := range contain {
		if !found[name] {
			t.Errorf("tshark finds no IP in %s, expected: %s", name, why)
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

// tsharkFields are what tshark is asked for; of several of a name it tells all,
// from the outermost on.
var tsharkFields = []string{
	"frame.time_epoch", "frame.cap_len", "frame.len", "frame.protocols",
	"ip.src", "ip.dst", "ip.proto", "ip.frag_offset", "ip.flags.mf", "ip.len", "ip.hdr_len",
	"ipv6.src", "ipv6.dst", "ipv6.nxt", "ipv6.plen", "ipv6.fraghdr.offset", "ipv6.fraghdr.more",
	"tcp.srcport", "tcp.dstport", "tcp.flags", "tcp.seq_raw", "tcp.ack_raw", "tcp.window_size_value", "tcp.len",
	"udp.srcport", "udp.dstport", "udp.length", "sctp.srcport", "sctp.dstport",
}

// dissection is what tshark tells of one packet, by the names of its fields.
type dissection map[string]string

// nth returns field f of the nth layer that has it, "" where there is none.
func (d dissection) nth(f string, n int) string {
	if all := strings.Split(d[f], ","); n < len(all) {
		return all[n]
	}
	return ""
}

// dissected runs tshark, with everything off that puts packets together.
func dissected(t testing.TB, tshark, path string) (all []dissection) {
	t.Helper()
	args := []string{"-n", "-r", path, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,",
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

// carriers are the layers through which we follow a packet: link layers, and
// tunnels. What other protocols contain is theirs, such as what sFlow samples.
var carriers = strings.Fields(`eth ethertype vlan ieee8021ad sll null raw pktap pcap_pktdata
	llc wlan wlan_radio radiotap ppi wlan_aggregate arcnet clip ipnet ipoib nflog juniper fr chdlc ppp pppoes
	ip ipv6 ah mpls pwethheuristic pwethcw gre erspan cmd etherip vxlan geneve gtp nsh macsec avsp`)

// carrier tells whether layer i leads on.
func carrier(layers []string, i int) bool {
	if layers[i] == "udp" { // a datagram's payload is its own, but for tunnels
		return i+1 < len(layers) && slices.Contains([]string{"vxlan", "geneve", "gtp", "mpls", "nsh", "ip"}, layers[i+1])
	}
	return slices.Contains(carriers, layers[i]) || strings.HasPrefix(layers[i], "ipv6.")
}

// contain are the protocols that tshark finds IP in, and we do not.
var contain = map[string]string{
	"icmp":     "an error quotes the packet that it is about",
	"icmpv6":   "an error quotes the packet that it is about",
	"pim":      "a message of routers to each other, which has a multicast packet in it",
	"sflow":    "samples of packets that others sent",
	"tcp":      "OpenFlow: a switch hands a packet to its controller",
	"nhrp":     "an error quotes the packet that it is about",
	"ipcomp":   "compressed: tshark guesses",
	"user_dlt": "PKTAP under a number that is free for anybody",
	"wpan":     "802.15.4 with compressed headers (6LoWPAN)",
}

// within wants a reason where there is IP in what is no carrier.
func within(t *testing.T, layers []string, found map[string]bool) {
	t.Helper()
	if layers[0] == "udp" {
		layers = layers[1:]
	}
	if !slices.Contains(layers, "ip") && !slices.Contains(layers, "ipv6") {
		return
	}
	found[layers[0]] = true
	if contain[layers[0]] == "" {
		t.Errorf("tshark finds IP in %q", layers)
	}
}

// headers is what tshark tells of the innermost IP header and of what follows
// it, as far as p is about that.
func (d dissection) headers(t *testing.T, p *packet.Packet, found map[string]bool) headers {
	t.Helper()
	h := headers{Time: d["frame.time_epoch"], Captured: d["frame.cap_len"], Wire: d["frame.len"]}
	layers := strings.Split(d["frame.protocols"], ":")
	v, n, at, seen := "", 0, 0, map[string]int{} // the IP version, how many of it are further out, where it is
	for i, l := range layers {
		if l == "ip" || l == "ipv6" {
			v, n, at = l, seen[l], i
		}
		if !carrier(layers, i) {
			within(t, layers[i:], found)
			break
		}
		seen[l]++
	}
	if v == "" {
		return h
	}
	h.Source, h.Destination = d.nth(v+".src", n), d.nth(v+".dst", n)
	if v == "ip" {
		h.Protocol, h.Fragment = d.nth("ip.proto", n), fragment(d.nth("ip.frag_offset", n), d.nth("ip.flags.mf", n))
	} else {
		h.Protocol = d.nth("ipv6.nxt", n)
	}
	i := at + 1
	for ; i < len(layers) && (strings.HasPrefix(layers[i], "ipv6.") || layers[i] == "ah"); i++ {
		h.Protocol = fmt.Sprint(uint8(p.Tuple.Protocol)) // told by the last extension header; ports show whether it is right
		if layers[i] == "ipv6.fraghdr" {
			k := seen["ipv6.fraghdr"] - 1
			h.Fragment = fragment(d.nth("ipv6.fraghdr.offset", k), d.nth("ipv6.fraghdr.more", k))
		}
	}
	if i < len(layers) {
		outer := 0
		for _, l := range layers[:i] {
			if l == layers[i] {
				outer++
			}
		}
		d.transport(&h, layers[i], outer, p)
		if layers[i] == "udp" {
			h.Payload = d.udpPayload(v, n, outer, p)
		}
	}
	return h
}

// transport adds what tshark tells of the nth transport header l.
func (d dissection) transport(h *headers, l string, n int, p *packet.Packet) {
	switch l {
	case "tcp", "udp", "sctp":
		h.SourcePort, h.DestinationPort = d.nth(l+".srcport", n), d.nth(l+".dstport", n)
	}
	if l != "tcp" {
		return
	}
	h.Flags, h.Seq, h.Ack = fmt.Sprint(number(d.nth("tcp.flags", n))&0xff), d.nth("tcp.seq_raw", n), d.nth("tcp.ack_raw", n)
	h.Window, h.Payload = d.nth("tcp.window_size_value", n), d.nth("tcp.len", n)
	if h.Payload == "" { // not told of a fragment, nor beyond the frame
		h.Payload = fmt.Sprint(p.Payload)
	}
}

// fragment returns the offset in bytes; "" for a packet that is none, or is
// all that there is.
func fragment(offset, more string) string {
	if number(offset) == 0 && more != "1" {
		return ""
	}
	return fmt.Sprint(number(offset) * 8)
}

// udpPayload is what the nth UDP header's length says, or that of the nth IP
// header or the frame's where that is less: tshark tells UDP's alone.
func (d dissection) udpPayload(v string, ip, udp int, p *packet.Packet) string {
	n := number(d.nth("udp.length", udp)) - 8
	if n < 0 { // none is told: a jumbogram, or malformed
		n = math.MaxInt64
	}
	if length := number(d.nth("ip.len", ip)); v == "ip" && length != 0 {
		n = min(n, length-number(d.nth("ip.hdr_len", ip))-8)
	} else if plen := number(d.nth("ipv6.plen", ip)); v == "ipv6" && plen != 0 {
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
