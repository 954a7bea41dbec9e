package connlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// MaxLine is the length of the longest line that is read, in bytes: longer
// ones are skipped. A recorder's longest, the head, grows with the number of
// interfaces.
const MaxLine = 4 << 20

// LineError says what is wrong with one line of a log. Reading goes on behind
// it.
type LineError struct {
	File   string
	Line   uint64 // from 1
	Offset int64  // of the line, in bytes
	Field  string // "" = the line as a whole
	Text   string // what was found and what was expected
	Torn   bool   // the file ends within this line
}

// Error returns "run.conns.jsonl: line 7 (offset 0x2a0): pid 9999999999, want at most 2147483647".
func (e *LineError) Error() string {
	text := e.Text
	if e.Field != "" {
		text = e.Field + " " + text
	}
	return fmt.Sprintf("%s: line %d (offset %#x): %s", e.File, e.Line, e.Offset, text)
}

// NotLogError says that a file is no connection log, or one of a schema that
// this version does not read.
type NotLogError struct {
	File, Text string
}

// Error returns "x.jsonl: …".
func (e *NotLogError) Error() string { return e.File + ": " + e.Text }

// Reader reads the events of one connection log. It is not safe for
// concurrent use.
type Reader struct {
	pieces *Pieces // nil = they are given by Take
	piece  Piece
	file   string
	text   []byte // of the piece, that was not read
	cut    int64  // what the next line lacks
	line   uint64
	offset int64 // of the next line
	begun  bool  // the head was read
	ended  error

	name  string // of the last event
	own   Slot   // of Next
	words map[string]string
}

// Slot is the memory of one event. It may be used again and again.
type Slot struct {
	Event

	// What the event points to, where parseFixed read it.
	socket   Socket
	counters Counters
	owners   []ProcessID
	process  Process
	args     []string
	poll     Poll
}

// NewReader returns a Reader of src; file is what errors call it.
func NewReader(src io.Reader, file string) *Reader {
	return &Reader{pieces: NewPieces(src, file), words: map[string]string{}}
}

// NewPieceReader returns a Reader of what Take gives it.
func NewPieceReader() *Reader { return &Reader{words: map[string]string{}} }

// Take makes p what is read next; until its end, where Read returns io.EOF, it belongs to
// the reader. A piece that is not the first of a log needs no head.
func (r *Reader) Take(p *Piece) {
	r.file, r.text, r.cut, r.offset, r.line = p.file, p.text, p.cut, p.offset, p.line-1
	r.begun, r.ended = p.begun, nil
}

// Offset returns how many bytes of the log have been read.
func (r *Reader) Offset() int64 { return r.offset }

// Line returns the number of the line that was read last, from 1.
func (r *Reader) Line() uint64 { return r.line }

// Next returns the next event that this version knows; its memory is used
// again by the next call, strings excepted. Its errors are those of Read.
func (r *Reader) Next() (*Event, error) {
	if err := r.Read(&r.own); err != nil {
		return nil, err
	}
	return &r.own.Event, nil
}

// Read reads the next event that this version knows into s. At the end it
// returns io.EOF; for a malformed or torn line a *LineError, after which reading
// goes on; a *NotLogError when the log is empty, the first event is no head, or
// it is a newer schema's; else the source's own error.
func (r *Reader) Read(s *Slot) error {
	for r.ended == nil {
		if err := r.fill(); err != nil {
			return r.end(err)
		}
		at := r.offset
		text, whole := r.readLine()
		if len(bytes.TrimSpace(text)) == 0 && whole {
			continue
		}
		if bad := r.take(s, text, whole); bad != nil {
			bad.File, bad.Line, bad.Offset, bad.Torn = r.file, r.line, at, !whole
			return r.bad(bad)
		}
		if err := r.checkHead(&s.Event); err != nil {
			return r.end(err)
		}
		if s.Kind != KindUnknown {
			return nil
		}
	}
	return r.ended
}

// take parses a line into s. A last line without its newline counts if
// it is whole otherwise.
func (r *Reader) take(s *Slot, text []byte, whole bool) *LineError {
	if len(text) > MaxLine {
		return &LineError{Text: fmt.Sprintf("longer than %d bytes", MaxLine)}
	}
	if r.parseFixed(s, text) {
		r.name = s.Kind.String()
		return nil
	}
	var err error
	if r.name, err = parse(text, &s.Event); err == nil {
		return nil
	}
	if !whole && r.begun {
		return &LineError{Text: fmt.Sprintf("the log is cut here, %d bytes into a line", len(text))}
	}
	var field *fieldError
	errors.As(err, &field) // parse has no others
	return &LineError{Field: field.field, Text: field.err.Error()}
}

// end makes err what every further call returns.
func (r *Reader) end(err error) error {
	r.ended = err
	return err
}

// bad returns e; before the head nothing can be trusted, and it is final.
func (r *Reader) bad(e *LineError) error {
	if r.begun {
		return e
	}
	return r.end(&NotLogError{r.file, "no connection log: " + strings.TrimPrefix(e.Error(), r.file+": ")})
}

// fill sees to it that there is a line to read.
func (r *Reader) fill() error {
	switch {
	case len(r.text) > 0:
		return nil
	case r.pieces == nil:
		return io.EOF
	}
	err := r.pieces.Next(&r.piece)
	if err == nil {
		r.Take(&r.piece)
	}
	return err
}

// readLine returns the next line without its newline; whole tells that it had
// one. Of a line longer than MaxLine it returns a little more than that.
func (r *Reader) readLine() (text []byte, whole bool) {
	text, rest, whole := bytes.Cut(r.text, newline)
	r.offset += int64(len(r.text)-len(rest)) + r.cut
	r.line++
	r.text, r.cut = rest, 0
	return text, whole
}

// checkHead holds that the log begins with a head whose schema can be read.
func (r *Reader) checkHead(e *Event) error {
	if r.begun && e.Kind != KindHead {
		return nil
	}
	if e.Kind != KindHead {
		return &NotLogError{r.file, fmt.Sprintf("no connection log: its first event is %q, want \"head\"", r.name)}
	}
	name, version, _ := strings.Cut(e.Head.Schema, "/")
	major, err := strconv.Atoi(version)
	switch {
	case name != "pcapwho.connlog" || err != nil:
		return &NotLogError{r.file, fmt.Sprintf("schema %q, want %q", e.Head.Schema, Schema)}
	case major > Major:
		return &NotLogError{r.file, fmt.Sprintf("schema %q is newer than this version reads (%q): update pcapwho", e.Head.Schema, Schema)}
	}
	r.begun = true
	return nil
}
