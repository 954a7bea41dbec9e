package report

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// conversation is what two ends of a connection wrote, in that order.
type conversation struct {
	mutex  sync.Mutex
	writes []write
}

type write struct {
	side int
	data []byte
}

// end is an end of a connection that is written down.
type end struct {
	net.Conn
	side int
	of   *conversation
}

func (e *end) Write(b []byte) (int, error) {
	e.of.mutex.Lock()
	e.of.writes = append(e.of.writes, write{e.side, append([]byte(nil), b...)})
	e.of.mutex.Unlock()
	return e.Conn.Write(b)
}

// session has crypto/tls exchange a request and its answer in so many sessions, one after
// the other, and returns them.
func session(t *testing.T, client, server *tls.Config, times int) (all []*conversation) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"a.example"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	server.Certificates = []tls.Certificate{{Certificate: [][]byte{der, der, der}, PrivateKey: key}}
	client.InsecureSkipVerify, client.ServerName = true, "a.example"
	for range times {
		of := &conversation{}
		a, b := connected(t)
		done := make(chan error, 1)
		go func() {
			s := tls.Server(&end{b, 1, of}, server)
			_, err := s.Read(make([]byte, 9))
			if err == nil {
				_, err = s.Write([]byte("answer"))
			}
			done <- err
		}()
		c := tls.Client(&end{a, 0, of}, client)
		_, err := c.Write([]byte("request"))
		must(t, err)
		_, err = c.Read(make([]byte, 9)) // with what the server wants kept for another session
		must(t, err)
		must(t, <-done)
		all = append(all, of)
	}
	return all
}

// connected returns the two ends of a connection, which fail after some seconds.
func connected(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	must(t, err)
	server, err = l.Accept()
	must(t, err)
	for _, c := range []net.Conn{client, server} {
		must(t, c.SetDeadline(time.Now().Add(20*time.Second)))
		t.Cleanup(func() { c.Close() })
	}
	return client, server
}

// say writes a conversation as a connection whose segments have so many bytes at most;
// swapped, the second of what an end writes at once comes before the first.
func (w *wire) say(client, server netip.AddrPort, size int, swapped bool, of *conversation) {
	w.t.Helper()
	w.segment(client, server, 2, 999, 0, nil)
	w.segment(server, client, 18, 4999, 1000, nil)
	w.segment(client, server, 16, 1000, 5000, nil)
	from, seq := [2]netip.AddrPort{client, server}, [2]uint32{1000, 5000}
	for _, one := range of.writes {
		parts := slices.Collect(slices.Chunk(one.data, size))
		at := make([]uint32, len(parts))
		for i := range parts {
			at[i] = seq[one.side]
			seq[one.side] += uint32(len(parts[i]))
		}
		if swapped && len(parts) > 1 {
			parts[0], parts[1], at[0], at[1] = parts[1], parts[0], at[1], at[0]
		}
		for i := range parts {
			w.segment(from[one.side], from[1-one.side], 24, at[i], seq[1-one.side], parts[i])
		}
	}
}

// securedByTshark returns how long the handshake of TLS of each stream took by the frames
// in which tshark has records, by the port of the client.
func securedByTshark(t *testing.T, path string) map[string]int64 {
	t.Helper()
	cmd := exec.Command(need.Tool(t, "tshark"), "-n", "-r", path, "-o", "tcp.reassemble_out_of_order:TRUE", "-d", "tcp.port==443,tls", "-Y", "tcp.len>0", "-T", "json", "-e", "frame.time_epoch", "-e", "tcp.srcport", "-e", "tcp.dstport",
		"-e", "tls.record.content_type", "-e", "tls.record.opaque_type", "-e", "tls.handshake.type", "-e", "tls.handshake.extensions.supported_version")
	out, err := cmd.Output()
	must(t, err)
	var frames []struct {
		Source struct {
			Layers map[string][]string
		} `json:"_source"`
	}
	must(t, json.Unmarshal(out, &frames))
	type stream struct {
		hello            int64
		answered, modern bool
		changed, secured [2]bool
	}
	streams, took := map[string]*stream{}, map[string]int64{}
	for _, f := range frames {
		field := f.Source.Layers
		client, side := field["tcp.srcport"][0], 0
		if client == "443" {
			client, side = field["tcp.dstport"][0], 1
		}
		seconds, fraction, _ := strings.Cut(field["frame.time_epoch"][0], ".")
		at, err := strconv.ParseInt(seconds+(fraction + "000000000")[:9], 10, 64)
		must(t, err)
		s := streams[client]
		if s == nil {
			s = &stream{hello: at}
			streams[client] = s
		}
		if slices.Contains(field["tls.handshake.type"], "2") {
			s.answered, s.modern = true, slices.Contains(field["tls.handshake.extensions.supported_version"], "0x0304")
		}
		for _, kind := range append(field["tls.record.content_type"], field["tls.record.opaque_type"]...) {
			s.secured[side] = s.secured[side] || s.answered && (kind == "23" || kind == "22" && s.changed[side] && !s.modern)
			s.changed[side] = s.changed[side] || kind == "20"
		}
		if took[client] == 0 && s.secured[0] && s.secured[1] {
			took[client] = at - s.hello
		}
	}
	return took
}

// The handshake of TLS takes until both ends have sent what is encrypted, as the frames
// of tshark have it: in whatever version, with keys of a session before, when the server
// asks for another hello, and in whatever pieces.
func TestTLSHandshakeTshark(t *testing.T) {
	w := newWire(t)
	number, trips := 0, map[uint16]string{}
	say := func(name string, client, server *tls.Config, times int) {
		for i, of := range session(t, client, server, times) {
			for _, pieces := range []struct {
				size    int
				swapped bool
			}{{20_000, false}, {400, false}, {400, true}} {
				from := port(nameClient, uint16(40000+number))
				trips[from.Port()] = fmt.Sprintf("%s, session %d, pieces %+v", name, i+1, pieces)
				w.say(from, nameServer, pieces.size, pieces.swapped, of)
				number++
			}
		}
	}
	say("1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, &tls.Config{}, 1)
	say("1.2 again", &tls.Config{MaxVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(1)}, &tls.Config{}, 2)
	say("1.3", &tls.Config{}, &tls.Config{}, 1)
	say("1.3 again", &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(1)}, &tls.Config{}, 2)
	say("1.3 with another hello", &tls.Config{CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP384}}, &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP384}}, 1)
	w.converse(port(nameClient, 50000), nameServer, 2000, tlsHello("a.example"), tlsAnswer("h2")) // and no more
	path := w.save()
	want := securedByTshark(t, path)
	for _, c := range tables(t, analyze(t, Config{Captures: []string{path}}), JSON)["connections"] {
		var from uint16
		fmt.Sscan(c["client_port"], &from)
		expected := ""
		if n, ok := want[c["client_port"]]; ok {
			expected = fmt.Sprint(n)
		}
		if got := c["tls_handshake_ns"]; got != expected || (got == "") != (from == 50000) {
			t.Errorf("%s: the handshake took %q, want %q", trips[from], got, expected)
		}
	}
	if len(want) != number {
		t.Errorf("tshark tells of %d, want %d", len(want), number)
	}
}
