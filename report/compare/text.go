package compare

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/pcapwho/pcapwho/report/encode"
	"github.com/pcapwho/pcapwho/report/html"
)

// The most changes that texts and pages show; JSON has all.
const (
	maxText = 40
	maxPage = 400
)

// shown returns up to so many of what is to be shown: what is sure, or without enough
// runs what is not small, the largest of each kind first; and how many there are.
func (c *Comparison) shown(smallest float64, most int) (list []Change, n int) {
	for _, change := range c.Changes {
		if (change.Sure || !c.Enough) && math.Abs(change.Relative) >= smallest {
			list = append(list, change)
		}
	}
	slices.SortStableFunc(list, func(a, b Change) int {
		return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), cmp.Compare(math.Abs(b.Relative), math.Abs(a.Relative)))
	})
	n = len(list)
	return list[:min(n, most)], n
}

// verdict says in a sentence what came out, and what could not be compared.
func (c *Comparison) verdict(n int, smallest float64) string {
	if c.Bare != "" {
		return c.outcome(n, smallest) + "; " + c.Bare + " has no phases, so that none is compared"
	}
	return c.outcome(n, smallest)
}

func (c *Comparison) outcome(n int, smallest float64) string {
	switch {
	case c.Enough && n == 0:
		return fmt.Sprintf("nothing changed by %s or more that is not chance", percent(smallest))
	case c.Enough:
		return fmt.Sprintf("%s not chance, and %s or more", thatAre(n), percent(smallest))
	case n == 0:
		return fmt.Sprintf("nothing differs by %s or more", percent(smallest))
	}
	return fmt.Sprintf("with fewer than %d runs on each side there are no intervals, and nobody can tell change from chance: these differences are %s or more", Enough, percent(smallest))
}

func thatAre(n int) string {
	if n == 1 {
		return "one change is"
	}
	return encode.Number(int64(n)) + " changes are"
}

