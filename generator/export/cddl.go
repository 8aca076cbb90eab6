package export

import (
	"fmt"
	"strings"

	"github.com/ipcio/ipcio-go/schema"
)

// CDDL returns the data definitions (RFC 8610) of everything that travels as
// the payload or reply of a command or as the fields of an error. The first rule
// is a choice of all of them; every one has a rule of its own, named as the
// package doc says. Frames around them are no part of it.
//
// The layout keeps to what simple parsers of CDDL read: one operator per type
// and no parentheses around types; what needs more has a rule of its own.
func CDDL(s *schema.Schema) []byte {
	w := cddl{used: make(map[schema.Scalar]bool)}
	w.comment("", s.Protocol+" "+fmt.Sprint(s.Version))
	w.comment("", s.Doc)
	all := definitions(s)
	w.root(all)
	for _, d := range all {
		w.definition(d)
	}
	w.scalars()
	return []byte(w.b.String())
}

type cddl struct {
	b    strings.Builder
	used map[schema.Scalar]bool // the scalars that need a rule
}

// root writes the rule that an outsider starts from.
func (w *cddl) root(all []definition) {
	w.b.WriteByte('\n')
	var names []string
	for _, d := range all {
		if d.typ.Command != nil || d.error != nil || d.isAlias() {
			names = append(names, d.name)
		}
	}
	if len(names) == 0 {
		w.comment("", "no command carries anything")
		names = []string{"null"}
	}
	if len(names) == 1 {
		w.rule("message", names[0])
		return
	}
	w.b.WriteString("message =\n  " + strings.Join(names, " /\n  ") + "\n")
}

func (w *cddl) definition(d definition) {
	w.b.WriteByte('\n')
	w.comment("", d.name+": "+d.about)
	if d.typ.Command == nil && !d.isAlias() {
		w.about("", d.meta)
	}
	if d.error != nil && d.error.Retry {
		w.comment("", "retry: the same call may succeed later")
	}
	switch {
	case d.isAlias():
		w.rule(d.name, d.typ.Name)
	case d.typ.Kind == schema.NewType:
		expr, notes := w.constrained(d.name, d.typ.Base, d.typ.Constraints)
		w.notes("", notes)
		w.rule(d.name, expr)
	case d.typ.Kind == schema.Struct:
		w.structure(d.name, d.typ.Fields)
	case d.typ.Kind == schema.Enum:
		w.enum(d.typ)
	default:
		w.union(d.typ)
	}
}

func (w *cddl) rule(name, body string) { w.b.WriteString(name + " = " + body + "\n") }

// structure writes a map with the fields and whatever a newer writer adds. The
// colon behind a key keeps a declared key from matching as another one.
func (w *cddl) structure(name string, fields []*schema.Field) {
	exprs, notes := make([]string, len(fields)), make([][]string, len(fields))
	for i, f := range fields {
		exprs[i], notes[i] = w.constrained(name+"."+f.Name, f.Type, f.Constraints)
	}
	w.b.WriteString(name + " = {\n")
	for i, f := range fields {
		w.about("  ", f.Meta)
		if f.Default != nil && !f.Secret {
			w.comment("  ", "default: "+f.Default.String())
		}
		if f.Secret {
			w.comment("  ", "secret")
		}
		w.notes("  ", notes[i])
		w.b.WriteString("  ")
		if f.Optional {
			w.b.WriteString("? ")
		}
		w.b.WriteString(quote(f.Name) + ": " + exprs[i] + ",\n")
	}
	w.b.WriteString("  * tstr => any,\n}\n")
}

func (w *cddl) enum(t *schema.Type) {
	w.b.WriteString(t.Name + " =\n")
	for i, v := range t.Values {
		w.choice(quote(v.Value), " /", i == len(t.Values)-1 && t.Closed, v.Meta)
	}
	if !t.Closed {
		w.b.WriteString("  tstr ; any other value: the enum is open\n")
	}
}

// union writes a map with one entry. As for structs, the colon keeps a declared
// variant from matching as another one.
func (w *cddl) union(t *schema.Type) {
	w.b.WriteString(t.Name + " = {\n")
	for i, v := range t.Variants {
		w.choice(quote(v.Name)+": "+w.expr(v.Type), " //", i == len(t.Variants)-1 && t.Closed, v.Meta)
	}
	if !t.Closed {
		w.b.WriteString("  tstr => any ; any other variant: the union is open\n")
	}
	w.b.WriteString("}\n")
}

// choice writes one of several lines with an operator between them. What there
// is to say stands behind: some parsers know no comment before an operand.
func (w *cddl) choice(body, operator string, last bool, m schema.Meta) {
	if last {
		operator = ""
	}
	var about []string
	if m.Doc != "" {
		about = append(about, oneLine(m.Doc))
	}
	if m.Deprecated != "" {
		about = append(about, "deprecated: "+oneLine(m.Deprecated))
	}
	w.b.WriteString("  " + body + operator)
	if len(about) > 0 {
		w.b.WriteString(" ; " + strings.Join(about, "; "))
	}
	w.b.WriteByte('\n')
}

// expr returns e as a type without operators.
func (w *cddl) expr(e *schema.Expr) string {
	switch e.Kind {
	case schema.ScalarExpr:
		return w.scalar(e.Scalar)
	case schema.NamedExpr:
		return typeName(e.Named)
	case schema.ListExpr:
		return "[* " + w.expr(e.Elem) + "]"
	}
	return "{* tstr => " + w.expr(e.Elem) + "}"
}

// scalar returns the name of a scalar: one of CDDL's own, or one that scalars
// defines.
func (w *cddl) scalar(s schema.Scalar) string {
	switch s {
	case schema.String:
		return "tstr"
	case schema.Bytes:
		return "bstr"
	case schema.Bool, schema.Float32, schema.Float64, schema.Any:
		return s.String()
	}
	w.used[s] = true
	return s.String()
}

// scalars writes the rules of the scalars that CDDL has no name for.
func (w *cddl) scalars() {
	if len(w.used) > 0 {
		w.b.WriteByte('\n')
	}
	for s := schema.Bool; s <= schema.Any; s++ {
		if !w.used[s] {
			continue
		}
		switch r := integers[s]; s {
		case schema.Timestamp:
			w.rule("timestamp", "tdate ; RFC 3339 in UTC, up to nanoseconds")
		case schema.UUID:
			w.rule("uuid", "#6.37(uuid-bytes)")
			w.rule("uuid-bytes", "bstr .size 16")
		case schema.Duration:
			w.rule("duration", r.min+".."+r.max+" ; nanoseconds")
		default:
			w.rule(s.String(), r.min+".."+r.max)
		}
	}
}

// about writes what a declaration says about itself as comments.
func (w *cddl) about(indent string, m schema.Meta) {
	w.comment(indent, m.Doc)
	if m.Deprecated != "" {
		w.comment(indent, "deprecated: "+m.Deprecated)
	}
}

func (w *cddl) notes(indent string, notes []string) {
	for _, n := range notes {
		w.comment(indent, n)
	}
}

// comment writes a text as comments, one for each of its lines that are not
// blank: some parsers do not know an empty comment.
func (w *cddl) comment(indent, text string) {
	for _, line := range lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			w.b.WriteString(indent + "; " + line + "\n")
		}
	}
}
