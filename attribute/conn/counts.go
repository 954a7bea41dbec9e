package conn

// Counts are sums over packets; wire bytes are whole frames, link header
// included.
type Counts struct {
	Packets, WireBytes int64
	PayloadBytes       int64 // TCP or UDP payload on the wire, retransmissions included
	UniqueBytes        int64 // payload, each TCP sequence number once
}

// Add adds d to c.
func (c *Counts) Add(d Counts) {
	c.Packets += d.Packets
	c.WireBytes += d.WireBytes
	c.PayloadBytes += d.PayloadBytes
	c.UniqueBytes += d.UniqueBytes
}

// minus returns the sums without those of n, which are part of them.
func (c Counts) minus(n Counts) Counts {
	return Counts{c.Packets - n.Packets, c.WireBytes - n.WireBytes, c.PayloadBytes - n.PayloadBytes, c.UniqueBytes - n.UniqueBytes}
}
