package decode

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pcapwho/pcapwho/report/table"
)

// Part is one run of a dataset, that of all of its hosts, as package report writes it:
//
//	DIR/TABLE/run=…/host=…/part.FORMAT
type Part struct {
	Dir  string // of the dataset
	Run  string // the name of the run's folders: run=…
	host string // a pattern that those of its hosts match
}

// String names the run as Parts takes it.
func (p Part) String() string { return filepath.Join(p.Dir, p.Run) }

// Parts returns the runs that a name stands for, in the order of their names: a dataset
// for all, with run=… behind it, which may be a pattern of *, ? and […], for those that
// match, and with host=… behind that for what is of such hosts. The folder of a table may
// stand before run=…, and the name of a file behind. It returns nil where the name is of
// no dataset.
func Parts(name string) ([]Part, error) {
	p := Part{Dir: filepath.Clean(name), Run: "run=*", host: "host=*"}
	parent, last := filepath.Dir(p.Dir), filepath.Base(p.Dir)
	up := func() { p.Dir, parent, last = parent, filepath.Dir(parent), filepath.Base(parent) }
	if strings.HasPrefix(last, "part.") {
		up()
	}
	if strings.HasPrefix(last, "host=") {
		p.host = last
		up()
	}
	if strings.HasPrefix(last, "run=") {
		p.Run = last
		up()
		if last == "*" || table.Lookup(last) != nil && len(runsOf(p.Dir, p.Run)) == 0 {
			up()
		}
	}
	for _, pattern := range []string{p.Run, p.host} {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	var parts []Part
	for _, run := range runsOf(p.Dir, p.Run) {
		parts = append(parts, Part{p.Dir, run, p.host})
	}
	return parts, nil
}

// runsOf returns the folders of runs that match, in any table of a dataset.
func runsOf(dir, pattern string) (runs []string) {
	for _, s := range table.All() {
		runs = append(runs, folders(filepath.Join(dir, s.Name), pattern)...)
	}
	slices.Sort(runs)
	return slices.Compact(runs)
}

// folders returns the names of those folders in dir that match, sorted.
func folders(dir, pattern string) (names []string) {
	entries, _ := os.ReadDir(dir) // where there is none, nothing matches
	for _, e := range entries {
		if ok, _ := path.Match(pattern, e.Name()); ok && isFolder(filepath.Join(dir, e.Name())) {
			names = append(names, e.Name())
		}
	}
	return names
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Open reads what the run's tables are. Of a host's files in both formats that of Parquet
// is read, and of columns those that are no list or date: dates stand in the column before
// them. (Arrow is not read back: the library makes room for whatever number a damaged file
// has where the number of its columns should be.)
func (p Part) Open() (*Result, error) {
	r := &Result{name: p.String()}
	for _, s := range table.All() {
		files, err := p.files(s.Name)
		if err != nil {
			return nil, err
		}
		if len(files) > 0 {
			r.Tables = append(r.Tables, partTable(s, files))
		}
	}
	if len(r.Tables) == 0 {
		return nil, fmt.Errorf("%s: it holds no part.parquet or part.csv", p)
	}
	return r, r.checkVersion()
}

// checkVersion refuses a result whose table capture is of a newer version.
func (r *Result) checkVersion() error {
	t := r.Tables[0]
	version := t.Index("schema_version")
	if version < 0 {
		return nil
	}
	return t.Each(func(*table.Batch) {}, func(b *table.Batch) error {
		for _, v := range b.Columns[version].Ints {
			if v > table.Version {
				return fmt.Errorf("%s: schema_version is %d, and this version reads up to %d", r.name, v, table.Version)
			}
		}
		return nil
	})
}

// format is the ending of files, and how they are read.
type format struct {
	name string
	open func(*os.File, *table.Schema) (reader, error)
}

var formats = [...]format{{"parquet", openParquet}, {"csv", openCSV}}

// partFile is one file of a dataset.
type partFile struct {
	path string
	format
}

// files returns the table's file of each host.
func (p Part) files(name string) (files []partFile, err error) {
	run := filepath.Join(p.Dir, name, p.Run)
	for _, host := range folders(run, p.host) {
		for _, f := range formats {
			path := filepath.Join(run, host, "part."+f.name)
			if _, err := os.Stat(path); err == nil {
				files = append(files, partFile{path, f})
				break
			} else if !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
	}
	return files, nil
}

// reader reads the rows of a file.
type reader interface {
	// next appends up to maxRows rows to the columns of a batch and returns how many:
	// 0 behind the last one.
	next(columns []table.Values) (int, error)
	close() error
}

// plain returns the columns that the files of a dataset are read for.
func plain(s *table.Schema) *table.Schema {
	shown := *s
	shown.Columns = slices.DeleteFunc(slices.Clone(s.Columns), func(c table.Column) bool {
		return c.Type == table.Timestamp || c.Type == table.ProcessList || c.Type == table.Histogram
	})
	return &shown
}

// partTable returns the rows of all files as one table.
func partTable(s *table.Schema, files []partFile) *table.Table {
	s = plain(s)
	return &table.Table{Schema: s, Each: func(prepare func(*table.Batch), yield func(*table.Batch) error) error {
		b := table.NewBatch(s)
		for i := range files {
			if err := files[i].read(b, func() error { prepare(b); return yield(b) }); err != nil {
				return err
			}
		}
		return nil
	}}
}

// read calls yield whenever b has rows of the file. The libraries that read it may panic
// where it is damaged: that is an error of the file.
func (f *partFile) read(b *table.Batch, yield func() error) (err error) {
	var yielded bool // an error or a panic of yield is its own
	defer func() {
		if err != nil && !yielded {
			err = fmt.Errorf("%s: %w", f.path, err)
		}
	}()
	opened, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer opened.Close()
	var r reader
	err = guarded(func() (err error) { r, err = f.open(opened, b.Schema); return err })
	if err != nil {
		return err
	}
	defer func() { _ = guarded(r.close) }()
	for {
		b.Reset()
		err := guarded(func() (err error) { b.Rows, err = r.next(b.Columns); return err })
		if err != nil || b.Rows == 0 {
			return err
		}
		if err := yield(); err != nil {
			yielded = true
			return err
		}
	}
}

// guarded turns a panic of f into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the file is damaged: %.200v", p)
		}
	}()
	return f()
}

// fill appends n cells that are NULL.
func fill(v *table.Values, t table.Type, n int) {
	v.Valid = append(v.Valid, make([]bool, n)...)
	switch t {
	case table.String:
		v.Strings = append(v.Strings, make([]string, n)...)
	case table.Bool:
		v.Bools = append(v.Bools, make([]bool, n)...)
	default:
		v.Ints = append(v.Ints, make([]int64, n)...)
	}
}
