package measure

import (
	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/report/table"
)

// appendKernel appends what the kernel counted of c, and the share of it that the
// capture holds: NULL of a connection of which a part alone counts, for the kernel's
// counters are of all of it.
func appendKernel(b *table.Batch, r *attribute.Result, c *attribute.Connection, part bool) {
	if part {
		b.Nulls("client_kernel_sent_bytes", "captured_permille")
		return
	}
	client, clientKnown := r.Counters(c, attribute.Client)
	server, serverKnown := r.Counters(c, attribute.Server)
	b.IntIf("client_kernel_sent_bytes", client.BytesSent, clientKnown)
	b.IntIf("server_kernel_sent_bytes", server.BytesSent, serverKnown)
	b.IntIf("client_kernel_received_bytes", client.BytesReceived, clientKnown)
	b.IntIf("server_kernel_received_bytes", server.BytesReceived, serverKnown)
	b.IntIf("client_kernel_retransmitted_segments", client.Retransmits, clientKnown)
	b.IntIf("server_kernel_retransmitted_segments", server.Retransmits, serverKnown)
	b.IntIf("client_kernel_rtt_ns", client.RTT, clientKnown)
	b.IntIf("server_kernel_rtt_ns", server.RTT, serverKnown)
	share, known := capturedShare(r, c)
	b.IntIf("captured_permille", share, known)
}

// capturedShare returns how much of what the kernel counted of c the capture holds, in
// thousandths.
func capturedShare(r *attribute.Result, c *attribute.Connection) (permille int64, known bool) {
	sum := c.Sum()
	var held, counted float64
	for from := range sum {
		sent, _ := r.Counters(c, attribute.End(from))
		received, _ := r.Counters(c, attribute.End(from).Other())
		have, whole := sum[from].UniqueBytes, sent.BytesSent
		if whole == 0 { // its kernel is not known, or sent nothing
			whole = received.BytesReceived
			if whole == have+1 { // a FIN
				whole = have
			}
		}
		if whole > 0 {
			held, counted = held+float64(min(have, whole)), counted+float64(whole)
		}
	}
	if counted == 0 {
		return 0, false
	}
	return int64(1000 * held / counted), true
}
