package schema

import (
	"slices"
	"strings"
)

// fields reads the fields of a struct or an error.
func (l *loader) fields(n *node, what string, fields *[]*Field) {
	pairs, ok := l.mapping(n, what)
	if !ok {
		return
	}
	*fields = make([]*Field, 0, len(pairs))
	for _, kv := range pairs {
		if l.full() {
			return
		}
		l.field(kv, fields)
	}
}

func (l *loader) field(kv pair, fields *[]*Field) {
	name := kv.key.text
	what := "field " + quote(name)
	switch {
	case strings.HasSuffix(name, "?") && isSnake(name[:len(name)-1]):
		d := l.finding(E0207, kv.key, "`?` does not make a field optional")
		word := "…"
		if kv.value.kind == textNode {
			word = scalarHint(kv.value.text)
		}
		d.Hint = "write " + name[:len(name)-1] + ": opt<" + word + ">"
		l.report(d)
		return
	case !isSnake(name):
		d := l.finding(E0216, kv.key, what+" must be lower_snake")
		d.Hint = nameHint(toSnake(name), "a-z, 0-9 and _, beginning with a letter")
		l.report(d)
	default:
		l.nameLength(kv.key, "field name", maxNameLength)
	}
	f := &Field{Name: name, Meta: Meta{Pos: l.src.valuePos(kv.key, 0)}}
	*fields = append(*fields, f)
	if kv.value.kind == nullNode {
		l.noType(kv.key, what)
		return
	}
	if kv.value.kind != mapNode {
		f.Type, f.Optional = l.typeExpr(kv.value, true)
		return
	}
	pairs, ok := l.mapping(kv.value, what)
	if !ok {
		return
	}
	if !slices.ContainsFunc(pairs, func(kv pair) bool { return kv.key.text == "type" }) {
		if i := slices.IndexFunc(pairs, func(kv pair) bool { return slices.Contains(typeForms, kv.key.text) }); i >= 0 {
			l.unknownKey(pairs[i], "field", what, names(fieldKeys))
		} else {
			l.noType(kv.key, what)
		}
		return
	}
	readKeys(l, pairs, fieldKeys, "", f, func(kv pair) {
		l.unknownKey(kv, "field", what, names(fieldKeys), "borrow")
	})
}

func (l *loader) noType(key *node, what string) {
	d := l.finding(E0106, key, what+" has no type")
	d.Hint = "for example " + key.text + ": string, or " + key.text + ": {type: string, doc: …}"
	l.report(d)
}
