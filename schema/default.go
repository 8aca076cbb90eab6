package schema

import (
	"strconv"
	"strings"
)

// defaultValue reads a default and checks it.
func (l *loader) defaultValue(n narrowing, m *matcher) {
	f, at := n.of.field, n.kv.value
	if f.Type == nil {
		return // reported
	}
	if !f.Optional {
		d := l.finding(E0306, n.kv.key, "`default` on a required field")
		d.Label = "a required field is never absent"
		d.Hint = "write type: opt<" + f.Type.source() + ">"
		l.report(d)
		return
	}
	base := resolved(f.Type)
	if base == nil {
		return
	}
	v, ok := l.parseDefault(at, f.Type, base)
	if !ok {
		return
	}
	v.Pos = l.src.valuePos(at, 0)
	if l.holds(f.Type, f.Constraints, &v, at, "default", m) {
		f.Default = &v
	}
}

// source returns the expression as it is written, also if a name in it is
// wrong.
func (e *Expr) source() string {
	if e.Kind == NamedExpr && e.Named == nil {
		return "…"
	}
	if e.Elem != nil {
		return map[ExprKind]string{ListExpr: "list<", MapExpr: "map<"}[e.Kind] + e.Elem.source() + ">"
	}
	return e.String()
}

func (l *loader) parseDefault(n *node, typ, base *Expr) (v Value, ok bool) {
	s := scalarOf(base)
	wrong := func(hint string) (Value, bool) {
		if n.kind == nullNode {
			hint = "leave `default` out: an absent field has no value then"
		}
		d := l.finding(E0308, n, "default "+quote(n.text)+" is not a value of "+typ.String())
		if n.kind >= listNode || n.kind == nullNode {
			d.Message = "expected a value of " + typ.String() + ", found " + n.kind.String()
		}
		d.Hint = hint
		l.report(d)
		return Value{}, false
	}
	switch {
	case base.Kind == NamedExpr && base.Named.Kind == Enum:
		return l.enumDefault(n, base.Named, wrong)
	case s == Bool:
		if n.kind != boolNode || n.text != "true" && n.text != "false" {
			return wrong("write true or false")
		}
		return Value{Scalar: Bool, Bool: n.text == "true"}, true
	case s == String:
		if n.kind != textNode {
			return wrong(l.kindHint(n, s))
		}
		text, _ := l.text(n)
		return Value{Scalar: String, Text: text}, true
	case s == Duration:
		if n.kind != textNode && n.kind != numberNode {
			return wrong(numberHint(n.text, s))
		}
		v, fault := parseDuration(n.text)
		switch fault {
		case noUnit:
			l.noUnit(n, n.text, 0)
			return Value{}, false
		case noFault:
			return v, true
		case tooLarge:
			return wrong("a duration is at most " + formatDuration(1<<63-1))
		}
		return wrong(numberHint(n.text, s))
	case s.isNumber():
		if n.kind != numberNode {
			return wrong(l.kindHint(n, s))
		}
		if ambiguousNumber.MatchString(n.text) {
			l.ambiguous(n)
			return Value{}, false
		}
		v, fault := parseNumber(n.text, s)
		switch fault {
		case noFault:
			return v, true
		case tooLarge:
			d := l.finding(E0304, n, quote("default: "+n.text)+" is outside "+s.String()+" ("+s.border()+")")
			d.Hint = "take another value, or use a wider type"
			l.report(d)
			return Value{}, false
		}
		return wrong(l.kindHint(n, s))
	}
	d := l.finding(E0312, n, "default is not possible for "+kindWords(base))
	switch {
	case base.Kind != ScalarExpr && base.Kind != NamedExpr:
		d.Hint = "leave it out: absent already means none"
	default:
		d.Hint = "leave it out, and say in `doc` what an absent one means"
	}
	l.report(d)
	return Value{}, false
}

func (l *loader) enumDefault(n *node, t *Type, wrong func(string) (Value, bool)) (Value, bool) {
	var known []string
	for _, v := range t.Values {
		if n.kind == textNode && v.Value == n.text {
			return Value{Scalar: String, Text: v.Value, Enum: v}, true
		}
		known = append(known, v.Value)
	}
	hint := didYouMean(n.text, known)
	if hint == "" && len(known) > 0 {
		const most = 8
		more := ""
		if len(known) > most {
			more = ", … (" + strconv.Itoa(len(known)) + " values)"
			known = known[:most]
		}
		hint = "one of " + strings.Join(known, ", ") + more
	}
	return wrong(hint)
}
