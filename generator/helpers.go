package generator

import (
	"strconv"

	"github.com/dave/jennifer/jen"
	"github.com/ipcio/ipcio-go/schema"
)

// helperKind says what a helper does.
type helperKind string

// The kinds of helpers.
const (
	encodeHelper   helperKind = "encode"
	decodeHelper   helperKind = "decode"
	validateHelper helperKind = "validate"
)

// helpers are the functions for lists and maps: two or three for each different
// list or map of the package, in the file that needs them first.
type helpers struct {
	names   map[string]string // by kind and expression
	taken   map[string]bool
	waiting []helper // asked for, not yet emitted, in order
}

type helper struct {
	kind helperKind
	name string
	expr *schema.Expr // a list or map
}

func newHelpers() *helpers {
	return &helpers{names: map[string]string{}, taken: map[string]bool{}}
}

// name returns the function for e and has it emitted if it is new. The names
// are unexported, so a number at the end hurts nobody: list<string> and a list
// of a type called String would both be decodeListString.
func (h *helpers) name(g *gen, kind helperKind, e *schema.Expr) string {
	id := string(kind) + " " + e.String()
	if name, ok := h.names[id]; ok {
		return name
	}
	name := h.unique(string(kind) + g.wordsOf(e))
	h.names[id] = name
	h.waiting = append(h.waiting, helper{kind, name, e})
	return name
}

// unique returns a name that no helper has yet.
func (h *helpers) unique(base string) string {
	name := base
	for i := 2; h.taken[name]; i++ {
		name = base + strconv.Itoa(i)
	}
	h.taken[name] = true
	return name
}

// wordsOf returns an expression in words: list<map<int64>> is ListMapInt64.
func (g *gen) wordsOf(e *schema.Expr) string {
	switch e.Kind {
	case schema.ListExpr:
		return "List" + g.wordsOf(e.Elem)
	case schema.MapExpr:
		return "Map" + g.wordsOf(e.Elem)
	case schema.NamedExpr:
		return g.names.types[e.Named]
	}
	return g.names.derive(e.Scalar.String())
}

// emitHelpers declares the functions asked for since the last call, and those
// they ask for themselves.
func (g *gen) emitHelpers(f *file) {
	h := g.helpers
	for len(h.waiting) > 0 {
		next := h.waiting[0]
		h.waiting = h.waiting[1:]
		var code jen.Code
		switch list := next.expr.Kind == schema.ListExpr; {
		case next.kind == encodeHelper && list:
			code = g.encodeList(next)
		case next.kind == encodeHelper:
			code = g.encodeMap(next)
		case next.kind == validateHelper && list:
			code = g.validateList(next)
		case next.kind == validateHelper:
			code = g.validateMap(next)
		case list:
			code = g.decodeList(next)
		default:
			code = g.decodeMap(next)
		}
		f.decl(nil, code)
	}
}

// element returns v[i], which is addressable if v is a slice.
func element(index string) value {
	return func() *jen.Statement { return jen.Id("v").Index(jen.Id(index)) }
}

func local(name string) value {
	return func() *jen.Statement { return jen.Id(name) }
}

// encodeList declares the encoder of a list. 16 is what an element takes in
// memory.
//
//	func encodeListTag(e *codec.Encoder, v []Tag) {
//		if s, ok := e.List(len(v), 16); ok {
//			for i := range v {
//				e.Elem(i)
//				e.Text("", string(v[i]))
//			}
//			e.End(s)
//		}
//	}
func (g *gen) encodeList(h helper) jen.Code {
	return g.encodeFunc(h, "List",
		jen.For(jen.Id("i").Op(":=").Range().Id("v")).Block(
			jen.Id("e").Dot("Elem").Call(jen.Id("i")),
			g.encodeValue(h.expr.Elem, nil, element("i"), false)))
}

// encodeMap declares the encoder of a map. Up to 16 keys are sorted without
// allocation.
//
//	func encodeMapTag(e *codec.Encoder, v map[string]Tag) {
//		if s, ok := e.Map(len(v), 16); ok {
//			var few [16]string
//			for _, k := range codec.SortedKeys(few[:0], v) {
//				e.Entry(k)
//				e.Text("", string(v[k]))
//			}
//			e.End(s)
//		}
//	}
//
// What a map holds is not addressable, so a struct is copied first:
//
//	x := v[k]
//	x.encodeCBOR(e)
func (g *gen) encodeMap(h helper) jen.Code {
	const few = 16
	body := []jen.Code{jen.Id("e").Dot("Entry").Call(jen.Id("k"))}
	if isStruct(h.expr.Elem) {
		body = append(body, jen.Id("x").Op(":=").Id("v").Index(jen.Id("k")), g.encodeValue(h.expr.Elem, nil, local("x"), false))
	} else {
		body = append(body, g.encodeValue(h.expr.Elem, nil, element("k"), false))
	}
	return g.encodeFunc(h, "Map",
		jen.Var().Id("few").Index(jen.Lit(few)).String(),
		jen.For(jen.List(jen.Id("_"), jen.Id("k")).Op(":=").Range().
			Qual(pkgCodec, "SortedKeys").Call(jen.Id("few").Index(jen.Empty(), jen.Lit(0)), jen.Id("v"))).Block(body...))
}

