package schema

// fields compares two structs.
func (c *comparison) fields(old, new *Type, at *slots) {
	pairs := byName(old.Fields, new.Fields, func(f *Field) string { return f.Name })
	renamed := renames(pairs)
	for _, pair := range pairs {
		switch {
		case pair[0] == nil:
			c.fieldAdded(old, new, *pair[1], renamed, at)
		case pair[1] == nil:
			c.fieldRemoved(old, new, *pair[0], renamed, at)
		default:
			c.field(old, new, *pair[0], *pair[1], at)
		}
	}
}

// renames finds the fields that look renamed: one is gone and another one is
// new, both of one type, and there is no other choice.
func renames(pairs [][2]**Field) map[*Field]*Field {
	type shape struct {
		typ      string
		optional bool
	}
	shapeOf := func(f *Field) shape { return shape{f.Type.String(), f.Optional} }
	gone, added := make(map[shape][]*Field), make(map[shape][]*Field)
	for _, pair := range pairs {
		switch {
		case pair[0] == nil:
			added[shapeOf(*pair[1])] = append(added[shapeOf(*pair[1])], *pair[1])
		case pair[1] == nil:
			gone[shapeOf(*pair[0])] = append(gone[shapeOf(*pair[0])], *pair[0])
		}
	}
	renamed := make(map[*Field]*Field)
	for s, from := range gone {
		if to := added[s]; len(from) == 1 && len(to) == 1 {
			renamed[from[0]], renamed[to[0]] = to[0], from[0]
		}
	}
	return renamed
}

// without returns what a writer of t may send without a field.
func (c *comparison) without(t *Type, name string) func() (refusal, status) {
	return func() (refusal, status) {
		it, st := c.structure(t, "", item{})
		return refusal{it, "missing required field `" + name + "`"}, st
	}
}

func (c *comparison) fieldAdded(old, new *Type, f *Field, renamed map[*Field]*Field, at *slots) {
	if renamed[f] != nil {
		return // reported with the one that is gone
	}
	path := pathOf(new) + "." + f.Name
	if f.Optional {
		c.report(finding{rule: rule("B101", ""), path: path, pos: f.Pos, message: "optional field " + quote(path) + " was added"}, at)
		return
	}
	c.report(finding{rule: rule("B102", ""), path: path, pos: f.Pos, message: "required field " + quote(path) + " was added",
		hint:     quote(f.Name+": opt<"+f.Type.String()+">") + " is safe in any order",
		refusals: [versions]func() (refusal, status){oldWriter: c.without(old, f.Name)}}, at)
}

func (c *comparison) fieldRemoved(old, new *Type, f *Field, renamed map[*Field]*Field, at *slots) {
	path := pathOf(old) + "." + f.Name
	to := renamed[f]
	switch {
	case to != nil && f.Optional:
		c.report(finding{rule: rule("B107", "optional"), path: path, pos: to.Pos,
			message: "optional field " + quote(path) + " seems renamed to " + quote(to.Name)}, at)
	case to != nil:
		c.report(finding{rule: rule("B107", "required"), path: path, pos: to.Pos,
			message: "required field " + quote(path) + " was renamed to " + quote(to.Name),
			refusals: [versions]func() (refusal, status){
				oldWriter: c.without(old, to.Name), newWriter: c.without(new, f.Name),
			}}, at)
	case f.Optional:
		c.report(finding{rule: rule("B103", ""), path: path, pos: f.Pos, inOld: true,
			message: "optional field " + quote(path) + " was removed"}, at)
	default:
		c.report(finding{rule: rule("B104", ""), path: path, pos: f.Pos, inOld: true,
			message:  "required field " + quote(path) + " was removed",
			refusals: [versions]func() (refusal, status){newWriter: c.without(new, f.Name)}}, at)
	}
	c.removed(path, f.Pos, true)
}

func (c *comparison) field(oldType, newType *Type, old, new *Field, at *slots) {
	path := pathOf(newType) + "." + new.Name
	switch {
	case old.Optional && !new.Optional:
		c.report(finding{rule: rule("B105", ""), path: path, pos: new.Pos, message: quote(path) + " became required",
			refusals: [versions]func() (refusal, status){oldWriter: c.without(oldType, new.Name)}}, at)
	case !old.Optional && new.Optional:
		c.report(finding{rule: rule("B106", ""), path: path, pos: new.Pos, message: quote(path) + " became optional",
			refusals: [versions]func() (refusal, status){newWriter: c.without(newType, new.Name)}}, at)
	}
	c.goNames(path, old.Meta, new.Meta)
	c.defaults(path, old, new)
	if old.Secret && !new.Secret {
		c.report(finding{rule: rule("B109", ""), path: path, pos: new.Pos, message: quote(path) + " is no longer secret"}, nil)
	}
	if !old.Borrow && new.Borrow {
		c.report(finding{rule: rule("B113", ""), path: path, pos: new.Pos, message: quote(path) + " is borrowed now"}, nil)
	}
	wraps := [versions]func(item) (item, status){
		oldWriter: func(it item) (item, status) { return c.structure(oldType, new.Name, it) },
		newWriter: func(it item) (item, status) { return c.structure(newType, new.Name, it) },
	}
	c.expressions(path, new.Type.Pos, old.Type, new.Type, old.Constraints, new.Constraints, at.inside(wraps), "B211")
}

