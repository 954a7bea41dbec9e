package report

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pcapwho/pcapwho/report/chart"
	"github.com/pcapwho/pcapwho/report/encode"
	"github.com/pcapwho/pcapwho/report/html"
	"github.com/pcapwho/pcapwho/report/table"
)

// Format is the format of an output.
type Format string

// The formats.
const (
	Text    Format = "text"
	JSON    Format = "json"
	JSONL   Format = "jsonl"
	CSV     Format = "csv"
	Arrow   Format = "arrow"
	Parquet Format = "parquet"
	NWB     Format = "nwb"  // needs Config.NWB
	HTML    Format = "html" // a page for browsers; Config.ForView has what it shows
	SVG     Format = "svg"  // charts, see package chart; Config.ForView too
	PNG     Format = "png"  // those
)

// Formats returns all formats in the order of the documentation.
func Formats() []Format { return []Format{Text, JSON, JSONL, CSV, Arrow, Parquet, NWB, HTML, SVG, PNG} }

// oneTable tells whether a file of the format holds one table.
func (f Format) oneTable() bool { return f == CSV || f == Arrow || f == Parquet }

// OneChart tells whether a file of the format holds one chart.
func (f Format) OneChart() bool { return f == SVG || f == PNG }

// Viewed tells whether the format shows what package view reads, of Config.ForView.
func (f Format) Viewed() bool { return f == HTML || f.OneChart() }

// binary tells whether the format is nothing for a terminal.
func (f Format) binary() bool { return f == Arrow || f == Parquet || f.Viewed() }

// Output says where a result goes and how.
type Output struct {
	Format Format
	// Path is a file; a folder, to be made or there, for a format that holds
	// one table a file when there are several tables (DIR/capture.parquet…);
	// "" or what IsStdout knows for Stdout.
	Path  string
	Force bool // replace files that are there
	// Partition makes Path a dataset, made or added to: a folder for each table, with
	// what is of this run and host in folders of their own. That is replaced.
	Partition bool
	parts     map[string]string // partitions that one call of Each has made, and of which capture; nil = it is not asked for
	Charts    []string          // of chart.Names, for a format of charts; empty = all
	Focus     bool              // a page shows what is the recorded command's at first; so it does where that was said of the recording
	// Changes tells of a page's tables what changed to other runs, nil = nobody asks.
	Changes func(tables []*table.Table) (*html.Comparison, error)
	Owner   *Owner // to whom new files and folders are given; nil = who runs the program

	Capture string // what JSON and JSONL call the capture, where there are several results; "" = nothing. See Each

	Stdout   io.Writer
	Terminal bool // Stdout is a terminal
	Width    int  // of that terminal; 0 = 80
	Color    bool // colours in Text; the caller has looked at NO_COLOR and --color
}

// OutputError is an output, or a table, that cannot be as asked for.
type OutputError struct {
	Name    string // path, format or table
	Problem string
	Hint    string // what to do about it; "" = nothing
}

func (e *OutputError) Error() string { return fmt.Sprintf("%s: %s", e.Name, e.Problem) }

// Check tells before a long analysis whether its result could be written:
// an *OutputError says why not. Write checks again.
func (o *Output) Check(cfg *Config) error {
	if !slices.Contains(Formats(), o.Format) {
		return &OutputError{string(o.Format), "there is no such format", "formats are " + formatNames()}
	}
	if o.Format == NWB && cfg.NWB == 0 {
		return &OutputError{string(o.Format), "this format is about one process, and none is named", "name it with --pid"}
	}
	schemas, err := cfg.schemas()
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(o.Charts, func(c string) bool { return !slices.Contains(chart.Names(), c) }); i >= 0 {
		return &OutputError{o.Charts[i], "there is no such chart", "charts are " + strings.Join(chart.Names(), ", ")}
	}
	if o.Partition {
		return o.checkPartition(len(schemas))
	}
	inputs := append(slices.Clone(cfg.Captures), cfg.logs()...)
	if o.stdout() {
		return o.checkStdout(o.pieces(schemas), inputs)
	}
	return o.checkFiles(o.pieces(schemas), inputs)
}

