package parquet

import (
	"encoding/binary"
	"io"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/metadata"
)

// group is a row group of which all pages but those in flight are there.
type group struct {
	rows   int
	chunks []chunk // by leaf
}

// chunk is a leaf of a row group.
type chunk struct {
	dictionary []byte // its page; empty = there is none
	pages      []byte
	size       int64 // of both without compression
	cells      int64
	plain      bool  // a page has texts that are not in the dictionary
	count      int32 // of pages
	span
}

// span is what a chunk's statistics tell.
type span struct {
	nulls               int64
	ints, texts         bool // there are any
	least, most         int64
	leastText, mostText string
}

func (r *span) addInts(least, most int64) {
	if !r.ints {
		r.ints, r.least, r.most = true, least, most
	}
	r.least, r.most = min(r.least, least), max(r.most, most)
}

func (r *span) addTexts(texts []string) {
	for _, s := range texts {
		if !r.texts {
			r.texts, r.leastText, r.mostText = true, s, s
		}
		r.leastText, r.mostText = min(r.leastText, s), max(r.mostText, s)
	}
}

func (r *span) add(s *span) {
	r.nulls += s.nulls
	if s.ints {
		r.addInts(s.least, s.most)
	}
	if s.texts {
		r.addTexts([]string{s.leastText, s.mostText})
	}
}

// add adds a page.
func (g *group) add(p *page) {
	g.rows += p.rows
	for i := range p.encoded {
		c, e := &g.chunks[i], &p.encoded[i]
		c.pages = append(c.pages, e.bytes...)
		c.dictionary = append(c.dictionary, e.dictionary...)
		c.size += int64(e.size + e.dictionarySize)
		c.cells += int64(e.cells)
		c.plain = c.plain || e.plain
		c.count++
		c.span.add(&e.span)
	}
}

func (g *group) reset() {
	g.rows = 0
	for i := range g.chunks {
		c := &g.chunks[i]
		*c = chunk{dictionary: c.dictionary[:0], pages: c.pages[:0]}
	}
}

// write writes the group, which begins at byte at of the file, describes it in the footer,
// and returns how many bytes it has.
func (g *group) write(out io.Writer, at int64, kinds []kind, footer *metadata.RowGroupMetaDataBuilder, ordinal int16) (size int64, err error) {
	footer.SetNumRows(g.rows)
	var plain int64
	for i := range g.chunks {
		c, meta := &g.chunks[i], footer.NextColumnChunk()
		if err := c.describe(meta, at+size, &kinds[i]); err != nil {
			return 0, err
		}
		size += int64(len(c.dictionary) + len(c.pages))
		plain += c.size
		for _, b := range [][]byte{c.dictionary, c.pages} {
			if _, err := out.Write(b); err != nil {
				return 0, err
			}
		}
	}
	return size, footer.Finish(plain, ordinal)
}

// describe fills in the footer's part about the chunk, which begins at byte at.
func (c *chunk) describe(meta *metadata.ColumnChunkMetaDataBuilder, at int64, k *kind) error {
	info := metadata.ChunkMetaInfo{NumValues: c.cells, IndexPageOffset: -1, DataPageOffset: at + int64(len(c.dictionary)),
		CompressedSize: int64(len(c.dictionary) + len(c.pages)), UncompressedSize: c.size}
	encodings := metadata.EncodingStats{}
	if len(c.dictionary) > 0 {
		info.DictPageOffset = at
		if !c.plain { // then a reader may trust that the dictionary has every text
			encodings.DictEncodingStats = map[parquet.Encoding]int32{parquet.Encodings.Plain: 1}
			encodings.DataEncodingStats = map[parquet.Encoding]int32{parquet.Encodings.RLEDict: c.count}
		}
	}
	meta.SetStats(c.statistics(k))
	return meta.Finish(info, len(c.dictionary) > 0, c.plain, encodings, nil)
}

// maxStatistic is the most bytes of a text in the statistics. What is longer is left out:
// some readers take what they find for a whole text.
const maxStatistic = 4096

func (c *chunk) statistics(k *kind) (s metadata.EncodedStatistics) {
	s.SetNullCount(c.nulls)
	s.Signed = k.physical != parquet.Types.ByteArray
	switch {
	case c.ints:
		s.SetMin(k.value(c.least))
		s.SetMax(k.value(c.most))
	case c.texts:
		s.SetMin([]byte(c.leastText))
		s.SetMax([]byte(c.mostText))
	}
	s.ApplyStatSizeLimits(maxStatistic)
	return s
}

// value is v as statistics have it: PLAIN.
func (k *kind) value(v int64) []byte {
	switch k.physical {
	case parquet.Types.Boolean:
		return []byte{byte(v)}
	case parquet.Types.Int32:
		return binary.LittleEndian.AppendUint32(nil, uint32(v))
	}
	return binary.LittleEndian.AppendUint64(nil, uint64(v))
}
