package schema

import (
	"slices"
	"strconv"
	"strings"
)

// declarations reads the mapping under types: or commands:.
func (l *loader) declarations(n *node, key string, declare func(pair)) {
	pairs, ok := l.mapping(n, "`"+key+"`")
	if !ok {
		l.incomplete = true
		return
	}
	var inside []string
	switch key {
	case "types":
		inside = typeForms
	case "errors":
		inside = names(errorKeys)
	case "commands":
		inside = names(commandKeys)
	}
	for _, kv := range l.indented(pairs, nil, func(_ string, kv pair) bool { return slices.Contains(inside, kv.key.text) }) {
		if l.full() {
			return
		}
		declare(kv)
	}
}

// indented reports entries that stand beside the one without a value that they
// belong to, and returns the others. holders are the keys of those that may
// hold entries, any if it is nil; strayed says whether an entry seems meant to
// stand in one.
func (l *loader) indented(pairs []pair, holders []string, strayed func(holder string, kv pair) bool) []pair {
	var rest []pair
	for i := 0; i < len(pairs); i++ {
		kv := pairs[i]
		holds := kv.value.kind == nullNode && kv.value.text == "" && (holders == nil || slices.Contains(holders, kv.key.text))
		if !holds || i+1 == len(pairs) || !strayed(kv.key.text, pairs[i+1]) {
			rest = append(rest, kv)
			continue
		}
		l.incomplete = true
		first := pairs[i+1].key
		d := l.finding(E0103, first, quote(first.text)+" stands beside "+quote(kv.key.text)+", not in it")
		d.Hint = "indent it further than " + printable(kv.key.text)
		l.report(d)
		for i+1 < len(pairs) && strayed(kv.key.text, pairs[i+1]) {
			i++
		}
	}
	return rest
}

func (l *loader) deprecated(kv pair, m *Meta) {
	if kv.value.kind == boolNode || kv.value.kind == nullNode || kv.value.kind == textNode && strings.TrimSpace(kv.value.text) == "" {
		d := l.finding(E0113, kv.value, "`deprecated` must say what to use instead")
		d.Hint = "for example deprecated: use job.cancel"
		l.report(d)
		return
	}
	m.Deprecated, _ = l.text(kv.value)
}

func (l *loader) goName(kv pair, m *Meta) {
	name, ok := l.text(kv.value)
	if !ok {
		return
	}
	if !isPascal(name) {
		d := l.finding(E0113, kv.value, "Go name "+quote(name)+" must be an exported name of ASCII letters and digits")
		d.Hint = nameHint(toPascal(name), "for example JobID")
		l.report(d)
	} else if l.nameLength(kv.value, "Go name", maxNameLength) {
		m.GoName, m.GoPos = name, l.src.valuePos(kv.value, 0)
	}
}

func (l *loader) typeDecl(kv pair) {
	name := kv.key.text
	t := &Type{Name: name, File: l.src.file, Meta: Meta{Pos: l.src.valuePos(kv.key, 0)}}
	if isCommand(name) && slices.ContainsFunc(kv.value.pairs, func(kv pair) bool { return slices.Contains([]string{"dir", "payload", "reply"}, kv.key.text) }) {
		d := l.finding(E0215, kv.key, "type "+quote(name)+" is a command")
		d.Hint = "declare it under `commands:`"
		l.report(d)
		return
	}
	if !isPascal(name) {
		d := l.finding(E0215, kv.key, "type "+quote(name)+" must be PascalCase")
		pascal := toPascal(name)
		if word, last, ok := strings.Cut(name, " "); ok && (foreignKeys["schema"][word] == "types" || word == "type" || word == "message" || word == "class") {
			pascal = toPascal(last)
		}
		d.Hint = nameHint(pascal, "ASCII letters and digits, beginning with a capital")
		l.report(d)
	} else {
		l.nameLength(kv.key, "type name", maxNameLength)
	}
	if first := l.types[name]; first != nil {
		l.twiceAt(kv.key, first.Pos, name)
		return
	}
	if len(l.schema.Types) == MaxTypes {
		if l.tooManyTypes {
			return
		}
		l.tooManyTypes, l.incomplete = true, true
		d := l.finding(E0112, kv.key, "more than "+strconv.Itoa(MaxTypes)+" types")
		d.Hint = "split the protocol into several"
		l.report(d)
		return
	}
	// A type with mistakes is kept: references to it are not wrong.
	l.types[name] = t
	l.schema.Types = append(l.schema.Types, t)
	switch kv.value.kind {
	case mapNode:
		l.longType(kv, t)
	case nullNode:
		l.nothing(kv.key, "type "+quote(name)+" declares nothing")
	case listNode:
		d := l.finding(E0110, kv.value, "expected a type, found "+kv.value.kind.String())
		d.Hint = listTypeHint(kv.value, true)
		l.report(d)
	default:
		t.Kind = NewType
		t.Base, _ = l.typeExpr(kv.value, false)
	}
}

