package record

import (
	"encoding/binary"
	"testing"
)

// processMessage makes struct cn_msg with an event of words.
func processMessage(what uint32, words ...uint32) []byte {
	host := binary.NativeEndian
	b := make([]byte, 36)
	host.PutUint32(b[20:], what)
	host.PutUint64(b[28:], 4711)
	for _, w := range words {
		b = host.AppendUint32(b, w)
	}
	return b
}

func TestParseProcess(t *testing.T) {
	for name, c := range map[string]struct {
		message []byte
		want    processNews
		ok, bad bool
	}{
		"fork":       {processMessage(processForked, 7, 7, 9, 9), processNews{processForked, 4711, 9, 7, false}, true, false},
		"new thread": {processMessage(processForked, 7, 7, 9, 7), processNews{processForked, 4711, 7, 7, true}, true, false},
		"exec":       {processMessage(processExecs, 9, 9), processNews{processExecs, 4711, 9, 0, false}, true, false},
		"exit":       {processMessage(processExits, 9, 9, 0, 17, 7, 7), processNews{processExits, 4711, 9, 0, false}, true, false},
		"its thread": {processMessage(processExits, 10, 9, 0, 17, 7, 7), processNews{processExits, 4711, 9, 0, true}, true, false},
		"uid":        {processMessage(4, 9, 9, 0, 0), processNews{what: 4, at: 4711}, false, false},
		"cut":        {processMessage(processForked, 7, 7, 9), processNews{what: processForked, at: 4711}, false, true},
		"short":      {make([]byte, 35), processNews{}, false, true},
	} {
		got, ok, err := parseProcess(c.message)
		if got != c.want || ok != c.ok || (err != nil) != c.bad {
			t.Errorf("%s: %+v %v %v, want %+v", name, got, ok, err, c.want)
		}
	}
	if code, ok := processAnswer(processMessage(0, 1)); !ok || code != 1 {
		t.Errorf("the answer is %v %v", code, ok)
	}
	if _, ok := processAnswer(processMessage(processExits, 9, 9)); ok {
		t.Error("an event is taken for the answer")
	}
}
