package schema

import (
	"slices"
	"strings"
)

// check applies the rules that need the whole model.
func (l *loader) check() {
	l.resolve()
	l.structs()
	l.infinite()
}

// resolve sets the type of every expression that is a name.
func (l *loader) resolve() {
	var known []string
	for _, r := range l.refs {
		if l.full() {
			return
		}
		if t := l.types[r.name]; t != nil {
			r.expr.Named = t
			continue
		}
		l.src = r.src
		if ours, ok := foreignTypes[strings.ToLower(r.name)]; ok && (r.name == strings.ToLower(r.name) || nearest(r.name, scalarNames[1:]) == "") {
			d := l.finding(E0202, r.node, "there is no type "+quote(r.name))
			d.Hint = "write " + ours
			switch ours {
			case "int64", "uint64", "float64":
				d.Label = "sizes are always part of the name"
			}
			l.reportAt(d, r.node, r.at, len(r.name))
			continue
		}
		if l.incomplete {
			continue
		}
		if known == nil {
			for _, t := range l.schema.Types {
				known = append(known, t.Name)
			}
			known = append(known, scalarNames[1:]...)
		}
		d := l.finding(E0201, r.node, "unknown type "+quote(r.name))
		d.Label = "not declared under `types:`"
		d.Hint = didYouMean(r.name, known)
		l.reportAt(d, r.node, r.at, len(r.name))
	}
}

// structs sets the payloads and replies given by name.
func (l *loader) structs() {
	for _, u := range l.uses {
		e := u.expr
		if e.Kind == NamedExpr {
			t := e.Named
			if t == nil || t.Kind == 0 || t.Kind == NewType && t.Base == nil {
				continue // reported
			}
			if t.Kind == Struct {
				*u.set = t
				continue
			}
		}
		l.src = u.src
		d := l.finding(E0402, u.node, quote(u.key)+" must be a struct")
		switch {
		case e.Kind != NamedExpr:
			d.Label = "a bare " + quote(u.node.text) + " could never grow"
		case e.Named.Kind == Enum:
			d.Label = quote(e.Named.Name) + " is an enum, and could never grow into more than one value"
		default:
			d.Label = quote(e.Named.Name) + " is a new type, and could never grow"
		}
		d.Hint = "name the value: " + u.key + ": {value: " + u.node.text + "}"
		l.report(d)
	}
}

// A step is the reason why a value of one type holds a value of another.
type step struct {
	from  *Type
	field *Field // nil: from is a new type
	expr  *Expr  // the name of the other type
}

// holds returns what every value of t holds. Lists and maps may be empty and
// optional fields absent, so these do not count.
func holds(t *Type) []step {
	var steps []step
	switch t.Kind {
	case NewType:
		if t.Base != nil && t.Base.Kind == NamedExpr && t.Base.Named != nil {
			steps = append(steps, step{t, nil, t.Base})
		}
	case Struct:
		for _, f := range t.Fields {
			if e := f.Type; e != nil && !f.Optional && e.Kind == NamedExpr && e.Named != nil {
				steps = append(steps, step{t, f, e})
			}
		}
	}
	return steps
}

// basedOn returns the new type that a new type is made of, be it as an element
// of a list or map.
func basedOn(t *Type) []step {
	if t.Kind != NewType || t.Base == nil {
		return nil
	}
	e := t.Base
	for e.Elem != nil {
		e = e.Elem
	}
	if e.Kind != NamedExpr || e.Named == nil || e.Named.Kind != NewType {
		return nil
	}
	return []step{{t, nil, e}}
}

// infinite reports types whose values would contain themselves, and new types
// that are based on themselves: list<Tree> as the base of Tree would be a list
// of lists that never comes to a value. Types that only lead to such a type
// are not reported.
func (l *loader) infinite() {
	reported := make(map[*Type]bool)
	l.circles(basedOn, func(path []step) {
		for _, s := range path {
			reported[s.from] = true
		}
		l.cycle(path, "is based on itself", "base it on another type, or make it a struct")
	})
	l.circles(func(t *Type) []step {
		if reported[t] {
			return nil
		}
		return holds(t)
	}, func(path []step) {
		// There is a field: circles of new types alone were found above.
		i := slices.IndexFunc(path, func(s step) bool { return s.field != nil })
		l.cycle(path, "contains itself and would be infinite", "make "+quote(path[i].field.Name)+" optional or a list")
	})
}

// circles calls found for the circles that a depth-first walk along steps
// closes: at least one for each set of types that reach each other.
func (l *loader) circles(steps func(*Type) []step, found func([]step)) {
	const (
		open = iota + 1
		done
	)
	state := make(map[*Type]int, len(l.schema.Types))
	var path []step
	var visit func(*Type)
	visit = func(t *Type) {
		state[t] = open
		for _, s := range steps(t) {
			path = append(path, s)
			switch state[s.expr.Named] {
			case open:
				first := slices.IndexFunc(path, func(p step) bool { return p.from == s.expr.Named })
				found(path[first:])
			case 0:
				visit(s.expr.Named)
			}
			path = path[:len(path)-1]
		}
		state[t] = done
	}
	for _, t := range l.schema.Types {
		if state[t] == 0 && !l.full() {
			visit(t)
		}
	}
}

// cycle reports that the first type of path contains itself.
func (l *loader) cycle(path []step, message, hint string) {
	const most = 8 // shown; a longer cycle is cut
	first := path[0]
	d := l.schema.NewDiagnostic(E0208, first.expr.Pos, len(first.expr.Named.Name), "type "+quote(first.from.Name)+" "+message)
	d.Hint = hint
	names := []string{first.from.Name}
	for i, s := range path {
		if i == most {
			names = append(names, "…")
			break
		}
		names = append(names, s.expr.Named.Name)
		if i > 0 {
			text := quote(s.from.Name) + " is based on " + quote(s.expr.Named.Name)
			if s.field != nil {
				text = quote(s.from.Name+"."+s.field.Name) + " is of type " + quote(s.expr.Named.Name)
			}
			d.Notes = append(d.Notes, l.schema.NewNote(s.expr.Pos, len(s.expr.Named.Name), text))
		}
	}
	d.Label = strings.Join(names, " → ")
	l.report(d)
}
