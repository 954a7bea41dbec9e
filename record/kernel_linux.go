package record

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// kernel returns the kernel's name and release.
func kernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
}

// bootID tells one boot of one machine from all others.
func bootID() string {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // unknown where it cannot be read
	return strings.TrimSpace(string(text))
}
