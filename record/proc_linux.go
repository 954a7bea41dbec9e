package record

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// tick is the unit of /proc/PID/stat's start time: USER_HZ is 100 on every
// architecture that Go runs on.
const tick = int64(1e9 / 100)

// processReader reads /proc (proc(5)). One goroutine uses it.
type processReader struct {
	dir     int   // /proc
	boot    int64 // Unix nanoseconds of the boot, fixed for the run: one process is never two
	entries []byte
	text    []byte
	link    []byte
	name    []byte
}

func newProcessReader() (processReader, error) {
	dir, err := unix.Open("/proc", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return processReader{}, &Error{Message: "/proc cannot be read", Hint: "mount it: mount -t proc proc /proc", Status: statusFailed, Err: err}
	}
	boot, now := clocks()
	return readerOf(dir, now-boot), nil
}

func readerOf(dir int, boot int64) processReader {
	return processReader{dir: dir, boot: boot, entries: make([]byte, 64<<10), text: make([]byte, 16<<10), link: make([]byte, 4096), name: make([]byte, 0, 32)}
}

// another returns a reader for another goroutine, that knows the same processes. It is
// closed with the first.
func (r processReader) another() processReader { return readerOf(r.dir, r.boot) }

func (r processReader) close() { unix.Close(r.dir) }

// pids appends the PID of every process to list.
func (r processReader) pids(list []int32) ([]int32, error) {
	dir, err := unix.Openat(r.dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return list, os.NewSyscallError("open /proc", err)
	}
	defer unix.Close(dir)
	err = eachEntry(dir, r.entries, func(name []byte) {
		if pid, ok := number(name); ok && pid <= 1<<30 {
			list = append(list, int32(pid))
		}
	})
	return list, err
}

// face reads who has a PID now.
func (r processReader) face(pid int32) (f face, ok bool) {
	text := r.read(pid, "stat")
	// pid (comm) state ppid …: comm may hold anything, parentheses too.
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return f, false
	}
	fields := bytes.Fields(text[end+1:])
	if len(fields) < 20 {
		return f, false
	}
	parent, _ := number(fields[1])
	ticks, ok := number(fields[19]) // field 22, starttime
	group, _ := number(fields[2])
	session, _ := number(fields[3])
	f = face{start: r.boot + int64(ticks)*tick, parent: int32(parent), name: string(text[open+1 : end]),
		group: int32(group), session: int32(session), zombie: fields[0][0] == 'Z'}
	f.exe = r.readlink(pid, "exe")
	return f, ok
}

// start reads only when the process with a PID began.
func (r processReader) start(pid int32) (int64, bool) {
	text := r.read(pid, "stat")
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return 0, false
	}
	ticks, ok := number(fields[19])
	return r.boot + int64(ticks)*tick, ok
}

// describe reads what face leaves out. What cannot be read stays unknown.
func (r processReader) describe(pid int32) connlog.Process {
	p := connlog.Process{UID: -1}
	for line := range bytes.Lines(r.read(pid, "status")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		fields := bytes.Fields(value)
		switch {
		case len(fields) == 0:
		case string(name) == "Uid":
			if uid, ok := number(fields[0]); ok {
				p.UID = int64(uid)
			}
		case string(name) == "NSpid":
			if own, ok := number(fields[len(fields)-1]); ok && len(fields) > 1 {
				p.NSPID = int32(own)
			}
		}
	}
	if line := bytes.TrimSuffix(r.read(pid, "cmdline"), []byte{0}); len(line) > 0 {
		p.Args = cutArgs(strings.Split(string(line), "\x00"))
	}
	p.Cgroup = cgroup(string(r.read(pid, "cgroup")))
	p.Container = container(p.Cgroup)
	if name := r.readlink(pid, "ns/net"); strings.HasPrefix(name, "net:[") {
		p.Namespace, _ = strconv.ParseUint(strings.TrimSuffix(name[5:], "]"), 10, 64)
	}
	return p
}

// sockets appends the sockets that a process holds to list. It fails where this
// process has no right to look: at the list (CAP_DAC_READ_SEARCH) or at what
// stands in it (CAP_SYS_PTRACE).
func (r processReader) sockets(pid int32, list []descriptor) ([]descriptor, error) {
	err := r.descriptors(pid, func(number uint64, link []byte) {
		if inode, ok := socketInode(link); ok {
			list = append(list, descriptor{uint32(number), inode})
		}
	})
	return list, err
}

