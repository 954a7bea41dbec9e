package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// goCommands are the commands of Go that the pages show, in the order in which
// TestGoCommands runs what is beside them, in a shell at the root of the module with $OUT
// a new folder. Most in full take minutes: these run shorter, or only tell their flags.
// "" = they are tests, which CI runs anyhow, or benchmarks: held is that the packages have
// what is named.
var goCommands = [][2]string{
	{"go build -o pcapwho ./cmd/pcapwho", "go build -o $OUT ./cmd/pcapwho ./testdata/benchmark ./testdata/benchmark/recorders ./testdata/benchmark/sources ./testdata/generate"},
	{"go run ./cmd/pcapwho demo", "cd $OUT && ./pcapwho demo"},
	{"go run ./testdata/generate -kind small -o DIR", "$OUT/generate -kind small -o $OUT -scale 0.001"},
	{"go run ./testdata/generate", "$OUT/generate -h"},
	{"go run ./testdata/benchmark/sources", "$OUT/sources -h"},
	{"go run ./testdata/benchmark/recorders", "$OUT/recorders -h"},
	{"go run ./testdata/benchmark", "$OUT/benchmark -h"},
	{"go test -run '^$' -bench Analyze/small -benchtime 10x -cpuprofile cpu.prof ./report", "go test -run '^$' -bench Analyze/small -benchtime 1x -cpuprofile cpu.prof -outputdir $OUT -o $OUT/report.test ./report"},
	{"go tool pprof -top -cum cpu.prof | grep -E 'looker|Names|Endpoints'", "cd $OUT && go tool pprof -top -cum cpu.prof | grep -E 'looker|Names|Endpoints'"},
	{"go tool pprof -top -cum cpu.prof", "cd $OUT && go tool pprof -top -cum cpu.prof"},
	{"go test ./...", ""},
	{"go test ./testdata/generate/... ./testdata/benchmark/...", ""},
	{"go test ./attribute -run '^TestOracle$' -rapid.checks=10000", ""},
	{"go test ./cmd/pcapwho -v -run 'TestTruth|TestPIDs|TestPorts|TestThousand|TestPassed|TestMultipathL|TestRing|TestNamespaces|TestMasq'", ""},
	{"go test ./report/encode ./report/table -update", ""},
	{"go test ./report/table -update", ""},
	{"go test -run '^$' -bench . ./ingest/... ./attribute/... ./report/...", ""},
	{"go test -run '^$' -bench . -count 10 ./attribute > old.txt", ""},
	{"go test -run '^$' -bench . -count 10 ./attribute > new.txt", ""},
	{"go test -run '^$' -bench Dump ./record", ""},
	{"go test -run '^$' -bench Packets ./report/encode", ""},
}

// TestGoCommands holds that the pages show these, each of which works.
func TestGoCommands(t *testing.T) {
	need.Root(t) // not for rights: it takes seconds, and CI runs all tests as root too
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
	out := t.TempDir()
	for _, c := range goCommands {
		if shown[c[0]] == "" {
			t.Errorf("no page shows %s", c[0])
		}
		delete(shown, c[0])
		if strings.HasPrefix(c[0], "go test ") {
			checkTests(t, c[0])
		}
		if c[1] == "" {
			continue
		}
		cmd := exec.Command(need.Tool(t, "sh"), "-ec", c[1])
		cmd.Dir, cmd.Env = "../..", append(os.Environ(), "OUT="+out, "GOFLAGS=-buildvcs=false")
		if text, err := cmd.CombinedOutput(); err != nil || len(text) == 0 && !strings.HasPrefix(c[1], "go build") {
			t.Errorf("%s: %v\n%s", c[1], err, text)
		}
	}
	for line, page := range shown {
		t.Errorf("%s shows %s, which no test runs", page, line)
	}
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
			case "count", "benchtime", "cpuprofile", "v":
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
