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

	name  string // of the file, for errors
	open  func() (io.ReadSeekCloser, error)
	begin map[string]int64 // where the rows of a table do in the file, bytes; 0 = the table is Single
	first map[string]row   // of each table; nil = it has none
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
	return read(path, func() (io.ReadSeekCloser, error) { return os.Open(path) })
}

func read(name string, open func() (io.ReadSeekCloser, error)) (*Result, error) {
	r := &Result{name: name, open: open, begin: map[string]int64{}, first: map[string]row{}}
	if err := r.decode(0, r.lookThrough); err != nil {
		return nil, err
	}
	for _, s := range table.All() {
		if first, ok := r.first[s.Name]; ok {
			r.Tables = append(r.Tables, r.table(known(s, first)))
		}
	}
	if len(r.Tables) == 0 {
		return nil, fmt.Errorf("%s: it holds no table, and is no result of analyze", name)
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

// table returns the table of a schema, which reads its part of the file whenever it is
// asked.
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
		add := func(n int, one row) error {
			if err := appendRow(b, one); err != nil {
				return fmt.Errorf("%s: table %s, row %d: %w", r.name, s.Name, n+1, err)
			}
			if b.Rows < maxRows {
				return nil
			}
			return flush()
		}
		if err := r.each(s, add); err != nil {
			return err
		}
		return flush()
	}}
}

// each calls f with the rows of a table and their numbers.
func (r *Result) each(s *table.Schema, f func(n int, one row) error) error {
	if s.Single {
		return f(0, r.first[s.Name])
	}
	return r.decode(r.begin[s.Name], func(d *json.Decoder) error {
		if err := bracket(d, s.Name); err != nil {
			return err
		}
		all := func(int) bool { return true }
		return rows(d, s.Name, all, f)
	})
}

// decode calls f with a decoder of the file from an offset on.
func (r *Result) decode(from int64, f func(*json.Decoder) error) error {
	file, err := r.open()
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		return err
	}
	d := json.NewDecoder(bufio.NewReaderSize(file, 1<<16))
	d.UseNumber()
	if err := f(d); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("%s: no result of --format json: %w", r.name, err)
	}
	return nil
}

// lookThrough finds the tables, and the first row of each.
func (r *Result) lookThrough(d *json.Decoder) error {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return failed(err, "it is no object")
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		if s := table.Lookup(name); s == nil {
			err = other(d, name)
		} else {
			err = r.lookAt(d, s)
		}
		if err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func (r *Result) lookAt(d *json.Decoder, s *table.Schema) error {
	if _, twice := r.begin[s.Name]; twice {
		return fmt.Errorf("table %s stands there twice", s.Name)
	}
	if s.Single {
		var one row
		if err := d.Decode(&one); err != nil || one == nil {
			return err
		}
		r.begin[s.Name], r.first[s.Name] = 0, one
		return nil
	}
	if err := bracket(d, s.Name); err != nil {
		return err
	}
	r.begin[s.Name], r.first[s.Name] = d.InputOffset()-1, nil
	first := func(n int) bool { return n == 0 }
	return rows(d, s.Name, first, func(_ int, one row) error {
		r.first[s.Name] = one
		return nil
	})
}

// bracket reads the bracket before the rows of a table.
func bracket(d *json.Decoder, name string) error {
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return failed(err, "table "+name+" is no array")
	}
	return nil
}

// rows reads the rows of a table, and calls f with those that are wanted, by their
// numbers; others are only looked through.
func rows(d *json.Decoder, name string, want func(n int) bool, f func(n int, one row) error) error {
	for n := 0; d.More(); n++ {
		var one row
		var passed json.RawMessage
		into := any(&passed)
		if want(n) {
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
		if err := f(n, one); err != nil {
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
