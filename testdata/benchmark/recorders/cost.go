package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// cost is what a recorder took.
type cost struct {
	own, hooks time.Duration // of processor time
	wall       time.Duration // of the load
	passed     int64         // packets, by the interface's counters
	packets    int64         // in the file
	dropped    int64         // as it says
}

// used returns the processor time of a process, and of its programs in the kernel.
func used(pid int) (own, hooks time.Duration) {
	const tick = time.Second / 100 // USER_HZ
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) > 12 {
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		own = time.Duration(user+system) * tick
	}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	programs := map[string]bool{}
	for _, name := range files {
		text, _ := os.ReadFile(name)
		id, ran := "", time.Duration(0)
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
			switch key {
			case "prog_id":
				id = value
			case "run_time_ns":
				n, _ := strconv.ParseInt(value, 10, 64)
				ran = time.Duration(n)
			}
		}
		if ran > 0 && !programs[id] {
			programs[id] = true
			hooks += ran
		}
	}
	return own, hooks
}

// passed returns how many packets an interface of this namespace counted, as a capture
// there has them: of loopback each once.
func passed(link string) (n int64) {
	const received, sent = 1, 9 // columns of /proc/net/dev
	text, _ := os.ReadFile("/proc/net/dev")
	for line := range strings.Lines(string(text)) {
		name, numbers, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields := strings.Fields(numbers)
		if name != link || len(fields) <= sent {
			continue
		}
		n, _ = strconv.ParseInt(fields[received], 10, 64)
		if link != "lo" {
			out, _ := strconv.ParseInt(fields[sent], 10, 64)
			n += out
		}
	}
	return n
}

// inFile counts the packets of a capture file.
func inFile(name string) (n int64, err error) {
	file, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	reader, err := pcapng.NewReader(file, name)
	if err != nil {
		return 0, err
	}
	for record := (pcapng.Record{}); ; n++ {
		if err := reader.Next(&record); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
}

// dropped reads how many packets a recorder says it dropped.
func dropped(told string) (n int64) {
	for _, form := range []string{`recorded \d+ packets \((\d+) dropped`, `received/dropped on interface '[^']*': \d+/(\d+)`} {
		if m := regexp.MustCompile(form).FindStringSubmatch(told); m != nil {
			n, _ = strconv.ParseInt(m[1], 10, 64)
		}
	}
	return n
}
