// Package spill sorts records by number: in memory up to a budget, and beyond
// it in sorted runs in a temporary file, which are merged when they are read.
package spill
