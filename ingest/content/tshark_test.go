package content

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// datagrams writes a capture of raw IPv4 (pcap, link type 101) in which two datagrams in a
// row are of one connection, from a port on.
func datagrams(t *testing.T, from uint16, all [][]byte) string {
	t.Helper()
	le := binary.LittleEndian
	var b []byte
	for _, v := range []uint32{0xa1b2c3d4, 4<<16 | 2, 0, 0, 1 << 16, 101} {
		b = le.AppendUint32(b, v)
	}
	for i, d := range all {
		p := []byte{0x45, 0}
		p = be.AppendUint16(p, uint16(28+len(d)))
		p = append(p, 0, 0, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1)
		p = be.AppendUint16(be.AppendUint16(p, from+uint16(i/2)), 443)
		p = append(be.AppendUint16(p, uint16(8+len(d))), 0, 0)
		p = append(p, d...)
		for _, v := range []uint32{uint32(i), 0, uint32(len(p)), uint32(len(p))} {
			b = le.AppendUint32(b, v)
		}
		b = append(b, p...)
	}
	path := filepath.Join(t.TempDir(), "quic.pcap")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What our packets of QUIC say is what tshark reads in them: the protection is the right
// one, for the versions that tshark knows.
func TestQUICTshark(t *testing.T) {
	tshark := need.Tool(t, "tshark")
	all := initials(t)
	out, err := exec.Command(tshark, "-n", "-r", datagrams(t, 40000, all), "-T", "fields", "-e", "quic.version", "-e", "tls.handshake.extensions_server_name", "-e", "tls.handshake.extensions_alpn_str").Output()
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); strings.Contains(line, "example") {
			said = append(said, line)
		}
	}
	for _, want := range []string{"0x00000001\tquic.example\th3", "0xff00001d\tquic.example\th3"} {
		if !strings.Contains(strings.Join(said, "\n"), want) {
			t.Errorf("tshark tells %q, without %q", said, want)
		}
	}
}

// answered returns the addresses that our parser finds in the datagrams of a capture, by
// frame number, and the name that they have.
func answered(t *testing.T, path string) (addresses map[string][]string, names map[string]string) {
	t.Helper()
	c, err := ingest.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := c.Stream(context.Background(), 1, 1)
	defer s.Close()
	addresses, names = map[string][]string{}, map[string]string{}
	for {
		b, err := s.Next()
		if errors.Is(err, io.EOF) {
			return addresses, names
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Packets {
			p := &b.Packets[i]
			if p.Held == 0 || p.Tuple.Protocol != 17 || DNSPort(p.Tuple.SourcePort) == Unrecognized {
				continue
			}
			frame := fmt.Sprint(b.First + uint64(i))
			for _, n := range Answers(nil, b.Body(p)) {
				addresses[frame] = append(addresses[frame], n.Address.String())
				names[frame] = connlog.Unescape(n.Name)
			}
		}
		b.Done()
	}
}

// compareAnswers compares a capture with what tshark tells of its datagrams of DNS: where
// all records of a message are answers, the same addresses, else no others.
func compareAnswers(t *testing.T, tshark, path string) (equal int) {
	t.Helper()
	addresses, names := answered(t, path)
	cmd := exec.Command(tshark, "-n", "-r", path, "-Y", "(udp.srcport == 53 || udp.srcport == 5353 || udp.srcport == 5355) && !icmp && dns.flags.response == 1", "-T", "fields", "-E", "occurrence=a",
		"-e", "frame.number", "-e", "dns.flags.rcode", "-e", "dns.count.auth_rr", "-e", "dns.count.add_rr", "-e", "dns.qry.name", "-e", "dns.a", "-e", "dns.aaaa")
	out, err := cmd.Output()
	if err != nil {
		t.Logf("tshark %s: %v", path, err) // a capture that was cut
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		theirs := strings.FieldsFunc(f[5]+","+f[6], func(r rune) bool { return r == ',' })
		ours := addresses[f[0]]
		delete(addresses, f[0])
		switch {
		case f[1] != "0" && len(ours) == 0: // an error that has addresses names nobody
		case f[2] == "0" && f[3] == "0" && !slices.Equal(slices.Sorted(slices.Values(ours)), slices.Sorted(slices.Values(theirs))):
			t.Errorf("%s %s: addresses %v, tshark tells %v", path, f[0], ours, theirs)
		case slices.ContainsFunc(ours, func(a string) bool { return !slices.Contains(theirs, a) }):
			t.Errorf("%s %s: addresses %v, tshark tells %v", path, f[0], ours, theirs)
		case len(ours) > 0 && f[4] != "" && !strings.EqualFold(names[f[0]], strings.Split(f[4], ",")[0]):
			t.Errorf("%s %s: %q, tshark tells %q", path, f[0], names[f[0]], f[4])
		case len(ours) > 0:
			equal++
		}
	}
	for frame, a := range addresses {
		t.Errorf("%s %s: addresses %v, and tshark finds no answer", path, frame, a)
	}
	return equal
}

// Answers name the addresses that tshark finds in them.
func TestAnswersTshark(t *testing.T) {
	tshark := need.Tool(t, "tshark")
	var all [][]byte
	name, alias := dnsmessage.MustNewName("www.example."), dnsmessage.MustNewName("cdn.example.")
	for n := range 4 {
		m := dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}}
		add := func(owner dnsmessage.Name, body dnsmessage.ResourceBody) {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: owner, Class: dnsmessage.ClassINET, TTL: 9}, Body: body})
		}
		add(name, &dnsmessage.CNAMEResource{CNAME: alias})
		for k := range n {
			add(alias, &dnsmessage.AResource{A: [4]byte{192, 0, 2, byte(k)}})
			add(alias, &dnsmessage.AAAAResource{AAAA: [16]byte{0x20, 1, 0xd, 0xb8, 15: byte(k)}})
			add(alias, &dnsmessage.TXTResource{TXT: []string{"x"}})
		}
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b, b)
	}
	if n := compareAnswers(t, tshark, datagrams(t, 53, all[2:4])); n != 2 {
		t.Errorf("%d answers, want 2", n)
	}
	if n := compareAnswers(t, tshark, datagrams(t, 53, all[6:8])); n != 2 {
		t.Errorf("%d answers, want 2", n)
	}
}

// So they do in captures of third parties.
func TestAnswersCorpora(t *testing.T) {
	dir, tshark := need.Env(t, need.Corpora, "a folder of third-party captures"), need.Tool(t, "tshark")
	equal := 0
	for _, pattern := range []string{"arkime/tests/pcap/dns-[hmuw]*.pcap", "arkime/tests/pcap/v6.pcap", "brimcap/cmd/brimcap/ztests/alerts.pcap"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			equal += compareAnswers(t, tshark, path)
		}
	}
	if equal < 20 {
		t.Errorf("only %d answers", equal)
	}
	t.Logf("%d answers", equal)
}
