package schema

import "strings"

// in reads a list of values.
func (l *loader) in(n *node, s Scalar) []*Value {
	items, ok := l.list(n)
	if !ok {
		return nil
	}
	if len(items) == 0 {
		d := l.finding(E0214, n, "`in` needs at least one value")
		d.Hint = "leave it out if every value is possible"
		l.report(d)
		return nil
	}
	first := make(map[string]*node, len(items))
	var values []*Value
	for _, item := range items {
		if l.full() {
			return nil
		}
		v, ok := l.inValue(item, s)
		if !ok {
			continue
		}
		if f := first[v.String()]; f != nil {
			l.twice(E0004, item, l.src, f, quote(v.String())+" is listed twice", "delete one of them")
			continue
		}
		first[v.String()] = item
		v.Pos = l.src.valuePos(item, 0)
		values = append(values, &v)
	}
	return values
}

func (l *loader) inValue(n *node, s Scalar) (Value, bool) {
	if s.isNumber() && n.kind == numberNode {
		if ambiguousNumber.MatchString(n.text) {
			l.ambiguous(n)
			return Value{}, false
		}
		v, fault := parseNumber(n.text, s)
		if fault == noFault {
			return v, true
		}
		if fault == tooLarge {
			d := l.finding(E0311, n, "`in` value "+quote(n.text)+" is outside "+s.String()+" ("+s.border()+")")
			d.Hint = "delete it, or use a wider type"
			l.report(d)
			return Value{}, false
		}
	}
	if s == String && n.kind == textNode {
		text, _ := l.text(n)
		return Value{Scalar: String, Text: text}, true
	}
	d := l.finding(E0311, n, "`in` value "+quote(n.text)+" is not "+article(s.String()))
	if n.kind >= listNode {
		d.Message = "`in` holds " + article(s.String()) + ", found " + n.kind.String()
	}
	d.Hint = l.kindHint(n, s)
	l.report(d)
	return Value{}, false
}

// kindHint returns what to do about a value of another kind.
func (l *loader) kindHint(n *node, s Scalar) string {
	switch {
	case n.kind == nullNode:
		return "write a value, or leave it out"
	case n.kind >= listNode:
		return "write one " + s.String()
	case s == String && n.kind != textNode:
		return `quote it: "` + n.text + `"`
	case s.isNumber() && n.kind == textNode && n.style == quotedStyle && jsonNumber.MatchString(n.text):
		return "write it without quotes: " + n.text
	case s.isInteger() && n.kind == numberNode:
		return "write a whole number, or use float64"
	case s.isNumber():
		return numberHint(n.text, s)
	}
	return "write " + article(s.String())
}

func article(word string) string {
	if strings.IndexByte("aeio", word[0]) >= 0 {
		return "an " + word
	}
	return "a " + word
}

// checkIn reports elements of in that the other constraints refuse.
func (l *loader) checkIn(n narrowing, m *matcher) {
	own := *n.of.held()
	if own == nil {
		return
	}
	items := make(map[Position]*node, len(n.kv.value.items))
	for _, item := range n.kv.value.items {
		items[l.src.valuePos(item, 0)] = item
	}
	others := *own
	others.In = nil
	for _, v := range own.In {
		if l.full() || !l.holds(n.of.expr(), &others, v, items[v.Pos], "`in` value", m) {
			return
		}
	}
}

// holds reports a value that a constraint refuses: the own ones, or those of
// the new types beneath.
func (l *loader) holds(e *Expr, own *Constraints, v *Value, at *node, what string, m *matcher) bool {
	refused := func(c *Constraints) bool {
		broken, pos := c.violated(v, m)
		if broken == "" {
			return false
		}
		d := l.finding(E0307, at, what+" "+quote(v.String())+" breaks "+quote(broken))
		d.Hint = "take another value, or widen the constraint"
		d.Notes = []Note{l.schema.NewNote(pos, 0, "the constraint")}
		l.report(d)
		return true
	}
	if own != nil && refused(own) {
		return false
	}
	ok := true
	inherited(e, func(_ *Type, c *Constraints) bool {
		ok = !refused(c)
		return ok
	})
	return ok
}
