package record

import "github.com/pcapwho/pcapwho/ingest/connlog"

// platformTap opens a ring.
func platformTap(cfg *Config, interfaces []connlog.Interface) (tap, []connlog.Interface, error) {
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
		return nil, nil, err
	}
	r, err := openRing(bound, cfg.RingMiB, program)
	if err != nil {
		return nil, nil, err
	}
	return r, interfaces, nil
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
