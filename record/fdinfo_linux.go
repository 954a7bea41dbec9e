package record

import (
	"bytes"
	"cmp"
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// infos calls f with the number of each descriptor that a process has and what fdinfo says
// of it (proc_pid_fdinfo(5)), valid during the call. That takes twice as long as descriptors,
// and does not wait for a process that executes a program, which a link does until the
// memory of the old one is given back.
func (r processReader) infos(pid int32, f func(number uint64, info []byte)) error {
	dir, err := unix.Openat(r.dir, strconv.Itoa(int(pid))+"/fdinfo", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	var refused error
	err = eachEntry(dir, r.entries, func(name []byte) {
		fd, ok := number(name)
		if !ok {
			return
		}
		info, err := r.info(dir, string(name))
		if errors.Is(err, unix.EACCES) {
			refused = err
		}
		if err == nil {
			f(fd, info)
		}
	})
	return cmp.Or(err, refused)
}

// info reads what is said of a descriptor.
func (r processReader) info(dir int, name string) ([]byte, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, r.link)
	return r.link[:max(n, 0)], err
}

// mounts are those of the kernel's own that descriptors are of in fdinfo.
type mounts struct {
	sockets   uint64 // 0 = fdinfo does not tell inodes (before Linux 5.14)
	anonymous uint64 // of what has no name, as io_uring
}

// mounts returns them, by a socket of this process.
func (r processReader) mounts(socket int) (m mounts) {
	own := func(fd int) []byte { return r.readFile("thread-self/fdinfo/" + strconv.Itoa(fd)) }
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return m
	}
	defer unix.Close(event)
	m.anonymous = infoField(own(event), "mnt_id")
	if info := own(socket); infoField(info, "ino") != 0 {
		m.sockets = infoField(info, "mnt_id")
	}
	return m
}

// descriptor reads of which socket one is, 0 = of none, and whether others can be passed on
// by it: a Unix socket, or what may be an io_uring, which says so only when nobody uses it.
func (m mounts) descriptor(info []byte) (inode uint64, passes bool) {
	has := func(field string) bool { return bytes.Contains(info, []byte("\n"+field+":")) }
	switch infoField(info, "mnt_id") {
	case m.sockets:
		return infoField(info, "ino"), has("scm_fds")
	case m.anonymous:
		return 0, !has("eventfd-count") && !has("tfd") // epoll's
	}
	return 0, false
}

// infoField reads a number of fdinfo, 0 where it is not told.
func infoField(info []byte, name string) uint64 {
	for line := range bytes.Lines(info) {
		if key, value, _ := bytes.Cut(line, []byte(":")); string(key) == name {
			n, _ := number(bytes.TrimSpace(value))
			return n
		}
	}
	return 0
}
