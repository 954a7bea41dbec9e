package connlog_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// A tool that knows of a socket writes a log, and another reads it.
func Example() {
	var file bytes.Buffer
	w := connlog.NewWriter(&file)
	curl := connlog.ProcessID{PID: 4242, Start: 1_795_556_050_000_000_000}
	for _, e := range []connlog.Event{
		{Kind: connlog.KindHead, Head: &connlog.Head{Schema: connlog.Schema, RecordingID: "508cac0561ac1f2e79987371c97b7b3f", Source: "ss"}},
		{Kind: connlog.KindProcess, Time: 1_795_556_051_000_000_000, Process: &connlog.Process{Change: connlog.ProcessSnapshot, ID: curl, Name: "curl", UID: -1}},
		{Kind: connlog.KindSocket, Time: 1_795_556_051_000_000_000, Socket: &connlog.Socket{
			Change: connlog.SocketSnapshot, ID: 7, Protocol: flow.TCP, Owners: []connlog.ProcessID{curl},
			Local:  flow.EndpointFrom(netip.MustParseAddrPort("192.0.2.1:40000")),
			Remote: flow.EndpointFrom(netip.MustParseAddrPort("198.51.100.7:443")), HasRemote: true}},
		{Kind: connlog.KindEnd, Time: 1_795_556_052_000_000_000, End: &connlog.End{}},
	} {
		if err := w.Write(&e); err != nil {
			fmt.Println(err)
		}
	}
	if err := w.Flush(); err != nil {
		fmt.Println(err)
	}

	r := connlog.NewReader(&file, "run.conns.jsonl")
	for {
		e, err := r.Next()
		var bad *connlog.LineError
		switch {
		case err == io.EOF:
			return
		case errors.As(err, &bad):
			fmt.Println("damaged:", bad)
		case err != nil:
			fmt.Println(err)
			return
		case e.Kind == connlog.KindSocket:
			s := e.Socket
			fmt.Println(e.Seq, s.Protocol, s.Local, s.Remote, s.Owners[0].PID)
		default:
			fmt.Println(e.Seq, e.Kind)
		}
	}
	// Output:
	// 1 head
	// 2 process
	// 3 tcp 192.0.2.1:40000 198.51.100.7:443 4242
	// 4 end
}

// A name may hold any bytes; the log holds UTF-8.
func ExampleUnescape() {
	e := connlog.Event{Kind: connlog.KindProcess, Process: &connlog.Process{Change: connlog.ProcessExec, ID: connlog.ProcessID{PID: 1}, Name: "caf\xe9", UID: -1}}
	fmt.Printf("%s", e.Append(nil))
	fmt.Printf("%q\n", connlog.Unescape(`caf\xe9`))
	// Output:
	// {"event":"process","time_ns":0,"seq":0,"change":"exec","pid":1,"start_ns":0,"name":"caf\\xe9"}
	// "caf\xe9"
}
