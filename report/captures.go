package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pcapwho/pcapwho/ingest"
)

// Captures returns the capture files that names stand for, in this order: a
// folder for the captures in it (by what they hold; folders in it are not looked
// into), and a pattern of *, ? and […], where no file is called so, for the files
// that match. Both give files by name, and each only once. Of several names, one
// that stands for no capture is returned as it is: who opens it will tell.
func Captures(names []string) ([]string, error) {
	var list captureList
	var none []error // of names that stand for no capture
	for _, name := range names {
		info, err := os.Stat(name)
		switch {
		case name == "-":
			list.add(name, nil, false)
			err = nil
		case err == nil && info.IsDir():
			err = list.addFolder(name)
		case err == nil:
			list.add(name, info, false)
		case errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(name, "*?["):
			err = list.addPattern(name)
		default: // who opens it will tell
			list.add(name, nil, false)
			err = nil
		}
		if err != nil {
			none = append(none, err)
			list.add(name, nil, false)
		}
	}
	if len(none) > 0 && len(none) == len(list.paths) {
		return nil, none[0]
	}
	return list.paths, nil
}

// captureList is files in the making.
type captureList struct {
	paths []string
	infos []os.FileInfo // nil where there is none
}

// add adds a file; one that was found, and not given, only where it is not
// there yet.
func (l *captureList) add(path string, info os.FileInfo, found bool) {
	for _, other := range l.infos {
		if found && info != nil && other != nil && os.SameFile(info, other) {
			return
		}
	}
	l.paths, l.infos = append(l.paths, path), append(l.infos, info)
}

func (l *captureList) addFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return &InputError{Err: err}
	}
	any := false
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		is, err := ingest.IsCapture(path)
		if is || err != nil { // who opens it will tell the error
			l.add(path, info, true)
			any = true
		}
	}
	if !any {
		return &InputError{Err: fmt.Errorf("%s: no file in this folder is a capture", dir), Hint: "name the folder that has them: folders inside are not looked into"}
	}
	return nil
}

// addPattern adds what matches, but for folders, connection logs, and hidden
// files that the pattern does not ask for.
func (l *captureList) addPattern(pattern string) error {
	matches, err := filepath.Glob(pattern)
	if err != nil {
		return &InputError{Err: fmt.Errorf("%s: %w", pattern, err), Hint: "a pattern is of *, ? and […]"}
	}
	hidden := strings.HasPrefix(filepath.Base(pattern), ".")
	any := false
	for _, path := range matches {
		info, err := os.Stat(path)
		if err == nil && info.IsDir() || strings.HasSuffix(path, ingest.LogSuffix) || strings.HasPrefix(filepath.Base(path), ".") && !hidden {
			continue
		}
		l.add(path, info, true)
		any = true
	}
	if !any {
		return &InputError{Err: fmt.Errorf("%s: no file is called so, and none matches this pattern", pattern), Hint: "see what is there: ls " + filepath.Dir(pattern)}
	}
	return nil
}
