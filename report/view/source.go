package view

import (
	"fmt"

	"github.com/pcapwho/pcapwho/report/table"
)

// Source is what a page is made of. All but Tables may be empty.
type Source struct {
	Tool     string   // that made the page, and its version
	Files    []File   // captures, then logs
	Host     string   // that was recorded
	Command  []string // that was recorded, and its arguments
	Focused  bool     // the page shows what belongs to that command at first
	Selected bool     // a part of the recording counts in all tables but capture and damage
	Remarks  []Remark // what the reader should know of the result
	Saved    bool     // the tables are of a result that was saved without its remarks: the page tells what they show

	// Tables are those of Tables, in any order. The page says what it cannot show
	// without one that is missing.
	Tables []*table.Table

	// Activity calls yield with each connection of the table, the stretches of time in
	// which it had packets, and when segments were sent again, Unix nanoseconds: valid
	// during the call. nil = not known.
	Activity func(yield func(connection int64, stretches []Stretch, resent []int64) error) error
}

// Tables names the tables that a page shows.
func Tables() []string {
	return []string{"capture", "coverage", "damage", "processes", "phases", "endpoints", "connections", "timeseries"}
}

// File is an input.
type File struct {
	Name   string `json:"name"`
	Length int64  `json:"length"` // bytes; 0 = not known
	SHA256 string `json:"sha,omitempty"`
}

// Remark is one sentence, and what to do about it.
type Remark struct {
	Message string `json:"m"`
	Hint    string `json:"h,omitempty"`
}

// Stretch is a part of a connection's time and what was sent in it.
type Stretch struct {
	Begin, End     int64 // times of its first and last packet, Unix nanoseconds
	Client, Server int64 // bytes on the wire that each end sent
}

func (s *Source) table(name string) *table.Table {
	for _, t := range s.Tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// TableError is what a table of a source has that no analysis writes.
type TableError struct{ Table, What string }

func (e *TableError) Error() string { return "table " + e.Table + ": " + e.What }

func wrong(table, format string, args ...any) error {
	return &TableError{table, fmt.Sprintf(format, args...)}
}
