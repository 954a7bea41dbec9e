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
)

// maxShown is how many changes the texts show; JSON has all.
const maxShown = 40

// shown returns what the texts show: what is sure, or without enough runs what is
// not small, the largest of each kind first; and how many there are.
func (c *Comparison) shown(smallest float64) (list []Change, n int) {
	for _, change := range c.Changes {
		if (change.Sure || !c.Enough) && math.Abs(change.Relative) >= smallest {
			list = append(list, change)
		}
	}
	slices.SortStableFunc(list, func(a, b Change) int {
		return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), cmp.Compare(math.Abs(b.Relative), math.Abs(a.Relative)))
	})
	n = len(list)
	return list[:min(n, maxShown)], n
}

// verdict says in a sentence what came out.
func (c *Comparison) verdict(n int, smallest float64) string {
	switch {
	case c.Enough && n == 0:
		return fmt.Sprintf("nothing changed by %s or more that is not chance", percent(smallest))
	case c.Enough:
		return fmt.Sprintf("%s not chance, and %s or more", thatAre(n), percent(smallest))
	case n == 0:
		return fmt.Sprintf("nothing differs by %s or more", percent(smallest))
	}
	return fmt.Sprintf("with fewer than %d runs on each side nobody can tell change from chance: these differences are %s or more", Enough, percent(smallest))
}

func thatAre(n int) string {
	if n == 1 {
		return "one change is"
	}
	return encode.Number(int64(n)) + " changes are"
}

// Text writes what changed, for a terminal. smallest is the relative change that
// matters, as 0.01.
func (c *Comparison) Text(w io.Writer, smallest float64) error {
	var b strings.Builder
	list, n := c.shown(smallest)
	fmt.Fprintf(&b, "A  %s\nB  %s\n%s\n", sideText(c.A), sideText(c.B), c.verdict(n, smallest))
	if n > 0 {
		cells := [][]string{{"", "", "A", "B", "change", ""}}
		for _, change := range list {
			cells = append(cells, c.cells(&change))
		}
		b.WriteByte('\n')
		align(&b, cells)
	}
	if n > len(list) {
		fmt.Fprintf(&b, "… and %d more, which --format json has\n", n-len(list))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func sideText(runs []string) string {
	const most = 3
	named := slices.Clone(runs)
	if len(named) > most {
		named = append(named[:most], "…")
	}
	return fmt.Sprintf("%s: %s", encode.Count(int64(len(runs)), "run"), encode.Escape(strings.Join(named, ", ")))
}

func (c *Comparison) cells(change *Change) []string {
	interval := ""
	if c.Enough {
		interval = fmt.Sprintf("%s to %s", signed(change.Low), signed(change.High))
	}
	name := strings.TrimSpace(string(change.Kind) + " " + encode.Escape(change.Name))
	return []string{short(name), string(change.Metric), value(change.Metric, change.A), value(change.Metric, change.B), signed(change.Relative), interval}
}

// short takes the middle out of long names: commands often differ at their end.
func short(name string) string {
	const begin, end = 24, 23
	r := []rune(name)
	if len(r) <= begin+end+1 {
		return name
	}
	return string(r[:begin]) + "…" + string(r[len(r)-end:])
}

// align writes columns, the first two to the left.
func align(b *strings.Builder, cells [][]string) {
	widths := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, cell := range line {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, line := range cells {
		text := ""
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-len([]rune(cell)))
			if i >= 2 {
				cell, pad = pad+cell, ""
			}
			text += cell + pad + "  "
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
		return time.Duration(n).Round(time.Duration(max(1, n/1000))).String()
	}
	return encode.Number(n)
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
	list, n := c.shown(smallest)
	fmt.Fprintf(&b, "**A** %s  \n**B** %s\n\n%s\n", markdown(sideText(c.A)), markdown(sideText(c.B)), c.verdict(n, smallest))
	if n > 0 {
		b.WriteString("\n| | metric | A | B | change | 95 % |\n|---|---|--:|--:|--:|--:|\n")
		for _, change := range list {
			cells := c.cells(&change)
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

// markdown makes text that Markdown and HTML show as it stands.
func markdown(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "\\", `\\`).Replace(text)
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
		Changes []change `json:"changes"`
	}{c.A, c.B, c.Enough, []change{}}
	finite := func(v float64, ok bool) *float64 {
		if !ok || math.IsInf(v, 0) || math.IsNaN(v) {
			return nil
		}
		return &v
	}
	for _, d := range c.Changes {
		document.Changes = append(document.Changes, change{d.Subject, d.Metric, d.A, d.B, finite(d.Relative, true), finite(d.Low, c.Enough), finite(d.High, c.Enough), d.Sure})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(document)
}
