package report

import (
	"context"
	"errors"
	"fmt"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/report/explain"
)

// Explain tells why packet number frame of a recording, from 1, has the owners it
// has. Errors of the inputs, a frame that there is not among them, are InputErrors.
// Of cfg what says which tables there are does not matter. The result is
// closed before it returns.
func Explain(ctx context.Context, cfg Config, frame uint64) (*explain.Explanation, error) {
	cfg.Tables = []string{"packets"} // which takes a second pass, too
	r, err := Analyze(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var found packet.Packet
	var x *explain.Explanation
	r.Attribution.Rewind()
	err = r.again(func(batch []packet.Packet) error {
		for i := range batch {
			p := &batch[i]
			c, source, destination, err := r.Attribution.Find(p)
			if err != nil || p.Frame != frame {
				if err != nil {
					return err
				}
				continue
			}
			found = *p
			x = explain.New(p, c, [2]attribute.Verdict{source, destination}, r.Attribution.Processes)
			return errFound
		}
		return nil
	})
	if err != nil && !errors.Is(err, errFound) {
		return nil, err
	}
	if x == nil {
		return nil, &InputError{Err: fmt.Errorf("there is no packet %d: the recording has %d", frame, r.Capture.Totals.Packets),
			Hint: "packets are numbered from 1, over all files, as in Wireshark and in the table packets"}
	}
	x.Files, x.Interface = r.Capture.Files, r.interfaceName(found.Interface)
	return x, x.Search(ctx, &found, r.log.paths)
}

var errFound = errors.New("found")

// interfaceName returns the name of an interface of the capture, "" where it has none.
func (r *Result) interfaceName(n uint32) string {
	if all := r.input.capture.Interfaces(); int(n) < len(all) {
		return all[n].Name
	}
	return ""
}
