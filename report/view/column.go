package view

import (
	"strings"

	"github.com/pcapwho/pcapwho/report/table"
)

// column is one column of a list: of the fields one is filled.
type column struct {
	One     any      `json:"o,omitempty"` // every row has this
	Numbers []*int64 `json:"n,omitempty"`
	Texts   []string `json:"t,omitempty"` // the different ones
	Index   []int    `json:"i,omitempty"` // into Texts, for each row; -1 = NULL
}

// list is rows by column, without those columns that are NULL throughout.
type list struct {
	Rows    int               `json:"rows"`
	Left    int               `json:"left"`      // rows that are left out
	LeftSum int64             `json:"leftBytes"` // bytes on the wire of these
	Columns map[string]column `json:"columns"`
}

// newList returns rows of a table as a list. Times are relative to origin, texts not
// longer than so many characters.
func newList(s *table.Schema, names []string, rows [][]cell, origin int64, longest int) list {
	l := list{Rows: len(rows), Columns: map[string]column{}}
	for n, name := range names {
		i := s.Index(name)
		if i < 0 {
			continue
		}
		col := &s.Columns[i]
		var c column
		var any bool
		if col.Type == table.String {
			c, any = textColumn(rows, n, longest)
		} else {
			c, any = numberColumn(rows, n, isInstant(col), origin)
		}
		if any {
			l.Columns[name] = c
		}
	}
	return l
}

// isInstant tells times from durations.
func isInstant(c *table.Column) bool {
	return c.Type == table.Int64 && strings.Contains(c.Doc, "Unix nanoseconds")
}

func numberColumn(rows [][]cell, n int, instant bool, origin int64) (c column, any bool) {
	same := true
	for _, row := range rows {
		v := row[n]
		same = same && v == rows[0][n]
		if !v.valid {
			c.Numbers = append(c.Numbers, nil)
			continue
		}
		any = true
		if instant {
			v.number -= origin
		}
		c.Numbers = append(c.Numbers, &v.number)
	}
	if same && any {
		c = column{One: *c.Numbers[0]}
	}
	return c, any
}

func textColumn(rows [][]cell, n, longest int) (c column, any bool) {
	index := map[string]int{}
	for _, row := range rows {
		v := row[n]
		if !v.valid {
			c.Index = append(c.Index, -1)
			continue
		}
		text := Cut(v.text, longest)
		i, ok := index[text]
		if !ok {
			i = len(c.Texts)
			index[text] = i
			c.Texts = append(c.Texts, text)
		}
		c.Index = append(c.Index, i)
		any = true
	}
	return c, any
}

// Cut returns at most so many characters of a text.
func Cut(s string, longest int) string {
	n := 0
	for i := range s {
		if n == longest {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
