package workload

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"time"
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
	Lived    int64          `json:"lived_ns"`
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

// book writes an entry down. Its first error comes back from close.
func (l *ledger) book(protocol string, local, remote netip.AddrPort, sent, received int64, begin time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.out.Encode(Entry{os.Getpid(), l.name, protocol, plain(local), plain(remote), sent, received, int64(time.Since(begin))})
	l.err = errors.Join(l.err, err)
}

func (l *ledger) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// plain writes IPv4 as IPv4, and drops zones.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// ReadLedger reads entries as Run wrote them.
func ReadLedger(r io.Reader) ([]Entry, error) {
	var all []Entry
	for d := json.NewDecoder(r); ; {
		var e Entry
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return all, fmt.Errorf("ledger: entry %d: %w", len(all)+1, err)
		}
		all = append(all, e)
	}
}
