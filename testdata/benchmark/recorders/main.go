// Recorders measures what recording costs a benchmark: without a recorder, with dumpcap,
// and with pcapwho by each source, as root on Linux with dumpcap and iproute2 installed:
//
//	go run ./testdata/benchmark/recorders
//
// All take turns, round after round, in a network namespace of their own, with the same
// snaplen and buffer. The loads, on loopback but for the last:
//
//	throughput   512 MiB over one TCP connection
//	latency      10,000 requests and replies of 64 bytes over one, one after the other
//	connections  2,000 TCP connections with a request and a reply, one after the other
//	paced        200 of these a second, for 3 seconds
//	iperf3       what iperf3 sends over one TCP connection in 2 seconds, where it is installed
//	flood        datagrams of 64 bytes, as many as one thread sends in 2 seconds, over a
//	             veth pair into another network namespace
//
// The table has medians over the rounds, the interval that has the true median in 95 of
// 100 cases, by order statistics, and the ratio to no recorder in the same round: below 1
// is worse for throughput, above 1 for times. Then what the recorder took: processor time
// of its own, as a share of one processor's while the load ran, that of its programs in
// the kernel, and its own time for each packet in the file; how many packets passed the
// interface by the kernel's count while the load ran, how many are in the file, and how
// many the recorder says that it dropped.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// config is what the flags say.
type config struct {
	pcapwho   string // the program
	recorders []string
	rounds    int
	snaplen   string
}

func main() {
	rounds := flag.Int("n", 20, "`rounds`")
	only := flag.String("recorders", "none,dumpcap,ebpf,diag", "what takes turns, with commas; none comes first")
	kinds := flag.String("loads", "", "only these `loads`, with commas")
	snaplen := flag.String("s", "2048", "`bytes` kept of a packet, 0 = all")
	be := flag.String("load", "", "be this `load`, and print its result")
	inside := flag.String("inside", "", "the network namespace is made, pcapwho is this `program`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case *be != "":
		err = run(*be)
	case *inside != "":
		if *kinds != "" {
			loads = slices.DeleteFunc(loads, func(l load) bool { return !slices.Contains(strings.Split(*kinds, ","), l.name) })
		}
		if _, missing := exec.LookPath("iperf3"); missing != nil && slices.ContainsFunc(loads, isIperf3) {
			fmt.Fprintln(os.Stderr, "iperf3 is not installed: its load is left out")
			loads = slices.DeleteFunc(loads, isIperf3)
		}
		err = compare(ctx, &config{*inside, strings.Split(*only, ","), *rounds, *snaplen})
	default:
		err = enter(ctx, os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// enter builds pcapwho and goes on in a network namespace of its own.
func enter(ctx context.Context, args []string) error {
	dir, err := os.MkdirTemp("", "recorders")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	pcapwho := filepath.Join(dir, "pcapwho")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", pcapwho, "./cmd/pcapwho").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	words := append([]string{"-n", "-m", "sh", "-ec", setup + `cd "$1"; shift; exec "$@"`, "sh", dir, self, "-inside", pcapwho}, args...)
	cmd := exec.CommandContext(ctx, "unshare", words...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd.Run()
}

func compare(ctx context.Context, cfg *config) error {
	const statistics = "/proc/sys/kernel/bpf_stats_enabled"
	before, err := os.ReadFile(statistics)
	if err == nil {
		err = os.WriteFile(statistics, []byte("1"), 0)
	}
	if err != nil {
		return err
	}
	defer os.WriteFile(statistics, before, 0) //nolint:errcheck // as good as it gets
	results := map[string]map[string][]float64{}
	costs := map[string]map[string][]cost{}
	for _, r := range cfg.recorders {
		results[r], costs[r] = map[string][]float64{}, map[string][]cost{}
	}
	for n := range cfg.rounds {
		order := slices.Clone(cfg.recorders)
		for i := range order { // each is the first as often
			order[i] = cfg.recorders[(i+n)%len(cfg.recorders)]
		}
		for _, l := range loads {
			for _, r := range order {
				x, c, err := once(ctx, cfg, r, l)
				if err != nil {
					return fmt.Errorf("%s with %s: %w", l.name, r, err)
				}
				results[r][l.name], costs[r][l.name] = append(results[r][l.name], x), append(costs[r][l.name], c)
			}
		}
	}
	report(cfg.recorders, results, costs)
	return nil
}

// once runs one load with one recorder.
func once(ctx context.Context, cfg *config, recorder string, l load) (result float64, c cost, err error) {
	for _, name := range []string{"run.pcapng", "run.conns.jsonl"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return 0, c, err
		}
	}
	var cmd *exec.Cmd
	var told bytes.Buffer
	switch recorder {
	case "none":
	case "dumpcap":
		cmd = exec.CommandContext(ctx, "dumpcap", "-q", "-i", l.link, "-s", cfg.snaplen, "-B", "64", "-w", "run.pcapng")
	default:
		cmd = exec.CommandContext(ctx, cfg.pcapwho, "record", "-i", l.link, "-s", cfg.snaplen, "-B", "64", "-w", "run.pcapng", "--source", recorder)
	}
	if cmd != nil {
		cmd.Stderr, cmd.Stdout = &told, &told
		if err := cmd.Start(); err != nil {
			return 0, c, err
		}
		for until := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if info, err := os.Stat("run.pcapng"); err == nil && info.Size() > 0 {
				break
			}
			if time.Now().After(until) {
				_ = cmd.Process.Kill()
				return 0, c, fmt.Errorf("it did not begin: %s", told.String())
			}
		}
		time.Sleep(300 * time.Millisecond)
		c.own, c.hooks = used(cmd.Process.Pid)
	}
	self, err := os.Executable()
	if err != nil {
		return 0, c, err
	}
	began, before := time.Now(), passed(l.link)
	out, err := exec.CommandContext(ctx, self, "-load", l.name).Output()
	c.wall, c.passed = time.Since(began), passed(l.link)-before
	if e := (*exec.ExitError)(nil); errors.As(err, &e) {
		err = fmt.Errorf("%w: %s", err, e.Stderr)
	}
	if err != nil {
		if cmd != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		return 0, c, err
	}
	if cmd != nil {
		own, hooks := used(cmd.Process.Pid)
		c.own, c.hooks = own-c.own, hooks-c.hooks
		_ = cmd.Process.Signal(os.Interrupt) // it runs
		if err := cmd.Wait(); err != nil {
			return 0, c, fmt.Errorf("%w: %s", err, told.String())
		}
		c.dropped = dropped(told.String())
		if c.packets, err = inFile("run.pcapng"); err != nil {
			return 0, c, err
		}
	}
	err = json.Unmarshal(out, &result)
	return result, c, err
}
