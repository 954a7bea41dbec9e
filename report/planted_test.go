package report

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/report/table"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// planted is a connection in words: its segments, and what is to be measured.
//
//	0.000  C S   0 0+0  win=65535 mss=1460 scale=7   # ms, sender, flags, sequence and acknowledged number, length
//	1.5    S U   0 0+9                               # a datagram
//	= client_mss_bytes 1460
//	> 1 4 client 30 40 90 120 200 3000 50            # a row of the table turns, times in ms
//
// Measures that no line names are 0, or NULL. Numbers are relative to what the
// sides begin with.
type planted struct {
	capture bytes.Buffer
	want    map[string]any
	turns   []string // as the table turns has them: of each column one word, instants as ms
}

// zero is when the connections begin, Unix nanoseconds.
const zero = 1_763_000_000_000_000_000

// plant reads one.
func plant(t *testing.T, path string) *planted {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	c := &planted{want: map[string]any{}}
	c.capture.Write(binary.LittleEndian.AppendUint64(nil, 0x0004_0002_a1b2_3c4d)) // classic pcap, nanoseconds
	c.capture.Write(append(make([]byte, 8), 0xff, 0xff, 4, 0, 101, 0, 0, 0))      // raw IP
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == ">":
			c.turns = append(c.turns, strings.Join(words[1:], " "))
		case words[0] == "=":
			var v any
			must(t, json.Unmarshal([]byte(words[2]), &v))
			c.want[words[1]] = v
		default:
			c.add(t, words)
		}
	}
	must(t, lines.Err())
	return c
}

// add adds the segment that a line tells.
func (c *planted) add(t *testing.T, words []string) {
	t.Helper()
	ms, err := strconv.ParseFloat(words[0], 64)
	must(t, err)
	client := words[1] == "C"
	flags := 0
	for _, letter := range words[2] {
		flags |= map[rune]int{'S': packet.SYN, 'A': packet.ACK, 'F': packet.FIN, 'R': packet.RST, 'P': packet.PSH}[letter]
	}
	number := func(s string) uint32 {
		n, err := strconv.ParseUint(s, 10, 32)
		must(t, err)
		return uint32(n)
	}
	sequence, length, _ := strings.Cut(words[3], "+")
	acknowledged := number(words[4])
	first := [2]uint32{1_000_000, 4_294_967_000} // the server's numbers wrap
	options, window := []byte{}, 65535
	for _, o := range words[5:] {
		name, value, _ := strings.Cut(o, "=")
		be := binary.BigEndian
		switch name {
		case "win":
			window = int(number(value))
		case "mss":
			options = be.AppendUint16(append(options, 2, 4), uint16(number(value)))
		case "scale":
			options = append(options, 1, 3, 3, byte(number(value)))
		case "stamp":
			stamp, echo, _ := strings.Cut(value, "/")
			options = be.AppendUint32(be.AppendUint32(append(options, 1, 1, 8, 10), number(stamp)), number(echo))
		default:
			t.Fatalf("there is no %q", o)
		}
	}
	from, ports := 0, []byte{0x9c, 0x40, 0, 80}
	source, destination := []byte{10, 0, 0, 1}, []byte{198, 18, 0, 1}
	if !client {
		from, ports = 1, []byte{0, 80, 0x9c, 0x40}
		source, destination = destination, source
	}
	if flags&packet.ACK != 0 {
		acknowledged += first[1-from]
	}
	protocol, header := byte(6), 20+len(options)
	if words[2] == "U" {
		protocol, header = 17, 8
	}
	total := 20 + header + int(number(length))
	le, be := binary.LittleEndian, binary.BigEndian
	at := zero + int64(ms*1e6+0.5)
	b := le.AppendUint32(le.AppendUint32(nil, uint32(at/1e9)), uint32(at%1e9))
	b = le.AppendUint32(le.AppendUint32(b, uint32(20+header)), uint32(total))
	b = be.AppendUint16(append(b, 0x45, 0), uint16(total))
	b = append(append(append(b, 0, 0, 0x40, 0, 64, protocol, 0, 0), source...), destination...)
	b = append(b, ports...)
	if protocol == 17 {
		c.capture.Write(append(be.AppendUint16(b, uint16(total-20)), 0, 0))
		return
	}
	b = be.AppendUint32(be.AppendUint32(b, number(sequence)+first[from]), acknowledged)
	b = be.AppendUint16(append(b, byte(header/4)<<4, byte(flags)), uint16(window))
	c.capture.Write(append(append(b, 0, 0, 0, 0), options...))
}

