package quantile

import "encoding/binary"

// AppendBuckets appends the buckets of q to a record, for ReadBuckets.
func AppendBuckets(b []byte, q *Quantiles) []byte {
	return append(binary.AppendUvarint(b, uint64(len(q.Buckets))), q.Buckets...)
}

// ReadBuckets gives q what AppendBuckets wrote, in the memory of b, and returns what is
// behind it.
func ReadBuckets(b []byte, q *Quantiles) []byte {
	length, n := binary.Uvarint(b)
	end := n + int(length)
	q.Buckets = nil
	if length > 0 {
		q.Buckets = b[n:end:end]
	}
	return b[end:]
}