// descriptors calls f with the number of each that a process has and what it leads
// to, valid during the call. Those of one whose first thread has ended another thread has.
func (r processReader) descriptors(pid int32, f func(number uint64, link []byte)) error {
	folder := strconv.Itoa(int(pid))
	any, err := r.descriptorsIn(folder, f)
	if any || err != nil {
		return err
	}
	if thread, ok := r.survivor(pid); ok {
		_, err = r.descriptorsIn(folder+"/task/"+thread, f)
	}
	return err
}

// descriptorsIn is descriptors of a folder of /proc; any tells whether there were some.
func (r processReader) descriptorsIn(folder string, f func(number uint64, link []byte)) (any bool, err error) {
	dir, err := unix.Openat(r.dir, folder+"/fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	defer unix.Close(dir)
	var refused error
	err = eachEntry(dir, r.entries, func(name []byte) {
		fd, ok := number(name)
		if !ok {
			return
		}
		any = true
		n, err := unix.Readlinkat(dir, string(name), r.link)
		if errors.Is(err, unix.EACCES) {
			refused = err
		}
		if err == nil {
			f(fd, r.link[:n])
		}
	})
	return any, cmp.Or(err, refused)
}

// survivor returns a thread of a process that goes on where its first one has ended,
// and nobody may look at what that had.
func (r processReader) survivor(pid int32) (thread string, ok bool) {
	folder := strconv.Itoa(int(pid))
	if flags, threads, ok := r.flags(folder); !ok || threads < 2 || flags&exiting == 0 {
		return "", false
	}
	threads := r.threads(pid)
	i := slices.IndexFunc(threads, func(thread string) bool {
		flags, _, ok := r.flags(folder + "/task/" + thread)
		return ok && flags&exiting == 0
	})
	if i < 0 {
		return "", false
	}
	return threads[i], true
}

// holds tells whether a process still has that socket under that number.
func (r processReader) holds(pid int32, f descriptor) bool {
	name := append(strconv.AppendInt(r.name[:0], int64(pid), 10), "/fd/"...)
	name = strconv.AppendUint(name, uint64(f.number), 10)
	n, err := unix.Readlinkat(r.dir, string(name), r.link)
	if errors.Is(err, unix.ENOENT) {
		if thread, ok := r.survivor(pid); ok {
			n, err = unix.Readlinkat(r.dir, fmt.Sprintf("%d/task/%s/fd/%d", pid, thread, f.number), r.link)
		}
	}
	if err != nil {
		return false
	}
	inode, ok := socketInode(r.link[:n])
	return ok && inode == f.inode
}

// socketInode reads "socket:[4711]".
func socketInode(link []byte) (uint64, bool) {
	const prefix = "socket:["
	if len(link) <= len(prefix) || string(link[:len(prefix)]) != prefix {
		return 0, false
	}
	return number(link[len(prefix) : len(link)-1])
}

// receives tells whether a thread of a process, of those that are listed, waits to receive
// from a socket.
func (r processReader) receives(pid int32, inode uint64) bool {
	return slices.ContainsFunc(r.threads(pid), func(thread string) bool {
		d, ok := receiving(r.read(pid, "task/"+thread+"/syscall"))
		return ok && r.holds(pid, descriptor{d, inode})
	})
}

const maxThreads = 64

// threads lists the threads of a process, maxThreads at most.
func (r processReader) threads(pid int32) (threads []string) {
	dir, err := unix.Openat(r.dir, strconv.Itoa(int(pid))+"/task", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(dir)
	_ = eachEntry(dir, r.entries, func(name []byte) { // what is there
		if _, ok := number(name); ok && len(threads) < maxThreads {
			threads = append(threads, string(name))
		}
	})
	return threads
}

// receiving reads of which descriptor a thread waits to receive (proc_pid_syscall(5)):
// number of the call, and its arguments.
func receiving(text []byte) (descriptor uint32, ok bool) {
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0, false // it runs
	}
	call, err := strconv.Atoi(string(fields[0]))
	if err != nil || !slices.Contains([]int{unix.SYS_READ, unix.SYS_READV, unix.SYS_RECVFROM, unix.SYS_RECVMSG}, call) {
		return 0, false
	}
	d, err := strconv.ParseUint(string(fields[1]), 0, 32)
	return uint32(d), err == nil
}

// mayHold tells whether a process can use what it holds: not so are kernel threads, and
// processes all threads of which have begun to end, whose files nobody may list from then
// on.
func (r processReader) mayHold(pid int32) bool {
	flags, threads, ok := r.flags(strconv.Itoa(int(pid)))
	switch {
	case ok && flags&(kernelThread|exiting) == 0:
		return true
	case !ok || flags&kernelThread != 0 || threads < 2:
		return false
	}
	list := r.threads(pid)
	return len(list) == maxThreads || slices.ContainsFunc(list, func(thread string) bool {
		flags, _, ok := r.flags(strconv.Itoa(int(pid)) + "/task/" + thread)
		return ok && flags&exiting == 0
	})
}

// Flags of a thread (include/linux/sched.h: PF_KTHREAD, PF_EXITING).
const (
	kernelThread = 0x00200000
	exiting      = 0x00000004
)

// flags reads the flags of a process's first thread, or of another, and how many it has.
func (r processReader) flags(folder string) (flags, threads uint64, ok bool) {
	text := r.readFile(folder + "/stat")
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return 0, 0, false // it went
	}
	flags, _ = number(fields[6])
	threads, _ = number(fields[17])
	if fields[0][0] == 'Z' || fields[0][0] == 'X' {
		flags |= exiting
	}
	return flags, threads, true
}

