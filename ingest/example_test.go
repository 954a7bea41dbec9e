package ingest_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// A capture is read in batches; its log lies beside it, and is cut.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "run.pcapng")
	writeRecording(path, filepath.Join(dir, "run.conns.jsonl"))

	capture, err := ingest.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer capture.Close()
	for batch := make([]packet.Packet, 1024); err == nil; {
		var n int
		n, err = capture.Read(batch)
		for _, p := range batch[:n] {
			fmt.Println("frame", p.Frame, capture.Interfaces()[p.Interface].Name, p.WireLength)
		}
	}
	if err != io.EOF {
		fmt.Println(err)
	}

	log, err := ingest.OpenLog(ingest.FindLog(path))
	if err != nil {
		fmt.Println(err)
		return
	}
	err = log.Each(context.Background(), func(e *connlog.Event) error {
		fmt.Println("event", e.Kind)
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	for _, d := range append(capture.Damage(), log.Damage()...) {
		fmt.Println(filepath.Base(d.File)+":", d.Message)
	}
	// Output:
	// frame 1 lo 60
	// frame 2 lo 60
	// event head
	// run.conns.jsonl: the log ends without an end event: it was cut, or its recorder was killed
}

func writeRecording(capture, log string) {
	f, err := os.Create(capture)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	w, _ := pcapng.NewWriter(f, pcapng.SectionHeader{})
	w.AddInterface(pcapng.InterfaceDescription{Name: "lo", LinkType: pcapng.LinkEthernet})
	for range 2 {
		w.WritePacket(&pcapng.EnhancedPacket{Data: make([]byte, 60), WireLength: 60})
	}
	if err := w.Flush(); err != nil {
		fmt.Println(err)
	}
	head := `{"event":"head","time_ns":1,"seq":1,"schema":"pcapwho.connlog/1"}` + "\n"
	if err := os.WriteFile(log, []byte(head), 0o600); err != nil {
		fmt.Println(err)
	}
}
