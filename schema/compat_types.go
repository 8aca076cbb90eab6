package schema

import (
	"strings"
)

// types compares two types at the same position.
func (c *comparison) types(p *pairing) {
	old, new := p.old, p.new
	if old.Name != new.Name && old.Name != "" && new.Name != "" && (!c.named[newWriter][old.Name] || !c.named[oldWriter][new.Name]) {
		c.report(finding{rule: rule("B602", ""), path: new.Name, pos: new.Pos,
			message: "the type " + quote(old.Name) + " was renamed to " + quote(new.Name)}, nil)
	} else if old.Name != "" && new.Name != "" && !p.ofError {
		c.goNames(pathOf(new), old.Meta, new.Meta)
	}
	switch new.Kind {
	case Struct:
		c.fields(old, new, &p.reach)
	case Union:
		c.variants(old, new, &p.reach)
	case Enum:
		c.values(old, new, &p.reach)
	case NewType:
		c.spots(pathOf(new), new.Pos, spotOf(old.Base, old.Constraints), spotOf(new.Base, new.Constraints), &p.reach, "B211")
	}
}

// expressions compares the types of a field, element or variant. A new type of
// the same name on both sides, without other constraints, is compared once and
// not where it is used.
func (c *comparison) expressions(path string, pos Position, old, new *Expr, oldOwn, newOwn *Constraints, at *slots, kind Code) {
	isNew := func(e *Expr) bool { return e.Kind == NamedExpr && e.Named.Kind == NewType }
	if isNew(old) && isNew(new) && old.Named.Name == new.Named.Name && oldOwn == nil && newOwn == nil {
		c.pair(old.Named, new.Named, at)
		return
	}
	o, n := spotOf(old, oldOwn), spotOf(new, newOwn)
	before := len(*c.current)
	c.spots(path, pos, o, n, at, kind)
	if len(*c.current) == before && (isNew(old) || isNew(new)) && old.String() != new.String() {
		c.report(finding{rule: rule("B210", ""), path: path, pos: pos,
			message: quote(path) + " changed from " + quote(old.String()) + " to " + quote(new.String())}, nil)
	}
}

// refusals returns what the readers of each version refuse of the writers of
// the other one.
func (c *comparison) refusals(old, new spot, look func(f *fitting, w, r spot) (refusal, status)) [versions]func() (refusal, status) {
	return [versions]func() (refusal, status){
		oldWriter: func() (refusal, status) { return look(c.fitting(), old, new) },
		newWriter: func() (refusal, status) { return look(c.fitting(), new, old) },
	}
}

// spots compares two spots and, if they are of one class, what they hold. kind
// is the rule for types that have nothing in common.
func (c *comparison) spots(path string, pos Position, old, new spot, at *slots, kind Code) {
	oc, nc := old.class(), new.class()
	if oc == nc {
		switch oc {
		case structClass, unionClass:
			c.pair(old.expr.Named, new.expr.Named, at)
			return
		case listClass:
			c.constraints(path, pos, old, new, at, nil)
			c.expressions(path+"[]", pos, old.expr.Elem, new.expr.Elem, nil, nil, at.inside(c.wraps(old, new)), kind)
			return
		case mapClass:
			c.constraints(path, pos, old, new, at, nil)
			c.expressions(path+"{}", pos, old.expr.Elem, new.expr.Elem, nil, nil, at.inside(c.wraps(old, new)), kind)
			return
		}
		if oe, ne := old.enum(), new.enum(); oe != nil && ne != nil {
			c.pair(oe, ne, at)
			return
		}
	}
	r := c.typeRule(old, new, kind)
	if r == nil {
		c.constraints(path, pos, old, new, at, nil)
		return
	}
	c.report(finding{rule: r, path: path, pos: pos,
		message:  quote(path) + " changed from " + quote(old.describe()) + " to " + quote(new.describe()),
		refusals: c.refusals(old, new, (*fitting).refused)}, at)
	c.constraints(path, pos, old, new, at, r)
}

// wraps returns how each writer puts an element into a list or map.
func (c *comparison) wraps(old, new spot) (wraps [versions]func(item) (item, status)) {
	for v, w := range []spot{old, new} {
		if _, high := w.sizes(); high == 0 {
			continue
		}
		if w.class() == listClass {
			wraps[v] = func(it item) (item, status) { return c.listWith(w, it) }
		} else {
			wraps[v] = func(it item) (item, status) { return c.dictWith(w, "k", it) }
		}
	}
	return wraps
}

// describe returns a spot as one writes it, without new types.
func (s spot) describe() string {
	switch {
	case s.expr.Kind == NamedExpr && s.expr.Named.Name == "":
		return pathOf(s.expr.Named)
	case s.enum() != nil && s.enum().Closed:
		return "closed enum " + s.enum().Name
	}
	return s.expr.String()
}

