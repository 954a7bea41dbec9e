package record

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// SocketVariable is the environment variable of the wrapped command that names
// the recording's control socket: a unix datagram socket. Each datagram is one or
// more lines, "begin NAME", "end NAME" or "mark NAME". A line without a name is none: what
// is outside of all phases has no name.
const SocketVariable = "PCAPWHO_SOCKET"

// maxMark is the longest datagram that is taken, in bytes; markWait how long a
// writer waits while the recorder has no room for one.
const (
	maxMark  = 4096
	markWait = time.Second
)

// markVerbs are the words of the line protocol, by what they say.
var markVerbs = map[connlog.MarkChange]string{connlog.MarkBegin: "begin", connlog.MarkEnd: "end", connlog.MarkInstant: "mark"}

// Mark marks the beginning or end of a phase, or with connlog.MarkInstant that one
// begins and the one before ends, in the recording whose control socket is given;
// "" = that of SocketVariable. It waits a second at most. An *Error tells that there
// is no recording, or that it has ended.
func Mark(socket string, change connlog.MarkChange, name string) error {
	if socket == "" {
		socket = os.Getenv(SocketVariable)
	}
	if socket == "" {
		return &Error{Message: "no recording is known here: " + SocketVariable + " is not set", Status: statusUsage,
			Hint: "run the benchmark by `pcapwho record -- COMMAND`, or name the recording's log"}
	}
	if name == "" || strings.ContainsAny(name, "\n\x00") || len(name) > maxMark-len("begin ") {
		return &Error{Message: fmt.Sprintf("the name of a phase is one line of 1 to %d bytes", maxMark-len("begin ")), Status: statusUsage}
	}
	err := sendMark(socket, markVerbs[change]+" "+name)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return &Error{Message: "the recording has ended: nobody takes marks at " + socket, Status: statusFailed}
	}
	return &Error{Message: "the recording takes no mark at " + socket, Status: statusFailed, Err: err}
}

func sendMark(socket, line string) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(markWait)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(line))
	return err
}

// parseMarks reads a datagram: its marks, and the lines that are none.
func parseMarks(datagram []byte) (marks []connlog.Mark, wrong []string) {
	for line := range bytes.Lines(datagram) {
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			continue
		}
		verb, name, _ := strings.Cut(text, " ")
		found := false
		for change, v := range markVerbs {
			if v == verb && name != "" {
				marks, found = append(marks, connlog.Mark{Change: change, Name: name}), true
			}
		}
		if !found {
			wrong = append(wrong, text)
		}
	}
	return marks, wrong
}

// timedMark is a mark and when it was written, Unix nanoseconds.
type timedMark struct {
	connlog.Mark
	at int64
}

func (r *Recording) tellMark(m timedMark) {
	r.note(&connlog.Event{Kind: connlog.KindMark, Time: m.at, Mark: &m.Mark})
}
