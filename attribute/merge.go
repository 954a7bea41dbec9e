package attribute

import "slices"

// merge returns the one verdict for an end over all spans of a connection.
func merge(spans []Span, e End) Verdict {
	var best Verdict
	var few [8]int32
	named := few[:0]
	for i := range spans {
		v := spans[i].Verdict[e]
		if v.Process != NoProcess {
			named = append(named, v.Process)
		}
		if v.Reason == Ambiguous || v.Reason == Group {
			named = append(named, v.Candidates...)
		}
		if i == 0 || stronger(v.Reason, best.Reason) {
			best = v
		}
		best.Uncertainty = max(best.Uncertainty, v.Uncertainty)
	}
	slices.Sort(named)
	named = slices.Compact(named)
	if best.Process != NoProcess && len(named) > 1 {
		return Verdict{Reason: Ambiguous, Process: NoProcess, Candidates: append([]int32(nil), named...), Uncertainty: best.Uncertainty, Why: "the owner changed"}
	}
	if best.Process == NoProcess {
		best.Candidates = append([]int32(nil), named...)
	}
	return best
}

// stronger tells whether r is the stronger reason: the one listed first, but
// that stream may rest on packets that the capture names the process of.
func stronger(r, than Reason) bool {
	if r == Marked && than == Stream || r == Stream && than == Marked {
		return r == Marked
	}
	return r < than
}
