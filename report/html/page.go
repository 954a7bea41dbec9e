package html

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"io"
	"strings"
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
}

// Write writes the page of a result. Errors are those of the tables and of w.
func Write(w io.Writer, s *Source) error {
	m, err := measure(s)
	if err != nil {
		return err
	}
	p := newPage(s)
	shell, err := p.render()
	if err != nil {
		return err
	}
	data, err := m.encode(MaxSize - len(shell))
	if err != nil {
		return err
	}
	p.Data = template.JS(data)
	whole, err := p.render()
	if err != nil {
		return err
	}
	_, err = w.Write(whole)
	return err
}

// encode returns the document as JSON that is smaller than so many bytes.
func (m *measured) encode(size int) ([]byte, error) {
	l := fullLimits()
	d := m.document(l)
	for {
		data, err := json.Marshal(d)
		next := l.less()
		if err != nil || len(data) < size || l == next {
			return data, err
		}
		if coarser := next; coarser.stretches < l.stretches {
			coarser.stretches = l.stretches
			if coarser == l { // the rest is as it was
				d.Activity, l = m.activity(next), next
				continue
			}
		}
		d = m.document(next)
		l = next
	}
}

// newPage returns a page without data.
func newPage(s *Source) *page {
	names := make([]string, 0, len(s.Files))
	for _, f := range s.Files[:min(1, len(s.Files))] {
		names = append(names, cut(f.Name, 80))
	}
	p := &page{
		Title:   strings.Join(append(names, "pcapwho"), " · "),
		Style:   template.CSS(joined("uplot.css", "page.css")),
		Script:  template.JS(joined("uplot.js", "format.js", "data.js", "element.js", "view.js", "rows.js", "grid.js", "head.js", "throughput.js", "waterfall.js", "tables.js", "page.js")),
		Licence: read("uplot.LICENSE"),
	}
	p.Policy = "default-src 'none'; script-src " + digest(string(p.Script)) + "; style-src " + digest(string(p.Style)) + "; base-uri 'none'; form-action 'none'"
	return p
}

func (p *page) render() ([]byte, error) {
	t, err := template.New("page").Parse(read("page.html"))
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