// twiceAt reports a second declaration of a name in another file.
func (l *loader) twiceAt(key *node, first Position, name string) {
	d := l.finding(E0004, key, quote(name)+" is declared twice")
	d.Label = "second declaration"
	d.Hint = "delete one of them, or give it another name"
	d.Notes = []Note{l.schema.NewNote(first, 0, "first declared here")}
	l.report(d)
}

func (l *loader) nothing(key *node, message string) {
	d := l.finding(E0106, key, message)
	d.Hint = "for example {fields: {id: uuid}}"
	l.report(d)
}

// longType reads a type given as a mapping.
func (l *loader) longType(kv pair, t *Type) {
	what := "type " + quote(t.Name)
	pairs, ok := l.mapping(kv.value, what)
	if !ok {
		return
	}
	if l.formWord(pairs, true) {
		return
	}
	pairs = l.indented(pairs, []string{"fields", "enum", "union"}, func(holder string, kv pair) bool {
		if slices.Contains(names(typeKeys), kv.key.text) {
			return false
		}
		return holder == "enum" && kv.value.kind <= textNode || strayFields([]pair{kv}) != ""
	})
	if len(pairs) == 0 && len(kv.value.pairs) > 0 {
		return // reported
	}
	beside := ""
	for _, kv := range pairs {
		key := kv.key.text
		if !slices.Contains(typeForms, key) {
			continue
		}
		if beside != "" {
			d := l.finding(E0105, kv.key, what+" has both "+quote(beside)+" and "+quote(key))
			d.Hint = "a type is one of type, fields, enum and union: delete one of the two"
			l.report(d)
			return
		}
		beside = key
	}
	known := names(typeKeys)
	if beside == "" && !l.resembles(pairs, "type", slices.Concat(known, laterKeys)) {
		if len(pairs) > 0 && !slices.Contains(names(metaKeys), pairs[0].key.text) {
			d := l.finding(E0106, kv.key, what+" declares nothing")
			d.Hint = "fields stand under `fields:`: {fields: " + orElse(strayFields(pairs), "{id: uuid}") + "}"
			l.report(d)
		} else {
			l.nothing(kv.key, what+" declares nothing")
		}
		return
	}
	known = known[:0]
	for _, k := range typeKeys {
		if k.with == nil && (beside == "" || k.name == beside || !slices.Contains(typeForms, k.name)) || slices.Contains(k.with, beside) {
			known = append(known, k.name)
		}
	}
	readKeys(l, pairs, typeKeys, beside, t, func(kv pair) {
		switch key := kv.key.text; {
		case slices.Contains(typeForms, beside) && slices.Contains(names(typeKeys), key):
			d := l.finding(E0103, kv.key, "unknown key "+quote(key)+" in "+what)
			d.Hint = "constraints stand beside `type`, or at a field"
			if key == "closed" {
				d.Hint = "only an enum or a union can be closed"
			}
			l.report(d)
		default:
			l.unknownKey(kv, "type", what, known)
		}
	})
}

// resembles reports whether a key is one of known, or seems meant to be.
func (l *loader) resembles(pairs []pair, kind string, known []string) bool {
	for _, kv := range pairs {
		key := kv.key.text
		if slices.Contains(names(metaKeys), key) {
			continue
		}
		word := strings.ToLower(key)
		_, foreign := foreignKeys[kind][word]
		foreign = foreign || keyHint(kind, key) != ""
		if slices.Contains(known, key) || foreign && kv.value.kind != textNode || nearest(key, known) != "" {
			return true
		}
	}
	return false
}
