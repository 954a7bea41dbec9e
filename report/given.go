package report

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

// magics are what captures begin with, and compressed ones.
var magics = [...]string{"\x0a\x0d\x0d\x0a", // pcapng
	"\xa1\xb2\xc3\xd4", "\xd4\xc3\xb2\xa1", "\xa1\xb2\x3c\x4d", "\x4d\x3c\xb2\xa1", // pcap
	"\x1f\x8b", "\x28\xb5\x2f\xfd", "\xfd7zX", "\x04\x22\x4d\x18"}

// checkGiven finds files that were given for each other, and captures that
// were given twice.
func (cfg *Config) checkGiven() error {
	if cfg.Tree && cfg.PID == 0 {
		return &InputError{Err: errors.New("a tree is of a process, and none is named"), Hint: "name its root"}
	}
	for _, path := range cfg.Captures {
		switch {
		case path == "":
			return &InputError{Err: fmt.Errorf("the name of a capture is empty"), Hint: "a variable of the shell may be unset"}
		case len(cfg.Captures) == 1 && beginsWith(path, "{"):
			return &InputError{Err: fmt.Errorf("%s: it is JSON, perhaps a connection log, and no capture", path),
				Hint: "name the capture; its log is found beside it, or goes behind -l"}
		}
	}
	if a, b, twice := sameFiles(cfg.Captures); twice {
		also := ""
		if a != b {
			also = ", also as " + a
		}
		return &InputError{Err: fmt.Errorf("%s: this capture is given twice%s", b, also), Hint: "name each file once"}
	}
	for _, path := range cfg.Logs {
		switch {
		case path == "":
			return &InputError{Err: fmt.Errorf("the name of a log is empty"), Hint: "a variable of the shell may be unset"}
		case isFolder(path):
			return &InputError{Err: fmt.Errorf("%s: it is a folder, and no connection log", path), Hint: "name its logs, each behind -l"}
		case beginsWith(path, magics[:]...):
			return &InputError{Err: fmt.Errorf("%s: it is a capture, and no connection log", path),
				Hint: "name captures without -l; the log is the file that ends in .conns.jsonl"}
		}
	}
	return nil
}

// beginsWith tells whether a regular file begins with one of some words.
func beginsWith(path string, words ...string) bool {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 4)
	n, _ := f.Read(head)
	for _, w := range words {
		if bytes.HasPrefix(head[:n], []byte(w)) {
			return true
		}
	}
	return false
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// sameFiles finds two names of one file.
func sameFiles(paths []string) (a, b string, found bool) {
	infos := make([]os.FileInfo, len(paths))
	for i, path := range paths {
		infos[i], _ = os.Stat(path)
		for k, other := range paths[:i] {
			if path == "-" && other == "-" || path != "-" && other != "-" && infos[i] != nil && infos[k] != nil && os.SameFile(infos[i], infos[k]) {
				return other, path, true
			}
		}
	}
	return "", "", false
}
