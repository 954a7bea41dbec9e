package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/record"
	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/report/measure"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// The server of names, and whom it names.
var (
	resolverAddress = netip.MustParseAddrPort("127.0.0.77:53")
	namedAddress    = netip.MustParseAddr("127.0.0.78")
)

// TestNamesOfRealTraffic records what the standard library says over loopback: a resolver
// that asks a server of names, TLS, HTTP, and a protocol that nobody knows.
func TestNamesOfRealTraffic(t *testing.T) {
	need.Root(t)
	answerNames(t)
	capture := filepath.Join(t.TempDir(), "run.pcapng")
	r, err := record.Start(t.Context(), record.Config{Interfaces: []string{"lo"}, Snaplen: 4096, Capture: capture})
	if err != nil {
		t.Fatal(err)
	}
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, resolverAddress.String())
	}}
	ports := speak(t, &net.Dialer{Resolver: resolver})
	r.Stop()
	if _, err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	result, err := report.Analyze(t.Context(), report.Config{Captures: []string{capture}})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	got := map[string]string{}
	err = result.Attribution.Connections.All(func(c *attribute.Connection) error {
		server := c.Endpoint[attribute.Server]
		if what := ports[server.Port]; what != "" && server.Addr.Netip() == namedAddress {
			application, _ := measure.Application(c)
			host, from := measure.ServerHost(result.Attribution, c)
			got[what] = fmt.Sprintf("%s %s from %s, ALPN %s of %s, TLS %s of %s, %s %s %d", application, host, from, c.Facts.ALPN, c.Facts.OfferedALPN, c.Facts.Version, c.Facts.OfferedVersion, c.Facts.Method, c.Facts.Host, c.Facts.Status)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]string{
		"tls":   "tls sni.example from tls, ALPN  of h2,x, TLS 1.3 of 1.3,   0",
		"older": "tls sni.example from tls, ALPN x of h2,x, TLS 1.2 of 1.2,   0",
		"http":  fmt.Sprintf("http named.example from http, ALPN  of , TLS  of , POST named.example:%d 418", portOf(ports, "http")),
		"plain": " named.example from dns, ALPN  of , TLS  of ,   0",
	} {
		if got[what] != want {
			t.Errorf("%s: %q, want %q", what, got[what], want)
		}
	}
}

func portOf(ports map[uint16]string, what string) uint16 {
	for port, w := range ports {
		if w == what {
			return port
		}
	}
	return 0
}

// answerNames serves names over UDP until the test ends: every host has one address.
func answerNames(t *testing.T) {
	t.Helper()
	server, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(resolverAddress))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		for b := make([]byte, 1500); ; {
			n, from, err := server.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 60}, Body: &dnsmessage.AResource{A: namedAddress.As4()}}}
			}
			if reply, err := m.Pack(); err == nil {
				server.WriteToUDPAddrPort(reply, from)
			}
		}
	}()
}

// speak has clients talk to servers on the address that is named, and returns what is on
// which port.
func speak(t *testing.T, dialer *net.Dialer) map[uint16]string {
	t.Helper()
	listen := func() net.Listener {
		l, err := net.Listen("tcp4", netip.AddrPortFrom(namedAddress, 0).String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	ports := map[uint16]string{}
	dial := func(l net.Listener, what string) net.Conn {
		port := l.Addr().(*net.TCPAddr).Port
		ports[uint16(port)] = what
		c, err := dialer.DialContext(t.Context(), "tcp4", fmt.Sprintf("named.example:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}

	certificates := httptest.NewUnstartedServer(nil)
	certificates.StartTLS()
	defer certificates.Close()
	for what, version := range map[string]uint16{"tls": tls.VersionTLS13, "older": tls.VersionTLS12} {
		l := listen()
		go serveOnce(l, func(c net.Conn) {
			tls.Server(c, &tls.Config{Certificates: certificates.TLS.Certificates, NextProtos: []string{"x"}}).Handshake()
		})
		c := tls.Client(dial(l, what), &tls.Config{ServerName: "sni.example", NextProtos: []string{"h2", "x"}, MaxVersion: version, InsecureSkipVerify: true})
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
	}

	l := listen()
	web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })}
	go web.Serve(l)
	defer web.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return dial(l, "http"), nil }}}
	response, err := client.Post("http://named.example:"+fmt.Sprint(l.Addr().(*net.TCPAddr).Port)+"/x", "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()

	l = listen()
	go serveOnce(l, func(c net.Conn) { io.Copy(c, io.LimitReader(c, 3)) })
	c := dial(l, "plain")
	if _, err := c.Write([]byte("\x00\x01\x02")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 3)); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return ports
}

func serveOnce(l net.Listener, serve func(net.Conn)) {
	if c, err := l.Accept(); err == nil {
		defer c.Close()
		serve(c)
	}
}
