package generator

import (
	"fmt"
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

// encodedKey returns the literal of an encoded key. The head of the text is
// part of it, so that a key costs one append.
//
//	"\x64data"
func encodedKey(name string) jen.Code {
	head := ""
	for _, c := range codec.AppendHead(nil, codec.Text, uint64(len(name))) {
		head += fmt.Sprintf(`\x%02x`, c)
	}
	// Keys are lower_snake: newNames refuses a schema with others. A digit or
	// letter after \x64 is not part of it, which has two digits always.
	return jen.Op(`"` + head + name + `"`)
}

// emitStructCodec declares the table of the fields and the methods that encode
// and decode a struct.
func (g *gen) emitStructCodec(f *file, t *schema.Type) {
	fields := wireOrder(t)
	if len(fields) > 0 {
		f.decl(nil, g.fieldTable(t, fields))
	}
	for _, field := range t.Fields {
		if field.Default != nil {
			g.emitGetter(f, t, field)
		}
	}
	g.emitStructMethods(f, t)
	g.emitStructValidate(f, t)
	f.decl(nil, g.method(t, "encodeCBOR").Params(encoderParam()).BlockFunc(func(body *jen.Group) {
		body.Add(g.encodeStruct(fields))
	}))
	f.decl(nil, g.method(t, "decodeCBOR").Params(jen.Id("d").Op("*").Qual(pkgCodec, "Decoder")).Block(g.decodeStruct(t, fields)))
}

// method begins a method with pointer receiver.
func (g *gen) method(t *schema.Type, name string) *jen.Statement {
	return jen.Func().Params(jen.Id("v").Op("*").Id(g.names.types[t])).Id(name)
}

// fieldTable declares the fields for the decoder.
//
//	var fieldsJob = []codec.Field{{Name: "id"}, {Name: "tags", Rule: codec.Optional}}
func (g *gen) fieldTable(t *schema.Type, fields []*schema.Field) jen.Code {
	const mostColumns = 100
	var rows [][]jen.Code
	width := mostColumns
	for _, field := range fields {
		columns := len(field.Name) + len(`{Name: ""}, `)
		row := []jen.Code{entry("Name", jen.Lit(field.Name))}
		switch {
		case field.Optional:
			row = append(row, entry("Rule", jen.Qual(pkgCodec, "Optional")))
			columns += len(", Rule: codec.Optional")
		case isScalar(field.Type, schema.Any):
			row = append(row, entry("Rule", jen.Qual(pkgCodec, "AnyValue")))
			columns += len(", Rule: codec.AnyValue")
		}
		if field.Secret {
			row = append(row, entry("Secret", jen.True()))
			columns += len(", Secret: true")
		}
		if width += columns; width > mostColumns {
			rows, width = append(rows, nil), columns
		}
		last := &rows[len(rows)-1]
		*last = append(*last, jen.Values(row...))
	}
	table := jen.Var().Id(g.names.fieldsVar(t)).Op("=").Index().Qual(pkgCodec, "Field")
	if len(rows) == 1 {
		return table.Values(rows[0]...)
	}
	all := make([]jen.Code, len(rows))
	for i, row := range rows {
		all[i] = jen.List(row...)
	}
	return table.Add(lines(all))
}

// emitStructMethods declares the exported methods.
//
//	func (v *Job) AppendCBOR(b []byte) ([]byte, error) {
//		e := codec.NewEncoder(b, v.Validate())
//		v.encodeCBOR(&e)
//		return e.Finish()
//	}
//	func (v *Job) MarshalCBOR() ([]byte, error) { return v.AppendCBOR(nil) }
//	func (v *Job) UnmarshalCBOR(b []byte) error {
//		*v = Job{}
//		d := codec.NewDecoder(b)
//		v.decodeCBOR(&d)
//		return d.Finish(v.Validate)
//	}
//	func (v *Job) String() string { return codec.String("Job", v.encodeCBOR) }
func (g *gen) emitStructMethods(f *file, t *schema.Type) {
	name := g.names.types[t]
	f.decl([]string{methodDocs["AppendCBOR"]},
		g.method(t, "AppendCBOR").Add(bytesParam(), bytesAndError()).Block(
			jen.Id("e").Op(":=").Qual(pkgCodec, "NewEncoder").Call(jen.Id("b"), jen.Id("v").Dot("Validate").Call()),
			jen.Id("v").Dot("encodeCBOR").Call(jen.Op("&").Id("e")),
			jen.Return(jen.Id("e").Dot("Finish").Call())))
	f.decl([]string{methodDocs["MarshalCBOR"]},
		g.method(t, "MarshalCBOR").Params().Add(bytesAndError(), oneLiner(jen.Return(jen.Id("v").Dot("AppendCBOR").Call(jen.Nil())))))
	f.decl([]string{methodDocs["UnmarshalCBOR"]},
		g.method(t, "UnmarshalCBOR").Add(bytesParam()).Error().Block(
			jen.Op("*").Id("v").Op("=").Id(name).Values(),
			jen.Id("d").Op(":=").Qual(pkgCodec, "NewDecoder").Call(jen.Id("b")),
			jen.Id("v").Dot("decodeCBOR").Call(jen.Op("&").Id("d")),
			jen.Return(jen.Id("d").Dot("Finish").Call(jen.Id("v").Dot("Validate")))))
	f.decl([]string{methodDocs["String"]},
		g.method(t, "String").Params().String().Add(
			oneLiner(jen.Return(jen.Qual(pkgCodec, "String").Call(jen.Lit(name), jen.Id("v").Dot("encodeCBOR"))))))
}

// fieldValue returns the value of a field, without the pointer of an optional
// one, and whether the code is a pointer all the same.
func (g *gen) fieldValue(f *schema.Field) (v value, isPointer bool) {
	name := g.names.fields[f]
	switch {
	case !f.Optional || hasNil(f.Type):
		return func() *jen.Statement { return jen.Id("v").Dot(name) }, false
	case isStruct(f.Type):
		return func() *jen.Statement { return jen.Id("v").Dot(name) }, true
	}
	return func() *jen.Statement { return jen.Op("*").Id("v").Dot(name) }, false
}

// encodeStruct returns the body of encodeCBOR. 48 is what the struct of an
// optional field takes in memory.
//
//	if s, ok := e.Struct(); ok {
//		e.Text("\x62id", v.ID)
//		if v.Task != nil {
//			e.Key("\x64task")
//			e.New(48)
//			v.Task.encodeCBOR(e)
//		}
//		e.Key("\x64tags")
//		encodeListTag(e, v.Tags)
//		e.End(s)
//	}
func (g *gen) encodeStruct(fields []*schema.Field) jen.Code {
	var body []jen.Code
	for _, f := range fields {
		stmts := g.encodeField(f)
		if f.Optional {
			stmts = []jen.Code{jen.If(jen.Id("v").Dot(g.names.fields[f]).Op("!=").Nil()).Block(stmts...)}
		}
		body = append(body, stmts...)
	}
	return encodeScope(jen.Id("e").Dot("Struct").Call(), body...)
}

// encodeField returns the statements for a field that is there. A secret one
// is written unless it is for people:
//
//	if !e.Masked("\x65token") {
//		e.Text("", v.Token)
//	}
func (g *gen) encodeField(f *schema.Field) []jen.Code {
	v, isPointer := g.fieldValue(f)
	var stmts []jen.Code
	if isPointer {
		stmts = append(stmts, jen.Id("e").Dot("New").Call(jen.Lit(sizeOf(f.Type))))
	}
	switch {
	case f.Secret:
		stmts = append(stmts, g.encodeValue(f.Type, nil, v, isPointer))
		if isComposite(f.Type) {
			stmts = append(stmts, jen.Id("e").Dot("Unmasked").Call(jen.Lit(f.Name)))
		}
		return []jen.Code{jen.If(jen.Op("!").Id("e").Dot("Masked").Call(encodedKey(f.Name))).Block(stmts...)}
	case isComposite(f.Type):
		stmts = slices.Insert(stmts, 0, jen.Code(jen.Id("e").Dot("Key").Call(encodedKey(f.Name))))
		return append(stmts, g.encodeValue(f.Type, nil, v, isPointer))
	}
	return append(stmts, g.encodeValue(f.Type, encodedKey(f.Name), v, isPointer))
}

// decodeStruct returns the body of decodeCBOR.
//
//	for s := d.Struct(fieldsJob); s.Next(); {
//		switch s.Index() {
//		case 0:
//			v.ID = d.Text()
//		case 1:
//			d.New(48)
//			v.Task = new(Task)
//			v.Task.decodeCBOR(d)
//		}
//	}
func (g *gen) decodeStruct(t *schema.Type, fields []*schema.Field) jen.Code {
	loop := func(table jen.Code, body ...jen.Code) jen.Code {
		return jen.For(jen.Id("s").Op(":=").Id("d").Dot("Struct").Call(table), jen.Id("s").Dot("Next").Call(), jen.Empty()).Block(body...)
	}
	if len(fields) == 0 {
		return loop(jen.Nil())
	}
	return loop(jen.Id(g.names.fieldsVar(t)), jen.Switch(jen.Id("s").Dot("Index").Call()).BlockFunc(func(cases *jen.Group) {
		for i, f := range fields {
			cases.Case(jen.Lit(i)).BlockFunc(func(body *jen.Group) { g.decodeField(body, f) })
		}
	}))
}

func (g *gen) decodeField(body *jen.Group, f *schema.Field) {
	target := func() *jen.Statement { return jen.Id("v").Dot(g.names.fields[f]) }
	pointer := f.Optional && !hasNil(f.Type)
	switch {
	case isStruct(f.Type):
		if pointer {
			body.Id("d").Dot("New").Call(jen.Lit(sizeOf(f.Type)))
			body.Add(target()).Op("=").New(g.goType(f.Type))
		}
		body.Add(g.structPointer(f.Type, target, pointer)).Dot("decodeCBOR").Call(jen.Id("d"))
	case pointer:
		body.Add(target()).Op("=").New(g.decodeExpr(f.Type))
	default:
		body.Add(target()).Op("=").Add(g.decodeExpr(f.Type))
	}
}
