package report

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pcapwho/pcapwho/report/table"
)

// A dataset is the results of many analyses, each table in a folder of its own with
// partitions by run and host as Hive names them:
//
//	DIR/connections/run=508cac05…/host=build-7/part.parquet
//
// What is of one run and host is replaced by the next analysis of it.

// noPartition is how Hive and who reads its folders name what is NULL.
const noPartition = "__HIVE_DEFAULT_PARTITION__"

// partition returns the folders of this result below that of a table.
func (r *Result) partition() string {
	run := cmp.Or(r.Capture.RecordingID, r.fingerprint())
	return filepath.Join("run="+partitionValue(run), "host="+partitionValue(r.log.host))
}

// fingerprint names a run whose files do not: by what is in them.
func (r *Result) fingerprint() string {
	h := sha256.New()
	for _, path := range r.cfg.Captures {
		in := identify(path)
		fmt.Fprintln(h, in.SHA256, in.Length)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// partitionValue is text as a folder's name has it: what is neither letter, digit,
// dash, underscore nor, but at the beginning, a dot becomes %XX. NULL is noPartition.
func partitionValue(text string) string {
	const most = 200 // bytes; file systems take 255
	if text == "" {
		return noPartition
	}
	var b strings.Builder
	for i := 0; i < len(text) && b.Len() < most; i++ {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// checkPartition tells what a dataset cannot be.
func (o *Output) checkPartition(tables int) error {
	switch {
	case !o.Format.oneTable():
		return &OutputError{string(o.Format), "a dataset has one table a file", "take parquet, arrow or csv"}
	case o.stdout():
		return &OutputError{string(o.Format), "a dataset is a folder", "name it with -o DIR"}
	case tables == 0:
		return nil
	}
	switch info, err := os.Stat(o.Path); {
	case err != nil:
		return checkParent(o.Path)
	case !info.IsDir():
		return &OutputError{o.Path, "it is a file, and a dataset is a folder", "name a folder"}
	}
	return checkFolder(o.Path, o.Path)
}

// writePartition adds r to the dataset, or replaces what is there of its run and
// host. Every file appears whole.
func (r *Result) writePartition(ctx context.Context, o *Output) error {
	partition := r.partition()
	if before, ok := o.parts[partition]; ok {
		return &OutputError{r.cfg.Captures[0], "it is of the same run and host as " + before + ", whose part it would replace", "analyze the files of one run together: without --each"}
	} else if o.parts != nil {
		o.parts[partition] = r.cfg.Captures[0]
	}
	if err := os.Mkdir(o.Path, 0o777); err == nil {
		if err := o.Owner.give(o.Path); err != nil {
			return err
		}
	} else if !errors.Is(err, os.ErrExist) {
		return err
	}
	tmp := temporary(filepath.Join(o.Path, "x"))
	if err := os.Mkdir(tmp, 0o777); err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	for _, t := range r.Tables {
		err := o.fill(filepath.Join(tmp, t.Name), func(w io.Writer) error { return r.encode(ctx, w, o, []*table.Table{t}) })
		if err != nil {
			return err
		}
	}
	folders := make([]string, len(r.Tables))
	for i, t := range r.Tables {
		var err error
		if folders[i], err = o.makeFolders(t.Name, partition); err != nil {
			return &OutputError{o.Path, err.Error(), "name a folder that is a dataset, or a new one"}
		}
	}
	for i, t := range r.Tables {
		if err := os.Rename(filepath.Join(tmp, t.Name), filepath.Join(folders[i], "part."+string(o.Format))); err != nil {
			return err
		}
	}
	return nil
}

// makeFolders makes the folders of a table's partition, those that are not there.
func (o *Output) makeFolders(name, partition string) (folder string, err error) {
	folder = o.Path
	for part := range strings.SplitSeq(filepath.Join(name, partition), string(filepath.Separator)) {
		folder = filepath.Join(folder, part)
		switch err := os.Mkdir(folder, 0o777); {
		case err == nil:
			if err := o.Owner.give(folder); err != nil {
				return "", err
			}
		case !errors.Is(err, os.ErrExist):
			return "", err
		}
	}
	return folder, nil
}
