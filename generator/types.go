package generator

import (
	"fmt"
	"slices"

	"github.com/dave/jennifer/jen"
	"github.com/ipcio/ipcio-go/schema"
)

// emitType declares t with its methods.
func (g *gen) emitType(f *file, t *schema.Type) {
	switch t.Kind {
	case schema.NewType:
		g.emitNewType(f, t)
	case schema.Enum:
		g.emitEnum(f, t)
	case schema.Struct:
		g.emitStruct(f, t)
		g.emitStructCodec(f, t)
	case schema.Union:
		g.emitUnion(f, t)
	}
}

// hasParse reports whether t has a parse function.
func hasParse(t *schema.Type) bool {
	return t.Kind == schema.Enum || t.Kind == schema.NewType && isScalar(t.Base, schema.UUID)
}

// typeDoc returns the paragraphs of the comment of t. about is what to say if
// the schema says nothing.
func (g *gen) typeDoc(t *schema.Type, about string) []string {
	name := g.names.types[t]
	first := name + ": " + t.Doc
	if t.Doc == "" {
		first = name + " " + about
	}
	return []string{first, deprecated(t.Deprecated)}
}

// emitStruct declares the Go struct.
//
//	// Job: Doc of the schema.
//	type Job struct {
//		ID   JobID
//		Tags []Tag // …
//	}
func (g *gen) emitStruct(f *file, t *schema.Type) {
	about := "is a struct of the protocol."
	if v := t.Variant; v != nil {
		about = "is the variant " + v.Name + " of " + g.names.types[v.Union] + "."
	}
	if c := t.Command; c != nil {
		about = "is the payload of " + c.Name + "."
		if t == c.Reply {
			about = "is the reply to " + c.Name + "."
		}
	}
	f.decl(g.typeDoc(t, about), jen.Type().Id(g.names.types[t]).StructFunc(func(s *jen.Group) {
		for i, field := range t.Fields {
			lines := docs(g.fieldDoc(field), deprecated(field.Deprecated))
			if i > 0 && len(lines) > 0 {
				s.Line()
			}
			for _, l := range lines {
				s.Add(l)
			}
			s.Id(g.names.fields[field]).Add(g.fieldType(field))
		}
	}))
}

// emitEnum declares the type, its constants and its functions.
//
//	type JobState string
//
//	const (
//		JobStateQueued JobState = "queued"
//	)
//
//	var layoutJobState = codec.Enum{Name: "JobState", Values: []string{"queued", …}} // sorted
//
//	func JobStateValues() []JobState { return []JobState{JobStateQueued, …} }
//	func ParseJobState(s string) (JobState, error) {
//		v, err := layoutJobState.Parse(s)
//		return JobState(v), err
//	}
//	func (v JobState) String() string { return string(v) }
//	func (v JobState) Known() bool    { return layoutJobState.Known(string(v)) }
func (g *gen) emitEnum(f *file, t *schema.Type) {
	name := g.names.types[t]
	table := g.names.layoutVar(t)
	others := "It is open: a peer may send values that were added later."
	if t.Closed {
		others = "It is closed: other values are refused on both sides."
	}
	f.decl([]string{g.typeDoc(t, "is an enum of the protocol.")[0], others, deprecated(t.Deprecated)},
		jen.Type().Id(name).String())

	f.decl([]string{"The values of " + name + "."}, jen.Const().DefsFunc(func(d *jen.Group) {
		for _, v := range t.Values {
			for _, l := range docs(v.Doc, deprecated(v.Deprecated)) {
				d.Add(l)
			}
			d.Id(g.names.values[v]).Id(name).Op("=").Lit(v.Value)
		}
	}))

	sorted := make([]string, len(t.Values))
	for i, v := range t.Values {
		sorted[i] = v.Value
	}
	slices.Sort(sorted)
	entries := []jen.Code{entry("Name", jen.Lit(name)), entry("Values", jen.Index().String().ValuesFunc(func(l *jen.Group) {
		for _, v := range sorted {
			l.Lit(v)
		}
	}))}
	if t.Closed {
		entries = append(entries, entry("Closed", jen.True()))
	}
	g.emitTable(f, t, "Enum", entries)

	f.decl([]string{g.names.valuesFunc(t) + " returns the declared values in the order of the schema."},
		jen.Func().Id(g.names.valuesFunc(t)).Params().Index().Id(name).Block(
			jen.Return(jen.Index().Id(name).ValuesFunc(func(l *jen.Group) {
				for _, v := range t.Values {
					l.Id(g.names.values[v])
				}
			}))))

	f.decl([]string{g.names.parseFunc(t) + " returns s as a " + name + ". The error lists the declared values."},
		jen.Func().Id(g.names.parseFunc(t)).Params(jen.Id("s").String()).Params(jen.Id(name), jen.Error()).Block(
			jen.List(jen.Id("v"), jen.Err()).Op(":=").Id(table).Dot("Parse").Call(jen.Id("s")),
			jen.Return(jen.Id(name).Call(jen.Id("v")), jen.Err())))

	receiver := jen.Id("v").Id(name)
	f.decl([]string{"String returns the value as it travels."},
		jen.Func().Params(receiver.Clone()).Id("String").Params().String().Add(oneLiner(jen.Return(jen.String().Call(jen.Id("v"))))))
	f.decl([]string{"Known reports whether the schema declares the value."},
		jen.Func().Params(receiver.Clone()).Id("Known").Params().Bool().Add(
			oneLiner(jen.Return(jen.Id(table).Dot("Known").Call(jen.String().Call(jen.Id("v")))))))
}

