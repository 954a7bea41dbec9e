// Package decode reads results back as tables, as package encode wrote them.
//
//  1. [Open] looks through a file of JSON once: which tables it holds, with which
//     columns. A column that this version does not know is left out, one that the file
//     does not have is none of the table's.
//  2. [Parts] finds the runs of a dataset, and [Part.Open] the files of one, of Parquet or
//     CSV. A column that they do not have is NULL; lists, and dates, which stand in the
//     column before them too, are left out. Parquet is read where [ReadsParquet] says.
//  3. Each of [Result.Tables] reads its files anew, some rows at a time.
//
// Limits: a batch of 2,048 rows; of JSON what one row takes, of Parquet a page of each
// column, none of them more than 256 MiB. Files of a newer
// schema_version are refused, and so is what is damaged.
package decode
