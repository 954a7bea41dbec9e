//go:build !linux

package record

import "runtime"

func kernel() string { return runtime.GOOS }

func bootID() string { return "" }
