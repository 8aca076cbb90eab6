package schema

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// MaxSnapshotSize is the size in bytes that [ParseSnapshot] reads at most.
const MaxSnapshotSize = 32 << 20

// Snapshot returns s as canonical JSON: what the file commands.lock holds. It
// holds all that [Compare] looks at and no docs; declarations, fields and
// values are sorted, one declaration a line, so that schemas that differ in
// nothing but their order and their words give equal bytes, and that a version
// control system shows what changed. It is also a schema in one file, as JSON
// is YAML.
func Snapshot(s *Schema) []byte {
	var b strings.Builder
	b.WriteString("{\n \"ipcio\": 1,\n \"protocol\": " + quotedJSON(s.Protocol) + ",\n")
	b.WriteString(" \"version\": " + string(appendJSON(nil, s.Version)))
	var options object
	options.text("package", s.Go.Package)
	if len(s.Go.Initialisms) > 0 {
		options.add("initialisms", slices.Sorted(slices.Values(s.Go.Initialisms)))
	}
	if len(options) > 0 {
		b.WriteString(",\n \"go\": " + options.String())
	}
	section(&b, "types", s.Types, func(t *Type) (string, any) { return t.Name, typeJSON(t) })
	section(&b, "errors", s.Errors, func(e *Error) (string, any) { return e.Name, errorJSON(e) })
	section(&b, "commands", s.Commands, func(c *Command) (string, any) { return c.Name, commandJSON(c) })
	if len(s.Reserved) > 0 {
		paths := make([]string, len(s.Reserved))
		for i, r := range s.Reserved {
			paths[i] = r.Path
		}
		slices.Sort(paths)
		b.WriteString(",\n \"reserved\": [")
		for i, path := range paths {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString("\n  " + quotedJSON(path))
		}
		b.WriteString("\n ]")
	}
	b.WriteString("\n}\n")
	return []byte(b.String())
}

// ParseSnapshot reads what [Snapshot] wrote. What it does not know is an error,
// as in [Load]. Positions of the result are those in data, in a file called
// commands.lock. The error names the byte at which data is no JSON, says that it
// is larger than [MaxSnapshotSize], or wraps [Diagnostics].
func ParseSnapshot(data []byte) (*Schema, error) {
	if len(data) > MaxSnapshotSize {
		return nil, fmt.Errorf("schema: the lock is %d bytes large; at most %d are possible", len(data), MaxSnapshotSize)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("schema: the lock is not the JSON that Snapshot writes: %w", err)
	}
	if raw["include"] != nil {
		return nil, fmt.Errorf("schema: the lock has the key `include`; write it again from the schema")
	}
	const file = "commands.lock"
	l := &loader{
		schema: &Schema{Version: 1, Files: []string{file}},
		src:    newSource(file, data),
		types:  make(map[string]*Type), errors: make(map[string]*Error), commands: make(map[string]*Command),
		root: true,
	}
	l.schema.sources = []*source{l.src}
	// One file for all, so that it may be larger than those that people write.
	if n, d := parse(l.src); d != nil {
		l.report(*d)
	} else {
		l.header(n)
	}
	l.check()
	if len(l.found) > 0 {
		return nil, fmt.Errorf("schema: the lock is not a valid schema: %w", sortDiagnostics(l.found, l.schema.Files))
	}
	return l.schema, nil
}

// section writes declarations sorted by name.
func section[T any](b *strings.Builder, key string, list []T, of func(T) (string, any)) {
	if len(list) == 0 {
		return
	}
	var o object
	for _, e := range list {
		name, value := of(e)
		o.add(name, value)
	}
	slices.SortFunc(o, func(a, b lockEntry) int { return strings.Compare(a.key, b.key) })
	b.WriteString(",\n " + quotedJSON(key) + ": {")
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n  " + quotedJSON(m.key) + ": ")
		writeJSON(b, m.value)
	}
	b.WriteString("\n }")
}

// An object is a JSON object with an order.
type object []lockEntry

type lockEntry struct {
	key   string
	value any // object, []any, []string, or what encoding/json writes
}

func (o *object) add(key string, value any) { *o = append(*o, lockEntry{key, value}) }

func (o *object) text(key, value string) {
	if value != "" {
		o.add(key, value)
	}
}

func (o *object) truth(key string, value bool) {
	if value {
		o.add(key, true)
	}
}

func (o *object) meta(m Meta) {
	o.text("deprecated", m.Deprecated)
	o.text("go", m.GoName)
}

func (o object) String() string {
	var b strings.Builder
	writeJSON(&b, o)
	return b.String()
}

