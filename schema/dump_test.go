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
	for _, c := range s.Commands {
		fmt.Fprintf(&b, "%v command %s %v call=%v%s\n", c.Pos, c.Name, c.Direction, c.IsCall(), dumpMeta(c.Meta))
		dumpBody(&b, "payload", c, c.Payload)
		dumpBody(&b, "reply", c, c.Reply)
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
	kind := [...]string{NewType: "new type", Struct: "struct", Enum: "enum"}[t.Kind]
	fmt.Fprintf(b, "%v %s: %s", t.Pos, name, kind)
	if t.Closed {
		b.WriteString(" closed")
	}
	if t.Base != nil {
		fmt.Fprintf(b, " of %v at %v", t.Base, t.Base.Pos)
	}
	b.WriteString(dumpMeta(t.Meta) + "\n")
	for _, f := range t.Fields {
		opt := ""
		if f.Optional {
			opt = " optional"
		}
		fmt.Fprintf(b, "    %v %s: %v at %v%s%s\n", f.Pos, f.Name, f.Type, f.Type.Pos, opt, dumpMeta(f.Meta))
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