// emitNewType declares the type, and the methods that Go does not pass on from
// the base, where the dynamic side would encode it wrongly without them.
func (g *gen) emitNewType(f *file, t *schema.Type) {
	name := g.names.types[t]
	// The Go type is based on what travels, so that a new type of a new type
	// converts like the first.
	base := g.goType(resolve(t.Base))
	f.decl(g.typeDoc(t, fmt.Sprintf("is a %s with a name of its own.", t.Base)), jen.Type().Id(name).Add(base))

	switch {
	case isScalar(t.Base, schema.UUID):
		g.emitParseUUID(f, t)
		g.emitConverted(f, t, base, "String", false, jen.String(), false)
		g.emitConverted(f, t, base, "MarshalText", false, bytesAndError(), false)
		g.emitConverted(f, t, base, "UnmarshalText", true, jen.Error(), true)
		g.emitScalarCBOR(f, t)
	case isScalar(t.Base, schema.Timestamp):
		f.decl([]string{"String returns the time as RFC 3339 writes it."},
			jen.Func().Params(jen.Id("v").Id(name)).Id("String").Params().String().Block(
				jen.Return(jen.Qual(pkgTime, "Time").Call(jen.Id("v")).Dot("Format").Call(jen.Qual(pkgTime, "RFC3339Nano")))))
		g.emitScalarCBOR(f, t)
	case isScalar(t.Base, schema.Any):
		g.emitScalarCBOR(f, t)
	case t.Constraints != nil:
		g.emitNewTypeTable(f, t)
	case hasConstraints(t):
		g.emitNewTypeValidate(f, t)
	case isStruct(t.Base):
		g.emitConverted(f, t, base, "AppendCBOR", true, bytesAndError(), true)
		g.emitConverted(f, t, base, "MarshalCBOR", false, bytesAndError(), true)
		g.emitConverted(f, t, base, "UnmarshalCBOR", true, jen.Error(), true)
		g.emitConverted(f, t, base, "Validate", false, jen.Error(), true)
		g.emitConverted(f, t, base, "String", false, jen.String(), true)
	}
}

func bytesParam() *jen.Statement    { return jen.Params(jen.Id("b").Index().Byte()) }
func bytesAndError() *jen.Statement { return jen.Params(jen.Index().Byte(), jen.Error()) }

