package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
	"go.uber.org/goleak"

	"github.com/pcapwho/pcapwho/ingest/packet"
)

// compressions are all that are read.
var compressions = []Compression{Gzip, Zstd, LZ4, XZ}

// compress makes one frame.
func compress(t testing.TB, c Compression, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch c {
	case Gzip:
		w = gzip.NewWriter(&out)
	case Zstd:
		w, err = zstd.NewWriter(&out)
	case LZ4:
		w = lz4.NewWriter(&out)
	case XZ:
		w, err = xz.WriterConfig{DictCap: 1 << 16}.NewWriter(&out)
	}
	must(t, err)
	_, err = w.Write(content)
	must(t, err)
	must(t, w.Close())
	return out.Bytes()
}

// Compressed captures hold the packets of plain ones, in one frame or several,
// from files and from standard input.
func TestCompressed(t *testing.T) {
	file := ng(t, 1000, 3000)
	want, err := drain(open(t, save(t, "plain.pcapng", file)), 100)
	if err != io.EOF {
		t.Fatal(err)
	}
	for _, kind := range compressions {
		one := compress(t, kind, file)
		several := append(compress(t, kind, file[:1000]), compress(t, kind, nil)...)
		several = append(several, compress(t, kind, file[1000:])...)
		for name, packed := range map[string][]byte{"one": one, "several": several} {
			path := save(t, "a", packed)
			stdin(t, packed)
			for _, path := range []string{path, "-"} {
				c := open(t, path)
				all, err := drain(c, 100)
				if err != io.EOF || !slices.Equal(all, want) || len(c.Damage()) > 0 {
					t.Errorf("%s, %s, %s: %d packets of %d, %v, %+v", kind, name, path, len(all), len(want), err, c.Damage())
				}
				if f := c.Files()[0]; f.Compression != kind || f.Format != "pcapng" {
					t.Errorf("%s: %+v", kind, f)
				}
				if done, total := c.Progress(); path != "-" && (done != total || total != int64(len(packed))) {
					t.Errorf("%s: %d of %d bytes, the file has %d", kind, done, total, len(packed))
				}
			}
		}
	}
}

// A compressed file that is cut anywhere gives packets from its beginning, and
// says where it is cut; a byte that is changed never does worse.
func TestCompressedCut(t *testing.T) {
	file := ng(t, 1000, 20)
	whole, _ := drain(open(t, save(t, "plain.pcapng", file)), 100)
	for _, kind := range compressions {
		packed := compress(t, kind, file)
		path := save(t, "a", nil)
		try := func(name string, content []byte, cut bool) {
			must(t, os.WriteFile(path, content, 0o600))
			c, err := Open(path)
			if err != nil {
				return // in its first bytes
			}
			defer c.Close()
			all, err := drain(c, 100)
			if err != io.EOF || len(all) > len(whole) || cut && !slices.Equal(all, whole[:len(all)]) {
				t.Fatalf("%s %s: %d packets, %v", kind, name, len(all), err)
			}
			d := c.Damage()
			if cut && (len(d) != 1 || d[0].Field != string(kind)+" data" || !strings.HasPrefix(d[0].Message, "cut: ") || d[0].Offset != int64(len(content))) {
				t.Fatalf("%s %s: %+v", kind, name, d)
			}
		}
		for n := 6; n < len(packed); n += 1 + n*(1+14*slow)/100 { // headers at every byte
			try("cut", packed[:n], true)
			changed := bytes.Clone(packed)
			changed[n] ^= 0x55
			try("changed", changed, false)
		}
	}
}

// What follows the last frame is told, and costs nothing.
func TestCompressedTrailing(t *testing.T) {
	file := ng(t, 1000, 40)
	for _, kind := range compressions {
		packed := compress(t, kind, file)
		c := open(t, save(t, "a", append(bytes.Clone(packed), "and more"...)))
		all, err := drain(c, 100)
		if err != io.EOF || len(all) != 40 {
			t.Errorf("%s: %d packets, %v", kind, len(all), err)
		}
		want := Damage{File: c.Files()[0].Name, Offset: int64(len(packed)), Field: string(kind) + " data", Message: "followed by bytes that are none, which are left out", Count: 1}
		if d := c.Damage(); len(d) != 1 || d[0] != want {
			t.Errorf("%s: %+v, want %+v", kind, d, want)
		}
		if kind == Gzip || kind == XZ { // padding
			c := open(t, save(t, "a", append(bytes.Clone(packed), make([]byte, 512)...)))
			if all, err := drain(c, 100); err != io.EOF || len(all) != 40 || len(c.Damage()) > 0 {
				t.Errorf("%s, padded: %d packets, %v, %+v", kind, len(all), err, c.Damage())
			}
		}
	}
}

// The limit ends the reading with what came before it.
func TestMaxDecompressed(t *testing.T) {
	file := ng(t, 1000, 400)
	for _, kind := range compressions {
		path := save(t, "a", compress(t, kind, file))
		for limit, want := range map[int64]int{int64(len(file)): 400, int64(len(file)) + 1: 400, int64(len(file)) / 2: 200, 0: 400} {
			c, err := Config{MaxDecompressed: limit}.Open(path)
			must(t, err)
			all, err := drain(c, 100)
			must(t, c.Close())
			if d := c.Damage(); err != io.EOF || len(all) < want || want == 400 != (len(d) == 0) {
				t.Errorf("%s, limit %d: %d packets, %v, %+v", kind, limit, len(all), err, d)
			} else if len(d) > 0 && !strings.HasSuffix(d[0].Message, "the limit that --max-decompressed sets") {
				t.Errorf("%s, limit %d: %+v", kind, limit, d)
			}
		}
	}
}

