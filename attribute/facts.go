package attribute

import (
	"encoding/binary"

	"github.com/pcapwho/pcapwho/attribute/tcp"
	"github.com/pcapwho/pcapwho/ingest/content"
)

// texts are the facts that are texts, in the order of a record.
func texts(f *content.Facts) [5]*string {
	return [5]*string{&f.ServerName, &f.OfferedALPN, &f.ALPN, &f.Method, &f.Host}
}

// appendFacts appends what a connection told: most told nothing, which takes a byte.
func appendFacts(b []byte, c *Connection) []byte {
	f := &c.Facts
	b = append(b, byte(f.Application))
	if !f.Known() {
		return b
	}
	b = binary.AppendUvarint(b, uint64(f.OfferedVersion))
	b = binary.AppendUvarint(b, uint64(f.Version))
	b = binary.AppendUvarint(b, uint64(f.QUICVersion))
	b = binary.AppendUvarint(b, uint64(f.Status))
	b = binary.AppendUvarint(b, uint64(c.TLSHandshake-tcp.Unknown))
	b = append(b, bit(f.Proxied, 1))
	for _, text := range texts(f) {
		b = binary.AppendUvarint(b, uint64(len(*text)))
		b = append(b, *text...)
	}
	return b
}

func (r *record) facts(c *Connection) {
	f := &c.Facts
	c.TLSHandshake = tcp.Unknown
	*f = content.Facts{Application: content.Application(r.byte())}
	if !f.Known() {
		return
	}
	f.OfferedVersion, f.Version = content.Version(r.uint()), content.Version(r.uint())
	f.QUICVersion, f.Status = uint32(r.uint()), int(r.uint())
	c.TLSHandshake = int64(r.uint()) + tcp.Unknown
	f.Proxied = r.byte() != 0
	for _, text := range texts(f) {
		n := r.uint()
		*text = string(r.b[:n])
		r.b = r.b[n:]
	}
}
