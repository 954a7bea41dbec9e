package record

import (
	"os"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// heldRights tells which of the rights of a recording this process has, and what
// each is for.
func heldRights() []Right {
	have, err := readCapabilities()
	if err != nil {
		return []Right{}
	}
	list := []Right{}
	for _, r := range []struct {
		number     int
		name, cost string
	}{
		{unix.CAP_NET_RAW, "cap_net_raw", "no packets are captured"},
		{unix.CAP_BPF, "cap_bpf", "no source ebpf: what lives for milliseconds has no owner"},
		{unix.CAP_PERFMON, "cap_perfmon", "no source ebpf"},
		{unix.CAP_NET_ADMIN, "cap_net_admin", "no source ebpf, no addresses of containers, no address translation"},
		{unix.CAP_SYS_PTRACE, "cap_sys_ptrace", "sockets of other users' processes have no owner with diag and poll"},
		{unix.CAP_DAC_READ_SEARCH, "cap_dac_read_search", "the same"},
	} {
		list = append(list, Right{r.name, have.effective.has(r.number), r.cost})
	}
	return list
}

// freeMemory is MemAvailable of /proc/meminfo (proc_meminfo(5)), in bytes.
func freeMemory() int64 {
	text, _ := os.ReadFile("/proc/meminfo")
	_, rest, _ := strings.Cut(string(text), "\nMemAvailable:")
	if fields := strings.Fields(rest); len(fields) > 0 {
		n, _ := number([]byte(fields[0]))
		return int64(n) << 10
	}
	return 0
}

// clockState asks adjtimex(2), which changes nothing without modes.
func clockState() (c ClockState) {
	text, _ := os.ReadFile("/sys/devices/system/clocksource/clocksource0/current_clocksource")
	c.Source = strings.TrimSpace(string(text))
	var t unix.Timex
	if state, err := unix.Adjtimex(&t); err == nil {
		synced := state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
		c.Synced = &synced
		if synced {
			c.MaxError = int64(t.Maxerror) * 1000
		}
	}
	return c
}

// offloads asks which of them join packets before they are captured (ethtool
// ioctl, linux/ethtool.h). None that cannot be asked for is told.
func offloads(name string) []string {
	on := []string{}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return on
	}
	defer unix.Close(fd)
	for _, o := range []struct {
		name    string
		command uint32
	}{{"gro", unix.ETHTOOL_GGRO}, {"gso", unix.ETHTOOL_GGSO}, {"tso", unix.ETHTOOL_GTSO}} {
		value := struct{ command, data uint32 }{command: o.command} // struct ethtool_value
		var request struct {                                        // struct ifreq
			name [unix.IFNAMSIZ]byte
			data unsafe.Pointer
			rest [16]byte
		}
		copy(request.name[:unix.IFNAMSIZ-1], name)
		request.data = unsafe.Pointer(&value)
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
		runtime.KeepAlive(&value)
		if errno == 0 && value.data != 0 {
			on = append(on, o.name)
		}
	}
	return on
}
