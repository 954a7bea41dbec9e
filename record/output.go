package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// minimumSpace is what must be free where the files go, in bytes.
const minimumSpace = 1 << 20

// output is one file of a recording. After a write that failed the file ends
// with the last whole record, and every later write returns that error.
type output struct {
	path     string
	former   string // where the file that this one replaces waits until the recording runs; "" = none
	file     target
	size     int64
	err      error
	synced   chan error // of a sync that runs; nil = none does
	finished chan error // of finishSoon; nil = it was not called
	// whole returns how many bytes at the beginning of what was written are
	// whole records.
	whole func([]byte) int
}

// target is what output needs of an *os.File; tests let it fail.
type target interface {
	Write([]byte) (int, error)
	Truncate(int64) error
	Sync() error
	Close() error
}

// Write appends whole records. It returns how many bytes of whole records are
// in the file.
func (o *output) Write(b []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.file.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err == nil {
		o.size += int64(n)
		return n, nil
	}
	n = o.whole(b[:n])
	o.size += int64(n)
	hint := "the file is readable up to here"
	if t := o.file.Truncate(o.size); t != nil {
		hint = fmt.Sprintf("the file is readable up to byte %d, and what is behind could not be cut off", o.size)
		err = together(err, t)
	}
	o.err = &Error{Message: "writing stopped", Status: statusFailed, Err: err, Hint: hint}
	return n, o.err
}

// syncSoon begins to bring the file to the disk, unless that is being done, and
// returns whether it could be the last time. It does not wait.
func (o *output) syncSoon() error {
	if o.synced != nil {
		select {
		case err := <-o.synced:
			o.synced = nil
			if err != nil {
				return err
			}
		default:
			return nil
		}
	}
	done := make(chan error, 1)
	o.synced = done
	go func() { done <- o.file.Sync() }()
	return nil
}

// finish brings the file to the disk and closes it.
func (o *output) finish() error {
	var before error
	if o.synced != nil {
		before = <-o.synced
		o.synced = nil
	}
	err := o.file.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) { // not such a file
		err = nil
	}
	return together(before, err, o.file.Close())
}

// finishSoon begins to finish the file, once. It does not wait.
func (o *output) finishSoon() {
	if o.finished == nil {
		done := make(chan error, 1)
		o.finished = done
		go func() { done <- o.finish() }()
	}
}

// stream is a target that is no file: what was written stays, a part of a block
// too, and the reader sees where it ends.
type stream struct{ io.Writer }

func (stream) Truncate(int64) error { return nil }
func (stream) Sync() error          { return nil }
func (stream) Close() error         { return nil }

// wholeBlocks counts the bytes of whole pcapng blocks: the total length is the
// second word of each, little-endian as our writer has it.
func wholeBlocks(b []byte) int {
	at := 0
	for at+12 <= len(b) {
		length := binary.LittleEndian.Uint32(b[at+4:])
		if length < 12 || uint64(length) > uint64(len(b)-at) {
			break
		}
		at += int(length)
	}
	return at
}

func wholeLines(b []byte) int { return bytes.LastIndexByte(b, '\n') + 1 }

// checkOutputs finds what would keep the files from being written. It creates
// nothing.
func checkOutputs(capture, log string, force bool) error {
	if same(capture, log) {
		return &Error{Message: fmt.Sprintf("the capture and the log are the same file, %q", capture), Hint: "name another with --log", Status: statusUsage}
	}
	for i, path := range []string{capture, log} {
		if path == "-" {
			continue
		}
		flag := [...]string{"-w", "--log"}[i]
		folder := filepath.Dir(path)
		info, err := os.Stat(folder)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return &Error{Message: fmt.Sprintf("no folder %q", folder), Hint: "make it first: mkdir -p " + folder, Status: statusUsage}
		case err != nil:
			return &Error{Message: fmt.Sprintf("folder %q", folder), Status: statusUsage, Err: err}
		case !info.IsDir():
			return &Error{Message: fmt.Sprintf("%q is not a folder", folder), Status: statusUsage}
		}
		info, err = os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return &Error{Message: fmt.Sprintf("file %q", path), Status: statusUsage, Err: withoutPath(err), Hint: "choose another name with " + flag}
		case !info.Mode().IsRegular():
			return &Error{Message: fmt.Sprintf("%q exists and is not a regular file", path), Hint: "choose another name", Status: statusUsage}
		case !force:
			return &Error{Message: fmt.Sprintf("%q exists", path), Hint: "choose another name, or replace it with --force", Status: statusUsage}
		}
		if free, ok := freeSpace(folder); ok && free < minimumSpace {
			return &Error{Message: fmt.Sprintf("no space in %q: %d bytes are free, need %d", folder, free, minimumSpace), Status: statusFailed}
		}
	}
	return nil
}

// withoutPath returns the cause of an error that names a path which the message
// has already.
func withoutPath(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// same tells whether two paths name one file.
func same(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	if errX == nil && errY == nil {
		return os.SameFile(x, y)
	}
	p, errP := os.Stat(filepath.Dir(a))
	q, errQ := os.Stat(filepath.Dir(b))
	return errP == nil && errQ == nil && os.SameFile(p, q) && filepath.Base(a) == filepath.Base(b)
}

// create makes a file that only its owner may read, and that belongs to the
// caller of sudo. With force an old file gives way to a new one: what is open
// elsewhere stays whole, and a recording that does not start puts it back.
func create(path string, force bool, owner *account, whole func([]byte) int) (*output, error) {
	o := &output{path: path, whole: whole}
	if force {
		if err := o.setAside(); err != nil {
			return nil, &Error{Message: fmt.Sprintf("file %q cannot be replaced", path), Status: statusFailed, Err: err}
		}
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		o.restore()
		return nil, &Error{Message: "no file to write to", Status: statusUsage, Err: err, Hint: "choose another place with -w" + asCaller(owner, err)}
	}
	o.file = file
	if owner != nil {
		if err := file.Chown(owner.uid, owner.gid); err != nil {
			o.remove()
			return nil, &Error{Message: "the file cannot be given to the caller of sudo", Status: statusFailed, Err: err}
		}
	}
	return o, nil
}

// asCaller explains why root may not write somewhere.
func asCaller(owner *account, err error) string {
	if owner == nil || !errors.Is(err, fs.ErrPermission) {
		return ""
	}
	return "; files are made as the caller of sudo makes them"
}

// remove takes back a file of a recording that did not start.
func (o *output) remove() {
	o.file.Close()
	if _, is := o.file.(stream); is {
		return
	}
	os.Remove(o.path)
	o.restore()
}

// setAside gives a file that is in the way another name in its folder.
func (o *output) setAside() error {
	if _, err := os.Lstat(o.path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	place, err := os.CreateTemp(filepath.Dir(o.path), ".pcapwho-*")
	if err != nil {
		return err
	}
	place.Close()
	if err := os.Rename(o.path, place.Name()); err != nil {
		os.Remove(place.Name())
		return err
	}
	o.former = place.Name()
	return nil
}

func (o *output) restore() {
	if o.former != "" {
		_ = os.Rename(o.former, o.path) // the reason why it is not replaced is told already
	}
}

// keep makes the replacement final.
func (o *output) keep() {
	if o.former != "" {
		os.Remove(o.former)
	}
}
