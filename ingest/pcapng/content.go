package pcapng

import "errors"

// Content is what a block holds: one of the types of this file. All that
// stands in a block is kept, so that AppendBlock makes the same bytes of it.
type Content interface {
	Type() uint32 // block type, draft-ietf-opsawg-pcapng section 11.1
	appendTo(b []byte, order ByteOrder) []byte
}

// SectionBlock begins a section (section 4.1). Its byte order is that of the
// AppendBlock it is written by.
type SectionBlock struct {
	Major, Minor uint16
	Length       int64 // of the section behind this block, bytes; -1 = not told
	Options      Options
}

// Type returns the block type.
func (*SectionBlock) Type() uint32 { return blockSection }

func (c *SectionBlock) decode(b *Block) (err error) {
	c.Major, c.Minor, c.Length = b.Order.Uint16(b.Body[4:]), b.Order.Uint16(b.Body[6:]), int64(b.Order.Uint64(b.Body[8:]))
	c.Options, err = decodeOptions(b.Body[16:], b.Order)
	return err
}

func (c *SectionBlock) appendTo(b []byte, order ByteOrder) []byte {
	b = order.AppendUint32(b, byteOrderMagic)
	b = order.AppendUint16(order.AppendUint16(b, c.Major), c.Minor)
	return c.Options.append(order.AppendUint64(b, uint64(c.Length)), order)
}

// InterfaceBlock describes an interface (section 4.2); the first of a section
// is number 0.
type InterfaceBlock struct {
	LinkType, Reserved uint16
	Snaplen            uint32 // bytes kept of a frame; 0 = all
	Options            Options
}

// Type returns the block type.
func (*InterfaceBlock) Type() uint32 { return blockInterface }

func (c *InterfaceBlock) decode(b *Block) (err error) {
	c.LinkType, c.Reserved, c.Snaplen = b.Order.Uint16(b.Body), b.Order.Uint16(b.Body[2:]), b.Order.Uint32(b.Body[4:])
	c.Options, err = decodeOptions(b.Body[8:], b.Order)
	return err
}

func (c *InterfaceBlock) appendTo(b []byte, order ByteOrder) []byte {
	b = order.AppendUint16(order.AppendUint16(b, c.LinkType), c.Reserved)
	return c.Options.append(order.AppendUint32(b, c.Snaplen), order)
}

// PacketBlock is an enhanced packet block (section 4.3).
type PacketBlock struct {
	Interface  uint32 // number in the section
	Timestamp  uint64 // in the interface's resolution, see Reader.Time
	WireLength uint32 // bytes
	Data       []byte
	Padding    []byte // of Data; nil = zeros
	Options    Options
}

// Type returns the block type.
func (*PacketBlock) Type() uint32 { return blockEnhanced }

func (c *PacketBlock) decode(b *Block) (err error) {
	c.Interface, c.Timestamp = b.Order.Uint32(b.Body), timestamp(b.Body[4:], b.Order)
	c.WireLength = b.Order.Uint32(b.Body[16:])
	c.Data, c.Padding, c.Options, err = cutPacket(b.Body[12:], 8, b.Order)
	return err
}

func (c *PacketBlock) appendTo(b []byte, order ByteOrder) []byte {
	b = appendTimestamp(order.AppendUint32(b, c.Interface), c.Timestamp, order)
	b = order.AppendUint32(order.AppendUint32(b, uint32(len(c.Data))), c.WireLength)
	return c.Options.append(appendPadded(b, c.Data, c.Padding), order)
}

// cutPacket takes data, padding and options that begin skip bytes behind the
// length of the data.
func cutPacket(b []byte, skip int, order ByteOrder) (data, padding []byte, o Options, err error) {
	n := order.Uint32(b)
	if n > MaxBlock {
		return nil, nil, nil, errOptions
	}
	data, padding, rest, err := cutPadded(b[skip:], int(n))
	if err == nil {
		o, err = decodeOptions(rest, order)
	}
	return data, padding, o, err
}

