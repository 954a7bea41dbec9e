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

// batchSize is how many packets are handled at a time: enough that nothing
// done per batch is felt, and few enough to stay in the cache.
const batchSize = 1024

// input is the captures of a recording.
type input struct {
	capture *ingest.Capture
	names   []string // of its files, as given
	spilled string   // path of the copy of standard input; "" = none

	progress func(done, total int64)
	passes   int64 // how many are planned
	begun    int64 // how many have begun
	batch    []packet.Packet
}

// openInput opens the captures. Standard input is copied to a temporary file
// when it is to be read twice.
func openInput(ctx context.Context, cfg *Config, twice bool) (*input, error) {
	if len(cfg.Captures) == 0 {
		return nil, &InputError{errors.New("no capture given")}
	}
	in := &input{names: slices.Clone(cfg.Captures), progress: cfg.Progress, passes: 1, batch: make([]packet.Packet, batchSize)}
	paths := in.names
	if stdin := slices.Index(paths, "-"); twice {
		in.passes = 2
		if stdin >= 0 {
			if err := in.spill(ctx, os.Stdin); err != nil {
				return nil, err
			}
			paths = slices.Clone(paths)
			paths[stdin] = in.spilled
		}
	}
	capture, err := ingest.Open(paths...)
	if err != nil {
		in.close()
		return nil, &InputError{err}
	}
	in.capture = capture
	return in, nil
}

// spill copies r to a temporary file that only the caller can read.
func (in *input) spill(ctx context.Context, r io.Reader) error {
	f, err := os.CreateTemp("", "pcapwho-*.pcap")
	if err != nil {
		return fmt.Errorf("copy of standard input: %w", err)
	}
	in.spilled = f.Name()
	_, err = io.Copy(&cancelled{ctx, f}, r)
	if err = errors.Join(err, f.Close()); err != nil {
		in.close()
		return fmt.Errorf("copy of standard input: %w", err)
	}
	return nil
}

// pass reads all packets once and pushes them to yield in batches.
func (in *input) pass(ctx context.Context, yield func([]packet.Packet) error) error {
	in.begun++
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := in.capture.Read(in.batch)
		if err := yield(in.batch[:n]); err != nil {
			return err
		}
		in.tell()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return &InputError{err}
		}
	}
}

// tell reports progress over all passes.
func (in *input) tell() {
	if in.progress != nil {
		done, total := in.capture.Progress()
		in.progress(done+(in.begun-1)*total, total*in.passes)
	}
}

// damage returns what was wrong with the captures, under their given names.
func (in *input) damage() []ingest.Damage {
	all := slices.Clone(in.capture.Damage())
	for i := range all {
		if all[i].File == in.spilled && in.spilled != "" {
			all[i].File = "-"
		}
	}
	return all
}

func (in *input) close() (err error) {
	if in.capture != nil {
		err = in.capture.Close()
	}
	if in.spilled != "" {
		err = errors.Join(err, os.Remove(in.spilled))
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
