package ingest

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// FuzzCompressed holds that whatever is in a compressed file, its reading ends
// with io.EOF or damage, gives no more than its limit, the same in small reads,
// in bounded memory; and that what is compressed comes back.
func FuzzCompressed(f *testing.F) {
	file := ng(f, 1000, 3)
	for _, kind := range compressions {
		packed := compress(f, kind, file)
		f.Add(packed)
		f.Add(append(bytes.Clone(packed), packed...))
		f.Add(append(bytes.Clone(packed), 0, 0, 0, 0, 'x'))
	}
	const limit = 1 << 20
	f.Fuzz(func(t *testing.T, file []byte) {
		read := func(size int) ([]byte, error) {
			in, err := openContent(bytes.NewReader(file), "x", limit, aheadSize)
			must(t, err)
			defer in.close()
			var out []byte
			for p := make([]byte, size); ; {
				n, err := in.Read(p)
				out = append(out, p[:n]...)
				if err != nil {
					if in.compression != "" && (in.used() > int64(len(file)) || err == io.EOF && in.used() != int64(len(file))) {
						t.Fatalf("%d bytes were used of a file of %d, which ends with %v", in.used(), len(file), err)
					}
					return out, err
				}
				if len(out) > limit && in.compression != "" || len(out) > len(file)+limit {
					t.Fatalf("%d bytes, the limit is %d", len(out), limit)
				}
			}
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		large, err := read(64 << 10)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 16*uint64(len(file)+limit)+2*maxWindow+16<<20 {
			t.Fatalf("%d bytes were allocated for a file of %d", n, len(file))
		}
		var damage *pcapng.FormatError
		if err != io.EOF && (!errors.As(err, &damage) || damage.Offset > int64(len(file)) || damage.Offset < 0 || damage.Text == "") {
			t.Fatalf("ends with %v", err)
		}
		small, again := read(7 + len(file)%100)
		if !bytes.Equal(large, small) || (err == io.EOF) != (again == io.EOF) {
			t.Fatalf("%d bytes, %v; in small reads %d bytes, %v", len(large), err, len(small), again)
		}
		for _, kind := range []Compression{Gzip, LZ4} {
			in, err := openContent(bytes.NewReader(compress(t, kind, file)), "x", 0, aheadSize)
			must(t, err)
			back, err := io.ReadAll(in)
			in.close()
			if err != nil || !bytes.Equal(back, file) {
				t.Fatalf("%s: %d bytes of %d came back, %v", kind, len(back), len(file), err)
			}
		}
	})
}
