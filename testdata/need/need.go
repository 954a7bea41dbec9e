// Package need says what a test cannot do without. Where it is missing the
// test is skipped with one line, except in CI (PCAPWHO_CI=1), where nothing
// may be skipped and the test fails: nothing but the tests of third-party
// captures, which are no part of the repository.
package need

import (
	"os"
	"os/exec"
	"testing"
)

// Corpora is the environment variable that names the folder of third-party
// captures. It may be unset in CI too.
const Corpora = "PCAPWHO_CORPORA"

// Root skips the test unless it runs as uid 0.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "needs root")
	}
}

// Tool skips the test unless the program is on the PATH, and returns its path.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, "needs the program "+name)
	}
	return path
}

// Env skips the test unless the environment variable is set, and returns it.
// what says what it names, as "a folder of third-party captures".
func Env(t testing.TB, name, what string) string {
	t.Helper()
	v := os.Getenv(name)
	switch {
	case v == "" && name == Corpora:
		t.Skip("needs " + name + ", " + what)
	case v == "":
		Missing(t, "needs "+name+", "+what)
	}
	return v
}

func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("PCAPWHO_CI") == "1" {
		t.Fatalf("%s, and nothing may be skipped in CI", what)
	}
	t.Skip(what)
}
