package ingest

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// rotated is what rotation puts before a capture's suffix: the number and time
// of dumpcap and pcapwho, or the number alone.
var rotated = regexp.MustCompile(`_\d{5,}(_\d{14})?$`)

// RotatedSet returns the pattern that finds the captures of a rotated set, and them,
// ascending: "run_*.pcapng" for "run_00001_20260102030405.pcapng", and for "run.pcapng",
// the name that rotation puts numbers into. There are none where the pattern finds other
// files, too.
func RotatedSet(capture string) (pattern string, captures []string) {
	suffix := filepath.Ext(capture)
	base := func(name string) string { return strings.TrimSuffix(name, suffix) }
	name := rotated.ReplaceAllString(base(capture), "")
	if strings.ContainsAny(name+suffix, `*?[\`) { // a pattern itself
		return "", nil
	}
	pattern = name + "_*" + suffix
	found, err := filepath.Glob(pattern)
	if err != nil || slices.ContainsFunc(found, func(path string) bool { return rotated.ReplaceAllString(base(path), "") != name }) {
		return "", nil
	}
	return pattern, found
}
