package generator

import (
	"fmt"
	"go/token"
	"slices"
	"strings"

	"github.com/ipcio/ipcio-go/schema"
)

// Check returns what keeps s from becoming a Go package: names that are no Go
// names and names that meet (E0501 to E0506), sorted by place. It is nil if
// all is well.
func Check(s *schema.Schema) schema.Diagnostics {
	_, found := newNames(s)
	return found
}

// kind says what an identifier of the package stands for.
type kind int

const (
	fixedName kind = iota // in every package
	commandName
	typeName
	partOfCommand // CommandX, XPayload, XReply
	partOfType    // XValues, ParseX
	valueName
)

// An ident is a declared identifier and where it comes from.
type ident struct {
	kind kind
	what string // as it is called in a message
	pos  schema.Position
	code schema.Code
}

// checker collects findings.
type checker struct {
	s     *schema.Schema
	n     *names
	found schema.Diagnostics
	scope map[string]ident // of the package
}

func check(s *schema.Schema, n *names) schema.Diagnostics {
	c := &checker{s: s, n: n, scope: map[string]ident{}}
	c.packageName()
	for _, name := range packageNames {
		c.scope[name] = ident{kind: fixedName, what: "the generated " + name}
	}
	c.commands()
	for _, t := range s.Types {
		c.typeNames(t)
	}
	for _, e := range s.Errors {
		c.errorNames(e)
	}
	for _, cmd := range s.Commands {
		for _, t := range []*schema.Type{cmd.Payload, cmd.Reply} {
			if inline(cmd, t) {
				c.fields(t, structMethods)
			}
		}
	}
	return s.SortDiagnostics(c.found)
}

func (c *checker) add(code schema.Code, pos schema.Position, message, hint string, notes ...schema.Note) {
	d := c.s.NewDiagnostic(code, pos, 0, message)
	d.Hint, d.Notes = hint, notes
	c.found = append(c.found, d)
}

