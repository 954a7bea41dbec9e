package record

import (
	"cmp"
	"slices"
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// translations are what the kernel makes of addresses and ports in this network
// namespace (network address translation). One goroutine uses it.
type translations struct {
	known   map[connlog.NAT]bool // Change is not set
	notices <-chan translated    // nil = nobody tells
	list    func() ([]connlog.NAT, error)
	close   func()
}

// translated is what the kernel told.
type translated struct {
	connlog.NAT
	at   int64 // Unix nanoseconds
	lost bool  // some were lost: all must be listed
}

// openTranslations lists the translations that there are. Without the right to, or
// where the kernel has none, there are none.
func openTranslations() *translations {
	t := &translations{known: map[connlog.NAT]bool{}, close: func() {}}
	if notices, list, stop, err := watchTranslations(); err == nil {
		t.notices, t.list, t.close = notices, list, stop
	}
	return t
}

// snapshot returns the translations that there are.
func (t *translations) snapshot() []connlog.NAT {
	if t.list == nil {
		return nil
	}
	changes := t.compare()
	for i := range changes {
		changes[i].Change = connlog.TranslationSnapshot
	}
	return changes
}

// take returns what a notice changes, and when.
func (t *translations) take(n translated) (changes []connlog.NAT, at int64) {
	if n.lost {
		return t.compare(), time.Now().UnixNano()
	}
	key := n.NAT
	key.Change = 0
	opens := n.Change == connlog.TranslationOpen
	if t.known[key] == opens { // it was listed already
		return nil, 0
	}
	if opens {
		t.known[key] = true
	} else {
		delete(t.known, key)
	}
	return []connlog.NAT{n.NAT}, n.at
}

// compare lists the translations anew and returns what is different.
func (t *translations) compare() (changes []connlog.NAT) {
	list, err := t.list()
	if err != nil {
		return nil
	}
	now := map[connlog.NAT]bool{}
	for _, n := range list {
		n.Change = 0
		now[n] = true
	}
	for n := range t.known {
		if !now[n] {
			n.Change = connlog.TranslationClose
			changes = append(changes, n)
		}
	}
	for n := range now {
		if !t.known[n] {
			n.Change = connlog.TranslationOpen
			changes = append(changes, n)
		}
	}
	t.known = now
	slices.SortFunc(changes, func(a, b connlog.NAT) int {
		return cmp.Or(cmp.Compare(b.Change, a.Change), cmp.Compare(a.Protocol, b.Protocol), a.Source.Compare(b.Source), a.Destination.Compare(b.Destination))
	})
	return changes
}
