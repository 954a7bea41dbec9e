package main

import (
	"fmt"
	"os"
	"time"
)

// Progress is shown for what takes longer than progressAfter, and at most
// every progressEvery.
const (
	progressAfter = 500 * time.Millisecond
	progressEvery = 100 * time.Millisecond
)

// newProgress returns a function to call with the bytes done and the bytes in
// all (0 = not known), which draws one line on a terminal: nil where there is
// none, or nobody wants to see it.
func (c *console) newProgress(what string) func(done, total int64) {
	if c.quiet || !isTerminal(c.err) {
		return nil
	}
	begin := time.Now()
	shown := begin.Add(progressAfter - progressEvery)
	return func(done, total int64) {
		now := time.Now()
		if now.Sub(shown) < progressEvery {
			return
		}
		shown = now
		c.drawProgress(progressText(what, done, total, now.Sub(begin)))
	}
}

// progressText returns "reading  45 %  1.2 of 2.6 GB  812 MB/s  2 s left".
func progressText(what string, done, total int64, spent time.Duration) string {
	rate := float64(done) / spent.Seconds()
	if total <= 0 {
		return fmt.Sprintf("%s  %s  %s/s", what, megabytes(float64(done)), megabytes(rate))
	}
	done = min(done, total)
	text := fmt.Sprintf("%s  %d %%  %s of %s  %s/s", what, 100*done/total, megabytes(float64(done)), megabytes(float64(total)), megabytes(rate))
	if 1000*done >= total { // the rate of less tells nothing
		left := time.Duration(float64(total-done) / rate * 1e9)
		text += fmt.Sprintf("  %v left", left.Round(time.Second))
	}
	return text
}

func megabytes(bytes float64) string {
	if bytes >= 1e9 {
		return fmt.Sprintf("%.2f GB", bytes/1e9)
	}
	return fmt.Sprintf("%.1f MB", bytes/1e6)
}

// drawProgress replaces the progress line.
func (c *console) drawProgress(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if columns := width(c.err); columns > 0 && len(text) >= columns {
		text = text[:columns-1]
	}
	if c.data {
		return
	}
	fmt.Fprint(c.err, "\r"+text+"\x1b[K")
	c.progress = true
}

// dataWriter prints data to a terminal: it takes the progress line away, and
// none is drawn from then on.
type dataWriter struct {
	c *console
	f *os.File
}

func (d *dataWriter) Write(b []byte) (int, error) {
	d.c.mu.Lock()
	d.c.clearProgress()
	d.c.data = true
	d.c.mu.Unlock()
	return d.f.Write(b)
}

// endProgress takes the progress line away.
func (c *console) endProgress() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clearProgress()
}

func (c *console) clearProgress() {
	if c.progress {
		fmt.Fprint(c.err, "\r\x1b[K")
		c.progress = false
	}
}
