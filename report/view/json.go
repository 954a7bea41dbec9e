package view

import "encoding/json"

// JSON returns the document as JSON that is smaller than so many bytes.
func (m *Measured) JSON(size int) ([]byte, error) {
	l := fullLimits()
	d := m.document(l)
	for {
		data, err := json.Marshal(d)
		next := l.less()
		if err != nil || len(data) < size || l == next {
			return data, err
		}
		if coarser := next; coarser.stretches < l.stretches {
			coarser.stretches = l.stretches
			if coarser == l { // the rest is as it was
				d.Activity, l = m.activity(next), next
				continue
			}
		}
		d = m.document(next)
		l = next
	}
}
