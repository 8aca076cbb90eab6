package model

import (
	"fmt"
	"hash/maphash"
	"strings"
)

// A system is a finite transition system.
type system[S comparable] struct {
	initial S
	next    func(s *S, emit func(*S, step)) // emit copies the state
	broken  func(s *S) property             // what does not hold in s, 0 if all is well
	settled func(s *S) bool                 // nothing is left to do
}

// A step says what happened between two states. It is formatted only for a
// trace.
type step struct {
	format  string
	a, b    int8
	session int8 // from 1; 0: it does not matter
}

func (s step) String() string {
	args := []any{s.a, s.b}
	text := fmt.Sprintf(s.format, args[:strings.Count(s.format, "%")]...)
	if s.session > 0 {
		return fmt.Sprintf("session %d: %s", s.session, text)
	}
	return text
}

// A verdict is what exploring a system came to.
type verdict struct {
	property    property // what is violated, 0 if nothing
	trace       []step   // a shortest way there
	states      int
	transitions int
	settled     int // states in which nothing is left to do
	depth       int // the longest of the shortest ways
	bounded     bool
}

func (v *verdict) String() string {
	if v.property == 0 {
		return fmt.Sprintf("%d states, %d transitions, depth %d, %d settled", v.states, v.transitions, v.depth, v.settled)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, after %d steps:", v.property, len(v.trace))
	for _, s := range v.trace {
		fmt.Fprintf(&b, "\n\t%s", s)
	}
	return b.String()
}

// explore visits every state of a system, breadth first, and looks for one
// that breaks a property or from which no settled one can be reached. It keeps
// a hash of 64 bits of every state, with another seed in every run: two states
// that look like one would hide what lies behind the second, which at the sizes
// here happens once in a million runs. most bounds the states.
func explore[S comparable](sys *system[S], most int) *verdict {
	var (
		v       verdict
		seed    = maphash.MakeSeed()
		seen    = newTable()
		hashes  []uint64
		parents []uint32
		edges   []uint32 // targets of the transitions, by source
		first   []uint32 // of each state's edges
		final   []uint32
		level   = []S{sys.initial}
		after   []S
	)
	add := func(s *S, parent uint32) uint32 {
		h := maphash.Comparable(seed, *s)
		id, known := seen.insert(h, uint32(len(hashes)))
		if known {
			return id
		}
		hashes, parents = append(hashes, h), append(parents, parent)
		after = append(after, *s)
		if p := sys.broken(s); p != 0 && v.property == 0 {
			v.property, v.trace = p, sys.trace(seed, hashes, parents, id)
		}
		return id
	}
	add(&sys.initial, 0)
	after = after[:0]
	for id := uint32(0); len(level) > 0 && v.property == 0; v.depth++ {
		for i := range level {
			s := &level[i]
			first = append(first, uint32(len(edges)))
			if sys.settled(s) {
				final = append(final, id)
			}
			sys.next(s, func(n *S, _ step) { edges = append(edges, add(n, id)) })
			id++
			if v.bounded = len(hashes) > most; v.bounded || v.property != 0 {
				break
			}
		}
		if v.bounded || v.property != 0 {
			break
		}
		level, after = after, level[:0]
	}
	v.states, v.transitions, v.settled = len(hashes), len(edges), len(final)
	if v.property != 0 || v.bounded {
		return &v
	}
	first = append(first, uint32(len(edges)))
	if stuck, ok := wedged(first, edges, final); ok {
		v.property, v.trace = wedge, sys.trace(seed, hashes, parents, stuck)
	}
	return &v
}

// wedged returns the first state from which no final one can be reached.
func wedged(first, edges, final []uint32) (uint32, bool) {
	states := len(first) - 1
	back := make([]uint32, states+1) // of each state's incoming edges
	for _, to := range edges {
		back[to+1]++
	}
	for i := range states {
		back[i+1] += back[i]
	}
	sources, fill := make([]uint32, len(edges)), append([]uint32(nil), back...)
	for from := range states {
		for _, to := range edges[first[from]:first[from+1]] {
			sources[fill[to]] = uint32(from)
			fill[to]++
		}
	}
	can := make([]bool, states)
	for _, id := range final {
		can[id] = true
	}
	for todo := final; len(todo) > 0; {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, from := range sources[back[id]:back[id+1]] {
			if !can[from] {
				can[from] = true
				todo = append(todo, from)
			}
		}
	}
	// A state that nothing leads out of says most. Otherwise the first.
	stuck, found := uint32(0), false
	for id := range states {
		if can[id] {
			continue
		}
		if first[id] == first[id+1] {
			return uint32(id), true
		}
		if !found {
			stuck, found = uint32(id), true
		}
	}
	return stuck, found
}

// trace repeats the way to a state.
func (sys *system[S]) trace(seed maphash.Seed, hashes []uint64, parents []uint32, id uint32) []step {
	var way []uint64
	for ; id != 0; id = parents[id] {
		way = append(way, hashes[id])
	}
	var steps []step
	s := sys.initial
	for i := len(way) - 1; i >= 0; i-- {
		found := false
		var to S
		sys.next(&s, func(n *S, why step) {
			if !found && maphash.Comparable(seed, *n) == way[i] {
				to, found = *n, true
				steps = append(steps, why)
			}
		})
		s = to
	}
	return steps
}

// A table maps hashes to numbers. It is several times smaller than a map.
type table struct {
	keys   []uint64
	values []uint32
	used   int
}

func newTable() *table { return &table{keys: make([]uint64, 1<<12), values: make([]uint32, 1<<12)} }

// insert returns the number of a key, and whether it was there already;
// otherwise the key gets the number v.
func (t *table) insert(key uint64, v uint32) (uint32, bool) {
	key |= 1 // 0 is an empty slot
	if 4*t.used > 3*len(t.keys) {
		t.grow()
	}
	i := t.slot(key)
	if t.keys[i] == key {
		return t.values[i], true
	}
	t.keys[i], t.values[i] = key, v
	t.used++
	return v, false
}

func (t *table) slot(key uint64) int {
	mask := len(t.keys) - 1
	i := int(key>>1) & mask
	for t.keys[i] != 0 && t.keys[i] != key {
		i = (i + 1) & mask
	}
	return i
}

func (t *table) grow() {
	old := *t
	t.keys, t.values = make([]uint64, 2*len(old.keys)), make([]uint32, 2*len(old.keys))
	for i, key := range old.keys {
		if key != 0 {
			j := t.slot(key)
			t.keys[j], t.values[j] = key, old.values[i]
		}
	}
}
