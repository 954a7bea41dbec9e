package connlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// However long lines are, and in whatever parts they are read, a reader of pieces tells the
// place of each malformed one, and pieces are the whole log.
func TestPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := strings.Repeat("\n", rapid.IntRange(0, 2).Draw(t, "blank")) + headLine
		var want []string
		for n := range rapid.IntRange(0, 8).Draw(t, "lines") {
			bad := strings.Repeat("x", rapid.SampledFrom([]int{1, 9, pieceSize - 1, pieceSize, 3 * pieceSize}).Draw(t, "length"))
			want = append(want, fmt.Sprint(strings.Count(log, "\n")+1, " ", len(log)))
			log += bad + "\n" + strings.Repeat(pollLine, n)
		}
		src := io.Reader(strings.NewReader(log))
		if rapid.Bool().Draw(t, "halves") {
			src = iotest.HalfReader(src)
		}
		if got := placesOf(t, src, int64(len(log))); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("malformed lines and their offsets: %v, want %v", got, want)
		}
	})
}

// Nor does it matter that a line is too long to be kept.
func TestPieceBehindLongLine(t *testing.T) {
	for _, length := range []int{MaxLine, MaxLine + 1, MaxLine + pieceSize, 3 * MaxLine} {
		log := headLine + strings.Repeat("x", length) + "\n{]\n" + strings.Repeat(pollLine, 2000) + "{]\n"
		want := fmt.Sprint([]string{fmt.Sprint(2, " ", len(headLine)), fmt.Sprint(3, " ", len(headLine)+length+1), fmt.Sprint(2004, " ", len(log)-3)})
		for _, src := range []io.Reader{strings.NewReader(log), iotest.DataErrReader(strings.NewReader(log)), io.MultiReader(strings.NewReader(log[:MaxLine+90]), strings.NewReader(log[MaxLine+90:]))} {
			if got := placesOf(t, src, int64(len(log))); fmt.Sprint(got) != want {
				t.Errorf("%d bytes: malformed lines and their offsets: %v, want %v", length, got, want)
			}
		}
	}
}

// placesOf returns the numbers and offsets of the malformed lines of a log of so many bytes.
func placesOf(t rapid.TB, src io.Reader, size int64) (places []string) {
	t.Helper()
	pieces, r, read := NewPieces(src, "x"), NewPieceReader(), int64(0)
	for {
		var p Piece
		if err := pieces.Next(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		read += p.Bytes()
		r.Take(&p)
		var err error
		for bad := (*LineError)(nil); err == nil || errors.As(err, &bad); _, err = r.Next() {
			if err != nil {
				places = append(places, fmt.Sprint(bad.Line, " ", bad.Offset))
			}
		}
		if err != io.EOF {
			t.Fatal(err)
		}
	}
	if blank := size - read; blank < 0 || blank > 2 {
		t.Fatalf("pieces of %d bytes, of %d", read, size)
	}
	return places
}

// What was read before the source fails is there; a line that the failure cuts is not.
func TestPiecesOfBrokenSource(t *testing.T) {
	broken := errors.New("the disk is gone")
	text := headLine + strings.Repeat("x", MaxLine+9) + "\n" + pollLine + pollLine + pollLine[:9]
	kinds, errs := read(t, io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)))
	if kinds != "head ? poll poll" || len(errs) != 2 || !errors.Is(errs[1], broken) || !strings.Contains(errs[1].Error(), fmt.Sprintf("offset %#x", len(text))) {
		t.Errorf("got %q, %v", kinds, errs)
	}
	if _, errs := read(t, iotest.DataErrReader(bytes.NewReader([]byte(text)))); len(errs) != 2 {
		t.Errorf("got %v", errs)
	}
}
