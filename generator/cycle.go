package generator

import "github.com/ipcio/ipcio-go/schema"

// cycles says which types are parts of themselves, directly or by way of
// others. In Go a variable must not need itself to be initialised, so that
// their tables refer to each other by a type instead.
type cycles struct {
	group map[*schema.Type]int // types that are parts of each other have the same number
	self  map[*schema.Type]bool
}

// together reports whether each of two types is a part of the other.
func (c *cycles) together(a, b *schema.Type) bool {
	group, ok := c.group[b]
	return ok && c.self[b] && c.group[a] == group
}

func (c *cycles) holdsItself(t *schema.Type) bool { return c.self[t] }

// findCycles looks at the named types of s: no other can be a part of itself.
// It is Tarjan's algorithm.
func findCycles(s *schema.Schema) *cycles {
	c := &cycles{group: map[*schema.Type]int{}, self: map[*schema.Type]bool{}}
	w := cycleWalk{cycles: c, index: map[*schema.Type]int{}, low: map[*schema.Type]int{}}
	for _, t := range s.Types {
		if w.index[t] == 0 {
			w.visit(t)
		}
	}
	return c
}

type cycleWalk struct {
	*cycles
	index, low map[*schema.Type]int // from 1
	open       []*schema.Type
}

func (w *cycleWalk) visit(t *schema.Type) {
	w.index[t] = len(w.index) + 1
	w.low[t] = w.index[t]
	w.open = append(w.open, t)
	for _, e := range partsOf(t) {
		for e.Kind == schema.ListExpr || e.Kind == schema.MapExpr {
			e = e.Elem
		}
		if e.Kind != schema.NamedExpr {
			continue
		}
		part := e.Named
		w.self[t] = w.self[t] || part == t
		if w.index[part] == 0 {
			w.visit(part)
			w.low[t] = min(w.low[t], w.low[part])
		} else if _, done := w.group[part]; !done {
			w.low[t] = min(w.low[t], w.index[part])
		}
	}
	if w.low[t] != w.index[t] {
		return
	}
	for at := len(w.open) - 1; ; at-- {
		last := w.open[at]
		w.group[last] = w.index[t]
		w.self[last] = w.self[last] || last != t || at < len(w.open)-1
		if last == t {
			w.open = w.open[:at]
			return
		}
	}
}

// partsOf returns the types of what a value of t holds.
func partsOf(t *schema.Type) []*schema.Expr {
	var parts []*schema.Expr
	switch t.Kind {
	case schema.NewType:
		parts = append(parts, t.Base)
	case schema.Struct:
		for _, f := range t.Fields {
			parts = append(parts, f.Type)
		}
	case schema.Union:
		for _, v := range t.Variants {
			parts = append(parts, v.Type)
		}
	}
	return parts
}
