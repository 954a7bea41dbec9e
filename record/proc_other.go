//go:build !linux

package record

import (
	psnet "github.com/shirou/gopsutil/v3/net"
	"github.com/shirou/gopsutil/v3/process"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// processReader asks gopsutil. It sees what the operating system shows to this
// user.
type processReader struct{}

func newProcessReader() (processReader, error) { return processReader{}, nil }

func (processReader) close() {}

// pids appends the PID of every process to list.
func (processReader) pids(list []int32) ([]int32, error) {
	pids, err := process.Pids()
	return append(list, pids...), err
}

// face reads who has a PID now.
func (r processReader) face(pid int32) (f face, ok bool) {
	if f.start, ok = r.start(pid); !ok {
		return f, false
	}
	p := &process.Process{Pid: pid}
	f.parent, _ = p.Ppid() // what cannot be read stays unknown
	f.name, _ = p.Name()
	f.exe, _ = p.Exe()
	return f, true
}

// start reads when the process with a PID began.
func (processReader) start(pid int32) (int64, bool) {
	p := &process.Process{Pid: pid}
	milliseconds, err := p.CreateTime()
	return milliseconds * 1e6, err == nil
}

// describe reads what face leaves out.
func (processReader) describe(pid int32) connlog.Process {
	out := connlog.Process{UID: -1}
	p := &process.Process{Pid: pid}
	if args, err := p.CmdlineSlice(); err == nil {
		out.Args = cutArgs(args)
	}
	if uids, err := p.Uids(); err == nil && len(uids) > 0 {
		out.UID = int64(uint32(uids[0]))
	}
	return out
}

// blind is what cannot be seen here, and can on Linux.
func (processReader) blind() []string {
	return []string{
		"all but one of the processes that share a socket",
		"all but one of several sockets that are bound to the same endpoint",
	}
}

// inspect finds nothing beside what gopsutil tells.
func (processReader) inspect(*roster, []psnet.ConnectionStat) (i inspection) { return i }
