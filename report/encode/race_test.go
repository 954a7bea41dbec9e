//go:build race

package encode

// underRace: the race detector makes everything ten times slower, so tests try
// fewer of what is alike.
const underRace = true