func quotedJSON(s string) string { return string(appendJSON(nil, s)) }

func writeJSON(b *strings.Builder, v any) {
	switch v := v.(type) {
	case object:
		b.WriteByte('{')
		for i, m := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quotedJSON(m.key) + ": ")
			writeJSON(b, m.value)
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			writeJSON(b, e)
		}
		b.WriteByte(']')
	default:
		b.Write(appendJSON(nil, v))
	}
}

func typeJSON(t *Type) any {
	var o object
	switch t.Kind {
	case NewType:
		o.add("type", t.Base.String())
		o.constraints(t.Constraints)
	case Struct:
		o.add("fields", fieldsJSON(t.Fields))
	case Enum:
		o.add("enum", valuesJSON(t.Values))
	case Union:
		variants := slices.SortedFunc(slices.Values(t.Variants), func(a, b *Variant) int { return strings.Compare(a.Name, b.Name) })
		var all object
		for _, v := range variants {
			if n := v.Type.Named; n != nil && n.Variant == v {
				all.add(v.Name, fieldsJSON(n.Fields))
				continue
			}
			all.add(v.Name, v.Type.String())
		}
		o.add("union", all)
	}
	o.truth("closed", t.Closed)
	o.meta(t.Meta)
	return o
}

// valuesJSON returns the values of an enum, as a list if there is nothing to
// say about them.
func valuesJSON(values []*EnumValue) any {
	var o object
	var list []string
	plain := true
	for _, v := range slices.SortedFunc(slices.Values(values), func(a, b *EnumValue) int { return strings.Compare(a.Value, b.Value) }) {
		list = append(list, v.Value)
		var about object
		about.meta(v.Meta)
		plain = plain && len(about) == 0
		if len(about) == 0 {
			o.add(v.Value, nil)
		} else {
			o.add(v.Value, about)
		}
	}
	if plain {
		return list
	}
	return o
}

func fieldsJSON(fields []*Field) object {
	o := object{}
	for _, f := range slices.SortedFunc(slices.Values(fields), func(a, b *Field) int { return cmp.Compare(a.Name, b.Name) }) {
		typ := f.Type.String()
		if f.Optional {
			typ = "opt<" + typ + ">"
		}
		about := object{{"type", typ}}
		about.constraints(f.Constraints)
		if f.Default != nil {
			about.add("default", valueJSON(f.Default))
		}
		about.truth("secret", f.Secret)
		about.truth("borrow", f.Borrow)
		about.meta(f.Meta)
		if len(about) == 1 {
			o.add(f.Name, typ)
			continue
		}
		o.add(f.Name, about)
	}
	return o
}

// constraints adds the keys of c.
func (o *object) constraints(c *Constraints) {
	if c == nil {
		return
	}
	if c.Range != nil {
		o.add("range", c.Range.String())
	}
	if c.Len != nil {
		o.add("len", c.Len.String())
	}
	if c.Pattern != nil {
		o.add("pattern", c.Pattern.Expr)
	}
	if c.Format != 0 {
		o.add("format", c.Format.String())
	}
	if c.In != nil {
		values := make([]any, len(c.In))
		for i, v := range slices.SortedFunc(slices.Values(c.In), (*Value).Compare) {
			values[i] = valueJSON(v)
		}
		o.add("in", values)
	}
	o.truth("unique", c.Unique)
}

func valueJSON(v *Value) any {
	switch {
	case v.Scalar == Bool:
		return v.Bool
	case v.Scalar.isNumber():
		return json.Number(v.String())
	}
	return v.String()
}

func errorJSON(e *Error) any {
	var o object
	if len(e.Fields) > 0 {
		o.add("fields", fieldsJSON(e.Fields))
	}
	o.truth("retry", e.Retry)
	o.meta(e.Meta)
	if o == nil {
		o = object{}
	}
	return o
}

func commandJSON(c *Command) any {
	o := object{{"dir", c.Direction.String()}}
	body := func(key string, t *Type) {
		switch {
		case t == nil:
		case t.Name != "":
			o.add(key, t.Name)
		default:
			o.add(key, fieldsJSON(t.Fields))
		}
	}
	body("payload", c.Payload)
	body("reply", c.Reply)
	if len(c.Errors) > 0 {
		names := make([]string, len(c.Errors))
		for i, e := range c.Errors {
			names[i] = e.Name
		}
		slices.Sort(names)
		o.add("errors", names)
	}
	o.truth("idempotent", c.Idempotent)
	o.meta(c.Meta)
	return o
}