// timestamp reads a time: its upper half stands first in both orders.
func timestamp(b []byte, order ByteOrder) uint64 {
	return uint64(order.Uint32(b))<<32 | uint64(order.Uint32(b[4:]))
}

func appendTimestamp(b []byte, t uint64, order ByteOrder) []byte {
	return order.AppendUint32(order.AppendUint32(b, uint32(t>>32)), uint32(t))
}

// SimplePacketBlock is a packet of the section's first interface, without a
// time (section 4.4).
type SimplePacketBlock struct {
	WireLength uint32 // bytes
	Data       []byte // as much as the interface's snaplen lets through
	Padding    []byte // what stands behind Data; nil = zeros to a multiple of 4
}

// Type returns the block type.
func (*SimplePacketBlock) Type() uint32 { return blockSimple }

func (c *SimplePacketBlock) decode(b *Block) (err error) {
	c.WireLength = b.Order.Uint32(b.Body)
	n := min(uint64(len(b.Body)-4), uint64(c.WireLength))
	if b.snaplen != 0 {
		n = min(n, uint64(b.snaplen))
	}
	var rest []byte
	c.Data, c.Padding, rest, err = cutPadded(b.Body[4:], int(n))
	if len(rest) > 0 {
		c.Padding = b.Body[4+n:]
	}
	return err
}

func (c *SimplePacketBlock) appendTo(b []byte, order ByteOrder) []byte {
	return appendPadded(order.AppendUint32(b, c.WireLength), c.Data, c.Padding)
}

// ObsoletePacketBlock is what came before PacketBlock (appendix A).
type ObsoletePacketBlock struct {
	Interface  uint16 // number in the section
	Dropped    uint16 // packets lost before this one; 65,535 = not told
	Timestamp  uint64 // in the interface's resolution, see Reader.Time
	WireLength uint32 // bytes
	Data       []byte
	Padding    []byte // of Data; nil = zeros
	Options    Options
}

// Type returns the block type.
func (*ObsoletePacketBlock) Type() uint32 { return blockPacket }

func (c *ObsoletePacketBlock) decode(b *Block) (err error) {
	c.Interface, c.Dropped, c.Timestamp = b.Order.Uint16(b.Body), b.Order.Uint16(b.Body[2:]), timestamp(b.Body[4:], b.Order)
	c.WireLength = b.Order.Uint32(b.Body[16:])
	c.Data, c.Padding, c.Options, err = cutPacket(b.Body[12:], 8, b.Order)
	return err
}

func (c *ObsoletePacketBlock) appendTo(b []byte, order ByteOrder) []byte {
	b = appendTimestamp(order.AppendUint16(order.AppendUint16(b, c.Interface), c.Dropped), c.Timestamp, order)
	b = order.AppendUint32(order.AppendUint32(b, uint32(len(c.Data))), c.WireLength)
	return c.Options.append(appendPadded(b, c.Data, c.Padding), order)
}

// NamesBlock resolves names (section 4.5).
type NamesBlock struct {
	Records []NameRecord // with the one that ends the list, where the file has it
	Options Options
}

// NameRecord is a record of a NamesBlock.
type NameRecord struct {
	Type    uint16 // 0 = end of the list, 1 = IPv4 address, 2 = IPv6 address, 3 = EUI-48, 4 = EUI-64
	Value   []byte // the address, and its names, each ended by NUL
	Padding []byte // nil = zeros
}

// Type returns the block type.
func (*NamesBlock) Type() uint32 { return blockNames }

func (c *NamesBlock) decode(b *Block) (err error) {
	for rest := b.Body; len(rest) > 0; {
		if len(rest) < 4 {
			return errOptions
		}
		r := NameRecord{Type: b.Order.Uint16(rest)}
		if r.Value, r.Padding, rest, err = cutPadded(rest[4:], int(b.Order.Uint16(rest[2:]))); err != nil {
			return err
		}
		c.Records = append(c.Records, r)
		if r.Type == 0 {
			c.Options, err = decodeOptions(rest, b.Order)
			return err
		}
	}
	return nil
}

