package report

import (
	"strconv"
	"strings"
	"testing"
)

// Every connection has one endpoint: their sums are those of the connections.
func TestEndpointsAreTheConnections(t *testing.T) {
	for name, capture := range map[string]string{"mixture": mixture(t).end(), "demo": marked(t)} {
		all := tables(t, analyze(t, Config{Captures: []string{capture}}), JSON)
		sum := func(table string, ends ...string) (n [3]int64) {
			for _, r := range all[table] {
				for i, column := range []string{"packets", "wire_bytes", "unique_payload_bytes"} {
					for _, end := range ends {
						v, err := strconv.ParseInt(r[end+column], 10, 64)
						must(t, err)
						n[i] += v
					}
				}
			}
			return n
		}
		connections, endpoints := sum("connections", "client_", "server_"), sum("endpoints", "sent_", "received_")
		if connections != endpoints || connections[0] == 0 {
			t.Errorf("%s: endpoints have %v, connections %v", name, endpoints, connections)
		}
		for _, e := range all["endpoints"] {
			for _, c := range all["connections"] {
				near, far := "client_", "server_"
				if e["role"] == "client" {
					near, far = far, near
				}
				if c[far+"ip"] == e["address"] && c["server_port"] == e["server_port"] && c["protocol"] == e["protocol"] && !strings.Contains(c["local_side"], e["role"]) && e["connections"] == "1" &&
					(c[far+"packets"] != e["sent_packets"] || c[near+"packets"] != e["received_packets"]) {
					t.Errorf("%s: %v is none of %v", name, e, c)
				}
			}
		}
	}
}
