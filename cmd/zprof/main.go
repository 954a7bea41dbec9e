package main

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/pcapwho/pcapwho/report"
)

func main() {
	f, _ := os.Create("/tmp/cpu.prof")
	pprof.StartCPUProfile(f)
	var tables []string
	if len(os.Args) > 2 {
		tables = strings.Split(os.Args[2], ",")
	}
	t := time.Now()
	r, err := report.Analyze(context.Background(), report.Config{Captures: []string{os.Args[1]}, Tables: tables, Tool: "x"})
	if err != nil {
		panic(err)
	}
	fmt.Println("analyzed", time.Since(t))
	os.Remove("/tmp/outp.json")
	err = r.Write(context.Background(), report.Output{Format: report.JSON, Path: "/tmp/outp.json"})
	fmt.Println("written", time.Since(t), err)
	pprof.StopCPUProfile()
	m, _ := os.Create("/tmp/mem.prof")
	pprof.Lookup("allocs").WriteTo(m, 0)
	m.Close()
}
