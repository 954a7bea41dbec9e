package parquet

import (
	"slices"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/schema"

	"github.com/pcapwho/pcapwho/report/table"
)

// kind is what is the same of a leaf in all pages.
type kind struct {
	path                     string
	physical                 parquet.Type
	encoding                 parquet.Encoding // of its values where they are not in a dictionary
	definitions, repetitions uint8            // greatest level
}

func newKind(c *schema.Column) kind {
	k := kind{path: c.Path(), physical: c.PhysicalType(), encoding: parquet.Encodings.Plain,
		definitions: uint8(c.MaxDefinitionLevel()), repetitions: uint8(c.MaxRepetitionLevel())}
	if k.physical == parquet.Types.Int64 || k.physical == parquet.Types.Int32 {
		k.encoding = parquet.Encodings.DeltaBinaryPacked
	}
	return k
}

// leaf is a leaf of a page, a column or a field of its lists, as Parquet has it
// (the Dremel encoding): the values that are there, and for each cell a definition
// level (how much of its path exists) and a repetition level (0 begins a row).
type leaf struct {
	ints        []int64
	bools       []bool
	indices     []uint32 // of texts in the dictionary
	texts       []string // where that is full
	definitions []uint8  // for what may be NULL alone
	repetitions []uint8  // for lists alone

	width uint // bits of an index
	plain bool // texts are not in the dictionary
}

func (l *leaf) reset() {
	clear(l.texts)
	*l = leaf{ints: l.ints[:0], bools: l.bools[:0], indices: l.indices[:0], texts: l.texts[:0],
		definitions: l.definitions[:0], repetitions: l.repetitions[:0]}
}

// cells is how many there are: values and NULLs.
func (l *leaf) cells() int {
	return max(len(l.definitions), len(l.ints)+len(l.bools)+len(l.indices)+len(l.texts))
}

// appendColumn adds the cells of a column to its leaves, which are the first of those
// given with their dictionaries, and returns how many leaves it has.
func appendColumn(leaves []leaf, d []*dictionary, c *table.Column, v *table.Values) int {
	switch c.Type {
	case table.ProcessList:
		appendList(&leaves[0], v.Valid, v.Lists, func(e table.Process) bool { return leaves[0].required(e.PID) })
		appendList(&leaves[1], v.Valid, v.Lists, func(e table.Process) bool { return e.Start != 0 && leaves[1].optional(e.Start) })
		appendList(&leaves[2], v.Valid, v.Lists, func(e table.Process) bool { return e.Name != "" && leaves[2].text(e.Name, d[2]) })
		return 3
	case table.Histogram:
		appendList(&leaves[0], v.Valid, v.Buckets, func(e table.Bucket) bool { return leaves[0].required(e.Least) })
		appendList(&leaves[1], v.Valid, v.Buckets, func(e table.Bucket) bool { return leaves[1].required(e.Below) })
		appendList(&leaves[2], v.Valid, v.Buckets, func(e table.Bucket) bool { return leaves[2].required(e.Count) })
		return 3
	}
	leaves[0].appendFlat(c, v, d[0])
	return 1
}

// appendFlat takes a column that is no list: its definition level is 1 where a nullable
// cell has a value.
func (l *leaf) appendFlat(c *table.Column, v *table.Values, d *dictionary) {
	all := !slices.Contains(v.Valid, false)
	if c.Nullable {
		for _, valid := range v.Valid {
			l.definitions = append(l.definitions, level(valid))
		}
	}
	switch c.Type {
	case table.Bool:
		l.bools = appendValid(l.bools, v.Bools, v.Valid, all)
	case table.String:
		for i, s := range v.Strings {
			if v.Valid[i] {
				l.text(s, d)
			}
		}
	default:
		l.ints = appendValid(l.ints, v.Ints, v.Valid, all)
	}
}

// appendValid appends the values that are valid; all tells that every one is.
func appendValid[T any](out, values []T, valid []bool, all bool) []T {
	if all {
		return append(out, values...)
	}
	for i, v := range values {
		if valid[i] {
			out = append(out, v)
		}
	}
	return out
}

func level(valid bool) uint8 {
	if valid {
		return 1
	}
	return 0
}

// appendList takes one field of the elements of lists, by add, which tells whether the
// field has a value that it might not have. Definition levels: 0 the list is NULL, 1 it is empty, 2
// there is an element, 3 with a value in a nullable field.
func appendList[T any](l *leaf, valid []bool, lists [][]T, add func(T) bool) {
	for i, list := range lists {
		if len(list) == 0 {
			l.definitions, l.repetitions = append(l.definitions, level(valid[i])), append(l.repetitions, 0)
		}
		for k, e := range list {
			l.definitions, l.repetitions = append(l.definitions, 2+level(add(e))), append(l.repetitions, uint8(min(k, 1)))
		}
	}
}

// required appends a value that has no level of its own.
func (l *leaf) required(v int64) bool {
	l.ints = append(l.ints, v)
	return false
}

func (l *leaf) optional(v int64) bool {
	l.ints = append(l.ints, v)
	return true
}

func (l *leaf) text(s string, d *dictionary) bool {
	if d.full {
		l.texts = append(l.texts, s)
	} else {
		l.indices = append(l.indices, d.index(s))
	}
	return true
}
