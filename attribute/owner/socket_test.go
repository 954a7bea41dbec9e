package owner

import (
	"testing"
	"unsafe"
)

// There may be millions of sockets.
func TestSocketIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Socket{}); n > 72 {
		t.Errorf("a socket takes %d bytes, want 72", n)
	}
}
