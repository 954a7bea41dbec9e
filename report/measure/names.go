package measure

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/attribute/tcp"
	"github.com/pcapwho/pcapwho/ingest/content"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/report/table"
)

// Application returns what a connection speaks, and what tells that: its "content" or
// its "port"; nothing where neither does.
func Application(c *attribute.Connection) (name, from string) {
	if c.Facts.Known() {
		return c.Facts.Application.String(), "content"
	}
	return portApplication(c.Key.Protocol, c.Endpoint[attribute.Server].Port)
}

// portApplication returns what usually has a server port, and "port".
func portApplication(protocol flow.Protocol, port uint16) (name, from string) {
	if name = content.ByPort(protocol, port); name != "" {
		from = "port"
	}
	return name, from
}

// ServerHost returns the name by which the client of a connection knows the server,
// and where it was: in "tls", "quic", "http", or an answer of "dns" that the client had
// before.
func ServerHost(r *attribute.Result, c *attribute.Connection) (name, from string) {
	f := &c.Facts
	if f.ServerName != "" {
		if f.Application == content.QUIC {
			return f.ServerName, "quic"
		}
		return f.ServerName, "tls"
	}
	if name := hostName(f.Host); name != "" && !f.Proxied {
		return name, "http"
	}
	if name := r.Names.Of(c); name != "" {
		return name, "dns"
	}
	return "", ""
}

// hostName returns the name in a Host (RFC 9110 section 7.2), "" where it is an
// address.
func hostName(host string) string {
	if name, port, ok := strings.Cut(host, ":"); ok && strings.Trim(port, "0123456789") == "" {
		host = name
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil || strings.HasPrefix(host, "[") {
		return ""
	}
	return host
}

// quicVersion returns the name of a version, "" for 0.
func quicVersion(v uint32) string {
	switch {
	case v == 0:
		return ""
	case v == 0x6b3343cf: // RFC 9369
		return "2"
	case v>>8 == 0xff0000:
		return fmt.Sprintf("draft-%d", v&0xff)
	}
	return fmt.Sprint(v)
}

// appendNames appends what a connection says of itself.
func appendNames(b *table.Batch, r *attribute.Result, c *attribute.Connection) {
	f := &c.Facts
	application, from := Application(c)
	name, nameFrom := ServerHost(r, c)
	b.TextIf("application", application)
	b.TextIf("application_from", from)
	b.TextIf("server_host", name)
	b.TextIf("server_host_from", nameFrom)
	asked, answered, ok := r.Names.Lookup(c)
	b.IntIf("lookup_first_ns", asked, ok)
	b.IntIf("lookup_last_ns", answered, ok)
	b.TextIf("alpn", f.ALPN)
	b.TextIf("alpn_offered", f.OfferedALPN)
	b.TextIf("tls_version", f.Version.String())
	b.TextIf("tls_version_offered", f.OfferedVersion.String())
	b.IntIf("tls_handshake_ns", c.TLSHandshake, c.TLSHandshake != tcp.Unknown)
	b.TextIf("quic_version", quicVersion(f.QUICVersion))
	b.TextIf("http_method", f.Method)
	b.TextIf("http_host", f.Host)
	b.IntIf("http_status", int64(f.Status), f.Status != 0)
}
