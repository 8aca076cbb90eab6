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
	for _, kv := range pairs {
		if l.full() {
			return
		}
		declare(kv)
	}
}

// meta reads doc, deprecated and go, and reports whether kv is one of them.
func (l *loader) meta(kv pair, m *Meta) bool {
	switch kv.key.text {
	case "doc":
		m.Doc, _ = l.text(kv.value)
	case "deprecated":
		if kv.value.kind == boolNode || kv.value.kind == nullNode || kv.value.kind == textNode && strings.TrimSpace(kv.value.text) == "" {
			d := l.finding(E0113, kv.value, "`deprecated` must say what to use instead")
			d.Hint = "for example deprecated: use job.cancel"
			l.report(d)
			break
		}
		m.Deprecated, _ = l.text(kv.value)
	case "go":
		name, ok := l.text(kv.value)
		if !ok {
			break
		}
		if !isPascal(name) {
			d := l.finding(E0113, kv.value, "Go name "+quote(name)+" must be an exported name of ASCII letters and digits")
			d.Hint = nameHint(toPascal(name), "for example JobID")
			l.report(d)
		} else if l.nameLength(kv.value, "Go name", maxNameLength) {
			m.GoName, m.GoPos = name, l.src.valuePos(kv.value, 0)
		}
	default:
		return false
	}
	return true
}

// metaKeys are the keys that meta reads.
var metaKeys = []string{"doc", "deprecated", "go"}

func (l *loader) typeDecl(kv pair) {
	name := kv.key.text
	t := &Type{Name: name, File: l.src.file, Meta: Meta{Pos: l.src.valuePos(kv.key, 0)}}
	if !isPascal(name) {
		d := l.finding(E0215, kv.key, "type "+quote(name)+" must be PascalCase")
		d.Hint = nameHint(toPascal(name), "ASCII letters and digits, beginning with a capital")
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
		l.report(l.finding(E0112, kv.key, "more than "+strconv.Itoa(MaxTypes)+" types"))
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
	default:
		t.Kind = NewType
		t.Base, _ = l.typeExpr(kv.value, false)
	}
}

// twiceAt reports a second declaration of a name in another file.
func (l *loader) twiceAt(key *node, first Position, name string) {
	d := l.finding(E0004, key, quote(name)+" is declared twice")
	d.Label = "second declaration"
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
	known := slices.Concat([]string{"type", "fields", "enum"}, metaKeys)
	var form *pair
	union := false
	for i, kv := range pairs {
		switch key := kv.key.text; key {
		case "type", "fields", "enum":
			if form != nil {
				d := l.finding(E0105, kv.key, what+" has both "+quote(form.key.text)+" and "+quote(key))
				d.Hint = "a type is one of type, fields and enum"
				l.report(d)
				return
			}
			form = &pairs[i]
		case "union":
			union = true
		}
	}
	if form == nil && !union && !l.resembles(pairs, "type", slices.Concat(known, laterKeys, constraintKeys)) {
		if len(pairs) > 0 && !slices.Contains(metaKeys, pairs[0].key.text) {
			d := l.finding(E0106, kv.key, what+" declares nothing")
			d.Hint = "fields stand under `fields:`: {fields: {id: uuid}}"
			l.report(d)
		} else {
			l.nothing(kv.key, what+" declares nothing")
		}
		return
	}
	for _, kv := range pairs {
		switch key := kv.key.text; {
		case l.meta(kv, &t.Meta):
		case key == "type":
			t.Kind = NewType
			t.Base, _ = l.typeExpr(kv.value, false)
		case key == "fields":
			t.Kind = Struct
			l.fields(kv.value, "`fields`", t)
		case key == "enum":
			t.Kind = Enum
			l.enum(kv.value, t)
		case key == "closed" && form != nil && form.key.text == "enum":
			t.Closed, _ = l.truth(kv.value, "closed")
		default:
			later := []string{"union"}
			if form != nil && form.key.text == "type" {
				later = append(later, constraintKeys...)
			}
			if form != nil && form.key.text == "enum" {
				known = append(known, "closed")
			}
			l.unknownKey(kv, "type", what, known, later...)
		}
	}
}

