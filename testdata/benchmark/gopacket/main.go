// Gopacket sums a capture by connection in the way that gopacket's
// documentation shows: a packet source, its layers, a map.
package main

import (
	"fmt"
	"os"

	"github.com/google/gopacket"
	"github.com/google/gopacket/pcapgo"
)

type connection struct{ network, transport gopacket.Flow }

func main() {
	if err := sum(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func sum(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	r, err := pcapgo.NewNgReader(file, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		return err
	}
	packets, bytes, connections := 0, 0, map[connection]int{}
	for p := range gopacket.NewPacketSource(r, r.LinkType()).Packets() {
		packets++
		bytes += p.Metadata().Length
		if n, t := p.NetworkLayer(), p.TransportLayer(); n != nil && t != nil {
			c := connection{n.NetworkFlow(), t.TransportFlow()}
			if back := (connection{c.network.Reverse(), c.transport.Reverse()}); connections[back] > 0 {
				c = back
			}
			connections[c] += p.Metadata().Length
		}
	}
	fmt.Printf("%d packets, %d bytes, %d connections\n", packets, bytes, len(connections))
	return nil
}
