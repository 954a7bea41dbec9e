// Package parquet writes tables as Parquet files: zstd, integers DELTA_BINARY_PACKED,
// texts through dictionaries. It knows nothing of the other formats.
//
//  1. [NewWriter] begins a file, [Writer.Write] takes batch after batch, [Writer.Close] ends it.
//
// A Parquet file is made of row groups of up to 524,288 rows, each of one chunk a leaf (a
// column, or a field of its lists), each of pages:
//
//	"PAR1"  ( ( dictionary page  page… ) for each leaf ) for each row group   footer  its length  "PAR1"
//	page:   header  zstd( repetition levels  definition levels  values )
//
// [Writer] fills one page of all leaves while others are encoded; texts are numbered
// when they are filled in, in the order of the rows.
//
// The pages are made here, the schema and the footer by arrow, whose own pages took
// five times as long: it looks every text up by its hash, and makes a compressor of
// megabytes for each page. The file is the same for any number of workers.
//
// Limits: a writer holds one row group of 524,288 rows in encoded form, and beside it one
// page of 32,768 rows or a batch more for each worker and one to fill.
//
// Sources: Encodings.md and parquet.thrift of the format's repository
// (github.com/apache/parquet-format).
package parquet
