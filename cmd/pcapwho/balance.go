package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/cmd/pcapwho/workload"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/report"
)

// maxMistakes is how many mistakes are told one by one.
const maxMistakes = 10

// balance is a result held against what the recorded processes counted.
type balance struct {
	connections int   // of the result
	bytes       int64 // of payload, each once
	ends        int   // of connections
	owned       int   // ends with an owner throughout
	evidence    *evidence
	unsent      map[int]int64 // by PID: what the ledger says that it sent, and no table yet
	mistakes    []string
}

// end is one end of a connection, as one process sees it.
type end struct {
	protocol      flow.Protocol
	local, remote flow.Endpoint
}

// compareLedger holds a result against the ledger of its workload: every byte of
// every connection, every owner, and the sums of every process. What the evidence
// decides must have an owner, see owed.
func compareLedger(r *report.Result, known *evidence, ledger []workload.Entry) *balance {
	b := &balance{evidence: known, unsent: map[int]int64{}}
	books := map[end][]workload.Entry{}
	for _, e := range ledger {
		k := endOf(&e)
		books[k] = append(books[k], e)
		b.unsent[e.PID] += e.Sent
	}
	sent := map[end]int64{}
	err := r.Attribution.Connections.All(func(c *attribute.Connection) error {
		b.connections++
		for e, n := range c.Sum() {
			e := attribute.End(e)
			k := end{c.Key.Protocol, c.Endpoint[e], c.Endpoint[e.Other()]}
			sent[k] += n.UniqueBytes
			b.bytes += n.UniqueBytes
			b.judge(r, c, e, books[k])
		}
		return nil
	})
	if err != nil {
		b.mistake("the connections cannot be read: %v", err)
	}
	b.compareBytes(books, sent)
	for i := range r.Processes {
		p := &r.Processes[i]
		if left := b.unsent[int(p.ID.PID)] - p.Self.Sent.UniqueBytes; left != 0 {
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

// judge compares the owners of one end with the ledger's. What has no owner is
// in no process's sum.
func (b *balance) judge(r *report.Result, c *attribute.Connection, e attribute.End, books []workload.Entry) {
	b.ends++
	books = during(books, c.First, c.Last)
	if len(books) == 0 {
		b.mistake("connection %d: no process says that it was %v", c.ID, c.Endpoint[e])
		return
	}
	if c.Owner(e).Process != attribute.NoProcess {
		b.owned++
	}
	for i := range c.Spans {
		s := &c.Spans[i]
		v := s.Verdict[e]
		if v.Process == attribute.NoProcess {
			b.unsent[books[0].PID] -= s.Sent[e].UniqueBytes
			if slices.ContainsFunc(books, func(k workload.Entry) bool { return b.evidence.owed(&k, s.First, s.Last) }) {
				b.mistake("connection %d: %v was seen and has no owner (%v: %s)", c.ID, c.Endpoint[e], v.Reason, v.Why)
			}
			continue
		}
		pid := int(r.Attribution.Processes[v.Process].ID.PID)
		those := during(books, s.First, s.Last)
		if len(those) == 0 { // packets before an entry begins, and behind its end
			those = books
		}
		if !slices.ContainsFunc(those, func(k workload.Entry) bool { return k.PID == pid }) {
			b.mistake("connection %d: %v was process %d, not %d", c.ID, c.Endpoint[e], books[0].PID, pid)
		}
	}
}

// during returns the entries of sockets that existed between first and last:
// two connections one after the other may have the same endpoints.
func during(books []workload.Entry, first, last int64) (those []workload.Entry) {
	for _, e := range books {
		if e.Begin <= last && first <= e.End {
			those = append(those, e)
		}
	}
	return those
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
		text += fmt.Sprintf("Every byte agrees. %d of %d ends have an owner, each the right one.", b.owned, b.ends)
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
	switch {
	case len(b.mistakes) == 0:
		return nil
	case len(b.evidence.twice) > 0: // the books have the wrong times, too
		return &failure{message: "the clock was set back while this was recorded, and the analysis does not agree with the processes", status: statusFailed,
			hint: "run it again"}
	}
	return errors.New("the analysis does not agree with the processes")
}