func (g *gen) encodeFunc(h helper, begin string, body ...jen.Code) jen.Code {
	return jen.Func().Id(h.name).Params(encoderParam(), jen.Id("v").Add(g.goType(h.expr))).Block(
		encodeScope(jen.Id("e").Dot(begin).Call(jen.Len(jen.Id("v")), jen.Lit(sizeOf(h.expr.Elem))), body...))
}

func encoderParam() jen.Code { return jen.Id("e").Op("*").Qual(pkgCodec, "Encoder") }

// encodeScope returns what writes a struct, union, list or map.
func encodeScope(begin jen.Code, body ...jen.Code) jen.Code {
	return jen.If(jen.List(jen.Id("s"), jen.Id("ok")).Op(":=").Add(begin), jen.Id("ok")).Block(
		append(body, jen.Id("e").Dot("End").Call(jen.Id("s")))...)
}

// decodeList declares the decoder of a list.
//
//	func decodeListTag(d *codec.Decoder) []Tag {
//		l := d.List(16)
//		v := make([]Tag, 0, l.Len())
//		for l.Next() {
//			v = append(v, Tag(d.Text()))
//		}
//		return v
//	}
//
// With a struct as element the body of the loop is:
//
//	v = append(v, Job{})
//	v[len(v)-1].decodeCBOR(d)
func (g *gen) decodeList(h helper) jen.Code {
	elem := h.expr.Elem
	last := func() *jen.Statement { return jen.Id("v").Index(jen.Len(jen.Id("v")).Op("-").Lit(1)) }
	var body []jen.Code
	if isStruct(elem) {
		body = []jen.Code{
			jen.Id("v").Op("=").Append(jen.Id("v"), g.goType(elem).Values()),
			g.structPointer(elem, last, false).Dot("decodeCBOR").Call(jen.Id("d")),
		}
	} else {
		body = []jen.Code{jen.Id("v").Op("=").Append(jen.Id("v"), g.decodeExpr(elem))}
	}
	return g.decodeFunc(h, "l", "List", []jen.Code{jen.Lit(0), jen.Id("l").Dot("Len").Call()}, jen.Id("l").Dot("Next").Call(), body)
}

// decodeMap declares the decoder of a map.
//
//	func decodeMapTag(d *codec.Decoder) map[string]Tag {
//		m := d.Map(16)
//		v := make(map[string]Tag, m.Len())
//		for m.Next(len(v)) {
//			v[m.Key()] = Tag(d.Text())
//		}
//		return v
//	}
//
// With a struct as value the body of the loop is:
//
//	k := m.Key()
//	var e Job
//	e.decodeCBOR(d)
//	v[k] = e
func (g *gen) decodeMap(h helper) jen.Code {
	elem := h.expr.Elem
	key := func() *jen.Statement { return jen.Id("m").Dot("Key").Call() }
	var body []jen.Code
	if isStruct(elem) {
		body = []jen.Code{
			jen.Id("k").Op(":=").Add(key()),
			jen.Var().Id("e").Add(g.goType(elem)),
			g.structPointer(elem, local("e"), false).Dot("decodeCBOR").Call(jen.Id("d")),
			jen.Id("v").Index(jen.Id("k")).Op("=").Id("e"),
		}
	} else {
		body = []jen.Code{jen.Id("v").Index(key()).Op("=").Add(g.decodeExpr(elem))}
	}
	return g.decodeFunc(h, "m", "Map", []jen.Code{jen.Id("m").Dot("Len").Call()}, jen.Id("m").Dot("Next").Call(jen.Len(jen.Id("v"))), body)
}

func (g *gen) decodeFunc(h helper, cursor, begin string, room []jen.Code, next jen.Code, body []jen.Code) jen.Code {
	return jen.Func().Id(h.name).Params(jen.Id("d").Op("*").Qual(pkgCodec, "Decoder")).Add(g.goType(h.expr)).Block(
		jen.Id(cursor).Op(":=").Id("d").Dot(begin).Call(jen.Lit(sizeOf(h.expr.Elem))),
		jen.Id("v").Op(":=").Make(append([]jen.Code{g.goType(h.expr)}, room...)...),
		jen.For(next).Block(body...),
		jen.Return(jen.Id("v")))
}
