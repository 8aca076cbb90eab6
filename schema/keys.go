package schema

import "slices"

// A key is a word that a declaration may hold. The tables of keys are what the
// parser goes by and what EditorSchema tells editors, so that the two cannot
// differ.
type key[T any] struct {
	name string
	doc  string   // in one sentence, for editors
	form form     // what may stand there, for editors
	with []string // type only: the keys beside which it may stand; nil means any
	read func(l *loader, kv pair, t T)
}

// A form is a JSON Schema (draft-07).
type form map[string]any

// names returns the words of a table.
func names[T any](keys []key[T]) []string {
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = k.name
	}
	return list
}

// readKeys reads what a declaration holds into t. What is no key of it, or not
// one beside the others, goes to unknown.
func readKeys[T any](l *loader, pairs []pair, keys []key[T], beside string, t T, unknown func(pair)) {
	outer := l.beside
	l.beside = siblings{pairs: pairs}
	defer func() { l.beside = outer }()
	for _, kv := range pairs {
		if l.full() {
			return
		}
		i := slices.IndexFunc(keys, func(k key[T]) bool { return k.name == kv.key.text })
		if i < 0 || keys[i].with != nil && !slices.Contains(keys[i].with, beside) {
			unknown(kv)
			continue
		}
		keys[i].read(l, kv, t)
	}
}

// siblings are the entries of the declaration that is being read, and what was
// said about the keys in it that are unknown.
type siblings struct {
	pairs []pair
	hints []string
}

// metaKeys are the words of every declaration.
var metaKeys = []key[*Meta]{
	{name: "doc", doc: "What it is, for people; any text.", form: textForm,
		read: func(l *loader, kv pair, m *Meta) { m.Doc, _ = l.text(kv.value) }},
	{name: "deprecated", doc: "What to use instead.", form: form{"type": "string", "pattern": `\S`},
		read: (*loader).deprecated},
	{name: "go", doc: "The name in Go, if the derived one will not do.", form: form{"type": "string", "pattern": pascalForm, "maxLength": maxNameLength},
		read: (*loader).goName},
}

// withMeta returns keys and those of every declaration.
func withMeta[T any](meta func(T) *Meta, keys ...key[T]) []key[T] {
	for _, k := range metaKeys {
		keys = append(keys, key[T]{name: k.name, doc: k.doc, form: k.form,
			read: func(l *loader, kv pair, t T) { k.read(l, kv, meta(t)) }})
	}
	return keys
}

var schemaKeys = []key[*Schema]{
	{name: "ipcio", doc: "The version of the schema language; always the first key.", form: form{"const": languageVersion},
		read: func(*loader, pair, *Schema) {}}, // language has read it
	{name: "protocol", doc: "The name of the protocol, which peers compare when they connect. In the root file only.",
		form: snakeName, read: func(l *loader, kv pair, _ *Schema) { l.protocol(kv.value) }},
	{name: "version", doc: "The version of the protocol: peers with different ones refuse each other. In the root file only; 1 if absent.",
		form: form{"type": "integer", "minimum": 1, "maximum": 1<<31 - 1},
		read: func(l *loader, kv pair, s *Schema) {
			if v, ok := l.integer(kv.value, "version", 1); ok {
				s.Version = v
			}
		}},
	{name: "doc", doc: "What the protocol is for.", form: textForm,
		read: func(l *loader, kv pair, s *Schema) {
			if doc, ok := l.text(kv.value); ok && l.root {
				s.Doc = doc
			}
		}},
	{name: "include", doc: "More files of the same protocol, by paths relative to this one. In the root file only.",
		form: form{"type": "array", "maxItems": MaxIncludes, "uniqueItems": true, "items": form{"type": "string", "pattern": `^[^/\\:][^\\:]*$`}},
		read: func(l *loader, kv pair, _ *Schema) { l.include(kv.value) }},
	{name: "go", doc: "The options of the Go generator. In the root file only.", form: reference("go"),
		read: func(l *loader, kv pair, _ *Schema) { l.goOptions(kv.value) }},
	{name: "types", doc: "Named types.", form: mappingForm(pascalName, reference("type")),
		read: func(l *loader, kv pair, _ *Schema) { l.declarations(kv.value, "types", l.typeDecl) }},
	{name: "errors", doc: "What calls may fail with.", form: mappingForm(pascalName, reference("error")),
		read: func(l *loader, kv pair, _ *Schema) { l.declarations(kv.value, "errors", l.errorDecl) }},
	{name: "commands", doc: "The messages of the protocol.", form: mappingForm(commandName, reference("command")),
		read: func(l *loader, kv pair, _ *Schema) { l.declarations(kv.value, "commands", l.commandDecl) }},
	{name: "reserved", doc: "Names of things that are gone and must not come back: job.start, Job.owner, JobState.zombie. In the root file only.",
		form: form{"type": "array", "uniqueItems": true, "items": form{"type": "string", "pattern": `^([a-z][a-z0-9_.]*|[A-Z][A-Za-z0-9]*(\..*)?)$`}},
		read: func(l *loader, kv pair, _ *Schema) { l.reserved(kv.value) }},
}

