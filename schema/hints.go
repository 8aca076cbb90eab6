package schema

import (
	"regexp"
	"slices"
	"strings"
)

// This file knows what people mean who write a schema as they would write
// something else, and returns hints: what to type instead.

// nameColon matches name:type without the blank that YAML wants.
var nameColon = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_.]*):([^\s:/,]+)`)

// blankHint returns a hint if text begins with a key and its value without a
// blank between them, and else "".
func blankHint(text string) string {
	if m := nameColon.FindStringSubmatch(text); m != nil {
		return "a blank belongs after the colon: " + m[1] + ": " + m[2]
	}
	return ""
}

// typeWords are words that stand for no scalar of ours, and what to do instead.
var typeWords = []struct{ words, hint string }{
	{"struct record class message", "declare a struct under `types:`, for example Person: {fields: {id: uuid}}"},
	{"enum enumeration", "declare it under `types:`, for example Mood: {enum: [good, bad]}"},
	{"union oneof variant choice", "declare it under `types:`, for example Task: {union: {shell: string, sleep: duration}}"},
	{"none null nil void empty unit nothing google.protobuf.empty", "write {} for no fields, or leave the key out"},
	{"url uri url.url", "write {type: string, format: uri}"},
	{"ip ipv4 ipv6 inet ipaddr ipaddress net.ip netip.addr", "write {type: string, format: ip}"},
	{"host hostname", "write {type: string, format: hostname}"},
	{"path file filepath filename", "write {type: string, format: path}"},
	{"email", "write string, or {type: string, pattern: '…'}"},
	{"password secret token", "write {type: string, secret: true}"},
	{"error exception", "declare it under `errors:`, and name it in the `errors` of the command"},
	{"func function callback", "declare it as a command of the other direction"},
	{"stream chan channel", "send the items as events, with dir: server->client"},
}

// unknownTypeHint says what to do about the name of a type that nothing comes
// near to.
func unknownTypeHint(name string, known []string) string {
	word := strings.ToLower(name)
	if strings.ContainsAny(name, curlyQuotes) {
		return "write it without quotes: " + strings.Trim(name, curlyQuotes)
	}
	if !isPascal(name) || slices.Contains([]string{"none", "null", "nil", "void"}, word) {
		for _, w := range typeWords {
			if slices.Contains(strings.Fields(w.words), word) {
				return w.hint
			}
		}
	}
	if hint := blankHint(name); hint != "" {
		return hint
	}
	if i := strings.LastIndexAny(name, "./"); i >= 0 && i < len(name)-1 {
		switch last := name[i+1:]; {
		case slices.Contains(known, last):
			return "write " + last
		case isPascal(last):
			return "write " + last + ", and declare it under `types:`"
		}
	}
	if isPascal(name) {
		return "declare it under `types:`, for example " + name + ": {fields: {id: uuid}}"
	}
	if pascal := toPascal(name); pascal != "" && typeName.MatchString(name) {
		return "write a scalar such as string, or declare " + pascal + " under `types:`"
	}
	return "write a scalar such as string, or the name of a type under `types:`"
}

// curlyQuotes are the quotes that word processors write.
const curlyQuotes = "“”„‘’"

// typeName matches what seems meant as a name.
var typeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)

// notTypeHint says what to write instead of a text that is not a type.
func notTypeHint(text string) string {
	if hint := blankHint(text); hint != "" {
		return hint
	}
	words := strings.Fields(text)
	first := ""
	if len(words) > 1 {
		first = strings.ToLower(words[0])
	}
	generic := foreignGenerics[first]
	switch {
	case strings.Contains(text, " //"):
		return "comments begin with #"
	case strings.ContainsAny(text, curlyQuotes):
		return "write it without quotes: " + strings.Trim(text, curlyQuotes)
	case strings.Contains(text, "\u00a0"):
		return noBreakSpace
	case strings.Contains(text, "`"):
		return "leave the tag out: a field travels under its name"
	case strings.HasPrefix(text, "("), bareFields(text) != "" && strings.Contains(text, ","):
		return "declare a struct under `types:` and use its name"
	case len(words) > 1 && strings.HasPrefix(words[1], "["):
		return "what else there is to say stands beside `type`: {type: " + scalarHint(words[0]) + ", doc: …}"
	case len(words) >= 3 && words[1] == "=":
		return "write " + scalarHint(words[0]) + ": fields are known by their names, and a default stands under `default:`"
	case len(words) == 2 && generic != "" && typeWord.MatchString(words[1]):
		return "write " + generic + "<" + scalarHint(words[1]) + ">"
	case first == "stream" || first == "chan":
		return "send the items as events, with dir: server->client"
	case strings.Contains(text, "|"):
		return "declare a union under `types:`, for example Task: {union: {shell: string, sleep: duration}}"
	case nested.MatchString(strings.Join(words, "")) && strings.Count(text, "<") == strings.Count(text, ">"):
		return "write " + strings.Join(words, "")
	case len(words) == 2 && slices.Contains(genericNames, words[1]) && typeWord.MatchString(words[0]):
		return "write " + words[1] + "<" + scalarHint(words[0]) + ">"
	case len(words) > 2 && !strings.Contains(text, "[") || strings.HasSuffix(text, "."):
		return "a text about it stands under `doc:`"
	case len(words) == 2:
		return "types are written without blanks"
	}
	if m := sizedType.FindStringSubmatch(text); m != nil {
		return orElse(sizedHint(m[1], m[2]), "write "+scalarHint(m[1]))
	}
	if m := foreignMap.FindStringSubmatch(text); m != nil && foreignGenerics[strings.ToLower(m[1])] == "map" {
		return "write map<" + scalarHint(m[2]) + ">"
	}
	return "for example string, list<string> or the name of a type"
}

