package parquet

import (
	"math/bits"
	"unsafe"

	"github.com/apache/arrow/go/v15/parquet"
)

// maxDictionary is how many bytes the texts of a dictionary have when no more are added
// behind the page that is filled.
const maxDictionary = 1 << 20

// dictionary numbers the texts of one leaf and row group.
type dictionary struct {
	texts  []string
	size   int // bytes, encoded
	full   bool
	number map[string]uint32 // index into texts

	// Most rows have texts that others had before, and at the same place in memory,
	// which is found in a tenth of the time. What was found stays there, as it is held.
	recent [1 << recentBits]struct {
		text  string
		index uint32
	}
}

const recentBits = 9

// newDictionaries makes one for each leaf of texts.
func newDictionaries(kinds []kind) []*dictionary {
	all := make([]*dictionary, len(kinds))
	for i := range kinds {
		if kinds[i].physical == parquet.Types.ByteArray {
			all[i] = &dictionary{number: map[string]uint32{}}
		}
	}
	return all
}

// index returns the number of s.
func (d *dictionary) index(s string) uint32 {
	at := uint64(uintptr(unsafe.Pointer(unsafe.StringData(s))))
	r := &d.recent[at*0x9e3779b97f4a7c15>>(64-recentBits)]
	if len(r.text) == len(s) && unsafe.StringData(r.text) == unsafe.StringData(s) && len(s) > 0 {
		return r.index
	}
	n, ok := d.number[s]
	if !ok {
		n = uint32(len(d.texts))
		d.texts, d.number[s] = append(d.texts, s), n
		d.size += 4 + len(s)
	}
	r.text, r.index = s, n
	return n
}

// width is how many bits an index has.
func (d *dictionary) width() uint { return uint(max(1, bits.Len(uint(max(1, len(d.texts))-1)))) }
