package schema

import "strings"

// This file reads enums and unions.

// enum reads the values of an enum, as a list or as a mapping.
func (l *loader) enum(n *node, t *Type) {
	var pairs []pair
	switch n.kind {
	case listNode:
		for _, item := range n.items {
			pairs = append(pairs, pair{key: item})
		}
	case mapNode:
		pairs = n.pairs
	default:
		d := l.finding(E0110, n, "expected a list or a mapping of values, found "+n.kind.String())
		d.Hint = "for example enum: [idle, busy]"
		if n.kind == textNode {
			d.Hint = "write enum: [" + strings.Join(strings.FieldsFunc(n.text, func(r rune) bool { return strings.ContainsRune(" ,|", r) }), ", ") + "]"
		}
		l.report(d)
		return
	}
	if len(pairs) == 0 {
		d := l.finding(E0214, n, "an enum needs at least one value")
		d.Hint = "for example enum: [idle, busy]"
		l.report(d)
		return
	}
	first := make(map[string]*node, len(pairs))
	l.numbered = false
	for _, kv := range pairs {
		if l.full() {
			return
		}
		value := kv.key.text
		switch {
		case kv.key.kind >= listNode:
			d := l.finding(E0110, kv.key, "expected a text, found "+kv.key.kind.String())
			d.Hint = "values are texts: enum: [idle, busy]"
			if kv.key.kind == mapNode && n.kind == listNode {
				d.Hint = "write values with a text about them as a mapping, without `-`: enum: {idle: Waits for work.}"
			}
			l.report(d)
			return // the others are written likewise
		case kv.key.kind != textNode:
			d := l.finding(E0212, kv.key, "enum values are texts; YAML reads "+quote(value)+" as "+kv.key.kind.String())
			if value == "" {
				d.Message = "enum values are texts; here is nothing"
			}
			d.Hint = `quote it: "` + value + `"`
			if value == "" {
				d.Hint = "write a value, or delete this one"
			}
			l.report(d)
			continue
		case first[value] != nil:
			l.twice(E0211, kv.key, l.src, first[value], "enum "+quote(t.Name)+" has the value "+quote(value)+" twice", "delete one of them")
			continue
		}
		first[value] = kv.key
		l.nameLength(kv.key, "enum value", maxEnumValueLength)
		v := &EnumValue{Value: value, Meta: Meta{Pos: l.src.valuePos(kv.key, 0)}}
		t.Values = append(t.Values, v)
		if kv.value != nil {
			l.enumMeta(kv.value, t, v)
		}
	}
}

// enumMeta reads what a mapping of values says about one of them.
func (l *loader) enumMeta(n *node, t *Type, v *EnumValue) {
	switch n.kind {
	case nullNode:
	case numberNode:
		d := l.finding(E0110, n, "expected a text about the value, found "+n.kind.String())
		d.Hint = "values have no numbers: write enum: [" + printable(v.Value) + ", …]"
		if !l.numbered {
			l.report(d)
		}
		l.numbered = true // the others are likewise
	case mapNode:
		what := "value " + quote(v.Value) + " of enum " + quote(t.Name)
		pairs, _ := l.mapping(n, what)
		readKeys(l, pairs, enumValueKeys, "", v, func(kv pair) {
			l.unknownKey(kv, "value", what, names(enumValueKeys))
		})
	default:
		v.Doc, _ = l.text(n)
	}
}

// union reads the variants of a union.
func (l *loader) union(n *node, t *Type) {
	pairs, ok := l.mapping(n, "`union`")
	if !ok {
		return
	}
	if len(pairs) == 0 {
		if len(n.pairs) == 0 {
			d := l.finding(E0214, n, "a union needs at least one variant")
			d.Hint = "for example union: {shell: ShellTask, sleep: duration}"
			l.report(d)
		}
		return
	}
	for _, kv := range pairs {
		if l.full() {
			return
		}
		l.variant(kv, t)
	}
}

func (l *loader) variant(kv pair, t *Type) {
	name := kv.key.text
	what := "variant " + quote(name)
	if !isSnake(name) {
		d := l.finding(E0216, kv.key, what+" must be lower_snake")
		d.Hint = nameHint(toSnake(name), "a-z, 0-9 and _, beginning with a letter")
		l.report(d)
	} else {
		l.nameLength(kv.key, "variant name", maxNameLength)
	}
	v := &Variant{Union: t, Name: name, Meta: Meta{Pos: l.src.valuePos(kv.key, 0)}}
	t.Variants = append(t.Variants, v)
	switch n := kv.value; n.kind {
	case nullNode:
		d := l.finding(E0106, kv.key, what+" has no type")
		d.Hint = "for example " + name + ": string, or " + name + ": {} for a variant without fields"
		l.report(d)
	case mapNode:
		if l.needlessFields(n, what, name) {
			return
		}
		pos := l.src.pos(n.line, n.col)
		inline := &Type{Kind: Struct, File: t.File, Variant: v, Meta: Meta{Pos: pos}}
		v.Type = &Expr{Kind: NamedExpr, Named: inline, Pos: pos}
		l.fields(n, what, &inline.Fields)
	default:
		v.Type, _ = l.typeExpr(n, false)
	}
}
