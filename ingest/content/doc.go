// Package content tells what the first payload bytes of a connection say: its
// protocol, and the names in it. Bytes go in, facts come out; it knows nothing of
// packets, times or processes.
//
//  1. Recognizable looks at the first bytes that one side of a TCP connection sends.
//     What no protocol that is known here begins with needs no more.
//  2. A [Beginning] takes them, and what follows, in whatever order it comes, until
//     the first message of each side is told: a hello of TLS, of which several
//     segments and records may have parts; a request and a response of HTTP/1; the
//     banner of SSH. Datagrams are QUIC's first packets, whose protection everybody
//     can remove (RFC 9001 section 5.2), or DTLS.
//  3. What it learned are [Facts].
//
// DNS is told by its ports and by IsDNS; Answers are the addresses that a response
// names. ByPort is the guess where content says nothing.
//
// # Limits
//
// Of each side 16 KiB are looked at, in no more than 64 parts with holes between; of
// QUIC 16 datagrams. Nothing is decrypted that takes a secret: in TLS 1.3 the server's
// choice of a protocol is not told.
package content
