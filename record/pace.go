package record

import "time"

// A source that polls takes one part in paceShare of a processor, and looks neither
// more nor less often than this.
const (
	paceShare    = 8
	paceShortest = 20 * time.Millisecond
	paceLongest  = time.Second
)

// pace tells how often a source looks. Times are in nanoseconds.
type pace struct {
	cost                 int64 // processor time of a look, smoothed
	begun, last, longest int64 // first and latest beginning of a look; longest time between two
	looks                int64
}

// looked notes a look that began at a time, and what it cost.
func (p *pace) looked(begin int64, cost time.Duration) {
	switch p.looks {
	case 0: // the first reads everything, once
	case 1:
		p.cost = int64(cost)
	default:
		p.cost += (int64(cost) - p.cost) / 4
	}
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
