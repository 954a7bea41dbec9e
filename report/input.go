package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// input is the captures of a recording.
type input struct {
	capture *ingest.Capture
	names   []string          // of its files, as given, in the order in which they are read
	copies  map[string]string // of pipes: the name given, by path

	progress func(done, total int64)
	logs     int64 // bytes of the logs, which are read before
	passes   int64 // how many are planned
	begun    int64 // how many have begun
}

// openInput opens the captures. What is to be read twice and cannot be, as
// standard input and other pipes, is copied to a temporary file: for a second
// pass, and among several captures, to learn where it begins.
func openInput(ctx context.Context, cfg *Config, twice bool) (*input, error) {
	if len(cfg.Captures) == 0 {
		return nil, &InputError{Err: errors.New("no capture given")}
	}
	in := &input{names: slices.Clone(cfg.Captures), copies: map[string]string{}, progress: cfg.Progress, passes: 1}
	paths := slices.Clone(in.names)
	if twice {
		in.passes = 2
	}
	if twice || len(paths) > 1 {
		for i, path := range paths {
			if !pipe(path) {
				continue
			}
			var err error
			if paths[i], err = in.spill(ctx, path); err != nil {
				in.close()
				return nil, err
			}
		}
	}
	order := ingest.ByTime
	if cfg.Merge {
		order = ingest.Merged
	}
	capture, err := ingest.Config{MaxDecompressed: cfg.MaxDecompressed, Order: order, Lenient: true}.Open(paths...)
	if err != nil {
		in.close()
		return nil, &InputError{Err: err}
	}
	in.capture = capture
	for i, f := range capture.Files() {
		in.names[i] = in.given(f.Name)
	}
	return in, nil
}

// given returns the name under which a file was given.
func (in *input) given(path string) string {
	if name, ok := in.copies[path]; ok {
		return name
	}
	return path
}

// readable returns the names of the files that could be read.
func (in *input) readable() (names []string) {
	for i, f := range in.capture.Files() {
		if !f.LeftOut {
			names = append(names, in.names[i])
		}
	}
	return names
}

// pipe tells whether what path names can be read only once.
func pipe(path string) bool {
	if path == "-" {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && info.Mode()&(os.ModeNamedPipe|os.ModeSocket|os.ModeCharDevice) != 0
}

// spill copies a pipe to a temporary file that only the caller can read.
func (in *input) spill(ctx context.Context, name string) (path string, err error) {
	from := os.Stdin
	if name != "-" {
		if from, err = os.Open(name); err != nil {
			return "", &InputError{Err: err}
		}
		defer from.Close()
	}
	f, err := os.CreateTemp("", "pcapwho-*.pcap")
	if err != nil {
		return "", fmt.Errorf("%s: its copy: %w", name, err)
	}
	in.copies[f.Name()] = name
	_, err = io.Copy(&cancelled{ctx, f}, from)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("%s: its copy: %w", name, err)
	}
	return f.Name(), nil
}

// begin starts a pass over all packets, read by so many workers and divided
// into as many shares.
func (in *input) begin(ctx context.Context, workers int) *ingest.Stream {
	in.begun++
	return in.capture.Stream(ctx, workers, workers)
}

// failure tells an error of the inputs from the end of ctx.
func (in *input) failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if given := (*InputError)(nil); errors.As(err, &given) {
		return given
	}
	return &InputError{Err: err}
}

// pass begins a pass over all packets, read by so many workers, as measure.Pass does.
func (in *input) pass(ctx context.Context, workers int) (next func() ([]packet.Packet, error), stop func()) {
	stream := in.begin(ctx, workers)
	var b *ingest.Batch
	done := func() {
		if b != nil {
			b.Done()
			in.tell()
		}
		b = nil
	}
	next = func() ([]packet.Packet, error) {
		done()
		var err error
		if b, err = stream.Next(); err == io.EOF {
			return nil, err
		} else if err != nil {
			return nil, in.failure(ctx, err)
		}
		for i := range b.Packets {
			b.Packets[i].Frame = b.First + uint64(i)
		}
		return b.Packets, nil
	}
	return next, func() {
		done()
		stream.Close()
	}
}

// tell reports progress over the logs and all passes.
func (in *input) tell() {
	if in.progress == nil {
		return
	}
	done, total := in.capture.Progress()
	in.told(in.logs+done+max(0, in.begun-1)*total, total)
}

// tellLog reports progress while a log is read.
func (in *input) tellLog(events *ingest.Log) {
	if in.progress == nil {
		return
	}
	var done int64
	done, in.logs = events.Progress()
	_, total := in.capture.Progress()
	in.told(done, total)
}

// told reports so many bytes done; total is that of one pass over the captures.
func (in *input) told(done, total int64) {
	if total > 0 {
		total = in.logs + total*in.passes
	}
	in.progress(done, total)
}

// damage returns what was wrong with the captures, under their given names.
func (in *input) damage() []ingest.Damage {
	all := slices.Clone(in.capture.Damage())
	for i := range all {
		all[i].File = in.given(all[i].File)
	}
	return all
}

func (in *input) close() (err error) {
	if in.capture != nil {
		err = in.capture.Close()
	}
	for path := range in.copies {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// cancelled is a writer that fails once ctx has ended.
type cancelled struct {
	ctx context.Context
	w   io.Writer
}

func (c *cancelled) Write(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(b)
}
