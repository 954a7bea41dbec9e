//go:build !linux

package record

import (
	"os/exec"
	"runtime"
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// platformTap runs the capture program of the system.
func platformTap(cfg *Config, interfaces []connlog.Interface) (tap, []connlog.Interface, error) {
	return openDumper(cfg, interfaces, findDumpers())
}

// findDumpers returns the paths of the programs that capture, the better ones first.
// On macOS that is its own tcpdump, which names the process of every packet (PKTAP).
func findDumpers() (paths []string) {
	candidates := []string{"dumpcap", "/Applications/Wireshark.app/Contents/MacOS/dumpcap", `C:\Program Files\Wireshark\dumpcap.exe`, "tcpdump", "/usr/sbin/tcpdump"}
	if runtime.GOOS == "darwin" {
		candidates = append([]string{"/usr/sbin/tcpdump"}, candidates...)
	}
	for _, c := range candidates {
		if path, err := exec.LookPath(c); err == nil && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// CanRecord tells whether there is a program that captures packets: nil, or an
// *Error whose hint is the remedy. Whether it may, it says itself.
func CanRecord() error {
	if len(findDumpers()) == 0 {
		return errNoDumper
	}
	return nil
}

func tryCapture(int) Finding { return finding(CanRecord()) }
