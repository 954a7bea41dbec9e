package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
)

// iperf3 sends over one TCP connection for two seconds, and returns how many MiB a second
// arrived.
func iperf3() (float64, error) {
	server := exec.Command("iperf3", "-s", "-1", "-B", "127.0.0.1", "--forceflush")
	told, err := server.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := server.Start(); err != nil {
		return 0, err
	}
	defer server.Wait()                                    //nolint:errcheck // it serves one client
	if _, err := told.Read(make([]byte, 64)); err != nil { // "Server listening on…"
		return 0, fmt.Errorf("iperf3 -s: %w", err)
	}
	out, err := exec.Command("iperf3", "-c", "127.0.0.1", "-t", "2", "-J").Output()
	if err != nil {
		_ = server.Process.Kill() // nobody comes
		return 0, fmt.Errorf("iperf3 -c: %w: %s", err, out)
	}
	var result struct {
		End struct {
			Received struct {
				Rate float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		}
	}
	err = json.Unmarshal(out, &result)
	return result.End.Received.Rate / 8 / (1 << 20), err
}

func isIperf3(l load) bool { return l.name == "iperf3" }
