package turn

import "github.com/pcapwho/pcapwho/ingest/flow"

// Turn is a request and its response. Times are Unix nanoseconds.
type Turn struct {
	Frame                       uint64    // number of its first packet
	Number                      uint32    // in its connection, from 1
	Requester                   flow.Side // who made the request
	Answered                    bool      // there is a response
	RequestFirst, RequestLast   int64     // packets with payload
	ResponseFirst, ResponseLast int64     // valid iff Answered
	Request, Response           int64     // payload, bytes
}

// Waiting returns how long the requester waited: from its last packet to the first of
// the response. 0 where the clock was set back.
func (t *Turn) Waiting() int64 { return max(t.ResponseFirst-t.RequestLast, 0) }