func (c *comparison) defaults(path string, old, new *Field) {
	text := func(v *Value) string {
		if v == nil {
			return ""
		}
		return v.String()
	}
	switch {
	case (old.Default == nil) == (new.Default == nil) && text(old.Default) == text(new.Default):
	case new.Default == nil:
		c.report(finding{rule: rule("B108", "removed"), path: path, pos: new.Pos,
			message: "the default " + quote(text(old.Default)) + " of " + quote(path) + " was removed"}, nil)
	case old.Default == nil:
		c.report(finding{rule: rule("B108", "changed"), path: path, pos: new.Default.Pos,
			message: "the default " + quote(text(new.Default)) + " was added to " + quote(path)}, nil)
	default:
		c.report(finding{rule: rule("B108", "changed"), path: path, pos: new.Default.Pos,
			message: "the default of " + quote(path) + " changed from " + quote(text(old.Default)) + " to " + quote(text(new.Default))}, nil)
	}
}

// openness reports that an enum or union was opened or closed. other makes what
// a writer of the open one may pass on.
func (c *comparison) openness(old, new *Type, at *slots, other func() refusal) {
	if old.Closed == new.Closed {
		return
	}
	passed := func() (refusal, status) { return other(), found }
	f := finding{rule: rule("B305", "opened"), path: pathOf(new), pos: new.Pos, message: quote(pathOf(new)) + " was opened",
		refusals: [versions]func() (refusal, status){newWriter: passed}}
	if new.Closed {
		f = finding{rule: rule("B305", "closed"), path: pathOf(new), pos: new.Pos, message: quote(pathOf(new)) + " was closed",
			refusals: [versions]func() (refusal, status){oldWriter: passed}}
	}
	c.report(f, at)
}

// values compares two enums.
func (c *comparison) values(old, new *Type, at *slots) {
	pairs := byName(old.Values, new.Values, func(v *EnumValue) string { return v.Value })
	known := make(map[string]bool)
	for _, pair := range pairs {
		for _, v := range pair {
			if v != nil {
				known[(*v).Value] = true
			}
		}
	}
	c.openness(old, new, at, func() refusal {
		name := freeName(func(s string) bool { return !known[s] })
		return refusal{textItem(name), quoteJSON(name) + " is not a value of " + quote(pathOf(new))}
	})
	for _, pair := range pairs {
		switch {
		case pair[0] != nil && pair[1] != nil:
			c.goNames(pathOf(new)+"."+(*pair[1]).Value, (*pair[0]).Meta, (*pair[1]).Meta)
		case pair[0] == nil:
			v := *pair[1]
			c.member(old, new, "value", v.Value, v.Pos, true, at, func() (refusal, status) {
				return refusal{textItem(v.Value), quoteJSON(v.Value) + " is not a value of " + quote(pathOf(old))}, found
			})
		default:
			v := *pair[0]
			c.member(old, new, "value", v.Value, v.Pos, false, at, func() (refusal, status) {
				return refusal{textItem(v.Value), quoteJSON(v.Value) + " is not a value of " + quote(pathOf(new))}, found
			})
		}
	}
}

// member reports a value or variant that was added or removed. A reader that is
// open takes it; what follows from the opening or closing is said elsewhere.
func (c *comparison) member(old, new *Type, what, name string, pos Position, added bool, at *slots, refuse func() (refusal, status)) {
	if added {
		path := pathOf(new) + "." + name
		f := finding{rule: rule("B301", ""), path: path, pos: pos, message: what + " " + quote(path) + " was added"}
		if old.Closed {
			f.rule = rule("B302", "")
			f.refusals[newWriter] = refuse
		}
		c.report(f, at)
		return
	}
	path := pathOf(old) + "." + name
	f := finding{rule: rule("B303", ""), path: path, pos: pos, inOld: true, message: what + " " + quote(path) + " was removed"}
	if new.Closed {
		f.rule = rule("B304", "")
		f.refusals[oldWriter] = refuse
	}
	c.report(f, at)
	c.removed(path, pos, true)
}

// variants compares two unions.
func (c *comparison) variants(old, new *Type, at *slots) {
	c.openness(old, new, at, func() refusal {
		it := unknownVariant(old, new)
		return refusal{it, quote(it.entries[0].key) + " is not a variant of " + quote(pathOf(new))}
	})
	for _, pair := range byName(old.Variants, new.Variants, func(v *Variant) string { return v.Name }) {
		switch {
		case pair[0] == nil:
			c.variantChanged(old, new, *pair[1], true, at)
		case pair[1] == nil:
			c.variantChanged(old, new, *pair[0], false, at)
		default:
			o, n := *pair[0], *pair[1]
			path := pathOf(new) + "." + n.Name
			c.goNames(path, o.Meta, n.Meta)
			in := func(it item) (item, status) { return mapItem(entry{n.Name, it}), found }
			c.expressions(path, n.Type.Pos, o.Type, n.Type, nil, nil, at.inside([versions]func(item) (item, status){in, in}), "B306")
		}
	}
}

func (c *comparison) variantChanged(old, new *Type, v *Variant, added bool, at *slots) {
	reader := new
	if added {
		reader = old
	}
	c.member(old, new, "variant", v.Name, v.Pos, added, at, func() (refusal, status) {
		it, st := c.value(spotOf(v.Type, nil))
		return refusal{mapItem(entry{v.Name, it}), quote(v.Name) + " is not a variant of " + quote(pathOf(reader))}, st
	})
}
