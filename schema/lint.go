package schema

import (
	"regexp"
	"slices"
	"strings"
)

// Lint returns advice about a schema that [Load] has accepted: warnings (W06)
// about what works and will be regretted, sorted and cut as the findings of
// Load. Nothing else depends on them; a schema built by hand, without files,
// gets none that need the text.
//
// A comment on the line above silences one warning, and says why:
//
//	# ipcio:allow W0603 the name says it all
//	daemon.ping: {reply: {}}
//
// Several of them may stand above each other. One without a reason, or that
// silences nothing, is a warning itself (W0690).
func Lint(s *Schema) Diagnostics {
	l := &linter{schema: s}
	l.unused()
	l.commands()
	l.eachField(l.field)
	l.eachConstraint(l.pattern)
	l.payloads()
	l.deprecated()
	l.texts()
	return s.SortDiagnostics(l.allow())
}

type linter struct {
	schema *Schema
	found  Diagnostics
	allows []allow
}

func (l *linter) warn(code Code, pos Position, length int, message, hint string) {
	d := l.schema.NewDiagnostic(code, pos, length, message)
	d.Severity, d.Hint = SeverityWarning, hint
	l.found = append(l.found, d)
}

// reach calls visit for the types that an expression leads to, each once.
func reach(seen map[*Type]bool, e *Expr, visit func(*Type)) {
	for e.Elem != nil {
		e = e.Elem
	}
	if e.Kind == NamedExpr {
		reachType(seen, e.Named, visit)
	}
}

func reachType(seen map[*Type]bool, t *Type, visit func(*Type)) {
	if t == nil || seen[t] {
		return
	}
	seen[t] = true
	visit(t)
	if t.Base != nil {
		reach(seen, t.Base, visit)
	}
	for _, f := range t.Fields {
		reach(seen, f.Type, visit)
	}
	for _, v := range t.Variants {
		reach(seen, v.Type, visit)
	}
}

// unused reports types that never travel.
func (l *linter) unused() {
	used := make(map[*Type]bool)
	nothing := func(*Type) {}
	for _, c := range l.schema.Commands {
		reachType(used, c.Payload, nothing)
		reachType(used, c.Reply, nothing)
	}
	for _, e := range l.schema.Errors {
		for _, f := range e.Fields {
			reach(used, f.Type, nothing)
		}
	}
	for _, t := range l.schema.Types {
		if !used[t] {
			l.warn(W0601, t.Pos, len(t.Name), "type "+quote(t.Name)+" is never used", "delete it, or use it in a command")
		}
	}
}

func (l *linter) commands() {
	for _, c := range l.schema.Commands {
		if c.Doc == "" {
			l.warn(W0603, c.Pos, len(c.Name), "command "+quote(c.Name)+" has no doc", "say in one sentence what it does")
		}
	}
}

// eachField calls f for every field there is.
func (l *linter) eachField(f func(*Field)) {
	l.eachStruct(func(fields []*Field, _ bool) {
		for _, field := range fields {
			f(field)
		}
	})
}

// eachStruct calls f for the fields of every struct and error, and whether that
// is deprecated as a whole.
func (l *linter) eachStruct(f func(fields []*Field, deprecated bool)) {
	for _, t := range l.schema.Types {
		f(t.Fields, t.Deprecated != "")
		for _, v := range t.Variants {
			if v.isInline() {
				f(v.Type.Named.Fields, t.Deprecated != "" || v.Deprecated != "")
			}
		}
	}
	for _, e := range l.schema.Errors {
		f(e.Fields, e.Deprecated != "")
	}
	for _, c := range l.schema.Commands {
		for _, t := range []*Type{c.Payload, c.Reply} {
			if t != nil && t.Command == c {
				f(t.Fields, c.Deprecated != "")
			}
		}
	}
}

// isInline reports whether the variant declares its fields itself.
func (v *Variant) isInline() bool {
	return v.Type != nil && v.Type.Named != nil && v.Type.Named.Variant == v
}

// eachConstraint calls f for the constraints of every new type and field.
func (l *linter) eachConstraint(f func(*Constraints)) {
	for _, t := range l.schema.Types {
		if t.Constraints != nil {
			f(t.Constraints)
		}
	}
	l.eachField(func(field *Field) {
		if field.Constraints != nil {
			f(field.Constraints)
		}
	})
}

var (
	durationName = regexp.MustCompile(`_(ns|us|ms|nanos|micros|millis|milliseconds|s|sec|secs|seconds|min|mins|minutes|h|hours|days)$`)
	secretName   = regexp.MustCompile(`(^|_)(token|password|passwd|passphrase|secret|credentials?)(_|$)|(^|_)(api|private|access)_key$`)
	word         = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
)

