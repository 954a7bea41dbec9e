package table

// names is what a connection says of itself, in its first payload. Texts are what was
// sent, with the escape of docs/names.md.
func names() []Column {
	return []Column{
		{"application", String, true, "protocol that it speaks: tls, http, quic, dns…; NULL when neither content nor port tells"},
		{"application_from", String, true, "what tells the application: content, or port, which is a guess; NULL without one"},
		{"server_host", String, true, "name by which the client knows the server; NULL when unknown"},
		{"server_host_from", String, true, "where that name was: tls and quic (the client's hello), http (Host), dns (an answer that the client had before); NULL without one"},
		{"lookup_first_ns", Int64, true, "when the client's host asked DNS for the server's address, at last before the connection, Unix nanoseconds; NULL unless that was answered within the second before"},
		{"lookup_last_ns", Int64, true, "when that was answered, Unix nanoseconds; NULL as lookup_first_ns is"},
		{"alpn", String, true, "protocol inside of TLS that the server chose; NULL when it did not say, or encrypted (TLS 1.3)"},
		{"alpn_offered", String, true, "protocols that the client offered, joined by commas; NULL when unknown"},
		{"tls_version", String, true, "version of TLS that the server chose: 1.3, 1.2…; NULL when unknown"},
		{"tls_version_offered", String, true, "highest version of TLS that the client offered; NULL when unknown"},
		{"tls_handshake_ns", Int64, true, "from the client's hello to the record that ends the handshake of TLS; NULL when that was not seen"},
		{"quic_version", String, true, "version of QUIC that the client began with: 1, 2, draft-29…; NULL when unknown"},
		{"http_method", String, true, "method of the first request of HTTP/1; NULL when unknown"},
		{"http_host", String, true, "Host of that request as it stands there, with its port; NULL when unknown"},
		{"http_status", Int64, true, "status of the first response of HTTP/1; NULL when unknown"},
	}
}

// Endpoints is the table of hosts at the far end.
func Endpoints() *Schema {
	return &Schema{Name: "endpoints", Default: true, Key: "address, protocol, server_port, role; unknown ones last",
		Doc: "one far end of connections: the address that is not the recorded host's, or the server's where both or neither are; every connection has one, and the sum over all is that of the connections",
		Columns: columns(
			Column{"address", String, true, "address (RFC 5952); NULL in one row for all beyond 131,072, those with the highest addresses"},
			Column{"ip_version", Int64, true, "4 or 6; NULL without an address"},
			Column{"role", String, true, "server or client: what it is in these connections; NULL without an address"},
			Column{"protocol", String, true, "tcp, udp or sctp; NULL without an address"},
			Column{"server_port", Int64, true, "port of the server: its own, or of a client the one that it connected to; NULL without an address"},
			Column{"application", String, true, "protocol that they speak: by the content of the latest that says so, else by the port; NULL when neither tells"},
			Column{"application_from", String, true, "what tells the application: content or port; NULL without one"},
			Column{"host", String, true, "name of the server in the latest of the connections that has one; NULL when none has"},
			Column{"host_from", String, true, "where that name was: tls, quic, http or dns; NULL without one"},
			Column{"hosts", Int64, false, "different names in the connections; 256 stands for as many or more"},
			Column{"processes", Int64, false, "known processes that it exchanged packets with"},
			instant("first", "earliest packet"),
			instant("last", "latest packet"),
			Column{"connections", Int64, false, "connections"},
			exchanged(),
			times("that was sent to it"),
		)}
}
