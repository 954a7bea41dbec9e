package record

import (
	"errors"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// clocks reads CLOCK_BOOTTIME and CLOCK_REALTIME at one moment, in nanoseconds:
// of three readings the one that was disturbed least.
func clocks() (boot, now int64) {
	best := int64(math.MaxInt64)
	for range 3 {
		before, real, after := clock(unix.CLOCK_BOOTTIME), clock(unix.CLOCK_REALTIME), clock(unix.CLOCK_BOOTTIME)
		if after-before < best {
			best, boot, now = after-before, before+(after-before)/2, real
		}
	}
	return boot, now
}

// threadTime is the processor time of the calling thread.
func threadTime() time.Duration { return time.Duration(clock(unix.CLOCK_THREAD_CPUTIME_ID)) }

func clock(id int32) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		return time.Now().UnixNano() // the kernel has both clocks since 2.6.39
	}
	return t.Nano()
}

// watchSteps calls stepped whenever somebody sets the real-time clock, until
// stop is called (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET).
func watchSteps(stepped func()) (stop func(), err error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	arm := func() error {
		far := unix.ItimerSpec{Value: unix.NsecToTimespec(math.MaxInt32 * int64(time.Second))} // 2038: it never fires
		return os.NewSyscallError("timerfd_settime", unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &far, nil))
	}
	if err := arm(); err != nil {
		unix.Close(fd)
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "timerfd")
	done := make(chan struct{})
	go func() {
		defer close(done)
		var b [8]byte
		for {
			if _, err := file.Read(b[:]); err != nil && !errors.Is(err, unix.ECANCELED) {
				return
			}
			stepped()
			if arm() != nil {
				return
			}
		}
	}()
	return func() { file.Close(); <-done }, nil
}
