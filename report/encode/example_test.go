package encode_test

import (
	"fmt"
	"os"

	"github.com/pcapwho/pcapwho/report/encode"
	"github.com/pcapwho/pcapwho/report/table"
)

// One table in two formats.
func ExampleWrite() {
	rows := []struct {
		side, reason   string
		packets, bytes int64
	}{{"source", "exact", 12, 3400}, {"destination", "unknown", 12, 3400}}
	tab := table.Of(table.Coverage(), len(rows), func(b *table.Batch, i int) {
		b.Text("side", rows[i].side)
		b.Text("reason", rows[i].reason)
		b.Int("packets", rows[i].packets)
		b.Int("wire_bytes", rows[i].bytes)
	})
	for _, e := range []encode.Encoder{encode.NewJSON(os.Stdout), encode.NewJSONL(os.Stdout)} {
		if err := encode.Write(e, []*table.Table{tab}); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// {
	// "schema_version": 1,
	// "coverage": [
	// {"side": "source", "reason": "exact", "packets": 12, "wire_bytes": 3400},
	// {"side": "destination", "reason": "unknown", "packets": 12, "wire_bytes": 3400}
	// ]
	// }
	// {"table": "coverage", "side": "source", "reason": "exact", "packets": 12, "wire_bytes": 3400}
	// {"table": "coverage", "side": "destination", "reason": "unknown", "packets": 12, "wire_bytes": 3400}
}