// rootKeys are the words of the root file only.
var rootKeys = []string{"protocol", "version", "include", "go", "reserved"}

var goKeys = []key[*GoOptions]{
	{name: "package", doc: "The name of the Go package; the protocol without _ if absent.", form: snakeName,
		read: (*loader).goPackage},
	{name: "initialisms", doc: "More words that are written in capitals in Go names.",
		form: form{"type": "array", "uniqueItems": true, "items": form{"type": "string", "pattern": "^[A-Z][A-Z0-9]*$", "maxLength": maxNameLength}},
		read: func(l *loader, kv pair, _ *GoOptions) { l.initialisms(kv.value) }},
}

// typeForms are the keys of which a type has exactly one.
var typeForms = []string{"type", "fields", "enum", "union"}

var typeKeys = withMeta(func(t *Type) *Meta { return &t.Meta }, slices.Concat([]key[*Type]{
	{name: "type", doc: "A new type: it travels as what it is based on.", form: reference("typeExpr"),
		read: func(l *loader, kv pair, t *Type) { t.Kind = NewType; t.Base, _ = l.typeExpr(kv.value, false) }},
	{name: "fields", doc: "A struct.", form: reference("fields"),
		read: func(l *loader, kv pair, t *Type) { t.Kind = Struct; l.fields(kv.value, "`fields`", &t.Fields) }},
	{name: "enum", doc: "Named values; they travel as text.", form: reference("enum"),
		read: func(l *loader, kv pair, t *Type) { t.Kind = Enum; l.enum(kv.value, t) }},
	{name: "union", doc: "One of several types; it travels as a map with one entry.", form: reference("union"),
		read: func(l *loader, kv pair, t *Type) { t.Kind = Union; l.union(kv.value, t) }},
	{name: "closed", doc: "Readers refuse values and variants that they do not know.", form: truthForm, with: []string{"enum", "union"},
		read: func(l *loader, kv pair, t *Type) { t.Closed, _ = l.truth(kv.value, "closed") }},
}, constraintKeys(func(t *Type) narrowed { return narrowed{typ: t} }, "type"))...)

var fieldKeys = withMeta(func(f *Field) *Meta { return &f.Meta }, slices.Concat([]key[*Field]{
	{name: "type", doc: "The type; opt<…> around it makes the field optional.", form: reference("fieldType"),
		read: func(l *loader, kv pair, f *Field) { f.Type, f.Optional = l.typeExpr(kv.value, true) }},
}, constraintKeys(func(f *Field) narrowed { return narrowed{field: f} }), []key[*Field]{
	{name: "default", doc: "What an absent field means to its reader; for opt<…> only.", form: form{"type": []string{"string", "number", "boolean"}},
		read: func(l *loader, kv pair, f *Field) {
			l.defaults = append(l.defaults, narrowing{narrowed{field: f}, l.src, kv})
		}},
	{name: "secret", doc: "Never printed or logged.", form: truthForm,
		read: func(l *loader, kv pair, f *Field) { f.Secret, _ = l.truth(kv.value, "secret") }},
	{name: "borrow", doc: "Lent to a handler until it returns, not copied; for bytes only.", form: truthForm,
		read: func(l *loader, kv pair, f *Field) {
			f.Borrow, _ = l.truth(kv.value, "borrow")
			l.borrows = append(l.borrows, narrowing{narrowed{field: f}, l.src, kv})
		}},
})...)

