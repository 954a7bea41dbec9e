package report

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// said is what both tshark and we tell of what one connection says of itself; what is
// not told is empty.
type said struct {
	ServerName, OfferedALPN, ALPN, OfferedVersion, Version string
	Method, Host, Status                                   string
}

// saidByUs returns what we tell, by the frame number of the first packet of the
// connection.
func saidByUs(t *testing.T, path string) map[int64]said {
	t.Helper()
	all := map[int64]said{}
	for _, c := range tables(t, analyze(t, Config{Captures: []string{path}, Tables: []string{"connections"}, AllInterfaces: true}), JSON)["connections"] {
		s := said{OfferedALPN: c["alpn_offered"], ALPN: c["alpn"], OfferedVersion: c["tls_version_offered"], Version: c["tls_version"],
			Method: c["http_method"], Host: c["http_host"], Status: c["http_status"]}
		if from := c["server_host_from"]; from == "tls" || from == "quic" {
			s.ServerName = c["server_host"]
		}
		if s != (said{}) {
			id, err := strconv.ParseInt(c["connection_id"], 10, 64)
			must(t, err)
			all[id] = s
		}
	}
	return all
}

// saidFields are what tshark is asked for.
var saidFields = []string{"frame.number", "tcp.stream", "udp.stream", "tls.handshake.type", "tls.handshake.extensions_server_name",
	"tls.handshake.extensions_alpn_str", "tls.handshake.version", "tls.handshake.extensions.supported_version",
	"http.request.method", "http.host", "http.response.code"}

// saidByTshark returns what tshark tells.
func saidByTshark(t *testing.T, path string) map[int64]said {
	t.Helper()
	args := []string{"-n", "-r", path, "-o", "tcp.reassemble_out_of_order:TRUE", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=|"}
	for _, f := range saidFields {
		args = append(args, "-e", f)
	}
	cmd := exec.Command(need.Tool(t, "tshark"), args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Logf("tshark: %v: %s", err, stderr.Bytes()) // a capture that was cut; what it read is there
	}
	first, all := map[string]int64{}, map[int64]said{}
	for line := range strings.Lines(string(out)) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		field := map[string][]string{}
		for i, name := range saidFields {
			if cells[i] != "" {
				field[name] = strings.Split(cells[i], "|")
			}
		}
		stream := cells[1] + "/" + cells[2]
		if stream == "/" || strings.Contains(stream, "|") { // an error that quotes another packet
			continue
		}
		var frame int64
		fmt.Sscan(cells[0], &frame)
		if first[stream] == 0 {
			first[stream] = frame
		}
		s := all[first[stream]]
		s.add(field)
		if s != (said{}) {
			all[first[stream]] = s
		}
	}
	return all
}

// add adds what one frame says, where nothing was said before.
func (s *said) add(field map[string][]string) {
	set := func(to *string, name string) {
		if v := field[name]; *to == "" && len(v) > 0 {
			*to = v[0]
		}
	}
	set(&s.Method, "http.request.method")
	if field["http.request.method"] != nil {
		set(&s.Host, "http.host")
	}
	set(&s.Status, "http.response.code")
	for _, kind := range field["tls.handshake.type"] {
		switch kind {
		case "1":
			if s.OfferedVersion != "" {
				return
			}
			set(&s.ServerName, "tls.handshake.extensions_server_name")
			s.OfferedALPN = strings.Join(field["tls.handshake.extensions_alpn_str"], ",")
			s.OfferedVersion = version(highestOf(append(field["tls.handshake.extensions.supported_version"], field["tls.handshake.version"]...)))
			return
		case "2":
			if s.Version != "" {
				return
			}
			set(&s.ALPN, "tls.handshake.extensions_alpn_str")
			s.Version = version(highestOf(append(field["tls.handshake.extensions.supported_version"], field["tls.handshake.version"]...)))
			return
		}
	}
}

// highestOf returns the highest version that is none to be ignored (RFC 8701).
func highestOf(list []string) string {
	list = slices.DeleteFunc(slices.Clone(list), func(v string) bool { return strings.HasSuffix(v, "a") })
	if len(list) == 0 {
		return ""
	}
	return slices.Max(list)
}

// version is the name of a version of TLS, by its number.
func version(number string) string {
	if n := map[string]string{"0x0304": "1.3", "0x0303": "1.2", "0x0302": "1.1", "0x0301": "1.0", "0x0300": "ssl3.0"}[number]; n != "" {
		return n
	}
	var draft int
	if _, err := fmt.Sscanf(number, "0x7f%02x", &draft); err == nil {
		return fmt.Sprintf("1.3-draft%d", draft)
	}
	return number
}

// compareSaid compares one capture, and returns the frames of connections of which
// tshark tells something else.
func compareSaid(t *testing.T, path string) (different map[int64]string, equal int) {
	t.Helper()
	ours, theirs := saidByUs(t, path), saidByTshark(t, path)
	frames := maps.Clone(ours)
	maps.Copy(frames, theirs)
	different = map[int64]string{}
	for frame := range frames {
		if ours[frame] == theirs[frame] {
			equal++
		} else {
			different[frame] = cmp.Diff(theirs[frame], ours[frame])
		}
	}
	return different, equal
}

// corporaOfNames are the captures of third parties that are compared every time; with
// PCAPWHO_NAMES=all it is all of them.
const corporaOfNames = "arkime/"

