package record

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	psnet "github.com/shirou/gopsutil/v3/net"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// row is one of gopsutil's: "tcp 127.0.0.1:80 127.0.0.1:5000 ESTABLISHED 7".
func row(t *testing.T, text string) psnet.ConnectionStat {
	t.Helper()
	f := strings.Fields(text)
	address := func(s string) (a psnet.Addr) {
		i := strings.LastIndexByte(s, ':')
		a.IP = s[:i]
		fmt.Sscan(s[i+1:], &a.Port)
		return a
	}
	r := psnet.ConnectionStat{Laddr: address(f[1]), Raddr: address(f[2]), Status: f[3],
		Type: map[string]uint32{"tcp": 1, "udp": 2, "raw": 3}[f[0]]}
	fmt.Sscan(f[4], &r.Pid)
	return r
}

// short writes sightings as the rows are, with their ids.
func short(list []sighting) (texts []string) {
	for _, s := range list {
		text := fmt.Sprintf("%d %s %s", s.ID, s.Protocol, s.Local)
		if s.HasRemote {
			text += " " + s.Remote.String()
		}
		if s.State != "" {
			text += " " + s.State
		}
		if s.V6 {
			text += " v6"
		}
		for _, o := range s.Owners {
			text += fmt.Sprintf(" p%d", o.PID)
		}
		texts = append(texts, text)
	}
	return texts
}

func sightingsOf(p *poll, rows []psnet.ConnectionStat, owner func(int32) (connlog.ProcessID, bool)) string {
	list, _ := p.sightings(rows, inspection{}, owner)
	return strings.Join(short(list), ", ")
}

