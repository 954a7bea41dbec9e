package pcapng

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// readerBuffer is how much is read at a time: large reads cost a tenth of
// small ones, and more than this gains nothing.
const readerBuffer = 1 << 20

// firstBuffer is how much is read at first: most captures are small.
const firstBuffer = 64 << 10

// Format is a kind of capture file.
type Format string

// The formats that are read.
const (
	FormatPcapng Format = "pcapng"
	FormatPcap   Format = "pcap"
)

// Record is one packet of a capture file.
type Record struct {
	Interface  uint32 // index into Reader.Interfaces
	Time       int64  // Unix nanoseconds; 0 where the file has none, or none that fits
	Data       []byte // the captured bytes; valid until the next call of Next
	WireLength uint32 // bytes on the wire; may be less than len(Data)
	Flags      uint32 // epb_flags; 0 = none
	Mark       int32  // 1 + the index into Reader.Marks of the process that the file names; 0 = none
	Block      uint64 // number of the block or record in the file, from 1
	Offset     int64  // where that begins, in bytes
}

// Interface is one interface of a capture file; a classic pcap file has one.
type Interface struct {
	Name, Description, Filter, OS string // "" = not told
	LinkType                      uint16
	Snaplen                       uint32 // 0 = no limit
	Received, Dropped             Count  // as last told by the recorder

	clock clock
}

// Reader reads the packets of one capture file. It is not safe for concurrent
// use.
type Reader struct {
	name   string
	format Format // of what is being read
	first  Format // of the file's beginning
	src    io.Reader
	srcErr error // what ended the source

	buf     []byte
	large   int   // what the buffer grows to
	lo, hi  int   // buf[lo:hi] is read and not yet used
	offset  int64 // of buf[lo] in the file
	skipped int64 // bytes before it that belong to no block or record that was read

	big        bool // the byte order of the section, or of the classic file
	lost       bool // the section is of a version that is not read
	pcap       classic
	seconds    uint32 // of the first record of a classic file; valid iff timed
	timed      bool
	solid      int64 // offset of a byte that is not 0; before it there are no holes
	interfaces []Interface
	section    int // index of the section's first interface
	comment    string
	marks      marks
	block      uint64
	ended      error // what every further call of Next returns
	pending    error // what the next one returns first
}

// NewReader returns a Reader of src, which it reads in large pieces; name is
// what errors call it. It fails with a NotCaptureError when src is no capture,
// with a FormatError when its header is malformed, and with src's own error.
func NewReader(src io.Reader, name string) (*Reader, error) {
	r := &Reader{name: name, src: src, solid: -1, buf: make([]byte, firstBuffer), large: readerBuffer}
	err := r.need(4)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	head := r.buf[:r.hi]
	if err == nil {
		if le.Uint32(head) == blockSection {
			r.format, r.first = FormatPcapng, FormatPcapng
			return r, nil
		}
		if _, _, ok := classicMagic(head); ok {
			r.first = FormatPcap
			return r, r.readClassicHeader()
		}
	}
	return nil, &NotCaptureError{File: name, What: describe(head)}
}

// Small makes the reader read less at a time and hold less, where many files
// are read at once: 64 KiB, and what a longer block needs.
func (r *Reader) Small() { r.large = firstBuffer }

// Format returns the format of the file: that of its beginning, where files
// of both were put together.
func (r *Reader) Format() Format { return r.first }

// Interfaces returns the interfaces met so far, over all sections; the slice
// belongs to the reader and is valid until the next call of Next.
func (r *Reader) Interfaces() []Interface { return r.interfaces }

// Marks returns the processes that the file named for packets so far. An entry
// keeps its index, and may learn more of its process until the file ends; the
// slice is valid until the next call of Next.
func (r *Reader) Marks() []Mark { return r.marks.list }

// Comment returns the comment of the first section that has one.
func (r *Reader) Comment() string { return r.comment }

// Offset returns how many bytes of the file are behind the reader, read or
// skipped. At the end it is the size of the file.
func (r *Reader) Offset() int64 { return r.offset }

// Skipped returns how many of them belong to no block or record that could be
// read.
func (r *Reader) Skipped() int64 { return r.skipped }

