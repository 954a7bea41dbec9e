package table

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/tables.md and docs/analysis.schema.json")

// The documents are made from the schemas.
func TestDocs(t *testing.T) {
	for path, want := range map[string][]byte{"../../docs/tables.md": markdown(), "../../docs/analysis.schema.json": jsonSchema(t)} {
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the schemas say (%v): go test ./report/table -update", path, err)
		}
	}
}

func markdown() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Tables\n\nMade from `report/table` by `go test ./report/table -update`; version %d.\n\n", Version)
	b.WriteString("Names and types stay; columns are added. NULL means unknown or not applicable, never 0. " +
		"Instants are Unix nanoseconds (`*_ns`), each followed by the same as a date, cut to microseconds. " +
		"Byte counts on the wire are of whole frames, link headers included. " +
		"[measures.md](measures.md) defines what connections are measured by. " +
		"JSON writes integers as numbers: readers that hold numbers as float64 lose digits above 2^53, so take the dates there, or Parquet. " +
		"Its first row of a table has every column; further ones leave out what is NULL.\n\n" +
		"JSON, Arrow and Parquet hold every cell exactly; bytes of a text that are no UTF-8 are U+FFFD in all formats. " +
		"CSV is RFC 4180 with a header line, and lines end in LF: NULL is an empty cell, empty text is `\"\"`. " +
		"Because spreadsheets take cells for formulas, a text column's cell that begins with `=`, `+`, `-` or `@`, any spaces, tabs, line ends and apostrophes before it not counted, has an apostrophe put before it (`-bash` becomes `'-bash`); numbers never do. " +
		"To undo it, replace `^'(?=[' \\t\\r\\n]*[=+@-])` by nothing. " +
		"On a terminal CSV shows control characters as `\\x1b`.\n")
	for _, s := range All() {
		fmt.Fprintf(&b, "\n## %s\n\nOne row: %s. Sorted by: %s.", s.Name, s.Doc, s.Key)
		if !s.Default {
			fmt.Fprintf(&b, " Written when asked for: `--tables %s`.", s.Name)
		}
		b.WriteString("\n\n| column | type | NULL | |\n|---|---|---|---|\n")
		for _, c := range s.Columns {
			null := ""
			if c.Nullable {
				null = "yes"
			}
			fmt.Fprintf(&b, "| `%s` | %v | %s | %s |\n", c.Name, c.Type, null, c.Doc)
		}
	}
	return b.Bytes()
}

// object is a JSON object that keeps its order.
type object []member

type member struct {
	key   string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		key, err1 := json.Marshal(m.key)
		value, err2 := json.Marshal(m.value)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("%v, %v", err1, err2)
		}
		b = append(append(append(b, key...), ':'), value...)
	}
	return append(b, '}'), nil
}

func jsonSchema(t *testing.T) []byte {
	t.Helper()
	properties := object{
		{"file", object{{"description", "the capture that the document is about, where there are several: pcapwho analyze --each"}, {"type", "string"}}},
		{"schema_version", object{{"description", "version of the tables"}, {"const", Version}}}}
	for _, s := range All() {
		var columns object
		var names []string
		for _, c := range s.Columns {
			columns = append(columns, member{c.Name, column(c)})
			if !c.Nullable || s.Single {
				names = append(names, c.Name)
			}
		}
		row := object{{"type", "object"}, {"description", s.Doc}, {"required", names}, {"properties", columns}}
		if s.Single {
			properties = append(properties, member{s.Name, row})
			continue
		}
		properties = append(properties, member{s.Name, object{{"type", "array"}, {"description", "sorted by: " + s.Key}, {"items", row}}})
	}
	schema := object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", "pcapwho analyze --format json"},
		{"type", "object"},
		{"required", []string{"schema_version"}},
		{"properties", properties},
	}
	raw, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func column(c Column) object {
	name := map[Type]string{Int64: "integer", Int32: "integer", String: "string", Bool: "boolean", Timestamp: "string", ProcessList: "array", Histogram: "array"}[c.Type]
	var typ any = name
	if c.Nullable {
		typ = []string{name, "null"}
	}
	o := object{{"description", c.Doc}, {"type", typ}}
	switch c.Type {
	case Int64:
		o = append(o, member{"minimum", json.Number("-9223372036854775808")}, member{"maximum", json.Number("9223372036854775807")})
	case Int32:
		o = append(o, member{"minimum", -1 << 31}, member{"maximum", 1<<31 - 1})
	case Timestamp:
		o = append(o, member{"format", "date-time"}, member{"pattern", `^-?[0-9]{4,6}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$`})
	case ProcessList:
		o = append(o, member{"items", object{{"type", "object"}, {"required", []string{"pid", "start_ns", "name"}}, {"properties", object{
			{"pid", object{{"type", "integer"}}}, {"start_ns", object{{"type", []string{"integer", "null"}}}}, {"name", object{{"type", []string{"string", "null"}}}}}}}})
	case Histogram:
		o = append(o, member{"items", object{{"type", "object"}, {"required", []string{"least_ns", "below_ns", "count"}}, {"properties", object{
			{"least_ns", object{{"type", "integer"}}}, {"below_ns", object{{"type", "integer"}}}, {"count", object{{"type", "integer"}}}}}}})
	}
	return o
}