// unlikeTshark are connections of third-party captures of which tshark tells something
// else, by file and frame number of their first packet: docs/names.md says why.
var unlikeTshark = map[string]string{
	"arkime/tests/pcap/socks-http-example.pcap 1":                   within,
	"arkime/tests/pcap/socks-http-example.pcap 15":                  within,
	"arkime/tests/pcap/socks-http-example.pcap 30":                  within,
	"arkime/tests/pcap/socks-http-pass.pcap 26":                     within,
	"arkime/tests/pcap/socks-https-example.pcap 1":                  within,
	"arkime/tests/pcap/socks-https-example.pcap 31":                 within,
	"arkime/tests/pcap/socks-https-example.pcap 61":                 within,
	"arkime/tests/pcap/socks4-https.pcap 1":                         within,
	"arkime/tests/pcap/socks5-http-302-frag.pcap 1":                 within,
	"arkime/tests/pcap/socks5-http-302.pcap 1":                      within,
	"libpcap/tests/filter/AH-IPcomp-IPv4.pcap 1":                    "compressed packets (IPcomp), which are not decompressed",
	"libpcap/tests/filter/AH-IPcomp-IPv6.pcap 1":                    "compressed packets (IPcomp), which are not decompressed",
	"arkime/tests/pcap/socks5-reverse.pcap 1":                       within,
	"arkime/tests/pcap/https-connect.pcap 1":                        within,
	"arkime/tests/pcap/smtp-starttls.pcap 1":                        within,
	"arkime/tests/pcap/ldap-ssl.pcap 1":                             within,
	"arkime/tests/pcap/mysql-tls.pcap 1":                            within,
	"arkime/tests/pcap/adb_synthetic.pcap 72":                       within,
	"arkime/tests/pcap/twovlan.pcap 1":                              unfinished,
	"arkime/tests/pcap/http-tcp-seq-issue.pcap 1":                   unfinished,
	"arkime/tests/pcap/no-syn-ack.pcap 6":                           unfinished,
	"arkime/tests/pcap/arkime_synthetic.pcap 279":                   unfinished,
	"brimcap/cmd/brimcap/ztests/alerts.pcap 3":                      older,
	"brimcap/cmd/brimcap/ztests/alerts.pcap 1209":                   "SSDP, which is HTTP in datagrams: it is told by its port alone",
	"fq/format/inet/testdata/tls12-ipv4-linkframe-keylog.pcapng 1":  "the file has the secrets, and tshark decrypts",
	"fq/format/inet/testdata/tls12-ipv4-linkframe-keylog.pcapng 10": "the file has the secrets, and tshark decrypts",
}

// Reasons why tshark tells something else, as docs/names.md has them.
const (
	within     = "another protocol comes first, and asks for this one: a proxy's, STARTTLS"
	unfinished = "a message is not all there: tshark tells of whole ones only"
	older      = "the connection is older than the capture: only what each side sends first in it is looked at"
)

// Against captures of third parties, joined by mergecap.
func TestNamesCorpora(t *testing.T) {
	dir := need.Env(t, need.Corpora, "a folder of third-party captures")
	mergecap := need.Tool(t, "mergecap")
	equal, seen := 0, map[string]bool{}
	together := 250 // mergecap opens all at once
	if os.Getenv("PCAPWHO_NAMES") == "all" {
		together = 1 // connections of one file are not those of another
	}
	for chunk := range slices.Chunk(undamaged(t, dir), together) {
		merged := filepath.Join(t.TempDir(), "merged.pcapng")
		chunk = mergeKnown(t, mergecap, merged, chunk)
		different, n := compareSaid(t, merged)
		equal += n
		for frame, diff := range different {
			for _, f := range chunk {
				if frame > f.packets {
					frame -= f.packets
					continue
				}
				name, err := filepath.Rel(dir, f.path)
				must(t, err)
				at := fmt.Sprintf("%s %d", filepath.ToSlash(name), frame)
				seen[at] = true
				if unlikeTshark[at] == "" {
					t.Errorf("%s:\n%s", at, diff)
				}
				break
			}
		}
	}
	for at, why := range unlikeTshark {
		if !seen[at] && os.Getenv("PCAPWHO_NAMES") == "all" {
			t.Errorf("%s is as tshark tells it, expected: %s", at, why)
		}
	}
	if equal < 90 {
		t.Errorf("only %d connections say something", equal)
	}
	t.Logf("%d connections are equal, %d are not", equal, len(seen))
}

// mergeKnown joins those files whose link types mergecap knows, and returns them.
func mergeKnown(t *testing.T, mergecap, to string, files []corpus) []corpus {
	t.Helper()
	for {
		args := []string{"-a", "-F", "pcapng", "-w", to}
		for _, f := range files {
			args = append(args, f.path)
		}
		out, err := exec.Command(mergecap, args...).CombinedOutput()
		if err == nil {
			return files
		}
		n := len(files)
		files = slices.DeleteFunc(files, func(f corpus) bool { return bytes.Contains(out, []byte(`"`+f.path+`"`)) })
		if len(files) == n {
			t.Fatalf("mergecap: %v: %s", err, out)
		}
	}
}

// corpus is one capture of third parties.
type corpus struct {
	path    string
	packets int64
}

// undamaged returns those that can be read to their end, and have packets.
func undamaged(t *testing.T, dir string) (all []corpus) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(filepath.Ext(path), "cap") {
			return err
		}
		if name, err := filepath.Rel(dir, path); err != nil || !strings.HasPrefix(filepath.ToSlash(name), corporaOfNames) && os.Getenv("PCAPWHO_NAMES") != "all" {
			return err
		}
		c, err := ingest.Open(path)
		if err != nil {
			return nil
		}
		defer c.Close()
		f := corpus{path: path}
		for batch := make([]packet.Packet, 1000); err == nil; {
			var n int
			n, err = c.Read(batch)
			f.packets += int64(n)
		}
		if err == io.EOF && len(c.Damage()) == 0 && f.packets > 0 {
			all = append(all, f)
		}
		return nil
	}))
	return all
}
