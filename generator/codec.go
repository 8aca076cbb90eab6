package generator

import (
	"slices"

	"github.com/dave/jennifer/jen"
	"github.com/ipcio/ipcio-go/runtime/codec"
	"github.com/ipcio/ipcio-go/schema"
)

// wireOrder returns the fields in the order in which they are written.
func wireOrder(t *schema.Type) []*schema.Field {
	fields := slices.Clone(t.Fields)
	slices.SortFunc(fields, func(a, b *schema.Field) int { return codec.CompareKeys(a.Name, b.Name) })
	return fields
}

// emitStructCodec declares the table of a struct and its methods.
func (g *gen) emitStructCodec(f *file, t *schema.Type) {
	g.emitStructTable(f, t)
	for _, field := range t.Fields {
		if field.Default != nil {
			g.emitGetter(f, t, field)
		}
	}
	g.emitStructMethods(f, t)
}

// method begins a method with pointer receiver.
func (g *gen) method(t *schema.Type, name string) *jen.Statement {
	return jen.Func().Params(jen.Id("v").Op("*").Id(g.names.types[t])).Id(name)
}

// emitStructTable declares what a struct looks like, field by field.
//
//	var layoutJob = codec.Struct{Type: (*Job)(nil), Fields: []codec.Field{
//		{Key: "id", Of: codec.UUID},
//		{Key: "tags", Of: codec.List{Of: &layoutTag}, Rules: []codec.Rule{codec.Len{Max: 16}}},
//		{Key: "result", Of: &layoutJobResult, Optional: true},
//	}}
func (g *gen) emitStructTable(f *file, t *schema.Type) {
	table := []jen.Code{g.typeEntry(t)}
	if len(t.Fields) > 0 {
		rows := make([]jen.Code, len(t.Fields))
		for i, field := range t.Fields {
			row := []jen.Code{entry("Key", jen.Lit(field.Name)), entry("Of", g.layout(t, field.Type))}
			row = append(row, g.rulesEntry(field.Constraints, field.Type)...)
			if field.Optional {
				row = append(row, entry("Optional", jen.True()))
			}
			if field.Secret {
				row = append(row, entry("Secret", jen.True()))
			}
			if field.Borrow {
				row = append(row, entry("Borrow", jen.True()))
			}
			rows[i] = jen.Values(row...)
		}
		table = append(table, entry("Fields", jen.Index().Qual(pkgCodec, "Field").Add(lines(rows))))
	}
	g.emitTable(f, t, "Struct", table)
}

// emitTable declares the variable that describes t.
func (g *gen) emitTable(f *file, t *schema.Type, kind string, entries []jen.Code) {
	name := g.names.layoutVar(t)
	f.decl(nil, jen.Var().Id(name).Op("=").Qual(pkgCodec, kind).Values(entries...))
	if !g.cycles.holdsItself(t) {
		return
	}
	ref := g.names.refType(t)
	f.decl([]string{ref + " stands for " + name + " where that is part of itself."}, jen.Type().Id(ref).Struct())
	f.decl(nil, jen.Func().Params(jen.Id(ref)).Id("Layout").Params().Qual(pkgCodec, "Type").Add(
		oneLiner(jen.Return(jen.Op("&").Id(name)))))
}

// typeEntry says which Go type a table describes: Type: (*Job)(nil).
func (g *gen) typeEntry(t *schema.Type) jen.Code { return entry("Type", nilPointer(g.names.types[t])) }

func nilPointer(name string) *jen.Statement {
	return jen.Parens(jen.Op("*").Id(name)).Parens(jen.Nil())
}

// layout returns the codec.Type of e, which is a part of from. A new type
// without rules of its own is what it is based on.
func (g *gen) layout(from *schema.Type, e *schema.Expr) jen.Code {
	switch e.Kind {
	case schema.ScalarExpr:
		return jen.Qual(pkgCodec, scalars[e.Scalar].kind)
	case schema.ListExpr:
		return jen.Qual(pkgCodec, "List").Values(entry("Of", g.layout(from, e.Elem)))
	case schema.MapExpr:
		return jen.Qual(pkgCodec, "Map").Values(entry("Of", g.layout(from, e.Elem)))
	}
	switch t := e.Named; {
	case !hasTable(t):
		return g.layout(from, t.Base)
	case g.cycles.together(from, t):
		return jen.Id(g.names.refType(t)).Values()
	default:
		return jen.Op("&").Id(g.names.layoutVar(t))
	}
}

// hasTable reports whether t has a variable that describes it.
func hasTable(t *schema.Type) bool { return t.Kind != schema.NewType || t.Constraints != nil }

// emitStructMethods declares the exported methods.
//
//	func (v *Job) AppendCBOR(b []byte) ([]byte, error) { return layoutJob.Append(b, v) }
//	func (v *Job) MarshalCBOR() ([]byte, error)        { return layoutJob.Append(nil, v) }
//	func (v *Job) UnmarshalCBOR(b []byte) error        { return layoutJob.Unmarshal(b, v) }
//	func (v *Job) UnmarshalLent(b []byte) error       { return layoutJob.UnmarshalLent(b, v) } // of payloads that lend
//	func (v *Job) Validate() error                     { return layoutJob.Validate(v) }
//	func (v *Job) String() string                      { return layoutJob.String(v) }
func (g *gen) emitStructMethods(f *file, t *schema.Type) {
	v, b := jen.Id("v"), jen.Id("b")
	method := func(name string, params, results *jen.Statement, call string, args ...jen.Code) {
		f.decl([]string{methodDocs[name]}, g.method(t, name).Add(params, results,
			oneLiner(jen.Return(jen.Id(g.names.layoutVar(t)).Dot(call).Call(args...)))))
	}
	method("AppendCBOR", bytesParam(), bytesAndError(), "Append", b, v)
	method("MarshalCBOR", jen.Params(), bytesAndError(), "Append", jen.Nil(), v)
	method("UnmarshalCBOR", bytesParam(), jen.Error(), "Unmarshal", b, v)
	if g.lends[t] {
		method("UnmarshalLent", bytesParam(), jen.Error(), "UnmarshalLent", b, v)
	}
	method("Validate", jen.Params(), jen.Error(), "Validate", v)
	method("String", jen.Params(), jen.String(), "String", v)
}
