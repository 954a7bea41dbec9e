package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/testdata/demo"
	"github.com/pcapwho/pcapwho/testdata/need"
)

var update = flag.Bool("update", false, "write what the commands of README.md print into it")

const readme = "../../README.md"

// block is a fenced block of a page.
type block struct{ language, text string }

var fence = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

func blocksOf(t *testing.T, page string) (blocks []block) {
	t.Helper()
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, block{m[1], m[2]})
	}
	return blocks
}

func readPage(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// bench returns a folder with the recording that ships with the program, as
// run.pcapng, where the examples run.
func bench(t *testing.T) string {
	t.Helper()
	dir := unpacked(t)
	for from, to := range map[string]string{demo.Capture: "run.pcapng", demo.Log: "run.conns.jsonl"} {
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// shell runs a command line in dir and returns all that it prints.
func shell(t *testing.T, dir, line string) string {
	t.Helper()
	cmd := exec.Command(need.Tool(t, "sh"), "-c", line)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// TestReadmeConsole runs what README shows after "$ " and compares what it
// prints, to the letter.
func TestReadmeConsole(t *testing.T) {
	dir, page := bench(t), readPage(t, readme)
	for _, b := range blocksOf(t, page) {
		if b.language != "console" {
			continue
		}
		var printed strings.Builder
		for line := range strings.Lines(b.text) {
			if command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ "); ok {
				printed.WriteString(line + shell(t, dir, command))
			}
		}
		if *update {
			page = strings.Replace(page, "```console\n"+b.text+"```", "```console\n"+printed.String()+"```", 1)
		} else if printed.String() != b.text {
			t.Errorf("README shows\n%sprinted is\n%s", b.text, printed.String())
		}
	}
	if *update {
		if err := os.WriteFile(readme, []byte(page), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadmeReaders runs README's SQL in DuckDB and its blocks for polars and
// pandas over the tables that its commands make.
func TestReadmeReaders(t *testing.T) {
	dir := bench(t)
	shell(t, dir, "pcapwho analyze run.pcapng --format parquet -o tables && pcapwho analyze run.pcapng --tables packets -o packets.parquet && pcapwho analyze run.pcapng -o result.json")
	want := map[string]string{"sql": "archive", "js": "resolver", "python": "backup"}
	for _, b := range blocksOf(t, readPage(t, readme)) {
		mark, ok := want[b.language]
		if !ok {
			continue
		}
		t.Run(b.language, func(t *testing.T) {
			var cmd *exec.Cmd
			switch b.language {
			case "python":
				cmd = exec.Command(pandas(t), "-c", b.text)
			case "js":
				cmd = node(t, b.text)
			case "sql":
				cmd = node(t, duckdb, b.text)
			}
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), mark) {
				t.Errorf("%v, the output lacks %q:\n%s", err, mark, out)
			}
		})
		delete(want, b.language)
	}
	if len(want) > 0 {
		t.Errorf("README has no block for %v", want)
	}
}

// TestDataframes runs every block of the page about dataframes.
func TestDataframes(t *testing.T) {
	t.Parallel()
	dir := bench(t)
	log := strings.SplitAfter(readPage(t, filepath.Join(dir, "run.conns.jsonl")), "\n")
	end := len(log) - 2
	at := func(change, name string, ns int64) string {
		return fmt.Sprintf("{\"event\":\"mark\",\"time_ns\":1795556%d,\"seq\":900,\"change\":%q,\"name\":%q}\n", ns, change, name)
	}
	log = slices.Insert(log, end, at("begin", "load", 594000000000), at("end", "load", 594800000000), at("begin", "query", 595000000000), at("end", "query", 595900000000))
	for name, text := range map[string]string{"run": strings.Join(log, ""), "other": strings.ReplaceAll(strings.Join(log, ""), "d54a6bf5", "00000000")} {
		if err := os.WriteFile(filepath.Join(dir, name+".conns.jsonl"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shell(t, dir, `LC_ALL=C sed s/d54a6bf5/00000000/ run.pcapng >other.pcapng`)
	by := map[string][]string{}
	for _, b := range blocksOf(t, readPage(t, "../../docs/dataframes.md")) {
		by[b.language] = append(by[b.language], b.text)
	}
	for _, text := range by["sh"] {
		shell(t, dir, text)
	}
	const next = "=== the next block"
	run := func(cmd *exec.Cmd, blocks ...string) {
		t.Helper()
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		answers := strings.Split(string(out), next)
		if err != nil || len(answers) != len(blocks) {
			t.Fatalf("%v: %d answers to %d blocks:\n%s", err, len(answers), len(blocks), out)
		}
		for i, a := range answers {
			if strings.TrimSpace(a) == "" {
				t.Errorf("prints nothing:\n%s", blocks[i])
			}
		}
	}
	run(node(t, duckdb, strings.Join(by["sql"], "\nSELECT '"+next+"';\n")), by["sql"]...)
	for _, text := range by["js"] {
		run(node(t, text), text)
	}
	for _, text := range by["python"] {
		run(exec.Command(pandas(t), "-c", text), text)
	}
	if len(by["sql"]) < 12 || len(by["js"]) < 1 || len(by["python"]) < 2 || len(by) != 4 {
		t.Errorf("the page has %d blocks of SQL, %d of JavaScript, %d of Python", len(by["sql"]), len(by["js"]), len(by["python"]))
	}
}

// TestReadersSumAsJSON reads the Parquet and Arrow tables of a recording with
// DuckDB and polars: rows and sums of every column are those of the JSON.
func TestReadersSumAsJSON(t *testing.T) {
	t.Parallel()
	dir := bench(t)
	const tables = "capture,coverage,processes,connections,packets"
	shell(t, dir, "pcapwho analyze run.pcapng -o result.json --tables "+tables)
	var document map[string]json.RawMessage
	if err := json.Unmarshal([]byte(readPage(t, filepath.Join(dir, "result.json"))), &document); err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, format := range []string{"parquet", "arrow"} {
		shell(t, dir, "pcapwho analyze run.pcapng -o "+format+" --format "+format+" --tables "+tables)
		for name := range strings.SplitSeq(tables, ",") {
			files = append(files, filepath.Join(dir, format, name+"."+format))
		}
	}
	cmd := node(t, readPage(t, "../../report/encode/testdata/read.cjs"), files...)
	cmd.Args = slices.Insert(cmd.Args, 3, "read.cjs") // node -e leaves the script's own name out
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	answers := 0
	for line := range bytes.Lines(out) {
		var got struct {
			Reader, File string
			Rows         int
			Columns      map[string][2]int64
		}
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		answers++
		name := strings.TrimSuffix(filepath.Base(got.File), filepath.Ext(got.File))
		rows := rowsOf(t, document[name])
		if got.Rows != len(rows) {
			t.Errorf("%s reads %d rows of %s, JSON has %d", got.Reader, got.Rows, name, len(rows))
		}
		for column, sum := range got.Columns {
			if want := sumOf(t, rows, column); sum != want {
				t.Errorf("%s: %s.%s: %d cells with sum %d, JSON has %d", got.Reader, name, column, sum[0], sum[1], want)
			}
		}
	}
	if answers != len(files)*3/2 { // Parquet is read by both
		t.Errorf("%d answers for %d files", answers, len(files))
	}
}

// rowsOf returns the rows of a table of the JSON document; capture is one.
func rowsOf(t *testing.T, text json.RawMessage) (rows []map[string]any) {
	t.Helper()
	if text[0] == '{' {
		text = json.RawMessage("[" + string(text) + "]")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// sumOf counts and adds up the cells of a column by the rules of read.cjs.
func sumOf(t *testing.T, rows []map[string]any, column string) (sum [2]int64) {
	t.Helper()
	const modulus = 1000003
	number := func(n json.Number) int64 {
		v, err := n.Int64()
		if err != nil {
			t.Fatal(err)
		}
		return v % modulus
	}
	for i, row := range rows {
		cell, known := row[column]
		if !known && i == 0 { // further rows leave out what is NULL
			t.Fatalf("JSON has no column %s", column)
		}
		if cell == nil {
			continue
		}
		sum[0]++
		switch v := cell.(type) {
		case json.Number:
			sum[1] += number(v)
		case bool:
			if v {
				sum[1]++
			}
		case []any:
			for _, p := range v {
				member := func(name string) int64 {
					n, _ := p.(map[string]any)[name].(json.Number)
					return number(cmp.Or(n, "0"))
				}
				sum[1] += member("pid") + (member("least_ns")+2*member("below_ns")+3*member("count"))%modulus
			}
		case string:
			if at, err := time.Parse(time.RFC3339Nano, v); err == nil && (strings.HasSuffix(column, "_time") || column == "time") {
				sum[1] += at.UnixMicro() % modulus
			} else {
				sum[1] += int64(len(v))
			}
		}
	}
	return sum
}

// pandas returns a Python that has it.
func pandas(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"/usr/bin/python3", "python3"} { // Debian's first: it has python3-pandas
		if exec.Command(python, "-c", "import pandas").Run() == nil {
			return python
		}
	}
	need.Missing(t, "needs Python with pandas")
	return ""
}

// duckdb runs the statements of its first argument and prints their rows.
const duckdb = `
const { DuckDBInstance } = require("@duckdb/node-api");
(async () => {
  const connection = await (await DuckDBInstance.create()).connect();
  for (const statement of process.argv[1].split(";").filter(s => s.trim())) {
    const rows = await connection.runAndReadAll(statement);
    for (const row of rows.getRows()) console.log(row.join(" "));
  }
})().catch(e => { console.error(e); process.exit(1); });`

func node(t *testing.T, script string, args ...string) *exec.Cmd {
	t.Helper()
	folder := need.Env(t, "PCAPWHO_READERS", "a folder with the npm packages @duckdb/node-api and nodejs-polars")
	cmd := exec.Command(need.Tool(t, "node"), append([]string{"-e", script}, args...)...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(folder, "node_modules"))
	return cmd
}