// pieces names what has a file of its own in a folder, in formats of which a file holds
// one table or chart.
func (o *Output) pieces(schemas []*table.Schema) (names []string) {
	switch {
	case o.Format.OneChart():
		for _, name := range chart.Names() {
			if len(o.Charts) == 0 || slices.Contains(o.Charts, name) {
				names = append(names, name)
			}
		}
	case o.Format.oneTable():
		for _, s := range schemas {
			names = append(names, s.Name)
		}
	}
	return names
}

// piece is what a file of the format holds one of, and how one is chosen.
func (f Format) piece() (noun, flag string) {
	if f.OneChart() {
		return "chart", "pcapwho report --chart"
	}
	return "table", "--tables"
}

// CheckFile tells before long work whether one file of Path, which must be none of the
// inputs, could be written: an *OutputError says why not. WriteFile checks again.
func (o *Output) CheckFile(inputs []string) error {
	if o.stdout() {
		return o.checkStdout(nil, inputs)
	}
	return o.checkFiles(nil, inputs)
}

// WriteFile writes to Path or Stdout. A file appears whole or not at all.
func (o *Output) WriteFile(inputs []string, write func(io.Writer) error) error {
	if err := o.CheckFile(inputs); err != nil {
		return err
	}
	if o.stdout() {
		return write(o.Stdout)
	}
	return o.writeFile(o.Path, write)
}

// IsStdout tells whether a path names the standard output: "-", or as systems
// have it, where a temporary file cannot be renamed to it.
func IsStdout(path string) bool {
	switch path {
	case "-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1":
		return true
	}
	return false
}

func (o *Output) stdout() bool { return o.Path == "" || IsStdout(o.Path) }

// folder tells whether Path, which is no standard output, is a folder of
// files: for several pieces, or because it is or looks like one.
func (o *Output) folder(pieces []string) bool {
	if len(pieces) == 0 {
		return false
	}
	info, err := os.Stat(o.Path)
	return len(pieces) > 1 || err == nil && info.IsDir() || os.IsPathSeparator(o.Path[len(o.Path)-1])
}

func (o *Output) checkStdout(pieces []string, inputs []string) error {
	switch noun, flag := o.Format.piece(); {
	case len(pieces) > 1:
		return &OutputError{string(o.Format), fmt.Sprintf("this format holds one %s a file, and %d are asked for", noun, len(pieces)),
			fmt.Sprintf("name a folder with -o DIR, or one %s with %s", noun, flag)}
	case o.Format.binary() && o.Terminal:
		return &OutputError{string(o.Format), "this format is not for terminals", "write to a file with -o FILE, or pipe the output"}
	}
	if f, ok := o.Stdout.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return refuseInput("standard output", info, inputs)
		}
	}
	return nil
}

func (o *Output) checkFiles(pieces []string, inputs []string) error {
	info, err := os.Stat(o.Path)
	targets := []string{o.Path}
	switch {
	case o.folder(pieces):
		if err == nil && !info.IsDir() {
			noun, flag := o.Format.piece()
			return &OutputError{o.Path, fmt.Sprintf("it is a file, and %d %ss in this format need a folder", len(pieces), noun), fmt.Sprintf("name a folder, or one %s with %s", noun, flag)}
		}
		targets = o.files(pieces)
	case err == nil && info.IsDir() || os.IsPathSeparator(o.Path[len(o.Path)-1]):
		return &OutputError{o.Path, "it is a folder", "name a file"}
	}
	for _, t := range targets {
		info, err := os.Stat(t)
		if err != nil {
			if _, err := os.Lstat(t); err == nil {
				return &OutputError{t, "it is a link to nothing", ""}
			}
			continue
		}
		if err := refuseInput(t, info, inputs); err != nil {
			return err
		}
		if info.Mode().IsRegular() && !o.Force {
			return &OutputError{t, "it exists", "replace it with --force"}
		}
	}
	if err == nil && info.IsDir() {
		return checkFolder(o.Path, o.Path)
	}
	if err := checkParent(o.Path); err != nil || info != nil && !info.Mode().IsRegular() {
		return err // what is no regular file is written to as it is
	}
	if real, err := filepath.EvalSymlinks(o.Path); err == nil {
		return checkFolder(o.Path, filepath.Dir(real))
	}
	return checkFolder(o.Path, filepath.Dir(filepath.Clean(o.Path)))
}

