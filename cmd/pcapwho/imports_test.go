package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/pcapwho/pcapwho"

// importRule says what the packages that match a pattern may import directly;
// "/..." at the end of a pattern stands for the package and all below it.
type importRule struct {
	of  string
	may []string
}

// importRules is the table of docs/architecture.md. The first rule that
// matches a package holds.
func importRules() []importRule {
	return []importRule{
		{"ingest/flow", nil},
		{"ingest/pcapng", nil},
		{"ingest/packet", []string{"ingest/flow", "ingest/pcapng"}},
		{"ingest/connlog", []string{"ingest/flow"}},
		{"ingest/content", []string{"ingest/flow", "ingest/connlog"}},
		{"ingest", []string{"ingest/..."}},
		{"attribute/...", []string{"attribute/...", "ingest/..."}},
		{"report/...", []string{"report/...", "attribute/...", "ingest/..."}},
		{"record/...", []string{"record/...", "ingest/flow", "ingest/pcapng", "ingest/packet", "ingest/connlog"}},
		{"testdata/...", nil},
		{"cmd/...", []string{"..."}},
	}
}

// kept lists libraries that one part alone may import.
func kept() []struct{ library, by string } {
	return []struct{ library, by string }{
		{"github.com/apache/arrow/...", "report/..."},
		{"github.com/parquet-go/...", "report/..."},
		{"golang.org/x/image/...", "report/..."},
		{"github.com/google/gopacket/...", "ingest/..."},
		{"github.com/cilium/ebpf/...", "record/..."},
		{"github.com/mdlayher/netlink/...", "record/..."},
		{"github.com/vishvananda/netlink/...", "record/..."},
		{"golang.org/x/net/bpf/...", "record/..."},
		{"github.com/shirou/gopsutil/...", "record/..."},
		{"kernel.org/pub/linux/libs/security/libcap/...", "record/..."},
		{"github.com/urfave/cli/...", "cmd/..."},
	}
}

// matches tells whether a path is one that the pattern stands for.
func matches(pattern, path string) bool {
	below, tree := strings.CutSuffix(pattern, "...")
	return path == pattern || tree && (strings.HasPrefix(path, below) || path+"/" == below)
}

// listed is a package as go list tells it.
type listed struct {
	ImportPath string
	Imports    []string
}

// own returns the path of a package of ours inside the module.
func own(path string) (string, bool) {
	inside, ok := strings.CutPrefix(path, module+"/")
	return inside, ok
}

// badImports returns one line for each import that no rule allows.
func badImports(packages []listed) []string {
	var bad []string
	for _, p := range packages {
		from, ok := own(p.ImportPath)
		if !ok {
			continue
		}
		for _, path := range p.Imports {
			if why := forbidden(from, path); why != "" {
				bad = append(bad, fmt.Sprintf("%s imports %s: %s", from, path, why))
			}
		}
	}
	return bad
}

// forbidden says why one of our packages may not import path, "" if it may.
func forbidden(from, path string) string {
	to, ok := own(path)
	if !ok {
		for _, k := range kept() {
			if matches(k.library, path) && !matches(k.by, from) {
				return "only " + k.by + " may"
			}
		}
		return ""
	}
	for _, r := range importRules() {
		if matches(r.of, from) {
			if slices.ContainsFunc(r.may, func(pattern string) bool { return matches(pattern, to) }) {
				return ""
			}
			return fmt.Sprintf("%s may import %q", r.of, r.may)
		}
	}
	return "no rule is about " + from
}

// Imports go one way, and libraries stay where they belong, on every system.
func TestImports(t *testing.T) {
	for _, system := range []string{"linux", "darwin", "windows"} {
		t.Run(system, func(t *testing.T) {
			packages := listPackages(t, system)
			for _, line := range badImports(packages) {
				t.Error(line)
			}
			for _, r := range importRules() {
				seen := func(p listed) bool { path, ok := own(p.ImportPath); return ok && matches(r.of, path) }
				if r.of != "testdata/..." && !slices.ContainsFunc(packages, seen) {
					t.Errorf("no package is %s: the rule holds nothing", r.of)
				}
			}
		})
	}
}

// listPackages returns all packages that the program consists of on a system.
// What another system needs and is not downloaded has no imports.
func listPackages(t *testing.T, system string) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-deps", "-json=ImportPath,Imports", "./...")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0", "GOPROXY=off")
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(output(t, cmd))); ; {
		var p listed
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func output(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, stderr.Bytes())
	}
	return out
}

// The test of the imports fails on each kind of edge that is forbidden.
func TestImportsFindsBadEdges(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		bad      bool
	}{
		{"attribute", module + "/record", true},
		{"record", module + "/attribute/conn", true},
		{"record", module + "/ingest", true},
		{"record", module + "/ingest/packet", false},
		{"ingest/flow", module + "/ingest/packet", true},
		{"ingest/packet", module + "/ingest/connlog", true},
		{"ingest", module + "/ingest/connlog", false},
		{"ingest", module + "/attribute", true},
		{"attribute/conn", module + "/report/table", true},
		{"report/measure", module + "/attribute", false},
		{"report", module + "/cmd/pcapwho/workload", true},
		{"report", module + "/testdata/need", true},
		{"extra", module + "/ingest/flow", true},
		{"cmd/pcapwho", module + "/record", false},
		{"attribute", "github.com/apache/arrow/go/v15/arrow", true},
		{"report/encode", "github.com/apache/arrow/go/v15/parquet/file", false},
		{"cmd/pcapwho", "github.com/apache/arrow/go/v15/arrow", true},
		{"report", "github.com/google/gopacket", true},
		{"ingest/packet", "github.com/google/gopacket/layers", false},
		{"attribute/owner", "github.com/shirou/gopsutil/v3/net", true},
		{"cmd/pcapwho", "github.com/cilium/ebpf/link", true},
		{"ingest", "golang.org/x/net/bpf", true},
		{"record", "golang.org/x/net/bpf", false},
		{"record", "github.com/urfave/cli/v2", true},
		{"record", "golang.org/x/net/dns/dnsmessage", false},
	} {
		got := badImports([]listed{{ImportPath: module + "/" + tt.from, Imports: []string{"io", tt.to}}})
		if len(got) > 0 != tt.bad {
			t.Errorf("%s imports %s: %q, want bad = %v", tt.from, tt.to, got, tt.bad)
		}
	}
}

// requirement is one line of go.mod.
type requirement struct {
	Path, Version string
	Indirect      bool
}

func requirements(t *testing.T) []requirement {
	t.Helper()
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = "../.."
	var file struct{ Require []requirement }
	if err := json.Unmarshal(output(t, cmd), &file); err != nil {
		t.Fatal(err)
	}
	return file.Require
}

// The four packages that everything is built on are required at these
// versions.
func TestRequirements(t *testing.T) {
	all := requirements(t)
	for _, want := range []requirement{
		{"github.com/google/gopacket", "v1.1.19", false},
		{"github.com/shirou/gopsutil/v3", "v3.24.5", false},
		{"github.com/urfave/cli/v2", "v2.27.7", false},
		{"github.com/apache/arrow/go/v15", "v15.0.2", false},
	} {
		if !slices.Contains(all, want) {
			t.Errorf("go.mod has no direct requirement %s %s", want.Path, want.Version)
		}
	}
}
