//go:build !linux

package record

import "net"

// hardwareType takes every interface with a hardware address for Ethernet.
func hardwareType(i net.Interface) uint16 {
	switch {
	case i.Flags&net.FlagLoopback != 0:
		return arphrdLoopback
	case len(i.HardwareAddr) == 6:
		return arphrdEther
	}
	return 0xfffe
}

func networkNamespace() uint64 { return 0 }
func pidNamespace() uint64     { return 0 }
