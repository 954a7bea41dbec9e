//go:build amd64 || arm64 || ppc64le || s390x || noasm

package encode

// statistics: arrow computes the least and the greatest value of a page here.
const statistics = true
