package compare

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/report/decode"
)

// Source is what a run is read from: a capture, a result of JSON, or a run of a dataset.
type Source struct {
	Name string
	part *decode.Part // nil = a file
	info os.FileInfo  // of the file or the dataset; nil = there is none
}

// Sources returns what names stand for, in this order: a dataset for its runs and
// dataset/run=… for those that match (decode.Parts), a pattern of *, ? and […], where no
// file is called so, for the files and datasets that match, connection logs left out.
// What several names find is there once; a file that is given twice is there twice, for
// Twice to find.
func Sources(names []string) (list []Source, err error) {
	for _, name := range names {
		found, err := sources(name)
		if err != nil {
			return nil, &report.InputError{Err: err}
		}
		if len(found) == 0 {
			return nil, none(name)
		}
		for _, s := range found {
			if s.Name == name || s.among(list) == nil {
				list = append(list, s)
			}
		}
	}
	return list, nil
}

func sources(name string) (list []Source, err error) {
	parts, err := decode.Parts(name)
	if err != nil || len(parts) > 0 {
		for i := range parts {
			info, err := os.Stat(parts[i].Dir)
			if err != nil {
				return nil, err
			}
			list = append(list, Source{parts[i].String(), &parts[i], info})
		}
		return list, err
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return nil, nil
	case err == nil || !strings.ContainsAny(name, "*?["):
		return []Source{{Name: name, info: info}}, nil // who opens it will tell
	}
	matches, err := filepath.Glob(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, match := range matches {
		if strings.HasSuffix(match, ingest.LogSuffix) {
			continue
		}
		more, err := sources(match)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

// none is the error of a name that stands for nothing.
func none(name string) error {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return &report.InputError{Err: fmt.Errorf("%s: it is a folder, and no dataset of --partition", name), Hint: "name the results in it, as a quoted pattern too: '" + filepath.Join(name, "*.json") + "'"}
	}
	return &report.InputError{Err: fmt.Errorf("%s: no file and no run of a dataset is called so, or matches", name), Hint: "see what is there: ls " + filepath.Dir(name)}
}

// Files returns the sources that names of files are.
func Files(names []string) (list []Source) {
	for _, name := range names {
		info, _ := os.Stat(name) // nil where there is none
		list = append(list, Source{Name: name, info: info})
	}
	return list
}

// Among tells whether a list has the same source.
func (s *Source) Among(list []Source) bool { return s.among(list) != nil }

// among returns the source of a list that is the same, nil without one.
func (s *Source) among(list []Source) *Source {
	for i := range list {
		o := &list[i]
		if s.info == nil || o.info == nil || !os.SameFile(s.info, o.info) || (s.part == nil) != (o.part == nil) {
			continue
		}
		if s.part == nil || s.part.Run == o.part.Run {
			return o
		}
	}
	return nil
}

// Twice returns two sources of one run, nil where there are none.
func Twice(list []Source) (a, b *Source) {
	for i := range list {
		if o := list[i].among(list[:i]); o != nil {
			return o, &list[i]
		}
	}
	return nil, nil
}

// Load reads a run. A capture is analyzed as cfg says.
func (s *Source) Load(ctx context.Context, cfg report.Config) (*Run, error) {
	switch {
	case s.part != nil:
		return read(s.Name, s.part.Open)
	case decode.Is(s.Name):
		return read(s.Name, func() (*decode.Result, error) { return decode.Open(s.Name) })
	}
	cfg.Captures, cfg.Tables = []string{s.Name}, Tables()
	result, err := report.Analyze(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	return NewRun(s.Name, result.Tables)
}

func read(name string, open func() (*decode.Result, error)) (*Run, error) {
	result, err := open()
	if err != nil {
		return nil, &report.InputError{Err: err}
	}
	return NewRun(name, result.Tables)
}

// Alike returns two runs that have the same numbers, times included: copies of one. nil
// where there are none.
func Alike(runs []*Run) (a, b *Run) {
	for i, r := range runs {
		for _, o := range runs[:i] {
			same := maps.EqualFunc(r.Values, o.Values, func(a, b map[Metric]int64) bool { return maps.Equal(a, b) })
			if same && r.first == o.first && len(r.Values) > 0 {
				return o, r
			}
		}
	}
	return nil, nil
}
