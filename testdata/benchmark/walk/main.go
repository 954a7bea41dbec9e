// Walk reads the blocks of a capture and decodes nothing: what is above its
// time is not spent on reading.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

func main() {
	if err := walk(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func walk(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	r, err := pcapng.NewReader(file, path)
	if err != nil {
		return err
	}
	var packets, bytes int64
	for rec := new(pcapng.Record); ; packets++ {
		err := r.Next(rec)
		if errors.Is(err, io.EOF) {
			fmt.Printf("%d packets, %d bytes\n", packets, bytes)
			return nil
		}
		if err != nil {
			return err
		}
		bytes += int64(rec.WireLength)
	}
}
