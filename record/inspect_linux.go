package record

import (
	"bytes"

	psnet "github.com/shirou/gopsutil/v3/net"
	"golang.org/x/sys/unix"
)

// blind is what cannot be seen of holders: nothing that is not said elsewhere.
func (processReader) blind() []string { return nil }

// inspect finds the inodes of the sockets that gopsutil told, by the
// descriptors that it names, and asks every process which of them it holds.
func (r processReader) inspect(roster *roster, rows []psnet.ConnectionStat) inspection {
	i := inspection{inodes: make(map[handle]uint64, len(rows)), twins: map[uint64][]uint64{}, holders: map[uint64][]int32{}, hidden: map[int32]bool{}}
	numbers := map[handle]uint64{}
	var list []descriptor
	for _, pid := range roster.pids {
		id, known := roster.id(pid)
		var err error
		list, err = r.sockets(pid, list[:0])
		start, ok := r.start(pid)
		if refused(err) && r.mayHold(pid) {
			i.hidden[pid] = true
		}
		if err != nil || !known || !ok || start != id.Start {
			continue
		}
		for _, d := range list {
			numbers[handle{pid, d.number}] = d.inode
			i.holders[d.inode] = append(i.holders[d.inode], pid)
		}
	}
	for _, row := range rows {
		h := handle{row.Pid, row.Fd}
		if inode, ok := numbers[h]; ok {
			i.inodes[h] = inode
		}
	}
	for _, name := range []string{"udp", "udp6", "tcp", "tcp6"} {
		r.findTwins(name, i.twins)
	}
	return i
}

// findTwins groups the inodes of a table of sockets (proc_pid_net(5)) by their
// endpoints, where there are several.
//
//	sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …
func (r processReader) findTwins(table string, twins map[uint64][]uint64) {
	groups := map[string][]uint64{}
	for line := range bytes.Lines(r.readAll("thread-self/net/" + table)) {
		f := bytes.Fields(line)
		if len(f) < 10 {
			continue
		}
		if inode, ok := number(f[9]); ok && inode != 0 {
			key := string(f[1]) + " " + string(f[2])
			groups[key] = append(groups[key], inode)
		}
	}
	for _, inodes := range groups {
		if len(inodes) > 1 {
			for _, inode := range inodes {
				twins[inode] = inodes
			}
		}
	}
}

// readAll returns the whole of a file below /proc, nothing where there is none.
func (r processReader) readAll(name string) (text []byte) {
	fd, err := unix.Openat(r.dir, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Read(fd, r.entries)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return text
		}
		text = append(text, r.entries[:n]...)
	}
}
