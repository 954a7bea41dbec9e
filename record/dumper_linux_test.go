package record

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// byDumper has recordings captured by programs, as on other systems.
func byDumper(t *testing.T, programs ...string) {
	t.Helper()
	before := openTap
	openTap = func(cfg *Config, interfaces []connlog.Interface) (tap, []connlog.Interface, error) {
		return openDumper(cfg, interfaces, programs)
	}
	t.Cleanup(func() { openTap = before })
}

// script writes a program.
func script(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDumpers records by dumpcap and by tcpdump what the ring records: the same
// frames, to the last before the command's end.
func TestDumpers(t *testing.T) {
	private(t)
	const count = 500
	for _, program := range []string{"dumpcap", "tcpdump"} {
		t.Run(program, func(t *testing.T) {
			byDumper(t, need.Tool(t, program))
			cfg := configure(t, as("sender", fmt.Sprint("RECORD_TEST_COUNT=", count), "RECORD_TEST_SIZE=600")...)
			cfg.Source, cfg.FilterText, cfg.Filter, cfg.Snaplen = SourcePoll, "udp", tcpdump(t, "udp"), 100
			s := complete(t, begin(t, cfg))
			if s.Packets != count || s.Dropped != 0 || *s.Status != 7 {
				t.Errorf("%d packets, %d dropped, status %d", s.Packets, s.Dropped, *s.Status)
			}
			c := readCapture(t, cfg.Capture)
			if c.err != nil || len(c.records) != count || len(c.interfaces) != 1 || c.interfaces[0].Name != "lo" || c.interfaces[0].LinkType != pcapng.LinkEthernet {
				t.Fatalf("%v: %d packets, interfaces %+v", c.err, len(c.records), c.interfaces)
			}
			for _, r := range c.records {
				if len(r.Data) != 100 || r.WireLength != 14+20+8+600 || r.Time < s.Begin.UnixNano()-1e9 || r.Time > s.End.UnixNano() {
					t.Fatalf("a packet of %d of %d bytes at %d", len(r.Data), r.WireLength, r.Time)
				}
			}
			if d := c.interfaces[0].Dropped; !d.Known || d.N != 0 {
				t.Errorf("drops are %+v", d)
			}
		})
	}
}

// TestDumperEnds tells of a program that ends by itself, in the middle.
func TestDumperEnds(t *testing.T) {
	private(t)
	real := need.Tool(t, "tcpdump")
	byDumper(t, script(t, "tcpdump", `for last; do :; done; `+real+` "$@" & sleep 1; kill -KILL $!; echo "something broke" >&2`))
	cfg := configure(t, as("sender", "RECORD_TEST_COUNT=1", "RECORD_TEST_SIZE=10")...)
	cfg.Command = []string{"sh", "-c", "sleep 2"}
	cfg.Source = SourcePoll
	_, err := begin(t, cfg).Wait()
	if err == nil || !strings.Contains(err.Error(), "tcpdump does not capture: something broke") {
		t.Errorf("%v", err)
	}
	if c := readCapture(t, cfg.Capture); c.err != nil {
		t.Errorf("the file: %v", c.err)
	}
}

// TestDumperRefusals says why a program does not begin.
func TestDumperRefusals(t *testing.T) {
	private(t)
	cfg := configure(t)
	cfg.Source, cfg.RingMiB, cfg.Message = SourcePoll, 8, func(MessageKind, string) {}
	lo := []connlog.Interface{{Name: "lo", Index: 1, LinkType: 1}}
	for name, test := range map[string]struct {
		programs   []string
		filter     bool
		interfaces []connlog.Interface
		want       string
	}{
		"no rights":   {[]string{script(t, "dumpcap", "echo 'you have no permission' >&2; exit 1")}, false, lo, "dumpcap does not capture: you have no permission"},
		"no capture":  {[]string{script(t, "dumpcap", "echo this is no capture at all, it is text; sleep 1")}, false, lo, "dumpcap does not capture"},
		"cut":         {[]string{script(t, "tcpdump", `printf '\324\303\262\241\002\000'`)}, false, lo, "tcpdump does not capture: it writes nothing"},
		"not there":   {[]string{"/nowhere/dumpcap"}, false, lo, "dumpcap cannot be started"},
		"nobody":      {nil, false, lo, "neither dumpcap nor tcpdump"},
		"two":         {[]string{"/usr/bin/tcpdump"}, false, append(lo, lo...), "one interface at a time"},
		"two written": {[]string{script(t, "dumpcap", `printf '\324\303\262\241\002\000\004\000\000\000\000\000\000\000\000\000\000\001\000\000\001\000\000\000'`)}, false, append(lo, lo...), "from one interface, not from 2"},
		"a program":   {[]string{"/usr/bin/tcpdump"}, true, lo, "a filter program is for Linux alone"},
	} {
		c := cfg
		if test.filter {
			c.Filter = tcpdump(t, "udp")
		}
		_, _, err := openDumper(&c, test.interfaces, test.programs)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), test.want) || e.Hint == "" && !strings.Contains(name, "capture") && !strings.Contains(name, "cut") && !strings.Contains(name, "not there") && !strings.Contains(name, "written") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// TestDumperArguments holds how each program is run, also where this cannot be tried.
func TestDumperArguments(t *testing.T) {
	two := []connlog.Interface{{Name: "en0", Index: 4}, {Name: "lo0", Index: 1}}
	cfg := &Config{Snaplen: 256, RingMiB: 8, FilterText: "tcp port 80"}
	named := &Config{RingMiB: 8, Interfaces: []string{"en0", "lo0"}}
	for _, test := range []struct {
		path, system string
		cfg          *Config
		interfaces   []connlog.Interface
		want         string
		captured     int
	}{
		{"/usr/bin/dumpcap", "linux", cfg, two, "-q -w - -i en0 -s 256 -B 8 -f tcp port 80 -i lo0 -s 256 -B 8 -f tcp port 80", 2},
		{"C/dumpcap.exe", "windows", named, two[:1], "-q -w - -i en0 -s 262144 -B 8", 1},
		{"/usr/sbin/tcpdump", "freebsd", cfg, two[:1], "-i en0 -n -U --immediate-mode -w - -s 256 -B 8192 tcp port 80", 1},
		{"/usr/sbin/tcpdump", "freebsd", cfg, two, "", 0},
		{"/usr/sbin/tcpdump", "darwin", cfg, two, "-i pktap,all -n -U --immediate-mode -w - -s 256 -B 8192 tcp port 80", 1},
		{"/usr/sbin/tcpdump", "darwin", named, two, "-i pktap,en0,lo0 -n -U --immediate-mode -w - -s 262144 -B 8192", 1},
	} {
		arguments, captured := dumperArguments(test.path, test.system, test.cfg, test.interfaces)
		if got := strings.Join(arguments, " "); got != test.want || len(captured) != test.captured {
			t.Errorf("%s on %s: %q from %d, want %q from %d", test.path, test.system, got, len(captured), test.want, test.captured)
		}
	}
}

// TestDumperOfMacOS keeps what macOS's tcpdump says of processes: frames of PKTAP
// are recorded as they are.
func TestDumperOfMacOS(t *testing.T) {
	private(t)
	var file bytes.Buffer
	w, err := pcapng.NewWriter(&file, pcapng.SectionHeader{})
	frame := slices.Concat([]byte("\x6c\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00"), make([]byte, 96), make([]byte, 60))
	err = errors.Join(err, addInterface(w, pcapng.InterfaceDescription{Name: "pktap", LinkType: pcapng.LinkPKTAP}),
		w.WritePacket(&pcapng.EnhancedPacket{Time: time.Now().UnixNano(), Data: frame, WireLength: uint32(len(frame))}), w.Flush())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "pktap.pcapng")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	before := openTap
	defer func() { openTap = before }()
	openTap = func(cfg *Config, interfaces []connlog.Interface) (tap, []connlog.Interface, error) {
		arguments, captured := dumperArguments("/usr/sbin/tcpdump", "darwin", cfg, interfaces)
		d, err := startDumper(script(t, "tcpdump", "cat "+path+"; exec sleep 60"), arguments, captured)
		return d, captured, err
	}
	cfg := configure(t, "sleep", "0.5")
	cfg.Source = SourcePoll
	if s := complete(t, begin(t, cfg)); s.Packets != 1 {
		t.Errorf("%d packets", s.Packets)
	}
	c := readCapture(t, cfg.Capture)
	if len(c.interfaces) != 1 || c.interfaces[0].LinkType != pcapng.LinkPKTAP || c.interfaces[0].Name != "pktap" || len(c.records) != 1 {
		t.Fatalf("%+v", c)
	}
	if d := cmp.Diff(frame, c.records[0].Data); d != "" {
		t.Error(d)
	}
}

func addInterface(w *pcapng.Writer, d pcapng.InterfaceDescription) error {
	_, err := w.AddInterface(d)
	return err
}
