package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"time"
)

// loads are what is measured.
var loads = []load{{"throughput", "MiB/s", "lo"}, {"latency", "µs", "lo"}, {"connections", "µs", "lo"}, {"paced", "µs", "lo"},
	{"iperf3", "MiB/s", "lo"}, {"flood", "1/s", near}}

// load is one, with the unit of its result and the interface that it passes.
type load struct{ name, unit, link string }

// run is one load, or what one starts. A load prints a number.
func run(load string) (err error) {
	var result float64
	switch load {
	case "sink":
		return drain()
	case "flood":
		result, err = flood()
	case "iperf3":
		result, err = iperf3()
	default:
		result, err = runPair(load)
	}
	if err == nil {
		fmt.Println(result)
	}
	return err
}

// runPair is a load whose two ends are in this process.
func runPair(load string) (float64, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	go serve(l, load == "throughput")
	switch address := l.Addr().String(); load {
	case "throughput":
		return throughput(address)
	case "latency":
		return latency(address)
	case "connections":
		return connections(address, 2000, 0)
	case "paced":
		return connections(address, 600, 5*time.Millisecond)
	}
	return 0, fmt.Errorf("no load %q", load)
}

// serve reads all, or answers each 64 bytes with as many.
func serve(l net.Listener, all bool) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			if all {
				_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, bufio.NewReaderSize(c, 1<<16), make([]byte, 1<<16))
				_, _ = c.Write([]byte{1})
				return
			}
			for b := make([]byte, 64); ; {
				if _, err := io.ReadFull(c, b); err != nil {
					return
				}
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		}()
	}
}

func throughput(address string) (float64, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	const size = 512 << 20
	began, b := time.Now(), make([]byte, 1<<16)
	for n := 0; n < size; n += len(b) {
		if _, err := c.Write(b); err != nil {
			return 0, err
		}
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return 0, err
	}
	if _, err := c.Read(b); err != nil {
		return 0, err
	}
	return size / (1 << 20) / time.Since(began).Seconds(), nil
}

func latency(address string) (float64, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	times := make([]float64, 10_000)
	for i := range times {
		if times[i], err = exchange(c); err != nil {
			return 0, err
		}
	}
	return median(times), nil
}

// exchange returns how many microseconds a request and its reply took.
func exchange(c net.Conn) (float64, error) {
	var b [64]byte
	began := time.Now()
	if _, err := c.Write(b[:]); err != nil {
		return 0, err
	}
	_, err := io.ReadFull(c, b[:])
	return float64(time.Since(began)) / 1e3, err
}

// connections returns how many microseconds one took, from its beginning to its end.
func connections(address string, n int, every time.Duration) (float64, error) {
	times, next := make([]float64, n), time.Now()
	for i := range times {
		began := time.Now()
		c, err := net.Dial("tcp", address)
		if err != nil {
			return 0, err
		}
		if _, err := exchange(c); err != nil {
			return 0, err
		}
		c.Close()
		times[i] = float64(time.Since(began)) / 1e3
		if next = next.Add(every); every > 0 {
			time.Sleep(time.Until(next))
		}
	}
	return median(times), nil
}
