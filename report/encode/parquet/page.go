package parquet

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/klauspost/compress/zstd"

	"github.com/pcapwho/pcapwho/report/table"
)

// compression is how hard is compressed: a packet takes 15 bytes, and one more at the level
// below, which saves a seventh of the encoder's time.
const compression = zstd.SpeedDefault

// page is some rows: one page of each leaf.
type page struct {
	kinds  []kind
	leaves []leaf
	rows   int

	// dictionaries are those of the group, of which this page is the last; nil = it is not.
	dictionaries []*dictionary

	wait    sync.WaitGroup // for encode
	encoded []encodedPage  // by leaf
	plain   []byte         // before compression
}

// encodedPage is the page of a leaf as it stands in the file, with its header.
type encodedPage struct {
	bytes          []byte
	size           int // without compression
	cells          int
	plain          bool   // its texts are not in the dictionary
	dictionary     []byte // of the group, where that ends with this page
	dictionarySize int    // likewise without compression
	span
}

func newPage(kinds []kind) *page {
	return &page{kinds: kinds, leaves: make([]leaf, len(kinds)), encoded: make([]encodedPage, len(kinds))}
}

func (p *page) reset() {
	p.rows, p.dictionaries = 0, nil
	for i := range p.leaves {
		p.leaves[i].reset()
	}
}

// append adds the rows of b.
func (p *page) append(b *table.Batch, d []*dictionary) {
	leaf := 0
	for i := range b.Columns {
		leaf += appendColumn(p.leaves[leaf:], d[leaf:], &b.Schema.Columns[i], &b.Columns[i])
	}
	p.rows += b.Rows
}

// close ends the filling: from then on the page does without the dictionaries, to which
// others add.
func (p *page) close(dictionaries []*dictionary) {
	for i, d := range dictionaries {
		if d == nil {
			continue
		}
		l := &p.leaves[i]
		l.width, l.plain = d.width(), d.full
		d.full = d.size > maxDictionary
	}
}

// encode makes the bytes of all leaves.
func (p *page) encode(z *zstd.Encoder) {
	for i := range p.leaves {
		k, l, e := &p.kinds[i], &p.leaves[i], &p.encoded[i]
		p.plain = l.append(p.plain[:0], k)
		encoding := k.encoding
		if l.width > 0 && !l.plain {
			encoding = parquet.Encodings.RLEDict
		}
		*e = encodedPage{bytes: e.bytes[:0], dictionary: e.dictionary[:0], cells: l.cells(), plain: l.plain, span: l.span()}
		e.bytes, e.size = appendPage(e.bytes, dataPage, p.plain, e.cells, encoding, z)
		if p.dictionaries == nil || p.dictionaries[i] == nil {
			continue
		}
		texts := p.dictionaries[i].texts
		p.plain = appendTexts(p.plain[:0], texts)
		e.dictionary, e.dictionarySize = appendPage(e.dictionary, dictionaryPage, p.plain, len(texts), parquet.Encodings.Plain, z)
		e.addTexts(texts)
	}
}

// append appends the body: levels, then values.
func (l *leaf) append(b []byte, k *kind) []byte {
	b = appendLevels(b, l.repetitions, k.repetitions)
	b = appendLevels(b, l.definitions, k.definitions)
	switch {
	case k.physical == parquet.Types.Boolean:
		return table.AppendBits(b, l.bools)
	case k.physical == parquet.Types.ByteArray && l.plain:
		return appendTexts(b, l.texts)
	case k.physical == parquet.Types.ByteArray:
		return appendHybrid(append(b, byte(l.width)), l.indices, l.width)
	}
	return appendDelta(b, l.ints, k.physical == parquet.Types.Int32)
}

// appendLevels appends levels behind their length in bytes; nothing where 0 is the greatest
// that there may be.
func appendLevels(b []byte, levels []uint8, greatest uint8) []byte {
	if greatest == 0 {
		return b
	}
	begin := len(b)
	b = appendHybrid(append(b, 0, 0, 0, 0), levels, uint(bits.Len8(greatest)))
	binary.LittleEndian.PutUint32(b[begin:], uint32(len(b)-begin-4))
	return b
}

// The kinds of pages, as parquet.thrift numbers them.
const dataPage, dictionaryPage = 0, 2

// appendPage appends a page with its header, the structure PageHeader of parquet.thrift in
// Thrift's compact protocol, and returns how long it would be without compression.
func appendPage(b []byte, kind int64, body []byte, cells int, encoding parquet.Encoding, z *zstd.Encoder) (out []byte, size int) {
	begin := len(b)
	b = z.EncodeAll(body, b)
	var space [64]byte
	header := space[:0]
	field := func(v int64) { header = binary.AppendVarint(append(header, 0x15), v) } // of type i32, the next by number
	field(kind)
	field(int64(len(body)))
	field(int64(len(b) - begin))
	if kind == dictionaryPage {
		header = append(header, 0x4c) // the structure dictionary_page_header, field 7
		field(int64(cells))
		field(int64(encoding))
	} else {
		header = append(header, 0x2c) // data_page_header, field 5
		field(int64(cells))
		field(int64(encoding))
		field(int64(parquet.Encodings.RLE)) // of definition levels
		field(int64(parquet.Encodings.RLE)) // of repetition levels
	}
	header = append(header, 0, 0) // the end of both structures
	return slices.Insert(b, begin, header...), len(header) + len(body)
}

// span sums the leaf up.
func (l *leaf) span() (r span) {
	values := len(l.ints) + len(l.bools) + len(l.indices) + len(l.texts)
	r.nulls = int64(l.cells() - values)
	if len(l.ints) > 0 {
		r.addInts(slices.Min(l.ints), slices.Max(l.ints))
	}
	for _, v := range l.bools {
		r.addInts(int64(level(v)), int64(level(v)))
	}
	if l.plain {
		r.addTexts(l.texts)
	}
	return r
}
