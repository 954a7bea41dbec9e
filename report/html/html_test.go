package html

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/report/table"
)

const hostile = `</script><script>alert("1")</script><!-- ]]> & '` + "\u2028\x00"

// made returns a source of so many connections and processes, all names of which are
// name. The last connection has the most bytes.
func made(connections, processes int, name string) *Source {
	s := &Source{Tool: name, Host: name, Command: []string{name}, Files: []File{{Name: name, Length: 7}}, Remarks: []Remark{{name, name}}}
	s.Tables = []*table.Table{
		table.Of(table.Capture(), 1, func(b *table.Batch, _ int) {
			fill(b, map[string]any{"packets": 7, "first_ns": int64(1e18), "last_ns": int64(1e18 + 5e9), "recording_id": name})
		}),
		table.Of(table.Coverage(), 2, func(b *table.Batch, i int) {
			fill(b, map[string]any{"side": []string{"source", "destination"}[i], "reason": "exact", "packets": 7, "wire_bytes": 700})
		}),
		table.Of(table.Damage(), 1, func(b *table.Batch, _ int) {
			fill(b, map[string]any{"file": name, "message": name, "count": 1})
		}),
		table.Of(table.Processes(), processes, func(b *table.Batch, i int) {
			fill(b, map[string]any{"pid": 10 + i, "ppid": 9 + i, "start_ns": int64(1e18) + int64(i), "name": name, "command": fmt.Sprint(i, name), "sent_wire_bytes": 100 * i, "tree_sent_wire_bytes": processes - i})
		}),
		table.Of(table.Phases(), 2, func(b *table.Batch, i int) {
			fill(b, map[string]any{"phase_id": 1, "phase": name, "begin_ns": int64(1e18), "pid": 10 + i, "sent_packets": 2, "sent_wire_bytes": 50})
		}),
		table.Of(table.Connections(), connections, func(b *table.Batch, i int) {
			fill(b, map[string]any{"connection_id": 2*i + 1, "protocol": "tcp", "client_ip": "192.0.2.1", "server_ip": fmt.Sprintf("192.0.2.%d", i%200), "client_port": 1024 + i%60000, "server_port": 80,
				"first_ns": int64(1e18) + int64(i), "last_ns": int64(1e18) + int64(2*i), "client_wire_bytes": 100 + i, "client_name": name, "client_pid": 10, "client_start_ns": int64(1e18), "client_reason": "exact", "server_reason": "remote"})
		}),
		table.Of(table.Endpoints(), 201, func(b *table.Batch, i int) {
			if i == 200 { // those without a row of their own
				fill(b, map[string]any{"connections": 5})
				return
			}
			fill(b, map[string]any{"address": fmt.Sprintf("192.0.2.%d", i), "role": "server", "protocol": "tcp", "server_port": 80, "host": name, "connections": 1, "received_wire_bytes": 100 + i})
		}),
		table.Of(table.Timeseries(), 2*5000, func(b *table.Batch, i int) {
			fill(b, map[string]any{"begin_ns": int64(1e18) + int64(i/2)*1e6, "bucket_ns": int64(1e6), "pid": 10 + i%2, "start_ns": int64(1e18) + int64(i%2), "name": name, "sent_wire_bytes": 3, "received_wire_bytes": 4})
		}),
	}
	s.Activity = func(yield func(int64, []Stretch) error) error {
		for i := range connections {
			var all []Stretch
			for k := range int64(max(1, 100-i)) {
				at := int64(1e18) + int64(i) + 1000*k
				all = append(all, Stretch{at, at + k, 2, 1})
			}
			if err := yield(int64(2*i+1), all); err != nil {
				return err
			}
		}
		return nil
	}
	return s
}

// fill appends a row; what is not given is 0, false, or NULL where it may be.
func fill(b *table.Batch, cells map[string]any) {
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
		case c.Type != table.Timestamp:
			n, ok := v.(int64)
			if !ok && given {
				n = int64(v.(int))
			}
			b.IntIf(c.Name, n, given || !c.Nullable)
		}
	}
}