// Next reads the next packet into rec. It returns io.EOF at the end; a
// *FormatError for what is malformed, after which reading goes on with the
// next block or record that can be found; and the source's own error, which
// ends the reading.
func (r *Reader) Next(rec *Record) error {
	for r.ended == nil {
		if r.format == FormatPcap {
			if again, err := r.nextClassic(rec); !again {
				return err
			}
			continue
		}
		kind, body, err := r.nextBlock()
		if err != nil {
			return err
		}
		if body == nil { // a classic file begins here
			continue
		}
		packet, err := r.parse(kind, body, rec)
		if packet || err != nil {
			return err
		}
	}
	return r.end()
}

// end returns what is still to be told, and what ended the reading after that.
func (r *Reader) end() error {
	err := r.ended
	if r.pending != nil {
		err, r.pending = r.pending, nil
		if r.ended == errPending {
			r.ended = nil
		}
	}
	return err
}

// errPending stands in ended when only pending is to be told.
var errPending = errors.New("pending")

// tell makes the next call of Next return err first.
func (r *Reader) tell(err error) {
	if r.pending == nil {
		r.pending = err
		if r.ended == nil {
			r.ended = errPending
		}
	}
}

// nextBlock returns the type and the body of the next block, valid until the
// next call. The body is nil where a classic file begins instead.
func (r *Reader) nextBlock() (kind uint32, body []byte, err error) {
	if err := r.need(12); err != nil {
		return 0, nil, r.stop(err)
	}
	head := r.buf[r.lo:]
	kind = r.u32(head)
	if kind > blockCustom { // none of the usual
		if kind == blockSection { // a palindrome: the same in both orders
			big, ok := sectionOrder(head)
			if !ok {
				r.big = le.Uint32(head[4:]) > maxResync // what is left to tell the order by
				return 0, nil, r.damaged(0, "byte-order magic", "%#x, want %#x", be.Uint32(head[8:]), uint32(byteOrderMagic))
			}
			r.big, r.lost = big, false
		} else if r.classicBegins() {
			return 0, nil, r.readClassicHeader()
		}
	}
	length := int64(r.u32(head[4:]))
	if length < 12 || length > maxUsual && length > longest(kind) {
		return 0, nil, r.damaged(0, "total length", "%d, need %d to %d", length, 12, longest(kind))
	}
	padded := int((length + 3) &^ 3) // some writers count without the padding, and Wireshark reads them
	if err := r.need(padded); err != nil {
		if n, _ := r.plausible(r.buf[r.lo:r.hi], r.big, true); err == io.ErrUnexpectedEOF && n == 0 {
			return 0, nil, r.cut("total length", "%d, the file has %d bytes more", length, r.hi-r.lo)
		}
		return 0, nil, r.stop(err)
	}
	head = r.buf[r.lo : r.lo+padded]
	if tail := int64(r.u32(head[padded-4:])); tail != length {
		return 0, nil, r.damaged(padded, "total length", "%d at the block's end, %d at its beginning", tail, length)
	}
	r.advance(padded)
	return kind, head[8 : padded-4], nil
}

// maxUsual is how long a block can be whose parts are small: a packet, and a
// hundred options as long as they can be. What says that it is longer would
// take memory for nothing.
const maxUsual = 16 << 20

// longest returns how long a block of the type can be.
func longest(kind uint32) int64 {
	switch kind {
	case blockSection, blockInterface, blockPacket, blockSimple, blockStatistics, blockEnhanced:
		return maxUsual
	}
	return MaxBlock
}

// sectionOrder returns the byte order of the section whose header is given.
func sectionOrder(head []byte) (big, ok bool) {
	big = be.Uint32(head[8:]) == byteOrderMagic
	return big, big || le.Uint32(head[8:]) == byteOrderMagic
}

// advance moves past the block or record that was just read.
func (r *Reader) advance(n int) {
	r.lo += n
	r.offset += int64(n)
	r.block++
}

// skip moves past bytes that are not read.
func (r *Reader) skip(n int) {
	r.lo += n
	r.offset += int64(n)
	r.skipped += int64(n)
}

