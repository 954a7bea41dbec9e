package record

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// watchTranslations asks the kernel to tell which translations begin and end, until
// stop is called, and returns how those that there are are listed. It needs
// CAP_NET_ADMIN.
func watchTranslations() (notices <-chan translated, list func() ([]connlog.NAT, error), stop func(), err error) {
	parse := func(kind uint16, payload []byte) (translated, bool, error) {
		n, ok, err := parseTranslation(kind, payload)
		return translated{NAT: n, at: time.Now().UnixNano()}, ok, err
	}
	notices, unsubscribe, err := subscribe(unix.NETLINK_NETFILTER, []int{groupNew, groupDestroy}, parse, translated{lost: true})
	if err != nil {
		return nil, nil, nil, err
	}
	kernel, err := openNetlink(unix.NETLINK_NETFILTER)
	if err != nil {
		unsubscribe()
		return nil, nil, nil, err
	}
	list = func() (all []connlog.NAT, err error) {
		err = kernel.ask(conntrackGet, netlinkDump, make([]byte, filterMessage), func(m []byte) error {
			n, ok, err := parseTranslation(conntrackNew, m)
			if ok {
				all = append(all, n)
			}
			return err
		})
		return all, err
	}
	if _, err := list(); err != nil {
		unsubscribe()
		kernel.close()
		return nil, nil, nil, err
	}
	return notices, list, func() { unsubscribe(); kernel.close() }, nil
}
