package record

import "encoding/binary"

// frame is one packet as the ring holds it.
type frame struct {
	time     int64 // Unix nanoseconds
	data     []byte
	wire     uint32 // length on the wire
	index    int    // ifindex
	space    int    // number of its network namespace, of those that are captured
	name     string // of the interface, where that is another namespace's
	hardware uint16 // ARPHRD_*
	kind     uint8  // PACKET_HOST…: linux/if_packet.h
	vlan     vlanTag

	foreign bool   // another program captured it: kind is not known
	told    uint32 // and gave it these flags
}

// vlanTag is an 802.1Q tag that the kernel or the card took out of the frame.
type vlanTag struct {
	present  bool
	protocol uint16 // TPID: 0x8100, 0x88a8
	control  uint16 // TCI: priority, DEI, VLAN id
}

// Layout of a TPACKET_V3 block (linux/if_packet.h, native byte order):
//
//	tpacket_block_desc   0 version  4 offset_to_priv  8 block_status
//	                    12 num_pkts 16 offset_to_first_pkt 20 blk_len …
//	tpacket3_hdr         0 next_offset 4 sec 8 nsec 12 snaplen 16 len 20 status
//	                    24 mac(u16) 26 net(u16) 28 rxhash 32 vlan_tci
//	                    36 vlan_tpid(u16) 38 pad … 48
//	sockaddr_ll at 48    0 family 2 protocol 4 ifindex 8 hatype 10 pkttype 11 halen
const (
	blockHeader  = 48
	frameHeader  = 48 + 20
	vlanValid    = 1 << 4 // TP_STATUS_VLAN_VALID
	vlanTPID     = 1 << 6 // TP_STATUS_VLAN_TPID_VALID
	maxFrame     = 262144 // Wireshark's limit for one packet
	packetCounts = 1 << 16
)

// eachFrame calls f for every frame of a block, in order. It trusts nothing
// that the block says: a frame that does not lie within the block ends the
// walk, and the number of frames not delivered is returned.
func eachFrame(block []byte, f func(*frame)) (lost int64) {
	host := binary.NativeEndian
	if len(block) < blockHeader {
		return 0
	}
	count, at := int64(min(host.Uint32(block[12:]), packetCounts)), int64(host.Uint32(block[16:]))
	var out frame
	for n := range count {
		if at < blockHeader || at+frameHeader > int64(len(block)) {
			return count - n
		}
		h := block[at:]
		mac, length := int64(host.Uint16(h[24:])), int64(host.Uint32(h[12:]))
		if length > maxFrame || mac+length > int64(len(h)) {
			return count - n
		}
		out.time = int64(host.Uint32(h[4:]))*1e9 + int64(host.Uint32(h[8:]))
		out.data = h[mac : mac+length : mac+length]
		out.wire = host.Uint32(h[16:])
		out.index = int(int32(host.Uint32(h[52:])))
		out.hardware = host.Uint16(h[56:])
		out.kind = h[58]
		out.vlan = readTag(h)
		f(&out)
		next := int64(host.Uint32(h))
		if next == 0 && n+1 < count {
			return count - n - 1
		}
		at += next
	}
	return 0
}

func readTag(h []byte) (t vlanTag) {
	host := binary.NativeEndian
	status := host.Uint32(h[20:])
	if status&vlanValid == 0 {
		return t
	}
	t = vlanTag{present: true, protocol: 0x8100, control: uint16(host.Uint32(h[32:]))}
	if status&vlanTPID != 0 {
		t.protocol = host.Uint16(h[36:])
	}
	return t
}

// restoreTag puts the tag back behind the two addresses of an Ethernet frame,
// as it was on the wire (IEEE 802.1Q, 9.4). It returns the frame, in memory of
// buffer when it was changed, and how much longer it is.
func (f *frame) restoreTag(buffer []byte) (data, memory []byte, longer uint32) {
	if !f.vlan.present || len(f.data) < 12 {
		return f.data, buffer, 0
	}
	b := append(buffer[:0], f.data[:12]...)
	b = binary.BigEndian.AppendUint16(b, f.vlan.protocol)
	b = binary.BigEndian.AppendUint16(b, f.vlan.control)
	b = append(b, f.data[12:]...)
	return b, b, 4
}

// flags returns the frame's direction and reception type as epb_flags has them
// (pcapng draft, section 4.3.1): bits 0-1 direction, bits 2-4 reception.
func (f *frame) flags() uint32 {
	if f.foreign {
		return f.told
	}
	switch f.kind {
	case 0: // PACKET_HOST
		return 1 | 1<<2
	case 1: // PACKET_BROADCAST
		return 1 | 3<<2
	case 2: // PACKET_MULTICAST
		return 1 | 2<<2
	case 3: // PACKET_OTHERHOST
		return 1 | 4<<2
	case packetOutgoing:
		return 2
	}
	return 0
}
