package export

import "github.com/ipcio/ipcio-go/schema"

// A definition is something that every format defines under one name.
type definition struct {
	name  string
	about string // what it is, in a few words
	meta  schema.Meta
	typ   *schema.Type // what it consists of
	error *schema.Error
}

// definitions returns everything that needs a definition: the named types, the
// errors, then the commands, each in the order of the schema, and behind each
// the inline structs of its variants.
func definitions(s *schema.Schema) []definition {
	var list []definition
	for _, t := range s.Types {
		list = append(list, definition{name: t.Name, about: kindName(t), meta: t.Meta, typ: t})
		for _, v := range t.Variants {
			if inline := v.Type.Named; inline != nil && inline.Variant == v {
				list = append(list, definition{name: typeName(inline), about: "the variant " + v.Name + " of " + t.Name, meta: v.Meta, typ: inline})
			}
		}
	}
	for _, e := range s.Errors {
		list = append(list, definition{
			name: errorName(e), about: "the fields of the error " + e.Name, meta: e.Meta,
			typ: &schema.Type{Kind: schema.Struct, Fields: e.Fields}, error: e,
		})
	}
	for _, c := range s.Commands {
		if c.Payload != nil {
			list = append(list, definition{name: payloadName(c), about: "the payload of " + c.Name, meta: c.Meta, typ: c.Payload})
		}
		if c.Reply != nil {
			list = append(list, definition{name: replyName(c), about: "the reply of " + c.Name, typ: c.Reply})
		}
	}
	return list
}

// isAlias reports whether d is a payload or reply that is a named struct.
func (d definition) isAlias() bool { return d.typ.Name != "" && d.typ.Name != d.name }

func payloadName(c *schema.Command) string { return c.Name + "-payload" }
func replyName(c *schema.Command) string   { return c.Name + "-reply" }
func errorName(e *schema.Error) string     { return "error." + e.Name }

// typeName returns the name of a type that an expression refers to: one with a
// name, or the inline struct of a variant.
func typeName(t *schema.Type) string {
	if t.Variant != nil {
		return t.Variant.Union.Name + "." + t.Variant.Name
	}
	return t.Name
}

func kindName(t *schema.Type) string {
	switch t.Kind {
	case schema.NewType:
		return "a new type"
	case schema.Struct:
		return "a struct"
	case schema.Enum:
		return "an enum"
	}
	return "a union"
}

// under returns e without the new types around it: a scalar, a list, a map or
// the name of a struct, enum or union.
func under(e *schema.Expr) *schema.Expr {
	for e.Kind == schema.NamedExpr && e.Named.Kind == schema.NewType {
		e = e.Named.Base
	}
	return e
}
