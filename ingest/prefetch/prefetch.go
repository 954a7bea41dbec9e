//go:build amd64 || arm64

package prefetch

import "unsafe"

// Read asks for n bytes at p, which are going to be read, in steps of 64 from p on: the last
// line of what does not begin with one may be missing. n is more than 0.
//
//go:noescape
func Read(p unsafe.Pointer, n int)

// Write asks for n bytes at p, which are going to be written, as Read does.
//
//go:noescape
func Write(p unsafe.Pointer, n int)
