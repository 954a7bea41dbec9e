package ingest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// reading reads a capture, one packet after the other (workers is 0) or by a
// Stream, and calls change when a part of it was read.
func reading(t *testing.T, path string, workers int, change func(c *Capture)) (packets int, damage []Damage, err error) {
	t.Helper()
	c := open(t, path)
	if workers == 0 {
		some, err := drainSome(c, 100)
		must(t, err)
		change(c)
		rest, err := drain(c, 100)
		return some + len(rest), c.Damage(), err
	}
	s := c.Stream(context.Background(), workers, 2)
	defer s.Close()
	for n := 0; ; n++ {
		b, err := s.Next()
		if err != nil {
			return packets, c.Damage(), err
		}
		packets += len(b.Packets)
		b.Done()
		if n == 1 {
			change(c)
		}
	}
}

// drainSome reads n packets.
func drainSome(c *Capture, n int) (int, error) {
	batch := newBatch(1, nil)
	for range n {
		batch.next()
	}
	return c.Read(batch.Packets)
}

// A file that is cut or extended while it is read ends with all packets that
// could be read, and with damage that says where and how long the file was.
func TestFileChanges(t *testing.T) {
	file := ng(t, 1000, 9000)
	block := len(pcapng.AppendBlock(nil, binary.LittleEndian, &pcapng.PacketBlock{Data: tcp(t, 1, 500)}))
	for workers := range 3 {
		for name, change := range map[string]struct {
			size int
			says string
		}{
			"cut in a record":     {len(file) * 3 / 4, "the file was cut to"},
			"cut to nearly none":  {100, "the file was cut to"},
			"extended":            {len(file) + block, "the file was extended to"},
			"extended, by little": {len(file) + 1, "the file was extended to"},
		} {
			path := save(t, "big.pcapng", file)
			packets, damage, err := reading(t, path, workers, func(*Capture) { must(t, os.Truncate(path, int64(change.size))) })
			last := Damage{}
			if len(damage) > 0 {
				last = damage[len(damage)-1]
			}
			want := fmt.Sprintf("%s %d bytes while it was read, and had %d", change.says, change.size, len(file))
			if err != io.EOF || last.Message != want || last.File != path || last.Offset != int64(min(len(file), change.size)) {
				t.Errorf("%s, %d workers: %v, damage %+v; want %s", name, workers, err, damage, want)
			}
			if packets == 0 || packets > 9000 || change.size > len(file) && packets != 9000 {
				t.Errorf("%s, %d workers: %d packets", name, workers, packets)
			}
		}
	}
}

// A file that cannot be read any more ends the reading with an error that says
// where, for good.
func TestFileFails(t *testing.T) {
	for workers := range 3 {
		path := save(t, "big.pcapng", ng(t, 1000, 9000))
		packets, _, err := reading(t, path, workers, func(c *Capture) { must(t, c.current.f.Close()) })
		if packets == 0 || packets >= 9000 || !errors.Is(err, fs.ErrClosed) || !strings.HasPrefix(err.Error(), path+": offset 0x") {
			t.Errorf("%d workers: %d packets, %v", workers, packets, err)
		}
	}
}
