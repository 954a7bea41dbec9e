package record

import "golang.org/x/sys/unix"

// watchAddresses asks the kernel to tell which addresses come and go
// (rtnetlink(7)), until stop is called.
func watchAddresses() (notices <-chan notice, stop func(), err error) {
	parse := func(kind uint16, payload []byte) (notice, bool, error) {
		a, ok, err := parseAddress(kind, payload)
		return notice{Address: a}, ok, err
	}
	return subscribe(unix.NETLINK_ROUTE, []int{unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR}, parse, notice{lost: true})
}