// resembles reports whether a key is one of known, or seems meant to be.
func (l *loader) resembles(pairs []pair, kind string, known []string) bool {
	for _, kv := range pairs {
		key := kv.key.text
		if slices.Contains(metaKeys, key) {
			continue
		}
		word := strings.ToLower(key)
		_, foreign := foreignKeys[kind][word]
		if slices.Contains(known, key) || foreign && kv.value.kind != textNode || nearest(key, known) != "" {
			return true
		}
	}
	return false
}

// fields reads the fields of a struct into t.
func (l *loader) fields(n *node, what string, t *Type) {
	pairs, ok := l.mapping(n, what)
	if !ok {
		return
	}
	t.Fields = make([]*Field, 0, len(pairs))
	for _, kv := range pairs {
		if l.full() {
			return
		}
		l.field(kv, t)
	}
}

func (l *loader) field(kv pair, t *Type) {
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
	t.Fields = append(t.Fields, f)
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
	known := append([]string{"type"}, metaKeys...)
	if !slices.ContainsFunc(pairs, func(kv pair) bool { return kv.key.text == "type" }) {
		if i := slices.IndexFunc(pairs, func(kv pair) bool { return kv.key.text == "fields" || kv.key.text == "enum" }); i >= 0 {
			l.unknownKey(pairs[i], "field", what, known)
		} else {
			l.noType(kv.key, what)
		}
		return
	}
	for _, kv := range pairs {
		switch {
		case l.meta(kv, &f.Meta):
		case kv.key.text == "type":
			f.Type, f.Optional = l.typeExpr(kv.value, true)
		default:
			l.unknownKey(kv, "field", what, known, constraintKeys...)
		}
	}
}

func (l *loader) noType(key *node, what string) {
	d := l.finding(E0106, key, what+" has no type")
	d.Hint = "for example " + key.text + ": string, or " + key.text + ": {type: string, doc: …}"
	l.report(d)
}

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
		l.report(l.finding(E0110, n, "expected a list or a mapping of values, found "+n.kind.String()))
		return
	}
	if len(pairs) == 0 {
		d := l.finding(E0214, n, "an enum needs at least one value")
		d.Hint = "for example enum: [idle, busy]"
		l.report(d)
		return
	}
	first := make(map[string]*node, len(pairs))
	for _, kv := range pairs {
		if l.full() {
			return
		}
		value := kv.key.text
		switch {
		case kv.key.kind >= listNode:
			l.report(l.finding(E0110, kv.key, "expected a text, found "+kv.key.kind.String()))
			continue
		case kv.key.kind != textNode:
			d := l.finding(E0212, kv.key, "enum values are texts; YAML reads "+quote(value)+" as "+kv.key.kind.String())
			if value == "" {
				d.Message = "enum values are texts; here is nothing"
			}
			d.Hint = `quote it: "` + value + `"`
			l.report(d)
			continue
		case first[value] != nil:
			l.twice(E0211, kv.key, l.src, first[value], "enum "+quote(t.Name)+" has the value "+quote(value)+" twice")
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
	case mapNode:
		what := "value " + quote(v.Value) + " of enum " + quote(t.Name)
		pairs, _ := l.mapping(n, what)
		for _, kv := range pairs {
			if !l.meta(kv, &v.Meta) {
				l.unknownKey(kv, "value", what, metaKeys)
			}
		}
	default:
		v.Doc, _ = l.text(n)
	}
}

var commandKeys = slices.Concat([]string{"dir", "payload", "reply"}, metaKeys)

