package generator

import (
	"github.com/dave/jennifer/jen"
	"github.com/ipcio/ipcio-go/schema"
)

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
	goType func() *jen.Statement
	kind   string // the codec.Kind
}

var scalars = map[schema.Scalar]scalar{
	schema.Bool:      {jen.Bool, "Bool"},
	schema.Int8:      {jen.Int8, "Int8"},
	schema.Int16:     {jen.Int16, "Int16"},
	schema.Int32:     {jen.Int32, "Int32"},
	schema.Int64:     {jen.Int64, "Int64"},
	schema.Uint8:     {jen.Uint8, "Uint8"},
	schema.Uint16:    {jen.Uint16, "Uint16"},
	schema.Uint32:    {jen.Uint32, "Uint32"},
	schema.Uint64:    {jen.Uint64, "Uint64"},
	schema.Float32:   {jen.Float32, "Float32"},
	schema.Float64:   {jen.Float64, "Float64"},
	schema.String:    {jen.String, "String"},
	schema.Bytes:     {func() *jen.Statement { return jen.Index().Byte() }, "ByteString"},
	schema.Timestamp: {func() *jen.Statement { return jen.Qual(pkgTime, "Time") }, "Time"},
	schema.Duration:  {func() *jen.Statement { return jen.Qual(pkgTime, "Duration") }, "Duration"},
	schema.UUID:      {func() *jen.Statement { return jen.Qual(pkgRuntime, "UUID") }, "UUID"},
	schema.Any:       {func() *jen.Statement { return jen.Qual(pkgRuntime, "Any") }, "Any"},
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
