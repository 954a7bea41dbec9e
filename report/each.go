package report

import (
	"fmt"
	"os"
	"path/filepath"
)

// Each returns an output for each of several captures that are analyzed one by
// one. On the standard output they come one after the other, in formats that
// allow it. A dataset takes all. Else Path is a folder, made where it is not there,
// with a file for each capture, DIR/run.pcapng.json, or a folder of several tables,
// DIR/run.pcapng.
func (o Output) Each(cfg *Config) ([]Output, error) {
	schemas, err := cfg.schemas()
	if err != nil {
		return nil, err
	}
	captures := cfg.Captures
	outputs := make([]Output, len(captures))
	if o.Partition {
		o.parts = map[string]string{}
		for i, capture := range captures {
			outputs[i] = o
			outputs[i].Capture = capture
		}
		return outputs, nil
	}
	if o.stdout() {
		if o.Format != Text && o.Format != JSON && o.Format != JSONL {
			return nil, &OutputError{string(o.Format), "the results of several captures cannot follow each other in this format",
				"name a folder with -o DIR, or take json or jsonl"}
		}
		for i, capture := range captures {
			outputs[i] = o
			outputs[i].Capture = capture
		}
		return outputs, nil
	}
	if info, err := os.Stat(o.Path); err == nil && !info.IsDir() {
		return nil, &OutputError{o.Path, "it is a file, and each capture has a result of its own", "name a folder"}
	} else if err != nil {
		if err := o.makeFolder(); err != nil {
			return nil, err
		}
	}
	taken := map[string]int{}
	for i, capture := range captures {
		name := filepath.Base(capture)
		if capture == "-" {
			name = "stdin"
		}
		if taken[name]++; taken[name] > 1 {
			name = fmt.Sprintf("%s-%d", name, taken[name])
			taken[name]++
		}
		outputs[i] = o
		outputs[i].Capture, outputs[i].Path = capture, filepath.Join(o.Path, name+o.suffix(len(o.pieces(schemas))))
	}
	return outputs, nil
}

// makeFolder makes the folder of several outputs.
func (o *Output) makeFolder() error {
	if err := checkParent(o.Path); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Clean(o.Path), 0o777); err != nil {
		return &OutputError{o.Path, fmt.Sprintf("the folder cannot be made: %v", err), "name a place that you can write to"}
	}
	return o.Owner.give(filepath.Clean(o.Path))
}

// suffix is what the name of a capture's result ends in; that of a folder of several
// pieces in nothing.
func (o *Output) suffix(pieces int) string {
	switch {
	case o.Format == Text:
		return ".txt"
	case o.Format == NWB:
		return ".nwb.json"
	case pieces > 1:
		return ""
	}
	return "." + string(o.Format)
}
