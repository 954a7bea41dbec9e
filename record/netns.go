package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// namedSpaces is where ip-netns(8) keeps network namespaces that have a name.
const namedSpaces = "/run/netns"

// spacePath returns what leads to a network namespace, as the user names it: a path, the
// PID of a process in it, or a name.
func spacePath(text string) string {
	switch {
	case strings.ContainsRune(text, '/'):
		return text
	case strings.Trim(text, "0123456789") == "":
		return "/proc/" + text + "/ns/net"
	}
	return filepath.Join(namedSpaces, text)
}

// chooseInSpaces finds the interfaces to record in each network namespace that the user
// names, by namespace, and how it is called there.
func chooseInSpaces(cfg *Config) (list []connlog.Interface, err error) {
	if len(cfg.Namespaces) == 0 {
		return chooseInterfaces(cfg.Interfaces, cfg.Message)
	}
	known := map[uint64]string{}
	for _, text := range cfg.Namespaces {
		var found []connlog.Interface
		err := entering(spacePath(text), func() (err error) {
			found, err = chooseInterfaces(cfg.Interfaces, cfg.Message)
			return err
		})
		if err != nil {
			return nil, spaceError(text, err)
		}
		if other, twice := known[found[0].Namespace]; twice {
			return nil, &Error{Message: fmt.Sprintf("%q and %q are one network namespace", other, text), Status: statusUsage}
		}
		known[found[0].Namespace] = text
		list = append(list, found...)
	}
	return list, nil
}

// spaceError says which namespace something is wrong with.
func spaceError(text string, err error) error {
	var e *Error
	switch {
	case errors.As(err, &e):
		out := *e
		out.Message += fmt.Sprintf(" (network namespace %q)", text)
		return &out
	case errors.Is(err, fs.ErrNotExist):
		hint := "name one of ip netns, or a path, or the PID of a process in it"
		if names := spaceNames(); len(names) > 0 {
			hint = "the names are " + strings.Join(names, ", ") + "; or give a path, or the PID of a process in it"
		}
		return &Error{Message: fmt.Sprintf("no network namespace %q", text), Status: statusUsage, Hint: hint, Err: withoutPath(err)}
	case errors.Is(err, fs.ErrPermission):
		return &Error{Message: fmt.Sprintf("network namespace %q cannot be entered (needs CAP_SYS_ADMIN)", text), Status: statusFailed, Hint: "run it under sudo", Err: withoutPath(err)}
	}
	return &Error{Message: fmt.Sprintf("network namespace %q cannot be entered", text), Status: statusUsage, Err: withoutPath(err)}
}

func spaceNames() (names []string) {
	entries, _ := os.ReadDir(namedSpaces) // none where nothing has a name
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// spacesOf returns the namespaces of interfaces, in their order there.
func spacesOf(interfaces []connlog.Interface) (list []uint64) {
	for _, i := range interfaces {
		if !slices.Contains(list, i.Namespace) {
			list = append(list, i.Namespace)
		}
	}
	return list
}