// sizedType matches a type with a size or an element type in brackets of another
// kind: string(20), list[string].
var sizedType = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_]*)[(\[<]([A-Za-z0-9_]+)[)\]>]$`)

// nested matches a type in < >, which are balanced if there are as many of one
// as of the other.
var nested = regexp.MustCompile(`^((list|map|opt)<)+[A-Za-z][A-Za-z0-9_]*>+$`)

// foreignMap matches a map with its keys in brackets of another kind.
var foreignMap = regexp.MustCompile(`^([A-Za-z]+)\[\s*[A-Za-z]+\s*,\s*([A-Za-z0-9_]+)\s*\]$`)

// noBreakSpace is the hint for a blank that is none.
const noBreakSpace = "write a blank: what looks like one here is the no-break space U+00A0"

// sizedHint returns the hint for a type with something in brackets, or "".
func sizedHint(word, in string) string {
	word = strings.ToLower(word)
	if ours := orElse(foreignGenerics[word], word); slices.Contains(genericNames, ours) {
		return "write " + ours + "<" + scalarHint(in) + ">"
	}
	if ours := scalarHint(word); isDigit(in[0]) && (ours == "string" || ours == "bytes") {
		return "write {type: " + ours + ", len: .." + in + "}"
	}
	return ""
}

// genericNames are the words that take a type in < >.
var genericNames = []string{"list", "map", "opt"}

// closed returns a type expression with the brackets that it does not close.
func closed(text string) string {
	return text + strings.Repeat(">", max(strings.Count(text, "<")-strings.Count(text, ">"), 0))
}

// fieldList returns fields as they are written, made of a list of names or of
// mappings with one entry, and "" if they are neither.
func fieldList(n *node) string {
	const most = 4
	var fields []string
	for _, item := range n.items {
		key, value := item, "string"
		if item.kind == mapNode && len(item.pairs) == 1 {
			key = item.pairs[0].key
			if v := item.pairs[0].value; v.kind == textNode && typeWord.MatchString(v.text) {
				value = scalarHint(v.text)
			}
		}
		if key.kind != textNode || !isSnake(key.text) {
			return ""
		}
		if len(fields) == most {
			fields = append(fields, "…")
			break
		}
		fields = append(fields, key.text+": "+value)
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

// plainTexts returns the items of a list as they are written, and whether all of
// them are texts.
func plainTexts(n *node) (texts []string, ok bool) {
	const most = 4
	for _, item := range n.items {
		if item.kind != textNode || strings.ContainsAny(item.text, ",:[]{}#\n") {
			return nil, false
		}
		if len(texts) == most {
			return append(texts, "…"), true
		}
		texts = append(texts, item.text)
	}
	return texts, len(texts) > 0
}

// listTypeHint says what to write instead of a list where a type belongs.
// declared: a type is declared there, so that it can be an enum.
func listTypeHint(n *node, declared bool) string {
	texts, ok := plainTexts(n)
	if ok && len(n.items) == 1 {
		if word := texts[0]; isPascal(word) || slices.Contains(scalarNames[:], scalarHint(word)) {
			return "a list is written list<" + scalarHint(word) + ">"
		}
	}
	switch {
	case ok && declared:
		return "write {enum: [" + strings.Join(texts, ", ") + "]}"
	case ok:
		return "declare an enum under `types:`, for example Mood: {enum: [" + strings.Join(texts, ", ") + "]}, and use its name"
	}
	return "a list is written list<string>"
}

// bodyHint says what to write instead of a value that is neither the name of a
// struct nor its fields.
func bodyHint(n *node, key string) string {
	switch {
	case n.kind == listNode && len(n.items) == 0 || n.kind == nullNode:
		return "write " + key + ": {} if it has no fields"
	case n.kind == listNode:
		return "fields are declared by name, without `-`: " + key + ": " + orElse(fieldList(n), "{id: uuid}")
	case n.kind == boolNode && strings.EqualFold(n.text, "true"):
		return "write " + key + ": {} if it has no fields"
	case n.kind == boolNode:
		return "leave " + quote(key) + " out"
	}
	return "name its fields: " + key + ": {value: string}"
}

// bareFields returns fields as they are written, made of a text such as
// "name string" or "name, age", and "" if it is none.
func bareFields(text string) string {
	words := strings.Fields(text)
	if len(words) == 2 && (words[0] == "stream" || foreignGenerics[words[0]] != "") {
		return ""
	}
	if len(words) == 2 && isSnake(words[0]) && typeWord.MatchString(words[1]) {
		return "{" + words[0] + ": " + scalarHint(words[1]) + "}"
	}
	var fields []string
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); !isSnake(name) {
			return ""
		}
		fields = append(fields, name+": string")
	}
	if len(fields) < 2 {
		return ""
	}
	return "{" + strings.Join(fields[:min(len(fields), 4)], ", ") + "}"
}

// mappingHint says what to write instead of a value that should be a mapping.
// what names it as in messages.
func mappingHint(n *node, what string) string {
	kind, _, _ := strings.Cut(strings.Trim(what, "`"), " ")
	if n.kind == textNode {
		if hint := blankHint(n.text); hint != "" {
			return hint
		}
	}
	switch kind {
	case "the":
		return "a schema begins with: ipcio: 1"
	case "types":
		return orElse(emptyHint(n, kind), "types are declared by name, without `-`: JobID: uuid")
	case "commands":
		return orElse(emptyHint(n, kind), "commands are declared by name, without `-`: job.get: {}")
	case "errors":
		return orElse(emptyHint(n, kind), "errors are declared by name, without `-`: JobNotFound: {}")
	case "fields", "payload", "reply", "variant":
		if n.kind == listNode && len(n.items) > 0 {
			return "fields are declared by name, without `-`: " + orElse(fieldList(n), "id: uuid")
		}
		return orElse(emptyHint(n, kind), "name the fields: {id: uuid}")
	case "union":
		if texts, ok := plainTexts(n); n.kind == listNode && ok {
			var variants []string
			for _, t := range texts {
				name := orElse(toSnake(t), "other")
				variants = append(variants, name+": "+scalarHint(t))
			}
			return "variants have names: union: {" + strings.Join(variants, ", ") + "}"
		}
		return "variants have names: union: {shell: ShellTask, sleep: duration}"
	case "go":
		if n.kind == textNode {
			return "write go: {package: " + orElse(strings.ReplaceAll(toSnake(n.text), "_", ""), "jobrunner") + "}"
		}
		return "for example go: {package: jobrunner}"
	case "command":
		switch {
		case n.kind == textNode && isPascal(n.text):
			return "write {payload: " + n.text + "}"
		case n.kind == textNode:
			return "a text about it stands under `doc:`"
		case n.kind == listNode:
			return "fields stand under `payload:`: {payload: " + orElse(fieldList(n), "{id: uuid}") + "}"
		}
		return orElse(emptyHint(n, kind), "for example {payload: {id: uuid}}")
	case "error":
		switch {
		case n.kind == textNode:
			return "a text about it stands under `doc:`"
		case n.kind == listNode:
			return "fields stand under `fields:`: {fields: " + orElse(fieldList(n), "{id: uuid}") + "}"
		}
		return "write {} for an error without fields"
	}
	return orElse(emptyHint(n, kind), "write key: value pairs, for example {doc: What it is.}")
}

