package ingest

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"slices"
)

// SortedLog opens connection logs whose lines are in another order than they were
// written in: they are read in that of seq. It reads each of them once for that, and
// keeps 80 bytes a line of the current one.
func SortedLog(paths ...string) (*Log, error) {
	l, err := OpenLog(paths...)
	if err == nil {
		l.sorted = true
	}
	return l, err
}

// InOrder tells whether the lines that were read are in the order in which they were
// written: seq goes up. It begins anew with each head.
func (l *Log) InOrder() bool { return !l.disorder }

// checkOrder notes whether an event is behind those before it.
func (l *Log) checkOrder(seq uint64, head bool) {
	if seq <= l.seq && !head {
		l.disorder = true
	}
	l.seq = seq
}

// line is where a line of a log is, with those behind it that have no seq: they are
// malformed.
type line struct {
	recording      int // of the file, where it has several: their heads stand before their lines
	seq            uint64
	end            bool // it is the recording's last
	offset, length int64
	number         uint64 // from 1
}

// maxSought is how many bytes of a line are looked through for its seq.
const maxSought = 1 << 20

// sortedLines returns the lines of a log in the order of seq.
func sortedLines(f io.Reader) ([]line, error) {
	var lines []line
	offset, whole := int64(0), true // what is read next begins a line
	number, heads := uint64(0), 0
	for r := bufio.NewReaderSize(f, maxSought); ; {
		text, err := r.ReadSlice('\n')
		if whole && len(text) > 0 {
			number++
			if seq, ok := seqOf(text); ok || len(lines) == 0 {
				if seq == 1 { // docs/connlog.md
					heads++
				}
				lines = append(lines, line{recording: heads, seq: seq, end: bytes.Contains(text, []byte(`"event":"end"`)), offset: offset, number: number})
			}
		}
		if len(lines) > 0 {
			lines[len(lines)-1].length += int64(len(text))
		}
		offset += int64(len(text))
		whole = err == nil
		switch {
		case err == io.EOF:
			return inOrder(lines, heads > 1), nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// inOrder sorts lines by seq, each recording's where there are several. Where a seq is
// there twice, or goes on behind the end, somebody else gave it, and the order of the file
// is what there is.
func inOrder(lines []line, several bool) []line {
	sorted := slices.Clone(lines)
	slices.SortStableFunc(sorted, func(a, b line) int {
		if several && a.recording != b.recording {
			return cmp.Compare(a.recording, b.recording)
		}
		return cmp.Compare(a.seq, b.seq)
	})
	for i := range max(len(sorted)-1, 0) {
		if a, b := &sorted[i], &sorted[i+1]; (a.seq == b.seq || a.end) && (!several || a.recording == b.recording) {
			return lines
		}
	}
	return sorted
}

// seqOf finds the member seq of an object of JSON. Within a text its quotation marks
// would be escaped.
func seqOf(text []byte) (seq uint64, ok bool) {
	_, text, ok = bytes.Cut(text, []byte(`"seq"`))
	text = bytes.TrimLeft(text, " \t")
	if !ok || len(text) == 0 || text[0] != ':' {
		return 0, false
	}
	text = bytes.TrimLeft(text[1:], " \t")
	n := 0
	for ; n < len(text) && text[n] >= '0' && text[n] <= '9' && seq < 1<<59; n++ {
		seq = seq*10 + uint64(text[n]-'0')
	}
	return seq, n > 0
}

// lineReader reads the lines of a log in another order.
type lineReader struct {
	file  *os.File
	lines []line
	next  int
	rest  *io.SectionReader // of the current one
	ended bool              // what was read ends with a newline
	added bool              // that of the file's last line was added
}

func newLineReader(f *os.File) (*lineReader, error) {
	lines, err := sortedLines(f)
	return &lineReader{file: f, lines: lines, rest: io.NewSectionReader(f, 0, 0), ended: true}, err
}

// Read ends every line, also the one that was the file's last.
func (r *lineReader) Read(b []byte) (n int, err error) {
	for n < len(b) {
		m, err := r.rest.Read(b[n:])
		if n += m; m > 0 {
			r.ended = b[n-1] == '\n'
			continue
		}
		switch {
		case err != io.EOF:
			return n, err
		case r.next == len(r.lines):
			return n, io.EOF
		case !r.ended:
			b[n], r.ended, r.added = '\n', true, true
			n++
		default:
			l := &r.lines[r.next]
			r.rest, r.next = io.NewSectionReader(r.file, l.offset, l.length), r.next+1
		}
	}
	return n, nil
}

// place returns where in the file the line is that begins at an offset of what was read.
func (r *lineReader) place(at int64) (number uint64, offset int64) {
	last := slices.MaxFunc(r.lines, func(a, b line) int { return cmp.Compare(a.offset, b.offset) })
	for _, l := range r.lines {
		length := l.length
		if l == last && r.added {
			length++
		}
		if at < length {
			before := make([]byte, at)
			n, _ := r.file.ReadAt(before, l.offset)
			return l.number + uint64(bytes.Count(before[:n], []byte("\n"))), l.offset + at
		}
		at -= length
	}
	return 0, 0
}
