//go:build amd64 || arm64

package prefetch

import "unsafe"

// Read asks for n bytes at p, which are going to be read: for the cache line of each 64th
// byte from p on, so that the last may be missing where p is not at the beginning of one.
// n is more than 0.
//
//go:noescape
func Read(p unsafe.Pointer, n int)

// Write asks for n bytes at p, which are going to be written, as Read does.
//
//go:noescape
func Write(p unsafe.Pointer, n int)