// read returns the beginning of a file of a process, nothing when it went. It
// is valid until the next read.
func (r processReader) read(pid int32, name string) []byte {
	return r.readFile(strconv.Itoa(int(pid)) + "/" + name)
}

func (r processReader) readFile(path string) []byte {
	fd, err := unix.Openat(r.dir, path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	total := 0
	for total < len(r.text) {
		n, err := unix.Read(fd, r.text[total:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n <= 0 {
			break
		}
		total += n
	}
	return r.text[:total]
}

func (r processReader) readlink(pid int32, name string) string {
	n, err := unix.Readlinkat(r.dir, strconv.Itoa(int(pid))+"/"+name, r.link)
	if err != nil {
		return ""
	}
	return string(r.link[:n])
}

// eachEntry calls f with the name of every entry of a directory. It reads
// getdents64(2) itself: no allocation an entry.
func eachEntry(dir int, buffer []byte, f func(name []byte)) error {
	const nameAt = 19 // d_ino 8, d_off 8, d_reclen 2, d_type 1
	for {
		n, err := unix.Getdents(dir, buffer)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n <= 0 {
			return err
		}
		for b := buffer[:n]; len(b) > nameAt; {
			length := int(binary.NativeEndian.Uint16(b[16:]))
			if length <= nameAt || length > len(b) {
				break
			}
			name := b[nameAt:length]
			if end := bytes.IndexByte(name, 0); end >= 0 {
				name = name[:end]
			}
			f(name)
			b = b[length:]
		}
	}
}

// number reads a decimal number that fills b.
func number(b []byte) (n uint64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' || n > (1<<63)/10 {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, len(b) > 0
}

// cgroup picks the process's place in the unified hierarchy, else in systemd's.
func cgroup(text string) string {
	fallback := ""
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		switch {
		case len(fields) < 3:
		case fields[0] == "0" && fields[1] == "":
			if fields[2] != "/" || fallback == "" {
				return fields[2]
			}
		case fields[1] == "name=systemd":
			fallback = fields[2]
		}
	}
	return fallback
}

// container finds the id in the cgroup of a container: 64 hexadecimal digits,
// as Docker, containerd, CRI-O and Podman write it.
func container(cgroup string) string {
	const digits = 64
	run := 0
	for i := len(cgroup) - 1; i >= 0; i-- {
		if c := cgroup[i]; c >= '0' && c <= '9' || c >= 'a' && c <= 'f' {
			if run++; run == digits && (i == 0 || !strings.ContainsRune("0123456789abcdef", rune(cgroup[i-1]))) {
				return cgroup[i : i+digits]
			}
		} else {
			run = 0
		}
	}
	return ""
}
