package record

import "github.com/pcapwho/pcapwho/ingest/connlog"

// tree is what is the user's own: what came from the wrapped command, and from the
// processes that were named. A process belongs to it when
//
//   - it is the command or was named, or its parent belongs to it,
//   - this process adopted it: who outlives his parent goes to the nearest
//     ancestor that takes in orphans (adoptOrphans),
//   - its session or process group is one that a member of the tree made,
//   - it is in a control group that only came with the tree.
type tree struct {
	root    int32                      // PID of the command; 0 = none
	self    int32                      // PID of this process
	command connlog.ProcessID          // who that PID was first
	began   uint64                     // round of the roster
	members map[connlog.ProcessID]bool // dead ones too
	named   []int32                    // PIDs, until they were found
	outside map[int32]bool             // sessions and process groups that the named ones were in
	own     face                       // of this process
	cgroups map[string]bool            // that were there before
	groups  map[int32]bool             // sessions and process groups of living members
	scopes  map[string]bool            // control groups of living members
}

// start tells who the command is; the living were there before it.
func (t *tree) start(r *roster, pid int32) {
	if t.members == nil {
		t.members = map[connlog.ProcessID]bool{}
	}
	*t = tree{root: pid, self: t.self, began: r.round, members: t.members, outside: t.outside}
	t.surround(r)
}

// surround notes what was there before.
func (t *tree) surround(r *roster) {
	t.own, _ = r.reader.face(t.self)
	t.cgroups = map[string]bool{}
	for _, p := range r.living {
		t.cgroups[p.Cgroup] = true
	}
}

// find makes the processes that were named members. It is called once they are
// listed.
func (t *tree) find(r *roster) {
	if len(t.named) == 0 {
		return
	}
	t.surround(r)
	t.members, t.outside = map[connlog.ProcessID]bool{}, map[int32]bool{}
	for _, pid := range t.named {
		p, ok := r.living[pid]
		if !ok {
			continue
		}
		for _, id := range [...]int32{p.face.session, p.face.group} {
			if id != pid {
				t.outside[id] = true
			}
		}
		t.add(p)
	}
	t.named = nil
}

// grow adds what is new to the tree, and returns those that were known and came
// to belong to it by an adoption. A child may stand before its parent, when both
// began within the same tick of the clock: it goes on until nothing changes.
func (t *tree) grow(living map[int32]*resident) (adopted []*resident) {
	if len(t.members) == 0 && t.root == 0 {
		return nil
	}
	t.groups, t.scopes = map[int32]bool{}, map[string]bool{}
	for _, p := range living {
		if p.Command {
			t.add(p)
		}
	}
	for grown := true; grown; {
		grown = false
		for _, p := range living {
			if p.Command || !t.takes(p) {
				continue
			}
			if p.described {
				adopted = append(adopted, p)
			}
			t.add(p)
			grown = true
		}
	}
	return adopted
}

func (t *tree) takes(p *resident) bool {
	if p.ID.PID == t.root && t.command == (connlog.ProcessID{}) {
		t.command = p.ID
	}
	if p.ID == t.command || t.members[p.Parent] {
		return true
	}
	if p.first <= t.began {
		return false
	}
	return t.fosters(p) || t.groups[p.face.session] || t.groups[p.face.group] || t.scopes[p.Cgroup]
}

// fosters tells whether this process adopted p.
func (t *tree) fosters(p *resident) bool {
	return t.root != 0 && p.face.parent == t.self && p.ID.PID != t.root && p.first > t.began
}

func (t *tree) add(p *resident) {
	p.Command = true
	t.members[p.ID] = true
	for _, id := range [...]int32{p.face.session, p.face.group} {
		if id != 0 && id != t.own.session && id != t.own.group && !t.outside[id] && t.groups != nil {
			t.groups[id] = true
		}
	}
	if p.Cgroup != "" && !t.cgroups[p.Cgroup] && t.scopes != nil {
		t.scopes[p.Cgroup] = true
	}
}