// emitParseUUID declares the parse function of a new type of uuid.
//
//	func ParseJobID(s string) (JobID, error) {
//		v, err := ipcio.ParseUUID(s)
//		return JobID(v), err
//	}
func (g *gen) emitParseUUID(f *file, t *schema.Type) {
	name := g.names.types[t]
	f.decl([]string{g.names.parseFunc(t) + " reads the form that String writes: 00112233-4455-6677-8899-aabbccddeeff."},
		jen.Func().Id(g.names.parseFunc(t)).Params(jen.Id("s").String()).Params(jen.Id(name), jen.Error()).Block(
			jen.List(jen.Id("v"), jen.Err()).Op(":=").Qual(pkgRuntime, "ParseUUID").Call(jen.Id("s")),
			jen.Return(jen.Id(name).Call(jen.Id("v")), jen.Err())))
}

// emitConverted declares a method that is the base's.
//
//	func (v JobID) String() string                  { return ipcio.UUID(v).String() }
//	func (v *JobID) UnmarshalText(b []byte) error { return (*ipcio.UUID)(v).UnmarshalText(b) }
func (g *gen) emitConverted(f *file, t *schema.Type, base *jen.Statement, method string, takesBytes bool, results *jen.Statement, pointer bool) {
	params := jen.Params()
	receiver, converted := jen.Id("v").Id(g.names.types[t]), base.Clone().Call(jen.Id("v"))
	if pointer {
		receiver = jen.Id("v").Op("*").Id(g.names.types[t])
		converted = jen.Parens(jen.Op("*").Add(base.Clone())).Call(jen.Id("v"))
	}
	var args []jen.Code
	if takesBytes {
		params, args = bytesParam(), []jen.Code{jen.Id("b")}
	}
	f.decl([]string{methodDocs[method]}, jen.Func().Params(receiver).Id(method).
		Add(params, results, oneLiner(jen.Return(converted.Dot(method).Call(args...)))))
}

// methodDocs are the comments of methods that many types have.
var methodDocs = map[string]string{
	"AppendCBOR":    "AppendCBOR validates the value and appends its encoding to b.",
	"MarshalCBOR":   "MarshalCBOR returns the encoding.",
	"UnmarshalCBOR": "UnmarshalCBOR decodes b, validates and keeps none of b.",
	"UnmarshalLent": "UnmarshalLent is UnmarshalCBOR, but that fields with borrow point into b.",
	"Validate":      "Validate returns an *ipcio.ValidationError or nil.",
	"String":        "String returns the value in one line.",
	"MarshalText":   "MarshalText implements encoding.TextMarshaler.",
	"UnmarshalText": "UnmarshalText implements encoding.TextUnmarshaler.",
}

// emitScalarCBOR declares the codec of a new type of a scalar that the dynamic
// side would not know by its Go kind.
//
//	func (v JobID) AppendCBOR(b []byte) ([]byte, error) { return codec.UUID.Append(b, &v) }
//	func (v JobID) MarshalCBOR() ([]byte, error)        { return codec.UUID.Append(nil, &v) }
//	func (v *JobID) UnmarshalCBOR(b []byte) error       { return codec.UUID.Unmarshal(b, v) }
func (g *gen) emitScalarCBOR(f *file, t *schema.Type) {
	kind := func() *jen.Statement { return jen.Qual(pkgCodec, scalars[resolve(t.Base).Scalar].kind) }
	value, pointer := jen.Id("v").Id(g.names.types[t]), jen.Id("v").Op("*").Id(g.names.types[t])
	method := func(doc, name string, receiver, params, results, call *jen.Statement) {
		f.decl([]string{doc}, jen.Func().Params(receiver.Clone()).Id(name).Add(params, results, oneLiner(jen.Return(call))))
	}
	method("AppendCBOR appends the encoding to b.", "AppendCBOR", value, bytesParam(), bytesAndError(),
		kind().Dot("Append").Call(jen.Id("b"), jen.Op("&").Id("v")))
	method(methodDocs["MarshalCBOR"], "MarshalCBOR", value, jen.Params(), bytesAndError(),
		kind().Dot("Append").Call(jen.Nil(), jen.Op("&").Id("v")))
	method("UnmarshalCBOR decodes b and keeps none of it.", "UnmarshalCBOR", pointer, bytesParam(), jen.Error(),
		kind().Dot("Unmarshal").Call(jen.Id("b"), jen.Id("v")))
}
