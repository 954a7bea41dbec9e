// Package table declares the tables of an analysis and holds their rows.
//
//  1. A [Schema] is declared once, in spine.go: name, columns, types, which
//     may be NULL, and one sentence each. Every format, docs/tables.md and
//     docs/analysis.schema.json are made from it.
//  2. A [Batch] holds up to [MaxRows] rows by column. Rows are appended cell
//     by cell, each cell with its column's name, so that a row that does not
//     follow the schema is found at once.
//  3. A [Table] is a schema and a function that pushes its batches.
//
// Types are chosen for what every reader of dataframes keeps exact: signed
// integers, UTF-8 strings, booleans, UTC microseconds, and two lists of
// structs. Instants are int64 Unix nanoseconds, and each has a companion
// column in microseconds that readers show as a date. NULL means unknown,
// never 0.
//
// Limits: a batch has at most 65,536 rows and is reused, so that the memory of
// a table does not grow with its length.
package table
