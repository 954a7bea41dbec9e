package connlog

// Shift adds d nanoseconds to every time of the event that is on the real-time
// clock, the starts that name processes among them: the log of a clock that was d
// behind becomes that of the capture's clock.
func (e *Event) Shift(d int64) {
	e.Time += d
	switch e.Kind {
	case KindProcess:
		e.Process.ID.shift(d)
		e.Process.Parent.shift(d)
	case KindSocket:
		for i := range e.Socket.Owners {
			e.Socket.Owners[i].shift(d)
		}
		shift(&e.Socket.Since, d)
	case KindPoll:
		e.Poll.Begin += d
		e.Poll.End += d
	case KindGap:
		e.Gap.Begin += d
		e.Gap.End += d
	}
}

func (id *ProcessID) shift(d int64) { shift(&id.Start, d) }

// shift leaves 0 alone: there is no time.
func shift(at *int64, d int64) {
	if *at != 0 {
		*at += d
	}
}
