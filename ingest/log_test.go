package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

func TestFindLog(t *testing.T) {
	for _, tt := range []struct {
		capture, want string
		there         []string
	}{
		{"run.pcapng", "run.conns.jsonl", []string{"run.conns.jsonl", "run.pcapng.conns.jsonl"}},
		{"run.pcap", "run.conns.jsonl", []string{"run.conns.jsonl"}},
		{"run.cap", "run.conns.jsonl", []string{"run.conns.jsonl"}},
		{"run.cap", "run.cap.conns.jsonl", []string{"run.cap.conns.jsonl"}}, // as record names it
		{"run.dump", "run.dump.conns.jsonl", []string{"run.conns.jsonl", "run.dump.conns.jsonl"}},
		{"run.pcap.pcapng", "run.pcap.conns.jsonl", []string{"run.conns.jsonl", "run.pcap.conns.jsonl"}},
		{"run_00001_20260102030405.pcapng", "run.conns.jsonl", []string{"run.conns.jsonl"}},
		{"run_00001.pcap", "run.conns.jsonl", []string{"run.conns.jsonl"}},
		{"run_00001.pcap", "run_00001.conns.jsonl", []string{"run.conns.jsonl", "run_00001.conns.jsonl"}},
		{"run.pcapng.gz", "run.conns.jsonl", []string{"run.conns.jsonl"}},
		{"run_00001.pcap.zst", "run.conns.jsonl", []string{"run.conns.jsonl"}},
		{"run_1.pcapng", "", []string{"run.conns.jsonl"}}, // a name, not a number of a set
		{"_00001.pcapng", "", []string{".conns.jsonl"}},
		{".pcapng", ".pcapng.conns.jsonl", []string{".conns.jsonl", ".pcapng.conns.jsonl"}},
		{"run.pcapng", "", []string{"other.conns.jsonl", "run.conns.jsonl/folder"}},
	} {
		dir := t.TempDir()
		for _, name := range tt.there {
			must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
			must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
		}
		want := tt.want
		if want != "" {
			want = filepath.Join(dir, want)
		}
		if got := FindLog(filepath.Join(dir, tt.capture)); got != want {
			t.Errorf("%s beside %q: got %q, want %q", tt.capture, tt.there, got, want)
		}
	}
	t.Chdir(t.TempDir())
	must(t, os.WriteFile("run.conns.jsonl", nil, 0o600))
	if got := FindLog("run.pcapng"); got != "run.conns.jsonl" {
		t.Errorf("in the current folder: %q", got)
	}
}

// lines writes a log of a head, so many polls, and an end.
func lines(t testing.TB, polls int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := connlog.NewWriter(&out)
	must(t, w.Write(&connlog.Event{Kind: connlog.KindHead, Head: &connlog.Head{Schema: connlog.Schema, RecordingID: recordingID}}))
	for i := range polls {
		must(t, w.Write(&connlog.Event{Kind: connlog.KindPoll, Time: int64(i), Poll: &connlog.Poll{Begin: 1, End: 2}}))
	}
	must(t, w.Write(&connlog.Event{Kind: connlog.KindEnd, End: &connlog.End{}}))
	must(t, w.Flush())
	return out.Bytes()
}

// events reads logs to their end.
func events(t testing.TB, paths ...string) (kinds []string, l *Log, err error) {
	t.Helper()
	l, err = OpenLog(paths...)
	must(t, err)
	err = l.Each(t.Context(), func(e *connlog.Event) error {
		kinds = append(kinds, e.Kind.String())
		return nil
	})
	return kinds, l, err
}

// Each ends with the first error of the function, and with the context, however
// much was read ahead.
func TestEachEnds(t *testing.T) {
	path := save(t, "x.jsonl", lines(t, 5000))
	const part = 1000 // events of a part, at most
	enough := errors.New("enough")
	for _, after := range []int{1, part, 3000} {
		l, err := OpenLog(path)
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		err = l.Each(ctx, func(*connlog.Event) error {
			if n++; n == after {
				return enough
			}
			return nil
		})
		if err != enough || n != after {
			t.Errorf("ended with %v after %d events, want %d", err, n, after)
		}
		l, err = OpenLog(path)
		must(t, err)
		n = 0
		err = l.Each(ctx, func(*connlog.Event) error {
			if n++; n == after {
				cancel()
			}
			return nil
		})
		if err != context.Canceled || n > after+part {
			t.Errorf("cancelled after %d: ended with %v after %d events", after, err, n)
		}
	}
}

