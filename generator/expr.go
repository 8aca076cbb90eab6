package generator

import (
	"strings"

	"github.com/dave/jennifer/jen"
	"github.com/ipcio/ipcio-go/schema"
)

// A value is Go code that yields a value, made anew for every use, because a
// jen.Statement changes when it is extended.
type value func() *jen.Statement

// resolve follows new types down to what travels: a scalar, a list, a map, a
// struct, an enum or a union.
func resolve(e *schema.Expr) *schema.Expr {
	for e.Kind == schema.NamedExpr && e.Named.Kind == schema.NewType {
		e = e.Named.Base
	}
	return e
}

// isStruct reports whether e is a struct, perhaps under a new type.
func isStruct(e *schema.Expr) bool {
	r := resolve(e)
	return r.Kind == schema.NamedExpr && r.Named.Kind == schema.Struct
}

// isUnion reports whether e is a union, perhaps under a new type.
func isUnion(e *schema.Expr) bool {
	r := resolve(e)
	return r.Kind == schema.NamedExpr && r.Named.Kind == schema.Union
}

// isScalar reports whether e is the scalar s, perhaps under a new type.
func isScalar(e *schema.Expr, s schema.Scalar) bool {
	r := resolve(e)
	return r.Kind == schema.ScalarExpr && r.Scalar == s
}

// hasNil reports whether an optional e needs no pointer, because nil is a value
// of its Go type.
func hasNil(e *schema.Expr) bool {
	r := resolve(e)
	return r.Kind == schema.ListExpr || r.Kind == schema.MapExpr || isUnion(e) ||
		isScalar(e, schema.Bytes) || isScalar(e, schema.Any)
}

// scalar says how a scalar is written in Go.
type scalar struct {
	goType   func() *jen.Statement
	decode   string // the method of codec.Decoder
	decoded  string // what it returns, as a predeclared type; "" if that is goType
	encode   string // the method of codec.Encoder
	argument string // what it takes, as a predeclared type; "" if goType can be assigned to it
}

var scalars = map[schema.Scalar]scalar{
	schema.Bool:      {jen.Bool, "Bool", "bool", "Bool", "bool"},
	schema.Int8:      {jen.Int8, "Int8", "int8", "Int", "int64"},
	schema.Int16:     {jen.Int16, "Int16", "int16", "Int", "int64"},
	schema.Int32:     {jen.Int32, "Int32", "int32", "Int", "int64"},
	schema.Int64:     {jen.Int64, "Int64", "int64", "Int", "int64"},
	schema.Uint8:     {jen.Uint8, "Uint8", "uint8", "Uint", "uint64"},
	schema.Uint16:    {jen.Uint16, "Uint16", "uint16", "Uint", "uint64"},
	schema.Uint32:    {jen.Uint32, "Uint32", "uint32", "Uint", "uint64"},
	schema.Uint64:    {jen.Uint64, "Uint64", "uint64", "Uint", "uint64"},
	schema.Float32:   {jen.Float32, "Float32", "float32", "Float32", "float32"},
	schema.Float64:   {jen.Float64, "Float64", "float64", "Float64", "float64"},
	schema.String:    {jen.String, "Text", "string", "Text", "string"},
	schema.Bytes:     {func() *jen.Statement { return jen.Index().Byte() }, "Bytes", "", "Bytes", ""},
	schema.Timestamp: {func() *jen.Statement { return jen.Qual(pkgTime, "Time") }, "Time", "", "Time", "time.Time"},
	schema.Duration:  {func() *jen.Statement { return jen.Qual(pkgTime, "Duration") }, "Duration", "", "Duration", "time.Duration"},
	schema.UUID:      {func() *jen.Statement { return jen.Qual(pkgRuntime, "UUID") }, "UUID", "[16]byte", "UUID", ""},
	schema.Any:       {func() *jen.Statement { return jen.Qual(pkgRuntime, "Any") }, "Any", "[]byte", "Any", ""},
}

// goType returns the Go type of e.
func (g *gen) goType(e *schema.Expr) *jen.Statement {
	switch e.Kind {
	case schema.ScalarExpr:
		return scalars[e.Scalar].goType()
	case schema.ListExpr:
		return jen.Index().Add(g.goType(e.Elem))
	case schema.MapExpr:
		return jen.Map(jen.String()).Add(g.goType(e.Elem))
	}
	return jen.Id(g.names.types[e.Named])
}

