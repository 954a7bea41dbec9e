package record

import (
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// platformTap opens a ring, or one in each network namespace that the user named.
func platformTap(cfg *Config, interfaces []connlog.Interface) (tap, []connlog.Interface, error) {
	if len(cfg.Namespaces) == 0 {
		r, err := openRingFor(cfg, interfaces)
		if err != nil {
			return nil, nil, err
		}
		return r, interfaces, nil
	}
	var list []*ring
	give := func(err error) (tap, []connlog.Interface, error) {
		for _, r := range list {
			r.close()
		}
		return nil, nil, err
	}
	for n, inode := range spacesOf(interfaces) {
		there := slices.DeleteFunc(slices.Clone(interfaces), func(i connlog.Interface) bool { return i.Namespace != inode })
		err := entering(spacePath(cfg.Namespaces[n]), func() error {
			r, err := openRingFor(cfg, there)
			if err == nil {
				list = append(list, r)
			}
			return err
		})
		if err != nil {
			return give(spaceError(cfg.Namespaces[n], err))
		}
	}
	r, err := newRings(list)
	if err != nil {
		return give(err)
	}
	return r, interfaces, nil
}

// openRingFor opens a ring in the network namespace of the calling thread.
func openRingFor(cfg *Config, interfaces []connlog.Interface) (*ring, error) {
	var indexes []int
	bound := 0 // all
	if len(cfg.Interfaces) > 0 {
		for _, i := range interfaces {
			indexes = append(indexes, i.Index)
		}
	}
	if len(indexes) == 1 {
		bound, indexes = indexes[0], nil
	}
	program, err := buildFilter(indexes, cfg.Filter, cfg.Snaplen)
	if err != nil {
		return nil, err
	}
	return openRing(bound, cfg.RingMiB, program)
}

// tryCapture opens a ring for a moment.
func tryCapture(mebibytes int) Finding {
	program, err := buildFilter(nil, nil, DefaultSnaplen)
	if err == nil {
		var r *ring
		if r, err = openRing(0, mebibytes, program); err == nil {
			r.close()
		}
	}
	return finding(err)
}
