package record_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/record"
)

// Record the loopback interface while a command runs. It needs the right to
// capture packets, so that this example is not run by the tests.
func ExampleStart() {
	r, err := record.Start(context.Background(), record.Config{
		Interfaces: []string{"lo"},
		Snaplen:    record.DefaultSnaplen,
		Capture:    "run.pcapng", // and run.conns.jsonl
		Command:    []string{"curl", "-s", "http://localhost:8080/"},
		Stdout:     os.Stdout,
		Stderr:     os.Stderr,
	})
	var refused *record.Error
	if errors.As(err, &refused) { // no file was written, and no command started
		fmt.Fprintln(os.Stderr, refused, "-", refused.Remedy())
		os.Exit(refused.ExitStatus())
	}
	summary, err := r.Wait()
	if err != nil {
		log.Print(err) // a full disk, for instance: the files are readable up to there
	}
	fmt.Printf("%d packets, %d dropped, %d sockets of %d processes\n", summary.Packets, summary.Dropped, summary.Sockets, summary.Processes)
	os.Exit(*summary.Status)
}

// Record what a function of this program does, with a phase. It needs the right to
// capture packets, so that this example is not run by the tests.
func ExampleTrack() {
	summary, err := record.Track(context.Background(), record.Config{Capture: "run.pcapng"}, func() error {
		if err := record.Mark("", connlog.MarkBegin, "load"); err != nil {
			return err
		}
		defer record.Mark("", connlog.MarkEnd, "load")
		_, err := http.Get("http://localhost:8080/")
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// report.Analyze takes these.
	fmt.Println(summary.Captures, summary.Log)
}

func ExampleLogPath() {
	fmt.Println(record.LogPath("runs/monday.pcapng"))
	// Output: runs/monday.conns.jsonl
}
