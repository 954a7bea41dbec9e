package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/report/decode"
	"github.com/pcapwho/pcapwho/report/table"
	"github.com/pcapwho/pcapwho/testdata/demo"
)

// benchmark draws one run: four phases, six processes and three endpoints, each
// number with normal noise of a part of it; one phase may have more.
func benchmark(random *rand.Rand, noise, more float64) *Run {
	r := &Run{Values: map[Subject]map[Metric]int64{}, commands: map[string][]string{}}
	draw := func(s Subject, base float64, list ...Metric) {
		if r.Values[s] == nil {
			r.Values[s] = map[Metric]int64{}
		}
		for _, m := range list {
			r.Values[s][m] = int64(base * (1 + noise*random.NormFloat64()))
		}
	}
	draw(Subject{Kind: Total}, 1e8, Bytes, Packets, Connections, Turns, Busy, Retransmitted, RTT, Duration)
	for n := range 4 {
		base := 1e7
		if n == 2 {
			base *= 1 + more
		}
		draw(Subject{Phase, fmt.Sprint("phase ", n)}, base, Bytes, Packets, Connections, Turns, Busy, Retransmitted, RTT)
		draw(Subject{Phase, fmt.Sprint("phase ", n)}, 1e9, Duration)
	}
	for n := range 6 {
		name := fmt.Sprint("process ", n)
		r.commands[name] = []string{"x"}
		draw(Subject{Process, name}, 1e6, Bytes, Sent, Received, Packets, Connections, Turns, Busy, Retransmitted, RTT)
	}
	for n := range 3 {
		draw(Subject{Endpoint, fmt.Sprint("host ", n)}, 1e5, Bytes, Packets, Connections, Turns, Busy, Retransmitted, RTT)
	}
	return r
}

func five(random *rand.Rand, noise, more float64) (runs []*Run) {
	for range 5 {
		runs = append(runs, benchmark(random, noise, more))
	}
	return runs
}

// TestPlantedChange finds a change of 10 % in one phase in at least 95 of 100 pairs
// of five runs whose numbers vary by 1 % (standard deviation), and reports anything in
// at most 5 of 100 pairs without one.
func TestPlantedChange(t *testing.T) {
	defer func(n int) { resamples = n }(resamples)
	resamples = 200
	for _, noise := range []float64{0.002, 0.01} {
		found, wrong, other := 0, 0, 0
		for seed := range uint64(100) {
			random := rand.New(rand.NewPCG(seed, 1))
			planted, reported := false, false
			changes, _ := Runs(five(random, noise, 0), five(random, noise, 0.1)).shown(0.01, maxText)
			for _, c := range changes {
				if c.Subject == (Subject{Phase, "phase 2"}) && c.Metric == Bytes {
					planted = c.Relative > 0.05 && c.Low < c.Relative && c.Relative < c.High && c.Low > 0
				} else if c.Subject.Name != "phase 2" {
					reported = true
				}
			}
			_, equal := Runs(five(random, noise, 0), five(random, noise, 0)).shown(0.01, maxText)
			count(&found, planted)
			count(&other, reported)
			count(&wrong, equal > 0)
		}
		t.Logf("noise of %.1f %%: found in %d of 100 pairs; reported something else in %d, and in %d of 100 equal ones", 100*noise, found, other, wrong)
		if found < 95 || wrong > 5 || other > 5 {
			t.Errorf("noise of %.1f %%: found %d, wrong %d and %d", 100*noise, found, wrong, other)
		}
	}
}

func count(n *int, yes bool) {
	if yes {
		*n++
	}
}

// TestWelch holds it against the t distribution's tables.
func TestWelch(t *testing.T) {
	// Both with variance 2.5 and five values: the standard error is 1, and 8 degrees of
	// freedom are left, for which 2.306, 3.355 and 5.041 leave 5 %, 1 % and 0.1 %.
	base := []float64{-2, -1, 0, 1, 2}
	for shift, want := range map[float64]float64{0: 1, 2.306: 0.05, 3.355: 0.01, 5.041: 0.001} {
		var other []float64
		for _, v := range base {
			other = append(other, v+shift)
		}
		if got := welch(base, other); math.Abs(got-want) > want/100 {
			t.Errorf("shifted by %v: %v, want %v", shift, got, want)
		}
	}
	same, more := []float64{5, 5, 5}, []float64{6, 6, 6}
	if welch(same, same) != 1 || welch(same, more) != 0 {
		t.Error("without any variance it is certain")
	}
}

