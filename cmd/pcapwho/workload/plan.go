package workload

import "time"

// Client is one client process: its server, and what it does.
type Client struct {
	Name, Server string
	Network      string        // tcp4, tcp6, udp4 or udp6
	Connections  int           // in all
	Parallel     int           // at a time
	Hold         time.Duration // how long each lives, at least
	Rounds       int           // spread over Hold
	Request      int           // bytes a round, header included
	Reply        int           // bytes a round
}

// Demo is the plan of a few seconds that shows something of everything: bulk,
// many short connections, UDP, IPv4 and IPv6. All connections live for 150 ms
// at least, which a recorder that looks at all sockets now and then can see,
// and the rate is one that a capture holds on any machine.
func Demo() []Client {
	const ms = time.Millisecond
	return []Client{
		{Name: "backup", Server: "archive", Network: "tcp4", Connections: 2, Parallel: 2, Hold: 2500 * ms, Rounds: 50, Request: 100_000, Reply: 100},
		{Name: "reader", Server: "archive", Network: "tcp4", Connections: 1, Parallel: 1, Hold: 2000 * ms, Rounds: 40, Request: 200, Reply: 150_000},
		{Name: "browser", Server: "web", Network: "tcp6", Connections: 36, Parallel: 3, Hold: 200 * ms, Rounds: 3, Request: 600, Reply: 12_000},
		{Name: "browser", Server: "web", Network: "tcp4", Connections: 12, Parallel: 1, Hold: 150 * ms, Rounds: 2, Request: 500, Reply: 8_000},
		{Name: "lookup", Server: "resolver", Network: "udp4", Connections: 8, Parallel: 2, Hold: 500 * ms, Rounds: 10, Request: 60, Reply: 300},
		{Name: "lookup", Server: "resolver", Network: "udp6", Connections: 8, Parallel: 2, Hold: 500 * ms, Rounds: 10, Request: 60, Reply: 300},
	}
}

// Long is a plan of n connections, all of which live for hold at least: TCP
// and UDP, IPv4 and IPv6, in eight processes.
func Long(n int, hold time.Duration) []Client {
	var plan []Client
	for i, network := range []string{"tcp4", "tcp6", "udp4", "udp6"} {
		share := (n + 3 - i) / 4
		plan = append(plan, Client{Name: "client-" + network, Server: "server-" + network, Network: network, Connections: share,
			Parallel: max(share/2, 1), Hold: hold, Rounds: 8, Request: 700, Reply: 1200})
	}
	return plan
}