// Each measure occurs in one of the connections, and comes out as it was planted;
// tshark counts the same.
func TestPlantedMeasures(t *testing.T) {
	files, err := filepath.Glob("testdata/measures/*.txt")
	must(t, err)
	found := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			c := plant(t, file)
			path := filepath.Join(t.TempDir(), "planted.pcap")
			must(t, os.WriteFile(path, c.capture.Bytes(), 0o600))
			got := measured(t, path, Config{})
			for name, v := range got {
				if c.want[name] == nil && (v == nil || v == 0.0) {
					delete(got, name)
				} else {
					found[name] = true
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("measures (-want +got):\n%s", d)
			}
			bare := analyze(t, Config{Captures: []string{path}, Tables: []string{"connections"}, NoMeasures: true})
			for name := range c.want {
				if bare.Tables[0].Index(name) >= 0 {
					t.Errorf("without measures there is a column %s", name)
				}
			}
			if d := cmp.Diff(c.turns, turnRows(t, path)); d != "" && c.turns != nil {
				t.Errorf("turns (-want +got):\n%s", d)
			}
			againstTshark(t, path, c.want)
		})
	}
	for _, name := range measureNames() {
		if name = strings.TrimPrefix(strings.TrimPrefix(name, "client_"), "server_"); !found["client_"+name] && !found["server_"+name] && !found[name] {
			t.Errorf("%s is nowhere planted", name)
		}
	}
}

// measureNames lists the columns that are measures.
func measureNames() []string {
	names := []string{"ended", "initial_rtt_ns"}
	for _, m := range table.EndMeasures() {
		names = append(names, "client_"+m.Name, "server_"+m.Name)
	}
	for _, c := range table.TurnMeasures() {
		names = append(names, c.Name)
	}
	return names
}

// measured returns the measures of the first connection of a capture.
func measured(t *testing.T, path string, cfg Config) map[string]any {
	t.Helper()
	all, row := map[string]any{}, firstConnection(t, path, cfg)
	for _, name := range measureNames() {
		v, ok := row[name]
		if !ok {
			t.Fatalf("there is no column %s", name)
		}
		all[name] = v
	}
	return all
}

// firstConnection returns the row of the first connection of a capture.
func firstConnection(t *testing.T, path string, cfg Config) map[string]any {
	t.Helper()
	var out bytes.Buffer
	cfg.Captures, cfg.Tables = []string{path}, []string{"connections"}
	must(t, analyze(t, cfg).Write(context.Background(), Output{Format: JSON, Stdout: &out}))
	var result struct{ Connections []map[string]any }
	must(t, json.Unmarshal(out.Bytes(), &result))
	return result.Connections[0]
}

// turnRows returns the rows of the table turns.
func turnRows(t *testing.T, path string) (rows []string) {
	t.Helper()
	var out bytes.Buffer
	must(t, analyze(t, Config{Captures: []string{path}, Tables: []string{"turns"}}).Write(context.Background(), Output{Format: JSON, Stdout: &out}))
	type row struct {
		Turn, Frame_number                                                     int64
		Requester                                                              string
		Request_first_ns, Request_last_ns, Response_first_ns, Response_last_ns *int64
		Request_payload_bytes, Response_payload_bytes                          int64
		Waiting_ns                                                             *int64
	}
	var result struct{ Turns []row }
	must(t, json.Unmarshal(out.Bytes(), &result))
	for _, r := range result.Turns {
		words := []any{r.Turn, r.Frame_number, r.Requester}
		for _, v := range []*int64{r.Request_first_ns, r.Request_last_ns, r.Response_first_ns, r.Response_last_ns} {
			if v == nil {
				words = append(words, "-")
			} else {
				words = append(words, (*v-zero)/1e6)
			}
		}
		words = append(words, r.Request_payload_bytes, r.Response_payload_bytes, "-")
		if r.Waiting_ns != nil {
			words[len(words)-1] = *r.Waiting_ns / 1e6
		}
		rows = append(rows, strings.TrimSpace(fmt.Sprintln(words...)))
	}
	return rows
}

// againstTshark holds what was planted against tshark's counts.
func againstTshark(t *testing.T, path string, want map[string]any) {
	t.Helper()
	args := []string{"-n", "-r", path, "-T", "fields", "-e", "tcp.srcport"}
	counted := []struct{ field, name string }{
		{"retransmission", "retransmitted_segments"}, {"fast_retransmission", "fast_retransmitted_segments"},
		{"spurious_retransmission", "spurious_retransmitted_segments"}, {"out_of_order", "out_of_order_segments"},
		{"lost_segment", "lost_segments"}, {"duplicate_ack", "duplicate_ack_segments"}, {"keep_alive", "keep_alive_segments"},
		{"zero_window", "zero_window_segments"},
	}
	for _, c := range counted {
		args = append(args, "-e", "tcp.analysis."+c.field)
	}
	out, err := exec.Command(need.Tool(t, "tshark"), args...).Output()
	must(t, err)
	counts := map[string]float64{}
	for line := range strings.Lines(string(out)) {
		cells := strings.Split(strings.TrimRight(line, "\n"), "\t")
		end := map[string]string{"40000": "client_", "80": "server_"}[cells[0]]
		for i, c := range counted {
			if cells[i+1] != "" {
				counts[end+c.name]++
			}
		}
	}
	for _, c := range counted {
		for _, end := range []string{"client_", "server_"} {
			if planted, _ := want[end+c.name].(float64); planted != counts[end+c.name] {
				t.Errorf("tshark has %v of %s, planted are %v", counts[end+c.name], end+c.name, planted)
			}
		}
	}
}
