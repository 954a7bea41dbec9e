package flow

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func drawAddr(t *rapid.T) netip.Addr {
	if rapid.Bool().Draw(t, "v6") {
		return netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")))
	}
	return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")))
}

// TestAddrIsNetip holds Addr to net/netip, which knows the RFCs.
func TestAddrIsNetip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawAddr(t).Unmap()
		got := AddrFrom(want)
		switch {
		case got.Netip() != want || got.String() != want.String():
			t.Fatalf("%v came back as %v", want, got)
		case got.Is4() != want.Is4() || got.IsLoopback() != want.IsLoopback() || got.IsMulticast() != want.IsMulticast() || got.IsUnspecified() != want.IsUnspecified():
			t.Fatalf("%v: classified otherwise than net/netip does", want)
		}
		b := want.As16()
		if AddrFrom16(b[:]) != got {
			t.Fatalf("%v: differs when read from its bytes", want)
		}
		other := drawAddr(t).Unmap()
		if o := other.As16(); AddrFrom(other).Compare(got) != netip.AddrFrom16(o).Compare(netip.AddrFrom16(b)) {
			t.Fatalf("%v and %v are ordered otherwise than their bytes", other, want)
		}
	})
}

func TestAddrCases(t *testing.T) {
	tests := []struct {
		addr                                  string
		v4, loopback, multicast, any, limited bool
	}{
		{addr: "0.0.0.0", v4: true, any: true},
		{addr: "::", any: true},
		{addr: "127.255.0.1", v4: true, loopback: true},
		{addr: "::1", loopback: true},
		{addr: "::ffff:127.0.0.1", v4: true, loopback: true},
		{addr: "239.1.2.3", v4: true, multicast: true},
		{addr: "ff02::1", multicast: true},
		{addr: "255.255.255.255", v4: true, limited: true},
		{addr: "2001:db8::1"},
	}
	for _, tt := range tests {
		a := AddrFrom(netip.MustParseAddr(tt.addr))
		if a.Is4() != tt.v4 || a.IsLoopback() != tt.loopback || a.IsMulticast() != tt.multicast || a.IsUnspecified() != tt.any || a.IsBroadcast() != tt.limited {
			t.Errorf("%s: v4 %v loopback %v multicast %v unspecified %v broadcast %v", tt.addr, a.Is4(), a.IsLoopback(), a.IsMulticast(), a.IsUnspecified(), a.IsBroadcast())
		}
	}
	if AddrFrom(netip.Addr{}) != (Addr{}) {
		t.Error("the invalid address is not the zero Addr")
	}
}

func TestKeyIsSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func() Endpoint { return Endpoint{AddrFrom(drawAddr(t)), rapid.Uint16().Draw(t, "port")} }
		a, b := draw(), draw()
		tuple := FiveTuple{a.Addr, b.Addr, a.Port, b.Port, TCP}
		ns := rapid.Uint16().Draw(t, "namespace")
		k, s := tuple.Key(ns)
		reverse := tuple.Reverse()
		r, o := reverse.Key(ns)
		if k != r || k.Hash() != r.Hash() || k.Hash() != tuple.Hash() || tuple.Hash() != reverse.Hash() || a != b && s == o {
			t.Fatalf("%v: key %v from side %d, reversed %v from side %d", tuple, k, s, r, o)
		}
		if low, high := k.Endpoint(Low), k.Endpoint(High); low.Compare(high) > 0 {
			t.Fatalf("%v: %v is not below %v", tuple, low, high)
		}
		if k.Endpoint(s) != a || k.Endpoint(s.Other()) != b || tuple.From() != a || tuple.To() != b {
			t.Fatalf("%v: endpoints %v and %v", tuple, k.Endpoint(s), k.Endpoint(s.Other()))
		}
		if x, _ := tuple.Key(ns + 1); x == k {
			t.Fatal("keys of two namespaces are equal")
		}
	})
}

func TestNames(t *testing.T) {
	tuple := FiveTuple{AddrFrom4(0xc0000201), AddrFrom(netip.MustParseAddr("2001:db8::1")), 4000, 80, UDP}
	if got, want := tuple.String(), "udp 192.0.2.1:4000 > [2001:db8::1]:80"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for p, want := range map[Protocol]string{TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPv6: "icmpv6", SCTP: "sctp", 47: "ip-47"} {
		if p.String() != want {
			t.Errorf("protocol %d: got %q, want %q", uint8(p), p, want)
		}
	}
}

func BenchmarkKeyHash(b *testing.B) {
	t := FiveTuple{AddrFrom4(1), AddrFrom4(2), 3, 4, TCP}
	var sum uint64
	for b.Loop() {
		k, _ := t.Key(0)
		sum += k.Hash()
		t.SourcePort++
	}
	_ = sum
}

func TestKeyEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func() Key {
			k, _ := FiveTuple{AddrFrom4(rapid.Uint32Max(1).Draw(t, "a")), AddrFrom16(make([]byte, 16)), rapid.Uint16Max(1).Draw(t, "p"),
				rapid.Uint16Max(1).Draw(t, "q"), Protocol(rapid.Uint8Range(6, 7).Draw(t, "protocol"))}.Key(rapid.Uint16Max(1).Draw(t, "namespace"))
			return k
		}
		if a, b := draw(), draw(); a.Equal(&b) != (a == b) {
			t.Fatalf("%v and %v: %v", a, b, a.Equal(&b))
		}
	})
}

// Keys made to have one hash, for numbers that are known, have others: half of the
// addresses here made a factor of the hash 0 before the numbers were drawn.
func TestHashCannotBeForeseen(t *testing.T) {
	seen := map[uint64]bool{}
	for i := range uint64(10_000) {
		a := Addr{Hi: 0x2001_0db8<<32 | i, Lo: 0xd6e8feb86659fd93 ^ 80}
		seen[FiveTuple{a, AddrFrom4(1), 80, 443, TCP}.Hash()] = true
	}
	if len(seen) < 9_990 {
		t.Errorf("10,000 five-tuples have %d hashes", len(seen))
	}
}
