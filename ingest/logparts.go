package ingest

import (
	"errors"
	"io"
	"os"
	"unsafe"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/prefetch"
)

// How many parts of a log are in memory, and how many goroutines parse them: two are
// quicker than whoever takes their events.
const logPartsAhead, logParsers = 6, 2

// logParts reads logs in parts, parses several at a time, and hands them on in order.
type logParts struct {
	free          chan *logPart
	work, inOrder chan *logPart // each part is in both
}

// logPart is a piece of a log, and its events.
type logPart struct {
	log    *openedLog
	piece  connlog.Piece
	end    int64 // bytes of all logs until behind the piece
	parsed chan struct{}

	slots  []connlog.Slot // the first events of which are in use
	events int
	bad    []badLine
	ended  error // what ends the reading of the log behind the events, io.EOF if it is its end
}

// badLine is a malformed line before an event of its part.
type badLine struct {
	before int
	*connlog.LineError
}

func newLogParts() *logParts {
	l := &logParts{make(chan *logPart, logPartsAhead), make(chan *logPart, logPartsAhead), make(chan *logPart, logPartsAhead)}
	for range logPartsAhead {
		l.free <- &logPart{parsed: make(chan struct{}, 1)}
	}
	return l
}

// read reads all logs, piece by piece, until one fails or free is closed.
func (l *logParts) read(paths []string, sorted bool) {
	defer close(l.inOrder)
	defer close(l.work)
	var end int64
	for _, path := range paths {
		log := &openedLog{path: path}
		for ended := error(nil); ended == nil; {
			p, ok := <-l.free
			if !ok {
				log.file.Close()
				return
			}
			if ended = log.next(&p.piece, sorted); ended == nil {
				end += p.piece.Bytes()
			}
			p.log, p.end, p.events, p.bad, p.ended = log, end, 0, p.bad[:0], ended
			l.work <- p
			l.inOrder <- p
			if ended != nil && ended != io.EOF {
				return
			}
		}
	}
}

// parse parses parts.
func (l *logParts) parse() {
	r := connlog.NewPieceReader()
	for p := range l.work {
		if p.ended == nil {
			p.parse(r)
		}
		p.parsed <- struct{}{}
	}
}

// close waits until nobody reads and parses.
func (l *logParts) close() {
	close(l.free)
	for p := range l.inOrder {
		<-p.parsed
		p.log.file.Close()
	}
}

// parse parses the lines of the part.
func (p *logPart) parse(r *connlog.Reader) {
	r.Take(&p.piece)
	for {
		if p.events == len(p.slots) {
			p.slots = append(p.slots, connlog.Slot{})
		}
		ask(prefetch.Write, p.slots, p.events)
		if err := r.Read(&p.slots[p.events]); err == nil {
			p.events++
		} else if err == io.EOF || !p.note(err) {
			return
		}
	}
}

// note keeps an error of a line, or what ends the reading; it tells whether there is more
// to parse.
func (p *logPart) note(err error) (more bool) {
	var bad *connlog.LineError
	if errors.As(err, &bad) {
		p.bad = append(p.bad, badLine{p.events, bad})
		return true
	}
	p.ended = err
	return false
}

// ask asks for the memory of an event some before its turn: another core had it last.
func ask(how func(unsafe.Pointer, int), slots []connlog.Slot, n int) {
	const before = logEarly + 2
	if n+before < len(slots) {
		how(unsafe.Pointer(&slots[n+before]), int(unsafe.Sizeof(slots[0])))
	}
}

// openedLog is a log that is being read.
type openedLog struct {
	path   string
	file   *os.File
	lines  *lineReader // nil = in the order of the file
	pieces *connlog.Pieces
}

// next reads the next piece, and opens the log before its first.
func (l *openedLog) next(p *connlog.Piece, sorted bool) (err error) {
	if l.file == nil {
		if l.file, err = os.Open(l.path); err != nil {
			return err
		}
		src := io.Reader(l.file)
		if sorted {
			if l.lines, err = newLineReader(l.file); err != nil {
				return err
			}
			src = l.lines
		}
		l.pieces = connlog.NewPieces(src, l.path)
	}
	return l.pieces.Next(p)
}
