// Sources measures how much of short connections each source of socket events
// finds, as root on Linux with python3:
//
//	go run ./testdata/benchmark/sources
//
// It records cmd/pcapwho/testdata/forks.py in a network namespace of its own, with
// connections that live for about as long as -holds says: servers that share the
// listening socket or the port, fork for each connection, or pass each to another
// process, TCP and UDP, IPv4 and IPv6; every client is a process that lives no longer
// than its connection, forked or executed. For each source it prints how many ends of
// connections, and sides of packets, were given to the process that the script says,
// to another, and to none.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
)

func main() {
	sources := flag.String("sources", "ebpf,diag,poll", "sources, with commas")
	holds := flag.String("holds", "0.0002,0.001,0.01,0.1,1", "how long connections live, seconds, with commas")
	each := flag.Int("connections", 34, "connections of each of twelve kinds, by each hold")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, strings.Split(*sources, ","), strings.Split(*holds, ","), *each); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sources, holds []string, each int) error {
	dir, err := os.MkdirTemp("", "sources")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	pcapwho := filepath.Join(dir, "pcapwho")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", pcapwho, "./cmd/pcapwho").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	script, err := filepath.Abs("cmd/pcapwho/testdata/forks.py")
	if err != nil {
		return err
	}
	fmt.Println("source  seconds  ends: right  wrong   none   packets: right  wrong   none")
	for _, source := range sources {
		for _, hold := range holds {
			command := fmt.Sprintf("ip link set lo up; rm -f run.*; ./pcapwho record -q --source %s -s 128 -- python3 %s %d %s >ledger; "+
				"./pcapwho analyze -q --tables packets --format csv run.pcapng >packets", source, script, each, hold)
			cmd := exec.CommandContext(ctx, "unshare", "-n", "sh", "-ec", command)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("%s, %s s: %w\n%s", source, hold, err, out)
			}
			ends, sides, err := compare(dir)
			if err != nil {
				return err
			}
			fmt.Printf("%-6s %8s  %11s %6s %6s   %14s %6s %6s\n", source, hold,
				ends.share(ends.right), ends.share(ends.wrong), ends.share(ends.none()), sides.share(sides.right), sides.share(sides.wrong), sides.share(sides.none()))
		}
	}
	return nil
}

// tally counts answers.
type tally struct{ all, right, wrong int }

func (t *tally) none() int { return t.all - t.right - t.wrong }

func (t *tally) share(n int) string {
	return fmt.Sprintf("%.2f%%", 100*float64(n)/float64(max(t.all, 1)))
}

// compare holds the packets table against the ledger. An end is right if all that
// was said of its packets is, and something was.
func compare(dir string) (ends, sides tally, err error) {
	truth, err := readLedger(filepath.Join(dir, "ledger"))
	if err != nil {
		return ends, sides, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "packets"))
	if err != nil {
		return ends, sides, err
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(rows) == 0 {
		return ends, sides, fmt.Errorf("packets table: %w", err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	found := map[string]*tally{}
	for _, row := range rows[1:] {
		end := func(side string) string {
			return net.JoinHostPort(row[column[side+"_ip"]], row[column[side+"_port"]])
		}
		a, b := end("source"), end("destination")
		for _, side := range [2][3]string{{"source", a, b}, {"destination", b, a}} {
			key := row[column["protocol"]] + " " + side[1] + " " + side[2]
			pids, known := truth[key]
			if !known {
				continue
			}
			t := found[key]
			if t == nil {
				t = &tally{}
				found[key] = t
			}
			for _, count := range []*tally{t, &sides} {
				count.all++
				switch pid := row[column[side[0]+"_pid"]]; {
				case pid == "":
				case pids[pid]:
					count.right++
				default:
					count.wrong++
				}
			}
		}
	}
	for key := range truth {
		ends.all++
		if t := found[key]; t != nil && t.wrong > 0 {
			ends.wrong++
		} else if t != nil && t.right > 0 {
			ends.right++
		}
	}
	return ends, sides, nil
}

// readLedger reads which processes had an end, several where UDP took a port again.
func readLedger(path string) (map[string]map[string]bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	truth := map[string]map[string]bool{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var e struct {
			PID                     int
			Protocol, Local, Remote string
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		key := e.Protocol + " " + e.Local + " " + e.Remote
		if truth[key] == nil {
			truth[key] = map[string]bool{}
		}
		truth[key][strconv.Itoa(e.PID)] = true
	}
	return truth, lines.Err()
}
