package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// goCommands are the commands of Go that the pages show, in the order in which
// TestGoCommands runs them, in a shell in a copy of the module.
var goCommands = []string{
	"go build -o pcapwho ./cmd/pcapwho",
	"go run ./cmd/pcapwho demo",
	"go run ./testdata/generate -kind small -scale 0.2 -o DIR",
	"go run ./testdata/benchmark/sources -connections 1 -holds 0.01 -sources poll",
	"go run ./testdata/benchmark/recorders -n 1 -loads latency -recorders none,diag",
	"go run ./testdata/benchmark -scale 0.002 -n 1 -only pcapwho -dir DIR",
	"go test -run '^$' -bench Analyze/small -benchtime 2x -cpuprofile cpu.prof ./report",
	"go tool pprof -top -cum cpu.prof | grep -E 'looker|Names|Endpoints'",
	"go tool pprof -top -cum cpu.prof",
	"go run ./testdata/generate -kind small -scale 0.17 -processes 10000 -o DIR",
	"go test -short -run '^$' -bench . -benchtime 1x ./ingest/... ./attribute/... ./report/...",
	"go test -run '^$' -bench Dump ./record",
	"go test -run '^$' -bench Judge -benchtime 100x -count 10 ./attribute | tee old.txt",
	"go test -run '^$' -bench Judge -benchtime 100x -count 10 ./attribute | tee new.txt",
	"go test -short -run '^$' -bench Log -benchtime 3x ./report",
	"go test -run '^$' -bench Packets ./report/encode",
	"go test -run '^$' -bench Packets/parquet -benchtime 1x ./report",
	"go test ./report/table -update",
	"go test ./report/encode -run 'TestText|TestJSON' -update",
}

// ciCommands are those that CI runs itself: among all tests, or under the race detector.
var ciCommands = []string{
	"go test ./...",
	"go test ./testdata/generate/... ./testdata/benchmark/...",
	"go test ./attribute -run '^TestOracle$' -rapid.checks=10000",
	"go test ./cmd/pcapwho -v -run 'TestTruth|TestPIDs|TestPorts|TestThousand|TestPassed|TestMultipathL|TestRing|TestNamespaces|TestMasq'",
}

// TestGoCommands holds that the pages show these, each of which works.
func TestGoCommands(t *testing.T) {
	need.Root(t) // not for rights: it takes seconds, and CI runs all tests as root too
	t.Parallel()
	shown := map[string]string{}
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile("(?m)^(go (?:build|run|test|tool|vet) .*)$|`(go (?:build|run|test|tool|vet) [^`\n]+)`")
	for _, page := range append(pages, readme) {
		for _, m := range command.FindAllStringSubmatch(readPage(t, page), -1) {
			line, _, _ := strings.Cut(m[1]+m[2], "  #")
			shown[strings.TrimSpace(line)] = page
		}
	}
	root := copied(t)
	for _, line := range slices.Concat(goCommands, ciCommands) {
		if shown[line] == "" {
			t.Errorf("no page shows %s", line)
		}
		delete(shown, line)
		if strings.HasPrefix(line, "go test ") {
			checkTests(t, line)
		}
	}
	for _, line := range goCommands {
		cmd := exec.Command(need.Tool(t, "sh"), "-ec", line)
		cmd.Dir, cmd.Env = root, append(os.Environ(), "GOFLAGS=-buildvcs=false -trimpath -vet=off") // what is compiled is found again under another path
		begin := time.Now()
		if text, err := cmd.CombinedOutput(); err != nil || len(text) == 0 && !strings.HasPrefix(line, "go build") {
			t.Errorf("%s: %v\n%s", line, err, text)
		}
		t.Logf("%5.1f s  %s", time.Since(begin).Seconds(), line)
	}
	for _, made := range []string{"docs", "report/encode/testdata"} { // by -update
		cmd := exec.Command(need.Tool(t, "diff"), "-r", filepath.Join("../..", made), filepath.Join(root, made))
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s is not what the tests write: %v\n%s", made, err, text)
		}
	}
	for line, page := range shown {
		t.Errorf("%s shows %s, which no test runs", page, line)
	}
}

// copied returns a folder with a copy of the module, where commands may leave files.
func copied(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum", "README.md", "attribute", "cmd", "docs", "ingest", "record", "report", "testdata", ".ci"} {
		cmd := exec.Command(need.Tool(t, "cp"), "-r", filepath.Join("../..", name), root)
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	return root
}

// checkTests holds that the packages of a go test command have the tests and benchmarks
// that it names, some where it names none, and the flags that are not of Go itself.
func checkTests(t *testing.T, command string) {
	t.Helper()
	flags := regexp.MustCompile(` -(\w+)(?:\.\w+)?(?:[ =]('[^']+'|[^ -]\S*))?`).FindAllStringSubmatch(command, -1)
	packages := regexp.MustCompile(` \./\S+`).FindAllString(command, -1)
	if len(packages) == 0 {
		t.Errorf("%s names no package", command)
	}
	for _, p := range packages {
		text := testsOf(t, strings.TrimSpace(p))
		has := func(kind, name string) {
			name, _, _ = strings.Cut(strings.Trim(name, "'"), "/")
			for one := range strings.SplitSeq(name, "|") {
				wanted := regexp.MustCompile(one)
				if one != "^$" && !slices.ContainsFunc(regexp.MustCompile(`(?m)^func (`+kind+`\w+)\(`).FindAllStringSubmatch(text, -1), func(m []string) bool { return wanted.MatchString(m[1]) }) {
					t.Errorf("%s:%s has no %s %s", command, p, kind, one)
				}
			}
		}
		has("Test", ".")
		for _, f := range flags {
			switch f[1] {
			case "run":
				has("Test", f[2])
			case "bench":
				has("Benchmark", f[2])
			case "count", "benchtime", "cpuprofile", "short", "v":
			default:
				if !regexp.MustCompile(`"(\S*/)?` + f[1] + `"`).MatchString(text) {
					t.Errorf("%s:%s has no flag -%s", command, p, f[1])
				}
			}
		}
	}
}

// testsOf returns the tests of a package, or of those below it.
func testsOf(t *testing.T, pattern string) string {
	t.Helper()
	folder, below := strings.CutSuffix(pattern, "...")
	root := filepath.Join("../..", folder)
	var text strings.Builder
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") && (below || filepath.Dir(path) == root) {
			text.WriteString(readPage(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}