// Every kind of checksum and several blocks of xz are read; what cannot be is
// refused: other filters, dictionaries beyond the limit.
func TestXZ(t *testing.T) {
	file := ng(t, 1000, 200)
	for _, sum := range []byte{xz.CRC32, xz.CRC64, xz.SHA256, xz.None} {
		var out bytes.Buffer
		w, err := xz.WriterConfig{DictCap: 1 << 16, BlockSize: 5000, CheckSum: sum, NoCheckSum: sum == xz.None}.NewWriter(&out)
		must(t, err)
		_, err = w.Write(file)
		must(t, err)
		must(t, w.Close())
		in, err := openContent(bytes.NewReader(out.Bytes()), "x", 0, aheadSize)
		must(t, err)
		back, err := io.ReadAll(in)
		if err != nil || !bytes.Equal(back, file) {
			t.Errorf("checksum %d: %d bytes of %d, %v", sum, len(back), len(file), err)
		}
	}
	for want, b := range map[string][]byte{
		"a dictionary of 268435456 bytes, the limit is 134217728": {0, 0x21, 1, 32},
		"2 filters, of which the first is 0x4":                    {1, 0x04, 0, 0},
		"malformed block header":                                  {0xc0, 1},
	} {
		if _, err := xzDictionary(b); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("% x: %v, want %q", b, err, want)
		}
	}
	if n, err := xzDictionary([]byte{0xc0, 0x81, 1, 2, 0x21, 1, 0}); err != nil || n != 4096 {
		t.Errorf("%d, %v", n, err)
	}
}

// A file that nobody reads to its end leaves no goroutine behind.
func TestCompressedClose(t *testing.T) {
	defer goleak.VerifyNone(t)
	file := ng(t, 1000, 50_000)
	for _, kind := range []Compression{Gzip, Zstd, LZ4} {
		path := save(t, "a", compress(t, kind, file))
		for n := range 3 {
			c, err := Open(path, path)
			must(t, err)
			if n > 0 {
				_, err = c.Read(make([]packet.Packet, n))
				must(t, err)
			}
			must(t, c.Close())
		}
	}
}

// An error of the file is not one of its content.
func TestCompressedSourceError(t *testing.T) {
	broken := errors.New("the disk is gone")
	packed := compress(t, Gzip, ng(t, 1000, 4000))
	in, err := openContent(io.MultiReader(bytes.NewReader(packed[:len(packed)/2]), errReader{broken}), "a.gz", 0, aheadSize)
	must(t, err)
	defer in.close()
	n, err := io.Copy(io.Discard, in)
	if n == 0 || !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "a.gz: offset 0x") {
		t.Errorf("%d bytes, %v", n, err)
	}
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

// bomb is a capture's beginning and then zeros without end, nearly: 160 times
// 64 MiB.
func bomb(t testing.TB, c Compression) []byte {
	t.Helper()
	packed := compress(t, c, ng(t, 1000, 2))
	return append(packed, bytes.Repeat(compress(t, c, make([]byte, 64<<20)), 160)...)
}

// Ten gigabytes of zeros end at the limit, in bounded memory, with a message
// that names it.
func TestBombs(t *testing.T) {
	limit := int64(512 << 20 >> (3 * slow))
	for _, kind := range []Compression{Gzip, Zstd} {
		path := save(t, "bomb", bomb(t, kind))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c, err := Config{MaxDecompressed: limit}.Open(path)
		must(t, err)
		all, err := drain(c, 100)
		runtime.ReadMemStats(&after)
		must(t, c.Close())
		d := c.Damage()
		if err != io.EOF || len(all) != 2 || len(d) != 2 {
			t.Fatalf("%s: %d packets, %v, %+v", kind, len(all), err, d)
		}
		if last := d[1]; last.Field != "decompressed size" || last.Message != fmt.Sprintf("of more than %d bytes, the limit that --max-decompressed sets", limit) {
			t.Errorf("%s: %+v", kind, last)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
			t.Errorf("%s: %d bytes were allocated", kind, n)
		}
	}
}

// BenchmarkDecompress compares, over the same file, what the decompressor
// takes alone with reading the packets of it.
func BenchmarkDecompress(b *testing.B) {
	file := ng(b, 1, 60_000)
	for _, kind := range compressions {
		packed := compress(b, kind, file)
		b.Run(string(kind)+"/alone", func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				u := newUnpacker(bytes.NewReader(packed), "x", kind, 0)
				_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, u, make([]byte, aheadSize))
				must(b, err)
				u.close()
			}
		})
		c := open(b, save(b, "a", packed))
		batch := make([]packet.Packet, 1024)
		b.Run(string(kind)+"/packets", func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				must(b, c.Rewind())
				for {
					if _, err := c.Read(batch); err == io.EOF {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
