package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/pcapwho/pcapwho/record"
)

// parseLimits reads the values of -a and -b, which are dumpcap's.
func parseLimits(cfg *record.Config, stop, rotate []string) error {
	for _, text := range stop {
		ok := false
		switch name, value, _ := strings.Cut(text, ":"); name {
		case "duration":
			cfg.Duration, ok = seconds(value)
		case "filesize":
			cfg.Limits.Bytes, ok = kilobytes(value)
		case "packets":
			cfg.Limits.Packets, ok = count(value)
		case "files":
			var n int64
			n, ok = count(value)
			cfg.Limits.Files = int(n)
		}
		if !ok {
			return usagef("-a duration:60 ends after a minute; filesize:KB, packets:N and files:N are the others", "-a: %q is no condition to stop at", text)
		}
	}
	for _, text := range rotate {
		ok := false
		switch name, value, _ := strings.Cut(text, ":"); name {
		case "duration":
			cfg.Rotation.Every, ok = seconds(value)
		case "filesize":
			cfg.Rotation.Bytes, ok = kilobytes(value)
		case "files":
			var n int64
			n, ok = count(value)
			cfg.Rotation.Files = int(n)
		}
		if !ok {
			return usagef("-b filesize:100000 -b files:10 keeps the last gigabyte in ten files; duration:SECONDS is the other rule", "-b: %q is no rule for the next file", text)
		}
	}
	return nil
}

// seconds reads "60", or a time with a unit as "1.5m".
func seconds(value string) (time.Duration, bool) {
	if n, err := strconv.ParseFloat(value, 64); err == nil {
		value = strconv.FormatFloat(n, 'f', -1, 64) + "s"
	}
	d, err := time.ParseDuration(value)
	return d, err == nil && d > 0
}

// kilobytes reads a size in units of 1,000 bytes, as dumpcap's are.
func kilobytes(value string) (int64, bool) {
	n, ok := count(value)
	return n * 1000, ok
}

// count reads a number from 1 on.
func count(value string) (int64, bool) {
	n, err := strconv.ParseInt(value, 10, 32)
	return n, err == nil && n > 0
}
