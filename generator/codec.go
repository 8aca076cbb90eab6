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

// key returns code that appends the key of a field to b. The head of the text
// is part of the literal, so that a key costs one append.
//
//	append(b, "\x64data"...)
func key(f *schema.Field) jen.Code {
	head := ""
	for _, c := range codec.AppendHead(nil, codec.Text, uint64(len(f.Name))) {
		head += fmt.Sprintf(`\x%02x`, c)
	}
	// Field names are lower_snake: newNames refuses a schema with others.
	return jen.Append(jen.Id("b"), jen.Op(`"`+head+f.Name+`"`).Op("..."))
}

// emitStructCodec declares the table of the fields and the methods that encode
// and decode a struct.
func (g *gen) emitStructCodec(f *file, t *schema.Type) {
	fields := wireOrder(t)
	if len(fields) > 0 {
		f.decl(nil, g.fieldTable(t, fields))
	}
	g.emitStructMethods(f, t)
	f.decl(nil, g.method(t, "checkCBOR").Params(jen.Id("c").Op("*").Qual(pkgCodec, "Checker")).Bool().Block(
		jen.Return(g.checkStruct(fields))))
	f.decl(nil, g.method(t, "appendCBOR").Params(jen.Id("b").Index().Byte()).Index().Byte().BlockFunc(func(body *jen.Group) {
		g.appendStruct(body, fields)
	}))
	f.decl(nil, g.method(t, "decodeCBOR").Params(jen.Id("d").Op("*").Qual(pkgCodec, "Decoder")).Block(g.decodeStruct(t, fields)))
}

// method begins a method with pointer receiver.
func (g *gen) method(t *schema.Type, name string) *jen.Statement {
	return jen.Func().Params(jen.Id("v").Op("*").Id(g.names.types[t])).Id(name)
}

// fieldTable declares the fields for the decoder.
//
//	var fieldsJob = []codec.Field{
//		{Name: "id"},
//		{Name: "tags", Rule: codec.Optional},
//	}
func (g *gen) fieldTable(t *schema.Type, fields []*schema.Field) jen.Code {
	rows := make([]jen.Code, len(fields))
	for i, field := range fields {
		row := []jen.Code{entry("Name", jen.Lit(field.Name))}
		switch {
		case field.Optional:
			row = append(row, entry("Rule", jen.Qual(pkgCodec, "Optional")))
		case isScalar(field.Type, schema.Any):
			row = append(row, entry("Rule", jen.Qual(pkgCodec, "AnyValue")))
		}
		rows[i] = jen.Values(row...)
	}
	return jen.Var().Id(g.names.fieldsVar(t)).Op("=").Index().Qual(pkgCodec, "Field").Add(lines(rows))
}

// emitStructMethods declares the exported methods.
//
//	func (v *Job) AppendCBOR(b []byte) ([]byte, error) {
//		var c codec.Checker
//		if !v.checkCBOR(&c) {
//			return b, c.Err()
//		}
//		return c.Finish(b, v.appendCBOR(b))
//	}
//	func (v *Job) MarshalCBOR() ([]byte, error) { return v.AppendCBOR(nil) }
//	func (v *Job) UnmarshalCBOR(b []byte) error {
//		d := codec.NewDecoder(b)
//		var x Job
//		x.decodeCBOR(&d)
//		if err := d.Finish(); err != nil {
//			return err
//		}
//		*v = x
//		return nil
//	}
//	func (v *Job) Validate() error {
//		var c codec.Checker
//		v.checkCBOR(&c)
//		return c.Err()
//	}
//	func (v *Job) String() string { return codec.String("Job", v.AppendCBOR) }
func (g *gen) emitStructMethods(f *file, t *schema.Type) {
	name := g.names.types[t]
	checker := func() jen.Code { return jen.Var().Id("c").Qual(pkgCodec, "Checker") }
	f.decl([]string{methodDocs["AppendCBOR"]},
		g.method(t, "AppendCBOR").Add(bytesParam(), bytesAndError()).Block(
			checker(),
			jen.If(jen.Op("!").Id("v").Dot("checkCBOR").Call(jen.Op("&").Id("c"))).Block(
				jen.Return(jen.Id("b"), jen.Id("c").Dot("Err").Call())),
			jen.Return(jen.Id("c").Dot("Finish").Call(jen.Id("b"), jen.Id("v").Dot("appendCBOR").Call(jen.Id("b"))))))
	f.decl([]string{methodDocs["MarshalCBOR"]},
		g.method(t, "MarshalCBOR").Params().Add(bytesAndError(), oneLiner(jen.Return(jen.Id("v").Dot("AppendCBOR").Call(jen.Nil())))))
	f.decl([]string{methodDocs["UnmarshalCBOR"]},
		g.method(t, "UnmarshalCBOR").Add(bytesParam()).Error().Block(
			jen.Id("d").Op(":=").Qual(pkgCodec, "NewDecoder").Call(jen.Id("b")),
			jen.Var().Id("x").Id(name),
			jen.Id("x").Dot("decodeCBOR").Call(jen.Op("&").Id("d")),
			jen.If(jen.Err().Op(":=").Id("d").Dot("Finish").Call(), jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Err())),
			jen.Op("*").Id("v").Op("=").Id("x"),
			jen.Return(jen.Nil())))
	f.decl([]string{methodDocs["Validate"]},
		g.method(t, "Validate").Params().Error().Block(
			checker(),
			jen.Id("v").Dot("checkCBOR").Call(jen.Op("&").Id("c")),
			jen.Return(jen.Id("c").Dot("Err").Call())))
	f.decl([]string{methodDocs["String"]},
		g.method(t, "String").Params().String().Add(
			oneLiner(jen.Return(jen.Qual(pkgCodec, "String").Call(jen.Lit(name), jen.Id("v").Dot("AppendCBOR"))))))
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