// Text writes what changed, for a terminal of so many columns, 0 = any. smallest is the
// relative change that matters, as 0.01.
func (c *Comparison) Text(w io.Writer, smallest float64, columns int) error {
	var b strings.Builder
	list, n := c.shown(smallest, maxText)
	fmt.Fprintf(&b, "A  %s\nB  %s\n%s\n", sideText(c.A, columns), sideText(c.B, columns), c.verdict(n, smallest))
	if n > 0 {
		cells := [][]string{c.head()}
		for _, change := range list {
			cells = append(cells, c.cells(&change))
		}
		b.WriteByte('\n')
		align(&b, cells, columns)
	}
	if n > len(list) {
		fmt.Fprintf(&b, "… and %d more, which --format json has\n", n-len(list))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// sideText counts and names runs, as many as a line of so many columns has room for, 0 =
// any.
func sideText(runs []string, columns int) string {
	const most = 3
	count := encode.Count(int64(len(runs)), "run") + ": "
	room := 200
	if columns > 0 {
		room = max(shortestName, columns-len("A  "+count)-len(", …"))
	}
	text := short(encode.Escape(runs[0]), room)
	for i, name := range runs[1:] {
		next := text + ", " + encode.Escape(name)
		if i+2 > most || len([]rune(next)) > room {
			return count + text + ", …"
		}
		text = next
	}
	return count + text
}

// head is what stands above the cells.
func (c *Comparison) head() []string {
	if c.Enough {
		return []string{"", "", "A", "B", "change", "95 %"}
	}
	return []string{"", "", "A", "B", "change", ""}
}

func (c *Comparison) cells(change *Change) []string {
	interval := ""
	if change.bounded() {
		interval = strings.ReplaceAll(fmt.Sprintf("%s to %s", signed(change.Low), signed(change.High)), " % to", " to")
	}
	name := strings.TrimSpace(string(change.Kind) + " " + encode.Escape(change.Name))
	return []string{name, string(change.Metric), value(change.Metric, change.A), value(change.Metric, change.B), signed(change.Relative), interval}
}

// bounded tells whether the interval of a change is known.
func (d *Change) bounded() bool { return !math.IsNaN(d.Low) && !math.IsNaN(d.High) }

// short takes the middle out of names that are longer than so many characters: commands
// often differ at their end.
func short(name string, most int) string {
	r := []rune(name)
	if len(r) <= most {
		return name
	}
	return string(r[:most/2]) + "…" + string(r[len(r)-(most-1)/2:])
}

// Names take up to longestName characters, and fewer where the terminal has no more room
// for them: then they stand in a line of their own where that leaves fewer than shortestName.
const (
	longestName  = 48
	shortestName = 16
)

// align writes a table, the first two columns to the left, in so many columns of a
// terminal, 0 = any. Where the last has no room, it is left out.
func align(b *strings.Builder, cells [][]string, columns int) {
	widths := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, cell := range line {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	rest := 0 // of a line behind the name
	for i, w := range widths[1:] {
		if rest += 2 + w; columns > 0 && rest > columns && i+2 == len(widths) {
			for k := range cells { // no room for the interval
				cells[k] = cells[k][:i+1]
			}
			rest -= 2 + w
		}
	}
	room := longestName
	if columns > 0 {
		room = min(columns-1-rest, 2*longestName)
	}
	apart := room < shortestName
	if apart {
		widths[0], room = 0, max(columns, shortestName)
	}
	widths[0] = min(widths[0], room)
	before := ""
	for _, line := range cells {
		name := short(line[0], room)
		if apart {
			if name != before {
				b.WriteString(name + "\n")
			}
			before, name = name, ""
		}
		text := name + strings.Repeat(" ", max(0, widths[0]-len([]rune(name))))
		for i, cell := range line[1:] {
			pad := strings.Repeat(" ", widths[i+1]-len([]rune(cell)))
			if i > 0 {
				cell, pad = pad+cell, ""
			}
			text += "  " + cell + pad
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
}

// value writes a mean as people read it.
func value(m Metric, v float64) string {
	n := int64(math.Round(v))
	switch {
	case strings.HasSuffix(string(m), "bytes"):
		return encode.Size(n)
	case strings.HasSuffix(string(m), "_ns"):
		return duration(n)
	}
	return encode.Number(n)
}

// duration writes nanoseconds with four digits.
func duration(n int64) string {
	unit := time.Duration(1)
	for n/int64(unit) >= 10000 {
		unit *= 10
	}
	return time.Duration(n).Round(unit).String()
}

// percent writes a part without a sign, signed a change with one.
func percent(v float64) string { return fmt.Sprintf("%.3g %%", 100*v) }

func signed(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "new"
	case math.IsInf(v, 0), math.IsNaN(v):
		return "?"
	}
	return fmt.Sprintf("%+.1f %%", 100*v)
}

// Markdown writes what changed as a table, for a pull request.
func (c *Comparison) Markdown(w io.Writer, smallest float64) error {
	var b strings.Builder
	list, n := c.shown(smallest, maxText)
	fmt.Fprintf(&b, "**A** %s  \n**B** %s\n\n%s\n", markdown(sideText(c.A, 0)), markdown(sideText(c.B, 0)), c.verdict(n, smallest))
	if n > 0 {
		head := c.head()
		head[1] = "metric"
		if !c.Enough {
			head = head[:len(head)-1]
		}
		b.WriteString("\n| " + strings.Join(head, " | ") + " |\n|---|---" + strings.Repeat("|--:", len(head)-2) + "|\n")
		for _, change := range list {
			cells := c.cells(&change)[:len(head)]
			cells[0] = short(cells[0], longestName)
			for i := range cells {
				cells[i] = markdown(cells[i])
			}
			b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
		}
	}
	if n > len(list) {
		fmt.Fprintf(&b, "\n… and %d more\n", n-len(list))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// markdown makes text that Markdown and HTML show as it stands, and in which who hosts it
// finds no user, issue, commit or address that it would link or notify: an invisible word
// joiner (U+2060) parts what begins one.
func markdown(text string) string {
	text = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "~", `\~`, "\\", `\\`,
		"@", "@\u2060", "#", "#\u2060", "://", ":\u2060//").Replace(text)
	return strings.NewReplacer("www.", "www\u2060.", "GH-", "GH\u2060-", "gh-", "gh\u2060-").Replace(text)
}

// Section returns what changed as a page shows it.
func (c *Comparison) Section(smallest float64) *html.Comparison {
	list, n := c.shown(smallest, maxPage)
	s := &html.Comparison{A: sideList(c.A), B: sideList(c.B), Verdict: c.verdict(n, smallest), Left: n - len(list)}
	for _, d := range list {
		cells := c.cells(&d)
		change := html.Change{Subject: short(cells[0], 2*longestName), Metric: cells[1], A: cells[2], B: cells[3], Change: cells[4], Interval: cells[5], Low: d.Relative, Middle: d.Relative, High: d.Relative}
		if d.bounded() {
			change.Low, change.High = d.Low, d.High
		}
		s.Changes = append(s.Changes, change)
	}
	return s
}

// sideList names the first runs, and counts the others.
func sideList(runs []string) (list []string) {
	const most = 30
	for _, name := range runs[:min(most, len(runs))] {
		list = append(list, encode.Escape(name))
	}
	if left := len(runs) - most; left > 0 {
		list = append(list, "… and "+encode.Count(int64(left), "run"))
	}
	return list
}

// JSON writes all changes. What has no number, as the change from nothing, is null.
func (c *Comparison) JSON(w io.Writer) error {
	type change struct {
		Subject
		Metric   Metric   `json:"metric"`
		A        float64  `json:"a"`
		B        float64  `json:"b"`
		Relative *float64 `json:"relative"`
		Low      *float64 `json:"low"`
		High     *float64 `json:"high"`
		Sure     bool     `json:"sure"`
	}
	document := struct {
		A       []string `json:"a"`
		B       []string `json:"b"`
		Enough  bool     `json:"enough_runs"`
		Bare    string   `json:"without_phases,omitempty"`
		Changes []change `json:"changes"`
	}{c.A, c.B, c.Enough, strings.ToLower(c.Bare), []change{}}
	finite := func(v float64) *float64 {
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil
		}
		return &v
	}
	for _, d := range c.Changes {
		document.Changes = append(document.Changes, change{d.Subject, d.Metric, d.A, d.B, finite(d.Relative), finite(d.Low), finite(d.High), d.Sure})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(document)
}
