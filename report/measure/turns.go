package measure

import (
	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/attribute/turn"
	"github.com/pcapwho/pcapwho/report/table"
)

// Turns returns one row a turn of the connections of r that count, where it began at a
// time that does.
func Turns(r *attribute.Result, sel *Selection) *table.Table {
	s := table.Turns()
	return &table.Table{Schema: s, Each: func(prepare func(*table.Batch), yield func(*table.Batch) error) error {
		b, chooser := table.NewBatch(s), sel.Chooser(r)
		var id uint64 // of the last connection
		var counts bool
		flush := func() error {
			prepare(b)
			err := yield(b)
			b.Reset()
			return err
		}
		err := r.Turns.All(func(c *attribute.Connection, t *turn.Turn) error {
			if c.ID != id {
				id, counts = c.ID, chooser.Connection(c)
			}
			if !counts || !sel.time(t.RequestFirst) {
				return nil
			}
			appendTurn(b, c, t)
			if b.Rows < packetBatch {
				return nil
			}
			return flush()
		})
		if err == nil && b.Rows > 0 {
			err = flush()
		}
		return err
	}}
}

func appendTurn(b *table.Batch, c *attribute.Connection, t *turn.Turn) {
	b.Int("connection_id", int64(c.ID))
	b.Int("turn", int64(t.Number))
	b.Int("frame_number", int64(t.Frame))
	b.Text("requester", [...]string{attribute.Client: "client", attribute.Server: "server"}[c.EndOf(t.Requester)])
	b.Int("request_first_ns", t.RequestFirst)
	b.Int("request_last_ns", t.RequestLast)
	b.IntIf("response_first_ns", t.ResponseFirst, t.Answered)
	b.IntIf("response_last_ns", t.ResponseLast, t.Answered)
	b.Int("request_payload_bytes", t.Request)
	b.Int("response_payload_bytes", t.Response)
	b.IntIf("waiting_ns", t.Waiting(), t.Answered)
}