// checkStruct returns the condition that all fields are in order.
//
//	c.Enter() &&
//		c.Field("id", c.Text(v.ID)) &&
//		(v.Task == nil || codec.EnterNew(c, v.Task) && c.Field("task", v.Task.checkCBOR(c))) &&
//		c.Leave()
func (g *gen) checkStruct(fields []*schema.Field) jen.Code {
	cond := jen.Id("c").Dot("Enter").Call()
	for _, f := range fields {
		if !canBeWrong(f.Type) {
			continue
		}
		v, isPointer := g.fieldValue(f)
		step := jen.Id("c").Dot("Field").Call(jen.Lit(f.Name), g.checkExpr(f.Type, v, isPointer))
		if isPointer {
			step = jen.Qual(pkgCodec, "EnterNew").Call(jen.Id("c"), v()).Op("&&").Add(step)
		}
		if f.Optional {
			step = jen.Parens(jen.Id("v").Dot(g.names.fields[f]).Op("==").Nil().Op("||").Add(step))
		}
		cond.Op("&&").Line().Add(step)
	}
	return cond.Op("&&").Line().Id("c").Dot("Leave").Call()
}

// appendStruct writes the body of appendCBOR.
//
//	n := 2
//	if v.Tags != nil {
//		n++
//	}
//	b = codec.AppendMapHead(b, n)
//	b = codec.AppendText(append(b, "\x62id"...), v.ID)
//	if v.Tags != nil {
//		b = appendListTag(append(b, "\x64tags"...), v.Tags)
//	}
//	return b
func (g *gen) appendStruct(body *jen.Group, fields []*schema.Field) {
	present := func(f *schema.Field) *jen.Statement {
		return jen.If(jen.Id("v").Dot(g.names.fields[f]).Op("!=").Nil())
	}
	count := func() jen.Code { return jen.Lit(len(fields)) }
	if i := slices.IndexFunc(fields, func(f *schema.Field) bool { return f.Optional }); i >= 0 {
		required := 0
		for _, f := range fields {
			if !f.Optional {
				required++
			}
		}
		body.Id("n").Op(":=").Lit(required)
		for _, f := range fields {
			if f.Optional {
				body.Add(present(f).Block(jen.Id("n").Op("++")))
			}
		}
		count = func() jen.Code { return jen.Id("n") }
	}
	if len(fields) == 0 {
		body.Return(jen.Qual(pkgCodec, "AppendMapHead").Call(jen.Id("b"), jen.Lit(0)))
		return
	}
	body.Id("b").Op("=").Qual(pkgCodec, "AppendMapHead").Call(jen.Id("b"), count())
	for _, f := range fields {
		v, isPointer := g.fieldValue(f)
		assign := jen.Id("b").Op("=").Add(g.appendExpr(f.Type, key(f), v, isPointer))
		if f.Optional {
			body.Add(present(f).Block(assign))
		} else {
			body.Add(assign)
		}
	}
	body.Return(jen.Id("b"))
}

// decodeStruct returns the body of decodeCBOR.
//
//	for s := d.Struct(fieldsJob); s.Next(); {
//		switch s.Index() {
//		case 0:
//			v.ID = d.Text()
//		case 1:
//			v.Task = codec.New[Task](d)
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
			body.Add(target()).Op("=").Qual(pkgCodec, "New").Types(g.goType(f.Type)).Call(jen.Id("d"))
		}
		body.Add(g.structPointer(f.Type, target, pointer)).Dot("decodeCBOR").Call(jen.Id("d"))
	case pointer:
		body.Add(target()).Op("=").New(g.decodeExpr(f.Type))
	default:
		body.Add(target()).Op("=").Add(g.decodeExpr(f.Type))
	}
}
