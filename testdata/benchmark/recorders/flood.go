package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"time"
)

// A flood goes through a veth pair from the namespace of the recorder to another, which
// setup makes. Both live as long as this program and what it starts.
const (
	near, nearAddress = "near", "192.0.2.1"
	far, sinkAddress  = "far", "192.0.2.2:5001"
	floodTime         = 2 * time.Second
)

// setup is the shell's part of enter: the mounts of its own hold the other namespace,
// and without addresses of IPv6 nobody speaks but the load.
const setup = `
mkdir -p /run/netns
mount -t tmpfs none /run/netns
ip netns add ` + far + `
quiet='f=/proc/sys/net/ipv6/conf/default/disable_ipv6; ! test -e $f || echo 1 >$f'
eval "$quiet"
ip netns exec ` + far + ` sh -c "$quiet"
ip link add ` + near + ` type veth peer name ` + near + ` netns ` + far + `
ip address add ` + nearAddress + `/24 dev ` + near + `
ip -n ` + far + ` address add 192.0.2.2/24 dev ` + near + `
ip link set lo up
ip link set ` + near + ` up
ip -n ` + far + ` link set ` + near + ` up
`

// flood sends datagrams of 64 bytes as fast as one thread can, and returns how many a
// second.
func flood() (rate float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	sink := exec.Command("ip", "netns", "exec", far, self, "-load", "sink")
	sink.Stderr = os.Stderr
	stop, err := sink.StdinPipe()
	if err != nil {
		return 0, err
	}
	ready, err := sink.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := sink.Start(); err != nil {
		return 0, err
	}
	if _, err = bufio.NewReader(ready).ReadString('\n'); err == nil {
		rate, err = send(sinkAddress, floodTime)
	}
	_ = stop.Close() // it ends
	if failed := sink.Wait(); err == nil {
		err = failed
	}
	return rate, err
}

func send(address string, during time.Duration) (rate float64, err error) {
	c, err := net.Dial("udp", address)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	var b [64]byte
	began, n := time.Now(), 0
	for time.Since(began) < during {
		for range 64 { // a look at the clock
			if _, err := c.Write(b[:]); err != nil {
				return 0, err
			}
			n++
		}
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

// drain is the other end of a flood: it reads all until its standard input ends.
func drain() error {
	c, err := net.ListenPacket("udp", sinkAddress)
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		c.Close()
	}()
	fmt.Println("ready")
	for b := make([]byte, 2048); ; {
		if _, _, err := c.ReadFrom(b); err != nil {
			return nil // closed
		}
	}
}
