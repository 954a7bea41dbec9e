// Package tabletest makes rows that tests need.
package tabletest

import "github.com/pcapwho/pcapwho/report/table"

// Fill appends a row; what is not given is 0, false, or NULL where it may be.
func Fill(b *table.Batch, cells map[string]any) {
	for _, c := range b.Schema.Columns {
		v, given := cells[c.Name]
		switch {
		case c.Type == table.String && c.Nullable:
			text, _ := v.(string)
			b.TextIf(c.Name, text)
		case c.Type == table.String:
			text, _ := v.(string)
			b.Text(c.Name, text)
		case c.Type == table.Bool:
			b.Bool(c.Name, given)
		case c.Type == table.ProcessList:
			b.List(c.Name, nil)
		case c.Type == table.Histogram:
			b.Histogram(c.Name, nil)
		case c.Type != table.Timestamp:
			n, ok := v.(int64)
			if !ok && given {
				n = int64(v.(int))
			}
			b.IntIf(c.Name, n, given || !c.Nullable)
		}
	}
}