func TestSightings(t *testing.T) {
	for name, c := range map[string]struct {
		rows string
		want string
	}{
		"tcp":                        {"tcp 127.0.0.1:80 127.0.0.1:5000 ESTABLISHED 7", "1 tcp 127.0.0.1:80 127.0.0.1:5000 established p7"},
		"both ends":                  {"tcp 127.0.0.1:80 127.0.0.1:5000 ESTABLISHED 7, tcp 127.0.0.1:5000 127.0.0.1:80 ESTABLISHED 8", "1 tcp 127.0.0.1:80 127.0.0.1:5000 established p7, 2 tcp 127.0.0.1:5000 127.0.0.1:80 established p8"},
		"listening":                  {"tcp 0.0.0.0:80 0.0.0.0:0 LISTEN 7", "1 tcp 0.0.0.0:80 listen p7"},
		"listening on IPv6":          {"tcp :::80 :::0 LISTEN 7", "1 tcp [::]:80 listen v6 p7"},
		"listening on macOS":         {"tcp *:80 :0 LISTEN 7", "1 tcp [::]:80 listen v6 p7"},
		"any, of an IPv4 peer":       {"tcp *:80 127.0.0.1:5000 ESTABLISHED 7", "1 tcp 0.0.0.0:80 127.0.0.1:5000 established p7"},
		"udp":                        {"udp 0.0.0.0:53 0.0.0.0:0 NONE 7", "1 udp 0.0.0.0:53 p7"},
		"udp connected":              {"udp 127.0.0.1:53 127.0.0.1:54 NONE 7", "1 udp 127.0.0.1:53 127.0.0.1:54 p7"},
		"the same port of both":      {"udp 127.0.0.1:53 0.0.0.0:0 NONE 7, tcp 127.0.0.1:53 0.0.0.0:0 LISTEN 8", "1 udp 127.0.0.1:53 p7, 2 tcp 127.0.0.1:53 listen p8"},
		"shared":                     {"tcp 0.0.0.0:80 0.0.0.0:0 LISTEN 9, tcp 0.0.0.0:80 0.0.0.0:0 LISTEN 7, tcp 0.0.0.0:80 0.0.0.0:0 LISTEN 9", "1 tcp 0.0.0.0:80 listen p7 p9"},
		"a process that went":        {"tcp 0.0.0.0:80 0.0.0.0:0 LISTEN 666", "1 tcp 0.0.0.0:80 listen"},
		"nobody's":                   {"tcp 127.0.0.1:80 127.0.0.1:5000 ESTABLISHED 0", "1 tcp 127.0.0.1:80 127.0.0.1:5000 established"},
		"over, by its state":         {"tcp 127.0.0.1:80 127.0.0.1:5000 TIME_WAIT 0, tcp 127.0.0.1:80 127.0.0.1:5001 SYN_RECV 0, tcp 127.0.0.1:80 127.0.0.1:5001 DELETE 7", ""},
		"closed by its process":      {"tcp 127.0.0.1:80 127.0.0.1:1 FIN_WAIT1 0, tcp 127.0.0.1:80 127.0.0.1:2 FIN_WAIT2 0, tcp 127.0.0.1:80 127.0.0.1:3 LAST_ACK 0, tcp 127.0.0.1:80 127.0.0.1:4 CLOSING 0", ""},
		"closing, and still its own": {"tcp 127.0.0.1:80 127.0.0.1:1 FIN_WAIT2 7", "1 tcp 127.0.0.1:80 127.0.0.1:1 fin_wait2 p7"},
		"raw":                        {"raw 127.0.0.1:80 127.0.0.1:1 NONE 7", ""},
		"no address":                 {"tcp nonsense:80 127.0.0.1:1 ESTABLISHED 7", ""},
		"no port":                    {"tcp 127.0.0.1:70000 127.0.0.1:1 ESTABLISHED 7", ""},
	} {
		p := &poll{ids: map[pollKey]uint64{}}
		var rows []psnet.ConnectionStat
		for _, text := range strings.Split(c.rows, ", ") {
			rows = append(rows, row(t, text))
		}
		owner := func(pid int32) (connlog.ProcessID, bool) { return who(pid)[0], pid != 0 && pid != 666 }
		if got := sightingsOf(p, rows, owner); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestSightingIDs gives one socket one id for as long as it is seen, and never
// an id twice.
func TestSightingIDs(t *testing.T) {
	p := &poll{ids: map[pollKey]uint64{}}
	nobody := func(int32) (connlog.ProcessID, bool) { return connlog.ProcessID{}, false }
	a, b := row(t, "udp 127.0.0.1:1 0.0.0.0:0 NONE 7"), row(t, "udp 127.0.0.1:2 0.0.0.0:0 NONE 7")
	for i, c := range []struct {
		rows []psnet.ConnectionStat
		want []string
	}{
		{[]psnet.ConnectionStat{a, b}, []string{"1 udp 127.0.0.1:1", "2 udp 127.0.0.1:2"}},
		{[]psnet.ConnectionStat{b, a}, []string{"1 udp 127.0.0.1:1", "2 udp 127.0.0.1:2"}},
		{[]psnet.ConnectionStat{b}, []string{"2 udp 127.0.0.1:2"}},
		{[]psnet.ConnectionStat{b, a}, []string{"2 udp 127.0.0.1:2", "3 udp 127.0.0.1:1"}},
		{nil, []string{""}},
		{[]psnet.ConnectionStat{b}, []string{"4 udp 127.0.0.1:2"}},
	} {
		if got := strings.Split(sightingsOf(p, c.rows, nobody), ", "); !slices.Equal(got, c.want) {
			t.Errorf("look %d: %q, want %q", i, got, c.want)
		}
	}
}

// TestPollFails passes on why the connections cannot be read.
func TestPollFails(t *testing.T) {
	s, err := newPoll()
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	broken := errors.New("broken")
	s.(*poll).connections = func() ([]psnet.ConnectionStat, error) { return nil, broken }
	if _, err := s.look(false); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if s.name() != SourcePoll || len(s.blind()) < 5 {
		t.Errorf("source %s is blind for %q", s.name(), s.blind())
	}
}
