package pcapng

import (
	"fmt"
	"io"
	"math"
	"unicode/utf8"
)

// writerBuffer is how many bytes the Writer gathers before it writes.
const writerBuffer = 1 << 20

// SectionHeader describes the section that a Writer makes. Empty fields are
// left out.
type SectionHeader struct {
	Comment, Hardware, OS, Application string
}

// InterfaceDescription describes one interface. Its timestamps are written in
// nanoseconds.
type InterfaceDescription struct {
	Name, Description, Filter, OS string
	LinkType                      uint16
	Snaplen                       uint32 // 0 = no limit
}

// EnhancedPacket is one packet. The Writer keeps nothing of Data.
type EnhancedPacket struct {
	Interface  uint32
	Time       int64 // Unix nanoseconds, not before 1970
	Data       []byte
	WireLength uint32
	Flags      uint32 // epb_flags, section 4.3.1; 0 = left out
}

// InterfaceStatistics are the counters of one interface since the capture
// began. Unknown counters are left out.
type InterfaceStatistics struct {
	Interface  uint32
	Time       int64 // when they were read, Unix nanoseconds
	Start, End int64 // of the capture, Unix nanoseconds; 0 = unknown

	Received, Dropped, OSDropped, FilterAccepted, Delivered Count

	Comment string
}

// Count is a counter that may be unknown.
type Count struct {
	N     uint64
	Known bool
}

// Counted returns a known Count.
func Counted(n uint64) Count { return Count{n, true} }

// Writer writes blocks. The usual ones have methods of their own; WriteBlock
// takes any. It buffers; every Write to the
// underlying writer holds whole blocks only. After a failed write all calls
// return that error. It is not safe for concurrent use.
type Writer struct {
	w          io.Writer
	order      ByteOrder
	buf        []byte
	interfaces uint32
	size       int64
	err        error
}

// NewWriter returns a Writer of one little-endian section, whose header is in
// its buffer.
func NewWriter(w io.Writer, s SectionHeader) (*Writer, error) {
	x := NewBlockWriter(w, le)
	start := x.begin(blockSection)
	x.buf = x.order.AppendUint32(x.buf, byteOrderMagic)
	x.buf = x.order.AppendUint16(x.buf, 1) // version 1.0
	x.buf = x.order.AppendUint16(x.buf, 0)
	x.buf = x.order.AppendUint64(x.buf, math.MaxUint64) // section length unknown
	x.text(OptionComment, s.Comment)
	x.text(SectionHardware, s.Hardware)
	x.text(SectionOS, s.OS)
	x.text(SectionApplication, s.Application)
	return x, x.end(start)
}

// NewBlockWriter returns a Writer of sections in the given byte order, for
// WriteBlock. Nothing is written yet: the first block must be a *SectionBlock.
func NewBlockWriter(w io.Writer, order ByteOrder) *Writer {
	return &Writer{w: w, order: order, buf: make([]byte, 0, writerBuffer+writerBuffer/4)}
}

// WriteBlock writes a block of any kind: what Block.Decode returned for a block
// of the same byte order gives the same bytes again. A *SectionBlock begins a
// new section, in which interfaces count from 0. What the block says is not
// checked, but for its length, which is at most MaxBlock.
func (x *Writer) WriteBlock(c Content) error {
	_, header := c.(*SectionBlock)
	switch {
	case x.err != nil:
		return x.err
	case x.Size() == 0 && !header:
		return errSection
	}
	start := len(x.buf)
	x.buf = AppendBlock(x.buf, x.order, c)
	if n := len(x.buf) - start; n > MaxBlock {
		x.buf = x.buf[:start]
		return fmt.Errorf("pcapng: block of %d bytes, the limit is %d", n, MaxBlock)
	}
	switch c.(type) {
	case *SectionBlock:
		x.interfaces = 0
	case *InterfaceBlock:
		x.interfaces++
	}
	return x.spill()
}

// AddInterface writes an interface description and returns its ID; IDs count
// from 0. It may be called at any time before the interface's first packet.
func (x *Writer) AddInterface(d InterfaceDescription) (uint32, error) {
	if x.err != nil {
		return 0, x.err
	}
	start := x.begin(blockInterface)
	x.buf = x.order.AppendUint16(x.buf, d.LinkType)
	x.buf = x.order.AppendUint16(x.buf, 0)
	x.buf = x.order.AppendUint32(x.buf, d.Snaplen)
	x.text(InterfaceName, d.Name)
	x.text(InterfaceDescribed, d.Description)
	x.option(InterfaceTsresol, []byte{9}) // 10^-9 s
	if d.Filter != "" {
		x.text(InterfaceFilter, "\x00"+d.Filter) // 0 = the filter as a string
	}
	x.text(InterfaceOS, d.OS)
	id := x.interfaces
	x.interfaces++
	return id, x.end(start)
}