func (c *NamesBlock) appendTo(b []byte, order ByteOrder) []byte {
	for _, r := range c.Records {
		b = order.AppendUint16(order.AppendUint16(b, r.Type), uint16(len(r.Value)))
		b = appendPadded(b, r.Value, r.Padding)
	}
	return c.Options.append(b, order)
}

// StatisticsBlock has counters of an interface (section 4.6).
type StatisticsBlock struct {
	Interface uint32 // number in the section
	Timestamp uint64 // in the interface's resolution, see Reader.Time
	Options   Options
}

// Type returns the block type.
func (*StatisticsBlock) Type() uint32 { return blockStatistics }

func (c *StatisticsBlock) decode(b *Block) (err error) {
	c.Interface, c.Timestamp = b.Order.Uint32(b.Body), timestamp(b.Body[4:], b.Order)
	c.Options, err = decodeOptions(b.Body[12:], b.Order)
	return err
}

func (c *StatisticsBlock) appendTo(b []byte, order ByteOrder) []byte {
	return c.Options.append(appendTimestamp(order.AppendUint32(b, c.Interface), c.Timestamp, order), order)
}

// JournalBlock is an entry of the systemd journal in its export format
// (section 4.7).
type JournalBlock struct {
	Entry []byte // with what fills it up to a multiple of 4: its length is not told
}

// Type returns the block type.
func (*JournalBlock) Type() uint32 { return blockJournal }

func (c *JournalBlock) appendTo(b []byte, _ ByteOrder) []byte { return append(b, c.Entry...) }

// SecretsBlock has secrets for decryption (section 4.8).
type SecretsBlock struct {
	Secrets uint32 // what they are: 0x544c534b = TLS key log, …
	Data    []byte
	Padding []byte // of Data; nil = zeros
	Options Options
}

// Type returns the block type.
func (*SecretsBlock) Type() uint32 { return blockSecrets }

func (c *SecretsBlock) decode(b *Block) (err error) {
	c.Secrets = b.Order.Uint32(b.Body)
	c.Data, c.Padding, c.Options, err = cutPacket(b.Body[4:], 4, b.Order)
	return err
}

func (c *SecretsBlock) appendTo(b []byte, order ByteOrder) []byte {
	b = order.AppendUint32(order.AppendUint32(b, c.Secrets), uint32(len(c.Data)))
	return c.Options.append(appendPadded(b, c.Data, c.Padding), order)
}

// CustomBlock is a block whose meaning an enterprise defines (section 4.9).
type CustomBlock struct {
	NoCopy     bool   // it is not to be copied to files that were changed
	Enterprise uint32 // private enterprise number, assigned by IANA
	Data       []byte // and perhaps options: only the enterprise knows where they begin
}

// Type returns the block type.
func (c *CustomBlock) Type() uint32 {
	if c.NoCopy {
		return blockCustomNoCopy
	}
	return blockCustom
}

func (c *CustomBlock) decode(b *Block) error {
	c.NoCopy, c.Enterprise, c.Data = b.Type == blockCustomNoCopy, b.Order.Uint32(b.Body), b.Body[4:]
	return nil
}

func (c *CustomBlock) appendTo(b []byte, order ByteOrder) []byte {
	return append(order.AppendUint32(b, c.Enterprise), c.Data...)
}

// RawBlock is a block of a type that this package does not know, or of any
// type.
type RawBlock struct {
	BlockType uint32
	Body      []byte // in the byte order of the section
}

// Type returns the block type.
func (c *RawBlock) Type() uint32 { return c.BlockType }

func (c *RawBlock) appendTo(b []byte, _ ByteOrder) []byte { return append(b, c.Body...) }

var errSection = errors.New("pcapng: the first block must be a section header")
