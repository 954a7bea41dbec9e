package measure

import (
	"slices"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// Tree is the processes' parent links inside the recording, hung under one
// root that is no process. A link that would close a circle, which only a
// damaged log can hold, is cut.
type Tree struct {
	parent []int32 // by process; the root is len(processes) and its own parent
	order  []int32 // every process after its parent
	place  []int32 // place in a walk that finishes each subtree before the next
	depth  []int32 // the root has 0
	jump   []int32 // an ancestor, so chosen that any is reached in O(log n) jumps (Myers 1983)
}

// NewTree links the processes of a result.
func NewTree(processes []attribute.Process) *Tree {
	n := len(processes)
	t := &Tree{parent: parents(processes), place: make([]int32, n+1), depth: make([]int32, n+1), jump: make([]int32, n+1)}
	t.walk()
	root := int32(n)
	t.jump[root] = root
	for _, v := range t.order {
		p := t.parent[v]
		t.depth[v] = t.depth[p] + 1
		t.jump[v] = p
		if j := t.jump[p]; t.depth[p]-t.depth[j] == t.depth[j]-t.depth[t.jump[j]] {
			t.jump[v] = t.jump[j]
		}
	}
	return t
}

// Extend adds the descendants of those in a set to it.
func (t *Tree) Extend(set []bool) {
	for _, v := range t.order {
		if p := t.parent[v]; int(p) < len(set) && set[p] {
			set[v] = true
		}
	}
}

// parents finds each process's parent, the root where the recording has none.
func parents(processes []attribute.Process) []int32 {
	root := int32(len(processes))
	index := make(map[connlog.ProcessID]int32, len(processes))
	for i := range processes {
		index[processes[i].ID] = int32(i)
	}
	parent := make([]int32, root+1)
	parent[root] = root
	for i := range processes {
		p, ok := index[processes[i].Parent]
		if !ok || processes[i].Parent.PID == 0 {
			p = root
		}
		parent[i] = p
	}
	cut(parent)
	return parent
}

// cut hangs one process of every circle under the root.
func cut(parent []int32) {
	root := int32(len(parent) - 1)
	seen := make([]int32, len(parent)) // 1 + the process from which the way up began
	for i := range root {
		v := i
		for v != root && seen[v] == 0 {
			seen[v] = i + 1
			if next := parent[v]; next != root && seen[next] == i+1 {
				parent[v] = root
			}
			v = parent[v]
		}
	}
}

// walk fills order and place, depth first, without recursion: a hostile log
// may hold a very deep tree.
func (t *Tree) walk() {
	root := int32(len(t.parent) - 1)
	children := make([][]int32, len(t.parent))
	for i := range root {
		children[t.parent[i]] = append(children[t.parent[i]], i)
	}
	stack := slices.Clone(children[root])
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = append(stack[:len(stack)-1], children[v]...)
		t.place[v] = int32(len(t.order))
		t.order = append(t.order, v)
	}
}

// common returns the nearest common ancestor of two processes, each of which
// counts as its own; the root where they have none.
func (t *Tree) common(a, b int32) int32 {
	if t.depth[a] < t.depth[b] {
		a, b = b, a
	}
	for t.depth[a] > t.depth[b] {
		if j := t.jump[a]; t.depth[j] >= t.depth[b] {
			a = j
		} else {
			a = t.parent[a]
		}
	}
	for a != b {
		if t.jump[a] != t.jump[b] {
			a, b = t.jump[a], t.jump[b]
		} else {
			a, b = t.parent[a], t.parent[b]
		}
	}
	return a
}
