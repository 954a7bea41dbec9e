package record

import "time"

// A source that polls takes one part in paceShare of a processor, and looks neither
// more nor less often than this.
const (
	paceShare    = 8
	paceShortest = 20 * time.Millisecond
	paceLongest  = 5 * time.Second
)

// pace tells how often a source looks. Times are in nanoseconds.
type pace struct {
	cost                 int64 // of a look, smoothed
	begun, last, longest int64 // first and latest beginning of a look; longest time between two
	looks                int64
}

// looked notes a look.
func (p *pace) looked(begin, end int64) {
	p.cost += (max(end-begin, 0) - p.cost) / 4 // the clock may be set back
	if p.looks == 0 {
		p.begun = begin
	} else {
		p.longest = max(p.longest, begin-p.last)
	}
	p.last = begin
	p.looks++
}

// next is how long to wait after a look.
func (p *pace) next() time.Duration {
	return min(max(time.Duration(p.cost*(paceShare-1)), paceShortest), paceLongest)
}

// mean is how far apart the beginnings of looks were.
func (p *pace) mean() int64 {
	if p.looks < 2 {
		return 0
	}
	return (p.last - p.begun) / (p.looks - 1)
}
