package report_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/report/table"
	"github.com/pcapwho/pcapwho/testdata/demo"
)

// The rows of a table, without a file.
func ExampleAnalyze() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := demo.Unpack(dir); err != nil {
		log.Fatal(err)
	}
	result, err := report.Analyze(context.Background(), report.Config{
		Captures: []string{filepath.Join(dir, demo.Capture)},
		Tables:   []string{"processes"},
		Where:    `process.name == "web" && protocol == "tcp"`,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer result.Close()
	for _, t := range result.Tables {
		name, sent := t.Index("name"), t.Index("sent_wire_bytes")
		err := t.Each(func(*table.Batch) {}, func(b *table.Batch) error {
			for row := range b.Rows {
				if n := b.Columns[sent].Ints[row]; n > 0 {
					fmt.Println(b.Columns[name].Strings[row], n)
				}
			}
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// web 1511244
	// browser 96048
	// browser 18366
}
