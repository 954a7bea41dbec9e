package prefetch

import (
	"testing"
	"unsafe"
)

// Memory is as it was, whatever is asked for: not all of it, or more than there is.
func TestPrefetch(t *testing.T) {
	b := make([]byte, 1<<12)
	for i := range b {
		b[i] = byte(i)
	}
	for _, n := range []int{1, 64, 65, 128, len(b), 1 << 20} {
		Read(unsafe.Pointer(&b[7]), n)
		Write(unsafe.Pointer(&b[7]), n)
	}
	for i := range b {
		if b[i] != byte(i) {
			t.Fatalf("byte %d is %d", i, b[i])
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	var line [128]byte
	for b.Loop() {
		Write(unsafe.Pointer(&line), len(line))
	}
}
