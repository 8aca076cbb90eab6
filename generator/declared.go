package generator

import (
	"strings"
	"time"

	"github.com/dave/jennifer/jen"
	"github.com/ipcio/ipcio-go/schema"
)

// emitError declares an error of the schema: a struct with the methods of an
// ipcio.DeclaredError.
//
//	// QueueFullError: The queue is at its limit; nothing was stored.
//	type QueueFullError struct {
//		Limit uint32
//	}
//
//	func (v *QueueFullError) Error() string     { return "queue_full: The queue is at its limit; …" }
//	func (v *QueueFullError) ErrorName() string { return "QueueFull" }
//	func (v *QueueFullError) Retryable() bool   { return true }
func (g *gen) emitError(f *file, e *schema.Error) {
	t := g.names.errors[e]
	g.emitStruct(f, t)
	method := func(doc, name string, result *jen.Statement, v jen.Code) {
		f.decl([]string{doc}, g.method(t, name).Params().Add(result, oneLiner(jen.Return(v))))
	}
	text := snake(e.Name)
	if e.Doc != "" {
		text += ": " + oneLine(e.Doc)
	}
	method("Error returns the name and what the schema says.", "Error", jen.String(), jen.Lit(text))
	method("ErrorName returns the name as it travels.", "ErrorName", jen.String(), jen.Lit(e.Name))
	method("Retryable reports whether the same call may succeed later.", "Retryable", jen.Bool(), jen.Lit(e.Retry))
	g.emitStructCodec(f, t)
}

// snake turns QueueFull into queue_full.
func snake(name string) string {
	var b strings.Builder
	for i := range len(name) {
		upper := 'A' <= name[i] && name[i] <= 'Z'
		if upper && i > 0 && (name[i-1] < 'A' || name[i-1] > 'Z' || i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z') {
			b.WriteByte('_')
		}
		b.WriteByte(name[i])
	}
	return strings.ToLower(b.String())
}

// errorSpecs describes the errors to the runtime.
//
//	{Name: "QueueFull", Type: (*QueueFullError)(nil)}
func (g *gen) errorSpecs() []jen.Code {
	specs := make([]jen.Code, len(g.schema.Errors))
	for i, e := range g.schema.Errors {
		specs[i] = jen.Values(
			entry("Name", jen.Lit(e.Name)),
			entry("Type", nilPointer(g.names.types[g.names.errors[e]])))
	}
	return specs
}

// emitGetter declares the getter of a field with a default.
//
//	// GetPriority returns Priority, or normal if it is absent.
//	func (v *JobSubmitPayload) GetPriority() Priority {
//		if v == nil || v.Priority == nil {
//			return PriorityNormal
//		}
//		return *v.Priority
//	}
func (g *gen) emitGetter(f *file, t *schema.Type, field *schema.Field) {
	name, getter := g.names.fields[field], g.names.getter(field)
	what := field.Default.String()
	if field.Secret {
		what = "its default"
	} else if field.Default.Scalar == schema.String && field.Default.Enum == nil {
		what = `"` + what + `"`
	}
	v := jen.Id("v").Dot(name)
	if !hasNil(field.Type) {
		v = jen.Op("*").Add(v)
	}
	f.decl([]string{getter + " returns " + name + ", or " + what + " if it is absent. v may be nil.", deprecated(field.Deprecated)},
		g.method(t, getter).Params().Add(g.goType(field.Type)).Block(
			jen.If(jen.Id("v").Op("==").Nil().Op("||").Id("v").Dot(name).Op("==").Nil()).Block(jen.Return(g.defaultValue(field))),
			jen.Return(v)))
}

// defaultValue returns the default of a field as Go writes it.
func (g *gen) defaultValue(f *schema.Field) jen.Code {
	switch d := f.Default; {
	case d.Enum != nil:
		c := jen.Id(g.names.values[d.Enum])
		if f.Type.Named.Kind != schema.Enum {
			return g.goType(f.Type).Call(c) // a new type of the enum
		}
		return c
	case d.Scalar == schema.Duration:
		if f.Type.Kind == schema.ScalarExpr {
			return durationCode(d.Duration)
		}
		return g.goType(f.Type).Call(durationCode(d.Duration))
	default:
		return g.literal(d)
	}
}

// durationCode returns d as people write it in Go, in its largest whole unit.
func durationCode(d time.Duration) jen.Code {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{
		{time.Hour, "Hour"}, {time.Minute, "Minute"}, {time.Second, "Second"},
		{time.Millisecond, "Millisecond"}, {time.Microsecond, "Microsecond"},
	} {
		switch {
		case d == unit.size:
			return jen.Qual(pkgTime, unit.name)
		case d != 0 && d%unit.size == 0:
			return jen.Lit(int(d/unit.size)).Op("*").Qual(pkgTime, unit.name)
		}
	}
	return jen.Op(durationLiteral(d))
}

// fieldDoc returns what the schema says of a field, and what people have to
// know to set it: its constraints and its default.
func (g *gen) fieldDoc(f *schema.Field) string {
	var notes []string
	if c := f.Constraints; c != nil {
		if c.Range != nil {
			notes = append(notes, c.Range.String())
		}
		if c.Len != nil {
			notes = append(notes, "len "+c.Len.String())
		}
		if c.Pattern != nil {
			notes = append(notes, "pattern "+c.Pattern.Expr)
		}
		if c.Format != 0 {
			notes = append(notes, "format "+c.Format.String())
		}
		if c.In != nil {
			var values []string
			for _, v := range c.In {
				values = append(values, v.String())
			}
			notes = append(notes, "one of "+strings.Join(values, ", "))
		}
		if c.Unique {
			notes = append(notes, "unique")
		}
	}
	if f.Default != nil {
		notes = append(notes, "see "+g.names.getter(f)+" for what an absent one means")
	}
	if f.Secret {
		notes = append(notes, "never printed")
	}
	if f.Borrow {
		notes = append(notes, "lent to a handler until it returns, which must copy what it keeps")
	}
	text := strings.Join(notes, "; ")
	switch {
	case text == "":
		return f.Doc
	case f.Doc == "":
		return strings.ToUpper(text[:1]) + text[1:] + "."
	}
	return strings.TrimRight(f.Doc, "\n") + "\n" + strings.ToUpper(text[:1]) + text[1:] + "."
}
