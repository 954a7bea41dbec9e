package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/report/encode"
	"github.com/pcapwho/pcapwho/report/measure"
)

// WarningKind tells warnings apart.
type WarningKind uint8

const (
	NoLog         WarningKind = iota // there is no connection log: no owner can be known
	OtherLog                         // the log is of another recording than the capture
	Drops                            // the recorder lost packets
	Gaps                             // the recorder lost sight of sockets or processes
	UnknownOwners                    // local packets without a known owner
	Damaged                          // an input was damaged or cut
	Overlap                          // captures that were read one after the other overlap in time
	OtherClock                       // the log's clock is not that of the capture
	NoRoom                           // answers of DNS were left out
	NoProcess                        // the log has no connection of the process asked for
	NoneSelected                     // no packet is one of those asked for
)

// Warning is something that the user should know about a result.
type Warning struct {
	Kind    WarningKind
	Message string // one sentence, lower case
	Hint    string // what to do about it; "" = nothing
}

// otherClock is how far the clocks of a capture and its log may differ.
const otherClock = int64(50 * time.Millisecond)

// maxDamage is how many damaged places are named one by one.
const maxDamage = 10

func (r *Result) warnings() []Warning {
	var all []Warning
	add := func(kind WarningKind, hint, format string, args ...any) {
		all = append(all, Warning{kind, fmt.Sprintf(format, args...), hint})
	}
	for i, d := range r.Damage {
		if i == maxDamage {
			add(Damaged, "", "…and %s", encode.Count(int64(len(r.Damage)-i), "more damaged place"))
			break
		}
		add(Damaged, "", "%s", describe(&d, slices.Contains(r.log.paths, d.File)))
	}
	if n, a, b := r.overlaps(); n > 0 {
		add(Overlap, "take their packets in the order of time with --merge",
			"%s begins before %s ends%s: connections that are in both may be cut or have wrong times", b, a, more(n-1, "file"))
	}
	for i, f := range r.input.capture.Files() {
		if f.RecordingID != "" && len(r.log.ids) > 0 && !slices.Contains(r.log.ids, f.RecordingID) {
			add(OtherLog, "give the log that was written with the capture", "%s is of recording %q, the log of %q: owners may be wrong", r.input.names[i], f.RecordingID, strings.Join(r.log.ids, ", "))
		}
	}
	if a := r.Attribution; a.KnowsClock && (a.ClockOffset > otherClock || a.ClockOffset < -otherClock) {
		offset := time.Duration(a.ClockOffset).Round(time.Millisecond)
		add(OtherClock, fmt.Sprintf("say --clock-offset %v", offset+time.Duration(r.cfg.ClockOffset)),
			"the clock of the log was %v behind that of the capture, by the connections that both have: owners are missing, or wrong", offset)
	}
	if n := r.log.marks.LeftOut; n > 0 {
		add(Gaps, "", "%s of the benchmark left out: there are too many, or more than 64 at once", encode.Count(int64(n), "phase"))
	}
	if c := &r.Capture; c.Dropped > 0 {
		add(Drops, "", "the recorder dropped %s: sums are too low by at least as many", encode.Count(c.Dropped, "packet"))
	}
	if r.log.gaps > 0 {
		add(Gaps, "", "the recorder noted %s in what it saw; what may fall into one has no owner", encode.Count(r.log.gaps, "gap"))
	}
	if len(r.log.paths) == 0 && len(r.input.capture.Marks()) > 0 {
		add(NoLog, "name the log with -l, or record with `pcapwho record -w run.pcapng -- COMMAND`, which writes it beside the capture",
			"there is no connection log beside the capture: only the owners that the capture itself names are known")
	} else if len(r.log.paths) == 0 {
		add(NoLog, "name the log with -l, or record with `pcapwho record -w run.pcapng -- COMMAND`, which writes it beside the capture",
			"there is no connection log beside the capture: owners are unknown")
	} else if sent, received := unknown(r.Coverage, measure.Source), unknown(r.Coverage, measure.Destination); sent+received > 0 {
		hint := ""
		if len(r.log.blind) > 0 {
			hint = "the recorder could not see: " + strings.Join(r.log.blind, "; ")
		}
		add(UnknownOwners, hint, "no single owner is known for the senders of %s and the receivers of %s", encode.Count(sent, "packet"), encode.Count(received, "packet"))
	}
	if n := r.Attribution.Names; n != nil && n.Left > 0 {
		add(NoRoom, "", "there was no room for %s of DNS: connections may miss the name of their server, or have an older one", encode.Count(n.Left, "answer"))
	}
	if r.NWB != nil && !r.NWB.Seen() {
		add(NoProcess, "of a connection with both ends here nwb takes the one that the log names last; "+listProcesses,
			"nwb has no connection of process %d: every number is 0", r.cfg.NWB)
	}
	if r.selectsNothing() {
		hint := listProcesses
		if r.Selection.Time != nil {
			hint = fmt.Sprintf("the capture is from %s to %s", stamp(r.Capture.First), stamp(r.Capture.Last))
		}
		add(NoneSelected, hint, "no packet of the capture is selected: every table of traffic is empty")
	}
	return all
}

// selectsNothing tells whether none of the packets counts. What is asked of single packets
// is not known before they are written.
func (r *Result) selectsNothing() bool {
	s := r.Selection
	return s != nil && (s.Query == nil || s.Query.PacketField() == "") && r.Capture.Totals.Packets > 0 && r.Coverage.Sum(measure.Source).Packets == 0
}

// listProcesses says how to see the processes of a recording.
const listProcesses = "processes and their PIDs: --tables processes --format csv"

// unknown counts the packets of a side that ought to have one owner, and have
// none.
func unknown(c *measure.Coverage, s measure.Side) int64 {
	return c[s][attribute.Unknown].Packets + c[s][attribute.Ambiguous].Packets
}

// overlaps counts the files that begin before all files before them have
// ended, and names the first such, b, and one that it overlaps.
func (r *Result) overlaps() (n int, a, b string) {
	if r.cfg.Merge {
		return 0, "", ""
	}
	latest := -1
	files := r.input.capture.Files()
	for i, f := range files {
		if f.First == 0 {
			continue
		}
		if latest >= 0 && f.First < files[latest].Last {
			if n++; n == 1 {
				a, b = r.input.names[latest], r.input.names[i]
			}
		}
		if latest < 0 || f.Last > files[latest].Last {
			latest = i
		}
	}
	return n, a, b
}

// more words how many more there are, "" where there are none.
func more(n int, what string) string {
	switch n {
	case 0:
		return ""
	case 1:
		return " (and 1 " + what + " more)"
	}
	return fmt.Sprintf(" (and %d %ss more)", n, what)
}

// describe says where and what.
func describe(d *ingest.Damage, log bool) string {
	unit := "block"
	if log {
		unit = "line"
	}
	var b strings.Builder
	b.WriteString(d.File)
	if d.Block > 0 {
		fmt.Fprintf(&b, ": %s %d (offset %#x)", unit, d.Block, d.Offset)
	}
	if d.Field != "" {
		b.WriteString(": " + d.Field)
	}
	b.WriteString(": " + d.Message)
	if d.Count > 1 {
		fmt.Fprintf(&b, " (and %d more)", d.Count-1)
	}
	return b.String()
}
