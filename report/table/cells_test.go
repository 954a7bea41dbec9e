package table

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Rows that are appended column by column are those that are appended one by one.
func TestCellsByColumn(t *testing.T) {
	s := &Schema{Name: "t", Columns: []Column{{"n", Int64, false, ""}, {"at_ns", Int64, true, ""}, {"at_time", Timestamp, true, ""},
		{"small", Int32, true, ""}, {"text", String, true, ""}, {"must", String, false, ""}, {"flag", Bool, true, ""}}}
	texts := []string{"a", "a", "", "bad \xff", "bad \xff", "b"}
	one, all := NewBatch(s), NewBatch(s)
	for range 2 { // again on a batch that has rows
		for i, x := range texts {
			one.Int("n", int64(i))
			one.IntIf("at_ns", int64(i)*1001-2500, i != 1)
			one.IntIf("small", int64(-i), i%2 == 0)
			one.TextIf("text", x)
			one.Text("must", x)
			if i == 3 {
				one.Null("flag")
			} else {
				one.Bool("flag", i > 2)
			}
		}
		n := len(texts)
		all.Ints("n", n, func(i int) (int64, bool) { return int64(i), true })
		all.Ints("at_ns", n, func(i int) (int64, bool) { return int64(i)*1001 - 2500, i != 1 })
		all.Ints("small", n, func(i int) (int64, bool) { return int64(-i), i%2 == 0 })
		all.Texts("text", n, func(i int) (string, bool) { return texts[i], texts[i] != "" })
		all.Texts("must", n, func(i int) (string, bool) { return texts[i], true })
		all.Bools("flag", n, func(i int) (bool, bool) { return i > 2, i != 3 })
		if one.Rows != all.Rows || !cmp.Equal(one.Columns, all.Columns) {
			t.Fatalf("%d and %d rows: %s", one.Rows, all.Rows, cmp.Diff(one.Columns, all.Columns))
		}
	}
}

// Cells that the schema has no place for are a programmer's error.
func TestCellsThatAreWrong(t *testing.T) {
	s := &Schema{Name: "t", Columns: []Column{{"n", Int64, false, ""}, {"text", String, false, ""}, {"flag", Bool, false, ""}}}
	null := func(int) (int64, bool) { return 1, false }
	for name, wrong := range map[string]func(*Batch){
		"another name":    func(b *Batch) { b.Ints("m", 1, null) },
		"another type":    func(b *Batch) { b.Texts("n", 1, func(int) (string, bool) { return "", true }) },
		"NULL":            func(b *Batch) { b.Ints("n", 1, null) },
		"NULL among text": func(b *Batch) { b.next = 1; b.Texts("text", 1, func(int) (string, bool) { return "", false }) },
		"NULL, no flag":   func(b *Batch) { b.next = 2; b.Bools("flag", 1, func(int) (bool, bool) { return true, false }) },
	} {
		func() {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "table t: ") {
					t.Errorf("%s: %v", name, text)
				}
			}()
			wrong(NewBatch(s))
		}()
	}
}
