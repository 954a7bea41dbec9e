package workload

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
)

// Entry is what one process says of one of its sockets, or, for a UDP socket
// without a peer, of one of those who sent to it. A line of JSON each.
type Entry struct {
	PID      int            `json:"pid"`
	Name     string         `json:"name"` // of the process
	Protocol string         `json:"protocol"`
	Local    netip.AddrPort `json:"local"`
	Remote   netip.AddrPort `json:"remote"`
	Sent     int64          `json:"sent_bytes"` // of payload
	Received int64          `json:"received_bytes"`
	Begin    int64          `json:"begin_ns"` // Unix nanoseconds: the socket had both ends from here
	End      int64          `json:"end_ns"`   // to here, at least
}

// ledger collects the entries of one process and prints them. It is safe for
// concurrent use.
type ledger struct {
	name string
	mu   sync.Mutex
	out  *json.Encoder
	err  error
}

func newLedger(name string, w io.Writer) *ledger { return &ledger{name: name, out: json.NewEncoder(w)} }

// book writes an entry down, with the process's own identity.
func (l *ledger) book(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.PID, e.Name, e.Local, e.Remote = os.Getpid(), l.name, plain(e.Local), plain(e.Remote)
	l.err = errors.Join(l.err, l.out.Encode(e))
}

// close returns what kept entries from being written.
func (l *ledger) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// plain writes IPv4 as IPv4, and drops zones.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// ReadLedger reads a file of entries as Run wrote them.
func ReadLedger(path string) ([]Entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []Entry
	for d := json.NewDecoder(f); ; {
		var e Entry
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return all, fmt.Errorf("%s: entry %d: %w", path, len(all)+1, err)
		}
		all = append(all, e)
	}
}
