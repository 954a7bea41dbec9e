package encode

import (
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/pcapwho/pcapwho/report/table"
)

// arrowColumn makes arrays of the cells of a column. What arrow holds as a batch does is not
// copied; for the rest it keeps its memory from batch to batch: an array is valid until the next.
type arrowColumn struct {
	kind   arrow.DataType
	lists  array.Builder // nil = the column has none
	valid  []byte        // a bit a cell
	bits   []byte        // likewise, of Bool
	narrow []int32
	ends   []int32 // of texts: where each begins in text, and the last ends
	text   []byte
}

func newArrowColumn(kind arrow.DataType) *arrowColumn {
	c := &arrowColumn{kind: kind}
	if kind.ID() == arrow.LIST {
		c.lists = array.NewBuilder(memory.DefaultAllocator, kind)
	}
	return c
}

// array returns the cells of v; release it.
func (c *arrowColumn) array(v *table.Values) (arrow.Array, error) {
	if c.lists != nil {
		appendArrowLists(c.lists.(*array.ListBuilder), v)
		return c.lists.NewArray(), nil
	}
	buffers := make([]*memory.Buffer, 2, 3)
	nulls := 0
	if slices.Contains(v.Valid, false) {
		for _, valid := range v.Valid {
			if !valid {
				nulls++
			}
		}
		c.valid = table.AppendBits(c.valid[:0], v.Valid)
		buffers[0] = memory.NewBufferBytes(c.valid)
	}
	switch c.kind.ID() {
	case arrow.INT32:
		c.narrow = c.narrow[:0]
		for _, x := range v.Ints {
			c.narrow = append(c.narrow, int32(x))
		}
		buffers[1] = memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(c.narrow))
	case arrow.STRING:
		if err := c.addTexts(v.Strings); err != nil {
			return nil, err
		}
		buffers[1] = memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(c.ends))
		buffers = append(buffers, memory.NewBufferBytes(c.text))
	case arrow.BOOL:
		c.bits = table.AppendBits(c.bits[:0], v.Bools)
		buffers[1] = memory.NewBufferBytes(c.bits)
	default:
		buffers[1] = memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(v.Ints))
	}
	data := array.NewData(c.kind, len(v.Valid), buffers, nil, nulls, 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

func (c *arrowColumn) addTexts(texts []string) error {
	c.text, c.ends = c.text[:0], append(c.ends[:0], 0)
	for _, s := range texts {
		c.text = append(c.text, s...)
		c.ends = append(c.ends, int32(len(c.text)))
	}
	if len(c.text) > math.MaxInt32 {
		return fmt.Errorf("%d bytes of text in a column of %d rows: Arrow holds 2 GiB", len(c.text), len(texts))
	}
	return nil
}

func (c *arrowColumn) release() {
	if c.lists != nil {
		c.lists.Release()
	}
}
