package record

import "time"

// stepLimit is how far the two clocks may differ from one reading to the next
// without a step: both are slewed alike, so only the reading itself is inexact.
const stepLimit = int64(100 * time.Microsecond)

// clockWatch compares real time with the time since boot.
type clockWatch struct {
	offset int64 // of the last reading
	known  bool
}

// read returns both clocks and how far real time jumped since the last reading.
func (w *clockWatch) read() (boot, now, step int64) {
	boot, now = clocks()
	return boot, now, w.compare(boot, now)
}

func (w *clockWatch) compare(boot, now int64) (step int64) {
	offset := now - boot
	if w.known && (offset-w.offset > stepLimit || w.offset-offset > stepLimit) {
		step = offset - w.offset
	}
	w.offset, w.known = offset, true
	return step
}