// constraintKeys returns the words of constraints. They are kept for later,
// when it is known what the types are.
func constraintKeys[T any](of func(T) narrowed, with ...string) []key[T] {
	later := func(l *loader, kv pair, t T) {
		l.narrowings = append(l.narrowings, narrowing{of(t), l.src, kv})
	}
	interval := []string{"string", "number"}
	return []key[T]{
		{name: "range", doc: "The smallest and the greatest number or duration: 1..100, 1.., ..100, 1s..24h.",
			form: form{"type": interval, "pattern": `^[^.].*\.\.$|^\.\..*[^.]$|^[^.].*\.\..*[^.]$|^[^.]+$`}, with: with, read: later},
		{name: "len", doc: "The size: code points of a string, bytes of bytes, entries of a list or map. 1..64, 1.., ..64, 16.",
			form: form{"type": interval, "pattern": `^([0-9]+(\.\.([0-9]+)?)?|\.\.[0-9]+)$`, "minimum": 0}, with: with, read: later},
		{name: "pattern", doc: "An RE2 expression that matches the whole string.", form: form{"type": "string", "maxLength": maxPatternLength}, with: with, read: later},
		{name: "format", doc: "A form of strings that has a name.", form: form{"enum": formatNames[1:]}, with: with, read: later},
		{name: "in", doc: "The only values that are possible.",
			form: form{"type": "array", "minItems": 1, "uniqueItems": true, "items": form{"type": interval}}, with: with, read: later},
		{name: "unique", doc: "The elements of the list are all different.", form: truthForm, with: with, read: later},
	}
}

var enumValueKeys = withMeta(func(v *EnumValue) *Meta { return &v.Meta })

var errorKeys = withMeta(func(e *Error) *Meta { return &e.Meta },
	key[*Error]{name: "retry", doc: "The same call may succeed later.", form: truthForm,
		read: func(l *loader, kv pair, e *Error) { e.Retry, _ = l.truth(kv.value, "retry") }},
	key[*Error]{name: "fields", doc: "What the error says beside its name.", form: reference("fields"),
		read: func(l *loader, kv pair, e *Error) { l.fields(kv.value, "`fields`", &e.Fields) }},
)

var commandKeys = withMeta(func(c *Command) *Meta { return &c.Meta },
	key[*Command]{name: "dir", doc: "Who sends it to whom; client->server if absent.", form: form{"enum": directionNames[1:]},
		read: func(l *loader, kv pair, c *Command) { l.direction(kv.value, c) }},
	key[*Command]{name: "payload", doc: "What it carries: a struct by name, or its fields.", form: reference("body"),
		read: func(l *loader, kv pair, c *Command) { l.body(kv, c, &c.Payload) }},
	key[*Command]{name: "reply", doc: "What answers it: a struct by name, or its fields. With it the command is a call, without it an event.", form: reference("body"),
		read: func(l *loader, kv pair, c *Command) { l.body(kv, c, &c.Reply) }},
	key[*Command]{name: "errors", doc: "The declared errors that the call may fail with.",
		form: form{"type": "array", "uniqueItems": true, "items": pascalName},
		read: (*loader).commandErrors},
	key[*Command]{name: "idempotent", doc: "The call may be repeated when its outcome is unknown.", form: truthForm,
		read: func(l *loader, kv pair, c *Command) {
			c.Idempotent, _ = l.truth(kv.value, "idempotent")
		}},
)

// The forms that several tables need.
const (
	snakeForm   = "^[a-z][a-z0-9_]*$"
	pascalForm  = "^[A-Z][A-Za-z0-9]*$"
	commandForm = `^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`
)

var (
	textForm    = form{"type": "string"}
	truthForm   = form{"type": "boolean"}
	snakeName   = form{"type": "string", "pattern": snakeForm, "maxLength": maxNameLength}
	pascalName  = form{"type": "string", "pattern": pascalForm, "maxLength": maxNameLength}
	commandName = form{"type": "string", "pattern": commandForm, "maxLength": maxCommandLength}
)

func reference(definition string) form { return form{"$ref": "#/definitions/" + definition} }

// mappingForm is the form of a mapping from names to declarations.
func mappingForm(name, declaration form) form {
	return form{"type": "object", "propertyNames": name, "additionalProperties": declaration}
}
