package record

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// chooseInterfaces finds the named interfaces, or all when none is named, in
// the order of their indexes. Interfaces whose frames pcapng has no link type
// for are refused when named, and left out with a message when not.
func chooseInterfaces(names []string, message func(MessageKind, string)) ([]connlog.Interface, error) {
	present, err := net.Interfaces()
	if err != nil {
		return nil, &Error{Message: "the interfaces cannot be listed", Status: statusFailed, Err: err}
	}
	var all []string
	for _, i := range present {
		all = append(all, i.Name)
	}
	for _, name := range names {
		if !slices.Contains(all, name) {
			return nil, &Error{Message: fmt.Sprintf("no interface %q", name), Status: statusUsage,
				Hint: "the interfaces are " + strings.Join(all, ", ")}
		}
	}
	var chosen []connlog.Interface
	for _, i := range present {
		if len(names) > 0 && !slices.Contains(names, i.Name) {
			continue
		}
		link, ok := linkType(hardwareType(i))
		if !ok && len(names) > 0 {
			return nil, &Error{Message: fmt.Sprintf("interface %q has hardware type %d, whose frames cannot be recorded", i.Name, hardwareType(i)), Status: statusUsage}
		}
		if !ok {
			message(Warning, fmt.Sprintf("interface %q is left out: frames of hardware type %d cannot be recorded", i.Name, hardwareType(i)))
			continue
		}
		chosen = append(chosen, describeInterface(i, link))
	}
	if len(chosen) == 0 {
		return nil, &Error{Message: "there is no interface to record", Status: statusFailed, Hint: "bring one up: ip link set lo up"}
	}
	slices.SortFunc(chosen, func(a, b connlog.Interface) int { return a.Index - b.Index })
	return chosen, nil
}

func describeInterface(i net.Interface, link uint16) connlog.Interface {
	out := connlog.Interface{Name: i.Name, Index: i.Index, LinkType: link, MTU: i.MTU, Loopback: i.Flags&net.FlagLoopback != 0, Namespace: networkNamespace()}
	addresses, _ := i.Addrs() // an interface that just went has none
	for _, a := range addresses {
		out.Addresses = append(out.Addresses, a.String())
	}
	return out
}
