package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapwho/pcapwho/record"
)

func TestParseLimits(t *testing.T) {
	for text, want := range map[string]record.Config{
		"":                 {},
		"-a duration:60":   {Duration: time.Minute},
		"-a duration:0.25": {Duration: 250 * time.Millisecond},
		"-a duration:1m30s -a packets:10 -a filesize:2":        {Duration: 90 * time.Second, Limits: record.Limits{Packets: 10, Bytes: 2000}},
		"-b filesize:1000 -b files:3 -b duration:5 -a files:7": {Limits: record.Limits{Files: 7}, Rotation: record.Rotation{Bytes: 1e6, Files: 3, Every: 5 * time.Second}},
	} {
		var got record.Config
		stop, rotate := split(text)
		if err := parseLimits(&got, stop, rotate); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%q: %v %s", text, err, cmp.Diff(want, got))
		}
	}
	for _, text := range []string{"-a 60", "-a duration:", "-a duration:0", "-a duration:-1", "-a duration:NaN", "-a duration:Inf", "-a duration:1e300", "-a duration:1_m",
		"-a packets:0", "-a packets:1.5", "-a packets:9999999999", "-a filesize:0", "-a size:5", "-b", "-b 5", "-b packets:5", "-b files:-1", "-b filesize:1k", "-b duration:0"} {
		var got record.Config
		stop, rotate := split(text)
		if err := parseLimits(&got, stop, rotate); err == nil {
			t.Errorf("%q: got %+v, want an error", text, got)
		}
	}
}

// split gives -a and -b their values.
func split(text string) (stop, rotate []string) {
	words := append(strings.Fields(text), "")
	for i, w := range words[:len(words)-1] {
		switch w {
		case "-a":
			stop = append(stop, words[i+1])
		case "-b":
			rotate = append(rotate, words[i+1])
		}
	}
	return stop, rotate
}
