package attribute_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutations switch off, one at a time, a part of a rule.
var mutations = []struct{ what, file, code, instead string }{
	{"a socket is the next connection's, once that began", "evidence.go", "(next <= s.LastBegin || next <= s.FirstEnd)", "next < 0"},
	{"a socket is the connection's before, until this one began", "evidence.go", "(in.Preceded() || s.LastEnd < first && in.Begun())", "false"},
	{"a socket is of no connection that was over before, or began later", "evidence.go", "last >= s.Before && first <= s.After", "true"},
	{"not across lost packets", "rules.go", "j.log.Lossy(from, to)", "false"},
	{"who held it first may have it from another", "rules.go", "len(before) == 0 && v.Process", "false && v.Process"},
	{"a server that listens may pass on what it was seen with once", "rules.go", "len(s.exact) != 1 || s.exact[0].Opener", "true || s.exact[0].Opener"},
	{"a young process may have it from its parent", "rules.go", "p.ID.Start > s.first", "p.ID.Start < 0"},
	{"who listened may have accepted", "rules.go", "if s.server || !s.in.Begun() {", "if false {"},
	{"once data flowed somebody accepted", "rules.go", "s.data || len(s.sockets) > 0", "false"},
	{"a bound interface takes its own packets", "rules.go", "covered && j.log.OnDevice(i, s.peer())", "covered"},
	{"no reset of the kernel where somebody listened", "rules.go", "nobody listened on the port\"), !listens", "nobody listened on the port\"), !listens || listens"},
	{"any socket of a port may have sent", "datagram.go", "!there || t.sent {", "!there {"},
	{"a connected socket is delivered to", "datagram.go", "!there || t.sent {", "true {"},
	{"a shared port may have more sockets", "datagram.go", "f.fits && !there", "false"},
	{"who exchanged with a peer", "datagram.go", "v.Reason == Ambiguous && len(s.sockets) == 0", "false"},
	{"a UDP socket bound to an interface", "datagram.go", "j.log.OnDevice(i, s.peer()))", "true)"},
	{"who has the address, too, may have sent", "datagram.go", "s.abroad && !there", "false"},
	{"an exchange with a peer does not tell them apart", "datagram.go", "len(s.sockets) == 0 && !s.abroad", "len(s.sockets) == 0"},
	{"who has the address, too, may have listened", "rules.go", "if s.abroad {", "if false {"},
	{"on loopback all is this host's", "owner/locality.go", "ns == 0 && !i.Loopback", "ns == 0"},
	{"a container may have the address", "owner/locality.go", "!a.IsLoopback() && len(t.network.homes[a]) == 0", "!a.IsLoopback()"},
	{"an identifier is a socket's", "raw.go", "if p.ICMPID != 0 {", "if false {"},
	{"raw sockets send what they like", "raw.go", "	add(p.Tuple.Protocol, 0)\n", "\n"},
	{"through one raw socket any protocol is sent", "raw.go", "	if sent {", "	if false {"},
	{"looks miss raw sockets", "raw.go", "!log.Tells(p.Time)", "false"},
	{"a container may be behind the host's address", "raw.go", "if log.Masks(addr, p.Tuple.Protocol, p.Time)", "if false"},
	{"the kernel speaks for itself", "raw.go", "!p.Echoes() && kernelSpeaks(p.Tuple.Protocol)", "false"},
	{"what waited is for whoever comes later", "owner/hold.go", "s.uses && (s.connected", "false && (s.connected"},
	{"the first user has a socket from its beginning", "owner/hold.go", "!s.unused || next.former", "true || next.former"},
	{"copies of a process share its port", "owner/port.go", "!s.connected && c != nil", "false"},
	{"processes of one program share a socket", "owner/port.go", "shared || t.inherited(i)", "shared"},
	{"delivery changes when sockets come and go", "owner/exchange.go", "fit < 2 || !moved", "true"},
	{"a namespace's own address is nobody else's", "owner/view.go", "!t.at(a, z.own) && !t.at(a, z.peer)", "a == a"},
	{"an address far away is sought everywhere", "owner/view.go", "n == z.peer || far[s]", "n == z.peer"},
	{"who is bound at the other end", "owner/view.go", "slices.Contains(homes, z.peer) && z.peer != z.own", "false"},
	{"a translation leads while it lasts", "owner/view.go", "if p.by.during(first, last) {", "if true {"},
	{"what was translated all the time is elsewhere", "owner/view.go", "p.by == nil && !away", "p.by == nil && (away || !away)"},
	{"news of translations are late", "owner/translation.go", "late = int64(1e9)", "late = int64(0)"},
	{"a translation is of the socket that began with it", "owner/translation.go", "return s.Before <= x.begin+late && x.begin-late <= s.After", "return true"},
	{"one five-tuple in two containers", "owner/locality.go", "n < zoned || t.network.several[five.Source]", "n < zoned"},
	{"another socket may come for a connection", "judge.go", "apartTime = int64(1e9)", "apartTime = int64(0)"},
	{"another initial sequence number", "conn/conn.go", "p.Seq != in.isn[s]", "false"},
	{"silence of UDP", "conn/conn.go", "silence > IdleUDP", "false"},
	{"silence of TCP", "conn/conn.go", "silence > IdleTCP || in.tornDown()", "in.tornDown()"},
	{"bytes that fill a hole are new", "conn/duplicate.go", "in.state&holed != 0 && touchesHole", "false && touchesHole"},
	{"duplicates come soon", "conn/duplicate.go", "copyTime = 50", "copyTime = 5000"},
	{"the first FIN or RST is none", "conn/duplicate.go", "p.TCPFlags&^in.Flags[s]&(packet.FIN|packet.RST) != 0", "false"},
}

// TestMutations wants the oracle or a scenario to notice each of the mutations, where
// PCAPWHO_MUTATIONS is set: that takes minutes. Always it wants the code to be there, once.
func TestMutations(t *testing.T) {
	for _, m := range mutations {
		t.Run(strings.ReplaceAll(m.what, " ", "_"), func(t *testing.T) {
			path, err := filepath.Abs(m.file)
			if err != nil {
				t.Fatal(err)
			}
			code, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(code), m.code); n != 1 {
				t.Fatalf("%s has %q %d times", m.file, m.code, n)
			}
			if os.Getenv("PCAPWHO_MUTATIONS") != "" {
				checkMutation(t, path, strings.Replace(string(code), m.code, m.instead, 1))
			}
		})
	}
}

// checkMutation wants the tests to fail where a file has other code.
func checkMutation(t *testing.T, path, code string) {
	t.Helper()
	dir := t.TempDir()
	mutant, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutant}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{mutant: []byte(code), overlay: replace} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("go", "test", "-vet=off", "-overlay", overlay, "-run", "^(TestOracle|TestScenarios)$", ".", "-rapid.checks=10000", "-rapid.shrinktime=1ms", "-rapid.nofailfile").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--- FAIL") {
		t.Errorf("nobody notices: %v\n%s", err, out[:min(len(out), 2000)])
	}
}
