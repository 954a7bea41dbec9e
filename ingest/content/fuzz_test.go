package content

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"unicode/utf8"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// checkTexts holds that facts are texts that can be undone.
func checkTexts(t *testing.T, f *Facts) {
	t.Helper()
	for _, s := range []string{f.ServerName, f.OfferedALPN, f.ALPN, f.Method, f.Host} {
		if !utf8.ValidString(s) {
			t.Fatalf("%q is no UTF-8", s)
		}
	}
	for _, s := range []string{f.ServerName, f.Method, f.Host} {
		if again := connlog.Escape(connlog.Unescape(s)); again != s {
			t.Fatalf("%q comes back as %q", s, again)
		}
	}
	if !f.Known() && *f != (Facts{}) {
		t.Fatalf("nothing was recognized, and there is %+v", *f)
	}
}

// FuzzBeginning holds that what two sides send tells the same however it is divided, in
// bounded memory.
func FuzzBeginning(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(uint64(1), s.sent[0][:min(len(s.sent[0]), 300)], s.sent[1][:min(len(s.sent[1]), 150)])
	}
	f.Fuzz(func(t *testing.T, seed uint64, client, server []byte) {
		sent := [2][]byte{client, server}
		var want Facts
		if n := allocated(func() { want = follow(whole(sent)) }); n > 16*uint64(len(client)+len(server))+4<<20 {
			t.Fatalf("%d bytes were allocated for %d", n, len(client)+len(server))
		}
		checkTexts(t, &want)
		if got := follow(cut(rand.New(rand.NewPCG(seed, 2)), sent, false)); want != got {
			t.Fatalf("whole: %+v\ndivided: %+v", want, got)
		}
	})
}

// FuzzDatagram holds that datagrams of two sides, of which one has frames that a client
// of QUIC protects, make nothing panic, in bounded memory.
func FuzzDatagram(f *testing.F) {
	m := clientMessage(f, "quic.example")
	f.Add(cryptoFrame(0, m), []byte("\xc0\x00\x00\x00\x01\x00\x00\x00\x14\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(append([]byte{2, 0, 0, 0, 0, 1, 0}, cryptoFrame(40, m[40:60])...), []byte("\x16\xfe\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01"))
	f.Fuzz(func(t *testing.T, frames, server []byte) {
		if len(frames) > 8000 {
			return
		}
		var b Beginning
		client := seal(quicVersion1, "12345678", 0, frames)
		n := allocated(func() {
			for range 2 * maxInitials {
				for side, d := range [][]byte{client, server} {
					if b.quic != nil || RecognizableDatagram(d) {
						b.Datagram(side, d)
					}
				}
			}
			b.End()
		})
		if most := 64*uint64(len(client)+len(server))*maxInitials + 4<<20; n > most {
			t.Fatalf("%d bytes were allocated, want no more than %d", n, most)
		}
		checkTexts(t, &b.Facts)
	})
}

// FuzzAnswers holds that any message of DNS gives names that are texts, and that each
// is in the message.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte("\x00\x07\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x05hello\x07example\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc6\x33\x64\x01"))
	f.Fuzz(func(t *testing.T, message []byte) {
		var list []Named
		if n := allocated(func() { list = Answers(nil, message) }); n > 512*uint64(len(message))+4<<20 {
			t.Fatalf("%d bytes were allocated for %d", n, len(message))
		}
		if len(list) > len(message)/14 { // a record has no fewer bytes
			t.Fatalf("%d answers in %d bytes", len(list), len(message))
		}
		for _, n := range list {
			if !utf8.ValidString(n.Name) || len(connlog.Unescape(n.Name)) > 255 || !n.Address.IsValid() {
				t.Fatalf("%+v", n)
			}
		}
		IsDNS(message)
		for data := message; data != nil; {
			_, rest := DNSStream(data)
			if rest != nil && len(rest) >= len(data) {
				t.Fatal("no progress")
			}
			data = rest
		}
	})
}
