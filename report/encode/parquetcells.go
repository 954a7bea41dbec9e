package encode

import (
	"fmt"
	"unsafe"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"

	"github.com/pcapwho/pcapwho/report/table"
)

// parquetCells turns the cells of a column into what Parquet stores (the
// Dremel encoding): the values that are there, and for each cell a definition
// level (how much of its path exists) and a repetition level (0 begins a row).
// It keeps its memory from batch to batch.
type parquetCells struct {
	ints        []int64
	small       []int32
	bools       []bool
	bytes       []parquet.ByteArray
	definitions []int16
	repetitions []int16 // for lists alone
	valued      []bool  // by leaf: its open page has a value
}

func (p *parquetCells) reset() {
	clear(p.bytes)
	*p = parquetCells{p.ints[:0], p.small[:0], p.bools[:0], p.bytes[:0], p.definitions[:0], p.repetitions[:0], p.valued}
}

// write writes a column, which begins at the given leaf of the schema, and
// returns how many leaves it takes.
func (p *parquetCells) write(group file.BufferedRowGroupWriter, leaf int, c *table.Column, v *table.Values) (leaves int, err error) {
	var fields []func()
	switch c.Type {
	case table.ProcessList:
		for _, add := range []func(table.Process) bool{p.addPID, p.addStart, p.addName} {
			fields = append(fields, func() { takeList(p, v.Valid, v.Lists, add) })
		}
	case table.Histogram:
		for _, of := range []func(table.Bucket) int64{least, below, count} {
			fields = append(fields, func() { takeList(p, v.Valid, v.Buckets, func(b table.Bucket) bool { return p.addInt(of(b)) }) })
		}
	default:
		fields = append(fields, func() { p.flat(c, v) })
	}
	for field, take := range fields {
		take()
		if err := p.put(group, leaf+field); err != nil {
			return 0, err
		}
	}
	return len(fields), nil
}

func least(b table.Bucket) int64 { return b.Least }
func below(b table.Bucket) int64 { return b.Below }
func count(b table.Bucket) int64 { return b.Count }

// flat takes a column that is no list: its definition level is 1 where a
// nullable cell has a value.
func (p *parquetCells) flat(c *table.Column, v *table.Values) {
	p.reset()
	for i, valid := range v.Valid {
		if c.Nullable {
			p.define(valid)
		}
		if !valid {
			continue
		}
		switch c.Type {
		case table.Int32:
			p.small = append(p.small, int32(v.Ints[i]))
		case table.String:
			p.bytes = append(p.bytes, bytesOf(v.Strings[i]))
		case table.Bool:
			p.bools = append(p.bools, v.Bools[i])
		default:
			p.ints = append(p.ints, v.Ints[i])
		}
	}
}

func (p *parquetCells) define(valid bool) {
	level := int16(0)
	if valid {
		level = 1
	}
	p.definitions = append(p.definitions, level)
}

// takeList takes one field of the elements of lists, by add, which tells whether the
// field has a value that it might not have. Definition levels: 0 the list is NULL, 1 it is empty, 2
// there is an element, 3 with a value in a nullable field.
func takeList[T any](p *parquetCells, valid []bool, lists [][]T, add func(T) bool) {
	p.reset()
	for i, list := range lists {
		if len(list) == 0 {
			p.define(valid[i])
			p.repetitions = append(p.repetitions, 0)
		}
		for k, e := range list {
			level := int16(2)
			if add(e) {
				level = 3
			}
			p.definitions = append(p.definitions, level)
			p.repetitions = append(p.repetitions, int16(min(k, 1)))
		}
	}
}

func (p *parquetCells) addPID(e table.Process) bool { return p.addInt(e.PID) }

func (p *parquetCells) addInt(v int64) bool {
	p.ints = append(p.ints, v)
	return false // required: it has no level of its own
}

func (p *parquetCells) addStart(e table.Process) bool {
	if e.Start != 0 {
		p.ints = append(p.ints, e.Start)
	}
	return e.Start != 0
}

func (p *parquetCells) addName(e table.Process) bool {
	if e.Name != "" {
		p.bytes = append(p.bytes, bytesOf(e.Name))
	}
	return e.Name != ""
}

// put adds what was taken to the open page of a leaf.
func (p *parquetCells) put(group file.BufferedRowGroupWriter, leaf int) error {
	column, err := group.Column(leaf)
	if err != nil {
		return err
	}
	definitions, repetitions := p.definitions, p.repetitions
	if len(definitions) == 0 {
		definitions = nil // the writer tells "none" by nil alone
	}
	if len(repetitions) == 0 {
		repetitions = nil
	}
	for len(p.valued) <= leaf {
		p.valued = append(p.valued, false)
	}
	if p.valued[leaf] = p.valued[leaf] || len(p.ints)+len(p.small) > 0; !p.valued[leaf] {
		if err := prime(column); err != nil {
			return err
		}
	}
	switch w := column.(type) {
	case *file.Int64ColumnChunkWriter:
		_, err = w.WriteBatch(p.ints, definitions, repetitions)
	case *file.Int32ColumnChunkWriter:
		_, err = w.WriteBatch(p.small, definitions, repetitions)
	case *file.BooleanColumnChunkWriter:
		_, err = w.WriteBatch(p.bools, definitions, repetitions)
	case *file.ByteArrayColumnChunkWriter:
		_, err = w.WriteBatch(p.bytes, definitions, repetitions)
	default:
		err = fmt.Errorf("parquet column %s: unexpected type %v", column.Descr().Path(), column.Type())
	}
	return err
}

// endPages ends the open page of every leaf.
func (p *parquetCells) endPages(group file.BufferedRowGroupWriter) error {
	for leaf := range p.valued {
		column, err := group.Column(leaf)
		if err != nil {
			return err
		}
		if err := column.(interface{ FlushCurrentPage() error }).FlushCurrentPage(); err != nil {
			return err
		}
	}
	clear(p.valued)
	return nil
}

// prime readies a DELTA_BINARY_PACKED encoder for a page without a value, for
// which it is not made: it asks for its size of a bit writer that only a first
// value makes, or takes that of the page before. A value put and flushed
// leaves a fresh bit writer and no byte.
func prime(w file.ColumnChunkWriter) error {
	encoder := w.CurrentEncoder()
	switch e := encoder.(type) {
	case interface{ Put([]int64) }:
		e.Put([]int64{0})
	case interface{ Put([]int32) }:
		e.Put([]int32{0})
	default:
		return nil
	}
	flushed, err := encoder.FlushValues()
	if err == nil {
		flushed.Release()
	}
	return err
}

// bytesOf returns the bytes of s without copying; they are only read.
func bytesOf(s string) parquet.ByteArray { return unsafe.Slice(unsafe.StringData(s), len(s)) }
