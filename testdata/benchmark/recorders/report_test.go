package main

import "testing"

func TestInterval(t *testing.T) {
	var x []float64
	for i := range 20 {
		x = append(x, float64(20-i))
	}
	// For 20 values the tables of order statistics have ranks 6 and 15.
	if low, high := interval(x); low != 6 || high != 15 || median(x) != 10.5 {
		t.Errorf("%v to %v around %v, want 6 to 15 around 10.5", low, high, median(x))
	}
	if low, high := interval(x[:3]); low != 18 || high != 20 {
		t.Errorf("%v to %v of three, want all", low, high)
	}
	if n := dropped("Packets received/dropped on interface 'lo': 120/3 (pcap:3/dumpcap:0/flushed:0/ps_ifdrop:0) (97.6%)"); n != 3 {
		t.Errorf("dumpcap dropped %d, want 3", n)
	}
	if n := dropped("recorded 120 packets (3 dropped), 4 sockets"); n != 3 {
		t.Errorf("pcapwho dropped %d, want 3", n)
	}
}