// fieldType returns the Go type of a field.
func (g *gen) fieldType(f *schema.Field) *jen.Statement {
	if f.Optional && !hasNil(f.Type) {
		return jen.Op("*").Add(g.goType(f.Type))
	}
	return g.goType(f.Type)
}

// as returns v converted to the type that encode of s takes, if it has to be.
func (g *gen) as(e *schema.Expr, v value) jen.Code {
	s := scalars[resolve(e).Scalar]
	switch {
	case s.argument == "" || e.Kind == schema.ScalarExpr && e.Scalar.String() == s.argument:
		return v()
	case e.Kind == schema.ScalarExpr && strings.HasPrefix(s.argument, "time."):
		return v()
	case strings.HasPrefix(s.argument, "time."):
		return s.goType().Call(v())
	}
	return jen.Id(s.argument).Call(v())
}

// structPointer returns v, a pointer to a struct or to a new type of one, with
// the struct's own type, so that its methods can be called.
//
//	&v.Task         (*Task)(&v.Other)
func (g *gen) structPointer(e *schema.Expr, v value, isPointer bool) *jen.Statement {
	if e.Named.Kind == schema.Struct {
		return v()
	}
	arg := v()
	if !isPointer {
		arg = jen.Op("&").Add(arg)
	}
	return jen.Parens(jen.Op("*").Add(g.goType(resolve(e)))).Call(arg)
}

// encodeValue returns the statement that writes v. key is the code of the
// encoded key of a field; nil for what has none. v must be addressable if e is
// a struct.
//
//	e.Text("\x64name", v.Name)
//	v.Task.encodeCBOR(e)
//	encodeListTag(e, v.Tags)
func (g *gen) encodeValue(e *schema.Expr, key jen.Code, v value, isPointer bool) *jen.Statement {
	r := resolve(e)
	enc := jen.Id("e")
	if key == nil {
		key = jen.Lit("")
	}
	switch {
	case r.Kind == schema.ListExpr, r.Kind == schema.MapExpr:
		return jen.Id(g.helpers.name(g, encodeHelper, r)).Call(enc, v())
	case r.Kind == schema.ScalarExpr:
		return enc.Dot(scalars[r.Scalar].encode).Call(key, g.as(e, v))
	case r.Named.Kind == schema.Struct:
		return g.structPointer(e, v, isPointer).Dot("encodeCBOR").Call(enc)
	case r.Named.Kind == schema.Union:
		return jen.Id(g.names.encodeFunc(r.Named)).Call(enc, v())
	}
	return enc.Dot("Text").Call(key, jen.String().Call(v()))
}

// isComposite reports whether e is written as several items, so that its key
// is written before it.
func isComposite(e *schema.Expr) bool {
	r := resolve(e)
	return r.Kind == schema.ListExpr || r.Kind == schema.MapExpr || isStruct(e) || isUnion(e)
}

// decodeExpr returns code that reads a value of e, which is no struct.
//
//	d.Text()                  Tag(d.Text())
//	decodeListTag(d)
//	State(d.Enum(valuesState, true))
func (g *gen) decodeExpr(e *schema.Expr) *jen.Statement {
	r := resolve(e)
	d := jen.Id("d")
	switch {
	case r.Kind == schema.ListExpr, r.Kind == schema.MapExpr:
		call := jen.Id(g.helpers.name(g, decodeHelper, r)).Call(d)
		if e != r {
			return g.goType(e).Call(call)
		}
		return call
	case r.Kind == schema.ScalarExpr:
		s := scalars[r.Scalar]
		call := d.Dot(s.decode).Call()
		if e != r || s.decoded != "" && s.decoded != r.Scalar.String() {
			return g.goType(e).Call(call)
		}
		return call
	}
	if r.Named.Kind == schema.Union {
		call := jen.Id(g.names.decodeFunc(r.Named)).Call(d)
		if e.Named != r.Named {
			return g.goType(e).Call(call)
		}
		return call
	}
	return g.goType(e).Call(d.Dot("Enum").Call(jen.Id(g.names.valuesVar(r.Named)), jen.Lit(r.Named.Closed)))
}
