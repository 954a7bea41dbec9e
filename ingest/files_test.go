package ingest

import (
	"bytes"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

const recordingID = "00112233445566778899aabbccddeeff"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tcp is an Ethernet frame from 10.0.0.1:port to 10.0.0.2:80.
func tcp(t testing.TB, port uint16, payload int) []byte {
	t.Helper()
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2}}
	out := gopacket.NewSerializeBuffer()
	must(t, gopacket.SerializeLayers(out, gopacket.SerializeOptions{FixLengths: true},
		&layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4}, ip,
		&layers.TCP{SrcPort: layers.TCPPort(port), DstPort: 80, Seq: uint32(port), ACK: true}, gopacket.Payload(make([]byte, payload))))
	return out.Bytes()
}

// ng is a pcapng file as record writes it: two interfaces, n packets on them
// in turn, the last counts of each. The packets' ports count from base, their
// payloads grow by a byte.
func ng(t testing.TB, base uint16, n int) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := pcapng.NewWriter(&file, pcapng.SectionHeader{Comment: "recording_id=" + recordingID})
	must(t, err)
	for _, name := range []string{"lo", "eth\xff"} {
		_, err = w.AddInterface(pcapng.InterfaceDescription{Name: name, LinkType: pcapng.LinkEthernet, Snaplen: 96})
		must(t, err)
	}
	for i := range n {
		must(t, w.WritePacket(&pcapng.EnhancedPacket{Interface: uint32(i % 2), Time: int64(i + 1), Data: tcp(t, base+uint16(i), i%1000), WireLength: 1500, Flags: uint32(i)}))
	}
	for i := range uint32(2) {
		must(t, w.WriteStatistics(&pcapng.InterfaceStatistics{Interface: i, Received: pcapng.Counted(uint64(n)), Dropped: pcapng.Counted(uint64(i))}))
	}
	must(t, w.Flush())
	return file.Bytes()
}

// classic is a big-endian pcap file of n packets, of microseconds.
func classic(t testing.TB, base uint16, n int) []byte {
	t.Helper()
	be := binary.BigEndian
	b := be.AppendUint32(nil, 0xa1b2c3d4)
	b = be.AppendUint32(b, 2<<16|4)
	b = append(b, make([]byte, 8)...)
	b = be.AppendUint32(b, 65535)
	b = be.AppendUint32(b, uint32(pcapng.LinkEthernet))
	for i := range n {
		data := tcp(t, base+uint16(i), i)
		for _, v := range []uint32{1000, uint32(i), uint32(len(data)), 1500} {
			b = be.AppendUint32(b, v)
		}
		b = append(b, data...)
	}
	return b
}

// sections is a pcapng file of a section in each byte order, with n packets in
// each; an interface 0 in each, of another link type in the second.
func sections(t testing.TB, base uint16, n int) []byte {
	t.Helper()
	var file []byte
	for i, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		block := func(kind uint32, body ...uint32) []byte {
			b := order.AppendUint32(nil, kind)
			b = order.AppendUint32(b, 0)
			for _, v := range body {
				b = order.AppendUint32(b, v)
			}
			return b
		}
		end := func(b []byte) {
			b = append(b, "\x00\x00\x00"[:-len(b)&3]...)
			length := order.AppendUint32(nil, uint32(len(b)+4))
			copy(b[4:], length)
			file = append(append(file, b...), length...)
		}
		version := order.AppendUint16(order.AppendUint16(nil, 1), 0)
		end(append(append(block(0x0A0D0D0A, 0x1A2B3C4D), version...), bytes.Repeat([]byte{0xff}, 8)...))
		link, cut := pcapng.LinkEthernet, 0
		if i == 1 {
			link, cut = pcapng.LinkRaw, 14
		}
		description := order.AppendUint16(order.AppendUint16(block(1), link), 0)
		end(order.AppendUint32(description, 0))
		for k := range n {
			data := tcp(t, base+uint16(i*n+k), k)[cut:]
			end(append(block(6, 0, 0, uint32(i*n+k), uint32(len(data)), 1500), data...))
		}
	}
	return file
}

// save writes a file of the name into a new folder and returns its path.
func save(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, content, 0o600))
	return path
}

// open opens captures and closes them with the test.
func open(t testing.TB, paths ...string) *Capture {
	t.Helper()
	c, err := Open(paths...)
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

// drain reads everything that is left, in batches of the given size.
func drain(c *Capture, size int) (all []packet.Packet, err error) {
	batch := make([]packet.Packet, size)
	for {
		n, err := c.Read(batch)
		for _, p := range batch[:n] {
			p.Body = 0
			all = append(all, p)
		}
		if err != nil {
			return all, err
		}
	}
}
