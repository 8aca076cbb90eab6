package schema

import (
	"slices"
	"strings"
)

// This file reports declarations in the form of other languages as one mistake,
// where reading them key by key would find several.

// bareFields reports entries of a command or an error that all seem meant as
// its fields, which stand under another key.
func (l *loader) bareFields(pairs []pair, kind, what, under string, known []string) bool {
	fields := strayFields(pairs)
	if fields == "" || slices.ContainsFunc(pairs, func(kv pair) bool {
		word := strings.ToLower(kv.key.text)
		return slices.Contains(known, kv.key.text) || slices.Contains(laterKeys, kv.key.text) || nearest(kv.key.text, known) != "" ||
			foreignKeys[kind][word] != "" || foreignKeys[""][word] != "" || len(pairs) == 1 && keyHint(kind, word) != ""
	}) {
		return false
	}
	d := l.finding(E0103, pairs[0].key, "unknown key "+quote(pairs[0].key.text)+" in "+what)
	d.Hint = "fields stand under `" + under + ":`: {" + under + ": " + fields + "}"
	l.report(d)
	return true
}

// foreignBody reports {type: object, properties: …}, as other languages write a
// struct.
func (l *loader) foreignBody(n *node, key string) bool {
	var typ, properties *node
	for _, kv := range n.pairs {
		switch word := strings.ToLower(kv.key.text); {
		case word == "type" && kv.value.kind == textNode && foreignTypes[strings.ToLower(kv.value.text)] == "any":
			typ = kv.value
		case (word == "properties" || word == "fields") && kv.value.kind == mapNode:
			properties = kv.value
		}
	}
	if typ == nil || properties == nil {
		return false
	}
	d := l.finding(E0202, typ, "there is no type "+quote(typ.text))
	d.Hint = "the fields stand here directly: " + key + ": " + orElse(strayFields(properties.pairs), "{id: uuid}")
	l.report(d)
	return true
}

// strayFields returns entries as the fields that they seem meant to be, and ""
// if one of them cannot be one.
func strayFields(pairs []pair) string {
	const most = 4
	var fields []string
	for _, kv := range pairs {
		v := kv.value
		if v.kind == mapNode {
			i := slices.IndexFunc(v.pairs, func(kv pair) bool { return kv.key.text == "type" })
			if i < 0 {
				return ""
			}
			v = v.pairs[i].value
		}
		if !isSnake(kv.key.text) || v.kind != textNode || !looksLikeType(v.text) {
			return ""
		}
		if len(fields) == most {
			fields = append(fields, "…")
			break
		}
		fields = append(fields, kv.key.text+": "+scalarHint(v.text))
	}
	if fields == nil {
		return ""
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

// looksLikeType reports whether a text seems meant as a type, and not as any
// other word.
func looksLikeType(text string) bool {
	return typeWord.MatchString(text) && (slices.Contains(scalarNames[:], scalarHint(text)) || isPascal(text) || strings.Contains(text, "<"))
}

// formWord reports the word that other languages have for a struct, enum,
// union, list or map in `type`, where the rest of the declaration says what is
// in it: {type: object, properties: …}. declared: a type is declared there.
func (l *loader) formWord(pairs []pair, declared bool) bool {
	i := slices.IndexFunc(pairs, func(kv pair) bool { return kv.key.text == "type" && kv.value.kind == textNode })
	if i < 0 {
		return false
	}
	rest := func(keys ...string) *node {
		for _, kv := range pairs {
			if slices.Contains(keys, strings.ToLower(kv.key.text)) {
				return kv.value
			}
		}
		return nil
	}
	word := pairs[i].value.text
	hint := ""
	elem := func(n *node) string {
		if n.kind == mapNode {
			for _, kv := range n.pairs {
				if kv.key.text == "type" {
					n = kv.value
				}
			}
		}
		if n.kind == textNode && typeWord.MatchString(n.text) {
			return scalarHint(n.text)
		}
		return "…"
	}
	switch strings.ToLower(word) {
	case "object", "struct", "record", "message", "class":
		n := rest("properties", "fields", "members")
		values := rest("additionalproperties")
		switch {
		case n == nil && values != nil && values.kind != boolNode:
			hint = "write type: map<" + elem(values) + ">"
		case n == nil:
			return false
		case declared:
			hint = "write {fields: " + orElse(strayFields(n.pairs), "{id: uuid}") + "}"
		default:
			hint = "declare a struct under `types:` and use its name"
		}
	case "enum", "enumeration", "string":
		n := rest("enum", "values", "symbols", "members")
		if n == nil || strings.EqualFold(word, "string") && rest("enum") == nil {
			return false
		}
		texts, _ := plainTexts(n)
		hint = "{enum: [" + orElse(strings.Join(texts, ", "), "good, bad") + "]}"
		if declared {
			hint = "write " + hint
		} else {
			hint = "declare a type under `types:`, for example Mood: " + hint + ", and use its name"
		}
	case "union", "oneof", "variant":
		if rest("union", "variants", "oneof", "anyof") == nil {
			return false
		}
		hint = "write {union: {shell: ShellTask, sleep: duration}}"
		if !declared {
			hint = "declare a union under `types:` and use its name"
		}
	case "array", "list", "slice", "set":
		n := rest("items", "elements", "element", "of", "elem")
		if n == nil {
			return false
		}
		hint = "write type: list<" + elem(n) + ">"
	case "map", "dict", "dictionary":
		n := rest("items", "values", "value", "of", "additionalproperties")
		if n == nil {
			return false
		}
		hint = "write type: map<" + elem(n) + ">"
	default:
		return false
	}
	d := l.finding(E0202, pairs[i].value, quote(word)+" does not say what is in it")
	d.Hint = hint
	l.report(d)
	return true
}
