package generator

import (
	"slices"

	"github.com/dave/jennifer/jen"
	"github.com/ipcio/ipcio-go/runtime/codec"
	"github.com/ipcio/ipcio-go/schema"
)

// variantOrder returns the variants in the order of their keys.
func variantOrder(t *schema.Type) []*schema.Variant {
	list := slices.Clone(t.Variants)
	slices.SortFunc(list, func(a, b *schema.Variant) int { return codec.CompareKeys(a.Name, b.Name) })
	return list
}

// emitUnion declares the interface, the types that implement it, and the
// functions that encode, decode and validate it.
//
//	// Task: What a job runs.
//	//
//	// It is one of *ShellTask, *TaskSleep or *TaskUnknown.
//	//
//	//sumtype:decl
//	type Task interface {
//		// TaskKind returns the name of the variant as it travels.
//		TaskKind() string
//		isTask()
//	}
func (g *gen) emitUnion(f *file, t *schema.Type) {
	name := g.names.types[t]
	about := "It is one of"
	for i, v := range t.Variants {
		about += []string{" *", ", *"}[min(i, 1)] + g.names.variants[v]
	}
	if t.Closed {
		about += ". It is closed: other variants are refused on both sides."
	} else {
		about += " and, for variants that were added later, *" + g.names.unknownType(t) + "."
	}
	f.declDirective([]string{g.typeDoc(t, "is a union of the protocol.")[0], about, deprecated(t.Deprecated)}, "sumtype:decl",
		jen.Type().Id(name).InterfaceFunc(func(i *jen.Group) {
			for _, l := range docs(g.names.kindMethod(t) + " returns the name of the variant as it travels.") {
				i.Add(l)
			}
			i.Id(g.names.kindMethod(t)).Params().String()
			i.Id("is" + name).Params()
		}))
	for _, v := range t.Variants {
		g.emitVariant(f, v)
	}
	if !t.Closed {
		g.emitUnknown(f, t)
	}
	f.decl(nil, jen.Var().Id(g.names.variantsVar(t)).Op("=").Index().String().ValuesFunc(func(l *jen.Group) {
		for _, v := range variantOrder(t) {
			l.Lit(v.Name)
		}
	}))
	g.emitUnionEncode(f, t)
	g.emitUnionDecode(f, t)
	if needsValidate(unionExpr(t), nil) {
		g.emitUnionValidate(f, t)
	}
}

func unionExpr(t *schema.Type) *schema.Expr { return &schema.Expr{Kind: schema.NamedExpr, Named: t} }

// emitVariant declares the methods that make a type a variant, and the type if
// it is no struct of the schema.
//
//	// TaskSleep is the variant sleep of Task.
//	type TaskSleep struct{ Value time.Duration }
//
//	// TaskKind returns "sleep".
//	func (*TaskSleep) TaskKind() string { return "sleep" }
//	func (*TaskSleep) isTask()          {}
func (g *gen) emitVariant(f *file, v *schema.Variant) {
	name := g.names.variants[v]
	union := g.names.types[v.Union]
	about := name + " is the variant " + v.Name + " of " + union + "."
	if v.Doc != "" {
		about += " " + v.Doc
	}
	switch t := variantStruct(v); {
	case t == nil:
		f.decl([]string{about, deprecated(v.Deprecated)},
			jen.Type().Id(name).Add(jen.Op("struct").Add(oneLiner(jen.Id("Value").Add(g.goType(v.Type))))))
	case t.Variant == v:
		g.emitStruct(f, t)
		g.emitStructCodec(f, t)
	}
	g.emitVariantMethods(f, v.Union, name, jen.Lit(v.Name), "")
}

func (g *gen) emitVariantMethods(f *file, union *schema.Type, name string, kind jen.Code, receiver string) {
	method := g.names.kindMethod(union)
	f.decl([]string{method + " returns the name of the variant as it travels."},
		jen.Func().Params(jen.Id(receiver).Op("*").Id(name)).Id(method).Params().String().Add(oneLiner(jen.Return(kind))))
	f.decl(nil, jen.Func().Params(jen.Op("*").Id(name)).Id("is"+g.names.types[union]).Params().Block())
}

// emitUnknown declares the type of the variants that an open union does not
// declare.
//
//	type TaskUnknown struct {
//		Kind  string
//		Value ipcio.Any
//	}
func (g *gen) emitUnknown(f *file, t *schema.Type) {
	name := g.names.unknownType(t)
	f.decl([]string{name + " is a variant of " + g.names.types[t] + " that was added later. It is encoded as it was received."},
		jen.Type().Id(name).Struct(jen.Id("Kind").String(), jen.Id("Value").Qual(pkgRuntime, "Any")))
	g.emitVariantMethods(f, t, name, jen.Id("v").Dot("Kind"), "v")
}

