package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/report/chart"
	"github.com/pcapwho/pcapwho/report/decode"
	"github.com/pcapwho/pcapwho/report/html"
	"github.com/pcapwho/pcapwho/report/view"
)

// AutoBucket as Config.Bucket takes a width that fits what the log spans, or
// unloggedBucket where there is no log.
const AutoBucket = int64(-1)

const unloggedBucket = int64(100e6)

// autoBuckets is how many buckets a page has where nobody asks for more: more than it has
// pixels, and so few that connections need not be cut into many segments.
const autoBuckets = 2000

// autoBucket returns the shortest of 1, 2 and 5 times a power of ten, from MinBucket on,
// of which the time between two moments has at most autoBuckets.
func autoBucket(first, last int64) int64 {
	if first >= last {
		return unloggedBucket
	}
	for unit := MinBucket; ; unit *= 10 {
		for _, n := range []int64{1, 2, 5} {
			if w := n * unit; (last-first)/w < autoBuckets || w > 1e17 {
				return w
			}
		}
	}
}

// ForView makes cfg what a page of the format HTML, or charts of SVG or PNG, show.
func (cfg *Config) ForView() {
	cfg.Tables, cfg.viewed = view.Tables(), true
	if cfg.Bucket == 0 {
		cfg.Bucket = AutoBucket
	}
}

// source is what a page and charts show of a result.
func (r *Result) source(ctx context.Context, o *Output) *view.Source {
	about := r.about()
	s := &view.Source{Tool: about.Tool, Host: r.log.host, Command: r.log.command, Focused: o.Focus || r.log.focused, Selected: r.Selection != nil, Tables: r.Tables}
	for _, in := range about.Inputs {
		s.Files = append(s.Files, view.File{Name: in.Name, Length: in.Length, SHA256: in.SHA256})
	}
	for _, one := range r.Warnings {
		s.Remarks = append(s.Remarks, view.Remark{Message: one.Message, Hint: one.Hint})
	}
	if r.cfg.Bucket > 0 {
		s.Activity = func(yield func(int64, []view.Stretch, []int64) error) error { return r.activity(ctx, yield) }
	}
	return s
}

// writeView writes a page, or charts.
func (o *Output) writeView(ctx context.Context, s *view.Source) error {
	one := func(w io.Writer) error { return o.writePage(&cancelled{ctx, w}, s) }
	pieces := o.pieces(nil)
	var charts []file
	measured := sync.OnceValues(func() (*view.Measured, error) { return view.Measure(s) })
	for _, name := range pieces {
		charts = append(charts, file{name + "." + string(o.Format), func(w io.Writer) error {
			m, err := measured()
			if err != nil {
				return err
			}
			return chart.Write(&cancelled{ctx, w}, name, o.Format == PNG, m)
		}})
	}
	if len(charts) == 1 {
		one = charts[0].write
	}
	switch {
	case o.stdout():
		return one(o.Stdout)
	case o.folder(pieces):
		return o.writeFolder(o.Path, charts)
	}
	return o.writeFile(o.Path, one)
}

// writePage writes a page, with what changed where that is asked for.
func (o *Output) writePage(w io.Writer, s *view.Source) error {
	if o.Changes == nil {
		return html.Write(w, s)
	}
	changes, err := o.Changes(s.Tables)
	if err != nil {
		return err
	}
	return html.WriteCompared(w, s, changes)
}

// activity tells when each connection that counts had packets, by bucket, and when
// segments of it were sent again.
func (r *Result) activity(ctx context.Context, yield func(int64, []view.Stretch, []int64) error) error {
	chooser, times := r.Selection.Chooser(r.Attribution), r.Attribution.Resent.Read()
	var stretches []view.Stretch
	var resent []int64
	return r.Attribution.Connections.All(func(c *attribute.Connection) error {
		if err := ctx.Err(); err != nil || !chooser.Connection(c) {
			return err
		}
		stretches = stretches[:0]
		for i := range c.Spans {
			s := &c.Spans[i]
			stretches = append(stretches, view.Stretch{Begin: s.First, End: s.Last, Client: s.Sent[attribute.Client].WireBytes, Server: s.Sent[attribute.Server].WireBytes})
		}
		var err error
		if resent, err = times.Of(c.ID, resent[:0]); err != nil {
			return err
		}
		if r.Selection != nil { // what is sent again counts where its packet does
			resent = slices.DeleteFunc(resent, func(t int64) bool {
				return !slices.ContainsFunc(stretches, func(s view.Stretch) bool { return s.Begin <= t && t <= s.End })
			})
		}
		return yield(int64(c.ID), stretches, resent)
	})
}

// WriteView writes the page of a result that was written as JSON, or its charts. Errors
// are those of Analyze and Result.Write.
func WriteView(ctx context.Context, path string, o Output) error {
	if err := o.Check(&Config{Captures: []string{path}, Tables: view.Tables()}); err != nil {
		return err
	}
	saved, err := decode.Open(path)
	if err != nil {
		return &InputError{Err: err, Hint: "make it with `pcapwho analyze run.pcapng -o result.json`"}
	}
	in := identify(path)
	err = o.writeView(ctx, &view.Source{Saved: true, Focused: o.Focus, Files: []view.File{{Name: in.Name, Length: in.Length, SHA256: in.SHA256}}, Tables: saved.Tables})
	var wrong *view.TableError
	if errors.As(err, &wrong) {
		return &InputError{Err: fmt.Errorf("%s: %w", path, wrong), Hint: "make it anew: `pcapwho analyze run.pcapng -o result.json`"}
	}
	return err
}
