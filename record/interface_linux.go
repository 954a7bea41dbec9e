package record

import (
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// hardwareType returns the interface's ARPHRD_* number. It asks the kernel of
// this network namespace: /sys shows the one that it was mounted in.
func hardwareType(i net.Interface) uint16 {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(i.Name)
	if err != nil || unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, request) != nil {
		return 0
	}
	return request.Uint16() // ifr_hwaddr.sa_family
}

// networkNamespace and pidNamespace return the inode numbers of the calling
// thread's namespaces, 0 where /proc does not tell.
func networkNamespace() uint64 { return inodeOf("/proc/thread-self/ns/net") }
func pidNamespace() uint64     { return inodeOf("/proc/thread-self/ns/pid") }

func inodeOf(path string) uint64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Ino)
	}
	return 0
}
