package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/record"
	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/report/encode"
	"github.com/pcapwho/pcapwho/report/measure"
)

// Exit statuses. Those of record's own errors come with them.
const (
	statusFailed  = 1
	statusUsage   = 2 // also unreadable input
	statusDamaged = 3
	statusUnread  = 128 + 13 // as a shell has it of what SIGPIPE ended
)

// failure is an error that knows its remedy and its exit status.
type failure struct {
	message string
	hint    string // "" = none
	status  int
	late    bool  // a wrapped command has run
	err     error // the cause, which message tells; nil = none
}

func (f *failure) Error() string { return f.message }
func (f *failure) Unwrap() error { return f.err }

// usagef returns an error of the command line.
func usagef(hint, format string, args ...any) error {
	return &failure{message: fmt.Sprintf(format, args...), hint: hint, status: statusUsage}
}

// temporary tells whether err is about a temporary file.
func temporary(err error) bool {
	var file *fs.PathError
	return errors.As(err, &file) && strings.HasPrefix(file.Path, filepath.Clean(os.TempDir())+string(filepath.Separator)) && strings.HasPrefix(filepath.Base(file.Path), "pcapwho-")
}

// judge tells what to do about an error and which status it ends with.
func judge(err error) (hint string, status int) {
	var own *failure
	var recorder *record.Error
	var output *report.OutputError
	var input *report.InputError
	switch {
	case errors.As(err, &own):
		return own.hint, own.status
	case errors.As(err, &recorder):
		return recorder.Remedy(), recorder.ExitStatus()
	case errors.As(err, &output):
		return output.Hint, statusUsage
	case errors.As(err, &input):
		if input.Hint == "" && errors.Is(err, fs.ErrPermission) {
			return "captures belong to who recorded them: use that user, or sudo", statusUsage
		}
		if input.Hint == "" && errors.Is(err, fs.ErrNotExist) {
			return rotated(err), statusUsage
		}
		return input.Hint, statusUsage
	case errors.Is(err, syscall.EPIPE):
		return "", statusUnread
	case temporary(err):
		return "temporary files are made where the environment variable TMPDIR says: set it to a folder with more room", statusFailed
	}
	return "", statusFailed
}

// rotated returns the remedy where a capture is missing that was rotated: others have its
// name with a number, "" = none has.
func rotated(err error) string {
	var file *fs.PathError
	if !errors.As(err, &file) {
		return ""
	}
	pattern, captures := ingest.RotatedSet(file.Path)
	if len(captures) == 0 {
		return ""
	}
	return "it was rotated: name " + encode.Escape(measure.Quote([]string{pattern}))
}
