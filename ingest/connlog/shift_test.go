package connlog

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// TestShift shifts events there and back: nothing of them differs, and every field
// whose name says that it is a time on the real-time clock is another in between.
func TestShift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawer{t}.event()
		before := string(e.Append(nil))
		d := rapid.Int64Range(1<<30, 1<<40).Draw(t, "d")
		e.Shift(d)
		if string(e.Append(nil)) == before {
			t.Fatal("nothing was shifted")
		}
		e.Shift(-d)
		if after := string(e.Append(nil)); after != before {
			t.Fatalf("%s became %s", before, after)
		}
	})
	times := 0
	var walk func(of reflect.Type, v reflect.Value)
	walk = func(of reflect.Type, v reflect.Value) {
		for i := range of.NumField() {
			f, x := of.Field(i), v.Field(i)
			switch {
			case x.Kind() == reflect.Struct:
				walk(f.Type, x)
			case f.Name == "Time" || f.Name == "Since" || f.Name == "Start" || f.Name == "Begin" || f.Name == "End" && x.Kind() == reflect.Int64:
				if times++; x.Int() != 8 {
					t.Errorf("%s is %d, want 8", f.Name, x.Int())
				}
			}
		}
	}
	for _, e := range []*Event{
		{Kind: KindProcess, Time: 7, Process: &Process{ID: ProcessID{1, 7}, Parent: ProcessID{2, 7}}},
		{Kind: KindSocket, Time: 7, Socket: &Socket{Owners: []ProcessID{{1, 7}}, Since: 7}},
		{Kind: KindPoll, Time: 7, Poll: &Poll{Begin: 7, End: 7}},
		{Kind: KindGap, Time: 7, Gap: &Gap{Begin: 7, End: 7}},
	} {
		e.Shift(1)
		v := reflect.ValueOf(e).Elem()
		for i := range v.NumField() {
			if p := v.Field(i); p.Kind() == reflect.Pointer && !p.IsNil() {
				walk(p.Elem().Type(), p.Elem())
			}
		}
		if e.Time != 8 || e.Socket != nil && e.Socket.Owners[0].Start != 8 {
			t.Errorf("%+v", e)
		}
	}
	if times < 7 {
		t.Errorf("%d times were looked at", times)
	}
}
