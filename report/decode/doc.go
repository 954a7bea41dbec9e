// Package decode reads results that were written as JSON back as tables, as package
// encode wrote them.
//
//  1. [Open] looks through the whole file once: which tables it holds, with which
//     columns. A column that this version does not know is left out, one that the file
//     does not have is none of the table's.
//  2. Each of [Result.Tables] reads the file anew, a row at a time.
//
// Limits: a batch of 2,048 rows, and what one row takes. Files of a newer
// schema_version are refused.
package decode