func TestHolm(t *testing.T) {
	// The second is beyond 0.05/3, so the third is not believed, though below 0.05/1.
	if d := cmp.Diff([]bool{false, true, false, false}, holm([]float64{0.02, 0.001, 0.03, 0.9}, 0.05)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]bool{true, true}, holm([]float64{0.04, 0.02}, 0.05)); d != "" {
		t.Error(d)
	}
}

// TestFewRuns shows differences, and is sure of none.
func TestFewRuns(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	c := Runs(five(random, 0.01, 0)[:2], five(random, 0.01, 0.5))
	for _, change := range c.Changes {
		if change.Sure {
			t.Errorf("sure of %+v", change)
		}
	}
	var out bytes.Buffer
	if err := c.Text(&out, 0.01, 0); err != nil || !strings.Contains(out.String(), "nobody can tell change from chance") {
		t.Errorf("%v: %s", err, out.String())
	}
	if unknown := (Condition{Sent, true, 0}); unknown.Known(c) || !(Condition{Bytes, true, 0}).Known(c) {
		t.Error("of the whole bytes are known, and not which were sent")
	}
	bad := Condition{Bytes, true, -1}
	if met := bad.Met(c); len(met) != 1 || met[0].Kind != Total {
		t.Errorf("%+v", met)
	}
}

// TestCommands matches processes by command where all runs have the same, else by
// name.
func TestCommands(t *testing.T) {
	run := func(commands ...string) *Run {
		g := newGatherer("")
		for _, c := range commands {
			s := &table.Schema{Columns: []table.Column{{Name: "name", Type: table.String}, {Name: "command", Type: table.String}, {Name: "sent_packets"}}}
			b := table.NewBatch(s)
			b.Text("name", "sh")
			b.Text("command", c)
			b.Int("sent_packets", 1)
			g.process(row{b, 0, map[string]int{"name": 0, "command": 1, "sent_packets": 2}})
		}
		return g.finish()
	}
	names := func(runs ...*Run) (list []string) {
		for _, s := range subjects(runs) {
			list = append(list, s.Name)
		}
		return list
	}
	if d := cmp.Diff([]string{"sh sh a", "sh sh b"}, names(run("sh a", "sh b"), run("sh b", "sh a"))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"sh"}, names(run("sh a", "sh b"), run("sh a", "sh c"))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"sh"}, names(run("sh /tmp/x1"), run("sh /tmp/x2"))); d != "" {
		t.Error(d)
	}
}

