package report

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// file is one file of a folder to write.
type file struct {
	name  string
	write func(io.Writer) error
}

// Owner is a user that files are given to.
type Owner struct{ UID, GID int }

// give gives a file to o, nil leaves it. It follows no link.
func (o *Owner) give(path string) error {
	if o == nil {
		return nil
	}
	return os.Lchown(path, o.UID, o.GID)
}

// writeFile writes a file so that it appears whole or not at all: under a
// temporary name beside it, then renamed. A link is followed; what is there
// and no regular file (a device, a pipe) is written to as it is.
func (o *Output) writeFile(path string, write func(io.Writer) error) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	tmp := temporary(path)
	if err := o.fill(tmp, write); err != nil {
		return err
	}
	err := place(tmp, path, o.Force)
	os.Remove(tmp)
	return err
}

// writeFolder writes files into a folder so that all appear or none does. A
// folder that is not there appears with its files in it. Into one that is
// there they are moved one by one when all are written; where that fails, the
// new ones go again, and those that replaced others stay.
func (o *Output) writeFolder(dir string, files []file) (err error) {
	dir = filepath.Clean(dir)
	_, err = os.Stat(dir)
	there := err == nil
	tmp := temporary(dir)
	if there {
		tmp = temporary(filepath.Join(dir, "x")) // dir may be a mount point
	}
	if err := os.Mkdir(tmp, 0o777); err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	for _, f := range files {
		if err := o.fill(filepath.Join(tmp, f.name), f.write); err != nil {
			return err
		}
	}
	if !there {
		if err := o.Owner.give(tmp); err != nil {
			return err
		}
		return os.Rename(tmp, dir)
	}
	return placeAll(tmp, dir, o.Force, files)
}

func placeAll(tmp, dir string, force bool, files []file) error {
	var fresh []string
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		_, missing := os.Lstat(path)
		if err := place(filepath.Join(tmp, f.name), path, force); err != nil {
			for _, p := range fresh {
				os.Remove(p)
			}
			return err
		}
		if missing != nil {
			fresh = append(fresh, path)
		}
	}
	return nil
}

// fill makes a file of what write gives, and removes it on an error.
func (o *Output) fill(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if o.Owner != nil {
		err = f.Chown(o.Owner.UID, o.Owner.GID)
	}
	if err == nil {
		err = write(f)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(path)
	}
	return err
}

// place gives the finished file tmp its name. Without force it never replaces
// a file, not even one that has just appeared: a hard link cannot.
func place(tmp, path string, force bool) error {
	if force {
		return os.Rename(tmp, path)
	}
	err := os.Link(tmp, path)
	if err == nil {
		return nil
	}
	if _, there := os.Lstat(path); there == nil || errors.Is(err, os.ErrExist) {
		return &OutputError{path, "it exists", "replace it with --force"}
	}
	return os.Rename(tmp, path) // a file system without hard links
}

// temporary returns a name beside path that nobody else uses, and that is short
// enough for every file system.
func temporary(path string) string {
	return filepath.Join(filepath.Dir(path), fmt.Sprintf(".%016x.tmp", rand.Uint64()))
}
