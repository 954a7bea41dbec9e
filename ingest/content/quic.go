package content

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
)

// The versions of QUIC whose first packets can be read.
const (
	quicVersion1 = 0x00000001
	quicVersion2 = 0x6b3343cf // RFC 9369
	quicDraft29  = 0xff00001d
	quicDraft34  = 0xff000022
)

// maxInitials is how many datagrams of each side are looked at.
const maxInitials = 16

// quic is what is known of a connection over UDP that begins as QUIC does.
type quic struct {
	keys      [2]*initialKeys // of the client, of the server
	heads     [2]head         // of their messages
	datagrams [2]int          // by side
}

// RecognizableDatagram tells whether data may be how one side of a connection over
// UDP begins to speak a protocol that is known here. DNS is told by its ports: see
// IsDNS.
func RecognizableDatagram(data []byte) bool {
	_, ok := parseInitial(data)
	return ok || mayBeDTLS(data)
}

// mayBeDTLS tells whether data begins as a record of DTLS with the hello of a
// client, of a server, or that asks for another (RFC 6347 section 4).
func mayBeDTLS(data []byte) bool {
	return len(data) > 13 && data[0] == recordHandshake && data[1] == 0xfe && data[2] >= 0xfc &&
		int(be.Uint16(data[11:])) <= len(data)-13 && (data[13] == clientHello || data[13] == serverHello || data[13] == 3)
}

// Datagram takes one that a side sent. It returns false once that side needs no
// more.
func (b *Beginning) Datagram(side int, data []byte) (more bool) {
	if len(data) == 0 {
		return true
	}
	if mayBeDTLS(data) {
		b.recognize(DTLS)
		return false
	}
	if b.quic == nil {
		if b.Application == QUIC { // all was told
			return false
		}
		b.quic = &quic{}
	}
	q := b.quic
	q.datagrams[side]++
	for len(data) > 0 {
		p, ok := parseInitial(data)
		if !ok {
			break
		}
		b.recognize(QUIC)
		q.initial(&b.Facts, &p)
		data = data[len(p.bytes):]
	}
	if q.heads[0].done && q.heads[1].done {
		b.quic = nil
		return false
	}
	return b.Application == QUIC && q.datagrams[side] < maxInitials
}

// end takes what there is.
func (q *quic) end(f *Facts) {
	if q == nil {
		return
	}
	for i := range q.heads {
		f.handshake(q.heads[i].whole())
	}
}

// initial is a packet that begins a connection, still protected.
type initial struct {
	version     uint32
	destination []byte // connection id
	number      int    // offset of the packet number
	bytes       []byte // all of the packet
}

// parseInitial reads the header of RFC 9000 section 17.2.2.
func parseInitial(data []byte) (p initial, ok bool) {
	if len(data) < 7 || data[0]&0xc0 != 0xc0 {
		return p, false
	}
	kind := data[0] >> 4 & 3
	switch p.version = be.Uint32(data[1:]); {
	case p.version == quicVersion2:
		ok = kind == 1
	case p.version == quicVersion1, p.version >= quicDraft29 && p.version <= quicDraft34:
		ok = kind == 0
	}
	if !ok {
		return p, false
	}
	c := cursor{rest: data[5:]}
	p.destination = c.vector8()
	source := c.vector8()
	c.bytes(c.varint()) // token
	n := c.varint()
	p.number = len(data) - len(c.rest)
	if c.cut || len(p.destination) > 20 || len(source) > 20 || n < 4+16 || n > len(c.rest) {
		return p, false
	}
	p.bytes = data[:p.number+n]
	return p, true
}

// varint reads RFC 9000 section 16.
func (c *cursor) varint() int {
	b := c.bytes(1)
	if b == nil {
		return 0
	}
	v := int64(b[0] & 0x3f)
	for _, x := range c.bytes(1<<(b[0]>>6) - 1) {
		v = v<<8 | int64(x)
	}
	if v > 1<<30 { // longer than any datagram
		c.cut = true
		return 0
	}
	return int(v)
}

