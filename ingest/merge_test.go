package ingest

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// timed is a pcapng file with a packet at each time, in nanoseconds, marked as
// one of process pid, on an interface named after it. The packets' source port
// is their time; 0 is written as a packet without a time.
func timed(t testing.TB, pid uint32, times ...int64) []byte {
	t.Helper()
	le := binary.LittleEndian
	file := pcapng.AppendBlock(nil, le, &pcapng.SectionBlock{Major: 1, Length: -1})
	file = pcapng.AppendBlock(file, le, &pcapng.InterfaceBlock{LinkType: pcapng.LinkEthernet,
		Options: pcapng.Options{pcapng.TextOption(pcapng.InterfaceName, fmt.Sprint("if", pid)), {Code: pcapng.InterfaceTsresol, Value: []byte{9}}}})
	for _, at := range times {
		data := tcp(t, uint16(at), 1)
		if at == 0 {
			file = pcapng.AppendBlock(file, le, &pcapng.SimplePacketBlock{WireLength: uint32(len(data)), Data: data})
			continue
		}
		file = pcapng.AppendBlock(file, le, &pcapng.PacketBlock{Timestamp: uint64(at), WireLength: uint32(len(data)), Data: data,
			Options: pcapng.Options{{Code: pcapng.PacketProcess, Value: le.AppendUint32(le.AppendUint32(nil, pid), 0)}}})
	}
	return file
}

// stream reads everything by a Stream.
func stream(t testing.TB, c *Capture, workers int) (all []packet.Packet) {
	t.Helper()
	s := c.Stream(context.Background(), workers, 1)
	defer s.Close()
	for {
		b, err := s.Next()
		if err == io.EOF {
			return all
		}
		must(t, err)
		b.Number()
		for _, p := range b.Packets {
			p.Body = 0
			all = append(all, p)
		}
		b.Done()
	}
}

func ports(all []packet.Packet) (p []uint16) {
	for i := range all {
		p = append(p, all[i].Tuple.SourcePort)
	}
	return p
}

// Files come in the order of their first packets' times; those without one
// last; merged their packets do.
func TestOrder(t *testing.T) {
	a, b := save(t, "z.pcapng", timed(t, 1, 10, 20, 40)), save(t, "a.pcapng", timed(t, 2, 30, 50))
	late, none := save(t, "b.pcapng", timed(t, 3, 60)), save(t, "0.pcapng", timed(t, 4))
	untimed := save(t, "1.pcapng", timed(t, 5, 0, 0))
	for _, tt := range []struct {
		order Order
		paths []string
		want  []uint16
	}{
		{AsGiven, []string{b, a}, []uint16{30, 50, 10, 20, 40}},
		{ByTime, []string{late, b, none, a}, []uint16{10, 20, 40, 30, 50, 60}},
		{ByTime, []string{untimed, b, a}, []uint16{10, 20, 40, 30, 50, 0, 0}},
		{Merged, []string{late, b, none, a}, []uint16{10, 20, 30, 40, 50, 60}},
		{Merged, []string{untimed, b, a}, []uint16{10, 20, 30, 40, 50, 0, 0}},
		{Merged, []string{b}, []uint16{30, 50}},
	} {
		c, err := Config{Order: tt.order}.Open(tt.paths...)
		must(t, err)
		for range 2 {
			all, err := drain(c, 2)
			if got := ports(all); err != io.EOF || !slices.Equal(got, tt.want) {
				t.Errorf("%v: %v, %v; want %v", tt.order, got, err, tt.want)
			}
			if done, total := c.Progress(); done != total || total == 0 {
				t.Errorf("%v: progress %d of %d", tt.order, done, total)
			}
			must(t, c.Rewind())
		}
		if got := ports(stream(t, c, 2)); !slices.Equal(got, tt.want) {
			t.Errorf("%v, as a stream: %v, want %v", tt.order, got, tt.want)
		}
		for _, f := range c.Files() {
			if f.Name == a && (f.First != 10 || f.Last != 40) || f.Name == none && f.First != 0 {
				t.Errorf("%v: %s from %d to %d", tt.order, f.Name, f.First, f.Last)
			}
		}
		must(t, c.Close())
	}
}

