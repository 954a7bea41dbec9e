package packet_test

import (
	"encoding/hex"
	"fmt"

	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// A frame that was cut behind its TCP header still counts its payload.
func Example() {
	frame, err := hex.DecodeString("020000000002020000000001" + "0800" + // Ethernet
		"450005dc000040004006000" + "0c0000201c6336407" + // IPv4, 1,500 bytes, 192.0.2.1 to 198.51.100.7
		"9c4001bb000000070000000950180063" + "00000000") // TCP, 40000 to 443
	if err != nil {
		fmt.Println(err)
	}
	p := packet.Packet{CapturedLength: uint32(len(frame)), WireLength: 1514}
	packet.Decode(pcapng.LinkEthernet, frame, &p)
	fmt.Println(p.Class == packet.Transport, p.Tuple)
	fmt.Println("seq", p.Seq, "push", p.TCPFlags&packet.PSH != 0, "payload", p.Payload)
	// Output:
	// true tcp 192.0.2.1:40000 > 198.51.100.7:443
	// seq 7 push true payload 1460
}
