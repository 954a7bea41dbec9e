package connlog

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestText(t *testing.T) {
	tests := []struct{ in, json string }{
		{"", `""`},
		{"plain", `"plain"`},
		{"quote\"", `"quote\""`},
		{`C:\x\no`, `"C:\\x\\no"`},
		{`looks \x41`, `"looks \\x5cx41"`},
		{"\xff\xfe", `"\\xff\\xfe"`},
		{"caf\u00e9 \U0001F600", "\"caf\u00e9 \U0001F600\""},
		{"\x1b[31m\n\x7f", `"\u001b[31m\u000a\u007f"`},
		{"\u009b\u2028\u202e\u2066", `"\u009b\u2028\u202e\u2066"`},
		{"\ufffd", "\"\ufffd\""}, // a real replacement character is no broken byte
	}
	for _, tt := range tests {
		if got := string(appendText(nil, tt.in)); got != tt.json {
			t.Errorf("%q: got %s, want %s", tt.in, got, tt.json)
		}
	}
}

func TestTextComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte(`\x5cab"`)))).Draw(t, "text"))
		line := appendText(nil, s)
		var decoded string
		if err := json.Unmarshal(line, &decoded); err != nil {
			t.Fatalf("%q: %s: %v", s, line, err)
		}
		if !utf8.ValidString(decoded) || Unescape(decoded) != s {
			t.Fatalf("%q: came back as %q", s, Unescape(decoded))
		}
		if Escape(s) != decoded {
			t.Fatalf("%q: Escape gives %q, the log has %q", s, Escape(s), decoded)
		}
		for _, c := range line {
			if c < ' ' || c == 0x7f {
				t.Fatalf("%q: raw control character in %s", s, line)
			}
		}
	})
}
