//go:build !(amd64 || arm64 || ppc64le || s390x || noasm)

package encode

// statistics: on other processors arrow v15 calls a nil function for the least
// and the greatest value of a page, unless it is built with the tag noasm.
// Parquet files do without them then, which costs readers no more than time; and
// arrow's own reader panics.
const statistics = false
