package encode

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// number returns n with commas between thousands.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Size returns bytes with three digits or more in decimal units: "999 B",
// "1.23 MB", "12.3 MB".
func Size(n int64) string { return size(n) }

// Number returns n with commas between thousands.
func Number(n int64) string { return number(n) }

// Count returns "1 packet" or "2,000 packets".
func Count(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return number(n) + " " + noun
}

// size returns bytes with three digits or more in decimal units: "999 B",
// "1.23 MB", "12.3 MB".
func size(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, units := float64(n)/1000, []string{"kB", "MB", "GB", "TB", "PB", "EB"}
	for v >= 999.5 && len(units) > 1 {
		v, units = v/1000, units[1:]
	}
	return fmt.Sprintf("%.*f %s", decimals(v), v, units[0])
}

// decimals returns how many of them make three digits.
func decimals(v float64) int {
	switch {
	case v < 9.995:
		return 2
	case v < 99.95:
		return 1
	}
	return 0
}

// duration returns the time between two instants, in nanoseconds: "3.021 s"
// below two minutes, else "1h2m3s". Hostile ones may lie 584 years apart.
func duration(first, last int64) string {
	ns := uint64(last) - uint64(first)
	if d := time.Duration(min(ns, math.MaxInt64)); d >= 2*time.Minute {
		return d.Truncate(time.Second).String()
	}
	return fmt.Sprintf("%.3f s", float64(ns)/1e9)
}

// percent returns n's share of total with one decimal; neither nothing nor
// everything is said of what is not.
func percent(n, total int64) string {
	switch {
	case n == 0:
		return ""
	case n == total:
		return "100 %"
	}
	switch s := fmt.Sprintf("%.1f %%", 100*float64(n)/float64(total)); s {
	case "0.0 %":
		return "<0.1 %"
	case "100.0 %":
		return ">99.9 %"
	default:
		return s
	}
}

// meter returns a bar of up to columns columns, in eighths of one.
func meter(n, total int64, columns int) string {
	if n == 0 || total == 0 {
		return ""
	}
	eighths := max(int(float64(n)/float64(total)*float64(columns*8)+0.5), 1)
	bar := strings.Repeat("█", eighths/8)
	if part := eighths % 8; part > 0 {
		bar += string([]rune("▏▎▍▌▋▊▉")[part-1])
	}
	return bar
}
