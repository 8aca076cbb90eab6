package schema

import (
	"fmt"
	"strings"
)

// dump writes a model with all that it holds, one declaration a line.
func dump(s *Schema) string {
	var b strings.Builder
	fmt.Fprintf(&b, "protocol %s version %d files %q doc %q\n", s.Protocol, s.Version, s.Files, s.Doc)
	if s.Go.Pos.IsValid() {
		fmt.Fprintf(&b, "go package %q initialisms %q at %v\n", s.Go.Package, s.Go.Initialisms, s.Go.Pos)
	}
	for _, t := range s.Types {
		dumpType(&b, t.Name, t)
	}
	for _, e := range s.Errors {
		fmt.Fprintf(&b, "%v error %s retry=%v%s\n", e.Pos, e.Name, e.Retry, dumpMeta(e.Meta))
		dumpFields(&b, e.Fields)
	}
	for _, c := range s.Commands {
		fmt.Fprintf(&b, "%v command %s %v call=%v%s", c.Pos, c.Name, c.Direction, c.IsCall(), dumpMeta(c.Meta))
		for _, e := range c.Errors {
			b.WriteString(" may fail with " + e.Name)
		}
		if c.Idempotent {
			b.WriteString(" idempotent")
		}
		b.WriteByte('\n')
		dumpBody(&b, "payload", c, c.Payload)
		dumpBody(&b, "reply", c, c.Reply)
	}
	for _, r := range s.Reserved {
		fmt.Fprintf(&b, "%v reserved %s\n", r.Pos, r.Path)
	}
	return b.String()
}

func dumpBody(b *strings.Builder, key string, c *Command, t *Type) {
	switch {
	case t == nil:
	case t.Name != "":
		fmt.Fprintf(b, "  %s %s\n", key, t.Name)
	case t.Command != c:
		fmt.Fprintf(b, "  %s belongs to another command\n", key)
	default:
		dumpType(b, "  "+key, t)
	}
}

func dumpType(b *strings.Builder, name string, t *Type) {
	kind := [...]string{NewType: "new type", Struct: "struct", Enum: "enum", Union: "union"}[t.Kind]
	fmt.Fprintf(b, "%v %s: %s", t.Pos, name, kind)
	if t.Closed {
		b.WriteString(" closed")
	}
	if t.Base != nil {
		fmt.Fprintf(b, " of %v at %v", t.Base, t.Base.Pos)
	}
	b.WriteString(dumpConstraints(t.Constraints) + dumpMeta(t.Meta) + "\n")
	dumpFields(b, t.Fields)
	for _, v := range t.Variants {
		fmt.Fprintf(b, "    %v variant %s: %v at %v%s\n", v.Pos, v.Name, v.Type, v.Type.Pos, dumpMeta(v.Meta))
		if v.isInline() {
			dumpFields(b, v.Type.Named.Fields)
		}
	}
	for _, v := range t.Values {
		fmt.Fprintf(b, "    %v %q%s\n", v.Pos, v.Value, dumpMeta(v.Meta))
	}
}

func dumpMeta(m Meta) string {
	s := ""
	if m.Doc != "" {
		s += fmt.Sprintf(" doc %q", m.Doc)
	}
	if m.Deprecated != "" {
		s += fmt.Sprintf(" deprecated %q", m.Deprecated)
	}
	if m.GoName != "" {
		s += fmt.Sprintf(" go %s at %v", m.GoName, m.GoPos)
	}
	return s
}

func dumpFields(b *strings.Builder, fields []*Field) {
	for _, f := range fields {
		fmt.Fprintf(b, "    %v %s: %v at %v", f.Pos, f.Name, f.Type, f.Type.Pos)
		if f.Optional {
			b.WriteString(" optional")
		}
		if f.Secret {
			b.WriteString(" secret")
		}
		if f.Borrow {
			b.WriteString(" borrow")
		}
		if f.Default != nil {
			fmt.Fprintf(b, " default %s at %v", dumpValue(f.Default), f.Default.Pos)
		}
		b.WriteString(dumpConstraints(f.Constraints) + dumpMeta(f.Meta) + "\n")
	}
}

func dumpValue(v *Value) string {
	if v == nil {
		return "open"
	}
	s := fmt.Sprintf("%v %q", v.Scalar, v)
	if v.Enum != nil {
		s += " (enum)"
	}
	return s
}

func dumpConstraints(c *Constraints) string {
	if c == nil {
		return ""
	}
	s := fmt.Sprintf(" [%v", c.Pos)
	if c.Range != nil {
		s += fmt.Sprintf(" range %v = %s to %s at %v", c.Range, dumpValue(c.Range.Min), dumpValue(c.Range.Max), c.Range.Pos)
	}
	if c.Len != nil {
		s += fmt.Sprintf(" len %v = %d to %d %v at %v", c.Len, c.Len.Min, c.Len.Max, c.Len.HasMax, c.Len.Pos)
	}
	if c.Pattern != nil {
		s += fmt.Sprintf(" pattern %q at %v", c.Pattern.Expr, c.Pattern.Pos)
	}
	if c.Format != 0 {
		s += " format " + c.Format.String()
	}
	for _, v := range c.In {
		s += fmt.Sprintf(" in %s at %v", dumpValue(v), v.Pos)
	}
	if c.Unique {
		s += " unique"
	}
	return s + "]"
}
