package content

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
)

// certificate is one for tests.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// tap keeps what is written to a connection.
type tap struct {
	net.Conn
	mutex sync.Mutex
	sent  bytes.Buffer
}

func (t *tap) Write(b []byte) (int, error) {
	t.mutex.Lock()
	t.sent.Write(b)
	t.mutex.Unlock()
	return t.Conn.Write(b)
}

// handshake has crypto/tls shake hands, and returns what client and server sent.
func handshake(t testing.TB, client, server *tls.Config) (sent [2][]byte) {
	t.Helper()
	a, b := net.Pipe()
	ends := [2]*tap{{Conn: a}, {Conn: b}}
	server.Certificates = []tls.Certificate{certificate(t)}
	client.InsecureSkipVerify = true
	done := make(chan error, 1)
	go func() {
		s := tls.Server(ends[1], server)
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte("done"))
		}
		done <- err
	}()
	c := tls.Client(ends[0], client)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return [2][]byte{ends[0].sent.Bytes(), ends[1].sent.Bytes()}
}

// spoken is what both sides of some connections send first, and what that tells.
type spoken struct {
	name string
	sent [2][]byte
	want Facts
}

// samples are connections of every protocol over TCP.
func samples(t testing.TB) []spoken {
	t.Helper()
	modern := handshake(t, &tls.Config{ServerName: "modern.example", NextProtos: []string{"h2", "http/1.1"}}, &tls.Config{NextProtos: []string{"h2"}})
	older := handshake(t, &tls.Config{ServerName: "older.example", NextProtos: []string{"a,b", "\xff"}, MaxVersion: tls.VersionTLS12}, &tls.Config{NextProtos: []string{"\xff"}})
	nameless := handshake(t, &tls.Config{}, &tls.Config{})
	text := func(client, server string) [2][]byte { return [2][]byte{[]byte(client), []byte(server)} }
	return []spoken{
		{"TLS 1.3", modern, Facts{Application: TLS, ServerName: "modern.example", OfferedALPN: "h2,http/1.1", OfferedVersion: 0x304, Version: 0x304}},
		{"TLS 1.2", older, Facts{Application: TLS, ServerName: "older.example", OfferedALPN: `a\x2cb,\xff`, ALPN: `\xff`, OfferedVersion: 0x303, Version: 0x303}},
		{"TLS without a name", nameless, Facts{Application: TLS, OfferedVersion: 0x304, Version: 0x304}},
		{"records of 7 bytes", [2][]byte{recut(modern[0], 7), recut(older[1], 7)}, Facts{Application: TLS, ServerName: "modern.example", OfferedALPN: "h2,http/1.1", OfferedVersion: 0x304, ALPN: `\xff`, Version: 0x303}},
		{"HTTP", text("GET /a b HTTP/1.1\r\nAccept: */*\r\nhOST:  www.example:8080 \r\nHost: second\r\n\r\n", "HTTP/1.1 404 Not Found\r\n\r\n"),
			Facts{Application: HTTP, Method: "GET", Host: "www.example:8080", Status: 404}},
		{"HTTP without Host", text("GET / HTTP/1.0\r\n\r\nHost: body\r\n", "HTTP/1.0 200 OK\r\n\r\n"), Facts{Application: HTTP, Method: "GET", Status: 200}},
		{"a proxy", text("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"),
			Facts{Application: HTTP, Method: "CONNECT", Host: "a.example:443", Proxied: true, Status: 200}},
		{"HTTP/2", text(prefaceHTTP2+"\x00\x00\x00", "\x00\x00\x06\x04"), Facts{Application: HTTP2}},
		{"SSH", text("SSH-2.0-x\r\n", "SSH-2.0-y\r\n"), Facts{Application: SSH}},
		{"an alert", text("\x15\x03\x03\x00\x02\x02\x28", ""), Facts{Application: TLS}},
		{"a hello before TLS", text("\x80\x2e\x01\x03\x01\x00\x15\x00\x00", ""), Facts{Application: TLS, OfferedVersion: 0x301}},
		{"something else", text("\x13BitTorrent protocol", "220 mail.example ESMTP\r\n"), Facts{}},
		{"nearly HTTP", text("GETTING STARTED\nwith\n", "HTTP/1.1 abc\r\n"), Facts{}},
		{"RTSP", text("OPTIONS rtsp://x RTSP/1.0\r\n\r\n", "RTSP/1.0 200 OK\r\n"), Facts{}},
	}
}

// recut divides the messages of TLS records anew, into records of n bytes.
func recut(sent []byte, n int) (out []byte) {
	length := int(be.Uint16(sent[3:]))
	for message := sent[5 : 5+length]; len(message) > 0; {
		k := min(n, len(message))
		out = append(out, recordHandshake, 3, 3, 0, byte(k))
		out = append(out, message[:k]...)
		message = message[k:]
	}
	return append(out, sent[5+length:]...)
}
