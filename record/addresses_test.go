package record

import (
	"fmt"
	"slices"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// TestAddressNotices keeps what is new of what the kernel tells.
func TestAddressNotices(t *testing.T) {
	const a, b = "192.0.2.1/24", "2001:db8::1/64"
	book := &addresses{known: map[place]string{{a, 1 << 29}: "x0"}}
	tell := func(change connlog.AddressChange, address string, index int) notice {
		return notice{Address: connlog.Address{Change: change, Address: address, Interface: index}}
	}
	for i, c := range []struct {
		n    notice
		want string
	}{
		{tell(connlog.AddressAdd, a, 1<<29), "[]"},
		{tell(connlog.AddressAdd, b, 1<<29), "[{add 2001:db8::1/64 536870912  0 0 0}]"},
		{tell(connlog.AddressAdd, b, 1<<29), "[]"},
		{tell(connlog.AddressAdd, a, 1<<30), "[{add 192.0.2.1/24 1073741824  0 0 0}]"},
		{tell(connlog.AddressRemove, a, 1<<29), "[{remove 192.0.2.1/24 536870912 x0 0 0 0}]"},
		{tell(connlog.AddressRemove, a, 1<<29), "[]"},
	} {
		if got := fmt.Sprint(book.take(c.n)); got != c.want {
			t.Errorf("notice %d: %s, want %s", i, got, c.want)
		}
	}
	if got := book.list(); !slices.Equal(got, []string{a, b}) {
		t.Errorf("the list is %q", got)
	}
	changes := book.take(notice{lost: true})
	gone := slices.IndexFunc(changes, func(c connlog.Address) bool {
		return c == connlog.Address{Change: connlog.AddressRemove, Address: b, Interface: 1 << 29}
	})
	if gone < 0 || slices.ContainsFunc(book.compare(), func(connlog.Address) bool { return true }) {
		t.Errorf("listed anew: %v", changes)
	}
}
