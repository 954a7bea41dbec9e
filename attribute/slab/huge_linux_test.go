package slab

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// What is large has huge pages, where the system gives any.
func TestMake(t *testing.T) {
	if need.Slow {
		t.Skip("emulators and the race detector have memory of their own")
	}
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage"); err != nil {
		need.Missing(t, "needs a kernel with huge pages")
	}
	const n = 1 << 20
	s := Make[uint64](n)
	if len(s) != n || s[0] != 0 || s[n-1] != 0 {
		t.Fatalf("%d elements, want %d zero ones", len(s), n)
	}
	for _, at := range []int{0, n / 2, n - 1} {
		if !advised(t, uintptr(unsafe.Pointer(&s[at]))) {
			t.Errorf("element %d: huge pages are not asked for", at)
		}
	}
}

// advised tells whether huge pages are asked for at an address ("hg" of VmFlags in
// proc_pid_smaps(5)).
func advised(t *testing.T, address uintptr) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(text)) {
		var begin, end uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x ", &begin, &end); n == 2 {
			inside = begin <= address && address < end
		}
		if inside && strings.HasPrefix(line, "VmFlags:") {
			return strings.Contains(line, " hg")
		}
	}
	t.Fatalf("nothing is mapped at %x", address)
	return false
}
