// Package quantile sums up durations so that medians and other quantiles can be
// told of them, in memory that does not grow with their number: a Histogram, a Summary
// that has one as soon as it needs it, and a Sketch that adds up those of many.
package quantile