// WritePacket writes an enhanced packet block. It fails, and writes nothing,
// for an interface that was not added and for more than MaxCaptured bytes.
func (x *Writer) WritePacket(p *EnhancedPacket) error {
	switch {
	case x.err != nil:
		return x.err
	case p.Interface >= x.interfaces:
		return fmt.Errorf("pcapng: packet of interface %d, of which %d were added", p.Interface, x.interfaces)
	case len(p.Data) > MaxCaptured:
		return fmt.Errorf("pcapng: captured length %d, the limit is %d", len(p.Data), MaxCaptured)
	case p.Time < 0:
		return fmt.Errorf("pcapng: time %d ns is before 1970", p.Time)
	}
	if x.order != ByteOrder(le) {
		return x.WriteBlock(p.block())
	}
	pad := -len(p.Data) & 3
	length := 32 + len(p.Data) + pad
	if p.Flags != 0 {
		length += 12
	}
	b := le.AppendUint32(x.buf, blockEnhanced)
	b = le.AppendUint32(b, uint32(length))
	b = le.AppendUint32(b, p.Interface)
	b = le.AppendUint32(b, uint32(p.Time>>32))
	b = le.AppendUint32(b, uint32(p.Time))
	b = le.AppendUint32(b, uint32(len(p.Data)))
	b = le.AppendUint32(b, p.WireLength)
	b = append(b, p.Data...)
	b = append(b, "\x00\x00\x00"[:pad]...)
	if p.Flags != 0 {
		b = append(b, byte(PacketFlags), 0, 4, 0)
		b = le.AppendUint32(b, p.Flags)
		b = append(b, 0, 0, 0, 0) // opt_endofopt
	}
	x.buf = le.AppendUint32(b, uint32(length))
	return x.spill()
}

// block returns the packet for sections that are not little-endian.
func (p *EnhancedPacket) block() *PacketBlock {
	b := &PacketBlock{Interface: p.Interface, Timestamp: uint64(p.Time), WireLength: p.WireLength, Data: p.Data}
	if p.Flags != 0 {
		b.Options = Options{{Code: PacketFlags, Value: be.AppendUint32(nil, p.Flags)}, {Code: OptionEnd}}
	}
	return b
}

// WriteStatistics writes an interface statistics block.
func (x *Writer) WriteStatistics(s *InterfaceStatistics) error {
	switch {
	case x.err != nil:
		return x.err
	case s.Interface >= x.interfaces:
		return fmt.Errorf("pcapng: statistics of interface %d, of which %d were added", s.Interface, x.interfaces)
	}
	start := x.begin(blockStatistics)
	x.buf = x.order.AppendUint32(x.buf, s.Interface)
	x.buf = x.appendTime(x.buf, s.Time)
	x.text(OptionComment, s.Comment)
	for _, o := range []struct {
		code uint16
		at   int64
	}{{StatisticsStart, s.Start}, {StatisticsEnd, s.End}} {
		if o.at != 0 {
			x.option(o.code, x.appendTime(nil, o.at))
		}
	}
	for _, o := range []struct {
		code uint16
		n    Count
	}{{StatisticsReceived, s.Received}, {StatisticsDropped, s.Dropped}, {StatisticsAccepted, s.FilterAccepted},
		{StatisticsOSDropped, s.OSDropped}, {StatisticsDelivered, s.Delivered}} {
		if o.n.Known {
			x.option(o.code, x.order.AppendUint64(nil, o.n.N))
		}
	}
	return x.end(start)
}

// appendTime appends a time in nanoseconds as its upper and lower halves.
func (x *Writer) appendTime(b []byte, ns int64) []byte {
	return appendTimestamp(b, uint64(ns), x.order)
}

// Flush writes what is buffered.
func (x *Writer) Flush() error {
	if x.err != nil || len(x.buf) == 0 {
		return x.err
	}
	n, err := x.w.Write(x.buf)
	if err == nil && n < len(x.buf) {
		err = io.ErrShortWrite
	}
	x.size += int64(len(x.buf))
	x.buf = x.buf[:0]
	x.err = err
	return err
}

// Size returns the bytes of all blocks so far, written or buffered.
func (x *Writer) Size() int64 { return x.size + int64(len(x.buf)) }

// begin starts a block and returns where.
func (x *Writer) begin(kind uint32) (start int) {
	start = len(x.buf)
	x.buf = x.order.AppendUint32(x.buf, kind)
	x.buf = x.order.AppendUint32(x.buf, 0)
	return start
}

// end closes the options and the block.
func (x *Writer) end(start int) error {
	x.buf = append(x.buf, 0, 0, 0, 0) // opt_endofopt
	length := uint32(len(x.buf) - start + 4)
	x.buf = x.order.AppendUint32(x.buf, length)
	x.order.PutUint32(x.buf[start+4:], length)
	return x.spill()
}

// spill writes when enough is buffered.
func (x *Writer) spill() error {
	if len(x.buf) < writerBuffer {
		return nil
	}
	return x.Flush()
}

func (x *Writer) option(code uint16, value []byte) {
	x.buf = x.order.AppendUint16(x.buf, code)
	x.buf = x.order.AppendUint16(x.buf, uint16(len(value)))
	x.buf = append(x.buf, value...)
	x.buf = append(x.buf, "\x00\x00\x00"[:-len(value)&3]...)
}

// text writes a string option unless it is empty; a longer one than an option
// can hold is cut between two runes.
func (x *Writer) text(code uint16, s string) {
	if s == "" {
		return
	}
	if len(s) > math.MaxUint16 {
		n := math.MaxUint16
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	x.option(code, []byte(s))
}
