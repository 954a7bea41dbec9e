package pcapng

import (
	"bytes"
	"fmt"
)

// NotCaptureError says that a file is neither pcapng nor pcap.
type NotCaptureError struct {
	File string
	What string // what it is instead
}

// Error returns "x.gz: a gzip file, want pcapng or pcap: decompress it first".
func (e *NotCaptureError) Error() string {
	return fmt.Sprintf("%s: %s, want a pcapng or pcap capture", e.File, e.What)
}

// describe says what a file that begins with head may be.
func describe(head []byte) string {
	for _, f := range []struct{ magic, what string }{
		{"\x1f\x8b", "compressed by gzip (decompress it first: gunzip)"},
		{"\x28\xb5\x2f\xfd", "compressed by zstd (decompress it first: unzstd)"},
		{"\xfd7zXZ", "compressed by xz (decompress it first: unxz)"},
		{"\x04\x22\x4d\x18", "compressed by lz4 (decompress it first: unlz4)"},
		{"BZh", "compressed by bzip2 (decompress it first: bunzip2)"},
		{"snoop\x00", "a snoop capture (convert it first: editcap -F pcapng)"},
		{"GMBU", "a Microsoft Network Monitor capture (convert it first: editcap -F pcapng)"},
		{"{", "JSON, perhaps a connection log (name the capture: its log is found beside it)"},
		{"PAR1", "a Parquet file"},
	} {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return f.what
		}
	}
	switch {
	case len(head) == 0:
		return "empty"
	case len(head) < 4:
		return fmt.Sprintf("%d bytes long", len(head))
	}
	return fmt.Sprintf("begins with bytes %x", head[:4])
}