// typeRule returns the rule for the change of one type to another, or nil if
// they are the same but for constraints. kind is the rule for types that have
// nothing in common.
func (c *comparison) typeRule(old, new spot, kind Code) *Rule {
	oc, nc := old.class(), new.class()
	switch {
	case nc == anyClass && oc != anyClass:
		return rule("B209", "to any")
	case oc == anyClass && nc != anyClass:
		return rule("B209", "from any")
	case oc == textClass && nc == textClass:
		return textRule(old.enum(), new.enum())
	case oc > floatClass || nc > floatClass || oc == boolClass || nc == boolClass:
		if oc == nc {
			return nil
		}
		return rule(kind, "")
	case old.expr.Scalar == new.expr.Scalar:
		return nil
	}
	return rule(numberRule(old.expr.Scalar, new.expr.Scalar), "")
}

// textRule returns the rule for a string that became an enum or the other way
// round. nil is a string.
func textRule(old, new *Type) *Rule {
	switch {
	case (old == nil) == (new == nil):
		return nil // two enums are a pair of types
	case new != nil && new.Closed:
		return rule("B208", "to enum")
	case old != nil && old.Closed:
		return rule("B208", "to string")
	}
	return rule("B207", "")
}

// numberRule returns the rule for the change of a number type to another one.
func numberRule(old, new Scalar) Code {
	// exact is the size of the integers that a float holds, with their sign.
	exact := func(float Scalar) int {
		if float == Float32 {
			return 24
		}
		return 53
	}
	bits := func(s Scalar) int {
		switch {
		case s == Duration:
			return 64
		case s.isSigned():
			return s.bits() - 1 // and one for the sign
		}
		return s.bits()
	}
	switch {
	case old.isFloat() && new.isFloat():
		if old == Float32 {
			return "B204"
		}
		return "B205"
	case new.isFloat():
		if bits(old) <= exact(new) {
			return "B204"
		}
		return "B206"
	case old.isFloat():
		if bits(new) <= exact(old) {
			return "B205"
		}
		return "B206"
	}
	oldLow, oldHigh := old.limits()
	newLow, newHigh := new.limits()
	low, high := oldLow.Cmp(newLow), oldHigh.Cmp(newHigh)
	switch {
	case low == 0 && high == 0:
		return "B210"
	case low >= 0 && high <= 0:
		return "B201"
	case low <= 0 && high >= 0:
		return "B202"
	}
	return "B203"
}

// constraints compares what narrows two spots, beside what the rule of their
// types already says.
func (c *comparison) constraints(path string, pos Position, old, new spot, at *slots, beside *Rule) {
	if beside != nil && (!beside.NewReadsOld && !beside.OldReadsNew) {
		return
	}
	before, after := old.written(), new.written()
	if beside == nil && before == after {
		return
	}
	look := (*fitting).narrowed
	if beside != nil {
		look = (*fitting).refused
	}
	refusals := c.refusals(old, new, look)
	var fails [versions]bool
	for v, refuse := range refusals {
		if beside != nil && (v == int(oldWriter) && !beside.NewReadsOld || v == int(newWriter) && !beside.OldReadsNew) {
			continue
		}
		_, st := refuse()
		fails[v] = st != none
	}
	id := Code("B112")
	what := "were replaced"
	switch {
	case !fails[oldWriter] && !fails[newWriter]:
		return
	case !fails[newWriter]:
		id, what = "B110", "were tightened"
	case !fails[oldWriter]:
		id, what = "B111", "were loosened"
	}
	c.report(finding{rule: rule(id, ""), path: path, pos: new.pos(pos),
		message:  "the constraints of " + quote(path) + " " + what + ": " + before + " → " + after,
		refusals: refusals}, at)
}

// pos returns the place of the constraints of a spot, or else where it stands.
func (s spot) pos(otherwise Position) Position {
	if len(s.cons) > 0 && s.cons[0].Pos.IsValid() {
		return s.cons[0].Pos
	}
	return otherwise
}

// written returns the constraints as one writes them.
func (s spot) written() string {
	var parts []string
	for _, c := range s.cons {
		if c.Range != nil {
			parts = append(parts, "range "+c.Range.String())
		}
		if c.Len != nil {
			parts = append(parts, "len "+c.Len.String())
		}
		if c.Pattern != nil {
			parts = append(parts, "pattern "+c.Pattern.Expr)
		}
		if c.Format != 0 {
			parts = append(parts, "format "+c.Format.String())
		}
		if c.In != nil {
			values := make([]string, len(c.In))
			for i, v := range c.In {
				values[i] = v.String()
			}
			const most = 10
			if len(values) > most {
				values = append(values[:most], "…")
			}
			parts = append(parts, "in ["+strings.Join(values, ", ")+"]")
		}
		if c.Unique {
			parts = append(parts, "unique")
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return quote(strings.Join(parts, ", "))
}