// initial takes what a packet tells: one of the client, whose keys follow from
// where it is sent to, or one of the server that answers it.
func (q *quic) initial(f *Facts, p *initial) {
	for end, keys := range q.keys {
		if keys == nil || q.heads[end].done {
			continue
		}
		if plain, ok := keys.open(p); ok {
			q.frames(f, end, plain)
			return
		}
	}
	if q.heads[1].done {
		return
	}
	client, server := newInitialKeys(p, "client in"), newInitialKeys(p, "server in")
	if client == nil || server == nil {
		return
	}
	if plain, ok := client.open(p); ok { // the first, or the first after the server sent the client elsewhere (Retry)
		f.QUICVersion = p.version
		q.keys = [2]*initialKeys{client, server}
		q.frames(f, 0, plain)
	}
}

// frames takes the message that one end of the connection begins with from the
// frames of a packet (RFC 9000 section 19).
func (q *quic) frames(f *Facts, end int, plain []byte) {
	const padding, ping, ack, ackECN, crypto = 0, 1, 2, 3, 6
	h := &q.heads[end]
	if h.done {
		return
	}
	for c := (cursor{rest: plain}); c.left(); {
		switch kind := c.varint(); kind {
		case padding, ping:
		case ack, ackECN:
			c.varint()
			c.varint()
			ranges := c.varint()
			c.varint()
			for i := 0; i < ranges && !c.cut; i++ {
				c.varint()
				c.varint()
			}
			if kind == ackECN {
				c.varint()
				c.varint()
				c.varint()
			}
		case crypto:
			offset := c.varint()
			if data := c.bytes(c.varint()); !c.cut {
				h.put(offset, data)
			}
		default:
			c.cut = true
		}
	}
	message := h.whole()
	if len(message) < 4 {
		return
	}
	length := 4 + int(message[1])<<16 + int(be.Uint16(message[2:]))
	if len(message) >= min(length, maxHead) {
		f.handshake(message[:min(length, len(message))])
		h.finish()
	}
}

// initialKeys protect the first packets that one end sends (RFC 9001 section 5).
type initialKeys struct {
	aead   cipher.AEAD
	vector []byte
	header cipher.Block
}

// The salts of RFC 9001 section 5.2 (and the drafts from 33 on), of the drafts before, and
// of RFC 9369 section 3.3.1.
const (
	saltVersion1 = "\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a"
	saltDraft29  = "\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99"
	saltVersion2 = "\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9"
)

// newInitialKeys derives the keys of the client or the server ("client in", "server
// in") from the first packet that the client sends; nil where the standard library
// is told to refuse such keys.
func newInitialKeys(p *initial, end string) *initialKeys {
	salt, label := saltVersion1, "quic "
	switch {
	case p.version == quicVersion2:
		salt, label = saltVersion2, "quicv2 "
	case p.version < quicDraft29+4 && p.version >= quicDraft29:
		salt = saltDraft29
	}
	initial, err := hkdf.Extract(sha256.New, p.destination, []byte(salt))
	secret := expand(initial, end, 32, &err)
	key := expand(secret, label+"key", 16, &err)
	vector := expand(secret, label+"iv", 12, &err)
	header := expand(secret, label+"hp", 16, &err)
	if err != nil {
		return nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	protect, err := aes.NewCipher(header)
	if err != nil {
		return nil
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil
	}
	return &initialKeys{aead, vector, protect}
}

// expand is HKDF-Expand-Label of RFC 8446 section 7.1, without a context.
func expand(secret []byte, label string, n int, err *error) []byte {
	info := append([]byte{0, byte(n), byte(len("tls13 ") + len(label))}, "tls13 "+label...)
	out, failed := hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
	if failed != nil {
		*err = failed
	}
	return out
}

// open removes the protection of a packet (RFC 9001 sections 5.3 and 5.4).
func (k *initialKeys) open(p *initial) (plain []byte, ok bool) {
	var mask [16]byte
	k.header.Encrypt(mask[:], p.bytes[p.number+4:][:16])
	first := p.bytes[0] ^ mask[0]&0x0f
	length := int(first&3) + 1
	header := append([]byte(nil), p.bytes[:p.number+length]...)
	header[0] = first
	nonce := append([]byte(nil), k.vector...)
	for i := range length {
		header[p.number+i] ^= mask[1+i]
		nonce[len(nonce)-length+i] ^= header[p.number+i]
	}
	plain, err := k.aead.Open(nil, nonce, p.bytes[p.number+length:], header)
	return plain, err == nil
}
