// Package demo holds a recording of the demonstration's workload, for systems
// on which none can be made. generate.sh made it.
package demo

import (
	"embed"
	"os"
	"path/filepath"
)

// The files of a recording of the workload, here and wherever Unpack puts them.
const (
	Capture = "demo.pcapng"
	Log     = "demo.conns.jsonl"
	Ledger  = "demo.ledger.jsonl" // what the processes counted themselves
)

//go:embed demo.pcapng demo.conns.jsonl demo.ledger.jsonl
var files embed.FS

// Unpack writes the recording's files into a folder.
func Unpack(dir string) error {
	for _, name := range []string{Capture, Log, Ledger} {
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
