//go:build race

package ingest

// underRace: the race detector makes everything ten times slower, so tests try
// less.
const underRace = true