// TestLoad reads a recording and its result alike.
func TestLoad(t *testing.T) {
	dir := t.TempDir()
	must(t, demo.Unpack(dir))
	log, err := os.ReadFile(filepath.Join(dir, demo.Log))
	must(t, err)
	end := bytes.LastIndexByte(log[:len(log)-1], '\n') + 1
	for _, mark := range []string{`594800000000,"seq":901,"change":"end"`, `594000000000,"seq":900,"change":"begin"`} {
		log = slices.Insert(log, end, []byte(`{"event":"mark","time_ns":1795556`+mark+`,"name":"load"}`+"\n")...)
	}
	must(t, os.WriteFile(filepath.Join(dir, demo.Log), log, 0o600))
	capture := filepath.Join(dir, demo.Capture)
	load := func(name string) (*Run, error) {
		return (&Source{Name: name}).Load(context.Background(), report.Config{})
	}
	one, err := load(capture)
	must(t, err)
	result, err := report.Analyze(context.Background(), report.Config{Captures: []string{capture}})
	must(t, err)
	defer result.Close()
	path := filepath.Join(dir, "result.json")
	must(t, result.Write(context.Background(), report.Output{Format: report.JSON, Path: path}))
	other, err := load(path)
	must(t, err)
	if d := cmp.Diff(one, other, cmp.AllowUnexported(Run{}), cmpopts.IgnoreFields(Run{}, "Name")); d != "" {
		t.Errorf("by capture and by result:\n%s", d)
	}
	if a, b := Alike([]*Run{one, {}, other}); a != one || b != other {
		t.Error("a copy is not found")
	}
	for _, format := range []report.Format{report.Parquet, report.CSV} {
		if format == report.Parquet && !decode.ReadsParquet() {
			continue
		}
		dataset := filepath.Join(dir, string(format))
		must(t, result.Write(context.Background(), report.Output{Format: format, Path: dataset, Partition: true}))
		sources, err := Sources([]string{dataset})
		must(t, err)
		run, err := sources[0].Load(context.Background(), report.Config{})
		must(t, err)
		if d := cmp.Diff(one, run, cmp.AllowUnexported(Run{}), cmpopts.IgnoreFields(Run{}, "Name")); d != "" {
			t.Errorf("by capture and by dataset of %s:\n%s", format, d)
		}
	}
	if v := one.Values[Subject{Kind: Total}]; v[Bytes] != 17855147 || v[Packets] != 1889 || v[Connections] != 67 || v[RTT] == 0 || v[Turns] != 432 || v[Busy] == 0 || v[Duration] != 2502033140 {
		t.Errorf("the whole is %v", v)
	}
	if v := one.Values[Subject{Phase, "load"}]; v[Turns] == 0 || v[Turns] >= 432 || v[RTT] == 0 || v[Duration] != 8e8 {
		t.Errorf("the phase is %v", v)
	}
	if v := one.Values[Subject{Process, "backup"}]; v[Sent] != 10106041 || v[Connections] != 2 {
		t.Errorf("backup is %v", v)
	}
	for name, text := range map[string]string{"cut": `{"capture": {`, "other": `{"a": 1}`, "no": "x", "wrong": `{"capture": 7, "processes": ["x"]}`} {
		must(t, os.WriteFile(path, []byte(text), 0o600))
		var e *report.InputError
		if _, err := load(path); !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Where one side alone has phases, every form says so.
func TestSideWithoutPhases(t *testing.T) {
	total, phase := Subject{Total, ""}, Subject{Phase, "load"}
	with := &Run{Name: "with", Values: map[Subject]map[Metric]int64{total: {Bytes: 1}, phase: {Bytes: 1}}}
	without := &Run{Name: "without", Values: map[Subject]map[Metric]int64{total: {Bytes: 1}}}
	for _, c := range []struct {
		a, b *Run
		want string
	}{{with, without, "B"}, {without, with, "A"}, {with, with, ""}, {without, without, ""}} {
		one := Runs([]*Run{c.a}, []*Run{c.b})
		var text, markdown, json strings.Builder
		if err := errors.Join(one.Text(&text, 0.01, 0), one.Markdown(&markdown, 0.01), one.JSON(&json)); err != nil {
			t.Fatal(err)
		}
		says := fmt.Sprintf("%s has no phases", c.want)
		for _, out := range []string{text.String(), markdown.String(), one.Section(0.01).Verdict} {
			if strings.Contains(out, says) != (c.want != "") {
				t.Errorf("%s, %s: it says\n%s", c.a.Name, c.b.Name, out)
			}
		}
		if key := fmt.Sprintf(`"without_phases": %q`, strings.ToLower(c.want)); strings.Contains(json.String(), key) != (c.want != "") {
			t.Errorf("%s, %s: JSON says\n%s", c.a.Name, c.b.Name, json.String())
		}
	}
}

// A phase has every turn and every segment that was sent again once, whoever is at the
// other end, and the median of its round trips; from a result of an older version nothing
// of these.
func TestPhaseMeasures(t *testing.T) {
	type values = map[string]int64
	rows := []values{
		{"phase_id": 1, "pid": 7, "turns": 5, "retransmitted_segments": 1, "rtt_count": 10, "rtt_median_ns": 3000},
		{"phase_id": 1, "turns": 2, "retransmitted_segments": 3, "rtt_count": 11, "rtt_median_ns": 7000}, // the other host
		{"phase_id": 1, "pid": 8, "turns": 0, "retransmitted_segments": 0, "rtt_count": 2, "rtt_median_ns": 9000},
		{"phase_id": 2, "pid": 7, "turns": 1, "retransmitted_segments": 0, "rtt_count": 0},
	}
	for _, old := range []bool{false, true} {
		schema := *table.Phases()
		if old {
			schema.Columns = schema.Columns[:schema.Index("turns")]
		}
		g := newGatherer("")
		columns, b := map[string]int{}, table.NewBatch(&schema)
		for i, c := range schema.Columns {
			columns[c.Name] = i
		}
		for n, r := range rows {
			for i := range schema.Columns {
				c := &schema.Columns[i]
				v, known := r[c.Name]
				switch {
				case c.Type == table.Int64:
					b.IntIf(c.Name, v, known || !c.Nullable)
				case c.Type != table.Timestamp:
					b.Nulls(c.Name, c.Name)
				}
			}
			g.phase(row{b, n, columns})
		}
		run := g.finish()
		one, two := run.Values[Subject{Phase, "(no name)"}], run.Values[Subject{Phase, "outside of all phases"}]
		want := map[Metric]int64{Bytes: 0, Packets: 0, Connections: 0, Turns: 8, Retransmitted: 4, RTT: 7000}
		if old {
			want = map[Metric]int64{Bytes: 0, Packets: 0, Connections: 0}
		}
		if d := cmp.Diff(want, one); d != "" || two != nil {
			t.Errorf("old %v (-want +got):\n%s and %v", old, d, two)
		}
	}
}

// Of a part of a recording the time is that of the part.
func TestDurationOfPart(t *testing.T) {
	dir := t.TempDir()
	must(t, demo.Unpack(dir))
	capture := filepath.Join(dir, demo.Capture)
	whole, err := report.Analyze(context.Background(), report.Config{Captures: []string{capture}})
	must(t, err)
	defer whole.Close()
	for _, cfg := range []report.Config{{From: &report.Moment{Nanoseconds: 1e9, Relative: true}}, {From: &report.Moment{Nanoseconds: 1e9, Relative: true}, To: &report.Moment{Nanoseconds: 15e8, Relative: true}}} {
		cfg.Captures = []string{capture}
		part, err := report.Analyze(context.Background(), cfg)
		must(t, err)
		run, err := NewRun("", part.Tables)
		must(t, err)
		must(t, part.Close())
		most := int64(1502033140)
		if cfg.To != nil {
			most = 5e8
		}
		if d := run.Values[Subject{Kind: Total}][Duration]; d > most || d < most-1e8 {
			t.Errorf("the part lasts %d ns, and is selected of %d", d, most)
		}
	}
}

func TestSources(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, path := range []string{"a1.json", "a2.json", "b.json", "run.conns.jsonl", "ds/capture/run=1/host=x/part.csv", "ds/connections/run=2/host=x/part.csv", "plain/x.json"} {
		must(t, os.MkdirAll(filepath.Dir(path), 0o777))
		must(t, os.WriteFile(path, []byte("{}"), 0o600))
	}
	must(t, os.Link("b.json", "c.json"))
	for names, want := range map[string]string{
		"b.json nowhere.json": "b.json nowhere.json", "a*.json": "a1.json a2.json", "a?.json a1.json": "a1.json a2.json a1.json", "a1.json a*": "a1.json a2.json",
		"ds": "ds/run=1 ds/run=2", "ds/run=1 ds": "ds/run=1 ds/run=2", "ds ds/run=1": "ds/run=1 ds/run=2 ds/run=1", "ds/*/run=*": "ds/run=1 ds/run=2", "d*": "ds/run=1 ds/run=2", "r*": "ERROR", "plain": "ERROR", "x*": "ERROR", "ds/run=[": "ERROR",
	} {
		list, err := Sources(strings.Fields(names))
		var got []string
		for _, s := range list {
			got = append(got, filepath.ToSlash(s.Name))
		}
		if err != nil {
			got = []string{"ERROR"}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v; want %s", names, got, err, want)
		}
	}
	for names, twice := range map[string]bool{"a1.json a2.json": false, "a1.json a1.json": true, "b.json c.json": true, "ds ds/run=1": true, "ds b.json": false, "no.json no.json": false} {
		list, err := Sources(strings.Fields(names))
		must(t, err)
		if a, b := Twice(list); (a != nil) != twice || (b != nil) != twice {
			t.Errorf("%s: twice is %v", names, a != nil)
		}
	}
}

// Lines are no longer than the terminal, whatever names are.
func TestColumns(t *testing.T) {
	long := strings.Repeat("x", 300)
	run := func(n int64) *Run {
		return &Run{Name: long, Values: map[Subject]map[Metric]int64{{Kind: Total}: {Bytes: n, Duration: n * 7919}, {Process, long}: {Bytes: n, Received: 2 * n}}, commands: map[string][]string{long: {"x"}}}
	}
	c := Runs([]*Run{run(100000), run(100100), run(100001)}, []*Run{run(200000), run(200200), run(200001)})
	for _, columns := range []int{60, 80, 200} {
		var out bytes.Buffer
		must(t, c.Text(&out, 0.01, columns))
		for line := range strings.Lines(out.String()) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > columns {
				t.Errorf("%d columns: %d in %q", columns, n, line)
			}
		}
		if n := strings.Count(out.String(), "+100.0 %"); n < 4 {
			t.Errorf("%d columns: %d changes in\n%s", columns, n, out.String())
		}
	}
}

// TestHostileNames are text in every format.
func TestHostileNames(t *testing.T) {
	hostile := "a\x1b[31m|<script>`*_[x](y) @name #12 https://x.y www.x.y GH-7\n"
	run := func(n int64) *Run {
		return &Run{Name: hostile, commands: map[string][]string{hostile: {"x"}}, Values: map[Subject]map[Metric]int64{{Process, hostile}: {Bytes: n}}}
	}
	c := Runs([]*Run{run(100)}, []*Run{run(200)})
	var text, markdown, doc bytes.Buffer
	must(t, c.Text(&text, 0.01, 0))
	must(t, c.Markdown(&markdown, 0.01))
	must(t, c.JSON(&doc))
	for _, link := range []string{"@name", "#12", "://", "www.", "GH-7"} {
		if strings.Contains(markdown.String(), link) || !strings.Contains(text.String(), link) {
			t.Errorf("%s in Markdown:\n%s\nnot in text:\n%s", link, markdown.String(), text.String())
		}
	}
	if strings.Contains(text.String()+markdown.String(), "\x1b") || strings.Contains(markdown.String(), "<script") || strings.Count(text.String(), "\n") != 6 {
		t.Errorf("text:\n%s\nMarkdown:\n%s", text.String(), markdown.String())
	}
	var parsed struct{ Changes []struct{ Name string } }
	if err := json.Unmarshal(doc.Bytes(), &parsed); err != nil || len(parsed.Changes) != 1 || parsed.Changes[0].Name != hostile {
		t.Errorf("%v: %s", err, doc.String())
	}
}

func TestConditions(t *testing.T) {
	for text, want := range map[string]Condition{"bytes > +5%": {Bytes, true, 0.05}, " rtt_ns<-2.5 % ": {RTT, false, -0.025}, "packets > 0%": {Packets, true, 0}} {
		if got, err := ParseCondition(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "bytes", "bytes > 5", "byte > 5%", "bytes >= 5%", "bytes > x%"} {
		if _, err := ParseCondition(text); err == nil {
			t.Errorf("%q is no condition", text)
		}
	}
}

// Many endpoints are compared one by one, and only some have intervals; beyond a limit
// they are one.
func TestManyEndpoints(t *testing.T) {
	defer func(n int) { resamples = n }(resamples)
	resamples = 50
	const many = 8_000
	run := func(from int, more int64) *Run {
		r := &Run{Values: map[Subject]map[Metric]int64{}}
		for i := range many {
			r.Values[Subject{Endpoint, fmt.Sprint(from + i)}] = map[Metric]int64{Bytes: 1000 + more + int64(i%7)}
		}
		return r
	}
	c := Runs([]*Run{run(0, 1), run(0, 2), run(1, 3)}, []*Run{run(0, 2), run(0, 1), run(many-1, 3)})
	if len(c.Changes) != 2*many-1 {
		t.Fatalf("%d changes", len(c.Changes))
	}
	bounded := 0
	for i := range c.Changes {
		if c.Changes[i].bounded() {
			bounded++
		} else if c.Changes[i].Sure {
			t.Errorf("%+v is sure, and has no interval", c.Changes[i])
		}
	}
	if bounded != maxBounded {
		t.Errorf("%d of %d changes have intervals", bounded, len(c.Changes))
	}
	g := newGatherer("")
	for i := range maxEndpoints + 3 {
		g.add(g.endpoint(fmt.Sprint(i)), Bytes, 1)
		g.add(g.endpoint("0"), Bytes, 1)
	}
	if n := g.run.Values[Subject{Endpoint, "(others)"}][Bytes]; n != 3 || len(g.run.Values) != maxEndpoints+1 {
		t.Errorf("%d bytes of others, %d endpoints", n, len(g.run.Values))
	}
}
