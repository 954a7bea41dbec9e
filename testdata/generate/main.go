// Generate writes recordings whose truth is known, to measure and to test
// with:
//
//	go run ./testdata/generate -kind small -o DIR
//
// writes DIR/small.pcapng, the connection log DIR/small.conns.jsonl, and
// DIR/small.truth.json, what an analysis must find. The same flags write the
// same bytes on every machine. -kind all writes all of them.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/pcapwho/pcapwho/testdata/generate/traffic"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run() error {
	var cfg traffic.Config
	kind := flag.String("kind", "all", "`kind` of traffic: bulk, small, mixed or all")
	dir := flag.String("o", ".", "`folder` to write to")
	flag.Uint64Var(&cfg.Seed, "seed", 1, "seed of the random numbers")
	flag.Float64Var(&cfg.Scale, "scale", 1, "how much longer than usual")
	flag.IntVar(&cfg.Live, "live", 0, "connections alive at the same time, however long the capture; 0 = as usual")
	flag.IntVar(&cfg.Segments, "segments", 0, "mean number of data segments of a TCP connection; 0 = as usual")
	flag.IntVar(&cfg.Processes, "processes", 0, "how many processes there are; 0 = as usual")
	flag.StringVar(&cfg.Format, "format", "pcapng", "`format` of the capture: pcapng or pcap")
	flag.Parse()
	kinds := traffic.Kinds()
	if *kind != "all" {
		k, ok := traffic.Lookup(*kind)
		if !ok {
			return fmt.Errorf("there is no kind %q", *kind)
		}
		kinds = []traffic.Kind{k}
	}
	if err := os.MkdirAll(*dir, 0o777); err != nil {
		return err
	}
	for _, cfg.Kind = range kinds {
		begin := time.Now()
		t, err := traffic.Write(*dir, cfg)
		if err != nil {
			return err
		}
		seconds := time.Since(begin).Seconds()
		fmt.Fprintf(os.Stderr, "%s: %d packets, %d bytes, %d connections, %d lines of log; %.1f s, %.0f MB/s\n", t.Kind, t.Packets,
			t.WireBytes, t.Connections, t.LogLines, seconds, float64(t.WireBytes)/1e6/seconds)
	}
	return nil
}
