package record

import (
	"context"
	"fmt"
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// blockTimeout is how long the ring keeps a packet that does not fill a block;
// linger is how long packets are captured after the last look, so that those
// that close the last connections are in.
const (
	blockTimeout = 50 * time.Millisecond
	linger       = 3 * blockTimeout
	logFlush     = 2 * DefaultTraceInterval // an event is in the log, after it was seen; with a look, so that one wake-up is both
)

// supervise ends the recording when it is time. It returns when there is no
// command left to wait for: its exit status, nil without a command, and what
// failed with its output.
func (r *Recording) supervise(ctx context.Context) (*int, error) {
	var limit <-chan time.Time
	if r.cfg.Duration > 0 {
		timer := time.NewTimer(r.cfg.Duration)
		defer timer.Stop()
		limit = timer.C
	}
	if r.command == nil {
		select {
		case <-ctx.Done():
			r.end("cancelled", nil)
		case <-limit:
			r.end("the time was up", nil)
		case <-r.stop:
		}
		return nil, nil
	}
	var status int
	var err error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		status, err = r.command.wait()
	}()
	for cancelled := ctx.Done(); ; {
		select {
		case <-cancelled:
			cancelled = nil
			r.command.cancel()
		case <-limit:
			limit = nil
			r.end("the time was up", nil)
		case <-ended:
			r.end("the command ended", &status)
			return &status, err
		}
	}
}

// follow writes the log until the recording ends: after Start every event comes
// from this goroutine, in the order of time.
func (r *Recording) follow(captured <-chan struct{}) {
	every := r.interval()
	looks, flushes, seconds := time.NewTicker(every), time.NewTicker(logFlush), time.NewTicker(time.Second)
	defer looks.Stop()
	defer flushes.Stop()
	defer seconds.Stop()
	var clock clockWatch
	r.tellTime(&clock)
	failing, marks := false, r.control.notices
	for running := true; running; {
		select {
		case <-looks.C:
			began := time.Now()
			err := r.look(false)
			if next := r.interval(); next != every || time.Since(began) > every/2 { // long ones have their pause
				every = next
				looks.Reset(every)
			}
			if err != nil && !failing {
				r.cfg.Message(Warning, fmt.Sprintf("the sockets could not be read: %v", err))
			}
			failing = err != nil
		case <-seconds.C:
			r.tellTime(&clock)
			if r.local.notices == nil {
				r.tellAddresses(r.local.compare())
			}
			r.tellAddresses(r.others.look())
			if r.cfg.Sync {
				r.logFailed(r.logFile.syncSoon())
			}
		case <-flushes.C:
			r.logFailed(r.log.Flush())
		case n := <-r.local.notices:
			r.tellAddresses(r.local.take(n))
		case n := <-r.nat.notices:
			r.tellTranslations(r.nat.take(n))
		case m, ok := <-marks:
			if !ok {
				marks = nil
				continue
			}
			r.tellMark(m)
		case i := <-r.met:
			r.tellInterface(i)
		case <-r.steps:
			r.tellTime(&clock)
		case g := <-r.losses:
			r.tellLoss(g)
		case <-r.stop:
			running = false
		}
	}
	r.control.drain()
	_ = r.look(true) // a failure is a gap in the log
	r.tellAddresses(r.others.look())
	lingered := time.After(linger)
	for running := true; running; {
		select {
		case m, ok := <-marks:
			if !ok {
				marks = nil
				continue
			}
			r.tellMark(m)
		case <-lingered:
			r.capture.stop()
		case g := <-r.losses:
			r.tellLoss(g)
		case n := <-r.nat.notices:
			r.tellTranslations(r.nat.take(n))
		case i := <-r.met:
			r.tellInterface(i)
		case <-captured:
			running = false
		}
	}
	if marks != nil {
		for m := range marks {
			r.tellMark(m)
		}
	}
	for len(r.losses) > 0 {
		r.tellLoss(<-r.losses)
	}
	for len(r.met) > 0 {
		r.tellInterface(<-r.met)
	}
	r.tellTime(&clock)
}

// look has the source tell what is new.
func (r *Recording) look(last bool) error {
	err := r.watch.lookNow(last)
	if r.others.due {
		r.tellAddresses(r.others.look())
	}
	return err
}

func (r *Recording) tellTime(clock *clockWatch) {
	boot, now, step := clock.read()
	r.note(&connlog.Event{Kind: connlog.KindClock, Time: now, Boot: boot, Clock: &connlog.Clock{Step: step}})
	if step != 0 {
		r.cfg.Message(Warning, fmt.Sprintf("the clock was set by %v", time.Duration(step)))
	}
}

func (r *Recording) tellAddresses(changes []connlog.Address) {
	for i := range changes {
		r.note(&connlog.Event{Kind: connlog.KindAddress, Time: time.Now().UnixNano(), Address: &changes[i]})
	}
}

func (r *Recording) tellTranslations(changes []connlog.NAT, at int64) {
	for i := range changes {
		r.note(&connlog.Event{Kind: connlog.KindNAT, Time: at, NAT: &changes[i]})
	}
}

func (r *Recording) tellInterface(i connlog.Interface) {
	r.note(&connlog.Event{Kind: connlog.KindInterface, Time: time.Now().UnixNano(), Interface: &i})
}

func (r *Recording) tellLoss(g connlog.Gap) {
	r.note(&connlog.Event{Kind: connlog.KindGap, Time: time.Now().UnixNano(), Gap: &g})
}

// stepped says that somebody set the clock. It is called from another
// goroutine and does not wait.
func (r *Recording) stepped() {
	select {
	case r.steps <- struct{}{}:
	default:
	}
}

// note writes one event.
func (r *Recording) note(e *connlog.Event) {
	if e.Kind == connlog.KindProcess {
		r.others.meet(e.Process)
	}
	r.logFailed(r.log.Write(e))
}

// logFailed tells the first failure once; the recording of packets goes on.
func (r *Recording) logFailed(err error) {
	if err != nil && r.failed == nil {
		r.failed = err
		r.cfg.Message(Warning, fmt.Sprintf("the connection log ends here: %v", err))
	}
}

// finish writes how the log ends, closes everything and sums up.
func (r *Recording) finish() {
	c, now := r.capture, time.Now()
	r.unstep()
	r.watch.close()
	r.local.close()
	r.others.close()
	r.nat.close()
	r.control.close()
	r.tap.close()
	if r.command != nil {
		r.command.disown() // nobody waits for the end of orphans any more
	}
	if c.failed != nil {
		r.tellLoss(connlog.Gap{Source: connlog.GapCapture, Begin: c.safe, End: now.UnixNano(), Message: "the capture failed: " + c.failed.Error()})
	}
	s := &r.summary
	s.Captures, s.End, s.Packets, s.Bytes, s.Dropped = c.files, now, c.packets, c.bytes, c.dropped
	s.Sockets, s.Processes = r.watch.seen()
	end := &connlog.End{Packets: s.Packets, Dropped: s.Dropped, Status: r.status, Reason: r.reason}
	if w, polls := r.watch.(*watch); polls {
		end.Interval, end.Longest = w.pace.mean(), w.pace.longest
	}
	r.note(&connlog.Event{Kind: connlog.KindEnd, Time: now.UnixNano(), End: end})
	r.logFailed(r.log.Flush())
	r.err = together(inFile(c.failedIn, c.failed), inFile(r.cfg.Log, r.failed), inFile(r.cfg.Log, r.logFile.finish()))
}

func inFile(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", path, err)
}
