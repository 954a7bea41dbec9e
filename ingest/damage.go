package ingest

// maxDamage is how many different places are kept of each file; more are
// added up on the last.
const maxDamage = 100

// Damage is one place, or kind of place, where an input was damaged or cut.
type Damage struct {
	File    string // as given
	Block   uint64 // number of the block of a capture, or of the line of a log, from 1; 0 = the whole file
	Offset  int64  // of that block or line, in bytes
	Field   string // what was wrong; "" = the block as a whole
	Message string // what was found and what was expected
	Count   int64  // how often, this place included
}

// addDamage appends d, or counts it with the one before when there are too
// many of one file.
func addDamage(list []Damage, d Damage) []Damage {
	if n := len(list); n >= maxDamage && list[n-maxDamage].File == d.File {
		list[n-1].Count++
		return list
	}
	d.Count = 1
	return append(list, d)
}
