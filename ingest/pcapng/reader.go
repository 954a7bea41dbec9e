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
	Time       int64  // Unix nanoseconds; 0 where the file has none
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
	format Format
	src    io.Reader
	srcErr error // what ended the source

	buf    []byte
	lo, hi int   // buf[lo:hi] is read and not yet used
	offset int64 // of buf[lo] in the file

	big        bool // the byte order of the section, or of the classic file
	pcap       classic
	interfaces []Interface
	section    int // index of the section's first interface
	comment    string
	marks      marks
	block      uint64
	ended      error // what every further call of Next returns
}

// NewReader returns a Reader of src, which it reads in large pieces; name is
// what errors call it. It fails with a NotCaptureError when src is no capture,
// with a FormatError when its header is malformed, and with src's own error.
func NewReader(src io.Reader, name string) (*Reader, error) {
	r := &Reader{name: name, src: src, buf: make([]byte, readerBuffer)}
	err := r.need(4)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	head := r.buf[:r.hi]
	if err == nil {
		if binary.LittleEndian.Uint32(head) == blockSection {
			r.format = FormatPcapng
			return r, nil
		}
		if c, big, ok := classicMagic([4]byte(head)); ok {
			r.format, r.pcap, r.big = FormatPcap, c, big
			return r, r.readClassicHeader()
		}
	}
	return nil, &NotCaptureError{File: name, What: describe(head)}
}

// Format returns the format of the file.
func (r *Reader) Format() Format { return r.format }

// Interfaces returns the interfaces met so far, over all sections; the slice
// belongs to the reader and is valid until the next call of Next.
func (r *Reader) Interfaces() []Interface { return r.interfaces }

// Marks returns the processes that the file named for packets so far. An entry
// keeps its index, and may learn more of its process until the file ends; the
// slice is valid until the next call of Next.
func (r *Reader) Marks() []Mark { return r.marks.list }

// Comment returns the comment of the first section that has one.
func (r *Reader) Comment() string { return r.comment }

// Offset returns how many bytes of the file have been used.
func (r *Reader) Offset() int64 { return r.offset }

// Next reads the next packet into rec. It returns io.EOF at the end; a
// *FormatError for a block that is malformed, after which reading goes on if
// it can; and the source's own error, which ends the reading.
func (r *Reader) Next(rec *Record) error {
	if r.ended != nil {
		return r.ended
	}
	if r.format == FormatPcap {
		return r.nextClassic(rec)
	}
	for {
		kind, body, err := r.nextBlock()
		if err != nil {
			return err
		}
		packet, err := r.parse(kind, body, rec)
		if packet || err != nil {
			return err
		}
	}
}

// nextBlock returns the type and the body of the next block, valid until the
// next call.
func (r *Reader) nextBlock() (kind uint32, body []byte, err error) {
	if err := r.need(12); err != nil {
		return 0, nil, r.end(err)
	}
	head := r.buf[r.lo:]
	if binary.LittleEndian.Uint32(head) == blockSection { // a palindrome: the same in both orders
		switch {
		case binary.LittleEndian.Uint32(head[8:]) == byteOrderMagic:
			r.big = false
		case binary.BigEndian.Uint32(head[8:]) == byteOrderMagic:
			r.big = true
		default:
			return 0, nil, r.fatal("byte-order magic", fmt.Sprintf("%#x, want %#x", binary.BigEndian.Uint32(head[8:]), uint32(byteOrderMagic)))
		}
	}
	length := int64(r.u32(head[4:]))
	if length < 12 || length > MaxBlock {
		return 0, nil, r.fatal("total length", fmt.Sprintf("%d, need %d to %d", length, 12, MaxBlock))
	}
	padded := int((length + 3) &^ 3) // some writers count without the padding, and Wireshark reads them
	if err := r.need(padded); err != nil {
		return 0, nil, r.end(err)
	}
	head = r.buf[r.lo : r.lo+padded]
	if tail := int64(r.u32(head[padded-4:])); tail != length {
		return 0, nil, r.fatal("total length", fmt.Sprintf("%d at the block's end, %d at its beginning", tail, length))
	}
	r.advance(padded)
	return r.u32(head), head[8 : padded-4], nil
}

// advance moves past the block or record that was just read.
func (r *Reader) advance(n int) {
	r.lo += n
	r.offset += int64(n)
	r.block++
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
		if r.lo > 0 {
			copy(r.buf, r.buf[r.lo:r.hi])
			r.lo, r.hi = 0, r.hi-r.lo
		}
		if r.hi == len(r.buf) {
			r.buf = append(r.buf, make([]byte, len(r.buf))...)
		}
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

// end turns the end of the source into what Next returns.
func (r *Reader) end(err error) error {
	switch err {
	case io.EOF:
		r.ended = io.EOF
	case io.ErrUnexpectedEOF:
		rest := r.hi - r.lo
		e := r.fatal("", fmt.Sprintf("the file is cut here, %d bytes into a block or record", rest)).(*FormatError)
		e.Cut = true
		return e
	default:
		if errors.As(err, new(*FormatError)) { // the source knows what is wrong with it
			r.ended = io.EOF
			return err
		}
		r.ended = fmt.Errorf("%s: offset %#x: %w", r.name, r.offset+int64(r.hi-r.lo), err)
	}
	return r.ended
}

// fatal reports a malformed block at the current offset, after which no other
// can be found.
func (r *Reader) fatal(field, text string) error {
	r.ended = io.EOF
	return &FormatError{File: r.name, Block: r.block + 1, Offset: r.offset, Field: field, Text: text}
}

// bad reports the malformed block whose body is given; reading can go on.
func (r *Reader) bad(body []byte, field, format string, args ...any) error {
	return &FormatError{File: r.name, Block: r.block, Offset: r.offset - int64(len(body)) - 12, Field: field, Text: fmt.Sprintf(format, args...)}
}

func (r *Reader) u16(b []byte) uint16 {
	if r.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (r *Reader) u32(b []byte) uint32 {
	if r.big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (r *Reader) u64(b []byte) uint64 {
	if r.big {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}
