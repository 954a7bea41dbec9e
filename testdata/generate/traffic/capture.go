package traffic

import (
	"encoding/binary"
	"io"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// capture is a capture file in the making.
type capture interface {
	packet(p *pcapng.EnhancedPacket) error
	end(at int64) error
}

const linkEthernet = 1

// newCapture is a pcapng file as pcapwho records it: the direction with each
// packet, statistics of the interfaces at the end.
type newCapture struct {
	*pcapng.Writer
	received [2]uint64
}

func beginPcapng(w io.Writer, recording string) (capture, error) {
	x, err := pcapng.NewWriter(w, pcapng.SectionHeader{Comment: "recording_id=" + recording, Application: "testdata/generate"})
	for _, name := range []string{"eth0", "lo"} {
		if err == nil {
			_, err = x.AddInterface(pcapng.InterfaceDescription{Name: name, LinkType: linkEthernet})
		}
	}
	return &newCapture{Writer: x}, err
}

func (c *newCapture) packet(p *pcapng.EnhancedPacket) error {
	c.received[p.Interface]++
	return c.WritePacket(p)
}

func (c *newCapture) end(at int64) error {
	for i, n := range c.received {
		err := c.WriteStatistics(&pcapng.InterfaceStatistics{Interface: uint32(i), Time: at, Start: epoch, End: at, Received: pcapng.Counted(n), Dropped: pcapng.Counted(0)})
		if err != nil {
			return err
		}
	}
	return c.Flush()
}

// oldCapture is a classic pcap file with nanoseconds.
type oldCapture struct {
	w   io.Writer
	buf []byte
}

func beginPcap(w io.Writer) (capture, error) {
	c := &oldCapture{w, make([]byte, 0, 2<<20)}
	for _, v := range []uint32{0xa1b23c4d, 4<<16 | 2, 0, 0, 1 << 18, linkEthernet} { // version 2.4
		c.buf = binary.LittleEndian.AppendUint32(c.buf, v)
	}
	return c, nil
}

func (c *oldCapture) packet(p *pcapng.EnhancedPacket) error {
	for _, v := range []uint32{uint32(p.Time / 1e9), uint32(p.Time % 1e9), uint32(len(p.Data)), p.WireLength} {
		c.buf = binary.LittleEndian.AppendUint32(c.buf, v)
	}
	c.buf = append(c.buf, p.Data...)
	if len(c.buf) < 1<<20 {
		return nil
	}
	return c.end(0)
}

func (c *oldCapture) end(int64) error {
	_, err := c.w.Write(c.buf)
	c.buf = c.buf[:0]
	return err
}
