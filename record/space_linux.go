package record

import "golang.org/x/sys/unix"

// freeSpace returns how many bytes an ordinary user may still write.
func freeSpace(folder string) (int64, bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil || s.Blocks == 0 { // a tmpfs without a limit counts nothing
		return 0, false
	}
	return int64(min(s.Bavail, 1<<40)) * int64(s.Bsize), true
}
