package packet

// TCPOptions tells which options a TCP segment has.
type TCPOptions uint8

// The bits of TCPOptions. The lower ones are 1 + the shift of the window scale
// option, 0 without it.
const (
	scaleBits      TCPOptions = 0x0f
	stamped        TCPOptions = 1 << 4
	selective      TCPOptions = 1 << 5
	selectiveBlock TCPOptions = 1 << 6
	optionsCut     TCPOptions = 1 << 7
)

// MaxWindowScale is the highest shift that counts (RFC 7323 section 2.3); a
// higher one is taken for it.
const MaxWindowScale = 14

// Stamped tells that the segment has a timestamps option.
func (o TCPOptions) Stamped() bool { return o&stamped != 0 }

// SelectiveAllowed tells that it has a SACK-permitted option (RFC 2018 section 2).
func (o TCPOptions) SelectiveAllowed() bool { return o&selective != 0 }

// Selective tells that it has a SACK option (RFC 2018 section 3).
func (o TCPOptions) Selective() bool { return o&selectiveBlock != 0 }

// Cut tells that the capture has not all of the options: there may be others.
func (o TCPOptions) Cut() bool { return o&optionsCut != 0 }

// WindowScale returns the shift of its window scale option, and whether it has one.
func (o TCPOptions) WindowScale() (shift uint8, ok bool) {
	return uint8(o&scaleBits) - 1, o&scaleBits != 0
}

// The kinds of TCP options (RFC 9293 section 3.1, RFC 7323, RFC 2018).
const (
	optionEnd              = 0
	optionNone             = 1
	optionMSS              = 2
	optionScale            = 3
	optionSelectiveAllowed = 4
	optionSelective        = 5
	optionStamps           = 8
)

// paddedStamps is how a segment of nearly every system begins its options, and
// has no others: two of one byte that say nothing, then the timestamps.
const paddedStamps = optionNone<<24 | optionNone<<16 | optionStamps<<8 | 10

// options reads the options of a TCP header of so many bytes, of which data may
// have less.
func (p *Packet) options(data []byte, header int) {
	if header == 32 && len(data) >= 32 && be.Uint32(data[20:]) == paddedStamps {
		p.TCPOptions, p.MSS = stamped, 0
		p.Stamp, p.Echo = be.Uint32(data[24:]), be.Uint32(data[28:])
		return
	}
	p.TCPOptions, p.MSS = 0, 0
	if header > len(data) {
		p.TCPOptions = optionsCut
	}
	if header > 20 && len(data) > 20 {
		p.listed(data[20:min(header, len(data))])
	}
}

// listed reads options of any kind and order. Of a kind that comes twice the
// later one counts.
func (p *Packet) listed(list []byte) {
	for len(list) > 0 && list[0] != optionEnd {
		if list[0] == optionNone {
			list = list[1:]
			continue
		}
		if len(list) < 2 || list[1] < 2 || int(list[1]) > len(list) {
			return
		}
		kind, value := list[0], list[2:list[1]]
		list = list[list[1]:]
		switch {
		case kind == optionMSS && len(value) == 2:
			p.MSS = be.Uint16(value)
		case kind == optionScale && len(value) == 1:
			p.TCPOptions = p.TCPOptions&^scaleBits | TCPOptions(min(value[0], MaxWindowScale)+1)
		case kind == optionSelectiveAllowed && len(value) == 0:
			p.TCPOptions |= selective
		case kind == optionSelective:
			p.TCPOptions |= selectiveBlock
		case kind == optionStamps && len(value) == 8:
			p.TCPOptions |= stamped
			p.Stamp, p.Echo = be.Uint32(value), be.Uint32(value[4:])
		}
	}
}
