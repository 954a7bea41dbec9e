package record

import (
	"cmp"
	"net"
	"net/netip"
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// addresses are those of all interfaces of this network namespace, captured or
// not: what a host sends to an address of its own passes over loopback. Where the
// kernel tells what changes, notices has it; elsewhere they are compared now and
// then. One goroutine uses it.
type addresses struct {
	known   map[place]string // the name of the interface
	notices <-chan notice    // nil = nobody tells
	close   func()
}

// place is one address of one interface.
type place struct {
	address string // CIDR notation
	index   int
}

// notice is what the kernel told.
type notice struct {
	connlog.Address
	lost bool // some were lost: all addresses must be listed
}

// openAddresses lists the addresses. What changes from then on is noticed.
func openAddresses() (*addresses, error) {
	a := &addresses{close: func() {}}
	if notices, stop, err := watchAddresses(); err == nil {
		a.notices, a.close = notices, stop
	}
	var err error
	if a.known, err = listAddresses(); err != nil {
		a.close()
		return nil, &Error{Message: "the addresses of the interfaces cannot be listed", Status: statusFailed, Err: err}
	}
	return a, nil
}

func listAddresses() (map[place]string, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	known := map[place]string{}
	for _, i := range interfaces {
		list, _ := i.Addrs() // an interface that just went has none
		for _, a := range list {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				known[place{p.String(), i.Index}] = i.Name
			}
		}
	}
	return known, nil
}

// list returns each address once, in order.
func (a *addresses) list() (list []string) {
	for p := range a.known {
		list = append(list, p.address)
	}
	slices.SortFunc(list, func(a, b string) int { return netip.MustParsePrefix(a).Compare(netip.MustParsePrefix(b)) })
	return slices.Compact(list)
}

// compare lists the addresses anew and returns what is different.
func (a *addresses) compare() (changes []connlog.Address) {
	now, err := listAddresses()
	if err != nil {
		return nil // the next time tells it
	}
	for p, name := range a.known {
		if _, ok := now[p]; !ok {
			changes = append(changes, connlog.Address{Change: connlog.AddressRemove, Address: p.address, Interface: p.index, Name: name})
		}
	}
	for p, name := range now {
		if _, ok := a.known[p]; !ok {
			changes = append(changes, connlog.Address{Change: connlog.AddressAdd, Address: p.address, Interface: p.index, Name: name})
		}
	}
	a.known = now
	slices.SortFunc(changes, func(a, b connlog.Address) int {
		return cmp.Or(cmp.Compare(b.Change, a.Change), cmp.Compare(a.Interface, b.Interface), cmp.Compare(a.Address, b.Address))
	})
	return changes
}

// take returns what a notice changes: the kernel also tells when an address
// that is there is used on.
func (a *addresses) take(n notice) []connlog.Address {
	if n.lost {
		return a.compare()
	}
	p := place{n.Address.Address, n.Interface}
	name, there := a.known[p]
	switch {
	case there == (n.Change == connlog.AddressAdd):
		return nil
	case there:
		n.Name = name
		delete(a.known, p)
	default:
		if i, err := net.InterfaceByIndex(n.Interface); err == nil { // else it went
			n.Name = i.Name
		}
		a.known[p] = n.Name
	}
	return []connlog.Address{n.Address}
}
