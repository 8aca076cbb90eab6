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
	checkHelper  helperKind = "check"
	appendHelper helperKind = "append"
	decodeHelper helperKind = "decode"
)

// helpers are the functions for lists and maps: three for each different list
// or map of the package, in the file that needs them first.
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
	base := string(kind) + g.wordsOf(e)
	name := base
	for i := 2; h.taken[name]; i++ {
		name = base + strconv.Itoa(i)
	}
	h.names[id], h.taken[name] = name, true
	h.waiting = append(h.waiting, helper{kind, name, e})
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
		case next.kind == checkHelper && list:
			code = g.checkList(next)
		case next.kind == checkHelper:
			code = g.checkMap(next)
		case next.kind == appendHelper && list:
			code = g.appendList(next)
		case next.kind == appendHelper:
			code = g.appendMap(next)
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

// checkList declares the check of a list whose elements may be wrong.
//
//	func checkListTag(c *codec.Checker, v []Tag) bool {
//		if !codec.EnterList(c, v) {
//			return false
//		}
//		for i := range v {
//			if !c.Elem(i, c.Text(string(v[i]))) {
//				return false
//			}
//		}
//		return c.Leave()
//	}
func (g *gen) checkList(h helper) jen.Code {
	return g.checkFunc(h, "EnterList",
		jen.For(jen.Id("i").Op(":=").Range().Id("v")).Block(
			returnFalseUnless(jen.Id("c").Dot("Elem").Call(jen.Id("i"), g.checkExpr(h.expr.Elem, element("i"), false)))))
}

// checkMap declares the check of a map.
//
//	func checkMapTag(c *codec.Checker, v map[string]Tag) bool {
//		if !codec.EnterMap(c, v) {
//			return false
//		}
//		for k, e := range v {
//			if !c.Entry(k, c.Text(k) && c.Text(string(e))) {
//				return false
//			}
//		}
//		return c.Leave()
//	}
func (g *gen) checkMap(h helper) jen.Code {
	vars, cond := jen.Id("k"), jen.Id("c").Dot("Text").Call(jen.Id("k"))
	if canBeWrong(h.expr.Elem) {
		vars = jen.List(jen.Id("k"), jen.Id("e"))
		cond.Op("&&").Add(g.checkExpr(h.expr.Elem, local("e"), false))
	}
	return g.checkFunc(h, "EnterMap",
		jen.For(vars.Op(":=").Range().Id("v")).Block(
			returnFalseUnless(jen.Id("c").Dot("Entry").Call(jen.Id("k"), cond))))
}

func (g *gen) checkFunc(h helper, enter string, loop jen.Code) jen.Code {
	return jen.Func().Id(h.name).Params(jen.Id("c").Op("*").Qual(pkgCodec, "Checker"), jen.Id("v").Add(g.goType(h.expr))).Bool().Block(
		returnFalseUnless(jen.Qual(pkgCodec, enter).Call(jen.Id("c"), jen.Id("v"))),
		loop,
		jen.Return(jen.Id("c").Dot("Leave").Call()))
}

func returnFalseUnless(cond jen.Code) jen.Code {
	return jen.If(jen.Op("!").Add(cond)).Block(jen.Return(jen.False()))
}

// appendList declares the encoder of a list.
//
//	func appendListTag(b []byte, v []Tag) []byte {
//		b = codec.AppendListHead(b, len(v))
//		for i := range v {
//			b = codec.AppendText(b, string(v[i]))
//		}
//		return b
//	}
func (g *gen) appendList(h helper) jen.Code {
	return g.appendFunc(h, "AppendListHead",
		jen.For(jen.Id("i").Op(":=").Range().Id("v")).Block(
			jen.Id("b").Op("=").Add(g.appendExpr(h.expr.Elem, jen.Id("b"), element("i"), false))))
}

