package view

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
)

// Bar is a connection as one line of a waterfall. Times are in nanoseconds since the first
// packet.
type Bar struct {
	Client, Server string // the process of the client, or why there is none; the host of the server, and its process
	First, Last    int64
	Bytes          int64 // on the wire, of both ends
	Lookup         Step  // of the server's name
	Connect        Step
	TLS            Step
	Wait           Step // for the first answer
	Stretches      []Stretch
	Resent         int64     // segments that were sent again
	ResentAt       []Stretch // when, as far as that is known; Client = how many
	Reset          bool      // an end broke it off
}

// Step is what a connection did from one time to another; the zero value = not known.
type Step struct{ Begin, End int64 }

// Known tells whether there is one.
func (s Step) Known() bool { return s.End > s.Begin }

// Bars returns so many of the connections with the most bytes, in the order of their first
// packets, how many others there are, and the bytes of these.
func (m *Measured) Bars(most int) (bars []Bar, left int, leftBytes int64) {
	known := map[int64]*shown{}
	for i := range m.shown {
		known[m.shown[i].id] = &m.shown[i]
	}
	largest := m.connections.largest[:min(most, len(m.connections.largest))]
	leftBytes = m.connections.bytes
	for i := range largest {
		b := m.bar(largest[i].cells)
		b.Bytes = largest[i].bytes
		leftBytes -= b.Bytes
		if c := known[largest[i].id()]; c != nil {
			b.Stretches, b.ResentAt = after(m.origin, c.stretches), after(m.origin, c.resent)
		}
		bars = append(bars, b)
	}
	slices.SortStableFunc(bars, func(a, b Bar) int { return cmp.Compare(a.First, b.First) })
	return bars, m.connections.all - len(bars), leftBytes
}

// after returns stretches relative to a time.
func after(origin int64, all []Stretch) (list []Stretch) {
	for _, s := range all {
		s.Begin -= origin
		s.End -= origin
		list = append(list, s)
	}
	return list
}

func (m *Measured) bar(cells []cell) Bar {
	of := func(name string) cell { return cells[place(name)] }
	b := Bar{First: of("first_ns").number - m.origin, Last: of("last_ns").number - m.origin,
		Resent: of("client_retransmitted_segments").number + of("server_retransmitted_segments").number}
	b.Client = holder(of("client_pid"), of("client_name"), of("client_reason"))
	host := of("server_host").text
	if host == "" {
		host = of("server_ip").text
	}
	b.Server = net.JoinHostPort(host, strconv.FormatInt(of("server_port").number, 10))
	if of("server_pid").valid {
		b.Server += " " + holder(of("server_pid"), of("server_name"), cell{})
	}
	if from, to := of("lookup_first_ns"), of("lookup_last_ns"); from.valid && to.valid {
		b.Lookup = Step{from.number - m.origin, to.number - m.origin}
	}
	step := func(from, to cell) Step {
		if !from.valid || !to.valid {
			return Step{}
		}
		return Step{b.First + from.number, min(b.First+to.number, b.Last)}
	}
	there, back := of("server_handshake_ns"), of("client_handshake_ns") // repetitions of the SYN are in it
	back.number, back.valid = back.number+there.number, back.valid && there.valid
	if !back.valid {
		back = of("initial_rtt_ns")
	}
	b.Connect = step(cell{valid: true}, back)
	said, secured := of("client_first_byte_ns"), of("tls_handshake_ns")
	secured.number += said.number
	b.TLS, b.Wait = step(said, secured), step(said, of("server_first_byte_ns"))
	ended := of("ended").text
	b.Reset = ended == "client_reset" || ended == "server_reset"
	return b
}

// holder names who holds an end: its process, or why none is known.
func holder(pid, name, reason cell) string {
	switch {
	case !pid.valid:
		return reason.text
	case name.text == "":
		return fmt.Sprintf("process[%d]", pid.number)
	}
	return fmt.Sprintf("%s[%d]", name.text, pid.number)
}
