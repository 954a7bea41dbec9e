package connlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/pcapwho/pcapwho/testdata/need"
)

const (
	manual     = "../../docs/connlog.md"
	schemaFile = "../../docs/connlog.schema.json"
)

// written are the kinds that Append writes with fields of their own.
var written = []Kind{KindHead, KindProcess, KindSocket, KindPoll, KindAddress, KindInterface, KindNAT, KindMark, KindClock, KindGap, KindEnd}

func document(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// blocks returns the contents of the manual's code blocks of a language, and
// of those without one that follow them: what they print.
func blocks(t testing.TB, language string) (code, output []string) {
	t.Helper()
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```(?:\n\n```\n(.*?)```)?").FindAllStringSubmatch(document(t), -1) {
		code, output = append(code, m[1]), append(output, m[2])
	}
	if len(code) == 0 {
		t.Fatalf("%s has no %s", manual, language)
	}
	return code, output
}

// example is the log that the manual shows.
func example(t testing.TB) string {
	code, _ := blocks(t, "json")
	return strings.Join(code, "")
}

// lineSchema is the schema of one line. Strict, it allows no field that it
// does not name: readers must, for the sake of what is to come, but nothing
// that is written today may go without a description.
func lineSchema(t testing.TB, strict bool) *jsonschema.Schema {
	t.Helper()
	doc := schemaDocument(t)
	if strict {
		for _, def := range doc["$defs"].(map[string]any) {
			if d := def.(map[string]any); d["properties"] != nil {
				d["additionalProperties"] = false
			}
		}
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("line.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("line.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func schemaDocument(t testing.TB) map[string]any {
	t.Helper()
	b, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return doc.(map[string]any)
}

func validate(s *jsonschema.Schema, line string) error {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
	if err != nil {
		return err
	}
	return s.Validate(value)
}

// Every line that can be written follows the schema, and names no field that
// the schema does not.
func TestLinesFollowTheSchema(t *testing.T) {
	open, strict := lineSchema(t, false), lineSchema(t, true)
	rapid.Check(t, func(t *rapid.T) {
		e := drawer{t}.event()
		line := string(e.Append(nil))
		if err := validate(open, line); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if err := validate(strict, line); err != nil {
			t.Fatalf("strictly: %v: %s", err, line)
		}
	})
}

// The schema refuses what the reader refuses, and allows what it passes over.
func TestSchemaDecides(t *testing.T) {
	s, strict := lineSchema(t, false), lineSchema(t, true)
	socket := strings.TrimSpace(socketLine)
	for _, tt := range []struct {
		line     string
		ok, only bool // only = strictly it is not
	}{
		{socket, true, false},
		{strings.Replace(socket, `"seq"`, `"news":1,"seq"`, 1), true, true},
		{`{"event":"wonder","time_ns":1,"seq":2,"pid":"any"}`, true, false},
		{`{"event":"mark","time_ns":1,"seq":2,"change":"begin","name":""}`, true, false},
		{`{"event":"mark","time_ns":1,"seq":2,"change":"began","name":"x"}`, false, false},
		{strings.Replace(socket, `"open"`, `"opened"`, 1), false, false},
		{strings.Replace(socket, `"tcp"`, `"TCP"`, 1), false, false},
		{strings.Replace(socket, `192.0.2.1:80`, `192.0.2.256:80`, 1), false, false},
		{strings.Replace(socket, `192.0.2.1:80`, `[2001:db8::1]:80`, 1), true, false},
		{strings.Replace(socket, `"pid":7`, `"pid":0`, 1), false, false},
		{strings.Replace(socket, `"socket_id":5,`, ``, 1), false, false},
		{strings.Replace(socket, `"time_ns":3`, `"time_ns":9223372036854775808`, 1), false, false},
		{`{"event":"address","time_ns":1,"seq":2,"change":"add","address":"2001:db8::1/64"}`, true, false},
		{`{"event":"address","time_ns":1,"seq":2,"change":"add","address":"192.0.2.1"}`, false, false},
		{`{"event":"address","time_ns":1,"seq":2,"change":"came","address":"192.0.2.1/24"}`, false, false},
		{`{"time_ns":1,"seq":2}`, false, false},
		{`[]`, false, false},
		{strings.TrimSpace(headLine), false, false}, // a reader lives with less than a writer must tell
	} {
		if got, gotStrict := validate(s, tt.line), validate(strict, tt.line); (got == nil) != tt.ok || (gotStrict == nil) != (tt.ok && !tt.only) {
			t.Errorf("%s: %v, strictly %v", tt.line, got, gotStrict)
		}
	}
}

// The manual's example is a whole log, as Append writes it, and shows every
// kind of event.
func TestExampleLog(t *testing.T) {
	strict, log := lineSchema(t, true), example(t)
	var seen []string
	r := NewReader(strings.NewReader(log), manual)
	for line := range strings.Lines(log) {
		if err := validate(strict, line); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if got := string(e.Append(nil)); got != line {
			t.Errorf("would be written otherwise: %s", cmp.Diff(line, got))
		}
		seen = append(seen, e.Kind.String())
		if e.Seq != uint64(len(seen)) || e.Kind == KindEnd && e.End.Events != int64(len(seen)) {
			t.Errorf("line %d has seq %d: %s", len(seen), e.Seq, line)
		}
	}
	for _, k := range written {
		if !slices.Contains(seen, k.String()) {
			t.Errorf("%s is not shown", k)
		}
	}
}

// described returns the fields of an event that the manual's tables list, by
// their path, with what stands in the columns type and when.
func described(t testing.TB, kind string) map[string][2]string {
	t.Helper()
	fields := map[string][2]string{}
	for _, heading := range []string{"Every event", kind} {
		_, section, ok := strings.Cut(document(t), "\n## "+heading+"\n")
		if !ok {
			t.Fatalf("%s does not describe %s", manual, heading)
		}
		section, _, _ = strings.Cut(section, "\n## ")
		for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\| ([^|]+) \\| .* \\|$").FindAllStringSubmatch(section, -1) {
			fields[m[1]] = [2]string{m[2], m[3]}
		}
	}
	return fields
}

// The manual lists exactly the fields that are written, with their types and
// whether they are always there; and so does the schema.
func TestFieldsAreDescribed(t *testing.T) {
	for _, k := range written {
		full, least := fields(t, filled(k)), fields(t, least(k))
		want := map[string][2]string{}
		for path, kind := range full {
			when := "sometimes"
			if _, ok := least[path]; ok || strings.Contains(path, ".") && always(k, path) {
				when = "always"
			}
			want[path] = [2]string{kind, when}
		}
		got := described(t, k.String())
		for path, f := range got {
			if f[1] != "always" {
				f[1] = "sometimes"
			}
			got[path] = f
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: the manual differs from what is written:\n%s", k, d)
		}
		if d := cmp.Diff(want, inSchema(t, k.String())); d != "" {
			t.Errorf("%s: the schema differs from what is written:\n%s", k, d)
		}
	}
}

// always tells whether a field of a part is written wherever the part is.
func always(k Kind, path string) bool {
	e := filled(k)
	switch {
	case k == KindHead:
		e.Head.Interfaces = make([]Interface, 1)
	case k == KindProcess:
		e.Process.Parent.Start = 0
	case k == KindSocket:
		e.Socket.Owners, e.Socket.Counters = make([]ProcessID, 1), &Counters{}
	}
	_, ok := fieldsOf(e.Append(nil))[path]
	return ok
}

// filled is an event of the kind in which nothing is zero.
func filled(k Kind) *Event {
	e := Event{}
	fill(reflect.ValueOf(&e).Elem())
	e.Kind = k
	return &e
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	default:
		panic("no value for " + v.Type().String())
	}
}

// least is an event of the kind that tells nothing that it need not.
func least(k Kind) *Event {
	return &Event{Kind: k, Head: &Head{}, Process: &Process{UID: -1}, Socket: &Socket{}, Poll: &Poll{}, Address: &Address{}, Interface: &Interface{}, NAT: &NAT{}, Mark: &Mark{}, Clock: &Clock{}, Gap: &Gap{}, End: &End{}}
}

func fields(t testing.TB, e *Event) map[string]string {
	t.Helper()
	all := fieldsOf(e.Append(nil))
	if all == nil {
		t.Fatalf("no JSON: %s", e.Append(nil))
	}
	return all
}

// fieldsOf returns the type of every field of a line, by its path as the
// manual writes it: owners[].pid.
func fieldsOf(line []byte) map[string]string {
	var doc map[string]any
	if json.Unmarshal(line, &doc) != nil {
		return nil
	}
	all := map[string]string{}
	var walk func(prefix string, m map[string]any)
	walk = func(prefix string, m map[string]any) {
		for name, v := range m {
			all[prefix+name] = typeOf(v)
			switch v := v.(type) {
			case map[string]any:
				walk(prefix+name+".", v)
			case []any:
				if len(v) > 0 {
					if part, ok := v[0].(map[string]any); ok {
						walk(prefix+name+"[].", part)
					}
				}
			}
		}
	}
	walk("", doc)
	return all
}

func typeOf(v any) string {
	switch v := v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		return "integer"
	case map[string]any:
		return "object"
	case []any:
		if len(v) > 0 {
			return "array of " + typeOf(v[0]) + "s"
		}
	}
	return "array"
}

// inSchema returns the same of the schema.
func inSchema(t testing.TB, kind string) map[string][2]string {
	t.Helper()
	defs := schemaDocument(t)["$defs"].(map[string]any)
	resolve := func(s any) map[string]any {
		m := s.(map[string]any)
		if ref, ok := m["$ref"].(string); ok {
			return defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		}
		return m
	}
	all := map[string][2]string{}
	var walk func(prefix string, object map[string]any)
	walk = func(prefix string, object map[string]any) {
		required := fmt.Sprint(object["required"]) + " "
		for name, s := range object["properties"].(map[string]any) {
			s, when := resolve(s), "sometimes"
			if regexp.MustCompile(`[\[ ]` + name + `[\] ]`).MatchString(required) {
				when = "always"
			}
			kind, _ := s["type"].(string)
			switch {
			case kind == "object":
				walk(prefix+name+".", s)
			case kind == "array":
				items := resolve(s["items"])
				kind += " of " + items["type"].(string) + "s"
				if items["properties"] != nil {
					walk(prefix+name+"[].", items)
				}
			case kind == "": // const or enum
				kind = "string"
			}
			all[prefix+name] = [2]string{kind, when}
		}
	}
	walk("", defs[kind].(map[string]any))
	return all
}

// What is written as a word is explained.
func TestWordsAreDescribed(t *testing.T) {
	doc := document(t)
	for _, names := range [][]string{kindNames, processChangeNames, socketChangeNames, addressChangeNames, translationChangeNames, markChangeNames, socketEvidenceNames, {string(GapCapture), string(GapSockets), string(GapProcesses)}} {
		for _, name := range names {
			if name != "" && !strings.Contains(doc, "`"+name+"`") && !strings.Contains(doc, "\n## "+name+"\n") {
				t.Errorf("%s does not say what %q is", manual, name)
			}
		}
	}
}

// inFolder writes the manual's log to a new folder, under the name that its
// queries use.
func inFolder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "run.conns.jsonl"), []byte(example(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The manual's jq queries print what it says.
func TestJQ(t *testing.T) {
	need.Tool(t, "jq")
	code, want := blocks(t, "sh")
	for i := range code {
		cmd := exec.Command("sh", "-c", code[i])
		cmd.Dir = inFolder(t)
		got, err := cmd.CombinedOutput()
		if err != nil || string(got) != want[i] {
			t.Errorf("%s: %v, prints\n%swant\n%s", code[i], err, got, want[i])
		}
	}
}

// So do its DuckDB queries.
func TestDuckDB(t *testing.T) {
	folder := need.Env(t, "PCAPWHO_READERS", "a folder with the npm packages @duckdb/node-api and nodejs-polars")
	code, want := blocks(t, "sql")
	script, err := filepath.Abs("testdata/query.cjs")
	if err != nil {
		t.Fatal(err)
	}
	for i := range code {
		cmd := exec.Command(need.Tool(t, "node"), script, code[i])
		cmd.Dir = inFolder(t)
		cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(folder, "node_modules"))
		got, err := cmd.CombinedOutput()
		if err != nil || string(got) != want[i] {
			t.Errorf("%s: %v, prints\n%swant\n%s", code[i], err, got, want[i])
		}
	}
}
