package attribute

import (
	"io"

	"github.com/pcapwho/pcapwho/attribute/spill"
	"github.com/pcapwho/pcapwho/attribute/turn"
)

// LastRun returns the last stretch in which c was busy; ok is false where nobody
// measured. c must be as it was read.
func (c *Connection) LastRun() (r turn.Run, ok bool) {
	return turn.Run{From: c.Last - (c.Turns.Busy - c.Turns.Before), To: c.Last}, c.Turns.Known
}

// Runs are the stretches in which a result's connections were busy, but the last of
// each.
type Runs struct {
	connections *Connections
	sorters     []*spill.Sorter
}

// All calls f with every run, and its connection, which is valid during the call and
// those that follow with it: by connection, and then in the order of the file. Other
// connections are not even decoded. Its errors are those of temporary files.
func (r *Runs) All(f func(*Connection, turn.Run)) error {
	runs := spill.Merge(r.sorters...)
	var of uint64
	var run turn.Run
	read := func(id uint64, record []byte) {
		of = id
		run.Read(record)
	}
	err := runs.Next(read)
	if err == io.EOF { // most captures
		return nil
	}
	records, c := r.connections.records(), Connection{}
	decode := func(id uint64, record []byte) {
		if id == of {
			r.connections.decode(record, &c)
		}
	}
	for err == nil {
		if c.ID == of {
			f(&c, run)
			err = runs.Next(read)
		} else {
			err = records.Next(decode)
		}
	}
	if err == io.EOF {
		return nil
	}
	return err
}
