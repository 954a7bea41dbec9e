package main

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/cmd/pcapwho/workload"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/report"
)

// surelySeen is how long a socket must live for a recorder that polls to have
// no excuse.
const surelySeen = time.Second

// maxMistakes is how many mistakes are told one by one.
const maxMistakes = 10

// balance is a result held against what the recorded processes counted.
type balance struct {
	connections int   // of the result
	bytes       int64 // of payload, each once
	ends        int   // of connections
	owned       int   // ends with an owner, who is the right one
	mistakes    []string
}

// end is one end of a connection, as one process sees it.
type end struct {
	protocol      flow.Protocol
	local, remote flow.Endpoint
}

// compare holds a result against the ledger of its workload: every byte of
// every connection, every owner, and the sums of every process.
func compare(r *report.Result, ledger []workload.Entry) *balance {
	b := &balance{}
	books := map[end][]workload.Entry{}
	unsent := map[int]int64{} // by PID: what the ledger says that it sent
	for _, e := range ledger {
		k := endOf(&e)
		books[k] = append(books[k], e)
		unsent[e.PID] += e.Sent
	}
	sent := map[end]int64{}
	for i := range r.Attribution.Connections {
		c := &r.Attribution.Connections[i]
		b.connections++
		for e, n := range c.Sum() {
			e := attribute.End(e)
			k := end{c.Key.Protocol, c.Endpoint[e], c.Endpoint[e.Other()]}
			sent[k] += n.UniqueBytes
			b.bytes += n.UniqueBytes
			b.judge(r, c, e, books[k], unsent)
		}
	}
	b.compareBytes(books, sent)
	for i := range r.Processes {
		p := &r.Processes[i]
		if left := unsent[int(p.ID.PID)] - p.Self.Sent.UniqueBytes; left != 0 {
			b.mistake("process %d (%s) sent %d bytes more than the table says", p.ID.PID, p.Name, left)
		}
	}
	return b
}

func endOf(e *workload.Entry) end {
	k := end{flow.TCP, endpointOf(e.Local), endpointOf(e.Remote)}
	if e.Protocol == "udp" {
		k.protocol = flow.UDP
	}
	return k
}

func endpointOf(a netip.AddrPort) flow.Endpoint { return flow.EndpointFrom(a) }

// judge compares the owners of one end with the ledger's. Of what has no
// owner, unsent forgets the bytes.
func (b *balance) judge(r *report.Result, c *attribute.Connection, e attribute.End, books []workload.Entry, unsent map[int]int64) {
	b.ends++
	if len(books) == 0 {
		b.mistake("connection %d: no process says that it was %v", c.ID, c.Endpoint[e])
		return
	}
	owned := true
	for i := range c.Spans {
		s := &c.Spans[i]
		switch v := s.Verdict[e]; {
		case v.Process == attribute.NoProcess:
			owned = false
			unsent[books[0].PID] -= s.Sent[e].UniqueBytes
			if books[0].Lived > int64(surelySeen) {
				b.mistake("connection %d: %v lived for %v and has no owner (%v)", c.ID, c.Endpoint[e], time.Duration(books[0].Lived), v.Reason)
			}
		case int(r.Attribution.Processes[v.Process].ID.PID) != books[0].PID:
			owned = false
			b.mistake("connection %d: %v was process %d, not %d", c.ID, c.Endpoint[e], books[0].PID, r.Attribution.Processes[v.Process].ID.PID)
		}
	}
	if owned {
		b.owned++
	}
}

// compareBytes compares what both ends of every connection counted with what
// the capture holds.
func (b *balance) compareBytes(books map[end][]workload.Entry, sent map[end]int64) {
	for k, entries := range books {
		var said, heard int64
		for _, e := range entries {
			said += e.Sent
		}
		for _, e := range books[end{k.protocol, k.remote, k.local}] {
			heard += e.Received
		}
		if sent[k] != said || said != heard {
			b.mistake("%v %v to %v: sent %d bytes, received %d, captured %d", k.protocol, k.local, k.remote, said, heard, sent[k])
		}
	}
}

func (b *balance) mistake(format string, args ...any) {
	b.mistakes = append(b.mistakes, fmt.Sprintf(format, args...))
}

func (b *balance) String() string {
	text := fmt.Sprintf("Checked against what the processes counted themselves: %d connections, %d bytes of payload.\n", b.connections, b.bytes)
	if len(b.mistakes) == 0 {
		text += fmt.Sprintf("Every byte agrees. %d of %d ends have an owner, and each is the right one.", b.owned, b.ends)
		return text
	}
	for i, m := range b.mistakes {
		if i == maxMistakes {
			return text + fmt.Sprintf("  … and %d more", len(b.mistakes)-i)
		}
		text += "  wrong: " + m + "\n"
	}
	return text
}

func (b *balance) err() error {
	if len(b.mistakes) == 0 {
		return nil
	}
	return errors.New("the analysis does not agree with the processes")
}
