package main

import (
	"context"
	"fmt"
	"net"
	"os"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/record"
	"github.com/pcapwho/pcapwho/report"
)

// benchmarkInGo is a program that sends datagrams to itself, some of them in phases: 10
// outside, 20 in read, 5 in write. With an argument it records that by the tracker of Go
// and writes the result to the file that it names.
func benchmarkInGo() {
	work := sendPhases
	if len(os.Args) > 1 {
		work = func() error { return trackPhases(os.Args[1]) }
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func trackPhases(path string) error {
	ctx := context.Background()
	recorded, err := record.Track(ctx, record.Config{Capture: "tracked.pcapng", Interfaces: []string{"lo"}}, sendPhases)
	if err != nil {
		return err
	}
	result, err := report.Analyze(ctx, report.Config{Captures: recorded.Captures, Logs: []string{recorded.Log}})
	if err != nil {
		return err
	}
	defer result.Close()
	return result.Write(ctx, report.Output{Format: report.JSON, Path: path})
}

func sendPhases() error {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, phase := range []struct {
		name      string
		datagrams int
	}{{"", 10}, {"read", 20}, {"write", 5}} {
		if phase.name != "" {
			if err := record.Mark("", connlog.MarkBegin, phase.name); err != nil {
				return err
			}
		}
		for range phase.datagrams {
			if _, err := conn.WriteTo(make([]byte, 100), conn.LocalAddr()); err != nil {
				return err
			}
		}
		if phase.name != "" {
			if err := record.Mark("", connlog.MarkEnd, phase.name); err != nil {
				return err
			}
		}
	}
	return nil
}
