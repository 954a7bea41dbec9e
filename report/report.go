package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/report/encode"
	"github.com/pcapwho/pcapwho/report/measure"
	"github.com/pcapwho/pcapwho/report/table"
)

// Config says what to analyze.
type Config struct {
	Captures    []string // files of one recording, and what else Captures knows; "-" is standard input
	Merge       bool     // they overlap: take their packets by time, and not file after file
	Logs        []string // its connection logs; empty: those beside the captures, where there are any
	Tables      []string // tables to make, in any order; empty: table.Defaults()
	ClockOffset int64    // nanoseconds that the clock of the logs was behind that of the captures
	OtherHost   bool     // logs may be of another recording than every capture

	// AllInterfaces counts packets that are seen on several interfaces on each.
	AllInterfaces bool

	// What counts. Owners are found by all of the recording, whatever is selected.
	From, To *Moment // from one time until before another; nil = all before, or behind
	Phase    string  // the phases of this name, which marks in the log bound; "" = all
	PID      int32   // packets of which either side is of this process; 0 = of all
	Tree     bool    // or of its descendants; PID is not 0 then
	Command  bool    // packets of which either side is of the recorded command
	Where    string  // an expression, see measure.Query; "" = all

	NoMeasures bool // leaves out the measures of connections, and what payload says; takes no time for them

	Bucket  int64  // width of the timeseries' buckets, nanoseconds; 0 = DefaultBucket, or AutoBucket
	NWB     int32  // PID for which to compute Result.NWB; 0 = none
	Workers int    // how many goroutines of each kind work; 0 = one a processor
	Tool    string // what outputs name as their maker: "pcapwho" and its version
	viewed  bool   // ForView made it

	// MaxDecompressed is how many bytes one compressed capture may hold; what is
	// behind them counts as damage. 0 = no limit.
	MaxDecompressed int64

	// Progress is called now and then with the bytes read so far and all bytes
	// to read, 0 where that is not known. nil = nobody asks.
	Progress func(done, total int64)
}

