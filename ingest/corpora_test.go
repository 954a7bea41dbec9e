package ingest

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// A folder of captures by others has in its capinfos.tsv what capinfos of
// Wireshark says of each. These are refused or cut by it; we read of them:
var refused = map[string]struct {
	packets int64 // -1 = it cannot be opened
	damage  string
	why     string
}{
	"brimcap/cmd/brimcap/ztests/extra.pcapng":                  {27, "the file is cut here, 1 bytes into a block or record", "a newline behind the last block; capinfos counts the same packets"},
	"libpcap/tests/pcap-invalid-version-1.pcap":                {-1, "version 1.4, the oldest that is read is 2.0", "no such version"},
	"libpcap/tests/pcapng-invalid-vers-1.pcapng":               {0, "version 0.1, this version reads 1.x; 260 bytes skipped", "no such version"},
	"libpcap/tests/pcapng-invalid-vers-2.pcapng":               {1, "", "version 1.1: minor versions may be read, section 4.1 of the draft"},
	"libpcap/tests/shb-option-too-long.pcapng":                 {0, "total length 808464432 at the block's end, 52 at its beginning; 180 bytes skipped to the end", "malformed"},
	"libpcap/tests/filter/brcm-tag-stp.pcap":                   {4, "", "a link type that Wireshark 4.0 does not know"},
	"libpcap/tests/filter/brcm-tag.pcap":                       {15, "", "a link type that Wireshark 4.0 does not know"},
	"libpcap/tests/filter/dsa.pcap":                            {8, "", "a link type that Wireshark 4.0 does not know"},
	"libpcap/tests/linktype-reserved-field-not-zero.pcap":      {0, "", "bits beside the link type are ignored"},
	"tcpdump/tests/brcm-tag-prepend.pcap":                      {15, "", "a link type that Wireshark 4.0 does not know"},
	"tcpdump/tests/brcm-tag.pcap":                              {23, "", "a link type that Wireshark 4.0 does not know"},
	"tcpdump/tests/dsa-high-vid.pcap":                          {4, "", "a link type that Wireshark 4.0 does not know"},
	"tcpdump/tests/dsa.pcap":                                   {8, "", "a link type that Wireshark 4.0 does not know"},
	"tcpdump/tests/edsa-high-vid.pcap":                         {4, "", "a link type that Wireshark 4.0 does not know"},
	"tcpdump/tests/edsa.pcap":                                  {10, "", "a link type that Wireshark 4.0 does not know"},
	"tcpdump/tests/frf16_magic_ie-oobr.pcap":                   {1, "", "a link type that Wireshark 4.0 does not know"},
	"tcpdump/tests/hoobr_juniper3.pcap":                        {1, "", "bits beside the link type are ignored"},
	"tcpdump/tests/juniper_es_oobr.pcap":                       {1, "", "bits beside the link type are ignored"},
	"tcpdump/tests/juniper_monitor_invalid_cookie_length.pcap": {1, "", "a link type that Wireshark 4.0 does not know"},
	"tcpdump/tests/kday6.pcap":                                 {1, "", "a link type that Wireshark 4.0 does not know"},
	"tcpdump/tests/vtp_asan-2.pcap":                            {1, "", "a link type that Wireshark 4.0 does not know"},
	"tcpdump/tests/vtp_asan-3.pcap":                            {1, "", "a link type that Wireshark 4.0 does not know"},
	"tcpdump/tests/vtp_asan.pcap":                              {5, "", "a link type that Wireshark 4.0 does not know"},
}

