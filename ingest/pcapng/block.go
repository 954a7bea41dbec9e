package pcapng

import (
	"errors"
	"fmt"
)

// Block is one block as it stands in a file.
type Block struct {
	Type   uint32
	Order  ByteOrder // of its section
	Body   []byte    // what is between its two lengths; valid until the next call
	Number uint64    // in the file, from 1
	Offset int64     // where it begins, in bytes

	snaplen uint32 // of the section's first interface, for simple packet blocks
}

// ErrClassic is what NextBlock returns where the file is classic pcap, which
// has no blocks.
var ErrClassic = errors.New("pcapng: a classic pcap file has no blocks")

// NextBlock reads the next block, of any type, into b. It is for those who
// want all that a file holds, and may be mixed with Next. Errors are those of
// Next, but for what stands in a block: that Decode tells.
func (r *Reader) NextBlock(b *Block) error {
	if r.ended != nil {
		return r.end()
	}
	if r.format == FormatPcap {
		return ErrClassic
	}
	kind, body, err := r.nextBlock()
	switch {
	case err != nil:
		return err
	case body == nil:
		return ErrClassic
	}
	*b = Block{Type: kind, Order: r.order(), Body: body, Number: r.block, Offset: r.offset - int64(len(body)) - 12}
	if r.section < len(r.interfaces) {
		b.snaplen = r.interfaces[r.section].Snaplen
	}
	var rec Record
	if _, err := r.parse(kind, body, &rec); err != nil && r.lost {
		return err
	}
	return nil
}

// Time returns the time of a timestamp of an interface of the current section,
// in Unix nanoseconds; 0 when there is no such interface.
func (r *Reader) Time(iface uint32, timestamp uint64) int64 {
	if !r.knows(iface) {
		return 0
	}
	return r.interfaces[r.section+int(iface)].clock.nanoseconds(timestamp)
}

// Decode returns what the block holds: a *SectionBlock, *InterfaceBlock,
// *PacketBlock, *SimplePacketBlock, *ObsoletePacketBlock, *NamesBlock,
// *StatisticsBlock, *JournalBlock, *SecretsBlock or *CustomBlock; a *RawBlock
// for all others. It shares the body's memory. It fails when a length inside
// reaches beyond the body, or something stands behind the end of the options;
// RawBlock{b.Type, b.Body} holds such a block, too.
func (b *Block) Decode() (Content, error) {
	c, err := b.decode()
	if err != nil {
		return nil, fmt.Errorf("block %d (offset %#x) of type %#x: %w", b.Number, b.Offset, b.Type, err)
	}
	return c, nil
}

func (b *Block) decode() (Content, error) {
	switch b.Type {
	case blockSection:
		return decodeAs(b, 16, &SectionBlock{})
	case blockInterface:
		return decodeAs(b, 8, &InterfaceBlock{})
	case blockEnhanced:
		return decodeAs(b, 20, &PacketBlock{})
	case blockSimple:
		return decodeAs(b, 4, &SimplePacketBlock{})
	case blockPacket:
		return decodeAs(b, 20, &ObsoletePacketBlock{})
	case blockNames:
		return decodeAs(b, 0, &NamesBlock{})
	case blockStatistics:
		return decodeAs(b, 12, &StatisticsBlock{})
	case blockSecrets:
		return decodeAs(b, 8, &SecretsBlock{})
	case blockCustom, blockCustomNoCopy:
		return decodeAs(b, 4, &CustomBlock{})
	case blockJournal:
		return &JournalBlock{Entry: b.Body}, nil
	}
	return &RawBlock{BlockType: b.Type, Body: b.Body}, nil
}

// decodeAs decodes the block into c, whose fixed part has so many bytes.
func decodeAs[C interface {
	Content
	decode(b *Block) error
}](b *Block, fixed int, c C) (Content, error) {
	if len(b.Body) < fixed {
		return nil, fmt.Errorf("%d bytes, need at least %d", len(b.Body), fixed)
	}
	return c, c.decode(b)
}

// AppendBlock appends a block in the given byte order to dst. Lengths are those
// of what c holds; a body that is no multiple of 4 is filled up.
func AppendBlock(dst []byte, order ByteOrder, c Content) []byte {
	start := len(dst)
	dst = order.AppendUint32(dst, c.Type())
	dst = order.AppendUint32(dst, 0)
	dst = c.appendTo(dst, order)
	dst = append(dst, "\x00\x00\x00"[:-(len(dst)-start)&3]...)
	length := uint32(len(dst) - start + 4)
	order.PutUint32(dst[start+4:], length)
	return order.AppendUint32(dst, length)
}
