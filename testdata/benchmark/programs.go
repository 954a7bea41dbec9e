package main

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// program is one way to read a recording.
type program struct {
	name  string
	args  []string
	env   []string
	stdin string // file that comes through a pipe; "" = none
	base  string // name of the program that it is compared with; "" = the yardstick
	aim   string // the ratio that is wanted, "" = none
}

const yardstick = "pcap_next_ex"

// programs returns what there is to measure on a kind of traffic, the yardstick
// first.
func (cfg *config) programs(kind string) []program {
	capture := cfg.file(kind, ".pcapng")
	all := []program{
		{name: yardstick, args: []string{cfg.tool(yardstick), capture}},
		{name: "walk of the blocks", args: []string{cfg.tool("walk"), capture}},
	}
	for _, build := range cfg.builds {
		name := strings.TrimSuffix(filepath.Base(build), ".exe")
		for _, p := range cfg.ours(kind, build) {
			p.name = name + " " + p.name
			if p.base != "" && p.base != yardstick && !strings.HasSuffix(p.base, "-dc") {
				p.base = name + " " + p.base
			}
			all = append(all, p)
		}
	}
	all = append(all, cfg.others(kind)...)
	return chosen(all, cfg.only, yardstick)
}

// ours are the ways to use pcapwho.
func (cfg *config) ours(kind, build string) []program {
	aims := map[string]string{"bulk": "0.6", "mixed": "0.8", "small": "1.5"}
	capture, log := cfg.file(kind, ".pcapng"), cfg.file(kind, ".conns.jsonl")
	analyze := func(capture string, more ...string) []string {
		return append([]string{build, "analyze", "-q", "--format", "json", capture}, more...)
	}
	all := []program{{name: "analyze", args: analyze(capture), aim: aims[kind]}}
	if kind != "small" {
		return all
	}
	return append(all,
		program{name: "analyze, one core", args: analyze(capture), env: []string{"GOMAXPROCS=1"}},
		program{name: "analyze, two cores", args: analyze(capture), env: []string{"GOMAXPROCS=2"}, base: "analyze, one core", aim: "0.63"},
		program{name: "without log, 2 tables", args: analyze(cfg.alone(kind), "--tables", "capture,processes"), aim: "0.8"},
		program{name: "from a pipe", args: analyze("-", "-l", log), stdin: capture, base: "analyze"},
		program{name: "from gzip", args: analyze(capture+".gz", "-l", log), base: "gzip -dc", aim: "1.3"},
		program{name: "from zstd", args: analyze(capture+".zst", "-l", log), base: "zstd -dc"},
	)
}

// others are other people's programs.
func (cfg *config) others(kind string) []program {
	capture := cfg.file(kind, ".pcapng")
	all := []program{
		{name: "gopacket Packets()", args: []string{cfg.tool("gopacket"), capture}},
		{name: "argus", args: []string{"argus", "-r", capture, "-w", "/dev/null"}},
		{name: "nfpcapd", args: []string{"nfpcapd", "-r", capture, "-l", cfg.tools}},
		{name: "softflowd", args: []string{"softflowd", "-d", "-c", "none", "-r", capture}},
		{name: "tcptrace", args: []string{"tcptrace", "-n", "-q", capture}},
		{name: "capinfos", args: []string{"capinfos", capture}},
		{name: "tshark -z conv,tcp", args: []string{"tshark", "-q", "-n", "-z", "conv,tcp", "-r", capture}},
	}
	if kind == "small" {
		all = append(all,
			program{name: "gzip -dc", args: []string{"gzip", "-dc", capture + ".gz"}},
			program{name: "zstd -dc", args: []string{"zstd", "-q", "-dc", capture + ".zst"}})
	}
	return all
}

// chosen returns the programs that are installed and whose name matches only,
// and those they are compared with: always the one named.
func chosen(all []program, only *regexp.Regexp, always string) []program {
	wanted := map[string]bool{always: true}
	for _, p := range all {
		if only.MatchString(p.name) {
			wanted[p.name], wanted[p.base] = true, true
		}
	}
	return slices.DeleteFunc(all, func(p program) bool {
		_, err := exec.LookPath(p.args[0])
		return err != nil || !wanted[p.name]
	})
}