// emptyHint is the hint for nothing where a mapping belongs.
func emptyHint(n *node, kind string) string {
	switch {
	case n.kind != nullNode:
		return ""
	case kind == "command":
		return "write {} for an event without payload"
	}
	return "write {} for an empty mapping"
}

// twiceHint says what to do about a key that stands twice in a mapping.
func twiceHint(first, second *node, what, key string) string {
	kind, _, _ := strings.Cut(strings.Trim(what, "`"), " ")
	switch kind {
	case "the", "command", "type", "error", "field", "value", "go":
		if first.kind == mapNode && second.kind == mapNode {
			return "put the entries of both under one `" + key + ":`"
		}
		return "delete one of them"
	}
	return "delete one of them, or give it another name"
}

// laterHints say what to do without a word that is kept for a later version.
var laterHints = map[string]string{
	"roles": "check in the handler who sent it", "auth": "check in the handler who sent it",
	"upload": "send the bytes in several calls", "keys": "look it up in the handler", "bits": "use a list of an enum",
	"example": "write it into `doc`", "stream": "send the items as events, with dir: server->client",
	"topic": "send it with dir: server->client to those clients that asked for it",
	"retry": "`retry` stands at errors; a call that may be repeated has idempotent: true",
	"fd":    "send a path as string, or the content as bytes",
}

