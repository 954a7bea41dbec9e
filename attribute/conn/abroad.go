package conn

import "github.com/pcapwho/pcapwho/ingest/flow"

// Abroad tells whether a packet showed that a side is another host's: see Send.
func (in *Instance) Abroad(s flow.Side) bool { return in.state&(abroadLow<<s) != 0 }

// Send says that a packet came from a side by an interface that leads to other hosts, or
// went to it by one.
func (in *Instance) Send(s flow.Side) { in.state |= abroadLow << s }
