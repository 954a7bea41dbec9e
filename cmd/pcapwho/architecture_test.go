package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// names are the identifiers of all packages, tests included: "flow.Key",
// "flow.Key.Hash", "conn.Segment.Until".
type names map[string]bool

// readNames reads every Go file below root.
func readNames(t *testing.T, root string) names {
	t.Helper()
	n := names{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root:
			return fs.SkipDir
		case filepath.Ext(path) != ".go":
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err == nil {
			n.addFile(file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (n names) addFile(file *ast.File) {
	pkg := strings.TrimSuffix(file.Name.Name, "_test")
	n[pkg] = true
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			n[pkg+"."+receiver(d)+d.Name.Name] = true
		case *ast.GenDecl:
			for _, s := range d.Specs {
				n.addSpec(pkg+".", s)
			}
		}
	}
}

// receiver returns "Type." for a method, "" for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if generic, ok := t.(*ast.IndexExpr); ok {
		t = generic.X
	}
	return t.(*ast.Ident).Name + "."
}

func (n names) addSpec(prefix string, s ast.Spec) {
	switch s := s.(type) {
	case *ast.ValueSpec:
		for _, name := range s.Names {
			n[prefix+name.Name] = true
		}
	case *ast.TypeSpec:
		n[prefix+s.Name.Name] = true
		var members *ast.FieldList
		switch t := s.Type.(type) {
		case *ast.StructType:
			members = t.Fields
		case *ast.InterfaceType:
			members = t.Methods
		default:
			return
		}
		for _, f := range members.List {
			for _, name := range f.Names {
				n[prefix+s.Name.Name+"."+name.Name] = true
			}
		}
	}
}

var (
	quoted     = regexp.MustCompile("`([^`\n]+)`")
	linked     = regexp.MustCompile(`\]\(([^)#:]+)[^)]*\)`)
	identifier = regexp.MustCompile(`^([a-z]+)(\.[A-Za-z_]\w*){1,2}$`)
	pathLike   = regexp.MustCompile(`^[\w.*/-]+$`)
)

// extensions are those of the repository's files, and those of users' files,
// whose names are only examples.
var (
	extensions = []string{".go", ".md", ".mod", ".sum", ".json", ".cjs", ".golden"}
	examples   = []string{".pcapng", ".pcap", ".jsonl"}
)

// untrue returns one line for everything that a document in docs names and
// that is not there.
func untrue(text, root string, known names) []string {
	var bad []string
	for _, m := range linked.FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join(root, "docs", m[1])); err != nil {
			bad = append(bad, "no file "+m[1])
		}
	}
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		name := m[1]
		domain, _, _ := strings.Cut(name, "/")
		switch {
		case strings.HasPrefix(name, "/") || strings.Contains(name, "/") && strings.Contains(domain, ".") && domain != ".ci":
			// a file of the system, or another module
		case slices.Contains(examples, path.Ext(name)):
		case pathLike.MatchString(name) && (strings.Contains(name, "/") || slices.Contains(extensions, path.Ext(name))):
			if found, err := filepath.Glob(filepath.Join(root, strings.TrimSuffix(name, "/..."))); err != nil || len(found) == 0 {
				bad = append(bad, "no file "+name)
			}
		case identifier.MatchString(name) && !known[name]:
			bad = append(bad, "no identifier "+name)
		}
	}
	return bad
}

const architecture = "../../docs/architecture.md"

// What docs/architecture.md names exists.
func TestArchitectureIsTrue(t *testing.T) {
	text, err := os.ReadFile(architecture)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range untrue(string(text), "../..", readNames(t, "../..")) {
		t.Error(line)
	}
}

// Its table of imports is the one that TestImports holds.
func TestArchitectureHasTheImportRules(t *testing.T) {
	text, err := os.ReadFile(architecture)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range importRules() {
		may := "nothing"
		switch {
		case slices.Equal(r.may, []string{"..."}):
			may = "everything"
		case len(r.may) > 0:
			may = "`" + strings.Join(r.may, "`, `") + "`"
		}
		if row := fmt.Sprintf("| `%s` | %s |", r.of, may); !strings.Contains(string(text), row) {
			t.Errorf("docs/architecture.md has no row %s", row)
		}
	}
}

// It gives the reason for every library that go.mod requires directly.
func TestArchitectureNamesEveryLibrary(t *testing.T) {
	text, err := os.ReadFile(architecture)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range requirements(t) {
		if !r.Indirect && !strings.Contains(string(text), "| `"+r.Path+"` |") {
			t.Errorf("docs/architecture.md does not say why %s is required", r.Path)
		}
	}
}

// The test of the document finds what is not there.
func TestUntrue(t *testing.T) {
	known := names{"flow.Key": true, "flow.Key.Hash": true}
	for text, bad := range map[string]int{
		"`flow.Key` and `flow.Key.Hash`":                     0,
		"`flow.Kye`":                                         1,
		"`flow.Key.Hush`, `nowhere.Name`":                    2,
		"`go.mod`, `docs/tables.md`, `ingest/flow`":          0,
		"`report/nosuch.go`, `ingest/nosuch`, `nosuch.json`": 3,
		"`record/*_linux.go`, `record/*_plan9.go`":           1,
		"`run.pcapng`, `/proc/PID/fd`, `golang.org/x/net`":   0,
		"[rules](attribution.md), [none](nosuch.md#part)":    1,
		"`pcapwho record -- CMD`":                            0,
	} {
		if got := untrue(text, "../..", known); len(got) != bad {
			t.Errorf("%s: %q, want %d lines", text, got, bad)
		}
	}
}
