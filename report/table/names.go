package table

// names is what a connection says of itself, in its first payload. Texts are what was
// sent, with the escape of docs/names.md.
func names() []Column {
	return []Column{
		{"application", String, true, "protocol that it speaks: tls, http, quic, dns…; NULL when neither content nor port tells"},
		{"application_from", String, true, "what tells the application: content, or port, which is a guess; NULL without one"},
		{"server_host", String, true, "name by which the client knows the server; NULL when unknown"},
		{"server_host_from", String, true, "where that name was: tls and quic (the client's hello), http (Host); NULL without one"},
		{"alpn", String, true, "protocol inside of TLS that the server chose; NULL when it did not say, or encrypted (TLS 1.3)"},
		{"alpn_offered", String, true, "protocols that the client offered, joined by commas; NULL when unknown"},
		{"tls_version", String, true, "version of TLS that the server chose: 1.3, 1.2…; NULL when unknown"},
		{"tls_version_offered", String, true, "highest version of TLS that the client offered; NULL when unknown"},
		{"quic_version", String, true, "version of QUIC that the client began with: 1, 2, draft-29…; NULL when unknown"},
		{"http_method", String, true, "method of the first request of HTTP/1; NULL when unknown"},
		{"http_host", String, true, "Host of that request as it stands there, with its port; NULL when unknown"},
		{"http_status", Int64, true, "status of the first response of HTTP/1; NULL when unknown"},
	}
}
