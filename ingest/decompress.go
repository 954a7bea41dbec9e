package ingest

import (
	"bytes"
	"fmt"
	"io"
)

// Compression is how a capture file is compressed; "" = not at all.
type Compression string

// The compressions that are read. They are recognised by content, never by
// name, and one level deep.
const (
	Gzip Compression = "gzip"
	Zstd Compression = "zstd"
	LZ4  Compression = "lz4"
	XZ   Compression = "xz"
)

// magicSize is how many bytes tell a compression.
const magicSize = 6

// compression tells how a file that begins with head is compressed.
func compression(head []byte) Compression {
	for _, c := range []Compression{Gzip, Zstd, LZ4, XZ} {
		if c.begins(head) {
			return c
		}
	}
	return ""
}

// begins tells whether a frame of c begins with head: a member of gzip (RFC
// 1952 section 2.3), a frame of zstd or one to be skipped (RFC 8878 section
// 3.1), a frame of lz4 or one of its predecessor's, a stream of xz.
func (c Compression) begins(head []byte) bool {
	switch c {
	case Gzip:
		return bytes.HasPrefix(head, []byte("\x1f\x8b\x08"))
	case Zstd:
		return bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")) ||
			len(head) >= 4 && head[0]&0xf0 == 0x50 && string(head[1:4]) == "\x2a\x4d\x18"
	case LZ4:
		return bytes.HasPrefix(head, []byte("\x04\x22\x4d\x18")) || bytes.HasPrefix(head, []byte("\x02\x21\x4c\x18"))
	case XZ:
		return bytes.HasPrefix(head, []byte("\xfd7zXZ\x00"))
	}
	return false
}

// content is what a capture file holds, once it is decompressed.
type content struct {
	compression Compression
	head        []byte // read to tell the compression, and not handed out yet
	file        io.Reader
	ahead       *ahead // nil iff it is not compressed
}

// open begins to read a file; name is what errors call it. No more than limit
// bytes are decompressed of it; 0 = all. ahead is the size of the pieces that
// are decompressed before they are read.
func openContent(file io.Reader, name string, limit int64, ahead int) (*content, error) {
	head := make([]byte, magicSize)
	n, err := io.ReadFull(file, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c := &content{compression: compression(head[:n]), head: head[:n], file: file}
	if c.compression != "" {
		whole := io.MultiReader(bytes.NewReader(c.head), file)
		c.ahead = readAhead(newUnpacker(whole, name, c.compression, limit), ahead)
	}
	return c, nil
}

// Read reads what the file holds. What is wrong with its compression is a
// *pcapng.FormatError, behind everything that came before.
func (c *content) Read(p []byte) (int, error) {
	switch {
	case c.ahead != nil:
		return c.ahead.Read(p)
	case len(c.head) > 0:
		n := copy(p, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	return c.file.Read(p)
}

// used returns how many bytes of a compressed file were used so far.
func (c *content) used() int64 { return c.ahead.used.Load() }

// close ends the decompression. It does not close the file.
func (c *content) close() {
	if c.ahead != nil {
		c.ahead.close()
	}
}