// keyHints are what to do instead of words of other languages for which there
// is no key, by the kind of the declaration.
var keyHints = map[string][]struct{ words, hint string }{
	"schema": {
		{"payload reply dir idempotent params request response", "it stands in a command, below its name: commands: {greet: {payload: {name: string}}}"},
		{"fields", "it stands in a type, below its name: types: {Person: {fields: {id: uuid}}}"},
		{"server client servers clients sides peers", "commands stand under `commands:`, and `dir` says who sends them"},
		{"openapi swagger asyncapi syntax edition jsonrpc", "this is not a document of that kind: a schema has protocol, types, errors and commands"},
		{"info title", "the name stands under `protocol:`, a text about it under `doc:`"},
		{"option options config settings", "the options of the Go generator stand under `go:`"},
	},
	"command": {
		{"from to sender receiver source target", "say it with `dir`, for example dir: server->client"},
		{"type kind event call method oneway notification async", "a command with `reply` is a call, one without is an event"},
		{"timeout deadline", "the caller sets the deadline, with its context"},
		{"id number code", "leave it out: commands are known by their names"},
		{"name", "leave it out: the key is the name of the command"},
		{"required optional", "a field is required unless its type is opt<…>"},
		{"tags tag group category", "leave it out; dots group commands: job.start"},
		{"responses", "write reply, and list the names of errors under `errors`"},
		{"fields", "fields stand under `payload:` or `reply:`"},
	},
	"type": {
		{"payload reply dir", "commands are declared under `commands:`"},
		{"reserved", "names are reserved at the top of the schema: reserved: [Person.old_name]"},
		{"allof extends inherits mixin embed", "there is no inheritance: write all fields under `fields:`"},
		{"required optional nullable", "a field is required unless its type is opt<…>"},
		{"name", "leave it out: the key is the name of the type"},
		{"items elements element", "a list is written type: list<string>"},
	},
	"field": {
		{"required optional nullable null omitempty", "a field is required unless its type is opt<…>"},
		{"enum fields union properties variants", "declare a type under `types:` and use its name"},
		{"items elements element", "a list is written list<string>"},
		{"const", "write in: […] with the one value"},
		{"readonly writeonly access", "leave it out: the sender of a message writes all of its fields"},
		{"exclusiveminimum exclusivemaximum", "write range: both of its ends are possible values"},
		{"json yaml cbor tag", "leave it out: a field travels under its name"},
		{"id number index", "leave it out: fields are known by their names"},
		{"name", "leave it out: the key is the name of the field"},
	},
	"error": {
		{"code status number", "leave it out: errors are known by their names"},
		{"message text", "write it under `doc:`, or declare a field for it under `fields:`"},
		{"name", "leave it out: the key is the name of the error"},
	},
	"value": {
		{"value number id", "leave it out: a value travels as its text"},
	},
}

// keyHint returns the hint for a foreign key, or "".
func keyHint(kind, key string) string {
	word := strings.ToLower(key)
	for _, h := range keyHints[kind] {
		if slices.Contains(strings.Fields(h.words), word) {
			return h.hint
		}
	}
	return ""
}

// boundsHint returns the range or len that a minimum and a maximum stand for.
func boundsHint(pairs []pair, ours string) string {
	var low, high string
	for _, kv := range pairs {
		word := strings.ToLower(kv.key.text)
		if kv.value.kind != numberNode && kv.value.kind != textNode || foreignKeys["field"][word] != ours {
			continue
		}
		switch {
		case strings.HasPrefix(word, "min"):
			low = kv.value.text
		case strings.HasPrefix(word, "max"):
			high = kv.value.text
		}
	}
	if low == "" && high == "" {
		return ""
	}
	return "write " + ours + ": " + low + ".." + high
}

// patternHints say what to do about an error of package regexp/syntax.
var patternHints = map[string]string{
	"missing closing ]":                       `close it with ], or write \[ for the character itself`,
	"missing closing )":                       `close it with ), or write \( for the character itself`,
	"unexpected )":                            `delete it, or write \) for the character itself`,
	"missing argument to repetition operator": `write \ before it for the character itself`,
	"invalid nested repetition operator":      "put what is repeated in parentheses",
	"trailing backslash at end of expression": `write \\ for a backslash`,
	"invalid escape sequence":                 `RE2 does not know this escape; write \\ for a backslash`,
	"invalid character class range":           "write the smaller end first, or `-` at the end of the class",
	"invalid repeat count":                    "write at most 1000, and the smaller count first",
	"invalid named capture":                   "write (…) without a name",
}