// emitUnionEncode declares the encoder of a union.
//
//	func encodeTask(e *codec.Encoder, v Task) {
//		if s, ok := e.Struct(); ok {
//			switch u := v.(type) {
//			case *ShellTask:
//				if e.Variant("\x65shell", u != nil) {
//					e.New(48)
//					u.encodeCBOR(e)
//				}
//			case *TaskUnknown:
//				if u != nil {
//					e.Unknown(u.Kind, u.Value, variantsTask)
//				} else {
//					e.NoVariant("Task")
//				}
//			default:
//				e.NoVariant("Task")
//			}
//			e.End(s)
//		}
//	}
func (g *gen) emitUnionEncode(f *file, t *schema.Type) {
	none := func() jen.Code { return jen.Id("e").Dot("NoVariant").Call(jen.Lit(g.names.types[t])) }
	f.decl(nil, jen.Func().Id(g.names.encodeFunc(t)).Params(encoderParam(), jen.Id("v").Id(g.names.types[t])).Block(
		encodeScope(jen.Id("e").Dot("Struct").Call(), g.variantSwitch(t, func(cases *jen.Group) {
			for _, v := range variantOrder(t) {
				write := g.encodeValue(v.Type, nil, variantValue(v), variantStruct(v) != nil)
				cases.Case(jen.Op("*").Id(g.names.variants[v])).Block(
					jen.If(jen.Id("e").Dot("Variant").Call(encodedKey(v.Name), jen.Id("u").Op("!=").Nil())).Block(
						jen.Id("e").Dot("New").Call(jen.Lit(variantSize(v))), write))
			}
			if !t.Closed {
				cases.Case(jen.Op("*").Id(g.names.unknownType(t))).Block(
					jen.If(jen.Id("u").Op("!=").Nil()).Block(
						jen.Id("e").Dot("Unknown").Call(jen.Id("u").Dot("Kind"), jen.Id("u").Dot("Value"), jen.Id(g.names.variantsVar(t))),
					).Else().Block(none()))
			}
			cases.Default().Block(none())
		}))))
}

// variantSwitch returns a switch over the type of v.
func (g *gen) variantSwitch(t *schema.Type, cases func(*jen.Group)) jen.Code {
	return jen.Switch(jen.Id("u").Op(":=").Id("v").Assert(jen.Type())).BlockFunc(cases)
}

// variantValue returns the value inside of the variant u.
func variantValue(v *schema.Variant) value {
	if variantStruct(v) != nil {
		return local("u")
	}
	return func() *jen.Statement { return jen.Id("u").Dot("Value") }
}

func variantSize(v *schema.Variant) int { return sizeOf(v.Type) }

// emitUnionDecode declares the decoder of a union.
//
//	func decodeTask(d *codec.Decoder) (v Task) {
//		x := d.Union(variantsTask, false)
//		switch x.Index() {
//		case 0:
//			d.New(48)
//			u := new(ShellTask)
//			u.decodeCBOR(d)
//			v = u
//		case 1:
//			d.New(8)
//			v = &TaskSleep{Value: d.Duration()}
//		case codec.UnknownVariant:
//			v = &TaskUnknown{Kind: x.Kind(), Value: d.Any()}
//		}
//		x.End()
//		return v
//	}
func (g *gen) emitUnionDecode(f *file, t *schema.Type) {
	f.decl(nil, jen.Func().Id(g.names.decodeFunc(t)).Params(jen.Id("d").Op("*").Qual(pkgCodec, "Decoder")).Params(jen.Id("v").Id(g.names.types[t])).Block(
		jen.Id("x").Op(":=").Id("d").Dot("Union").Call(jen.Id(g.names.variantsVar(t)), jen.Lit(t.Closed)),
		jen.Switch(jen.Id("x").Dot("Index").Call()).BlockFunc(func(cases *jen.Group) {
			for i, v := range variantOrder(t) {
				cases.Case(jen.Lit(i)).BlockFunc(func(body *jen.Group) { g.decodeVariant(body, v) })
			}
			if !t.Closed {
				cases.Case(jen.Qual(pkgCodec, "UnknownVariant")).Block(
					jen.Id("v").Op("=").Op("&").Id(g.names.unknownType(t)).Values(
						jen.Id("Kind").Op(":").Id("x").Dot("Kind").Call(),
						jen.Id("Value").Op(":").Id("d").Dot("Any").Call()))
			}
		}),
		jen.Id("x").Dot("End").Call(),
		jen.Return(jen.Id("v"))))
}

func (g *gen) decodeVariant(body *jen.Group, v *schema.Variant) {
	name := g.names.variants[v]
	body.Id("d").Dot("New").Call(jen.Lit(variantSize(v)))
	switch {
	case variantStruct(v) != nil:
		body.Id("u").Op(":=").New(jen.Id(name))
		body.Id("u").Dot("decodeCBOR").Call(jen.Id("d"))
	case isStruct(v.Type): // under a new type
		body.Id("u").Op(":=").New(jen.Id(name))
		body.Add(g.structPointer(v.Type, variantValue(v), false)).Dot("decodeCBOR").Call(jen.Id("d"))
	default:
		body.Id("v").Op("=").Op("&").Id(name).Values(jen.Id("Value").Op(":").Add(g.decodeExpr(v.Type)))
		return
	}
	body.Id("v").Op("=").Id("u")
}

// emitUnionValidate declares the function that validates what a union holds.
//
//	func validateTask(c *codec.Validator, v Task) {
//		switch u := v.(type) {
//		case *ShellTask:
//			if u != nil && c.Enter() {
//				u.validate(c)
//				c.Leave("shell")
//			}
//		}
//	}
func (g *gen) emitUnionValidate(f *file, t *schema.Type) {
	f.decl(nil, jen.Func().Id(g.names.validateFunc(t)).Params(validatorParam(), jen.Id("v").Id(g.names.types[t])).Block(
		g.variantSwitch(t, func(cases *jen.Group) {
			for _, v := range variantOrder(t) {
				inside := g.validateValue(jen.Lit(""), v.Type, variantValue(v), variantStruct(v) != nil)
				if len(inside) == 0 {
					continue
				}
				cases.Case(jen.Op("*").Id(g.names.variants[v])).Block(
					jen.If(jen.Id("u").Op("!=").Nil().Op("&&").Id("c").Dot("Enter").Call()).Block(
						append(inside, jen.Id("c").Dot("Leave").Call(jen.Lit(v.Name)))...))
			}
		})))
}
