package schema

import (
	"slices"
	"strconv"
	"strings"
)

// An errorRef is the name of an error in a command.
type errorRef struct {
	command *Command
	src     *source
	node    *node
}

func (l *loader) commandErrors(kv pair, c *Command) {
	if kv.value.kind == mapNode {
		d := l.finding(E0110, kv.value, "expected a list, found "+kv.value.kind.String())
		d.Hint = "declare errors under `errors:` of the schema, and list their names here: [JobNotFound]"
		l.report(d)
		return
	}
	items, ok := l.list(kv.value)
	if !ok {
		return
	}
	seen := make(map[string]*node)
	for _, item := range items {
		name, ok := l.text(item)
		switch {
		case !ok:
		case seen[name] != nil:
			l.twice(E0004, item, l.src, seen[name], quote(name)+" is listed twice", "delete one of them")
		default:
			seen[name] = item
			l.errorRefs = append(l.errorRefs, errorRef{c, l.src, item})
		}
	}
}

// builtinErrors are the errors of the runtime, spelled as a declared one.
var builtinErrors = []string{
	"Canceled", "Denied", "Internal", "Invalid", "OutcomeUnknown", "PeerGone", "Timeout",
	"TooLarge", "Unavailable", "UnknownClient", "UnknownCommand",
}

func (l *loader) errorDecl(kv pair) {
	name := kv.key.text
	what := "error " + quote(name)
	e := &Error{Name: name, File: l.src.file, Meta: Meta{Pos: l.src.valuePos(kv.key, 0)}}
	switch {
	case !isPascal(name):
		d := l.finding(E0215, kv.key, what+" must be PascalCase")
		d.Hint = nameHint(toPascal(name), "ASCII letters and digits, beginning with a capital")
		l.report(d)
	case slices.Contains(builtinErrors, name):
		d := l.finding(E0411, kv.key, what+" is built in")
		d.Hint = "take another name: every call may fail with the built-in one, declared or not"
		l.report(d)
	default:
		l.nameLength(kv.key, "error name", maxNameLength)
	}
	if first := l.errors[name]; first != nil {
		l.twiceAt(kv.key, first.Pos, name)
		return
	}
	if len(l.schema.Errors) == MaxErrors {
		if !l.tooManyErrors {
			l.tooManyErrors, l.incomplete = true, true
			d := l.finding(E0112, kv.key, "more than "+strconv.Itoa(MaxErrors)+" errors")
			d.Hint = "split the protocol into several"
			l.report(d)
		}
		return
	}
	l.errors[name] = e
	l.schema.Errors = append(l.schema.Errors, e)
	if kv.value.kind == nullNode {
		d := l.finding(E0110, kv.key, "expected a mapping, found nothing")
		d.Hint = "write " + name + ": {} for an error without fields"
		l.report(d)
		return
	}
	pairs, ok := l.mapping(kv.value, what)
	if !ok {
		return
	}
	pairs = l.indented(pairs, []string{"fields"}, func(_ string, kv pair) bool {
		return !slices.Contains(names(errorKeys), kv.key.text) && strayFields([]pair{kv}) != ""
	})
	if l.bareFields(pairs, "error", what, "fields", names(errorKeys)) {
		return
	}
	readKeys(l, pairs, errorKeys, "", e, func(kv pair) {
		l.unknownKey(kv, "error", what, names(errorKeys))
	})
}

// callKeys reports the keys of a command that only calls may have.
func (l *loader) callKeys(pairs []pair) {
	if slices.ContainsFunc(pairs, func(kv pair) bool { return kv.key.text == "reply" }) {
		return
	}
	for _, kv := range pairs {
		switch kv.key.text {
		case "errors":
			d := l.finding(E0403, kv.key, "`errors` needs `reply`")
			d.Label = "an event has no answer"
			d.Hint = "add reply: {}"
			l.report(d)
		case "idempotent":
			d := l.finding(E0412, kv.key, "`idempotent` needs `reply`")
			d.Label = "an event has no outcome to wait for"
			d.Hint = "add reply: {}, or leave it out"
			l.report(d)
		}
	}
}

// declaredErrors resolves the errors of the commands.
func (l *loader) declaredErrors() {
	known := make([]string, 0, len(l.schema.Errors))
	for _, e := range l.schema.Errors {
		known = append(known, e.Name)
	}
	for _, r := range l.errorRefs {
		if l.full() {
			return
		}
		name := strings.TrimRight(r.node.text, "\r\n")
		if e := l.errors[name]; e != nil {
			r.command.Errors = append(r.command.Errors, e)
			continue
		}
		if l.incomplete {
			continue
		}
		l.src = r.src
		d := l.finding(E0405, r.node, "error "+quote(name)+" is not declared")
		d.Label = "not declared under `errors:`"
		d.Hint = orElse(didYouMean(name, known), "declare it there: "+orElse(toPascal(name), "JobNotFound")+": {}")
		if slices.Contains(builtinErrors, name) {
			d.Hint = "leave it out: every call may fail with a built-in error"
		}
		l.report(d)
	}
}
