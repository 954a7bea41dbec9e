package record

import "github.com/pcapwho/pcapwho/ingest/connlog"

// source looks at sockets and processes. There are two: diag (Linux) and poll.
// One goroutine uses it.
type source interface {
	// name is the head's source; blind says what it cannot see, one sentence
	// each, and may be asked after the first look.
	name() string
	blind() []string

	// enter has it look, before the first look, in these network namespaces too, as the
	// user names them.
	enter(namespaces []string) error

	// focus tells, before the first look, which processes are the user's own, by PID.
	focus(pids []int32)

	// started tells the PID of the wrapped command.
	started(pid int32)

	// begin is called once, when rights that are not needed were given up, and before
	// anything is recorded: a source may have threads of its own from here on.
	begin()

	// look reads everything once. Each call returns a new look. The final look
	// of a recording, as the first, is thorough.
	look(thorough bool) (look, error)

	close()
}

// look is what a source found at one time.
type look struct {
	begin, end int64 // Unix nanoseconds around the reading
	thorough   bool  // the holders of every socket were read anew: no others were to be seen
	sockets    []sighting
	processes  []connlog.Process // new, changed and gone ones: Change says which
	ends       map[uint64]ending // by socket id: of those that the kernel told to be gone
	found      []glimpse         // sockets that were seen between two looks
}

// ending is the end of a socket.
type ending struct {
	at       int64             // Unix nanoseconds at which it was gone
	counters *connlog.Counters // nil = unknown
}

// sighting is one socket that exists: Change, Evidence and Since are not set.
// Its owners are those last seen to hold it. That they do, and that nobody else
// does, is known when the look is thorough.
type sighting = connlog.Socket

// glimpse is a socket that was seen between two looks, because a packet of it passed.
type glimpse struct {
	connlog.Socket       // with those that held it last; Change and Since are not set
	since          int64 // it was not there, Unix nanoseconds
	first, last    int64 // they had it from here to there, likewise
	accepted       bool  // its peer asked for the connection
	ended          bool  // it was not there at the look
	watched        bool  // it was, and more is to be told of it
}
