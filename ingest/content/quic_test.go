package content

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// clientMessage is the hello of crypto/tls for QUIC.
func clientMessage(t testing.TB, name string) []byte {
	t.Helper()
	c := tls.QUICClient(&tls.QUICConfig{TLSConfig: &tls.Config{ServerName: name, NextProtos: []string{"h3"}, MinVersion: tls.VersionTLS13}})
	c.SetTransportParameters([]byte{1, 1, 0})
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for {
		switch e := c.NextEvent(); e.Kind {
		case tls.QUICWriteData:
			return append([]byte(nil), e.Data...)
		case tls.QUICNoEvent:
			t.Fatal("there is no hello")
		}
	}
}

// seal protects a packet that a client sends to a connection, with frames in it.
func seal(version uint32, connection string, number byte, frames []byte) []byte {
	first := byte(0xc0)
	if version == quicVersion2 {
		first = 0xd0
	}
	header := be.AppendUint32([]byte{first}, version)
	header = append(append(header, byte(len(connection))), connection...)
	header = append(header, 0, 0) // no connection of its own, no token
	frames = append(frames, make([]byte, max(0, 4-len(frames)))...)
	header = be.AppendUint16(header, 0x4000|uint16(1+len(frames)+16))
	at := len(header)
	header = append(header, number)
	k := newInitialKeys(&initial{version: version, destination: []byte(connection)}, "client in")
	nonce := append([]byte(nil), k.vector...)
	nonce[len(nonce)-1] ^= number
	packet := k.aead.Seal(append([]byte(nil), header...), nonce, frames, header)
	var mask [16]byte
	k.header.Encrypt(mask[:], packet[at+4:][:16])
	packet[0] ^= mask[0] & 0x0f
	packet[at] ^= mask[1]
	return packet
}

// cryptoFrame is RFC 9000 section 19.6.
func cryptoFrame(offset int, data []byte) []byte {
	return append(be.AppendUint16(be.AppendUint16([]byte{6}, 0x4000|uint16(offset)), 0x4000|uint16(len(data))), data...)
}

// initials are first packets of a connection whose hello two of them have, its parts in
// a strange order, of each version.
func initials(t testing.TB) (all [][]byte) {
	for i, version := range []uint32{quicVersion1, quicVersion2, quicDraft29} {
		connection := "1234567" + string(rune('0'+i))
		m := clientMessage(t, "quic.example")
		one := append(cryptoFrame(60, m[60:90]), 1)                // and a ping
		one = append(append(one, 0, 0), cryptoFrame(0, m[:40])...) // padding
		two := append([]byte{2, 0, 0, 0, 0}, cryptoFrame(90, m[90:])...)
		two = append(two, cryptoFrame(40, m[40:60])...)
		one, two = append(one, make([]byte, max(0, 1162-len(one)))...), append(two, make([]byte, max(0, 1162-len(two)))...)
		all = append(all, seal(version, connection, 0, one), seal(version, connection, 1, two))
	}
	return all
}

// The hello of a client is told whatever packets have it, and in whatever order.
func TestQUIC(t *testing.T) {
	all := initials(t)
	for i, version := range []uint32{quicVersion1, quicVersion2, quicDraft29} {
		want := Facts{Application: QUIC, ServerName: "quic.example", OfferedALPN: "h3", OfferedVersion: 0x304, QUICVersion: version}
		for order := range 2 {
			var b Beginning
			for k := range 2 {
				d := all[2*i+(k^order)]
				if !RecognizableDatagram(d) {
					t.Fatal("it is not recognized")
				}
				b.Datagram(1, d)
			}
			b.End()
			if d := cmp.Diff(want, b.Facts); d != "" {
				t.Errorf("version %#x, order %d:\n%s", version, order, d)
			}
		}
		var b Beginning
		b.Datagram(0, append(append([]byte(nil), all[2*i]...), all[2*i+1]...)) // both in one datagram
		if d := cmp.Diff(want, b.Facts); d != "" {
			t.Errorf("version %#x, one datagram:\n%s", version, d)
		}
		changed := append([]byte(nil), all[2*i]...)
		changed[len(changed)-1] ^= 1
		var c Beginning
		c.Datagram(0, changed)
		if c.Facts != (Facts{Application: QUIC}) {
			t.Errorf("a packet that was changed tells %+v", c.Facts)
		}
	}
}

// The keys are those of RFC 9001 appendix A.1 and RFC 9369 appendix A.1.
func TestInitialKeys(t *testing.T) {
	connection, _ := hex.DecodeString("8394c8f03e515708")
	for _, tt := range []struct {
		version     uint32
		end, vector string
	}{
		{quicVersion1, "client in", "fa044b2f42a3fd3b46fb255c"},
		{quicVersion1, "server in", "0ac1493ca1905853b0bba03e"},
		{quicVersion2, "client in", "91f73e2351d8fa91660e909f"},
		{quicVersion2, "server in", "dd13c276499c0249d3310652"},
	} {
		k := newInitialKeys(&initial{version: tt.version, destination: connection}, tt.end)
		if got := hex.EncodeToString(k.vector); got != tt.vector {
			t.Errorf("version %#x, %s: iv %s, want %s", tt.version, tt.end, got, tt.vector)
		}
	}
}
