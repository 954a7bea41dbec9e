package record

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// namespaces finds the addresses of the other network namespaces that this one is
// connected to, and through which interfaces: packets captured here may come from
// processes there. The kernel gives each such namespace a number here, and answers
// for it (rtnetlink(7), network_namespaces(7)), so that nobody has to enter it.
// One goroutine uses it.
type namespaces struct {
	kernel  *netlinkSocket
	own     uint64                    // inode number
	path    string                    // that leads there
	named   []*namespaces             // the same for those that the user named
	members map[uint64]map[int32]bool // PIDs of the processes in others, by inode number
	where   map[int32]uint64          // the same by PID
	told    map[connlog.Address]bool
	due     bool // a process was met in a namespace that is not known yet, or began a program in one
}

// openNamespaces returns one that finds nothing where there is no way to ask. It finds
// what the namespaces that the user named are connected to, too.
func openNamespaces(named []string) *namespaces {
	n := openNamespace("/proc/thread-self/ns/net")
	for _, text := range named {
		_ = entering(spacePath(text), func() error { // it was entered before
			if other := openNamespace(spacePath(text)); other.own != n.own {
				n.named = append(n.named, other)
			} else {
				other.close()
			}
			return nil
		})
	}
	return n
}

// openNamespace asks from the namespace of the calling thread, to which a path leads.
func openNamespace(path string) *namespaces {
	kernel, err := openNetlink(unix.NETLINK_ROUTE)
	if err != nil {
		return &namespaces{}
	}
	// Else the kernel passes over the number of the namespace in a question.
	if err := unix.SetsockoptInt(kernel.fd, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1); err != nil {
		kernel.close()
		return &namespaces{}
	}
	return &namespaces{kernel: kernel, own: networkNamespace(), path: path, members: map[uint64]map[int32]bool{}, where: map[int32]uint64{}, told: map[connlog.Address]bool{}, due: true}
}

func (n *namespaces) close() {
	if n.kernel != nil {
		n.kernel.close()
	}
	for _, other := range n.named {
		other.close()
	}
}

// meet takes a process that was seen.
func (n *namespaces) meet(p *connlog.Process) {
	for _, other := range n.named {
		other.meet(p)
		n.due = n.due || other.due
	}
	if n.kernel == nil {
		return
	}
	pid := p.ID.PID
	if former, ok := n.where[pid]; ok && (former != p.Namespace || p.Change == connlog.ProcessExit) {
		delete(n.where, pid)
		if delete(n.members[former], pid); len(n.members[former]) == 0 {
			delete(n.members, former)
		}
	}
	if p.Namespace == 0 || p.Namespace == n.own || p.Change == connlog.ProcessExit {
		return
	}
	if n.members[p.Namespace] == nil {
		n.members[p.Namespace] = map[int32]bool{}
		n.due = true
	}
	n.due = n.due || p.Change == connlog.ProcessExec // a container's addresses are there when its program begins
	n.members[p.Namespace][pid], n.where[pid] = true, p.Namespace
}

// look returns what is new since the last look.
func (n *namespaces) look() (list []connlog.Address) {
	for _, other := range n.named {
		list = append(list, other.look()...)
	}
	if n.due = false; n.kernel == nil {
		return list
	}
	numbers, links := map[int32]uint64{}, map[int32]map[int]link{}
	for inode, pids := range n.members {
		if number := n.numberOf(inode, pids); number >= 0 {
			numbers[number], links[number] = inode, n.links(number)
		}
	}
	// This one has a number since a link of another led here.
	if own, _ := n.number(n.path, n.own); own >= 0 {
		numbers[own] = n.own
	}
	now := map[connlog.Address]bool{}
	asked := map[uint64]bool{}
	for number, there := range links {
		asked[numbers[number]] = n.addresses(number, there, numbers, now)
	}
	return append(list, n.changes(now, asked)...)
}

// numberOf returns the number of the namespace that processes are in, -1 where it
// has none.
func (n *namespaces) numberOf(inode uint64, pids map[int32]bool) int32 {
	for pid := range pids {
		if number, ok := n.number(fmt.Sprintf("/proc/%d/ns/net", pid), inode); ok {
			return number
		}
	}
	return -1
}

// number returns which number a namespace has here, -1 where it has none: it is
// not connected to this one. ok is false where the path does not lead to it.
func (n *namespaces) number(path string, inode uint64) (number int32, ok bool) {
	file, err := os.Open(path)
	if err != nil { // the process ended, or may not be inspected
		return -1, false
	}
	defer file.Close()
	var info unix.Stat_t
	if unix.Fstat(int(file.Fd()), &info) != nil || info.Ino != inode {
		return -1, false
	}
	number = -1
	_ = n.kernel.ask(askNumber, netlinkAsk, appendAttribute(make([]byte, namespaceMessage), namespaceDescriptor, uint32(file.Fd())),
		func(m []byte) (err error) {
			number, err = parseNumber(m)
			return err
		})
	return number, true
}

// links returns the interfaces of a namespace by index. What cannot be asked for is
// left out, here and in addresses.
func (n *namespaces) links(number int32) map[int]link {
	links := map[int]link{}
	_ = n.kernel.ask(askLinks, netlinkDump, appendAttribute(make([]byte, linkMessage), linkOfNamespace, uint32(number)), func(m []byte) error {
		l, err := parseLink(m)
		links[l.index] = l
		return err
	})
	return links
}

// addresses adds those of a namespace, whose interfaces are given, to now, and tells
// whether it could be asked.
func (n *namespaces) addresses(number int32, links map[int]link, numbers map[int32]uint64, now map[connlog.Address]bool) bool {
	err := n.kernel.ask(askAddresses, netlinkDump, appendAttribute(make([]byte, addressMessage), addressOfNamespace, uint32(number)), func(m []byte) error {
		a, ok, err := parseAddress(addressCame, m)
		l := links[a.Interface]
		if !ok || strings.HasPrefix(a.Address, "127.") || a.Address == "::1/128" { // never on a wire
			return err
		}
		a.Name, a.Namespace = l.name, numbers[number]
		if peer := numbers[l.namespace]; peer != 0 {
			a.Peer, a.PeerIndex = peer, l.other
		}
		now[a] = true
		return nil
	})
	return err == nil
}

// changes tells what is different from what was told, of those namespaces that could
// be asked.
func (n *namespaces) changes(now map[connlog.Address]bool, asked map[uint64]bool) (list []connlog.Address) {
	for a := range n.told {
		switch {
		case now[a]:
		case !asked[a.Namespace]:
			now[a] = true
		default:
			a.Change = connlog.AddressRemove
			list = append(list, a)
		}
	}
	for a := range now {
		if !n.told[a] {
			list = append(list, a)
		}
	}
	n.told = now
	slices.SortFunc(list, func(a, b connlog.Address) int {
		return cmp.Or(cmp.Compare(b.Change, a.Change), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Interface, b.Interface), cmp.Compare(a.Address, b.Address))
	})
	return list
}
