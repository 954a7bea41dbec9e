package conn

import "github.com/pcapwho/pcapwho/ingest/flow"

// Unsettled tells whether what a side sends is still to be looked at: until Settle.
func (in *Instance) Unsettled(s flow.Side) bool { return in.state&(settledLow<<s) == 0 }

// Settle says that what a side sends needs no look any more.
func (in *Instance) Settle(s flow.Side) { in.state |= settledLow << s }

// Initial returns the sequence number of the first byte of payload that a side
// sends; ok is false where the capture does not have its SYN.
func (in *Instance) Initial(s flow.Side) (seq uint32, ok bool) {
	return in.isn[s] + 1, in.state&(synLow<<s) != 0
}
