package docs

import (
	"iter"

	"github.com/ipcio/ipcio-go/schema"
)

// uses says where types and errors are named directly, each place once, types
// before errors before commands, in the order of the schema.
type uses struct {
	types  map[*schema.Type][]link
	errors map[*schema.Error][]link
}

func usesOf(s *schema.Schema) uses {
	u := uses{make(map[*schema.Type][]link), make(map[*schema.Error][]link)}
	for _, t := range s.Types {
		u.byType(t, link{t.Name, typeAnchor(t)})
	}
	for _, e := range s.Errors {
		u.byFields(e.Fields, link{e.Name, errorAnchor(e)})
	}
	for _, c := range s.Commands {
		from := link{c.Name, commandAnchor(c)}
		for _, t := range []*schema.Type{c.Payload, c.Reply} {
			switch {
			case t == nil:
			case t.Name != "":
				u.note(t, from)
			default:
				u.byType(t, from)
			}
		}
		for _, e := range c.Errors {
			u.errors[e] = append(u.errors[e], from)
		}
	}
	return u
}

func (u uses) byType(t *schema.Type, from link) {
	u.byFields(t.Fields, from)
	for _, v := range t.Variants {
		u.byExpr(v.Type, from)
	}
	if t.Base != nil {
		u.byExpr(t.Base, from)
	}
}

func (u uses) byFields(fields []*schema.Field, from link) {
	for _, f := range fields {
		u.byExpr(f.Type, from)
	}
}

func (u uses) byExpr(e *schema.Expr, from link) {
	for e.Elem != nil {
		e = e.Elem
	}
	switch {
	case e.Named == nil:
	case e.Named.Name == "": // an inline struct belongs to the union around it
		u.byType(e.Named, from)
	default:
		u.note(e.Named, from)
	}
}

// note adds a place. Those of one declaration come one after another, so that
// only the last one can be the same.
func (u uses) note(t *schema.Type, from link) {
	list := u.types[t]
	if len(list) == 0 || list[len(list)-1] != from {
		u.types[t] = append(list, from)
	}
}

// allDeprecated lists what is deprecated, with where it is.
func allDeprecated(s *schema.Schema) []deprecated {
	var list []deprecated
	note := func(m schema.Meta, name, anchor string) {
		if m.Deprecated != "" {
			list = append(list, deprecated{name, anchor, m.Deprecated})
		}
	}
	fields := func(fields []*schema.Field, of, anchor string) {
		for _, f := range fields {
			note(f.Meta, of+"."+f.Name, anchor)
		}
	}
	for _, c := range s.Commands {
		note(c.Meta, c.Name, commandAnchor(c))
		for word, t := range bodies(c) {
			fields(t.Fields, c.Name+" "+word, commandAnchor(c))
		}
	}
	for _, e := range s.Errors {
		note(e.Meta, e.Name, errorAnchor(e))
		fields(e.Fields, e.Name, errorAnchor(e))
	}
	for _, t := range s.Types {
		anchor := typeAnchor(t)
		note(t.Meta, t.Name, anchor)
		fields(t.Fields, t.Name, anchor)
		for _, v := range t.Values {
			note(v.Meta, t.Name+"."+v.Value, anchor)
		}
		for _, v := range t.Variants {
			note(v.Meta, t.Name+"."+v.Name, anchor)
			if inline := v.Type.Named; inline != nil && inline.Variant == v {
				fields(inline.Fields, t.Name+"."+v.Name, anchor)
			}
		}
	}
	return list
}

// bodies yields the inline structs of a command, payload first.
func bodies(c *schema.Command) iter.Seq2[string, *schema.Type] {
	return func(yield func(string, *schema.Type) bool) {
		if c.Payload != nil && c.Payload.Name == "" && !yield("payload", c.Payload) {
			return
		}
		if c.Reply != nil && c.Reply.Name == "" {
			yield("reply", c.Reply)
		}
	}
}
