package record

// A budget is used up when it gave more than its share.
type budget struct {
	share float64 // nanoseconds for each that passed
	most  float64
	left  float64
	at    int64
}

// take takes n from a budget, and tells whether it had anything left.
func (b *budget) take(now int64, n float64) bool {
	b.left = min(b.most, b.left+float64(now-b.at)*b.share)
	b.at = now
	if b.left <= 0 {
		return false
	}
	b.left -= n
	return true
}
