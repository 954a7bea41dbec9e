package pcapng

import (
	"bytes"
	"math"
)

// Limits of what is kept of the processes that a file names. What comes beyond
// is not kept, and told once, as a FormatError.
const (
	maxMarks    = 1 << 16  // entries of Reader.Marks, and process blocks of a section
	maxMarkText = 16 << 20 // bytes of comments, names, paths and arguments
)

// marks are the processes that a file names for its packets. A packet names
// one by its options, its comments or its PKTAP header; what a section's
// process blocks say of it is added.
type marks struct {
	list []Mark
	text int  // bytes kept in all texts
	full bool // a limit was met
	told bool // and told

	named map[string]int32 // by comments or PKTAP header: index+1 in list; 0 = they name none
	key   []byte           // of named, while it is made

	windows bool // the section was made on Windows
	// Of the section, for process numbers mean the machine that wrote it.
	byOption map[optionKey]int32 // index+1 in list
	blocks   []Mark              // process blocks in their order
	byPID    map[int32][]int32   // indexes in blocks of Wireshark's
	bare     map[int32][]bare    // marks about which no block has told yet
}

// optionKey is what a packet's options say of its process.
type optionKey struct {
	pid, tid         int32
	block, effective int32 // index+1 in blocks, of the process and of the effective one; 0 = none
}

// bare is a mark known by its PID alone.
type bare struct {
	mark  int32 // index in list
	first int64 // earliest time of its packets
	key   optionKey
}

// section begins a new section.
func (m *marks) section() {
	m.byOption, m.blocks, m.byPID, m.bare, m.windows = nil, nil, nil, nil, false
}

// add appends a mark and returns its index+1, or 0 where there is no room.
func (m *marks) add(mark Mark) int32 {
	if len(m.list) >= maxMarks || !m.room(mark.size()) {
		m.full = true
		return 0
	}
	m.list = append(m.list, mark)
	return int32(len(m.list))
}

// room tells whether so many bytes of text more may be kept.
func (m *marks) room(n int) bool {
	if m.text+n > maxMarkText {
		m.full = true
		return false
	}
	m.text += n
	return true
}

// size returns the bytes of the mark's text.
func (m *Mark) size() int {
	n := len(m.Name) + len(m.Path)
	for _, a := range m.Args {
		n += len(a) + 16
	}
	return n
}

// packetMark is what one packet says of its process.
type packetMark struct {
	pid, tid      int32 // option epb_processid_threadid
	block, effect int32 // Apple's options: index+1 of process blocks
	comments      bool  // comments that name a process are in marks.key
}

// of returns the mark of a packet of the given time: what its options say, or
// else its comments, which anybody can write anything into.
func (m *marks) of(p *packetMark, time int64) int32 {
	if p.block > 0 && int(p.block) <= len(m.blocks) {
		return m.byKey(optionKey{block: p.block, effective: p.effect, tid: p.tid})
	}
	if p.pid > 0 {
		key := optionKey{pid: p.pid, tid: p.tid, block: m.blockAt(p.pid, time)}
		if key.block == 0 && p.comments {
			if i := m.byName(parseComments); i > 0 && m.list[i-1].PID == p.pid {
				return i
			}
		}
		i := m.byKey(key)
		if key.block == 0 && i > 0 {
			m.sawBare(key, i-1, time)
		}
		return i
	}
	if p.comments {
		return m.byName(parseComments)
	}
	return 0
}

// blockAt returns the index+1 of the process block that holds for a PID at a
// time: of those that began before, the latest. PIDs are used again.
func (m *marks) blockAt(pid int32, time int64) (block int32) {
	start := int64(math.MinInt64)
	for _, i := range m.byPID[pid] {
		if s := m.blocks[i].Start; s <= time && s >= start {
			block, start = i+1, s
		}
	}
	return block
}

// byKey returns the mark of packets with these options.
func (m *marks) byKey(key optionKey) int32 {
	if i, ok := m.byOption[key]; ok {
		return i
	}
	mark := Mark{PID: key.pid, PPID: -1, UID: -1, Origin: MarkPacketOption}
	if m.windows {
		mark.Origin = MarkPktmon
	}
	if key.block > 0 {
		if mark = m.blocks[key.block-1]; mark.PID == 0 {
			return 0
		}
	}
	mark.TID = key.tid
	if key.effective > 0 && int(key.effective) <= len(m.blocks) {
		mark.EffectivePID = m.blocks[key.effective-1].PID
	}
	i := m.add(mark)
	if i > 0 {
		if m.byOption == nil {
			m.byOption = map[optionKey]int32{}
		}
		m.byOption[key] = i
	}
	return i
}

// sawBare notes a packet of a process about which no block has told.
func (m *marks) sawBare(key optionKey, mark int32, time int64) {
	list := m.bare[key.pid]
	for i := range list {
		if list[i].mark == mark {
			list[i].first = min(list[i].first, time)
			return
		}
	}
	if m.bare == nil {
		m.bare = map[int32][]bare{}
	}
	m.bare[key.pid] = append(list, bare{mark, time, key})
}

// addBlock takes a process block in, and tells marks that wait for it: writers
// put it in front of the packets or behind them.
func (m *marks) addBlock(p Mark) {
	if len(m.blocks) >= maxMarks || !m.room(p.size()) {
		m.full = true
		return
	}
	m.blocks = append(m.blocks, p)
	if p.Origin != MarkWireshark {
		return
	}
	if m.byPID == nil {
		m.byPID = map[int32][]int32{}
	}
	block := int32(len(m.blocks))
	m.byPID[p.PID] = append(m.byPID[p.PID], block-1)
	waiting := m.bare[p.PID][:0]
	for _, b := range m.bare[p.PID] {
		if p.Start > b.first {
			waiting = append(waiting, b)
			continue
		}
		tid := m.list[b.mark].TID
		m.list[b.mark] = p
		m.list[b.mark].TID = tid
		b.key.block = block
		m.byOption[b.key] = b.mark + 1
	}
	if len(waiting) == 0 {
		delete(m.bare, p.PID)
	} else {
		m.bare[p.PID] = waiting
	}
}

// byName returns the mark that key names, as parse reads it.
func (m *marks) byName(parse func(key []byte) (Mark, bool)) int32 {
	if i, ok := m.named[string(m.key)]; ok {
		return i
	}
	if len(m.named) >= maxMarks || !m.room(len(m.key)) {
		m.full = true
		return 0
	}
	var i int32
	if mark, ok := parse(m.key); ok {
		i = m.add(mark)
	}
	if m.named == nil {
		m.named = map[string]int32{}
	}
	m.named[string(m.key)] = i
	return i
}

// pktap returns the mark of a frame of link type PKTAP.
func (m *marks) pktap(frame []byte) int32 {
	const header = 108
	if len(frame) < header {
		return 0
	}
	m.key = append(append(m.key[:0], frame[52:76]...), frame[84:header]...)
	return m.byName(parsePKTAP)
}

// parsePKTAP reads what pktap took of a PKTAP header, which is little-endian:
// PID, name, PID and name of the effective process.
func parsePKTAP(b []byte) (Mark, bool) {
	name, _, _ := bytes.Cut(b[4:24], []byte{0})
	m := Mark{PID: pidOf(le.Uint32(b)), EffectivePID: pidOf(le.Uint32(b[24:])), Name: string(name), PPID: -1, UID: -1, Origin: MarkPKTAP}
	return m, m.PID > 0
}

// pidOf returns a PID, or 0 where it is none.
func pidOf(n uint32) int32 {
	if n > math.MaxInt32 {
		return 0
	}
	return int32(n)
}