// However files overlap, however many there are and however they are
// compressed, merging is a stable sort, and every packet keeps its interface
// and its process. No more than maxOpen files are open.
func TestMerge(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	type one struct {
		at   int64
		file int
	}
	for _, n := range []int{2, 5, maxOpen + 40} {
		var paths []string
		var want []one
		var firsts []int64
		for i := range n {
			var times []int64
			for at := int64(1 + random.IntN(300)); len(times) < 6; at += random.Int64N(200) {
				times = append(times, at)
			}
			name, file := fmt.Sprintf("%d.pcapng", i), timed(t, uint32(100+i), times...)
			if i%3 == 1 {
				file = compress(t, Gzip, file)
			}
			paths = append(paths, save(t, name, file))
			firsts = append(firsts, times[0])
			for _, at := range times {
				want = append(want, one{at, i})
			}
		}
		slices.SortStableFunc(want, func(a, b one) int {
			return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(firsts[a.file], firsts[b.file]), cmp.Compare(a.file, b.file))
		})
		c, err := Config{Order: Merged}.Open(paths...)
		must(t, err)
		before := descriptors(t)
		all := make([]packet.Packet, len(want)/2)
		k, err := c.Read(all)
		must(t, err)
		if open := descriptors(t) - before; open > maxOpen+2 {
			t.Errorf("%d files: %d are open", n, open)
		}
		rest, err := drain(c, 100)
		if all = append(all[:k], rest...); err != io.EOF || len(all) != len(want) {
			t.Fatalf("%d files: %d packets, %v; want %d", n, len(all), err, len(want))
		}
		for i, p := range all {
			f := c.Interfaces()[p.Interface]
			got := one{p.Time, slices.Index(paths, c.Files()[f.File].Name)}
			if pid := c.Marks()[p.Mark-1].PID; got != want[i] || pid != int32(100+got.file) || f.Name != fmt.Sprint("if", pid) || p.Frame != uint64(i+1) {
				t.Fatalf("%d files: packet %d is %v of process %d on %s, want %v", n, i, got, pid, f.Name, want[i])
			}
		}
		if done, total := c.Progress(); done != total {
			t.Errorf("%d files: progress %d of %d", n, done, total)
		}
		must(t, c.Close())
		if left := descriptors(t) - before; left > 0 {
			t.Errorf("%d files: %d are left open", n, left)
		}
	}
}

// descriptors returns how many files this process has open, 0 where the system
// does not tell.
func descriptors(t testing.TB) int {
	t.Helper()
	list, _ := os.ReadDir("/proc/self/fd")
	return len(list)
}

// Five hundred files that all overlap take a bounded buffer each.
func TestMergeMemory(t *testing.T) {
	var paths []string
	dir := t.TempDir()
	for i := range 500 {
		path := filepath.Join(dir, fmt.Sprint(i))
		must(t, os.WriteFile(path, ng(t, 1, 300), 0o600))
		paths = append(paths, path)
	}
	c, err := Config{Order: Merged}.Open(paths...)
	must(t, err)
	defer c.Close()
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	batch, n, most := make([]packet.Packet, 4096), 0, uint64(0)
	for {
		k, err := c.Read(batch)
		n += k
		runtime.GC()
		runtime.ReadMemStats(&now)
		most = max(most, now.HeapAlloc-min(before.HeapAlloc, now.HeapAlloc))
		if err == io.EOF {
			break
		}
		must(t, err)
	}
	if limit := uint64(500 * 80 << 10); n != 500*300 || most > limit {
		t.Errorf("%d packets in %d bytes, want %d in at most %d", n, most, 500*300, limit)
	}
}

// Of several files those that cannot be read are left out, and told.
func TestLenient(t *testing.T) {
	good, more := save(t, "good.pcapng", timed(t, 1, 10, 20)), save(t, "more.pcapng", timed(t, 2, 5))
	missing := filepath.Join(t.TempDir(), "missing.pcapng")
	empty, text, cut := save(t, "empty.pcapng", nil), save(t, "text", []byte("hello")), save(t, "cut.pcapng", timed(t, 3, 30, 40)[:150])
	for _, order := range []Order{AsGiven, ByTime, Merged} {
		cfg := Config{Order: order, Lenient: true}
		c, err := cfg.Open(missing, good, empty, text, cut, more, t.TempDir())
		must(t, err)
		want := []uint16{5, 10, 20}
		if order == AsGiven {
			want = []uint16{10, 20, 5}
		}
		for range 2 {
			all, err := drain(c, 10)
			if got := ports(all); err != io.EOF || !slices.Equal(got, want) {
				t.Errorf("%v: %v, %v; want %v", order, got, err, want)
			}
			var told []string
			for _, d := range c.Damage() {
				told = append(told, filepath.Base(d.File)+": "+d.Message)
			}
			if s := strings.Join(told, "\n"); len(told) != 5 || !strings.Contains(s, "missing.pcapng: left out: ") || !strings.Contains(s, "empty.pcapng: left out: empty, want a pcapng or pcap capture") ||
				!strings.Contains(s, "text: left out: begins with bytes 68656c6c") || !strings.Contains(s, "left out: a folder") || !strings.Contains(s, "cut.pcapng: ") {
				t.Errorf("%v: damage is\n%s", order, s)
			}
			must(t, c.Rewind())
		}
		if _, err := cfg.Open(empty, missing); err == nil || !strings.Contains(err.Error(), "empty, want") {
			t.Errorf("%v: none can be read: %v", order, err)
		}
		if _, err := cfg.Open(empty); err == nil {
			t.Errorf("%v: the only one cannot be read, and that is no error", order)
		}
	}
}

