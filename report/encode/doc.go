// Package encode writes tables in the formats that people and dataframes read.
//
//  1. [Encoder] takes tables batch by batch: [NewJSON] and [NewJSONL] any
//     number of them, [NewCSV], [NewArrow] and [NewParquet] one a file.
//  2. [Write] drives one encoder over some tables.
//  3. [Text] writes the summary for people: [Summary] at a width, with or
//     without colour. What a capture or a log says is escaped ([Escape]), so
//     that a process name cannot steer the terminal.
//
// Every format is made from the schemas of package table: the same columns in
// the same order, the same rows, NULL where nothing is known.
//
//	format   instants                       lists                NULL
//	json     integer and RFC 3339 string    array of objects     null
//	jsonl    the same                       the same             null
//	csv      integer and RFC 3339 text      JSON text            nothing between the commas
//	arrow    int64 and timestamp[µs, UTC]   list<struct>         null
//	parquet  INT64 and TIMESTAMP(µs, UTC)   LIST of groups       null
//
// In CSV a text that begins with = + - @, a tab or a carriage return gets an
// apostrophe in front, since spreadsheets would take it for a formula, and so
// does one that begins with an apostrophe; numbers are left alone. An empty
// text is "", NULL is nothing.
//
// Limits: an encoder holds one batch of 65,536 rows, that of Parquet what package parquet
// says. JSON integers are exact; readers that hold numbers as float64 (JavaScript, jq
// before 1.7) lose digits above 2^53.
package encode
