package ingest

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// maxWindow bounds what zstd and xz may ask for to look back at: as much as
// zstd itself takes unasked, and twice what "xz -9" needs.
const maxWindow = 128 << 20

// packedFile is a compressed file and how far it was used.
type packedFile struct {
	*bufio.Reader
	file io.Reader
	read int64
	err  error // of the file, not of its content
}

func newPackedFile(file io.Reader) *packedFile {
	p := &packedFile{file: file}
	p.Reader = bufio.NewReaderSize(p.counted(), 256<<10)
	return p
}

// counted returns a reader of the file that counts.
func (p *packedFile) counted() io.Reader { return (*countedFile)(p) }

type countedFile packedFile

func (c *countedFile) Read(b []byte) (int, error) {
	n, err := c.file.Read(b)
	c.read += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// offset returns how many bytes were used.
func (p *packedFile) offset() int64 { return p.read - int64(p.Buffered()) }

// unpacker reads the content of a compressed file, frame after frame.
type unpacker struct {
	name        string
	compression Compression
	limit       int64 // bytes; 0 = none
	src         *packedFile

	frame    io.Reader // nil between two frames
	unpacked int64
	gzip     *gzip.Reader
	zstd     *zstd.Decoder
}

func newUnpacker(file io.Reader, name string, c Compression, limit int64) *unpacker {
	return &unpacker{name: name, compression: c, limit: limit, src: newPackedFile(file)}
}

// Read reads what is in the frames. It returns a *pcapng.FormatError where the
// file is cut or corrupt, holds too much, or is followed by something else.
func (u *unpacker) Read(p []byte) (int, error) {
	if u.limit > 0 { // a byte more than the limit shows that it is exceeded
		p = p[:min(int64(len(p)), u.limit-u.unpacked+1)]
	}
	for {
		if u.frame == nil {
			if err := u.next(); err != nil {
				return 0, u.explain(err)
			}
		}
		n, err := u.frame.Read(p)
		if u.unpacked += int64(n); u.limit > 0 && u.unpacked > u.limit {
			return n - 1, u.damage("decompressed size", "of more than %d bytes, the limit that --max-decompressed sets", u.limit)
		}
		if err == io.EOF {
			u.frame, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, u.explain(err)
		}
	}
}

// next begins the next frame. It returns io.EOF at the end.
func (u *unpacker) next() error {
	start := u.src.offset()
	for { // padding, which tapes and xz put behind a frame
		b, err := u.src.Peek(1)
		if err != nil {
			return err
		}
		if b[0] != 0 {
			break
		}
		u.src.Discard(1)
	}
	if head, err := u.src.Peek(magicSize); !u.compression.begins(head) {
		if err != nil && err != io.EOF {
			return err
		}
		return u.trailing(start)
	}
	return u.open()
}

// open makes frame the one that begins here.
func (u *unpacker) open() (err error) {
	switch u.compression {
	case Gzip:
		if u.gzip == nil {
			u.gzip = new(gzip.Reader)
		}
		err = u.gzip.Reset(u.src)
		u.gzip.Multistream(false)
		u.frame = u.gzip
	case Zstd: // all frames that follow each other
		u.zstd, err = zstd.NewReader(u.src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		u.frame = u.zstd
	case LZ4: // likewise
		u.frame = lz4.NewReader(u.src)
	case XZ:
		u.frame, err = newXZStream(u.src)
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// explain makes an error of a decompressor a FormatError; the file's own are
// returned as they are.
func (u *unpacker) explain(err error) error {
	var known *pcapng.FormatError
	field := string(u.compression) + " data"
	switch {
	case err == nil || err == io.EOF || errors.As(err, &known):
		return err
	case u.src.err != nil:
		return fmt.Errorf("%s: offset %#x: %w", u.name, u.src.offset(), u.src.err)
	case u.unpacked > 0 && (errors.Is(err, zstd.ErrMagicMismatch) || errors.Is(err, lz4.ErrInvalidFrame)):
		return u.trailing(u.src.offset() - 4)
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrWindowSizeTooSmall):
		return u.damage(field, "with a window that is not between 1 KiB and %d bytes", maxWindow)
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		e := u.damage(field, "cut: the file ends before it does")
		e.Cut = true
		return e
	}
	return u.damage(field, "corrupt: %v", err)
}

// trailing says that something else follows the compressed data.
func (u *unpacker) trailing(start int64) error {
	e := u.damage(string(u.compression)+" data", "followed by bytes that are none, which are left out")
	e.Offset = start
	return e
}

// damage is a FormatError at the compressed offset.
func (u *unpacker) damage(field, format string, args ...any) *pcapng.FormatError {
	return &pcapng.FormatError{File: u.name, Offset: u.src.offset(), Field: field, Text: fmt.Sprintf(format, args...)}
}

// close frees what the decompressor holds.
func (u *unpacker) close() {
	if u.zstd != nil {
		u.zstd.Close()
	}
}
