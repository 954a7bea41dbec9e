package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/report/chart"
	"github.com/pcapwho/pcapwho/report/decode"
	"github.com/pcapwho/pcapwho/report/html"
	"github.com/pcapwho/pcapwho/report/view"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// What is shown of a result in which a number is none that an analysis writes is a page and
// charts, or an error.
func TestViewOfHostileNumbers(t *testing.T) {
	var b bytes.Buffer
	must(t, demoResult(t).Write(t.Context(), Output{Format: JSON, Stdout: &b}))
	d := json.NewDecoder(&b)
	d.UseNumber()
	var result map[string]any
	must(t, d.Decode(&result))
	tables := map[string][]any{}
	for name, value := range result {
		if rows, ok := value.([]any); ok && slices.Contains(view.Tables(), name) {
			tables[name] = rows[max(0, len(rows)-2):]
		}
		if name != "capture" {
			delete(result, name)
		}
	}
	for name, rows := range tables {
		result[name] = rows
	}
	path := filepath.Join(t.TempDir(), "result.json")
	shown, refused := 0, 0
	show := func() error {
		text, err := json.Marshal(result)
		must(t, err)
		must(t, os.WriteFile(path, text, 0o600))
		saved, err := decode.Open(path)
		must(t, err)
		m, err := view.Measure(&view.Source{Saved: true, Tables: saved.Tables})
		if err != nil {
			refused++
			return nil
		}
		shown++
		if _, err := m.JSON(html.MaxSize); err != nil {
			return err
		}
		for _, name := range chart.Names() {
			if err := chart.Write(io.Discard, name, false, m); err != nil {
				return err
			}
		}
		return nil
	}
	for name, rows := range tables {
		if len(rows) == 0 {
			continue
		}
		for column, value := range rows[0].(map[string]any) {
			if _, ok := value.(json.Number); !ok {
				continue
			}
			for k, which := range [][]any{rows, rows[len(rows)-1:]} {
				if need.Slow && k != len(column)%2 {
					continue
				}
				kept := map[int]any{}
				for _, n := range []int64{math.MinInt64, math.MaxInt64} {
					for i, r := range which {
						if n == math.MinInt64 {
							kept[i] = r.(map[string]any)[column]
						}
						r.(map[string]any)[column] = n
					}
					if err := show(); err != nil {
						t.Errorf("table %s, column %s = %d: %v", name, column, n, err)
					}
				}
				for i, r := range which {
					r.(map[string]any)[column] = kept[i]
				}
			}
		}
	}
	least := 100
	if need.Slow {
		least = 50
	}
	if shown < least || refused < 3 {
		t.Errorf("%d are shown and %d refused", shown, refused)
	}
}

// A result that cannot be is an input that cannot be read, by its name.
func TestViewOfWrongTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "result.json")
	must(t, os.WriteFile(path, []byte(`{"timeseries": [{"begin_ns": 5, "bucket_ns": 0, "connections": 0, "sent_packets": 0, "received_packets": 0, "sent_wire_bytes": 1, "received_wire_bytes": 0,
		"sent_payload_bytes": 0, "received_payload_bytes": 0, "sent_unique_payload_bytes": 0, "received_unique_payload_bytes": 0, "reason": "exact"}]}`), 0o600))
	for _, o := range []Output{{Format: HTML}, {Format: SVG, Charts: []string{"throughput"}}} {
		o.Stdout = io.Discard
		err := WriteView(t.Context(), path, o)
		var input *InputError
		if !errors.As(err, &input) || !strings.HasPrefix(err.Error(), path+": table timeseries: ") {
			t.Errorf("%s: %v", o.Format, err)
		}
	}
}
