package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// numbered sends datagrams over loopback whose payload is a number and ballast.
func numbered(t *testing.T, n, size int, pause time.Duration) {
	t.Helper()
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	b := make([]byte, size)
	for i := range n {
		binary.BigEndian.PutUint32(b, uint32(i))
		if _, err := u.WriteTo(b, u.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(pause)
	}
}

// inFiles returns the numbers of the datagrams in the files of a rotated capture,
// in order, and checks that each file is whole for itself.
func inFiles(t *testing.T, s Summary, id string) (numbers []int, perFile []int) {
	t.Helper()
	for _, path := range s.Captures {
		c := readCapture(t, path)
		if c.err != nil || len(c.interfaces) != 1 || c.interfaces[0].Name != "lo" || !bytes.Contains(readFile(t, path)[:200], []byte("recording_id="+id)) {
			t.Errorf("%s: interfaces %+v, error %v", path, c.interfaces, c.err)
		}
		if i := c.interfaces[0]; !i.Received.Known || i.Received.N != uint64(len(c.records)) {
			t.Errorf("%s: the statistics have %+v received, the file %d packets", path, i.Received, len(c.records))
		}
		if n := capinfos(t, path); n != int64(len(c.records)) {
			t.Errorf("%s: capinfos counts %d of %d packets", path, n, len(c.records))
		}
		for _, r := range c.records {
			numbers = append(numbers, int(binary.BigEndian.Uint32(r.Data[42:])))
		}
		perFile = append(perFile, len(c.records))
	}
	return numbers, perFile
}

// following are n numbers up to last.
func following(last, n int) []int {
	var list []int
	for i := last - n + 1; i <= last; i++ {
		list = append(list, i)
	}
	return list
}

// The files follow each other at a size: each is whole, each packet is in one of
// them, and there is one log.
func TestRotationBySize(t *testing.T) {
	private(t)
	for _, keep := range []int{0, 3} {
		cfg := configure(t)
		cfg.Filter, cfg.Rotation = tcpdump(t, "udp"), Rotation{Bytes: 20_000, Files: keep}
		r := begin(t, cfg)
		const sent = 300
		numbered(t, sent, 500, 0)
		r.Stop()
		s := complete(t, r)
		numbers, perFile := inFiles(t, s, s.RecordingID)
		switch {
		case s.Packets != sent:
			t.Errorf("%d packets were recorded, want %d", s.Packets, sent)
		case keep == 0 && len(numbers) != sent:
			t.Errorf("%d packets are in the files, want all %d", len(numbers), sent)
		case keep > 0 && len(s.Captures) != keep:
			t.Errorf("%d files are kept, want %d", len(s.Captures), keep)
		}
		if !slices.Equal(numbers, following(sent-1, len(numbers))) {
			t.Errorf("the files have %v", numbers)
		}
		for i, path := range s.Captures {
			info, err := os.Stat(path)
			if err != nil || info.Mode() != 0o600 {
				t.Errorf("%s: mode %v, error %v", path, info.Mode(), err)
			}
			if i < len(s.Captures)-1 && (info.Size() < 20_000 || info.Size() > 21_000 || perFile[i] != perFile[0]) {
				t.Errorf("%s has %d bytes and %d packets", path, info.Size(), perFile[i])
			}
		}
		first := 1
		if keep > 0 {
			first = (sent+perFile[0]-1)/perFile[0] - keep + 1
		}
		checkNames(t, cfg.Capture, s, first)
	}
}

// checkNames wants the files of a set and its log in the folder, and no other.
func checkNames(t *testing.T, capture string, s Summary, first int) {
	t.Helper()
	present, err := filepath.Glob(filepath.Join(filepath.Dir(capture), "*"))
	want := append(slices.Clone(s.Captures), LogPath(capture))
	slices.Sort(want)
	if err != nil || !slices.Equal(present, want) || s.Log != LogPath(capture) {
		t.Errorf("the folder has %q, want %q (%v)", present, want, err)
	}
	for i, path := range s.Captures {
		form := regexp.MustCompile(fmt.Sprintf(`/run_%05d_20\d{12}\.pcapng$`, first+i))
		if !form.MatchString(path) {
			t.Errorf("file %d is %q, want %s", i, path, form)
		}
	}
}

// By time the next file begins without a packet, too; the recording ends by itself
// after so many.
func TestRotationByTime(t *testing.T) {
	private(t)
	cfg := configure(t)
	cfg.Filter, cfg.Rotation, cfg.Limits = tcpdump(t, "udp"), Rotation{Every: 300 * time.Millisecond}, Limits{Files: 3}
	began := time.Now()
	r := begin(t, cfg)
	numbered(t, 60, 50, 10*time.Millisecond)
	s := complete(t, r)
	if took := time.Since(began); took < 900*time.Millisecond || took > 20*time.Second {
		t.Errorf("three files took %v", took)
	}
	numbers, perFile := inFiles(t, s, s.RecordingID)
	if len(s.Captures) != 3 || len(numbers) != int(s.Packets) || !slices.Equal(numbers, following(len(numbers)-1, len(numbers))) || perFile[0] == 0 {
		t.Errorf("%d files with %v packets: %v", len(s.Captures), perFile, numbers)
	}
	log := readLog(t, cfg.Capture)
	if last := log[len(log)-1]; last.Event != "end" || last.Reason != "the number of files was reached" {
		t.Errorf("the log ends with %+v", last)
	}
}

// A recording ends after so many packets, exactly, or with the packet that makes
// the file so large.
func TestLimits(t *testing.T) {
	private(t)
	for name, limits := range map[string]Limits{"the number of packets was reached": {Packets: 7}, "the size of the capture was reached": {Bytes: 10_000}} {
		cfg := configure(t)
		cfg.Filter, cfg.Limits = tcpdump(t, "udp"), limits
		r := begin(t, cfg)
		numbered(t, 100, 500, 0)
		s := complete(t, r)
		checkFiles(t, cfg.Capture, s)
		info, err := os.Stat(cfg.Capture)
		if err != nil || s.Packets != 7 && limits.Packets > 0 || limits.Bytes > 0 && (info.Size() < 10_000 || info.Size() > 11_000) {
			t.Errorf("%+v: %d packets, %d bytes, %v", limits, s.Packets, info.Size(), err)
		}
		log := readLog(t, cfg.Capture)
		if last := log[len(log)-1]; last.Reason != name {
			t.Errorf("%+v: ended because %q", limits, last.Reason)
		}
	}
}

// The next file cannot be created: the recording ends in order, says so, and what
// was written is whole.
func TestRotationFails(t *testing.T) {
	private(t)
	cfg := configure(t)
	folder := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	cfg.Log = LogPath(cfg.Capture)
	cfg.Capture = filepath.Join(folder, "run.pcapng")
	cfg.Filter, cfg.Rotation = tcpdump(t, "udp"), Rotation{Bytes: 5_000}
	r := begin(t, cfg)
	if err := os.Rename(folder, folder+".moved"); err != nil {
		t.Fatal(err)
	}
	numbered(t, 20, 500, 0)
	time.Sleep(300 * time.Millisecond)
	r.Stop()
	s, err := r.Wait()
	if err == nil || !strings.Contains(err.Error(), "run_00002") {
		t.Errorf("error %v, want that of the second file", err)
	}
	c := readCapture(t, strings.Replace(s.Captures[0], "gone", "gone.moved", 1))
	if c.err != nil || int64(len(c.records)) != s.Packets || s.Packets == 0 {
		t.Errorf("%d packets in the file, the summary has %d; %v", len(c.records), s.Packets, c.err)
	}
}

// What happens is in both files within 100 ms, with and without --sync: of several
// attempts the median, for the machine may be busy.
func TestWrittenSoon(t *testing.T) {
	private(t)
	cfg := configure(t)
	cfg.Filter, cfg.Sync = tcpdump(t, "udp"), true
	r := begin(t, cfg)
	size := func(path string) int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	var packets, events []time.Duration
	for range 15 {
		time.Sleep(120 * time.Millisecond) // what came before is written
		before, began := size(cfg.Capture), time.Now()
		address := socket(t)
		datagrams(t, 1, 1000)
		var packet, event time.Duration
		within(t, "both files have it", func() bool {
			if packet == 0 && size(cfg.Capture) >= before+1000 {
				packet = time.Since(began)
			}
			if event == 0 && bytes.Contains(readFile(t, LogPath(cfg.Capture)), []byte(address)) {
				event = time.Since(began)
			}
			return packet > 0 && event > 0
		})
		packets, events = append(packets, packet), append(events, event)
	}
	r.Stop()
	complete(t, r)
	slices.Sort(packets)
	slices.Sort(events)
	t.Logf("packets %v to %v, events %v to %v", packets[0], packets[14], events[0], events[14])
	if packets[7] > 100*time.Millisecond || events[7] > 100*time.Millisecond {
		t.Errorf("a packet is in its file after %v, an event after %v, want 100 ms", packets[7], events[7])
	}
}

// Packets go through a pipe as whole blocks, soon; when nobody reads any more the
// recording ends by itself, and the log says so.
func TestPipe(t *testing.T) {
	private(t)
	cfg := configure(t)
	cfg.Log, cfg.Filter = LogPath(cfg.Capture), tcpdump(t, "udp")
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	cfg.Capture, cfg.Output = "-", writer
	r := begin(t, cfg)
	packets, err := pcapng.NewReader(reader, "pipe")
	if err != nil {
		t.Fatal(err)
	}
	var took []time.Duration
	for range 9 {
		began := time.Now()
		datagrams(t, 1, 100)
		var rec pcapng.Record
		if err := packets.Next(&rec); err != nil || len(rec.Data) != 142 {
			t.Fatalf("%d bytes, %v", len(rec.Data), err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	if took[4] > 100*time.Millisecond {
		t.Errorf("a packet was read after %v, want 100 ms", took[4])
	}
	reader.Close()
	datagrams(t, 1, 100)
	s, err := r.Wait()
	if !errors.Is(err, syscall.EPIPE) || s.Packets != 9 {
		t.Errorf("%d packets, error %v, want 9 and EPIPE", s.Packets, err)
	}
	log := parseLog(t, readFile(t, cfg.Log))
	if last := log[len(log)-1]; last.Event != "end" || last.Reason != "the packets could not be written" || last.Packets != 9 {
		t.Errorf("the log ends with %+v", last)
	}
}
