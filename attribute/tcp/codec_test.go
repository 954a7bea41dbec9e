package tcp

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// What was appended is read back, and what is behind it is left.
func TestCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(Unknown, 1<<62))
		var want Measures
		if rapid.Bool().Draw(t, "known") {
			want = Measures{Known: true, End: rapid.Int64Range(Open, Reused).Draw(t, "end"), InitialRTT: value.Draw(t, "rtt")}
			for i := range want.Sent {
				for _, v := range want.Sent[i].Values() {
					*v = value.Draw(t, "value")
				}
				if n := rapid.IntRange(0, 9).Draw(t, "buckets"); n > 0 {
					want.Sent[i].RTT.Buckets = bytes.Repeat([]byte{1, 2}, n)
				}
			}
		}
		got := Measures{Known: true, InitialRTT: 7}
		got.Sent[0].Lost = 7
		rest := got.Read(append(want.Append(nil), "rest"...))
		if !reflect.DeepEqual(got, want) || string(rest) != "rest" {
			t.Fatalf("%+v is read as %+v, and %q is left", want, got, rest)
		}
		swapped := want
		if swapped.Swap(); want.Known && !reflect.DeepEqual(swapped.Sent[0], want.Sent[1]) {
			t.Fatalf("%+v swapped is %+v", want, swapped)
		}
		if swapped.Swap(); !reflect.DeepEqual(swapped, want) {
			t.Fatalf("%+v swapped twice is %+v", want, swapped)
		}
	})
}
