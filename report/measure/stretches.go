package measure

import (
	"encoding/binary"
	"io"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/attribute/spill"
	"github.com/pcapwho/pcapwho/attribute/turn"
)

// stretches sorts stretches by time, with whose they are: so that those of several
// workers are one, whoever had which.
type stretches struct {
	sorter *spill.Sorter
	record []byte
	err    error // the first of the temporary file
}

// stretchesBudget is how many bytes of stretches are kept in memory, by all workers
// together; further ones are in temporary files.
const stretchesBudget = 16 << 20

func newStretches(workers int) stretches {
	return stretches{sorter: spill.NewSorter(stretchesBudget / max(workers, 1))}
}

func (s *stretches) keep(k activityKey, r turn.Run) {
	if s.err != nil {
		return
	}
	b := binary.AppendUvarint(append(s.record[:0], byte(k.of), byte(k.reason)), uint64(r.To-r.From))
	s.record = binary.AppendVarint(binary.AppendVarint(b, int64(k.process)), k.part)
	s.err = s.sorter.Add(uint64(r.From)^1<<63, s.record)
}

// merge calls f with all stretches, in the order of their beginnings.
func merge(all []stretches, f func(activityKey, turn.Run)) error {
	var sorters []*spill.Sorter
	for i := range all {
		if all[i].err != nil {
			return all[i].err
		}
		sorters = append(sorters, all[i].sorter)
	}
	for r := spill.Merge(sorters...); ; {
		err := r.Next(func(id uint64, b []byte) {
			from := int64(id ^ 1<<63)
			k := activityKey{of: activityOf(b[0])}
			k.reason = attribute.Reason(b[1])
			length, n := binary.Uvarint(b[2:])
			b = b[2+n:]
			process, n := binary.Varint(b)
			k.process = int32(process)
			k.part, _ = binary.Varint(b[n:])
			f(k, turn.Run{From: from, To: from + int64(length)})
		})
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
