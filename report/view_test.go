package report

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/pcapwho/pcapwho/report/decode"
	"github.com/pcapwho/pcapwho/report/encode"
	"github.com/pcapwho/pcapwho/testdata/demo"
)

// demoResult returns all tables of the demo's capture.
func demoResult(t *testing.T) *Result {
	t.Helper()
	in := folder(t)
	must(t, demo.Unpack(in("")))
	r, err := Analyze(t.Context(), Config{Captures: []string{in(demo.Capture)}, Tables: all(), Bucket: 1e8})
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

// A result that is read and written again has the same bytes, for every table.
func TestSavedResult(t *testing.T) {
	r := demoResult(t)
	var b, again bytes.Buffer
	must(t, r.Write(t.Context(), Output{Format: JSON, Stdout: &b}))
	path := filepath.Join(t.TempDir(), "result.json")
	must(t, (&Output{}).writeFile(path, text(b.String())))
	saved, err := decode.Open(path)
	must(t, err)
	must(t, encode.Write(encode.NewJSON(&again), saved.Tables))
	if len(saved.Tables) != len(all()) || again.String() != b.String() {
		t.Errorf("%d tables; %d bytes became %d", len(saved.Tables), b.Len(), again.Len())
	}
}

// One chart goes to the standard output, whether that is named or not.
func TestChartToStdout(t *testing.T) {
	r := demoResult(t)
	for _, path := range []string{"", "-"} {
		var b bytes.Buffer
		must(t, r.Write(t.Context(), Output{Format: SVG, Charts: []string{"rtt"}, Path: path, Stdout: &b}))
		if !bytes.Contains(b.Bytes(), []byte("Round-trip times")) {
			t.Errorf("to %q: %.100s", path, b.Bytes())
		}
	}
}

// Buckets are so wide that a page has room for all.
func TestAutoBucket(t *testing.T) {
	for _, tt := range []struct{ lasts, want int64 }{
		{0, 1e8}, {-5, 1e8}, {1, 1e6}, {1e9, 1e6}, {2.5e9, 2e6}, {10e9, 1e7}, {3600e9, 2e9}, {30 * 86400e9, 2e12}, {9e18, 5e15},
	} {
		if got := autoBucket(7, 7+tt.lasts); got != tt.want {
			t.Errorf("%d ns: buckets of %d, want %d", tt.lasts, got, tt.want)
		}
	}
}