func TestLog(t *testing.T) {
	whole := lines(t, 2)
	endless := whole[:bytes.LastIndexByte(whole[:len(whole)-1], '\n')+1]
	head := whole[:bytes.IndexByte(whole, '\n')+1]
	const noEnd = "block 0 at 0: the log ends without an end event: it was cut, or its recorder was killed"
	torn := fmt.Sprintf("block 4 at %d: the log is cut here, 9 bytes into a line", len(endless))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, tt := range []struct {
		name   string
		log    []byte
		kinds  string
		damage []string
	}{
		{"whole", whole, "head poll poll end", nil},
		{"last newline missing", whole[:len(whole)-1], "head poll poll end", nil},
		{"cut after a line", endless, "head poll poll", []string{noEnd}},
		{"cut after a newline's line", endless[:len(endless)-1], "head poll poll", []string{noEnd}},
		{"head only", head, "head", []string{noEnd}},
		{"torn", join(endless, whole[:9]), "head poll poll", []string{torn}},
		{"malformed", join(head, []byte("{]\n"), whole[len(head):]), "head poll poll end", []string{fmt.Sprintf("block 2 at %d: no JSON: invalid character ']' looking for beginning of object key string", len(head))}},
		{"malformed at the end", join(endless, []byte("{}\n")), "head poll poll", []string{fmt.Sprintf("block 4 at %d: event: is missing", len(endless)), noEnd}},
		{"torn behind the end", join(whole, []byte("x")), "head poll poll end", []string{fmt.Sprintf("block 5 at %d: the log is cut here, 1 bytes into a line", len(whole))}},
		{"events behind the end", join(whole, head), "head poll poll end head", []string{noEnd}},
		{"unknown events behind the end", join(whole, []byte(`{"event":"wonder","time_ns":1,"seq":9}`+"\n")), "head poll poll end", nil},
	} {
		path := save(t, "x.jsonl", tt.log)
		kinds, l, err := events(t, path)
		var damage []string
		for _, d := range l.Damage() {
			if d.Field != "" {
				d.Field += ": "
			}
			damage = append(damage, fmt.Sprintf("block %d at %d: %s%s", d.Block, d.Offset, d.Field, d.Message))
			if d.File != path || d.Count != 1 {
				t.Errorf("%s: damage %+v", tt.name, d)
			}
		}
		if err != nil || strings.Join(kinds, " ") != tt.kinds || !slices.Equal(damage, tt.damage) {
			t.Errorf("%s: got %q, %v, damage %q; want %q, %q", tt.name, kinds, err, damage, tt.kinds, tt.damage)
		}
	}
}

// Several logs are read one after the other, and each has its own end.
func TestSeveralLogs(t *testing.T) {
	whole := lines(t, 1)
	cut := save(t, "cut.jsonl", whole[:len(whole)-9])
	kinds, l, err := events(t, cut, save(t, "b.jsonl", whole), save(t, "c.jsonl", lines(t, 0)))
	if err != nil || strings.Join(kinds, " ") != "head poll head poll end head end" {
		t.Errorf("got %q, %v", kinds, err)
	}
	if d := l.Damage(); len(d) != 1 || d[0].File != cut || d[0].Block != 3 {
		t.Errorf("damage is %+v", d)
	}
	if _, err := OpenLog(cut, filepath.Join(t.TempDir(), "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing log: %v", err)
	}
}

func TestNoLog(t *testing.T) {
	for content, want := range map[string]string{
		"":                                    "x.jsonl: no connection log: it is empty",
		"hello\n":                             "x.jsonl: no connection log: line 1 (offset 0x0): no JSON",
		string(ng(t, 1, 1)):                   "x.jsonl: no connection log: line 3 (offset 0x4): no JSON",
		`{"event":"end","time_ns":1,"seq":1}`: `x.jsonl: no connection log: its first event is "end", want "head"`,
	} {
		kinds, _, err := events(t, save(t, "x.jsonl", []byte(content)))
		var typed *connlog.NotLogError
		if len(kinds) > 0 || !errors.As(err, &typed) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %q, %v; want %q", content, kinds, err, want)
		}
	}
	if _, _, err := events(t, t.TempDir()); err == nil {
		t.Error("a folder is a log")
	}
}

// What is damaged too often is counted.
func TestLogDamageIsBounded(t *testing.T) {
	whole := lines(t, 0)
	head := bytes.IndexByte(whole, '\n') + 1
	_, l, err := events(t, save(t, "x.jsonl", slices.Concat(whole[:head], bytes.Repeat([]byte("x\n"), 500))))
	var sum int64
	for _, d := range l.Damage() {
		sum += d.Count
	}
	if err != nil || len(l.Damage()) != maxDamage || sum != 501 {
		t.Errorf("%d places, %d times, %v", len(l.Damage()), sum, err)
	}
}