// otherwise are captures of which capinfos tells other bytes or times than we
// do, never other numbers of packets.
var otherwise = map[string]string{
	"tcpdump/tests/atm-heapoverflow.pcap":               "Wireshark takes a pseudo-header of 4 bytes from SunATM frames",
	"tcpdump/tests/atm-oam-heapoverflow.pcap":           "Wireshark takes a pseudo-header of 4 bytes from SunATM frames",
	"tcpdump/tests/atm-oam-loopback-print-overrun.pcap": "the same, and more than a second of microseconds",
	"tcpdump/tests/timestamp_invalid_micro.pcap":        "more than a second of microseconds: we add them up",
	"tcpdump/tests/timestamp_invalid_nano.pcap":         "more than a second of nanoseconds: we add them up",
	"tcpdump/tests/rx_serviceid_oobr.pcap":              "more than a second of microseconds: we add them up",
	"tcpdump/tests/bgp_vpn_rt-oobr.pcap":                "malformed times: capinfos takes a later packet for the first",
	"tcpdump/tests/pim_header_asan-2.pcap":              "malformed times: capinfos takes a later packet for the first",
	"tcpdump/tests/olsr-oobr-2.pcap":                    "malformed times: capinfos takes a later packet for the first",
	"fq/format/pcap/testdata/dhcp_little_endian.pcapng": "the year 151,991: int64 nanoseconds end in 2262",
	"fq/format/pcap/testdata/dhcp_big_endian.pcapng":    "the year 151,991: int64 nanoseconds end in 2262",
}

// corpora returns the folder, and the rows of its capinfos.tsv: its columns by
// their names, by path.
func corpora(t testing.TB) (dir string, files map[string]map[string]string) {
	t.Helper()
	dir = need.Env(t, "PCAPWHO_CORPORA", "a folder of third-party captures")
	f, err := os.Open(filepath.Join(dir, "capinfos.tsv"))
	must(t, err)
	defer f.Close()
	return dir, rows(t, f, "path")
}

// rows reads a table with a line of names, its cells between tabs.
func rows(t testing.TB, r io.Reader, key string) map[string]map[string]string {
	t.Helper()
	lines := bufio.NewScanner(r)
	lines.Scan()
	names, all := strings.Split(lines.Text(), "\t"), map[string]map[string]string{}
	for lines.Scan() {
		row := map[string]string{}
		for i, cell := range strings.SplitN(lines.Text(), "\t", len(names)) {
			row[names[i]] = cell
		}
		all[row[key]] = row
	}
	must(t, lines.Err())
	if len(all) == 0 {
		t.Fatal("no rows")
	}
	return all
}

// TestCapinfos holds that of every capture we read the packets, the bytes and
// the times that capinfos reads.
func TestCapinfos(t *testing.T) {
	dir, files := corpora(t)
	for path, row := range files {
		c, err := Open(filepath.Join(dir, path))
		if err != nil {
			if want := refused[path]; want.packets != -1 || !strings.Contains(err.Error(), want.damage) {
				t.Error(err)
			}
			continue
		}
		all, err := drain(c, 1000)
		damage := ""
		if d := c.Damage(); len(d) > 0 {
			damage = strings.TrimSpace(d[0].Field + " " + d[0].Message)
		}
		must(t, c.Close())
		if err != io.EOF {
			t.Error(err)
		}
		if want, known := refused[path]; known || row["capinfos_exit"] != "0" {
			if int64(len(all)) != want.packets || damage != want.damage {
				t.Errorf("%s: %d packets, %q; want %+v", path, len(all), damage, want)
			}
			continue
		}
		if damage != "" {
			t.Errorf("%s: %s", path, damage)
		}
		got, want := summary(all, row), [4]string{row["Number of packets"], row["Data size (bytes)"], row["Start time"], row["End time"]}
		why, known := otherwise[path]
		if known == (got == want) || got[0] != want[0] {
			t.Errorf("%s: got %q, capinfos says %q, expected to differ: %q", path, got, want, why)
		}
	}
}

// summary tells what capinfos does, with as many digits of the times.
func summary(all []packet.Packet, row map[string]string) [4]string {
	first, last, bytes := int64(math.MaxInt64), int64(math.MinInt64), uint64(0)
	for _, p := range all {
		first, last, bytes = min(first, p.Time), max(last, p.Time), bytes+uint64(p.WireLength)
	}
	at := func(name string, ns int64) string {
		_, digits, _ := strings.Cut(row[name], ".")
		if row[name] == "n/a" { // a packet without a time, or none
			return "n/a"
		}
		s := fmt.Sprintf("%d.%09d", ns/1e9, ns%1e9)
		return s[:len(s)-9+min(9, len(digits))]
	}
	return [4]string{fmt.Sprint(len(all)), fmt.Sprint(bytes), at("Start time", first), at("End time", last)}
}
