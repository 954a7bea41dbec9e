package html

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"io"
	"strings"

	"github.com/pcapwho/pcapwho/report/view"
)

//go:embed assets
var assets embed.FS

// page is what the template takes.
type page struct {
	Title   string
	Policy  string
	Style   template.CSS
	Data    template.JS // JSON in which <, > and & are escaped
	Script  template.JS
	Licence string

	Tool       string
	Comparison *Comparison // nil = there is none
}

// MaxSize is how large a page may be, in bytes.
const MaxSize = 5_000_000

// Write writes the page of a result. Errors are those of the tables and of w.
func Write(w io.Writer, s *view.Source) error { return WriteCompared(w, s, nil) }

// WriteCompared is Write, with what changed to other runs, nil = nothing is said of that.
func WriteCompared(w io.Writer, s *view.Source, c *Comparison) error {
	m, err := view.Measure(s)
	if err != nil {
		return err
	}
	p := newPage(s)
	p.Comparison = c.scaled()
	shell, err := p.render("page.html")
	if err != nil {
		return err
	}
	data, err := m.JSON(MaxSize - len(shell))
	if err != nil {
		return err
	}
	p.Data = template.JS(data)
	whole, err := p.render("page.html")
	if err != nil {
		return err
	}
	_, err = w.Write(whole)
	return err
}

// newPage returns a page without data.
func newPage(s *view.Source) *page {
	names := make([]string, 0, len(s.Files))
	for _, f := range s.Files[:min(1, len(s.Files))] {
		names = append(names, view.Cut(f.Name, 80))
	}
	p := &page{
		Title:   strings.Join(append(names, "pcapwho"), " · "),
		Style:   template.CSS(joined("uplot.css", "page.css", "comparison.css")),
		Script:  template.JS(joined("uplot.js", "format.js", "data.js", "element.js", "view.js", "rows.js", "grid.js", "head.js", "throughput.js", "waterfall.js", "tables.js", "page.js")),
		Licence: read("uplot.LICENSE"),
	}
	p.Policy = policy(p)
	return p
}

// policy allows the style and the script of a page, and nothing else.
func policy(p *page) string {
	return "default-src 'none'; script-src " + digest(string(p.Script)) + "; style-src " + digest(string(p.Style)) + "; base-uri 'none'; form-action 'none'"
}

// render returns the page that a file of the assets is the template of.
func (p *page) render(name string) ([]byte, error) {
	t, err := template.New(name).ParseFS(assets, "assets/"+name, "assets/head.html", "assets/comparison.html")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, p)
	return b.Bytes(), err
}

// digest is how a content security policy names what may be in a page.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// joined returns files of the assets as one.
func joined(names ...string) string {
	var b strings.Builder
	for _, n := range names {
		b.WriteString(read(n))
		b.WriteByte('\n')
	}
	return b.String()
}

func read(name string) string {
	b, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // the program was built without it
	}
	return string(b)
}
