package report

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/pcapwho/pcapwho/report/encode"
)

// digestEdge is how much of each end of an input its digest covers.
const digestEdge = 64 << 10

// about tells how the result was made.
func (r *Result) about() encode.About {
	a := encode.About{Tool: r.cfg.Tool, Inputs: []encode.Input{}}
	for _, path := range slices.Concat(r.cfg.Captures, r.log.paths) {
		a.Inputs = append(a.Inputs, identify(path))
	}
	return a
}

// identify returns a file's length and digest, both empty where it cannot be
// read again, as a pipe.
func identify(path string) encode.Input {
	in := encode.Input{Name: filepath.Base(path)}
	if path == "-" {
		return in
	}
	f, err := os.Open(path)
	if err != nil {
		return in
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return in
	}
	h := sha256.New()
	first := io.NewSectionReader(f, 0, digestEdge)
	last := io.NewSectionReader(f, max(digestEdge, info.Size()-digestEdge), digestEdge) // no byte twice
	if _, err := io.Copy(h, io.MultiReader(first, last)); err == nil {
		in.Length, in.SHA256 = info.Size(), hex.EncodeToString(h.Sum(nil))
	}
	return in
}
