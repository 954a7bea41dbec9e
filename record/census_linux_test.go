package record

import (
	"fmt"
	"slices"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/record/hooks"
)

// TestNames tells a program that begins once, though the kernel tells of its name before
// it does; and a name that a process gives itself.
func TestNames(t *testing.T) {
	reader, err := newProcessReader()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.close()
	var told []string
	c := &census{roster: newRoster(reader), reader: reader, renamed: map[connlog.ProcessID]int64{}, write: func(stamp int64, p *connlog.Process) {
		told = append(told, fmt.Sprint(stamp, " ", p.Change, " ", p.Name, " ", p.Args))
	}}
	who := hooks.Identity{PID: 1<<22 + 1, Start: 1e9} // more than there may be
	const ms = int64(1e6)
	event := func(kind hooks.Kind, at int64, name string, args ...string) {
		c.take(&hooks.Event{Kind: kind, Time: at, User: who, Name: name, Args: args})
	}
	event(hooks.Fork, 1*ms, "sh")
	event(hooks.Rename, 2*ms, "ls")
	c.tellNames(2*ms - int64(renames))
	event(hooks.Exec, 3*ms, "ls", "ls", "-l")
	event(hooks.Rename, 4*ms, "worker")
	c.tellNames(3 * ms)
	c.tellNames(5 * ms)
	event(hooks.Rename, 6*ms, "last")
	event(hooks.Exit, 7*ms, "last")
	want := []string{"1000000 fork sh []", "3000000 exec ls [ls -l]", "4000000 exec worker [ls -l]", "6000000 exec last [ls -l]", "7000000 exit last [ls -l]"}
	if !slices.Equal(told, want) || len(c.renamed) != 0 {
		t.Errorf("told %q, want %q; %d names wait", told, want, len(c.renamed))
	}
}
