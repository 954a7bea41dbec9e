package record

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

// TestTogether tells several errors in one line, and each can be found.
func TestTogether(t *testing.T) {
	a, b := errors.New("a"), fmt.Errorf("b: %w", fs.ErrInvalid)
	for _, c := range []struct {
		errs []error
		want string
		n    int // parts
	}{
		{nil, "<nil>", 0},
		{[]error{nil, nil}, "<nil>", 0},
		{[]error{nil, a}, "a", 0},
		{[]error{a, nil, b}, "a; b: invalid argument", 2},
		{[]error{together(a, b), a}, "a; b: invalid argument; a", 3},
	} {
		err := together(c.errs...)
		var f Failures
		errors.As(err, &f)
		if fmt.Sprint(err) != c.want || len(f.Unwrap()) != c.n {
			t.Errorf("%v: %q of %d parts, want %q of %d", c.errs, fmt.Sprint(err), len(f), c.want, c.n)
		}
		if c.n > 0 && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%v: a cause is lost", err)
		}
	}
}
