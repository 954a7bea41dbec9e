package decode

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/pcapwho/pcapwho/report/table"
)

// maxRows is how many rows a batch has.
const maxRows = 2048

// Result is a result in a file.
type Result struct {
	Tables []*table.Table // those that it holds, in the order of the documentation

	name string // of the file, for errors
	open func() (io.ReadCloser, error)
}

// row is one row as JSON has it.
type row map[string]any

// Is tells whether a file may be a result: it begins with a brace, as no capture does.
func Is(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return false
	}
	first := make([]byte, 1)
	_, err = io.ReadFull(f, first)
	return err == nil && first[0] == '{'
}

// Open reads a result through. Errors name the table and row that is wrong.
func Open(path string) (*Result, error) {
	return read(path, func() (io.ReadCloser, error) { return os.Open(path) })
}

func read(name string, open func() (io.ReadCloser, error)) (*Result, error) {
	r := &Result{name: name, open: open}
	columns := map[string]row{}
	first := func(_ string, n int) bool { return n == 0 }
	err := r.walk(first, func(name string, _ int, one row) error {
		columns[name] = one
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, s := range table.All() {
		if first, ok := columns[s.Name]; ok {
			r.Tables = append(r.Tables, r.table(known(s, first)))
		}
	}
	if len(r.Tables) == 0 {
		return nil, fmt.Errorf("%s: it holds no table", name)
	}
	return r, nil
}

// known returns the schema with those columns alone that a row has; of an empty table
// all. The date beside an instant goes with it.
func known(s *table.Schema, first row) *table.Schema {
	if first == nil {
		return s
	}
	has := func(c table.Column) bool { _, ok := first[c.Name]; return ok }
	shown := *s
	shown.Columns = nil
	for i, c := range s.Columns {
		if has(c) && (c.Type != table.Timestamp || has(s.Columns[i-1])) {
			shown.Columns = append(shown.Columns, c)
		}
	}
	return &shown
}

// table returns the table of a schema, which reads the file whenever it is asked.
func (r *Result) table(s *table.Schema) *table.Table {
	return &table.Table{Schema: s, Each: func(prepare func(*table.Batch), yield func(*table.Batch) error) error {
		b := table.NewBatch(s)
		flush := func() error {
			if b.Rows == 0 {
				return nil
			}
			prepare(b)
			err := yield(b)
			b.Reset()
			return err
		}
		mine := func(name string, _ int) bool { return name == s.Name }
		err := r.walk(mine, func(name string, n int, one row) error {
			if n < 0 {
				return nil
			}
			if err := appendRow(b, one); err != nil {
				return fmt.Errorf("%s: table %s, row %d: %w", r.name, name, n+1, err)
			}
			if b.Rows < maxRows {
				return nil
			}
			return flush()
		})
		if err != nil {
			return err
		}
		return flush()
	}}
}

// wanted tells whether a row of a table, by its number, is to be decoded; others are
// only looked through.
type wanted func(name string, n int) bool

// walk calls f with the rows that are wanted and their numbers; for a table without rows
// once, with -1 and nil.
func (r *Result) walk(want wanted, f func(name string, n int, one row) error) error {
	file, err := r.open()
	if err != nil {
		return err
	}
	defer file.Close()
	d := json.NewDecoder(bufio.NewReaderSize(file, 1<<16))
	d.UseNumber()
	if err := walk(d, want, f); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("%s: no result of --format json: %w", r.name, err)
	}
	return nil
}

func walk(d *json.Decoder, want wanted, f func(string, int, row) error) error {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return failed(err, "it is no object")
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		switch s := table.Lookup(name); {
		case s == nil:
			err = other(d, name)
		case s.Single:
			var one row
			if err = d.Decode(&one); err == nil && one != nil && want(name, 0) {
				err = f(name, 0, one)
			}
		default:
			err = rows(d, name, want, f)
		}
		if err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// rows reads the rows of a table.
func rows(d *json.Decoder, name string, want wanted, f func(string, int, row) error) error {
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return failed(err, "table "+name+" is no array")
	}
	n := 0
	for ; d.More(); n++ {
		var one row
		var passed json.RawMessage
		into := any(&passed)
		if want(name, n) {
			into = &one
		}
		if err := d.Decode(into); err != nil {
			return fmt.Errorf("table %s, row %d: %w", name, n+1, err)
		}
		if into == any(&passed) {
			if passed[0] != '{' {
				return fmt.Errorf("table %s, row %d: it is no object", name, n+1)
			}
			continue
		}
		if err := f(name, n, one); err != nil {
			return err
		}
	}
	if n == 0 {
		if err := f(name, -1, nil); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// other skips what is no table, but for the version of the tables.
func other(d *json.Decoder, name string) error {
	var v json.RawMessage
	if err := d.Decode(&v); err != nil || name != "schema_version" {
		return err
	}
	var version int
	if err := json.Unmarshal(v, &version); err != nil || version > table.Version {
		return fmt.Errorf("schema_version is %.40s, and this version reads up to %d", v, table.Version)
	}
	return nil
}

// failed returns an error, or one that says otherwise.
func failed(err error, otherwise string) error {
	if err != nil {
		return err
	}
	return errors.New(otherwise)
}

// appendRow appends a row to a batch.
func appendRow(b *table.Batch, one row) error {
	if one == nil {
		return errors.New("it is no object")
	}
	// All cells are looked at before the first is appended: a batch takes whole rows.
	columns := b.Schema.Columns
	for i := range columns {
		if err := check(&columns[i], one[columns[i].Name]); err != nil {
			return err
		}
	}
	for i := range columns {
		appendCell(b, &columns[i], one[columns[i].Name])
	}
	return nil
}

// check tells whether a value is one of the column.
func check(c *table.Column, v any) error {
	if v == nil && c.Nullable {
		return nil
	}
	ok := true
	switch c.Type {
	case table.Int64, table.Int32:
		_, ok = integer(v)
	case table.String:
		_, ok = v.(string)
	case table.Bool:
		_, ok = v.(bool)
	case table.ProcessList, table.Histogram:
		_, ok = v.([]any)
	}
	if !ok {
		return fmt.Errorf("%s: %.60v is no %v", c.Name, v, c.Type)
	}
	return nil
}

func integer(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil
}

func appendCell(b *table.Batch, c *table.Column, v any) {
	switch c.Type {
	case table.Int64, table.Int32:
		n, ok := integer(v)
		b.IntIf(c.Name, n, ok)
	case table.String:
		text, ok := v.(string)
		if ok && (text != "" || !c.Nullable) {
			b.Text(c.Name, text)
		} else {
			b.TextIf(c.Name, "")
		}
	case table.Bool:
		if truth, ok := v.(bool); ok {
			b.Bool(c.Name, truth)
		} else {
			b.Null(c.Name)
		}
	case table.ProcessList:
		b.List(c.Name, objects(v, process))
	case table.Histogram:
		b.Histogram(c.Name, objects(v, bucket))
	}
}

// objects reads those of a list that are objects; what else is in it is left out.
func objects[T any](v any, read func(row) T) (all []T) {
	list, _ := v.([]any)
	for _, v := range list {
		if one, ok := v.(map[string]any); ok {
			all = append(all, read(one))
		}
	}
	return slices.Clip(all)
}

func bucket(one row) table.Bucket {
	least, _ := integer(one["least_ns"])
	below, _ := integer(one["below_ns"])
	count, _ := integer(one["count"])
	return table.Bucket{Least: least, Below: below, Count: count}
}

func process(one row) table.Process {
	pid, _ := integer(one["pid"])
	start, _ := integer(one["start_ns"])
	name, _ := one["name"].(string)
	return table.Process{PID: pid, Start: start, Name: name}
}
