package connlog

import (
	"bytes"
	"fmt"
	"io"
	"slices"
)

// Piece is some lines of a log as they stand there: whole ones, but for the last of a log
// that ends without its newline.
type Piece struct {
	text   []byte
	file   string
	offset int64  // of its first line, in bytes
	line   uint64 // number of that, from 1
	cut    int64  // bytes that the first line, too long, had beside those in text
	begun  bool   // the log has lines before it
}

// Bytes returns how many bytes of the log the piece is.
func (p *Piece) Bytes() int64 { return int64(len(p.text)) + p.cut }

// Pieces cuts a log into pieces. It is not safe for concurrent use.
type Pieces struct {
	file   string
	src    io.Reader
	rest   []byte // that was read, and begins a line
	offset int64  // of rest
	line   uint64 // number of that line
	begun  bool   // a line was seen that is not blank
	err    error  // of src
}

// pieceSize is about how many bytes a piece has: some hundred lines.
const pieceSize = 64 << 10

// NewPieces returns the pieces of src; file is what errors call it.
func NewPieces(src io.Reader, file string) *Pieces { return &Pieces{file: file, src: src, line: 1} }

// Next makes p the next piece; it uses p's memory. A log begins with a line that is not
// blank. At the end it returns io.EOF; a *NotLogError when the log is empty; else the source's
// own error.
func (s *Pieces) Next(p *Piece) error {
	for {
		if err := s.read(p); err != nil {
			return err
		}
		p.file, p.offset, p.line, p.begun = s.file, s.offset, s.line, s.begun
		s.offset += p.Bytes()
		s.line += uint64(bytes.Count(p.text, newline))
		s.begun = s.begun || len(bytes.TrimSpace(p.text)) > 0
		if s.begun {
			return nil
		}
	}
}

var newline = []byte{'\n'}

// read reads p's text: until a newline at least.
func (s *Pieces) read(p *Piece) error {
	p.text, p.cut = append(slices.Grow(p.text[:0], pieceSize), s.rest...), 0
	s.rest = s.rest[:0]
	for begin := 0; ; s.more(p) {
		if end := begin + bytes.LastIndexByte(p.text[begin:], '\n') + 1; end > begin {
			s.rest = append(s.rest, p.text[end:]...)
			p.text = p.text[:end]
			return nil
		}
		if begin = len(p.text); begin > MaxLine {
			s.shorten(p)
			return nil
		}
		if s.err != nil {
			break
		}
	}
	switch {
	case s.err != io.EOF:
		return fmt.Errorf("%s: offset %#x: %w", s.file, s.offset+int64(len(p.text)), s.err)
	case len(p.text) > 0:
		return nil
	case !s.begun:
		return &NotLogError{s.file, "no connection log: it is empty"}
	}
	return io.EOF
}

// more reads behind p's text.
func (s *Pieces) more(p *Piece) {
	if len(p.text) == cap(p.text) {
		p.text = slices.Grow(p.text, len(p.text))
	}
	n, err := s.src.Read(p.text[len(p.text):min(cap(p.text), len(p.text)+pieceSize)])
	p.text, s.err = p.text[:len(p.text)+n], err
}

// shorten reads on to the end of a line that is longer than MaxLine, of which p keeps a
// little more than that.
func (s *Pieces) shorten(p *Piece) {
	const keep = MaxLine + 1
	p.cut, p.text = int64(len(p.text)-keep), p.text[:keep]
	for s.err == nil {
		s.more(p)
		behind := p.text[keep:]
		p.text = p.text[:keep]
		if end := bytes.IndexByte(behind, '\n'); end >= 0 {
			p.cut += int64(end)
			s.rest = append(s.rest, behind[end+1:]...)
			p.text = append(p.text, '\n')
			return
		}
		p.cut += int64(len(behind))
	}
}
