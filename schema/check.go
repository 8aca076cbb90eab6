package schema

import (
	"slices"
	"strings"
)

// check applies the rules that need the whole model.
func (l *loader) check() {
	l.resolve()
	l.structs()
	l.declaredErrors()
	l.variants()
	l.infinite()
	l.narrow()
	l.checkReserved()
}

// variants reports structs that are two variants of one union: in Go a value
// of the struct would not say which of them it is.
func (l *loader) variants() {
	for _, t := range l.schema.Types {
		first := make(map[*Type]*Variant, len(t.Variants))
		for _, v := range t.Variants {
			if v.Type == nil || v.Type.Kind != NamedExpr || v.Type.Named == nil || v.Type.Named.Kind != Struct {
				continue
			}
			of := v.Type.Named
			if f := first[of]; f != nil {
				d := l.schema.NewDiagnostic(E0213, v.Type.Pos, len(of.Name), "union "+quote(t.Name)+" uses struct "+quote(of.Name)+" for two variants")
				d.Label = "a value would not say which of them it is"
				d.Hint = "give one of them its own struct"
				d.Notes = []Note{l.schema.NewNote(f.Type.Pos, len(of.Name), "first used here")}
				l.report(d)
				continue
			}
			first[of] = v
		}
	}
}

// resolve sets the type of every expression that is a name.
func (l *loader) resolve() {
	bodies := make(map[*node]string, len(l.uses))
	for _, u := range l.uses {
		bodies[u.node] = u.key
	}
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
		d.Hint = orElse(didYouMean(r.name, known), unknownTypeHint(r.name, known))
		if key := bodies[r.node]; key != "" && isSnake(r.name) && strings.HasPrefix(d.Hint, "write a scalar") {
			d.Hint = "name the field and its type: " + key + ": {" + r.name + ": string}"
		}
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
		case e.Named.Kind == Union:
			d.Label = quote(e.Named.Name) + " is a union, and could never grow into more than one value"
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
	place string // the field or variant; "": from is a new type
	expr  *Expr  // the name of the other type
}

// holds returns what every value of t holds, and for a union what its values
// hold one of. Lists and maps may be empty and optional fields absent, so these
// do not count.
func holds(t *Type) []step {
	var steps []step
	switch t.Kind {
	case NewType:
		if t.Base != nil && t.Base.Kind == NamedExpr && t.Base.Named != nil {
			steps = append(steps, step{t, "", t.Base})
		}
	case Union:
		for _, v := range t.Variants {
			if e := v.Type; e != nil && e.Kind == NamedExpr && e.Named != nil {
				steps = append(steps, step{t, v.Name, e})
			}
		}
	case Struct:
		for _, f := range t.Fields {
			if e := f.Type; e != nil && !f.Optional && e.Kind == NamedExpr && e.Named != nil {
				steps = append(steps, step{t, f.Name, e})
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
	return []step{{t, "", e}}
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
	finite := l.finite()
	l.circles(func(t *Type) []step {
		if reported[t] || finite[t] {
			return nil
		}
		return slices.DeleteFunc(holds(t), func(s step) bool { return finite[s.expr.Named] })
	}, func(path []step) {
		if first := path[0].from; first.Kind == Union {
			if reported[first] {
				return // one more variant would end all of its circles
			}
			reported[first] = true
		}
		// There is a field or variant: circles of new types alone were found above.
		i := slices.IndexFunc(path, func(s step) bool { return s.place != "" && s.from.Kind == Struct })
		hint := "add a variant that does not contain it"
		if i >= 0 {
			hint = "make " + quote(path[i].place) + " optional or a list"
		}
		l.cycle(path, "contains itself and would be infinite", hint)
	})
}

// finite returns the types that have a value: structs all of whose fields, and
// unions one of whose variants have one. It goes from those that hold nothing
// to those that hold them, each once.
func (l *loader) finite() map[*Type]bool {
	types := slices.Clone(l.schema.Types)
	for _, t := range l.schema.Types {
		for _, v := range t.Variants {
			if v.Type != nil && v.Type.Named != nil && v.Type.Named.Variant == v {
				types = append(types, v.Type.Named)
			}
		}
	}
	holders := make(map[*Type][]*Type)
	missing := make(map[*Type]int, len(types)) // parts not yet known to have a value
	finite := make(map[*Type]bool, len(types))
	var ready []*Type
	mark := func(t *Type) {
		if !finite[t] {
			finite[t] = true
			ready = append(ready, t)
		}
	}
	for _, t := range types {
		steps := holds(t)
		missing[t] = len(steps)
		for _, s := range steps {
			holders[s.expr.Named] = append(holders[s.expr.Named], t)
		}
		if len(steps) == 0 || t.Kind == Union && len(steps) < len(t.Variants) {
			mark(t)
		}
	}
	for len(ready) > 0 {
		t := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		for _, h := range holders[t] {
			if missing[h]--; missing[h] == 0 || h.Kind == Union {
				mark(h)
			}
		}
	}
	return finite
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
	d := l.schema.NewDiagnostic(E0208, first.expr.Pos, len(first.expr.Named.Name), "type "+quote(first.from.label())+" "+message)
	d.Hint = hint
	names := []string{first.from.label()}
	for i, s := range path {
		if i == most {
			names = append(names, "…")
			break
		}
		names = append(names, s.expr.Named.label())
		if i > 0 {
			text := quote(s.from.Name) + " is based on " + quote(s.expr.Named.label())
			if s.place != "" {
				text = quote(s.from.label()+"."+s.place) + " is of type " + quote(s.expr.Named.label())
			}
			d.Notes = append(d.Notes, l.schema.NewNote(s.expr.Pos, len(s.expr.Named.Name), text))
		}
	}
	d.Label = strings.Join(names, " → ")
	l.report(d)
}

// label returns the name of a type, and for an inline struct of a variant
// where it stands.
func (t *Type) label() string {
	if t.Variant != nil {
		return t.Variant.Union.Name + "." + t.Variant.Name
	}
	return t.Name
}
