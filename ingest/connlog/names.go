package connlog

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

// The words of the log, by the value they stand for.
var (
	kindNames              = []string{"", "head", "process", "socket", "poll", "address", "interface", "nat", "mark", "clock", "gap", "end"}
	processChangeNames     = []string{"", "snapshot", "exec", "fork", "exit"}
	socketChangeNames      = []string{"", "snapshot", "open", "peer", "owner", "close"}
	addressChangeNames     = []string{"", "add", "remove"}
	translationChangeNames = []string{"", "snapshot", "open", "close"}
	markChangeNames        = []string{"", "begin", "end", "instant"}
	socketEvidenceNames    = []string{"", "poll", "connect", "accept", "bind", "send", "receive", "destroy", "packet"}
)

// String returns the value of the "event" field.
func (k Kind) String() string { return word(kindNames, int(k)) }

// String returns the value of a process event's "change" field.
func (c ProcessChange) String() string { return word(processChangeNames, int(c)) }

// String returns the value of a socket event's "change" field.
func (c SocketChange) String() string { return word(socketChangeNames, int(c)) }

// String returns the value of an address event's "change" field.
func (c AddressChange) String() string { return word(addressChangeNames, int(c)) }

// String returns the value of a nat event's "change" field.
func (c TranslationChange) String() string { return word(translationChangeNames, int(c)) }

// String returns the value of a mark event's "change" field.
func (c MarkChange) String() string { return word(markChangeNames, int(c)) }

// String returns the value of the "evidence" field.
func (e Evidence) String() string { return word(socketEvidenceNames, int(e)) }

func word(names []string, i int) string {
	if i < len(names) && names[i] != "" {
		return names[i]
	}
	return strconv.Itoa(i)
}

// lookup returns the value that name stands for.
func lookup(names []string, name string) (int, bool) {
	for i, n := range names {
		if n == name && n != "" {
			return i, true
		}
	}
	return 0, false
}

// parseProtocol reads what flow.Protocol.String writes.
func parseProtocol(s string) (flow.Protocol, error) {
	switch s {
	case "tcp":
		return flow.TCP, nil
	case "udp":
		return flow.UDP, nil
	case "icmp":
		return flow.ICMP, nil
	case "icmpv6":
		return flow.ICMPv6, nil
	case "sctp":
		return flow.SCTP, nil
	}
	if digits, ok := strings.CutPrefix(s, "ip-"); ok {
		if n, err := strconv.ParseUint(digits, 10, 8); err == nil {
			return flow.Protocol(n), nil
		}
	}
	return 0, fmt.Errorf("%q is no protocol", s)
}