// appendMap declares the encoder of a map. Up to 16 entries are sorted without
// allocation.
//
//	func appendMapTag(b []byte, v map[string]Tag) []byte {
//		b = codec.AppendMapHead(b, len(v))
//		var few [16]codec.Entry[Tag]
//		for _, e := range codec.SortedEntries(few[:0], v) {
//			b = codec.AppendText(codec.AppendText(b, e.Key), string(e.Value))
//		}
//		return b
//	}
//
// With a struct as value, which may be large, only the keys are sorted:
//
//	var few [16]string
//	for _, k := range codec.SortedKeys(few[:0], v) {
//		e := v[k]
//		b = e.appendCBOR(codec.AppendText(b, k))
//	}
func (g *gen) appendMap(h helper) jen.Code {
	const few = 16
	elem, b := h.expr.Elem, jen.Id("b")
	loop := func(array jen.Code, name, sorted string, body ...jen.Code) jen.Code {
		return g.appendFunc(h, "AppendMapHead",
			jen.Var().Id("few").Index(jen.Lit(few)).Add(array),
			jen.For(jen.List(jen.Id("_"), jen.Id(name)).Op(":=").Range().
				Qual(pkgCodec, sorted).Call(jen.Id("few").Index(jen.Empty(), jen.Lit(0)), jen.Id("v"))).Block(body...))
	}
	if isStruct(elem) {
		return loop(jen.String(), "k", "SortedKeys",
			jen.Id("e").Op(":=").Id("v").Index(jen.Id("k")),
			b.Clone().Op("=").Add(g.appendExpr(elem, codecAppendText(jen.Id("k")), local("e"), false)))
	}
	entryValue := func() *jen.Statement { return jen.Id("e").Dot("Value") }
	return loop(jen.Qual(pkgCodec, "Entry").Types(g.goType(elem)), "e", "SortedEntries",
		b.Clone().Op("=").Add(g.appendExpr(elem, codecAppendText(jen.Id("e").Dot("Key")), entryValue, false)))
}

func codecAppendText(v jen.Code) jen.Code {
	return jen.Qual(pkgCodec, "AppendText").Call(jen.Id("b"), v)
}

func (g *gen) appendFunc(h helper, head string, rest ...jen.Code) jen.Code {
	body := append([]jen.Code{jen.Id("b").Op("=").Qual(pkgCodec, head).Call(jen.Id("b"), jen.Len(jen.Id("v")))}, rest...)
	return jen.Func().Id(h.name).Params(jen.Id("b").Index().Byte(), jen.Id("v").Add(g.goType(h.expr))).Index().Byte().
		Block(append(body, jen.Return(jen.Id("b")))...)
}

// decodeList declares the decoder of a list.
//
//	func decodeListTag(d *codec.Decoder) []Tag {
//		list, v := codec.MakeList[Tag](d)
//		for list.Next() {
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
	return g.decodeFunc(h, "list", "MakeList", jen.Id("list").Dot("Next").Call(), body)
}

// decodeMap declares the decoder of a map.
//
//	func decodeMapTag(d *codec.Decoder) map[string]Tag {
//		entries, v := codec.MakeMap[Tag](d)
//		for entries.Next(len(v)) {
//			v[entries.Key()] = Tag(d.Text())
//		}
//		return v
//	}
//
// With a struct as value the body of the loop is:
//
//	k := entries.Key()
//	var e Job
//	e.decodeCBOR(d)
//	v[k] = e
func (g *gen) decodeMap(h helper) jen.Code {
	elem := h.expr.Elem
	key := func() *jen.Statement { return jen.Id("entries").Dot("Key").Call() }
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
	return g.decodeFunc(h, "entries", "MakeMap", jen.Id("entries").Dot("Next").Call(jen.Len(jen.Id("v"))), body)
}

func (g *gen) decodeFunc(h helper, cursor, begin string, next jen.Code, body []jen.Code) jen.Code {
	return jen.Func().Id(h.name).Params(jen.Id("d").Op("*").Qual(pkgCodec, "Decoder")).Add(g.goType(h.expr)).Block(
		jen.List(jen.Id(cursor), jen.Id("v")).Op(":=").Qual(pkgCodec, begin).Types(g.goType(h.expr.Elem)).Call(jen.Id("d")),
		jen.For(next).Block(body...),
		jen.Return(jen.Id("v")))
}