func (l *loader) commandDecl(kv pair) {
	name := kv.key.text
	c := &Command{Name: name, File: l.src.file, Direction: ClientToServer, Meta: Meta{Pos: l.src.valuePos(kv.key, 0)}}
	switch {
	case !isCommand(name):
		d := l.finding(E0401, kv.key, "command name "+quote(name)+" must be lower.dotted_snake")
		d.Hint = nameHint(toCommand(name), "a-z, 0-9, _ and dots, each part beginning with a letter")
		l.report(d)
	case strings.HasPrefix(name, "ipcio."):
		d := l.finding(E0410, kv.key, "names beginning with `ipcio.` belong to the runtime")
		d.Hint = "take another name"
		l.report(d)
	case isReserved(name):
		d := l.finding(E0410, kv.key, quote(name)+" is reserved by the runtime")
		d.Hint = "take another name, for example app." + name
		l.report(d)
	default:
		l.nameLength(kv.key, "command name", maxCommandLength)
	}
	if first := l.commands[name]; first != nil {
		l.twiceAt(kv.key, first.Pos, name)
		return
	}
	if len(l.schema.Commands) == MaxCommands {
		if l.tooManyCommands {
			return
		}
		l.tooManyCommands = true
		l.report(l.finding(E0112, kv.key, "more than "+strconv.Itoa(MaxCommands)+" commands"))
		return
	}
	l.commands[name] = c
	l.schema.Commands = append(l.schema.Commands, c)
	what := "command " + quote(name)
	pairs, ok := l.mapping(kv.value, what)
	if !ok {
		return
	}
	for _, kv := range pairs {
		switch {
		case l.meta(kv, &c.Meta):
		case kv.key.text == "dir":
			l.direction(kv.value, c)
		case kv.key.text == "payload":
			l.body(kv, c, &c.Payload)
		case kv.key.text == "reply":
			l.body(kv, c, &c.Reply)
		default:
			l.unknownKey(kv, "command", what, commandKeys, "errors", "stream", "topic", "idempotent", "retry")
		}
	}
}

func (l *loader) direction(n *node, c *Command) {
	text, ok := l.text(n)
	if !ok {
		return
	}
	for dir, name := range directionNames {
		if name != "" && name == text {
			c.Direction = Direction(dir)
			return
		}
	}
	d := l.finding(E0404, n, "unknown direction "+quote(text))
	plain := strings.NewReplacer(" ", "", "→", "->", "=>", "->", "⇒", "->", "↔", "<->", "⇔", "<->", "<=>", "<->", "-->", "->").Replace(strings.ToLower(text))
	d.Hint = "one of " + strings.Join(directionNames[1:], ", ")
	for _, name := range directionNames[1:] {
		switch plain {
		case name, strings.ReplaceAll(name, "->", "_to_"), strings.ReplaceAll(name, "->", "to"), strings.ReplaceAll(name, "->", "-to-"):
			d.Hint = "write " + name
		}
	}
	switch plain {
	case "server<->client", "both", "bidirectional":
		d.Hint = "write client<->server"
	case "server<-client":
		d.Hint = "write client->server"
	case "client<-server":
		d.Hint = "write server->client"
	}
	if strings.HasPrefix(d.Hint, "one of") {
		d.Hint = orElse(didYouMean(plain, directionNames[1:]), d.Hint)
	}
	l.report(d)
}

// body reads a payload or reply: the name of a struct, or its fields.
func (l *loader) body(kv pair, c *Command, set **Type) {
	n, key := kv.value, kv.key.text
	if n.kind == mapNode {
		if i := slices.IndexFunc(n.pairs, func(kv pair) bool { return kv.key.text == "fields" && kv.value.kind == mapNode }); i >= 0 &&
			!slices.ContainsFunc(n.pairs[i].value.pairs, func(kv pair) bool { return kv.key.text == "type" }) {
			d := l.finding(E0103, n.pairs[i].key, "unknown key `fields` in `"+key+"`")
			d.Hint = "the fields stand here directly: " + key + ": {id: uuid}"
			l.report(d)
			return
		}
		t := &Type{Kind: Struct, File: c.File, Command: c, Meta: Meta{Pos: l.src.pos(n.line, n.col)}}
		*set = t
		l.fields(n, quote(key), t)
		return
	}
	if n.kind != textNode {
		d := l.finding(E0110, n, "expected the name of a struct or its fields, found "+n.kind.String())
		if n.kind == nullNode {
			d.Hint = "write " + key + ": {} if it has no fields"
		}
		l.report(d)
		return
	}
	if e, _ := l.typeExpr(n, false); e != nil {
		l.uses = append(l.uses, structUse{expr: e, key: key, set: set, src: l.src, node: n})
	}
}