// workers returns how many goroutines of each kind work.
func (cfg *Config) workers() int {
	if cfg.Workers > 0 {
		return cfg.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// InputError is an error of an input: it is missing, cannot be read, or is
// not what it was given for.
type InputError struct {
	Err  error
	Hint string // what to do about it; "" = nothing
}

func (e *InputError) Error() string { return e.Err.Error() }
func (e *InputError) Unwrap() error { return e.Err }

// Result is a finished analysis. Close it after the last Write.
type Result struct {
	Tables      []*table.Table // those asked for, in the order of the documentation
	Capture     measure.Capture
	Coverage    *measure.Coverage
	Processes   measure.Processes
	Attribution *attribute.Result
	Phases      measure.Phases     // that marks in the log bound
	Selection   *measure.Selection // what counts in Coverage, Processes and the tables but capture and damage; nil = all
	NWB         *measure.NWB       // nil unless asked for
	Damage      []ingest.Damage    // captures first, then logs
	Warnings    []Warning

	cfg        Config
	ctx        context.Context // of Analyze; the second pass ends with it too
	input      *input
	log        *log
	selected   *selected
	query      *measure.Query
	timeseries *measure.Timeseries // nil unless asked for
	byPhase    *measure.ByPhase
	endpoints  *measure.Endpoints // nil unless asked for
}

// DefaultBucket is the width of the timeseries' buckets, nanoseconds, MinBucket
// the smallest: memory grows with the buckets in which each connection has packets.
const (
	DefaultBucket = int64(time.Second)
	MinBucket     = int64(time.Millisecond)
)

// Damaged tells that an input was damaged or cut: the result is what could be
// read.
func (r *Result) Damaged() bool { return len(r.Damage) > 0 }

// Close frees what the result holds open.
func (r *Result) Close() (err error) {
	if r.Attribution != nil {
		err = r.Attribution.Close()
	}
	return errors.Join(err, r.input.close())
}

// Analyze analyzes a recording. Errors of the inputs are InputErrors; damage
// inside them is no error, see Result.Damage. It ends early with ctx.
func Analyze(ctx context.Context, cfg Config) (*Result, error) {
	schemas, err := cfg.schemas()
	if err != nil {
		return nil, err
	}
	query, err := cfg.query()
	if err != nil {
		return nil, err
	}
	if err := cfg.settleBucket(); err != nil {
		return nil, err
	}
	if cfg.Captures, err = Captures(cfg.Captures); err != nil {
		return nil, err
	}
	if err := cfg.checkGiven(); err != nil {
		return nil, err
	}
	in, err := openInput(ctx, &cfg, slices.Contains(cfg.Tables, "packets"))
	if err != nil {
		return nil, err
	}
	cfg.Captures = in.names
	r := &Result{cfg: cfg, ctx: ctx, input: in, query: query}
	if err := r.analyze(); err != nil {
		r.Close()
		return nil, err
	}
	for _, s := range schemas {
		r.Tables = append(r.Tables, r.table(s))
	}
	return r, nil
}

// settleBucket makes Bucket that of the timeseries, 0 where that is not asked for.
func (cfg *Config) settleBucket() error {
	if !slices.Contains(cfg.Tables, "timeseries") {
		cfg.Bucket = 0
		return nil
	}
	cfg.Bucket = cmp.Or(cfg.Bucket, DefaultBucket)
	if cfg.Bucket < MinBucket && cfg.Bucket != AutoBucket {
		return &OutputError{"timeseries", fmt.Sprintf("its buckets are %v long", time.Duration(cfg.Bucket)), fmt.Sprintf("take %v or more", time.Duration(MinBucket))}
	}
	return nil
}

// schemas returns the tables asked for in the order of the documentation.
func (cfg *Config) schemas() ([]*table.Schema, error) {
	names := cfg.tables()
	var schemas []*table.Schema
	for _, s := range table.All() {
		if slices.Contains(names, s.Name) {
			schemas = append(schemas, s)
		}
	}
	if cfg.NoMeasures && slices.Contains(names, "turns") {
		return nil, &OutputError{"turns", "they are measured, and nothing is", "leave out --no-measures"}
	}
	for _, n := range names {
		if table.Lookup(n) == nil {
			return nil, &OutputError{n, "there is no such table", "tables are " + tableNames()}
		}
	}
	return schemas, nil
}

// tables returns the names of those that are asked for.
func (cfg *Config) tables() []string {
	if len(cfg.Tables) == 0 {
		return table.Defaults()
	}
	return cfg.Tables
}

func (r *Result) analyze() (err error) {
	if r.cfg.NWB != 0 {
		r.NWB = measure.NewNWB(r.cfg.NWB)
	}
	if r.log, err = readLog(r.ctx, &r.cfg, r.NWB, r.input.tellLog); err != nil {
		return err
	}
	if r.cfg.Bucket == AutoBucket {
		r.cfg.Bucket = autoBucket(r.log.first, r.log.last)
	}
	r.Phases = r.log.marks.Phases()
	if r.selected, err = newSelected(&r.cfg, r.Phases); err != nil {
		return err
	}
	attribution := attribute.New(attribute.Config{Log: r.log.timeline, Shares: r.cfg.workers(), AllInterfaces: r.cfg.AllInterfaces, Windows: r.selected.windows, NoMeasures: r.cfg.NoMeasures,
		Turns: slices.Contains(r.cfg.Tables, "turns"), Resent: r.cfg.viewed})
	stream := r.input.begin(r.ctx, r.cfg.workers())
	defer stream.Close()
	err = attribution.Follow(stream, func(b *ingest.Batch) error {
		if b.First == 1 {
			if err := r.selected.begin(firstTime(b.Packets)); err != nil {
				return err
			}
		}
		r.Capture.CapturedBytes += b.CapturedBytes
		if r.NWB != nil {
			for i := range b.Packets {
				r.NWB.Packet(&b.Packets[i])
			}
		}
		r.input.tell()
		return nil
	})
	if err != nil {
		return errors.Join(r.input.failure(r.ctx, err), attribution.Close())
	}
	if err := r.checkLogs(); err != nil {
		return errors.Join(err, attribution.Close())
	}
	r.Damage = slices.Concat(r.input.damage(), r.log.damage)
	attribution.SetMarks(r.input.capture.Marks())
	if r.Attribution, err = attribution.Finish(); err != nil {
		return err
	}
	return r.fold()
}

// firstTime returns the time of the first packet that has one, 0 where none has.
func firstTime(packets []packet.Packet) int64 {
	for i := range packets {
		if t := packets[i].Time; t != 0 {
			return t
		}
	}
	return 0
}

// fold makes the measures of the finished attribution.
func (r *Result) fold() (err error) {
	a := r.Attribution
	if r.Selection, err = r.selected.selection(a.Processes, r.query); err != nil {
		return err
	}
	sums, err := measure.Fold(a, measure.FoldConfig{Workers: r.cfg.workers(), Selection: r.Selection, Bucket: r.cfg.Bucket, Phases: r.Phases,
		Endpoints: slices.Contains(r.cfg.tables(), "endpoints")})
	if err != nil {
		return err
	}
	r.Coverage, r.Processes, r.timeseries, r.byPhase = sums.Coverage, sums.Processes, sums.Timeseries, sums.ByPhase
	r.endpoints = sums.Endpoints
	c := &r.Capture
	c.Files = r.input.readable()
	c.Totals, c.Undecoded, c.First, c.Last = a.Totals, a.Undecoded, a.First, a.Last
	c.Duplicates, c.DuplicatesKnown = a.Duplicates.Packets, !r.cfg.AllInterfaces
	c.RecordingID = r.input.capture.RecordingID()
	if c.RecordingID == "" && len(r.log.ids) > 0 {
		c.RecordingID = r.log.ids[0]
	}
	c.Dropped, c.DropsKnown = r.drops()
	r.Warnings = r.warnings()
	return nil
}

// drops adds up what the interfaces' statistics say, or takes the log's word
// where the capture has none.
func (r *Result) drops() (n int64, known bool) {
	for _, i := range r.input.capture.Interfaces() {
		if i.HasDropped {
			n, known = n+int64(i.Dropped), true
		}
	}
	if !known && r.log.ended {
		return r.log.dropped, true
	}
	return n, known
}

func (r *Result) table(s *table.Schema) *table.Table {
	switch s.Name {
	case "capture":
		return r.Capture.Table()
	case "coverage":
		return r.Coverage.Table()
	case "damage":
		return measure.Damage(r.Damage)
	case "processes":
		return r.Processes.Table(r.Selection)
	case "phases":
		return r.byPhase.Table(r.Processes)
	case "timeseries":
		return r.timeseries.Table(r.Processes)
	case "connections":
		return measure.Connections(r.Attribution, r.Selection, !r.cfg.NoMeasures, r.cfg.workers())
	case "endpoints":
		return r.endpoints.Table(r.cfg.workers())
	case "turns":
		return measure.Turns(r.Attribution, r.Selection)
	case "packets":
		return measure.Packets(r.Attribution, r.Selection, r.again, r.input.names, r.input.capture.Interfaces, !r.cfg.AllInterfaces, r.cfg.workers())
	}
	panic("no rows for table " + s.Name)
}

// again begins the second pass, as measure.Pass does.
func (r *Result) again() (next func() ([]packet.Packet, error), stop func(), err error) {
	if err := r.input.capture.Rewind(); err != nil {
		return nil, nil, &InputError{Err: err}
	}
	next, stop = r.input.pass(r.ctx, r.cfg.workers())
	return next, stop, nil
}

// summary is what the text for people tells.
func (r *Result) summary() *encode.Summary {
	s := &encode.Summary{Capture: &r.Capture, Coverage: r.Coverage, Processes: r.Processes, Result: r.Attribution, Selection: r.Selection, Phases: r.byPhase,
		Host: r.log.host, Command: r.log.command, Focused: r.log.focused}
	for _, w := range r.Warnings {
		s.Warnings = append(s.Warnings, w.Message)
		if w.Hint != "" {
			s.Hints = append(s.Hints, w.Hint)
		}
	}
	return s
}
