package report

import (
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// otherSessions are captures of which Arkime tells other TCP and UDP sessions
// than we tell connections.
var otherSessions = map[string]string{
	"arkime_synthetic":     "UDP of length 0, which has ports for us alone; IP behind extension headers of 2 KiB; a DHCP offer with the endpoints of the request",
	"single-packets":       "an HTTP response without its request counts as sent by the client",
	"socks5-http-302-frag": "fragments count once for the datagram that they make",
	"vxlan":                "ARP in VXLAN has ports 0; for us it is a packet of the tunnel",
	"wireshark-dhcp":       "DHCP answers have the endpoints of the request",
	"wireshark-dhcpv6":     "DHCP answers have the endpoints of the request",
}

// oneWay is a flow: the packets of one five-tuple in one direction.
type oneWay struct {
	Protocol string
	From, To netip.AddrPort
}

// carried is what a flow carried, frames whole.
type carried struct{ Packets, Bytes int64 }

// TestSessions compares packets and bytes by five-tuple and side with the
// sessions that Arkime tells of its captures.
func TestSessions(t *testing.T) {
	dir := need.Env(t, need.Corpora, "a folder of third-party captures")
	files, err := filepath.Glob(filepath.Join(dir, "arkime-sessions", "*.test"))
	must(t, err)
	flows, compared := 0, 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".test")
		capture := filepath.Join(dir, "arkime", "tests", "pcap", name+".pcap")
		if _, err := os.Stat(capture); err != nil {
			continue // not among the captures
		}
		want, got := sessions(t, file), connections(t, capture)
		flows, compared = flows+len(want), compared+1
		d := cmp.Diff(want, got, cmp.Comparer(func(a, b oneWay) bool { return a == b }))
		if why := otherSessions[name]; (d == "") == (why != "") {
			t.Errorf("%s, expected to differ: %q\n%s", name, why, d)
		}
	}
	if compared < 190 {
		t.Errorf("only %d captures", compared)
	}
	t.Logf("%d flows of %d captures", flows, compared)
}

// sessions reads Arkime's records of TCP and UDP.
func sessions(t *testing.T, path string) map[oneWay]carried {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	type side struct {
		IP             netip.Addr
		Port           uint16
		Packets, Bytes int64
	}
	var records struct {
		Sessions3 []struct {
			Body struct {
				IPProtocol          int
				Source, Destination side
			}
		}
	}
	must(t, json.Unmarshal(b, &records))
	all := map[oneWay]carried{}
	for _, r := range records.Sessions3 {
		protocol := map[int]string{6: "tcp", 17: "udp"}[r.Body.IPProtocol]
		if protocol == "" {
			continue
		}
		from, to := r.Body.Source, r.Body.Destination
		f := oneWay{protocol, netip.AddrPortFrom(from.IP.Unmap(), from.Port), netip.AddrPortFrom(to.IP.Unmap(), to.Port)}
		add(all, f, carried{from.Packets, from.Bytes})
		add(all, oneWay{protocol, f.To, f.From}, carried{to.Packets, to.Bytes})
	}
	return all
}

// connections analyzes a capture.
func connections(t *testing.T, path string) map[oneWay]carried {
	t.Helper()
	var out bytes.Buffer
	r := analyze(t, Config{Captures: []string{path}, Tables: []string{"connections"}})
	must(t, r.Write(context.Background(), Output{Format: JSON, Stdout: &out}))
	var result struct {
		Connections []struct {
			Protocol       string
			Client_ip      netip.Addr
			Client_port    uint16
			Server_ip      netip.Addr
			Server_port    uint16
			Client_packets int64
			Server_packets int64

			Client_wire_bytes int64
			Server_wire_bytes int64
		}
	}
	must(t, json.Unmarshal(out.Bytes(), &result))
	all := map[oneWay]carried{}
	for _, c := range result.Connections {
		if c.Protocol != "tcp" && c.Protocol != "udp" {
			continue
		}
		f := oneWay{c.Protocol, netip.AddrPortFrom(c.Client_ip, c.Client_port), netip.AddrPortFrom(c.Server_ip, c.Server_port)}
		add(all, f, carried{c.Client_packets, c.Client_wire_bytes})
		add(all, oneWay{c.Protocol, f.To, f.From}, carried{c.Server_packets, c.Server_wire_bytes})
	}
	return all
}

// add adds to a flow; one that carried nothing is none.
func add(all map[oneWay]carried, f oneWay, c carried) {
	if c != (carried{}) {
		all[f] = carried{all[f].Packets + c.Packets, all[f].Bytes + c.Bytes}
	}
}