// checkFolder tells whether a file can be made in the folder that is to hold
// path, by making one: nobody wants to know after an hour of analysis.
func checkFolder(path, folder string) error {
	f, err := os.OpenFile(temporary(filepath.Join(folder, "x")), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		err = p.Err
	}
	return &OutputError{path, fmt.Sprintf("no file can be made in %s: %v", folder, err), "name a place that you can write to"}
}

// checkParent tells whether the folder that is to hold path is there.
func checkParent(path string) error {
	parent := filepath.Dir(filepath.Clean(path))
	if info, err := os.Stat(parent); err != nil {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = "make the folder first: mkdir -p " + parent
		}
		return &OutputError{path, errors.Unwrap(err).Error() + ": " + parent, hint}
	} else if !info.IsDir() {
		return &OutputError{path, parent + " is not a folder", ""}
	}
	return nil
}

// refuseInput refuses an output that is one of the inputs, under whatever
// name, symbolic or hard link.
func refuseInput(name string, output os.FileInfo, inputs []string) error {
	for _, in := range inputs {
		if info, err := os.Stat(in); err == nil && in != "-" && os.SameFile(info, output) {
			return &OutputError{name, fmt.Sprintf("it is the input %s", in), "name another output"}
		}
	}
	return nil
}

// files returns the files of a folder.
func (o *Output) files(pieces []string) []string {
	var paths []string
	for _, name := range pieces {
		paths = append(paths, filepath.Join(o.Path, name+"."+string(o.Format)))
	}
	return paths
}

// Write writes r as o says. A file or folder appears whole or not at all; an
// error of o itself is an *OutputError.
func (r *Result) Write(ctx context.Context, o Output) error {
	if err := o.Check(&r.cfg); err != nil {
		return err
	}
	if o.Partition {
		return r.writePartition(ctx, &o)
	}
	if o.Format.Viewed() {
		return o.writeView(ctx, r.source(ctx, &o))
	}
	one := func(w io.Writer) error { return r.encode(ctx, w, &o, r.Tables) }
	if o.stdout() {
		return one(o.Stdout)
	}
	schemas := make([]*table.Schema, len(r.Tables))
	for i, t := range r.Tables {
		schemas[i] = t.Schema
	}
	if o.folder(o.pieces(schemas)) {
		var files []file
		for _, t := range r.Tables {
			files = append(files, file{t.Name + "." + string(o.Format), func(w io.Writer) error {
				return r.encode(ctx, w, &o, []*table.Table{t})
			}})
		}
		return o.writeFolder(o.Path, files)
	}
	return o.writeFile(o.Path, one)
}

// encode writes tables to w, which ends with ctx.
func (r *Result) encode(ctx context.Context, w io.Writer, o *Output, tables []*table.Table) error {
	w = &cancelled{ctx, w}
	switch o.Format {
	case Text:
		return encode.Text(w, r.summary(), encode.Style{Width: o.Width, Color: o.Color})
	case NWB:
		_, err := w.Write(r.NWB.JSON())
		return err
	}
	b := bufio.NewWriterSize(w, 1<<18) // Arrow and Parquet write small pieces
	if err := encode.Write(r.encoder(b, o), tables); err != nil {
		return err
	}
	return b.Flush()
}

func (r *Result) encoder(w io.Writer, o *Output) encode.Encoder {
	switch o.Format {
	case JSON:
		return encode.NewNamedJSON(w, o.Capture)
	case JSONL:
		if o.Capture == "" {
			return encode.NewJSONL(w)
		}
		return encode.NewNamedJSONL(w, o.Capture)
	case CSV:
		if o.Terminal && o.stdout() {
			return encode.NewTerminalCSV(w)
		}
		return encode.NewCSV(w)
	case Arrow:
		return encode.NewArrow(w, r.about())
	case Parquet:
		return encode.NewParquet(w, r.about(), r.cfg.workers())
	}
	panic("no encoder for format " + string(o.Format))
}

func formatNames() string {
	var names []string
	for _, f := range Formats() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

func tableNames() string {
	var names []string
	for _, s := range table.All() {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}
