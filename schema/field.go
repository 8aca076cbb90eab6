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
	case kv.value.kind == nullNode && blankHint(name) != "":
		d := l.finding(E0216, kv.key, quote(name)+" is not the name of a field")
		d.Hint = blankHint(name)
		l.report(d)
		return
	case name == "$ref":
		d := l.finding(E0216, kv.key, quote(name)+" is not the name of a field")
		d.Hint = "write the name of the type where it is used: payload: Person, or owner: Person"
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
		if text := kv.value.text; slices.Contains(scalarNames[1:], name) && isSnake(text) && scalarHint(text) == text && !slices.Contains(scalarNames[1:], text) {
			d := l.finding(E0201, kv.value, "unknown type "+quote(text))
			d.Hint = "the name stands before its type: " + text + ": " + name
			l.report(d)
			return
		}
		f.Type, f.Optional = l.typeExpr(kv.value, true)
		return
	}
	pairs, ok := l.mapping(kv.value, what)
	if !ok {
		return
	}
	if l.formWord(pairs, false) {
		return
	}
	if i := slices.IndexFunc(pairs, func(kv pair) bool { return kv.key.text == "type" || nearest(kv.key.text, []string{"type"}) != "" }); i >= 0 && pairs[i].key.text != "type" {
		l.unknownKey(pairs[i], "field", what, names(fieldKeys))
		return
	}
	if !slices.ContainsFunc(pairs, func(kv pair) bool { return kv.key.text == "type" }) {
		if i := slices.IndexFunc(pairs, func(kv pair) bool { return slices.Contains(typeForms, kv.key.text) }); i >= 0 {
			l.unknownKey(pairs[i], "field", what, names(fieldKeys))
		} else {
			d := l.finding(E0106, kv.key, what+" has no type")
			d.Hint = noTypeHint(kv.key.text, pairs)
			l.report(d)
		}
		return
	}
	readKeys(l, pairs, fieldKeys, "", f, func(kv pair) {
		l.unknownKey(kv, "field", what, names(fieldKeys))
	})
}

func (l *loader) noType(key *node, what string) {
	d := l.finding(E0106, key, what+" has no type")
	d.Hint = "for example " + key.text + ": string, or " + key.text + ": {type: string, doc: …}"
	l.report(d)
}

// noTypeHint says what to write instead of a field given as a mapping without a
// type.
func noTypeHint(name string, pairs []pair) string {
	for _, kv := range pairs {
		switch word := strings.ToLower(kv.key.text); {
		case word == "$ref":
			return "write " + name + ": Person, the name of the type alone"
		case word == "oneof" || word == "anyof" || word == "allof":
			return "declare a union under `types:` and use its name"
		case len(pairs) == 1 && slices.Contains(genericNames, word) && kv.value.kind == textNode && typeWord.MatchString(kv.value.text):
			return "write " + name + ": " + word + "<" + scalarHint(kv.value.text) + ">"
		}
	}
	if fields := strayFields(pairs); fields != "" && !slices.ContainsFunc(pairs, func(kv pair) bool { return slices.Contains(names(fieldKeys), kv.key.text) }) {
		return "declare a struct under `types:`: " + orElse(toPascal(name), "Person") + ": {fields: " + fields + "}, and use its name"
	}
	return "for example " + name + ": string, or " + name + ": {type: string, doc: …}"
}
