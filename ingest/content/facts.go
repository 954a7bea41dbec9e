package content

import "fmt"

// Application is a protocol that content alone can tell.
type Application uint8

// The applications.
const (
	Unrecognized Application = iota
	TLS                      // RFC 8446 and before
	DTLS                     // RFC 9147 and before
	HTTP                     // version 1, RFC 9112
	HTTP2                    // without TLS, RFC 9113
	QUIC                     // RFC 9000
	SSH                      // RFC 4253
	DNS                      // RFC 1035
	MDNS                     // RFC 6762
	LLMNR                    // RFC 4795
)

// String returns the name that tables use, "" for Unrecognized.
func (a Application) String() string {
	return [...]string{"", "tls", "dtls", "http", "http2", "quic", "ssh", "dns", "mdns", "llmnr"}[a]
}

// Facts is what the beginning of a connection tells. Texts are what was sent,
// escaped as connlog.Escape does it; "" = it was not told. They are claims of
// whoever sent them.
type Facts struct {
	Application Application

	ServerName     string  // the host that a TLS client asks for (RFC 6066 section 3)
	OfferedALPN    string  // protocols that it offers (RFC 7301), joined by commas; a comma in one is \x2c
	ALPN           string  // the one that the server chose, where it says so unencrypted
	OfferedVersion Version // the highest version of TLS that the client offers; 0 = not told
	Version        Version // the one that the server chose; 0 = not told
	QUICVersion    uint32  // of the client's first packet; 0 = not told

	Method  string // of the first HTTP request
	Host    string // its Host, as it stands there
	Proxied bool   // it asks a proxy for that host: CONNECT, or a target with a host (RFC 9112 section 3.2.2)
	Status  int    // of the first HTTP response; 0 = not told
}

// Known tells whether there is anything to tell.
func (f *Facts) Known() bool { return f.Application != Unrecognized }

// Version is a version of TLS, as its messages number it.
type Version uint16

// String returns "1.3", "1.2", "1.1", "1.0" and "ssl3.0"; for drafts of 1.3
// "1.3-draft28", and for others the number in hexadecimal digits. It returns ""
// for 0.
func (v Version) String() string {
	switch {
	case v == 0:
		return ""
	case v == 0x0300:
		return "ssl3.0"
	case v > 0x0300 && v <= 0x0304:
		return fmt.Sprintf("1.%d", v-0x0301)
	case v>>8 == 0x7f:
		return fmt.Sprintf("1.3-draft%d", v&0xff)
	}
	return fmt.Sprintf("0x%04x", uint16(v))
}
