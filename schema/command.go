package schema

import (
	"slices"
	"strconv"
	"strings"
)

func (l *loader) commandDecl(kv pair) {
	name := kv.key.text
	c := &Command{Name: name, File: l.src.file, Direction: ClientToServer, Meta: Meta{Pos: l.src.valuePos(kv.key, 0)}}
	switch {
	case isPascal(name) && slices.ContainsFunc(kv.value.pairs, func(kv pair) bool { return slices.Contains(typeForms, kv.key.text) }):
		d := l.finding(E0401, kv.key, "command name "+quote(name)+" is the name of a type")
		d.Hint = "declare it under `types:`"
		l.report(d)
		return
	case !isCommand(name):
		d := l.finding(E0401, kv.key, "command name "+quote(name)+" must be lower.dotted_snake")
		bare, _, _ := strings.Cut(name, "(")
		d.Hint = nameHint(toCommand(bare), "a-z, 0-9, _ and dots, each part beginning with a letter")
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
		d := l.finding(E0112, kv.key, "more than "+strconv.Itoa(MaxCommands)+" commands")
		d.Hint = "split the protocol into several"
		l.report(d)
		return
	}
	l.commands[name] = c
	l.schema.Commands = append(l.schema.Commands, c)
	what := "command " + quote(name)
	pairs, ok := l.mapping(kv.value, what)
	if !ok {
		return
	}
	pairs = l.indented(pairs, []string{"payload", "reply"}, func(_ string, kv pair) bool {
		return !slices.Contains(names(commandKeys), kv.key.text) && strayFields([]pair{kv}) != ""
	})
	if l.bareFields(pairs, "command", what, "payload", append(names(commandKeys), "stream", "topic", "retry")) {
		return
	}
	readKeys(l, pairs, commandKeys, "", c, func(kv pair) {
		if slices.ContainsFunc(kv.value.pairs, func(kv pair) bool { return slices.Contains(names(commandKeys), kv.key.text) }) {
			d := l.finding(E0103, kv.key, "unknown key "+quote(kv.key.text)+" in "+what)
			d.Hint = "commands are not nested: write " + name + "." + kv.key.text + ": {…}"
			l.report(d)
			return
		}
		l.unknownKey(kv, "command", what, names(commandKeys), "stream", "topic", "retry")
	})
	l.callKeys(pairs)
}

func (l *loader) direction(n *node, c *Command) {
	if n.kind == listNode {
		d := l.finding(E0404, n, "a command has one direction, found a list")
		d.Hint = "write client<->server if both may send it"
		l.report(d)
		return
	}
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
		if l.needlessFields(n, quote(key), key) || l.foreignBody(n, key) {
			return
		}
		t := &Type{Kind: Struct, File: c.File, Command: c, Meta: Meta{Pos: l.src.pos(n.line, n.col)}}
		*set = t
		l.fields(n, quote(key), &t.Fields)
		return
	}
	if n.kind != textNode {
		d := l.finding(E0110, n, "expected the name of a struct or its fields, found "+n.kind.String())
		d.Hint = bodyHint(n, key)
		if key == "reply" && n.kind == boolNode && strings.EqualFold(n.text, "false") {
			d.Hint = "leave `reply` out: a command without it is an event"
		}
		l.report(d)
		return
	}
	if fields := bareFields(n.text); fields != "" {
		d := l.finding(E0219, n, quote(n.text)+" is not a type")
		d.Hint = "write " + key + ": " + fields
		l.report(d)
		return
	}
	if e, _ := l.typeExpr(n, false); e != nil {
		l.uses = append(l.uses, structUse{expr: e, key: key, set: set, src: l.src, node: n})
	}
}

// needlessFields reports fields: where the fields stand directly.
func (l *loader) needlessFields(n *node, what, key string) bool {
	i := slices.IndexFunc(n.pairs, func(kv pair) bool { return kv.key.text == "fields" && kv.value.kind == mapNode })
	if i < 0 || slices.ContainsFunc(n.pairs[i].value.pairs, func(kv pair) bool { return kv.key.text == "type" }) {
		return false
	}
	d := l.finding(E0103, n.pairs[i].key, "unknown key `fields` in "+what)
	d.Hint = "the fields stand here directly: " + key + ": {id: uuid}"
	l.report(d)
	return true
}
