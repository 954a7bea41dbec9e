package table

// Version is the version of the tables: it rises when a column is renamed,
// removed or changes its meaning, not when one is added.
const Version = 1

// Type is the type of a column.
type Type uint8

const (
	Int64       Type = iota
	Int32            // bit sets and other small numbers
	String           // UTF-8
	Bool             // true or false
	Timestamp        // microseconds since the Unix epoch, UTC; always the companion of the Int64 column before it
	ProcessList      // a list of processes: list<struct{pid int64, start_ns int64, name string}>
	Histogram        // buckets of durations, ascending: list<struct{least_ns int64, below_ns int64, count int64}>
)

// String returns the name that the documentation uses.
func (t Type) String() string {
	return [...]string{"int64", "int32", "string", "bool", "timestamp[µs, UTC]",
		"list<struct{pid int64, start_ns int64, name string}>", "list<struct{least_ns int64, below_ns int64, count int64}>"}[t]
}

// Column is one column of a table.
type Column struct {
	Name     string
	Type     Type
	Nullable bool   // NULL = unknown or not applicable, as Doc says
	Doc      string // one sentence, lower case, no full stop
}

// Schema is the declaration of one table.
type Schema struct {
	Name    string
	Doc     string // what one row is
	Key     string // what the rows are sorted by
	Single  bool   // exactly one row: JSON has an object instead of an array
	Default bool   // written when no tables are named
	Columns []Column
}

// Index returns the place of the named column, -1 where there is none.
func (s *Schema) Index(name string) int {
	for i := range s.Columns {
		if s.Columns[i].Name == name {
			return i
		}
	}
	return -1
}

// All returns every table in the order of the documentation.
func All() []*Schema {
	return []*Schema{Capture(), Coverage(), Damage(), Processes(), Phases(), Connections(), Endpoints(), Turns(), Timeseries(), Packets()}
}

// Lookup returns the named table, nil where there is none.
func Lookup(name string) *Schema {
	for _, s := range All() {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Defaults returns the names of the tables that are written when none are named.
func Defaults() []string {
	var names []string
	for _, s := range All() {
		if s.Default {
			names = append(names, s.Name)
		}
	}
	return names
}
