package table

// AppendBits appends a bit for each of v, the first lowest, as Arrow and Parquet have them;
// those behind the last are 0.
func AppendBits(b []byte, v []bool) []byte {
	for len(v) > 0 {
		n, x := min(8, len(v)), byte(0)
		for i, set := range v[:n] {
			x |= bit(set) << i
		}
		b, v = append(b, x), v[n:]
	}
	return b
}

func bit(set bool) byte {
	if set {
		return 1
	}
	return 0
}
