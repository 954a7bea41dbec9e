package pcapng

import (
	"bytes"
	"math"
)

// Blocks and options in which processes are described.
const (
	penWireshark     = 32622
	entryProcess     = 3 // of a Wireshark custom block: process information
	appleProcess     = 0x8001
	appleEffective   = 0x8003
	processName      = 2
	processPath      = 3
	processArguments = 4 // Apple: UUID
	processParent    = 5
	processUser      = 6
	processStart     = 9
)

// parseWireshark reads a custom block of Wireshark's private enterprise number
// that describes a process:
//
//	PEN (in the section's order) · then little-endian: u32 entry type = 3 ·
//	u32 length of the entry · u32 PID · options · padding
func (r *Reader) parseWireshark(body []byte) {
	if len(body) < 16 || r.u32(body) != penWireshark || le.Uint32(body[4:]) != entryProcess {
		return
	}
	n := le.Uint32(body[8:])
	body = body[12:]
	if n < 4 || uint64(n) > uint64(len(body)) {
		return
	}
	m := Mark{PID: pidOf(le.Uint32(body)), PPID: -1, UID: -1, Origin: MarkWireshark}
	for code, v := range options(body[4:n], le) {
		switch {
		case code == processName:
			m.Name = text(v)
		case code == processPath:
			m.Path = text(v)
		case code == processArguments:
			for arg := range bytes.SplitSeq(bytes.TrimSuffix(v, []byte{0}), []byte{0}) {
				m.Args = append(m.Args, string(arg))
			}
		case code == processParent && len(v) >= 4:
			m.PPID = int64(le.Uint32(v))
		case code == processUser && len(v) >= 4:
			m.UID = int64(le.Uint32(v))
		case code == processStart && len(v) >= 8:
			m.Start = int64(min(le.Uint64(v), math.MaxInt64))
		}
	}
	if m.PID > 0 {
		r.marks.addBlock(m)
	}
}

// parseApple reads a process block of macOS: u32 PID · options.
func (r *Reader) parseApple(body []byte) {
	if len(body) < 4 {
		return
	}
	m := Mark{PID: pidOf(r.u32(body)), PPID: -1, UID: -1, Origin: MarkApple}
	for code, v := range options(body[4:], r.order()) {
		switch code {
		case processName:
			m.Name = text(v)
		case processPath:
			m.Path = text(v)
		}
	}
	r.marks.addBlock(m) // whatever its PID: packets count the blocks
}
