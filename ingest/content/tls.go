package content

import (
	"strings"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// Content types and handshake messages (RFC 8446 appendix B).
const (
	recordChange      = 20
	recordAlert       = 21
	recordHandshake   = 22
	recordApplication = 23
	clientHello       = 1
	serverHello       = 2
)

// Extensions (IANA "TLS ExtensionType Values").
const (
	extServerName        = 0
	extALPN              = 16
	extSupportedVersions = 43
)

// mayBeTLS tells whether data begins as a record of TLS, with a hello or an alert.
func mayBeTLS(data []byte) bool {
	switch {
	case data[0] != recordHandshake && data[0] != recordAlert, len(data) > 1 && data[1] != 3, len(data) > 2 && data[2] > 4:
		return false
	case data[0] == recordAlert:
		return len(data) < 6 || be.Uint16(data[3:]) == 2 && data[5] >= 1 && data[5] <= 2
	}
	return len(data) < 6 || data[5] == clientHello || data[5] == serverHello
}

// mayBeSSL2 tells whether data begins as the hello of a client that can do
// without TLS (RFC 5246 appendix E.2), with a version of TLS.
func mayBeSSL2(data []byte) bool {
	return data[0]&0x80 != 0 && (len(data) < 3 || data[2] == clientHello) && (len(data) < 4 || data[3] == 3) && (len(data) < 5 || data[4] <= 3)
}

// tls reads records up to the end of the first message.
func (f *Facts) tls(data []byte, last bool) (need int) {
	if len(data) < 6 {
		return 6
	}
	f.recognize(TLS)
	if data[0] == recordAlert {
		return 0
	}
	message, need := firstMessage(data)
	if need > 0 && !last {
		return min(need, maxHead)
	}
	f.handshake(message)
	return 0
}

// firstMessage returns the first message of the handshake, which several records
// may have, as far as it is there. need is how many bytes of data would have more
// of it, 0 where it is whole or no more can come.
func firstMessage(data []byte) (message []byte, need int) {
	length := 4 // of the message, with its header
	for at := 0; ; {
		if at+5 > len(data) {
			return message, at + 5
		}
		n := int(be.Uint16(data[at+3:]))
		if data[at] != recordHandshake || n == 0 {
			return message, 0
		}
		body := data[at+5 : min(at+5+n, len(data))]
		if at == 0 {
			message = body[:len(body):len(body)] // what another record has is appended to a copy
		} else {
			message = append(message, body...)
		}
		if len(message) >= 4 {
			length = 4 + int(message[1])<<16 + int(be.Uint16(message[2:]))
		}
		switch {
		case len(message) >= length:
			return message[:length], 0
		case len(body) < n:
			return message, min(at+5+n, len(data)+length-len(message))
		}
		at += 5 + n
	}
}

// handshake takes what a hello tells, as far as it is there.
func (f *Facts) handshake(message []byte) {
	if len(message) < 4 {
		return
	}
	c := cursor{rest: message[4:]}
	switch message[0] {
	case clientHello:
		f.clientHello(&c)
	case serverHello:
		f.serverHello(&c)
	}
}

// clientHello reads RFC 8446 section 4.1.2. What a second one says, after the
// server asked for it, is not taken.
func (f *Facts) clientHello(c *cursor) {
	if f.OfferedVersion != 0 {
		return
	}
	version := Version(c.uint16())
	c.bytes(32)
	c.vector8()  // session
	c.vector16() // cipher suites
	c.vector8()  // compression
	if c.cut && version>>8 != 3 {
		return
	}
	f.OfferedVersion = version
	extensions(c, func(kind int, e *cursor) {
		switch kind {
		case extServerName:
			f.ServerName = serverName(e)
		case extALPN:
			f.OfferedALPN = protocols(e)
		case extSupportedVersions:
			f.OfferedVersion = highest(e.vector8(), version)
		}
	})
}

// serverHello reads RFC 8446 section 4.1.3.
func (f *Facts) serverHello(c *cursor) {
	version := Version(c.uint16())
	c.bytes(32)
	c.vector8()
	c.bytes(3) // cipher suite and compression
	if version>>8 != 3 && version>>8 != 0x7f {
		return
	}
	f.Version = version
	extensions(c, func(kind int, e *cursor) {
		switch kind {
		case extALPN:
			f.ALPN = protocols(e)
		case extSupportedVersions:
			if v := Version(e.uint16()); v != 0 {
				f.Version = v
			}
		}
	})
}

// extensions calls f with each extension that is there whole.
func extensions(c *cursor, f func(kind int, e *cursor)) {
	list := cursor{rest: c.some(c.uint16())}
	for list.left() {
		kind := list.uint16()
		if e := list.vector16(); !list.cut {
			f(kind, &cursor{rest: e})
		}
	}
}

// serverName reads the first host name of RFC 6066 section 3.
func serverName(e *cursor) string {
	list := cursor{rest: e.vector16()}
	for list.left() {
		kind, name := list.uint8(), list.vector16()
		if kind == 0 && !list.cut {
			return connlog.Escape(string(name))
		}
	}
	return ""
}

// protocols reads the list of RFC 7301 section 3.1.
func protocols(e *cursor) string {
	var names []string
	list := cursor{rest: e.vector16()}
	for list.left() {
		if name := list.vector8(); !list.cut {
			names = append(names, strings.ReplaceAll(connlog.Escape(string(name)), ",", `\x2c`))
		}
	}
	return strings.Join(names, ",")
}

// highest returns the highest of a list of versions, without those that are there
// to be ignored (RFC 8701) and drafts, where there are others; otherwise other.
func highest(list []byte, other Version) Version {
	var best, draft Version
	for ; len(list) >= 2; list = list[2:] {
		switch v := Version(be.Uint16(list)); {
		case v>>8 == 3:
			best = max(best, v)
		case v>>8 == 0x7f:
			draft = max(draft, v)
		}
	}
	switch {
	case draft != 0 && best < 0x0304:
		return draft
	case best != 0:
		return best
	}
	return other
}

// maxFlight is behind how many bytes of a side no record is looked at.
const maxFlight = 1 << 17

// records goes from record to record of a side, from data on, until one is encrypted
// that is behind the server's hello: one of application data, which in TLS 1.3 every
// encrypted one seems to be (RFC 8446 section 5.2), or before that version a message
// behind a change of the cipher (RFC 5246 section 7.1). It returns how many bytes need
// not be seen again, and how many behind these have more to tell, 0 for none.
func (b *Beginning) records(h *head, data []byte) (passed, need int) {
	for at := 0; h.base+at < maxFlight; at += 5 + int(be.Uint16(data[at+3:])) {
		if at+5 > len(data) {
			return at, 5
		}
		kind := data[at]
		switch {
		case kind < recordChange || kind > recordApplication || data[at+1] != 3:
			return 0, 0
		case kind == recordChange:
			h.changed = true
		case b.Version == 0:
		case kind == recordApplication, kind == recordHandshake && h.changed && b.Version < 0x0304:
			h.secured = true
			return 0, 0
		}
	}
	return 0, 0
}

// ssl2 reads the version of a hello that is no TLS: there are no names in it.
func (f *Facts) ssl2(data []byte) (need int) {
	if len(data) < 5 {
		return 5
	}
	f.recognize(TLS)
	if f.OfferedVersion == 0 {
		f.OfferedVersion = Version(be.Uint16(data[3:]))
	}
	return 0
}
