// Package compare compares runs of a benchmark with other runs of it.
//
//  1. [Sources] finds what names stand for: recordings, results of JSON, and the runs of
//     datasets. [Source.Load] makes a [Run] of each: what the whole, every process, phase
//     and endpoint exchanged, and how.
//  2. [Runs] compares two lists of runs, subject by subject and metric by metric. Where
//     both have three runs or more, a [Change] is sure if chance hardly makes one as
//     large anywhere in the comparison: Welch's test, corrected for many comparisons
//     (Holm 1979), at [Alpha]. Its interval is a bootstrap's (Efron 1979).
//  3. [Comparison.Text], [Comparison.Markdown], [Comparison.Section] of a page and JSON
//     show what changed. [Condition] is what a user does not want to change.
//
// Processes are matched by name, and by command where all runs have the same ones;
// PIDs differ from run to run. The same runs give the same bytes.
//
// Limits: a run has at most 131,072 endpoints, those met first, and one of all others; of
// changes that are not sure the first 5,000 have an interval.
package compare