func written(t *testing.T, s *Source) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// parsed returns the data of a page.
func parsed(t *testing.T, page string) (d document) {
	t.Helper()
	_, rest, _ := strings.Cut(page, `<script type="application/json" id="data">`)
	data, _, _ := strings.Cut(rest, "</script>")
	if err := json.Unmarshal([]byte(data), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// A page has the elements that its template has, whatever names there are, and its
// policy allows these alone.
func TestPageHoldsNoMarkupOfOthers(t *testing.T) {
	page := written(t, made(20, 3, hostile))
	for _, tag := range []string{"<script", "</script", "<style", "<img", "<!--"} {
		if got, want := strings.Count(page, tag), strings.Count(written(t, made(20, 3, "plain")), tag); got != want {
			t.Errorf("%d of %s, with plain names %d", got, tag, want)
		}
	}
	if d := parsed(t, page); d.Host != hostile || d.Connections.Columns["client_name"].Texts[0] != hostile {
		t.Errorf("the host is %q", d.Host)
	}
	policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
	if policy == nil || !strings.HasPrefix(policy[1], "default-src &#39;none&#39;; script-src &#39;sha256-") || strings.Contains(policy[1], "unsafe") {
		t.Fatalf("the policy is %q", policy)
	}
	for _, element := range []string{"style", "script"} {
		_, rest, _ := strings.Cut(page, "<"+element+">")
		text, _, _ := strings.Cut(rest, "</"+element+">")
		sum := sha256.Sum256([]byte(text))
		digest := strings.ReplaceAll(base64.StdEncoding.EncodeToString(sum[:]), "+", "&#43;")
		if !strings.Contains(policy[1], element+"-src &#39;sha256-"+digest+"&#39;") {
			t.Errorf("the policy does not allow the %s", element)
		}
	}
	if bad := regexp.MustCompile(`(?i)(src|href|action|url|import|srcset|data)\s*[=(]\s*["']?\s*(https?:)?//`).FindString(page); bad != "" {
		t.Errorf("the page names another host: %s", bad)
	}
	if strings.Contains(page, "innerHTML") && !strings.Contains(read("uplot.js"), "innerHTML") {
		t.Error("the script makes markup of text")
	}
	for _, name := range []string{"data.js", "element.js", "rows.js", "grid.js", "head.js", "throughput.js", "waterfall.js", "tables.js", "page.js", "view.js", "format.js"} {
		if regexp.MustCompile(`innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|fetch\(|XMLHttp|WebSocket`).MatchString(read(name)) {
			t.Errorf("%s makes markup or code of text, or asks for more", name)
		}
	}
}

// The same source gives the same bytes.
func TestPageIsDeterministic(t *testing.T) {
	first, second := written(t, made(500, 3, "a")), written(t, made(500, 3, "a"))
	if first != second {
		t.Error("two pages of one result differ")
	}
}

// A page shows the largest connections, and says what it leaves out.
func TestPageShowsTheLargest(t *testing.T) {
	const all = MaxConnections + 50
	page := written(t, made(all, 3, "x"))
	if len(page) > MaxSize {
		t.Errorf("%d bytes", len(page))
	}
	d := parsed(t, page)
	c := d.Connections
	if c.Rows+c.Left != all || c.Rows != MaxConnections || len(d.Activity.Rows) != c.Rows {
		t.Errorf("%d shown, %d left, %d with activity", c.Rows, c.Left, len(d.Activity.Rows))
	}
	var left int64
	for i := range int64(c.Left) {
		left += 100 + i
	}
	if first := *c.Columns["connection_id"].Numbers[0]; first != int64(2*c.Left+1) || left != c.LeftSum {
		t.Errorf("begins with %d, %d bytes left out, want %d, %d", first, c.LeftSum, 2*c.Left+1, left)
	}
	var counted, sent int64
	for _, n := range d.Histograms[0].Bins {
		counted += n
	}
	for _, s := range d.Throughput.Series {
		for i := range s.Sent {
			sent += s.Sent[i]
		}
	}
	if counted != all || sent != 3*2*5000 || d.Throughput.Rows > MaxBuckets || len(d.Endpoints.Rows) != 200 || d.Endpoints.More != 5 || d.Endpoints.Rows[0].Address != "192.0.2.199" {
		t.Errorf("%d connections in the distribution, %d bytes in %d buckets, %d endpoints", counted, sent, d.Throughput.Rows, len(d.Endpoints.Rows))
	}
}

// However long names are, a page stays small.
func TestPageSize(t *testing.T) {
	for _, name := range []string{strings.Repeat("<", 2000), strings.Repeat("\u2028", 1000)} {
		if page := written(t, made(200, 3000, name)); len(page) > MaxSize {
			t.Errorf("%d bytes", len(page))
		}
	}
}

// A page can be made of nothing, and tells what is missing.
func TestPageOfNothing(t *testing.T) {
	d := parsed(t, written(t, &Source{}))
	if !slices.Equal(d.Missing, Tables()) || d.Throughput != nil || d.Connections.Rows != 0 {
		t.Errorf("%+v", d)
	}
	empty := &Source{}
	for _, n := range Tables() {
		empty.Tables = append(empty.Tables, table.Of(table.Lookup(n), 0, nil))
	}
	if d := parsed(t, written(t, empty)); len(d.Missing) != 0 {
		t.Errorf("%+v", d)
	}
}

// Joining keeps the bytes and the ends, and joins what is closest.
func TestJoin(t *testing.T) {
	all := []Stretch{{50, 60, 1, 0}, {0, 10, 1, 2}, {12, 20, 3, 4}, {40, 45, 5, 6}, {44, 47, 7, 8}}
	got := join(slices.Clone(all), 3)
	if want := []Stretch{{0, 20, 4, 6}, {40, 47, 12, 14}, {50, 60, 1, 0}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := join(slices.Clone(all), 1); !slices.Equal(got, []Stretch{{0, 60, 17, 20}}) {
		t.Errorf("got %v", got)
	}
	if got := join(nil, 1); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

// Processes hang below the latest of their parent's number that started before, and
// below its parent where that is not shown.
func TestProcessTree(t *testing.T) {
	rows := [][4]int{{1, 0, 1, 0}, {5, 1, 2, 0}, {5, 1, 3, 0}, {7, 5, 4, 9}, {5, 5, 5, 0}, {8, 9, 6, 0}} // pid, ppid, start, bytes
	p, err := readProcesses(table.Of(table.Processes(), len(rows), func(b *table.Batch, i int) {
		fill(b, map[string]any{"pid": rows[i][0], "ppid": rows[i][1], "start_ns": rows[i][2], "tree_sent_wire_bytes": rows[i][3]})
	}))
	if err != nil || !slices.Equal(p.parent, []int{-1, 0, 0, 2, 2, -1}) {
		t.Errorf("parents are %v: %v", p.parent, err)
	}
	l := p.list(2, 0, 9)
	if !slices.Equal(l.Parents, []int{-1, 0}) || *l.Columns["pid"].Numbers[1] != 7 || l.Left != 4 {
		t.Errorf("shown are %+v", l)
	}
}
