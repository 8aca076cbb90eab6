package generator

import (
	"github.com/dave/jennifer/jen"
	"github.com/ipcio/ipcio-go/schema"
)

// emitUnion declares the interface, the types that implement it, and its
// table.
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
	g.emitUnionTable(f, t)
}

// emitUnionTable declares what a union may hold.
//
//	var layoutTask = codec.Union{Type: (*Task)(nil), Unknown: (*TaskUnknown)(nil), Variants: []codec.Variant{
//		{Key: "shell", Type: (*ShellTask)(nil), Of: &layoutShellTask},
//		{Key: "sleep", Type: (*TaskSleep)(nil), Of: codec.Duration},
//	}}
func (g *gen) emitUnionTable(f *file, t *schema.Type) {
	table := []jen.Code{g.typeEntry(t)}
	if !t.Closed {
		table = append(table, entry("Unknown", nilPointer(g.names.unknownType(t))))
	}
	rows := make([]jen.Code, len(t.Variants))
	for i, v := range t.Variants {
		rows[i] = jen.Values(entry("Key", jen.Lit(v.Name)), entry("Type", nilPointer(g.names.variants[v])), entry("Of", g.layout(t, v.Type)))
	}
	g.emitTable(f, t, "Union", append(table, entry("Variants", jen.Index().Qual(pkgCodec, "Variant").Add(lines(rows)))))
}

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
	switch t := variantStruct(v); {
	case t == nil:
		f.decl([]string{name + " is the variant " + v.Name + " of " + union + "."},
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
