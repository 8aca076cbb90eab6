package schema

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"
)

// maxPatternLength is how long a pattern may be, in bytes.
const maxPatternLength = 512

// narrowed is what a constraint stands at: a field or a new type.
type narrowed struct {
	field *Field
	typ   *Type
}

func (n narrowed) expr() *Expr {
	if n.field != nil {
		return n.field.Type
	}
	return n.typ.Base
}

// held returns where n's own constraints are.
func (n narrowed) held() **Constraints {
	if n.field != nil {
		return &n.field.Constraints
	}
	return &n.typ.Constraints
}

// A narrowing is a constraint or a default as it stands in a file.
type narrowing struct {
	of  narrowed
	src *source
	kv  pair
}

// narrow reads the constraints and the defaults, which mean something only
// when it is known what the types are.
func (l *loader) narrow() {
	for _, n := range l.narrowings {
		if l.full() {
			return
		}
		l.src = n.src
		if base := resolved(n.of.expr()); base != nil && l.applies(n, base) {
			l.constraint(n, base)
		}
	}
	var matcher matcher
	for _, n := range l.narrowings {
		if n.kv.key.text == "in" && !l.full() {
			l.src = n.src
			l.checkIn(n, &matcher)
		}
	}
	for _, n := range l.defaults {
		if l.full() {
			return
		}
		l.src = n.src
		l.defaultValue(n, &matcher)
	}
	for _, n := range l.borrows {
		if l.full() {
			return
		}
		l.src = n.src
		l.borrow(n)
	}
}

// borrow reports `borrow` at what is not bytes.
func (l *loader) borrow(n narrowing) {
	base := resolved(n.of.expr())
	if base == nil || scalarOf(base) == Bytes {
		return
	}
	d := l.finding(E0314, n.kv.key, "`borrow` works on bytes only")
	d.Label = "this is " + kindWords(base)
	d.Hint = "leave it out"
	if scalarOf(resolved(base.Elem)) == Bytes {
		d.Hint = "leave it out: elements are always copied"
	}
	l.report(d)
}

// resolved follows new types to what travels, and returns nil if there is a
// mistake on the way.
func resolved(e *Expr) *Expr {
	for steps := 0; e != nil && e.Kind == NamedExpr; steps++ {
		if e.Named == nil || e.Named.Kind == 0 || steps > MaxTypes {
			return nil
		}
		if e.Named.Kind != NewType {
			return e
		}
		e = e.Named.Base
	}
	return e
}

// scalarOf returns the scalar that a resolved expression is, or 0.
func scalarOf(e *Expr) Scalar {
	if e != nil && e.Kind == ScalarExpr {
		return e.Scalar
	}
	return 0
}

// kindWords returns what an expression is, for messages.
func kindWords(e *Expr) string {
	switch e.Kind {
	case ScalarExpr:
		return e.Scalar.String()
	case ListExpr:
		return "a list"
	case MapExpr:
		return "a map"
	}
	return map[TypeKind]string{Struct: "a struct", Enum: "an enum", Union: "a union"}[e.Named.Kind]
}

// possible reports whether a constraint can apply to a resolved expression.
func possible(key string, e *Expr) bool {
	s := scalarOf(e)
	switch key {
	case "range":
		return s.isNumber() || s == Duration
	case "len":
		return s == String || s == Bytes || e.Kind == ListExpr || e.Kind == MapExpr
	case "pattern", "format":
		return s == String
	case "in":
		return s.isNumber() || s == String
	}
	return false
}

// applies reports constraints at types they mean nothing for.
func (l *loader) applies(n narrowing, base *Expr) bool {
	key := n.kv.key
	switch {
	case scalarOf(base) == Any:
		d := l.finding(E0313, key, "constraints on `any` are not possible")
		d.Hint = "use a type that says what is there"
		l.report(d)
		return false
	case key.text == "unique":
		if base.Kind == ListExpr {
			elem := resolved(base.Elem)
			if elem == nil || elem.Kind == ScalarExpr && elem.Scalar != Any || elem.Kind == NamedExpr && elem.Named.Kind == Enum {
				return elem != nil
			}
		}
		d := l.finding(E0310, key, "`unique` works on lists of scalars only")
		d.Label = "this is " + kindWords(base)
		if base.Kind == ListExpr {
			d.Label = "this is a list of something else"
		}
		d.Hint = "leave it out"
		if base.Kind == ScalarExpr && base.Scalar != Any {
			d.Hint = "leave it out, or make it a list: list<" + base.Scalar.String() + ">"
		}
		l.report(d)
		return false
	case possible(key.text, base):
		return true
	}
	d := l.finding(E0303, key, quote(key.text)+" does not apply to "+kindWords(base))
	switch {
	case (base.Kind == ListExpr || base.Kind == MapExpr) && base.Elem != nil:
		if elem := resolved(base.Elem); elem != nil && possible(key.text, elem) {
			d.Hint = "declare a type for the elements and put " + quote(key.text) + " there"
			break
		}
		if key.text == "range" {
			d.Hint = "use len"
		}
	case key.text == "len" && possible("range", base):
		d.Hint = "use range"
	case key.text == "range" && possible("len", base):
		d.Hint = "use len"
	case key.text == "in" && base.Kind == NamedExpr && base.Named.Kind == Enum:
		d.Hint = "declare an enum with these values"
	}
	d.Hint = orElse(d.Hint, "leave it out")
	l.report(d)
	return false
}

