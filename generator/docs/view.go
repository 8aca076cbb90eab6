package docs

import (
	"strconv"

	"github.com/ipcio/ipcio-go/schema"
)

// A page is a schema as both forms show it. All texts in it are as written.
type page struct {
	Protocol    string
	Version     int
	Doc         string
	Fingerprint string
	Files       []string
	Groups      []*group
	Errors      []*failure
	Types       []*typ
	Deprecated  []deprecated
	Reserved    []string
}

// A group is the commands of one direction.
type group struct {
	Direction schema.Direction
	Anchor    string
	Title     string
	About     string
	Commands  []*command
}

type command struct {
	*schema.Command
	Anchor  string
	Payload *body
	Reply   *body
	Fails   []link
}

// A body is a payload, a reply, or what an error carries.
type body struct {
	Named  *link // nil if it has no name; then Fields are its own
	Fields []*field
}

type field struct {
	*schema.Field
	Type  []link
	Rules []string // constraints, the default and secret, as one writes them
}

type failure struct {
	*schema.Error
	Anchor string
	Body   *body
	UsedBy []link
}

type typ struct {
	*schema.Type
	Anchor   string
	KindName string
	Base     []link // of a new type
	Rules    []string
	Fields   []*field
	Variants []*variant
	UsedBy   []link
}

type variant struct {
	*schema.Variant
	Type   []link
	Fields []*field // of an inline struct
}

// A link is a text and the anchor it leads to; "" means nowhere.
type link struct{ Text, Anchor string }

type deprecated struct {
	Name    string
	Anchor  string
	Instead string
}

// directions are all groups that a page may have, in its order.
var directions = []group{
	{schema.ClientToServer, "client-to-server", "Client to server", "A client sends these to the server.", nil},
	{schema.ServerToClient, "server-to-client", "Server to client", "The server sends these to one client by its name; events also to all clients at once.", nil},
	{schema.Both, "both-ways", "Both ways", "The server and every client may send these to each other.", nil},
	{schema.ClientToClient, "client-to-client", "Client to client", "A client sends these to another one by its name; events also to all others at once. The server passes them on.", nil},
}

// newPage returns what a page about s shows.
func newPage(s *schema.Schema) *page {
	p := &page{
		Protocol: s.Protocol, Version: s.Version, Doc: s.Doc,
		Fingerprint: s.Fingerprint(), Files: s.Files,
	}
	used := usesOf(s)
	for _, d := range directions {
		g := d
		for _, c := range s.Commands {
			if c.Direction == g.Direction {
				g.Commands = append(g.Commands, newCommand(c))
			}
		}
		if len(g.Commands) > 0 {
			p.Groups = append(p.Groups, &g)
		}
	}
	for _, e := range s.Errors {
		p.Errors = append(p.Errors, &failure{e, errorAnchor(e), &body{Fields: newFields(e.Fields)}, used.errors[e]})
	}
	for _, t := range s.Types {
		p.Types = append(p.Types, newType(t, used.types[t]))
	}
	p.Deprecated = allDeprecated(s)
	for _, r := range s.Reserved {
		p.Reserved = append(p.Reserved, r.Path)
	}
	return p
}

func newCommand(c *schema.Command) *command {
	v := &command{Command: c, Anchor: commandAnchor(c), Payload: newBody(c.Payload), Reply: newBody(c.Reply)}
	for _, e := range c.Errors {
		v.Fails = append(v.Fails, link{e.Name, errorAnchor(e)})
	}
	return v
}

func newBody(t *schema.Type) *body {
	switch {
	case t == nil:
		return nil
	case t.Name != "":
		return &body{Named: &link{t.Name, typeAnchor(t)}}
	}
	return &body{Fields: newFields(t.Fields)}
}

func newFields(fields []*schema.Field) []*field {
	var list []*field
	for _, f := range fields {
		v := &field{Field: f, Type: newExpr(f.Type), Rules: newRules(f.Constraints)}
		switch {
		case f.Default != nil && f.Secret:
			v.Rules = append(v.Rules, "has a default")
		case f.Default != nil:
			text := f.Default.String()
			if f.Default.Scalar == schema.String && f.Default.Enum == nil {
				text = strconv.Quote(text)
			}
			v.Rules = append(v.Rules, "default "+text)
		}
		if f.Secret {
			v.Rules = append(v.Rules, "secret")
		}
		if f.Borrow {
			v.Rules = append(v.Rules, "borrow")
		}
		list = append(list, v)
	}
	return list
}

func newType(t *schema.Type, used []link) *typ {
	v := &typ{Type: t, Anchor: typeAnchor(t), Rules: newRules(t.Constraints), Fields: newFields(t.Fields), UsedBy: used}
	switch t.Kind {
	case schema.NewType:
		v.KindName = "new type"
		v.Base = newExpr(t.Base)
	case schema.Struct:
		v.KindName = "struct"
	case schema.Enum:
		v.KindName = "enum"
	case schema.Union:
		v.KindName = "union"
	}
	for _, each := range t.Variants {
		w := &variant{Variant: each}
		if inline := each.Type.Named; inline != nil && inline.Variant == each {
			w.Fields = newFields(inline.Fields)
		} else {
			w.Type = newExpr(each.Type)
		}
		v.Variants = append(v.Variants, w)
	}
	return v
}

// newExpr returns a type expression with its names as links.
func newExpr(e *schema.Expr) []link {
	switch e.Kind {
	case schema.ListExpr, schema.MapExpr:
		head := "list<"
		if e.Kind == schema.MapExpr {
			head = "map<"
		}
		return append(append([]link{{head, ""}}, newExpr(e.Elem)...), link{">", ""})
	case schema.NamedExpr:
		return []link{{e.Named.Name, typeAnchor(e.Named)}}
	}
	return []link{{e.String(), ""}}
}

// newRules returns constraints as one writes them in a schema.
func newRules(c *schema.Constraints) []string {
	if c == nil {
		return nil
	}
	var rules []string
	if c.Range != nil {
		rules = append(rules, "range "+c.Range.String())
	}
	if c.Len != nil {
		rules = append(rules, "len "+c.Len.String())
	}
	if c.Pattern != nil {
		rules = append(rules, "pattern "+c.Pattern.Expr)
	}
	if f := c.Format.String(); f != "" {
		rules = append(rules, "format "+f)
	}
	if c.In != nil {
		text := "in "
		for i, v := range c.In {
			if i > 0 {
				text += ", "
			}
			if v.Scalar == schema.String {
				text += strconv.Quote(v.Text)
			} else {
				text += v.String()
			}
		}
		rules = append(rules, text)
	}
	if c.Unique {
		rules = append(rules, "unique")
	}
	return rules
}

// commandAnchor returns the name, which is what one would guess, unless a
// section has it: then a prefix with a capital, which no command has.
func commandAnchor(c *schema.Command) string {
	switch c.Name {
	case "overview", "errors", "types", "evolution":
		return "Command." + c.Name
	}
	return c.Name
}

// The anchors of types and errors cannot be names of commands, because of the
// capital.
func typeAnchor(t *schema.Type) string   { return "type." + t.Name }
func errorAnchor(e *schema.Error) string { return "error." + e.Name }
