package export

import (
	"github.com/ipcio/ipcio-go/schema"
)

// modelFormat is the version of the form that Model writes. New members may
// come at any time; a change of what a member means is a new version.
const modelFormat = 1

// Model returns everything a schema says, resolved and in its order, as a JSON
// document for generators of other languages.
//
// Members that say nothing (empty, false, absent) are left out. A type is an
// object with "kind" and, by kind, "scalar", "name", or "elem". Ends of ranges,
// elements of in and defaults are JSON values: booleans, texts, numbers (exact
// as written, so read 64-bit ones without going through a double), durations as
// nanoseconds. "format" is the version of this form.
func Model(s *schema.Schema) []byte {
	o := object{
		{"format", modelFormat}, {"protocol", s.Protocol}, {"version", s.Version},
		{"fingerprint", s.Fingerprint()},
	}
	o = o.with("doc", s.Doc).with("files", texts(s.Files))
	o = o.with("go", object{}.with("package", s.Go.Package).with("initialisms", texts(s.Go.Initialisms)))

	var types, failures, commands, reserved []any
	for _, t := range s.Types {
		types = append(types, append(modelMeta(t.Name, t.Meta).with("file", t.File), modelType(t)...))
	}
	for _, e := range s.Errors {
		failures = append(failures, modelMeta(e.Name, e.Meta).with("file", e.File).
			with("retry", e.Retry).with("fields", modelFields(e.Fields)))
	}
	for _, c := range s.Commands {
		commands = append(commands, modelCommand(c))
	}
	for _, r := range s.Reserved {
		reserved = append(reserved, r.Path)
	}
	return marshal(append(o, member{"types", list(types)}, member{"errors", list(failures)},
		member{"commands", list(commands)}, member{"reserved", list(reserved)}))
}

// list returns l, [] if it is empty.
func list(l []any) []any {
	if l == nil {
		return []any{}
	}
	return l
}

func modelMeta(name string, m schema.Meta) object {
	return object{{"name", name}}.with("doc", m.Doc).with("deprecated", m.Deprecated).with("go", m.GoName)
}

func modelCommand(c *schema.Command) object {
	o := modelMeta(c.Name, c.Meta).with("file", c.File)
	o = append(o, member{"dir", c.Direction.String()}, member{"call", c.IsCall()})
	for _, body := range []struct {
		key string
		typ *schema.Type
	}{{"payload", c.Payload}, {"reply", c.Reply}} {
		switch {
		case body.typ == nil:
		case body.typ.Name != "":
			o = append(o, member{body.key, object{{"kind", "named"}, {"name", body.typ.Name}}})
		default:
			o = append(o, member{body.key, modelType(body.typ)})
		}
	}
	var failures []string
	for _, e := range c.Errors {
		failures = append(failures, e.Name)
	}
	o = o.with("errors", texts(failures)).with("idempotent", c.Idempotent)
	return append(o, member{"fingerprint", c.Fingerprint()})
}

// modelType returns what a type consists of.
func modelType(t *schema.Type) object {
	switch t.Kind {
	case schema.NewType:
		o := object{{"kind", "new"}, {"base", modelExpr(t.Base)}}
		return append(o, modelConstraints(t.Constraints)...)
	case schema.Enum:
		var values []any
		for _, v := range t.Values {
			values = append(values, append(object{{"value", v.Value}}, modelMeta("", v.Meta)[1:]...))
		}
		return object{{"kind", "enum"}, {"values", values}}.with("closed", t.Closed)
	case schema.Union:
		var variants []any
		for _, v := range t.Variants {
			variants = append(variants, append(modelMeta(v.Name, v.Meta), member{"type", modelExpr(v.Type)}))
		}
		return object{{"kind", "union"}, {"variants", variants}}.with("closed", t.Closed)
	}
	return object{{"kind", "struct"}, {"fields", modelFields(t.Fields)}}
}

func modelFields(fields []*schema.Field) []any {
	all := []any{}
	for _, f := range fields {
		o := append(modelMeta(f.Name, f.Meta), member{"type", modelExpr(f.Type)}).
			with("optional", f.Optional).with("secret", f.Secret).with("borrow", f.Borrow)
		if f.Default != nil {
			o = append(o, member{"default", jsonValue(f.Default)})
		}
		all = append(all, append(o, modelConstraints(f.Constraints)...))
	}
	return all
}

func modelExpr(e *schema.Expr) object {
	switch e.Kind {
	case schema.ScalarExpr:
		return object{{"kind", "scalar"}, {"scalar", e.Scalar.String()}}
	case schema.ListExpr:
		return object{{"kind", "list"}, {"elem", modelExpr(e.Elem)}}
	case schema.MapExpr:
		return object{{"kind", "map"}, {"elem", modelExpr(e.Elem)}}
	}
	if e.Named.Name == "" { // the inline struct of a variant
		return modelType(e.Named)
	}
	return object{{"kind", "named"}, {"name", e.Named.Name}}
}

func modelConstraints(c *schema.Constraints) object {
	if c == nil {
		return nil
	}
	o := object{}
	if r := c.Range; r != nil {
		ends := object{}
		if r.Min != nil {
			ends = append(ends, member{"min", jsonValue(r.Min)})
		}
		if r.Max != nil {
			ends = append(ends, member{"max", jsonValue(r.Max)})
		}
		o = append(o, member{"range", ends})
	}
	if n := c.Len; n != nil {
		ends := object{{"min", n.Min}}
		if n.HasMax {
			ends = append(ends, member{"max", n.Max})
		}
		o = append(o, member{"len", ends})
	}
	if c.Pattern != nil {
		o = append(o, member{"pattern", c.Pattern.Expr})
	}
	var in []any
	for _, v := range c.In {
		in = append(in, jsonValue(v))
	}
	return o.with("string_format", c.Format.String()).with("in", in).with("unique", c.Unique)
}
