package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pcapwho/pcapwho/testdata/generate/traffic"
)

// config is what the flags say.
type config struct {
	dir    string // of the recordings
	tools  string // folder of what was built
	kinds  []string
	scale  float64
	rounds int
	limit  time.Duration // of one run
	budget time.Duration // of all runs of one program on one file
	only   *regexp.Regexp
	builds []string // of pcapwho
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var cfg config
	kinds := flag.String("kinds", "bulk,small,mixed", "`kinds` of traffic")
	only := flag.String("only", "", "only programs whose name this `expression` matches, and what they are compared with")
	builds := flag.String("pcapwho", "", "measure these `programs` instead of building one")
	flag.StringVar(&cfg.dir, "dir", filepath.Join(os.TempDir(), "pcapwho-benchmark"), "`folder` of the recordings, 5 GB; what is there is used again")
	flag.Float64Var(&cfg.scale, "scale", 1, "length of the recordings")
	flag.IntVar(&cfg.rounds, "n", 5, "`rounds`")
	flag.DurationVar(&cfg.limit, "limit", time.Minute, "longest `time` of one run")
	flag.DurationVar(&cfg.budget, "budget", 20*time.Second, "`time` after which a program is not run again on the same file")
	flag.Parse()
	cfg.kinds = strings.Split(*kinds, ",")
	var err error
	if cfg.only, err = regexp.Compile(*only); err != nil {
		return err
	}
	if cfg.tools, err = os.MkdirTemp("", "pcapwho-benchmark-"); err != nil {
		return err
	}
	defer os.RemoveAll(cfg.tools)
	if err := cfg.build(*builds); err != nil {
		return err
	}
	for _, kind := range cfg.kinds {
		truth, err := cfg.recording(kind)
		if err != nil {
			return err
		}
		rows, err := cfg.measure(ctx, kind)
		if err != nil {
			return err
		}
		fmt.Printf("\n%s: %d packets, %d bytes, %d connections, %d lines of log\n\n", kind, truth.Packets, truth.WireBytes, truth.Connections, truth.LogLines)
		printTable(os.Stdout, rows)
	}
	return nil
}

// build makes all programs that are part of this repository.
func (cfg *config) build(builds string) error {
	for name, path := range map[string]string{"generate": "generate", "walk": "benchmark/walk", "gopacket": "benchmark/gopacket"} {
		if err := command("go", "build", "-o", cfg.tool(name), "github.com/pcapwho/pcapwho/testdata/"+path); err != nil {
			return err
		}
	}
	if cfg.builds = strings.Split(builds, ","); builds == "" {
		cfg.builds = []string{cfg.tool("pcapwho")}
		if err := command("go", "build", "-o", cfg.builds[0], "github.com/pcapwho/pcapwho/cmd/pcapwho"); err != nil {
			return err
		}
	}
	source, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/pcapwho/pcapwho/testdata/benchmark").Output()
	if err != nil {
		return err
	}
	return command("cc", "-O2", "-o", cfg.tool(yardstick), filepath.Join(strings.TrimSpace(string(source)), "yardstick", "loop.c"), "-lpcap")
}

func (cfg *config) tool(name string) string { return filepath.Join(cfg.tools, name+".exe") }

// recording makes the files of a kind unless they are there, compressed and
// without their log too, and returns the truth.
func (cfg *config) recording(kind string) (*traffic.Truth, error) {
	truth, err := readTruth(cfg.file(kind, ".truth.json"))
	if err != nil || truth.Scale != cfg.scale {
		err := command(cfg.tool("generate"), "-kind", kind, "-scale", strconv.FormatFloat(cfg.scale, 'g', -1, 64), "-o", cfg.dir)
		if err != nil {
			return nil, err
		}
		for _, derived := range []string{".pcapng.gz", ".pcapng.zst"} {
			os.Remove(cfg.file(kind, derived))
		}
		if truth, err = readTruth(cfg.file(kind, ".truth.json")); err != nil {
			return nil, err
		}
	}
	for compressor, extension := range map[string]string{"gzip": ".gz", "zstd": ".zst"} {
		if err := cfg.compress(compressor, kind, extension); err != nil {
			return nil, err
		}
	}
	alone := cfg.alone(kind)
	if err := os.MkdirAll(filepath.Dir(alone), 0o777); err != nil {
		return nil, err
	}
	os.Remove(alone)
	return truth, os.Link(cfg.file(kind, ".pcapng"), alone)
}

func readTruth(path string) (*traffic.Truth, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	truth := new(traffic.Truth)
	return truth, json.Unmarshal(text, truth)
}

// file is a file of a recording.
func (cfg *config) file(kind, extension string) string {
	return filepath.Join(cfg.dir, kind+extension)
}

// alone is the capture in a folder without its log.
func (cfg *config) alone(kind string) string {
	return filepath.Join(cfg.dir, "without-log", kind+".pcapng")
}

// compress makes a compressed copy of small, if the compressor is installed.
func (cfg *config) compress(compressor, kind, extension string) error {
	path := cfg.file(kind, ".pcapng"+extension)
	if _, err := os.Stat(path); kind != "small" || !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := exec.LookPath(compressor); err != nil {
		return nil
	}
	if err := command(compressor, "-1", "-k", "-f", "-q", cfg.file(kind, ".pcapng")); err != nil {
		os.Remove(path)
		return err
	}
	return nil
}

// command runs a program whose output is for the user.
func command(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return nil
}
