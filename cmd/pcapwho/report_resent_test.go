package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/testdata/generate/traffic"
)

// The waterfall marks when segments were sent again: as many as each connection counts,
// below its bar, and tells of a mark on hover.
func TestResentInBrowser(t *testing.T) {
	b := newBrowser(t)
	dir := t.TempDir()
	kind, _ := traffic.Lookup("mixed")
	if _, err := traffic.Write(dir, traffic.Config{Kind: kind, Seed: 1, Scale: 0.005}); err != nil {
		t.Fatal(err)
	}
	path := reportOf(t, filepath.Join(dir, "mixed.pcapng"))
	b.open(path)
	b.screenshots("resent")
	b.until(`document.getElementById("waterfall-key").textContent.includes("↻ sent again, marked below the bar")`)
	marked := evaluate[int](b, `(() => {
		let all = 0;
		for (const c of allConnections) {
			let n = 0, last = c.first;
			c.resent((from, to, k) => { n += k; if (from < last || to > c.last) n = NaN; last = to; });
			if (n !== c.again) throw new Error(c.text + ": marked are " + n + " of " + c.again);
			all += n;
		}
		return all;
	})()`)
	if marked < 30 {
		t.Errorf("%d segments were sent again", marked)
	}
	// A connection with one mark, which is far from its end.
	one := `allConnections.filter((c) => c.again === 1).sort((a, b) => b.duration - a.duration)[0]`
	at := evaluate[[]float64](b, `(() => { const at = []; `+one+`.resent((from) => at.push(from)); return [...at, `+one+`.first, `+one+`.last]; })()`)
	if at[0]-at[1] < 0.01*(at[2]-at[1]) || at[2]-at[0] < 0.01*(at[2]-at[1]) {
		t.Fatalf("it was sent again at %v", at)
	}
	evaluate[bool](b, `(view.set(`+one+`.first, `+one+`.last), document.getElementById("filter").value = String(`+one+`.get("client_port")), document.getElementById("filter").dispatchEvent(new Event("input")), true)`)
	row := fmt.Sprintf("document.querySelector(\"#waterfall-list [data-connection='%d']\")", evaluate[int](b, one+`.get("connection_id")`))
	b.until(row + ` !== null`)
	red := evaluate[[]float64](b, `(() => {
		const canvas = document.querySelector("#waterfall-list canvas"), ratio = devicePixelRatio || 1, width = canvas.width;
		const dots = canvas.getContext("2d").getImageData(0, (`+row+`.offsetTop - canvas.offsetTop + 22) * ratio, width, 1).data, red = [];
		for (let x = 0; x < width; x++) if ([0, 1, 2].every((k) => Math.abs(dots[4 * x + k] - parseInt(color("bad").slice(1 + 2 * k, 3 + 2 * k), 16)) < 40)) red.push(x / ratio);
		return [red.length, red[0] ?? -1, (canvas.width - 1) / ratio];
	})()`)
	want := (at[0] - at[1]) / (at[2] - at[1]) * red[2]
	if red[0] < 1 || red[0] > 4 || red[1] < want-2 || red[1] > want+2 {
		t.Errorf("%v dots from %v of %v are marked, want two at %v", red[0], red[1], red[2], want)
	}
	hover := func(x float64) string {
		return evaluate[string](b, fmt.Sprintf(`(() => {
			const box = document.querySelector("#waterfall-list .ticks").getBoundingClientRect();
			%s.dispatchEvent(new MouseEvent("mousemove", { bubbles: true, clientX: box.left + %g, clientY: 300 }));
			return document.getElementById("tip").textContent;
		})()`, row, x))
	}
	moment := evaluate[string](b, fmt.Sprintf("formatMoment(%f)", at[0]))
	if told := hover(want + 1); !strings.Contains(told, "↻ 1 segment sent again at "+moment) {
		t.Errorf("there it tells %q", told)
	}
	if told := hover(want + 40); strings.Contains(told, "sent again at") || !strings.Contains(told, "1 segment sent again") {
		t.Errorf("elsewhere it tells %q", told)
	}
	b.quiet(path)
}