// constraint reads one constraint that applies.
func (l *loader) constraint(n narrowing, base *Expr) {
	pos := l.src.valuePos(n.kv.value, 0)
	held := n.of.held()
	if *held == nil {
		*held = &Constraints{Pos: l.src.valuePos(n.kv.key, 0)}
	}
	c := *held
	switch n.kv.key.text {
	case "range":
		if r := l.rangeOf(n.kv.value, base.Scalar); r != nil {
			r.Pos = pos
			c.Range = r
			l.overlap(n, func(other *Constraints) bool { return other.Range == nil || overlaps(r, other.Range) })
		}
	case "len":
		if v := l.lenOf(n.kv.value); v != nil {
			v.Pos = pos
			c.Len = v
			l.overlap(n, func(other *Constraints) bool {
				o := other.Len
				return o == nil || !(v.HasMax && v.Max < o.Min || o.HasMax && o.Max < v.Min)
			})
		}
	case "pattern":
		c.Pattern = l.pattern(n.kv.value)
	case "format":
		c.Format = l.format(n.kv.value)
	case "in":
		c.In = l.in(n.kv.value, base.Scalar)
	case "unique":
		c.Unique, _ = l.truth(n.kv.value, "unique")
	}
	if c.Range == nil && c.Len == nil && c.Pattern == nil && c.Format == 0 && c.In == nil && !c.Unique {
		*held = nil
	}
}

// inherited calls f for the constraints of the new types under e, from the
// nearest on, while f wants more.
func inherited(e *Expr, f func(t *Type, c *Constraints) bool) {
	for steps := 0; e != nil && e.Kind == NamedExpr && e.Named != nil && e.Named.Kind == NewType && steps <= MaxTypes; steps++ {
		if c := e.Named.Constraints; c != nil && !f(e.Named, c) {
			return
		}
		e = e.Named.Base
	}
}

// overlap reports a range or len that leaves nothing of that of a new type
// beneath.
func (l *loader) overlap(n narrowing, overlaps func(*Constraints) bool) {
	inherited(n.of.expr(), func(t *Type, c *Constraints) bool {
		if overlaps(c) {
			return true
		}
		key := n.kv.key.text
		d := l.finding(E0301, n.kv.value, quote(key+": "+n.kv.value.text)+" leaves nothing of "+quote(t.Name))
		var what fmt.Stringer
		var pos Position
		if key == "range" {
			what, pos = c.Range, c.Range.Pos
		} else {
			what, pos = c.Len, c.Len.Pos
		}
		d.Hint = "leave it out, or let it meet " + what.String()
		d.Notes = []Note{l.schema.NewNote(pos, 0, quote(t.Name)+" has "+key+" "+what.String())}
		l.report(d)
		return false
	})
}

func overlaps(a, b *Range) bool {
	return (a.Max == nil || b.Min == nil || a.Max.Compare(b.Min) >= 0) && (b.Max == nil || a.Min == nil || b.Max.Compare(a.Min) >= 0)
}

// pattern reads an RE2 expression.
func (l *loader) pattern(n *node) *Pattern {
	text, ok := l.text(n)
	if !ok {
		return nil
	}
	if len(text) > maxPatternLength {
		d := l.finding(E0112, n, fmt.Sprintf("the pattern is %d bytes long; at most %d are possible", len(text), maxPatternLength))
		d.Hint = "check the rest in the handler"
		l.report(d)
		return nil
	}
	p := &Pattern{Expr: text, Pos: l.src.valuePos(n, 0)}
	// Alone first, so that a)(b does not pass because of our parentheses.
	_, err := syntax.Parse(text, syntax.Perl)
	if err == nil {
		_, err = syntax.Parse(p.Anchored(), syntax.Perl)
	}
	if err == nil {
		return p
	}
	d := l.finding(E0305, n, "the pattern is not valid RE2")
	at, length := 0, len(text)
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		d.Message += ": " + string(e.Code)
		if i := strings.Index(text, e.Expr); i >= 0 && e.Expr != "" {
			at, length = i, len(e.Expr)
		}
		switch {
		case e.Code == syntax.ErrInvalidPerlOp:
			d.Hint = "RE2 has no look-around and no back references"
		case n.style != quotedStyle || l.src.rest(n.line, n.col)[0] == '"':
			d.Hint = "write it in single quotes: '…'"
		default:
			d.Hint = patternHints[string(e.Code)]
		}
	}
	d.Hint = orElse(d.Hint, "the syntax is that of the Go package regexp: go doc regexp/syntax")
	l.reportAt(d, n, at, length)
	return nil
}

func (l *loader) format(n *node) StringFormat {
	text, ok := l.text(n)
	if !ok {
		return 0
	}
	for f, name := range formatNames {
		if name == text && name != "" {
			return StringFormat(f)
		}
	}
	d := l.finding(E0113, n, "unknown format "+quote(text))
	d.Hint = "one of " + strings.Join(formatNames[1:], ", ")
	switch strings.ToLower(text) {
	case "url":
		d.Hint = "write uri"
	case "ipv4", "ipv6":
		d.Hint = "write ip"
	case "host", "domain":
		d.Hint = "write hostname"
	case "uuid", "guid":
		d.Hint = "use the type uuid"
	case "date-time", "datetime", "timestamp":
		d.Hint = "use the type timestamp"
	default:
		if hint := didYouMean(text, formatNames[1:]); hint != "" {
			d.Hint = hint
		}
	}
	l.report(d)
	return 0
}
