package content

import "encoding/binary"

var be = binary.BigEndian

// cursor reads a message from its beginning on. Once something is not there, all
// further reads return nothing.
type cursor struct {
	rest []byte
	cut  bool
}

// bytes returns the next n bytes.
func (c *cursor) bytes(n int) []byte {
	if c.cut || n > len(c.rest) {
		c.cut = true
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) uint8() int {
	if b := c.bytes(1); b != nil {
		return int(b[0])
	}
	return 0
}

func (c *cursor) uint16() int {
	if b := c.bytes(2); b != nil {
		return int(be.Uint16(b))
	}
	return 0
}

// vector8 returns what is as long as the byte before it says.
func (c *cursor) vector8() []byte { return c.bytes(c.uint8()) }

// vector16 returns what is as long as the two bytes before it say.
func (c *cursor) vector16() []byte { return c.bytes(c.uint16()) }

// some returns the next n bytes, or as many as there are.
func (c *cursor) some(n int) []byte { return c.bytes(min(n, len(c.rest))) }

// left tells whether there is more to read.
func (c *cursor) left() bool { return !c.cut && len(c.rest) > 0 }
