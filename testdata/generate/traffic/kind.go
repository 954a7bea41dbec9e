package traffic

// Kind says what traffic there is. Shares are in thousandths.
type Kind struct {
	Name        string
	connections int   // at scale 1
	live        int   // connections that are alive at the same time
	processes   int   // see servers
	gap         int64 // mean time between packets, nanoseconds

	segments int  // mean number of data segments of a TCP connection
	few      bool // all connections are about as long; else there are a few long ones
	full     int  // share of segments that have the longest payload
	payload  [2]int
	burst    int // data segments that are sent at a time, at most

	datagrams         int // mean number of packets of a UDP connection
	datagramPayload   [2]int
	dns, udp          int // share of connections; the others are TCP
	v6, vlan, loop    int // share of connections
	inbound           int // share of connections that the host accepts
	again, disordered int // share of steps in which a segment is sent again, or after its successor
	reuse, handover   int // share of TCP connections that reuse a port, or are passed to another process
}

// servers returns how many of the processes are: a third, at most 1,000.
func (k *Kind) servers() int { return min(k.processes/3, 1000) }

// Kinds returns the recordings that docs/benchmarks.md is about.
func Kinds() []Kind {
	return []Kind{
		{
			Name: "bulk", connections: 300, live: 100, processes: 12, gap: 850,
			segments: 2330, full: 995, payload: [2]int{1, 1448}, burst: 16,
			inbound: 300, again: 2, disordered: 2,
		},
		{
			Name: "small", connections: 618_000, live: 20_000, processes: 60, gap: 2_000,
			segments: 8, few: true, payload: [2]int{1, 134}, burst: 2,
			udp: 60, datagrams: 8, datagramPayload: [2]int{22, 158},
			inbound: 500, again: 3, disordered: 3, reuse: 5,
		},
		{
			Name: "mixed", connections: 55_000, live: 2_000, processes: 90, gap: 30_000,
			segments: 46, full: 640, payload: [2]int{1, 1448}, burst: 6,
			dns: 540, udp: 80, datagrams: 100, datagramPayload: [2]int{30, 1252},
			v6: 250, vlan: 100, loop: 60, inbound: 350, again: 15, disordered: 15, reuse: 50, handover: 30,
		},
	}
}

// Lookup returns the kind of that name.
func Lookup(name string) (Kind, bool) {
	for _, k := range Kinds() {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}
