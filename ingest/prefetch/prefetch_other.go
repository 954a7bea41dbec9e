//go:build !amd64 && !arm64

package prefetch

import "unsafe"

// Read does nothing here.
func Read(unsafe.Pointer, int) {}

// Write does nothing here.
func Write(unsafe.Pointer, int) {}