// packageName refuses what cannot stand after the word package, and what the
// go command treats in a special way.
func (c *checker) packageName() {
	pkg := c.n.pkg
	hint := "choose another name with go: {package: " + strings.Trim(pkg, "_") + "ipc}"
	var why string
	switch {
	case token.IsKeyword(pkg):
		why = "is a Go keyword"
	case !token.IsIdentifier(pkg) || strings.Trim(pkg, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || strings.Trim(pkg, "_") == "":
		why = "is no Go package name"
		hint = "a package name is a letter and then letters and digits, all lower case"
	case strings.HasSuffix(pkg, "_test"):
		why = "belongs to a package of tests"
	default:
		return
	}
	c.add(schema.E0506, c.packagePos(), fmt.Sprintf("package name `%s` %s", pkg, why), hint)
}

func (c *checker) packagePos() schema.Position {
	if c.s.Go.Pos.IsValid() || len(c.s.Files) == 0 {
		return c.s.Go.Pos
	}
	return schema.Position{File: c.s.Files[0], Line: 1, Column: 1}
}

// place returns where the Go name of a declaration comes from.
func place(m schema.Meta) schema.Position {
	if m.GoPos.IsValid() {
		return m.GoPos
	}
	return m.Pos
}

func (c *checker) commands() {
	byName := map[string]*schema.Command{}
	for _, cmd := range c.s.Commands {
		name, at := c.n.commands[cmd], place(cmd.Meta)
		if !c.usable(name, schema.E0501, at, "command `"+cmd.Name+"`") {
			continue
		}
		if first, ok := byName[name]; ok {
			c.add(schema.E0501, at, fmt.Sprintf("`%s` and `%s` both become %s in Go", first.Name, cmd.Name, name),
				"give one of them another name, for example go: "+name+"2",
				c.s.NewNote(place(first.Meta), 0, "the first one is here"))
			continue
		}
		byName[name] = cmd
		for _, verb := range verbs {
			if slices.Contains(runtimeMethods, verb+name) {
				c.add(schema.E0505, at, fmt.Sprintf("command `%s` would have the method %s, which the runtime has already", cmd.Name, verb+name),
					"give it another name, for example go: "+name+"Command")
				break
			}
		}
		c.declare(c.n.commandConst(cmd), ident{partOfCommand, "the name of command `" + cmd.Name + "`", at, schema.E0502})
		if inline(cmd, cmd.Payload) {
			c.declare(c.n.types[cmd.Payload], ident{partOfCommand, "the payload of command `" + cmd.Name + "`", at, schema.E0502})
		}
		if inline(cmd, cmd.Reply) {
			c.declare(c.n.types[cmd.Reply], ident{partOfCommand, "the reply of command `" + cmd.Name + "`", at, schema.E0502})
		}
	}
}

func (c *checker) typeNames(t *schema.Type) {
	name, at := c.n.types[t], place(t.Meta)
	if !c.usable(name, schema.E0504, at, "type `"+t.Name+"`") {
		return
	}
	c.declare(name, ident{typeName, "type `" + t.Name + "`", at, schema.E0504})
	if hasParse(t) {
		c.declare(c.n.parseFunc(t), ident{partOfType, "the parse function of type `" + t.Name + "`", at, schema.E0504})
	}
	switch t.Kind {
	case schema.Enum:
		c.declare(c.n.valuesFunc(t), ident{partOfType, "the list of values of enum `" + t.Name + "`", at, schema.E0504})
		c.values(t)
	case schema.Struct:
		c.fields(t, slices.Concat(c.kindMethods(t), structMethods))
	case schema.Union:
		c.variants(t)
	}
}

// kindMethods returns the methods that a struct has as a variant of unions.
func (c *checker) kindMethods(t *schema.Type) []string {
	var methods []string
	for _, union := range c.s.Types {
		if slices.ContainsFunc(union.Variants, func(v *schema.Variant) bool { return variantStruct(v) == t }) {
			methods = append(methods, c.n.kindMethod(union))
		}
	}
	return methods
}

func (c *checker) variants(t *schema.Type) {
	at := place(t.Meta)
	if !t.Closed {
		c.declare(c.n.unknownType(t), ident{partOfType, "the unknown variant of union `" + t.Name + "`", at, schema.E0504})
	}
	for _, v := range t.Variants {
		what := fmt.Sprintf("variant `%s` of union `%s`", v.Name, t.Name)
		if !isKey(v.Name) {
			c.add(schema.E0216, v.Pos, fmt.Sprintf("variant %q must be lower_snake", v.Name), "")
			continue
		}
		inside := variantStruct(v)
		if inside != nil && inside.Variant != v {
			continue // a type that is declared by itself
		}
		name, at := c.n.variants[v], place(v.Meta)
		if !c.usable(name, schema.E0504, at, what) {
			continue
		}
		c.declare(name, ident{typeName, what, at, schema.E0504})
		if inside != nil {
			c.fields(inside, slices.Concat(c.kindMethods(inside), structMethods))
		}
	}
}

func (c *checker) errorNames(e *schema.Error) {
	t := c.n.errors[e]
	name, at := c.n.types[t], place(e.Meta)
	if !c.usable(name, schema.E0504, at, "error `"+e.Name+"`") {
		return
	}
	c.declare(name, ident{typeName, "error `" + e.Name + "`", at, schema.E0504})
	c.fields(t, slices.Concat(errorMethods, structMethods))
}

func (c *checker) values(t *schema.Type) {
	for _, v := range t.Values {
		name, at := c.n.values[v], place(v.Meta)
		what := fmt.Sprintf("value `%s` of enum `%s`", v.Value, t.Name)
		if name == c.n.types[t] {
			c.add(schema.E0503, at, what+" has no letter or digit for a Go name", "give it one with go:, for example {go: None}")
			continue
		}
		if c.usable(name, schema.E0503, at, what) {
			c.declare(name, ident{valueName, what, at, schema.E0503})
		}
	}
}

// fields checks the fields of a struct that has the given methods.
func (c *checker) fields(t *schema.Type, methods []string) {
	byName := map[string]*schema.Field{}
	for _, f := range t.Fields {
		name, at := c.n.fields[f], place(f.Meta)
		switch first, taken := byName[name]; {
		case !isKey(f.Name):
			c.add(schema.E0216, f.Pos, fmt.Sprintf("field %q must be lower_snake", f.Name), "")
		case !c.usable(name, schema.E0505, at, "field `"+f.Name+"`"):
		case slices.Contains(methods, name):
			c.add(schema.E0505, at, fmt.Sprintf("field `%s` becomes %s, which is a generated method", f.Name, name),
				"give it another name, for example go: "+name+"Field")
		case taken:
			c.add(schema.E0505, at, fmt.Sprintf("fields `%s` and `%s` both become %s in Go", first.Name, f.Name, name),
				"give one of them another name, for example go: "+name+"2",
				c.s.NewNote(place(first.Meta), 0, "the first one is here"))
		default:
			byName[name] = f
		}
	}
	for _, f := range t.Fields {
		if f.Default == nil {
			continue
		}
		getter := c.n.getter(f)
		if other, taken := byName[getter]; taken {
			c.add(schema.E0505, place(other.Meta), fmt.Sprintf("field `%s` becomes %s, which is the getter of field `%s`", other.Name, getter, f.Name),
				"give it another name, for example go: "+getter+"Field",
				c.s.NewNote(place(f.Meta), 0, "the field with the default is here"))
		}
	}
}

// isKey reports whether a field name can stand in a Go string as it is. A model
// that schema.Load made has no others.
func isKey(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// usable reports whether name is an exported Go identifier in ASCII.
func (c *checker) usable(name string, code schema.Code, pos schema.Position, what string) bool {
	ok := name != "" && 'A' <= name[0] && name[0] <= 'Z'
	for i := 0; ok && i < len(name); i++ {
		ok = isLetter(name[i]) || isDigit(name[i])
	}
	if !ok {
		c.add(code, pos, fmt.Sprintf("%s would be called %q in Go, which is no exported name", what, name),
			"use a capital letter, then letters and digits: go: JobSubmit")
	}
	return ok
}

// declare adds an identifier to the scope of the package, or reports which
// other one it meets.
func (c *checker) declare(name string, id ident) {
	first, taken := c.scope[name]
	if !taken {
		c.scope[name] = id
		return
	}
	code := id.code
	switch {
	case first.kind == partOfCommand || id.kind == partOfCommand:
		code = schema.E0502
	case first.kind == typeName:
		code = schema.E0504
	}
	var notes []schema.Note
	if first.pos.IsValid() {
		notes = append(notes, c.s.NewNote(first.pos, 0, first.what+" is declared here"))
	}
	c.add(code, id.pos, fmt.Sprintf("%s and %s would both be called %s in Go", first.what, id.what, name),
		"give one of them another name with go:, for example go: "+otherName(id), notes...)
}

// otherName suggests a go: name for an identifier that is taken.
func otherName(id ident) string {
	switch id.kind {
	case valueName:
		return "Other"
	case typeName, partOfType:
		return "OtherType"
	}
	return "OtherCommand"
}
