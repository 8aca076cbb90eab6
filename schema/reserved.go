package schema

import (
	"regexp"
	"strconv"
	"strings"
)

// reservedForm is what a path looks like: a command, a type or error, or one of
// the fields, values or variants of these. Values of enums are any text.
var reservedForm = regexp.MustCompile(`^(?s:[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*|[A-Z][A-Za-z0-9]*(\..*)?)$`)

// reserved reads the list of paths.
func (l *loader) reserved(n *node) {
	items, ok := l.list(n)
	if !ok {
		return
	}
	seen := make(map[string]*node, len(items))
	for _, item := range items {
		if l.full() {
			return
		}
		if item.kind == numberNode {
			d := l.finding(E0110, item, "expected the path of a declaration, found "+item.kind.String())
			d.Hint = "names are reserved, there are no numbers: for example Job.owner"
			l.report(d)
			return // the others are likewise
		}
		path, ok := l.text(item)
		switch {
		case !ok:
		case !reservedForm.MatchString(path) || len(path) > maxNameLength+1+maxEnumValueLength:
			d := l.finding(E0113, item, quote(path)+" is not the path of a declaration")
			d.Hint = "for example job.start, Job.owner, JobState.zombie or JobSubmitPayload.owner"
			l.report(d)
		case seen[path] != nil:
			l.twice(E0004, item, l.src, seen[path], quote(path)+" is listed twice", "delete one of them")
		case len(l.schema.Reserved) == MaxReserved:
			d := l.finding(E0112, item, "more than "+strconv.Itoa(MaxReserved)+" reserved paths")
			d.Hint = "begin a new protocol with another name"
			l.report(d)
			return
		default:
			seen[path] = item
			l.schema.Reserved = append(l.schema.Reserved, &Reserved{Path: path, Pos: l.src.valuePos(item, 0)})
		}
	}
}

// Paths returns the path of everything in s that reserved: can name: types,
// errors and commands, and their fields, values and variants. Inline structs
// stand under the names their commands and unions give them, such as
// JobSubmitPayload.owner; the capitals of such a name do not matter. The order
// is that of the declarations.
func (s *Schema) Paths() []string {
	var paths []string
	s.eachPath(func(path string, _ Position, _ int) { paths = append(paths, path) })
	return paths
}

// eachPath calls f for every path, with the place and the length of the name
// it ends in, 0 if that is not known.
func (s *Schema) eachPath(f func(path string, pos Position, length int)) {
	fields := func(head string, list []*Field) {
		for _, field := range list {
			f(head+"."+field.Name, field.Pos, len(field.Name))
		}
	}
	for _, t := range s.Types {
		f(t.Name, t.Pos, len(t.Name))
		fields(t.Name, t.Fields)
		for _, v := range t.Values {
			f(t.Name+"."+v.Value, v.Pos, 0)
		}
		for _, v := range t.Variants {
			f(t.Name+"."+v.Name, v.Pos, len(v.Name))
			if v.Type != nil && v.Type.Named != nil && v.Type.Named.Variant == v {
				fields(t.Name+camel(v.Name), v.Type.Named.Fields)
			}
		}
	}
	for _, e := range s.Errors {
		f(e.Name, e.Pos, len(e.Name))
		fields(e.Name, e.Fields)
	}
	for _, c := range s.Commands {
		f(c.Name, c.Pos, len(c.Name))
		name := camel(c.Name)
		if c.GoName != "" {
			name = c.GoName
		}
		if t := c.Payload; t != nil && t.Command == c {
			fields(name+"Payload", t.Fields)
		}
		if t := c.Reply; t != nil && t.Command == c {
			fields(name+"Reply", t.Fields)
		}
	}
}

// camel returns a command or snake name as a part of a Go name, without regard
// to initialisms.
func camel(name string) string {
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '.' || r == '_' }) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// fold returns a path as it is compared: the head of one with a dot without
// regard to capitals, because a generator writes initialisms its own way.
func fold(path string) string {
	head, rest, ok := strings.Cut(path, ".")
	if !ok || head == "" || !isUpper(head[0]) {
		return path
	}
	return strings.ToUpper(head[:1]) + strings.ToLower(head[1:]) + "." + rest
}

// checkReserved reports declarations whose name is reserved.
func (l *loader) checkReserved() {
	if len(l.schema.Reserved) == 0 {
		return
	}
	reserved := make(map[string]*Reserved, len(l.schema.Reserved))
	for _, r := range l.schema.Reserved {
		reserved[fold(r.Path)] = r
	}
	l.schema.eachPath(func(path string, pos Position, length int) {
		r := reserved[fold(path)]
		if r == nil || l.full() {
			return
		}
		d := l.schema.NewDiagnostic(E0217, pos, length, quote(path)+" is reserved")
		d.Hint = "take another name: this one had a meaning that old peers still know"
		d.Notes = []Note{l.schema.NewNote(r.Pos, 0, "reserved here")}
		l.report(d)
	})
}

// CheckReserved reports the reserved paths that name nothing which ever
// existed (E0218), given what did: the [Schema.Paths] of former versions. It
// is no part of [Load], which does not know them.
func (s *Schema) CheckReserved(known []string) Diagnostics {
	existed := make(map[string]bool, len(known))
	for _, path := range known {
		existed[fold(path)] = true
	}
	var found Diagnostics
	for _, r := range s.Reserved {
		if existed[fold(r.Path)] {
			continue
		}
		d := s.NewDiagnostic(E0218, r.Pos, 0, "reserved path "+quote(r.Path)+" names nothing that ever existed")
		d.Hint = orElse(didYouMean(r.Path, known), "delete it: only what peers of former versions knew is reserved")
		found = append(found, d)
		if len(found) == maxCollected {
			break
		}
	}
	return s.SortDiagnostics(found)
}