// need makes sure that n bytes are buffered. At the end of the source it
// returns io.EOF when there are none, io.ErrUnexpectedEOF when there are fewer.
// The buffer grows only as bytes arrive, so that a length which lies about the
// file costs nothing.
func (r *Reader) need(n int) error {
	for empty := 0; r.hi-r.lo < n; {
		if r.srcErr != nil {
			if r.srcErr != io.EOF {
				return r.srcErr
			}
			if r.hi == r.lo {
				return io.EOF
			}
			return io.ErrUnexpectedEOF
		}
		r.room(n)
		m, err := r.src.Read(r.buf[r.hi:])
		r.hi += m
		r.srcErr = err
		if m > 0 || err != nil {
			empty = 0
		} else if empty++; empty == 100 {
			r.srcErr = io.ErrNoProgress
		}
	}
	return nil
}

// room makes room behind what is buffered, of which n bytes are needed. What
// is moved is little, or at most half of what the buffer holds.
func (r *Reader) room(n int) {
	rest := r.hi - r.lo
	switch {
	case r.lo == 0 && r.hi < len(r.buf):
		return
	case r.hi == len(r.buf) && (rest > len(r.buf)/2 || len(r.buf) < r.large):
		buf := make([]byte, max(2*len(r.buf), r.large))
		copy(buf, r.buf[r.lo:r.hi])
		r.buf = buf
	case r.hi == len(r.buf) || rest < r.large/16:
		copy(r.buf, r.buf[r.lo:r.hi])
	default:
		return
	}
	r.lo, r.hi = 0, rest
}

// stop ends the reading at the end of the source, and returns what Next does.
func (r *Reader) stop(err error) error {
	rest := r.hi - r.lo
	at := r.offset
	if err == io.EOF || err == io.ErrUnexpectedEOF || errors.As(err, new(*FormatError)) {
		r.skip(rest)
		r.ended = io.EOF
	}
	switch {
	case err == io.ErrUnexpectedEOF:
		return &FormatError{File: r.name, Block: r.block + 1, Offset: at, Cut: true, Skipped: int64(rest), Text: fmt.Sprintf(cutText, rest)}
	case r.ended != nil: // the end, or a source that knows what is wrong with it
		return err
	}
	r.ended = fmt.Errorf("%s: offset %#x: %w", r.name, at+int64(rest), err)
	return r.ended
}

const cutText = "the file is cut here, %d bytes into a block or record"

// cut reports a block or record that goes on behind the end of the file, and
// whose other fields do not fit either: if others are found behind it, it is
// malformed, and else the file is cut.
func (r *Reader) cut(field, format string, args ...any) error {
	e := r.damaged(0, field, format, args...)
	if r.hi == r.lo && r.srcErr == io.EOF {
		r.ended = io.EOF
		r.block--
		e.Cut, e.Field, e.Text = true, "", fmt.Sprintf(cutText, e.Skipped)
	}
	return e
}

// malformed reports what is wrong with what begins here.
func (r *Reader) malformed(field, format string, args ...any) error {
	return &FormatError{File: r.name, Block: r.block + 1, Offset: r.offset, Field: field, Text: fmt.Sprintf(format, args...)}
}

// bad reports the malformed block that was just read, whose body is given;
// reading goes on behind it.
func (r *Reader) bad(body []byte, field, format string, args ...any) *FormatError {
	size := int64(len(body)) + 12
	r.skipped += size
	return &FormatError{File: r.name, Block: r.block, Offset: r.offset - size, Field: field, Text: fmt.Sprintf(format, args...), Skipped: size}
}

// The two byte orders.
var (
	le = binary.LittleEndian
	be = binary.BigEndian
)

func (r *Reader) order() ByteOrder {
	if r.big {
		return be
	}
	return le
}

func (r *Reader) u16(b []byte) uint16 {
	if r.big {
		return be.Uint16(b)
	}
	return le.Uint16(b)
}

func (r *Reader) u32(b []byte) uint32 {
	if r.big {
		return be.Uint32(b)
	}
	return le.Uint32(b)
}

func (r *Reader) u64(b []byte) uint64 {
	if r.big {
		return be.Uint64(b)
	}
	return le.Uint64(b)
}
