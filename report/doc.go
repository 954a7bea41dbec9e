// Package report runs a whole analysis: from the files of a recording to
// tables in the format asked for.
//
//  1. [Analyze] opens the captures and finds the log beside them, reads the
//     log into a timeline of owners, streams the packets through package
//     attribute, and folds the result by package measure.
//  2. The [Result] has the tables, the measures behind them, what was wrong
//     with the inputs, and what the user should know ([Warning]).
//  3. [Result.Write] writes it by package encode as an [Output] says. What is
//     written to a file or a folder appears whole or not at all.
//
// The packets table takes a second pass over the captures, made while it is
// written; a capture from a pipe is therefore spilled to a temporary file when
// that table is asked for.
//
// Limits: memory grows with connections, sockets and processes, not with
// packets.
package report
