package slab

import (
	"syscall"
	"unsafe"
)

// preferHuge asks for huge pages where b lies (madvise(2), MADV_HUGEPAGE). It is no more
// than advice, of which a little goes to what lies beside: what the kernel answers does
// not count.
func preferHuge(b []byte) {
	const page = 2 << 20 // of most processors; where they are larger there are fewer
	begin := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	end := begin + uintptr(len(b))
	begin, end = begin/page*page, (end+page-1)/page*page
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, begin, end-begin, syscall.MADV_HUGEPAGE)
}