// field reports what the name and the type of a field tell.
func (l *linter) field(f *Field) {
	s := scalarOf(resolved(f.Type))
	switch {
	case s == Bool && f.Optional && f.Default == nil:
		l.warn(W0605, f.Pos, len(f.Name), "optional bool "+quote(f.Name)+" has three states", "add default: false, or make it an enum")
	case s.isInteger() && durationName.MatchString(f.Name):
		name := f.Name[:strings.LastIndexByte(f.Name, '_')]
		l.warn(W0608, f.Pos, len(f.Name), "field "+quote(f.Name)+" is a duration as an integer", "write "+name+": duration")
	}
	if (s == String || s == Bytes) && !f.Secret && secretName.MatchString(f.Name) {
		l.warn(W0612, f.Pos, len(f.Name), "field "+quote(f.Name)+" sounds like a secret", "add secret: true, so that it is never printed or logged")
	}
}

// pattern reports anchors, and strings that are enums.
func (l *linter) pattern(c *Constraints) {
	if p := c.Pattern; p != nil {
		text := p.Expr
		bare := strings.TrimPrefix(strings.TrimPrefix(text, "^"), `\A`)
		if end := strings.TrimSuffix(bare, "$"); end != bare && !strings.HasSuffix(end, `\`) {
			bare = end
		}
		bare = strings.TrimSuffix(bare, `\z`)
		if bare != text {
			l.warn(W0604, p.Pos, 0, "a pattern always matches the whole string", "write "+quote(bare))
		}
	}
	if len(c.In) > 1 && c.In[0].Scalar == String && !slices.ContainsFunc(c.In, func(v *Value) bool { return !word.MatchString(v.Text) }) {
		l.warn(W0609, c.In[0].Pos, 0, "a string with a fixed set of words is an enum", "declare a type {enum: […]}")
	}
}

// payloads reports what is unwise in messages of one direction.
func (l *linter) payloads() {
	toServer, toClient := make(map[*Type]bool), make(map[*Type]bool)
	for _, c := range l.schema.Commands {
		if c.Direction == ClientToServer || c.Direction == Both {
			reachType(toServer, c.Payload, l.unbounded)
		}
		if c.Direction != ClientToServer {
			reachType(toClient, c.Payload, func(t *Type) {
				if !t.Closed {
					return
				}
				kind := "enum"
				if t.Kind == Union {
					kind = "union"
				}
				l.warn(W0611, t.Pos, len(t.Name), "closed "+kind+" "+quote(t.Name)+" travels to clients in "+quote(c.Name),
					"leave `closed` out, or be sure that nothing is ever added")
			})
		}
	}
}

// unbounded reports the lists of a struct that have no len.
func (l *linter) unbounded(t *Type) {
	for _, f := range t.Fields {
		bounded := func(c *Constraints) bool { return c != nil && c.Len != nil && c.Len.HasMax }
		if e := resolved(f.Type); e == nil || e.Kind != ListExpr || bounded(f.Constraints) {
			continue
		}
		ok := false
		inherited(f.Type, func(_ *Type, c *Constraints) bool {
			ok = ok || bounded(c)
			return !ok
		})
		if !ok {
			l.warn(W0607, f.Pos, len(f.Name), "list "+quote(f.Name)+" from clients has no greatest length", "for example {type: "+f.typeText()+", len: ..64}")
		}
	}
}

func (f *Field) typeText() string {
	if f.Optional {
		return "opt<" + f.Type.String() + ">"
	}
	return f.Type.String()
}

// deprecated reports what is deprecated and used by what is not.
func (l *linter) deprecated() {
	use := func(pos Position, length int, kind, name, successor string) {
		l.warn(W0610, pos, length, kind+" "+quote(name)+" is deprecated", successor)
	}
	expr := func(e *Expr) {
		for e.Elem != nil {
			e = e.Elem
		}
		if e.Kind == NamedExpr && e.Named.Deprecated != "" {
			use(e.Pos, len(e.Named.Name), "type", e.Named.Name, e.Named.Deprecated)
		}
	}
	for _, t := range l.schema.Types {
		if t.Deprecated != "" {
			continue
		}
		if t.Base != nil {
			expr(t.Base)
		}
		for _, v := range t.Variants {
			if !v.isInline() {
				expr(v.Type)
			}
		}
	}
	l.eachStruct(func(fields []*Field, deprecated bool) {
		for _, f := range fields {
			if deprecated || f.Deprecated != "" {
				continue
			}
			expr(f.Type)
			if d := f.Default; d != nil && d.Enum != nil && d.Enum.Deprecated != "" {
				use(d.Pos, 0, "value", d.Text, d.Enum.Deprecated)
			}
		}
	})
	for _, c := range l.schema.Commands {
		if c.Deprecated != "" {
			continue
		}
		for key, t := range []*Type{c.Payload, c.Reply} {
			if t != nil && t.Deprecated != "" {
				use(c.Pos, len(c.Name), []string{"payload", "reply"}[key], t.Name, t.Deprecated)
			}
		}
		for _, e := range c.Errors {
			if e.Deprecated != "" {
				use(c.Pos, len(c.Name), "error", e.Name, e.Deprecated)
			}
		}
	}
}