// A file that goes away costs its rest.
func TestLenientFileGone(t *testing.T) {
	for _, order := range []Order{ByTime, Merged} {
		gone := save(t, "gone.pcapng", timed(t, 1, 30))
		c, err := Config{Order: order, Lenient: true}.Open(save(t, "a", timed(t, 1, 10, 40)), gone, save(t, "b", timed(t, 1, 20)))
		must(t, err)
		must(t, os.Remove(gone))
		all, err := drain(c, 10)
		if err != io.EOF || len(all) != 3 || len(c.Damage()) != 1 || c.Damage()[0].File != gone {
			t.Errorf("%d packets, %v, damage %v", len(all), err, c.Damage())
		}
		must(t, c.Close())
	}
}

// A file that is opened for each read is the same each time.
func TestVisited(t *testing.T) {
	path := save(t, "a", []byte("hello, world"))
	info, err := os.Stat(path)
	must(t, err)
	v := &visited{path: path, was: info}
	b := make([]byte, 7)
	if n, err := v.Read(b); n != 7 || err != nil || string(b) != "hello, " {
		t.Errorf("%q, %v", b[:n], err)
	}
	other := save(t, "b", []byte("other bytes and more"))
	must(t, os.Rename(other, path))
	if _, err := v.Read(b); err == nil || !strings.Contains(err.Error(), "it was replaced") {
		t.Errorf("another file: %v", err)
	}
	must(t, os.Remove(path))
	if _, err := v.Read(b); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
}

// A file that cannot be read to its end costs what is left of it, on both
// passes.
func TestLenientRest(t *testing.T) {
	for _, order := range []Order{ByTime, Merged} {
		c, err := Config{Order: order, Lenient: true}.Open(save(t, "a", timed(t, 1, 10, 30)), save(t, "b", timed(t, 1, 20, 40)))
		must(t, err)
		for range 2 {
			batch := make([]packet.Packet, 1)
			_, err = c.Read(batch)
			must(t, err)
			broken := c.current
			if order == Merged {
				broken = c.merge.heads[0].source
				for _, h := range c.merge.heads {
					if h.file == 0 {
						broken = h.source
					}
				}
			}
			broken.reader.Continue(errReader{errors.New("disk on fire")}, 0, 0)
			all, err := drain(c, 10)
			if len(all) < 2 || err != io.EOF || len(c.Damage()) != 1 || !strings.HasSuffix(c.Damage()[0].Message, "disk on fire") {
				t.Errorf("%v: %d packets, %v, damage %v", order, len(all), err, c.Damage())
			}
			if c.Files()[0].LeftOut {
				t.Errorf("%v: all of it was left out", order)
			}
			must(t, c.Rewind())
		}
		must(t, c.Close())
	}
}

// Merging gives the order that mergecap gives.
func TestMergecap(t *testing.T) {
	mergecap := need.Tool(t, "mergecap")
	random := rand.New(rand.NewPCG(7, 8))
	var paths []string
	port := int64(1000)
	for i := range 5 {
		var times []int64
		for range 40 {
			times = append(times, port*1000+random.Int64N(20_000)) // not quite in order
			port += random.Int64N(3)
		}
		port -= 50
		slices.Sort(times)
		paths = append(paths, save(t, fmt.Sprint(i), timed(t, uint32(i+1), times...)))
	}
	merged := filepath.Join(t.TempDir(), "merged.pcapng")
	if out, err := exec.Command(mergecap, append([]string{"-w", merged}, paths...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c, err := Config{Order: Merged}.Open(paths...)
	must(t, err)
	defer c.Close()
	ours, err := drain(c, 64)
	theirs, also := drain(open(t, merged), 64)
	if err != io.EOF || also != io.EOF || len(ours) != 200 || !slices.EqualFunc(ours, theirs, func(a, b packet.Packet) bool { return a.Time == b.Time && a.Tuple == b.Tuple }) {
		t.Errorf("%d packets, %v; mergecap has %d, %v, or another order", len(ours), err, len(theirs), also)
	}
}
