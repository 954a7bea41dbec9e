//go:build !linux

package record

import "errors"

// control is what takes marks: Linux alone has it.
type control struct {
	path    string
	notices chan timedMark
}

func openControl(*account, func(MessageKind, string)) (*control, error) {
	return nil, errors.New("on this system there is no socket for marks")
}

func (c *control) drain() {}
func (c *control) close() {}
