package html

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/report/table"
	"github.com/pcapwho/pcapwho/report/view"
	"github.com/pcapwho/pcapwho/report/view/viewtest"
)

const hostile = `</script><script>alert("1")</script><!-- ]]> & '` + "\u2028\x00"

func written(t *testing.T, s *view.Source) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// parsed returns the data of a page.
func parsed(t *testing.T, page string) (d view.Document) {
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
	page := written(t, viewtest.Source(20, 3, hostile))
	for _, tag := range []string{"<script", "</script", "<style", "<img", "<!--"} {
		if got, want := strings.Count(page, tag), strings.Count(written(t, viewtest.Source(20, 3, "plain")), tag); got != want {
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
	first, second := written(t, viewtest.Source(500, 3, "a")), written(t, viewtest.Source(500, 3, "a"))
	if first != second {
		t.Error("two pages of one result differ")
	}
}

// A page shows the largest connections, and says what it leaves out.
func TestPageShowsTheLargest(t *testing.T) {
	const all = view.MaxConnections + 50
	page := written(t, viewtest.Source(all, 3, "x"))
	if len(page) > MaxSize {
		t.Errorf("%d bytes", len(page))
	}
	d := parsed(t, page)
	c := d.Connections
	if c.Rows+c.Left != all || c.Rows != view.MaxConnections || len(d.Activity.Rows) != c.Rows {
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
		for _, n := range s.Sent.All() {
			sent += n
		}
	}
	if counted != all || sent != 3*2*5000 || d.Throughput.Rows != 5000 || len(d.Endpoints.Rows) != 200 || d.Endpoints.More != 5 || d.Endpoints.Rows[0].Address != "192.0.2.199" {
		t.Errorf("%d connections in the distribution, %d bytes in %d buckets, %d endpoints", counted, sent, d.Throughput.Rows, len(d.Endpoints.Rows))
	}
}

// However long names are, a page stays small.
func TestPageSize(t *testing.T) {
	for _, name := range []string{strings.Repeat("<", 2000), strings.Repeat("\u2028", 1000)} {
		if page := written(t, viewtest.Source(200, 3000, name)); len(page) > MaxSize {
			t.Errorf("%d bytes", len(page))
		}
	}
}

// A page can be made of nothing, and tells what is missing.
func TestPageOfNothing(t *testing.T) {
	d := parsed(t, written(t, &view.Source{}))
	if !slices.Equal(d.Missing, view.Tables()) || d.Throughput != nil || d.Connections.Rows != 0 {
		t.Errorf("%+v", d)
	}
	empty := &view.Source{}
	for _, n := range view.Tables() {
		empty.Tables = append(empty.Tables, table.Of(table.Lookup(n), 0, nil))
	}
	if d := parsed(t, written(t, empty)); len(d.Missing) != 0 {
		t.Errorf("%+v", d)
	}
}

// What changed is text, in a section of the page or in one of its own, and drawn where it
// has numbers.
func TestComparison(t *testing.T) {
	c := &Comparison{A: []string{hostile}, B: []string{hostile, "b"}, Verdict: hostile, Left: 3, Changes: []Change{
		{Subject: hostile, Metric: hostile, A: hostile, B: hostile, Change: "+10 %", Interval: "+5 to +15 %", Low: 0.05, Middle: 0.1, High: 0.15},
		{Subject: "new", Low: math.Inf(1), Middle: math.Inf(1), High: math.Inf(1)}}}
	var own, section bytes.Buffer
	if err := WriteComparison(&own, hostile, c); err != nil {
		t.Fatal(err)
	}
	s := viewtest.Source(2, 2, "x")
	if err := WriteCompared(&section, s, c); err != nil {
		t.Fatal(err)
	}
	for name, page := range map[string]string{"own": own.String(), "section": section.String()} {
		if strings.Contains(page, "alert(\"1\")") || strings.Count(page, "<svg") != 1 || strings.Count(page, "&lt;/script&gt;&lt;script&gt;alert") < 7 {
			t.Errorf("%s: %d drawings, %d texts", name, strings.Count(page, "<svg"), strings.Count(page, "&lt;/script&gt;&lt;script&gt;alert"))
		}
		// 0.05 to 0.15 of 0.15 to each side of 80.
		if !strings.Contains(page, `x="106.7" y="5" width="53.3"`) || !strings.Contains(page, `cx="133.3"`) || !strings.Contains(page, "… and 3 more") {
			t.Errorf("%s: it is drawn elsewhere", name)
		}
		for _, tag := range []string{"style", "script"} {
			m := regexp.MustCompile(`(?s)<` + tag + `>(.*?)</` + tag + `>`).FindStringSubmatch(page)
			sum := sha256.Sum256([]byte(m[1]))
			if !strings.Contains(page, tag+"-src &#39;sha256-"+strings.ReplaceAll(base64.StdEncoding.EncodeToString(sum[:]), "+", "&#43;")) {
				t.Errorf("%s: the policy does not allow its %s", name, tag)
			}
		}
	}
}
