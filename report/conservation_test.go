package report

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/report/measure"
	"github.com/pcapwho/pcapwho/testdata/demo"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// checkConserved holds that for each side the sum over all reasons is the capture,
// packets and every kind of bytes, by coverage, by connections and by single packets.
func checkConserved(t *testing.T, name string, r *Result) {
	t.Helper()
	for side := range measure.Side(measure.NumSides) {
		if got := r.Coverage.Sum(side); got != r.Capture.Totals {
			t.Errorf("%s: %v adds up to %+v, the capture is %+v", name, side, got, r.Capture.Totals)
		}
	}
	var all attribute.Counts // what is loose has duplicates, too
	for i := range r.Attribution.Loose {
		all.Add(r.Attribution.Loose[i].Counts)
	}
	must(t, r.Attribution.Connections.All(func(c *attribute.Connection) error {
		for _, sent := range c.Sum() {
			all.Add(sent)
		}
		return nil
	}))
	if all != r.Capture.Totals {
		t.Errorf("%s: connections and the rest add up to %+v, the capture is %+v", name, all, r.Capture.Totals)
	}
	var single [measure.NumSides]measure.Coverage
	packets, bytes := int64(0), int64(0)
	r.Attribution.Rewind()
	next, stop, err := r.again()
	must(t, err)
	defer stop()
	for {
		batch, err := next()
		if err == io.EOF {
			break
		}
		must(t, err)
		for i := range batch {
			p := &batch[i]
			_, source, destination, err := r.Attribution.Find(p)
			must(t, err)
			packets, bytes = packets+1, bytes+int64(p.WireLength)
			for side, v := range [2]attribute.Verdict{source, destination} {
				reason := v.Reason
				if r.Attribution.Duplicate() {
					reason = attribute.Duplicate
				}
				n := &single[side][side][reason]
				n.Packets, n.WireBytes = n.Packets+1, n.WireBytes+int64(p.WireLength)
			}
		}
	}
	if packets != r.Capture.Totals.Packets || bytes != r.Capture.Totals.WireBytes {
		t.Errorf("%s: %d packets and %d bytes one by one, the capture is %+v", name, packets, bytes, r.Capture.Totals)
	}
	for side := range measure.Side(measure.NumSides) {
		for reason, want := range r.Coverage[side] {
			if got := single[side][side][reason]; got.Packets != want.Packets || got.WireBytes != want.WireBytes {
				t.Errorf("%s: %v %v: %+v one by one, coverage says %+v", name, side, attribute.Reason(reason), got, want)
			}
		}
	}
}

// TestCorporaAreConserved analyzes every capture of others, and wants as many packets and
// bytes as capinfos counts, where it reads the capture to its end.
func TestCorporaAreConserved(t *testing.T) {
	dir := need.Env(t, need.Corpora, "a folder of third-party captures")
	text, err := os.ReadFile(filepath.Join(dir, "capinfos.tsv"))
	must(t, err)
	var columns []string
	known := 0
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		cells := strings.Split(lines.Text(), "\t")
		if columns == nil {
			columns = cells
			continue
		}
		row := map[string]string{}
		for i := range min(len(cells), len(columns)) {
			row[columns[i]] = cells[i]
		}
		r, err := Analyze(t.Context(), Config{Captures: []string{filepath.Join(dir, row["path"])}, Tables: []string{"packets"}})
		if bad := (*InputError)(nil); errors.As(err, &bad) {
			continue // no capture
		}
		must(t, err)
		checkConserved(t, row["path"], r)
		if n := strconv.FormatInt(r.Capture.Totals.Packets, 10); row["capinfos_exit"] == "0" {
			if known++; n != row["Number of packets"] && !r.Damaged() {
				t.Errorf("%s: %s packets, capinfos says %s", row["path"], n, row["Number of packets"])
			}
		}
		must(t, r.Close())
	}
	if known < 1000 {
		t.Errorf("%d captures that capinfos reads to their ends", known)
	}
}

// FuzzConservation damages the recording that ships with the program, its capture and its
// log, and adds what others make of it.
func FuzzConservation(f *testing.F) {
	dir := f.TempDir()
	if err := demo.Unpack(dir); err != nil {
		f.Fatal(err)
	}
	capture, err := os.ReadFile(filepath.Join(dir, demo.Capture))
	if err != nil {
		f.Fatal(err)
	}
	log, err := os.ReadFile(ingest.FindLog(filepath.Join(dir, demo.Capture)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(0), []byte{}, uint32(0), []byte{})
	f.Add(uint32(500), []byte("\xff\xff\xff\xff"), uint32(3000), []byte("9"))
	f.Add(uint32(9000), bytes.Repeat([]byte{0}, 100), uint32(200), []byte("\n"))
	f.Fuzz(func(t *testing.T, at uint32, patch []byte, line uint32, text []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "x.pcapng")
		must(t, os.WriteFile(path, patched(capture, at, patch), 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "x.conns.jsonl"), patched(log, line, text), 0o600))
		r, err := Analyze(t.Context(), Config{Captures: []string{path}, Tables: []string{"packets"}, OtherHost: true})
		if bad := (*InputError)(nil); errors.As(err, &bad) {
			return
		}
		must(t, err)
		checkConserved(t, "fuzzed", r)
		must(t, r.Close())
	})
}

// patched returns a copy of a file with some bytes in the place of others.
func patched(file []byte, at uint32, patch []byte) []byte {
	file = bytes.Clone(file)
	copy(file[int(at)%len(file):], patch)
	return file
}
