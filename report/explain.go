package report

import (
	"context"
	"fmt"
	"io"

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
	found, x, err := r.find(frame)
	if err != nil {
		return nil, err
	}
	if x == nil {
		return nil, &InputError{Err: fmt.Errorf("there is no packet %d: the recording has %d", frame, r.Capture.Totals.Packets),
			Hint: "packets are numbered from 1, over all files, as in Wireshark and in the table packets"}
	}
	x.Files, x.Interface = r.Capture.Files, r.interfaceName(found.Interface)
	return x, x.Search(ctx, found, r.log.paths)
}

// find explains the packet of a frame, in a second pass; nil where there is none.
func (r *Result) find(frame uint64) (*packet.Packet, *explain.Explanation, error) {
	next, stop, err := r.again()
	if err != nil {
		return nil, nil, err
	}
	defer stop()
	r.Attribution.Rewind()
	for {
		batch, err := next()
		if err == io.EOF {
			return nil, nil, nil
		} else if err != nil {
			return nil, nil, err
		}
		for i := range batch {
			c, source, destination, err := r.Attribution.Find(&batch[i])
			if err != nil {
				return nil, nil, err
			}
			if p := batch[i]; p.Frame == frame {
				return &p, explain.New(&p, c, [2]attribute.Verdict{source, destination}, r.Attribution.Processes), nil
			}
		}
	}
}

// interfaceName returns the name of an interface of the capture, "" where it has none.
func (r *Result) interfaceName(n uint32) string {
	if all := r.input.capture.Interfaces(); int(n) < len(all) {
		return all[n].Name
	}
	return ""
}
