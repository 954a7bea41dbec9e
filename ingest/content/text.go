package content

import (
	"bytes"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// What protocols begin with that are text.
const (
	prefaceHTTP2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" // RFC 9113 section 3.4
	bannerSSH    = "SSH-"                             // RFC 4253 section 4.2
	statusHTTP   = "HTTP/1."                          // RFC 9112 section 4
)

// maxMethod is how long the name of a method may be.
const maxMethod = 24

// mayBeText tells whether data begins as one of them, or with the method of a
// request.
func mayBeText(data []byte) bool {
	if begins(data, bannerSSH) || begins(data, statusHTTP) {
		return true
	}
	for i, c := range data[:min(len(data), maxMethod)] {
		switch {
		case c == ' ':
			return i > 0
		case (c < 'A' || c > 'Z') && c != '-' && c != '_':
			return false
		}
	}
	return len(data) < maxMethod
}

// begins tells whether data begins with text, as far as there is of it.
func begins(data []byte, text string) bool {
	n := min(len(data), len(text))
	return string(data[:n]) == text[:n]
}

// text reads what is text.
func (f *Facts) text(data []byte) (need int) {
	switch {
	case begins(data, bannerSSH):
		if len(data) < len(bannerSSH) {
			return len(bannerSSH)
		}
		f.recognize(SSH)
		return 0
	case begins(data, prefaceHTTP2):
		if len(data) < len(prefaceHTTP2) {
			return len(prefaceHTTP2)
		}
		f.recognize(HTTP2)
		return 0
	case begins(data, statusHTTP):
		return f.response(data)
	}
	return f.request(data)
}

// response reads a status line.
func (f *Facts) response(data []byte) (need int) {
	const length = len("HTTP/1.1 200")
	if len(data) < length {
		return length
	}
	status := 0
	for _, c := range data[length-3 : length] {
		if c < '0' || c > '9' {
			return 0
		}
		status = status*10 + int(c-'0')
	}
	if data[length-4] != ' ' {
		return 0
	}
	f.recognize(HTTP)
	if f.Status == 0 {
		f.Status = status
	}
	return 0
}

// request reads a request line and the header fields behind it up to Host.
func (f *Facts) request(data []byte) (need int) {
	line, rest, whole := bytes.Cut(data, []byte("\n"))
	if !whole {
		return len(data) + 1
	}
	method, target, _ := bytes.Cut(line, []byte(" "))
	at := bytes.LastIndex(target, []byte(" HTTP/1."))
	if len(method) == 0 || len(method) > maxMethod || at < 1 {
		return 0
	}
	f.recognize(HTTP)
	if f.Method == "" {
		f.Method = connlog.Escape(string(method))
		f.Proxied = f.Method == "CONNECT" || bytes.Contains(target[:at], []byte("://")) && target[0] != '/'
	}
	for f.Host == "" {
		if line, rest, whole = bytes.Cut(rest, []byte("\n")); !whole {
			return len(data) + 1
		}
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			return 0
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("host")) {
			f.Host = connlog.Escape(string(bytes.Trim(value, " \t")))
			return 0
		}
	}
	return 0
}
