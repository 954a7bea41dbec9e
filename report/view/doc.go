// Package view reads what a page or a chart shows of a result.
//
//  1. A [Source] is the tables of package table, and what is around them.
//  2. [Measure] reads the tables by the names of their columns, so that what a result
//     does not have is left out.
//  3. [Measured.JSON] is all of it for a page, within a size; package chart draws parts
//     of it.
//
// # Limits
//
// There are at most [MaxConnections] connections, those with the most bytes. Buckets of
// time are those of the result, as long as there are not too many for a page (a third of
// its size) or for memory. Sums and distributions are over all connections. Memory: the
// rows that may be shown, a cell of 48 bytes each, the table of endpoints, and 32 MiB of
// buckets.
package view
