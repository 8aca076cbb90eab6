package generator

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dave/jennifer/jen"
	"github.com/ipcio/ipcio-go/schema"
)

// needsValidate reports whether a value of e can break a rule of the schema.
// Every struct can, because a program may declare a method Check for it. seen
// are the types that are looked at already.
func needsValidate(e *schema.Expr, seen []*schema.Type) bool {
	switch {
	case e.Kind == schema.ScalarExpr:
		return false
	case e.Kind != schema.NamedExpr:
		return needsValidate(e.Elem, seen)
	case e.Named.Kind == schema.Struct:
		return true
	case e.Named.Kind == schema.Enum:
		return e.Named.Closed
	case slices.Contains(seen, e.Named):
		return false
	}
	seen = append(seen, e.Named)
	if e.Named.Kind == schema.NewType {
		return e.Named.Constraints != nil || needsValidate(e.Named.Base, seen)
	}
	return slices.ContainsFunc(e.Named.Variants, func(v *schema.Variant) bool { return needsValidate(v.Type, seen) })
}

// isPlain reports whether the schema has no rules for the inside of a struct.
func isPlain(t *schema.Type) bool {
	return !slices.ContainsFunc(t.Fields, func(f *schema.Field) bool {
		return f.Constraints != nil || needsValidate(f.Type, nil)
	})
}

// hasConstraints reports whether t, a new type, or one beneath it has
// constraints: it has a function that checks them then.
func hasConstraints(t *schema.Type) bool {
	for t.Kind == schema.NewType {
		if t.Constraints != nil {
			return true
		}
		if t.Base.Kind != schema.NamedExpr {
			return false
		}
		t = t.Base.Named
	}
	return false
}

func validatorParam() jen.Code { return jen.Id("c").Op("*").Qual(pkgCodec, "Validator") }

// emitStructValidate declares the methods that validate a struct.
//
//	func (v *Job) Validate() error {
//		var c codec.Validator
//		v.validate(&c)
//		return c.Err()
//	}
//
//	func (v *Job) validate(c *codec.Validator) {
//		c.Rule("slots", v.Slots >= 1 && v.Slots <= 256, "range", "1..256")
//		validateTag(c, "tag", v.Tag)
//		if c.Enter() {
//			v.Task.validate(c)
//			c.Leave("task")
//		}
//		c.Check(v)
//	}
//
// Of a struct without rules there is only:
//
//	func (v *Job) Validate() error { return codec.Check(v) }
func (g *gen) emitStructValidate(f *file, t *schema.Type) {
	if isPlain(t) {
		f.decl([]string{methodDocs["Validate"]}, g.method(t, "Validate").Params().Error().Add(
			oneLiner(jen.Return(jen.Qual(pkgCodec, "Check").Call(jen.Id("v"))))))
		return
	}
	f.decl([]string{methodDocs["Validate"]}, g.method(t, "Validate").Params().Error().Add(g.validateBody(jen.Id("v").Dot("validate"), nil)))
	f.decl(nil, g.method(t, "validate").Params(validatorParam()).BlockFunc(func(body *jen.Group) {
		for _, field := range t.Fields {
			g.validateField(f, body, t, field)
		}
		body.Id("c").Dot("Check").Call(jen.Id("v"))
	}))
}

// validateBody returns the body of an exported Validate that calls another
// function with a Validator, and more arguments.
func (g *gen) validateBody(function *jen.Statement, more []jen.Code) jen.Code {
	return jen.Block(
		jen.Var().Id("c").Qual(pkgCodec, "Validator"),
		function.Call(append([]jen.Code{jen.Op("&").Id("c")}, more...)...),
		jen.Return(jen.Id("c").Dot("Err").Call()))
}

func (g *gen) validateField(f *file, body *jen.Group, t *schema.Type, field *schema.Field) {
	v, isPointer := g.fieldValue(field)
	stmts := g.rules(f, field.Constraints, jen.Lit(field.Name), field.Type, v, g.names.types[t]+g.names.fields[field])
	if inside := g.validateValue(jen.Lit(field.Name), field.Type, v, isPointer); isComposite(field.Type) && len(inside) > 0 {
		leave := "Leave"
		if field.Secret {
			leave = "LeaveSecret"
		}
		enter := jen.Id("c").Dot("Enter").Call()
		if field.Optional && len(stmts) == 0 {
			enter = jen.Id("v").Dot(g.names.fields[field]).Op("!=").Nil().Op("&&").Add(enter)
			body.If(enter).Block(append(inside, jen.Id("c").Dot(leave).Call(jen.Lit(field.Name)))...)
			return
		}
		stmts = append(stmts, jen.If(enter).Block(append(inside, jen.Id("c").Dot(leave).Call(jen.Lit(field.Name)))...))
	} else {
		stmts = append(stmts, inside...)
	}
	switch {
	case len(stmts) == 0:
	case field.Optional:
		body.If(jen.Id("v").Dot(g.names.fields[field]).Op("!=").Nil()).Block(stmts...)
	default:
		for _, s := range stmts {
			body.Add(s)
		}
	}
}

// validateValue returns the statements that check what the type of a value
// says. Of a composite value they check the inside, which must have been
// entered; name is used for the others.
func (g *gen) validateValue(name jen.Code, e *schema.Expr, v value, isPointer bool) []jen.Code {
	if !needsValidate(e, nil) {
		return nil
	}
	if isComposite(e) {
		name = jen.Lit("")
	}
	if e.Kind == schema.NamedExpr && hasConstraints(e.Named) {
		return []jen.Code{jen.Id(g.names.validateFunc(e.Named)).Call(jen.Id("c"), name, v())}
	}
	r := resolve(e)
	switch {
	case r.Kind == schema.ListExpr, r.Kind == schema.MapExpr:
		return []jen.Code{jen.Id(g.helpers.name(g, validateHelper, r)).Call(jen.Id("c"), v())}
	case r.Named.Kind == schema.Struct && isPlain(r.Named):
		pointer := g.structPointer(e, v, isPointer)
		if e.Named == r.Named && !isPointer {
			pointer = jen.Op("&").Add(pointer)
		}
		return []jen.Code{jen.Id("c").Dot("Check").Call(pointer)}
	case r.Named.Kind == schema.Struct:
		return []jen.Code{g.structPointer(e, v, isPointer).Dot("validate").Call(jen.Id("c"))}
	case r.Named.Kind == schema.Union:
		return []jen.Code{jen.Id(g.names.validateFunc(r.Named)).Call(jen.Id("c"), v())}
	}
	return []jen.Code{jen.Id("c").Dot("Enum").Call(name, jen.String().Call(v()), jen.Id(g.names.valuesVar(r.Named)))}
}

// emitNewTypeValidate declares the function that checks the constraints of a
// new type, and the exported method.
//
//	func (v Tag) Validate() error {
//		var c codec.Validator
//		validateTag(&c, "", v)
//		return c.Err()
//	}
//
//	func validateTag(c *codec.Validator, name string, v Tag) {
//		c.Rule(name, codec.RuneLen(string(v), 1, 32), "len", "1..32")
//	}
func (g *gen) emitNewTypeValidate(f *file, t *schema.Type) {
	name := g.names.types[t]
	f.decl([]string{methodDocs["Validate"]},
		jen.Func().Params(jen.Id("v").Id(name)).Id("Validate").Params().Error().Add(
			g.validateBody(jen.Id(g.names.validateFunc(t)), []jen.Code{jen.Lit(""), jen.Id("v")})))
	base := func() *jen.Statement { return g.goType(t.Base).Call(jen.Id("v")) }
	if t.Base.Kind != schema.NamedExpr {
		base = local("v") // a list or map of the same type
	}
	stmts := g.rules(f, t.Constraints, jen.Id("name"), &schema.Expr{Kind: schema.NamedExpr, Named: t}, local("v"), name)
	inside := g.validateValue(jen.Id("name"), t.Base, base, false)
	if t.Base.Kind == schema.NamedExpr && hasConstraints(t.Base.Named) {
		// validateValue drops the name of what was entered already.
		inside = []jen.Code{jen.Id(g.names.validateFunc(t.Base.Named)).Call(jen.Id("c"), jen.Id("name"), base())}
	}
	f.decl(nil, jen.Func().Id(g.names.validateFunc(t)).
		Params(validatorParam(), jen.Id("name").String(), jen.Id("v").Id(name)).Block(append(stmts, inside...)...))
}

// rules returns the statements that check constraints of a value of e. pattern
// names the value, for the variable that holds its pattern.
func (g *gen) rules(f *file, c *schema.Constraints, name jen.Code, e *schema.Expr, v value, pattern string) []jen.Code {
	if c == nil {
		return nil
	}
	var stmts []jen.Code
	rule := func(ok jen.Code, rule, want string) {
		stmts = append(stmts, jen.Id("c").Dot("Rule").Call(name, ok, jen.Lit(rule), jen.Lit(want)))
	}
	text := func() jen.Code {
		if e.Kind == schema.ScalarExpr {
			return v()
		}
		return jen.String().Call(v())
	}
	if c.Range != nil {
		if ok := g.inRange(c.Range, v); ok != nil {
			rule(ok, "range", c.Range.String())
		}
	}
	if c.Len != nil {
		rule(lenOf(c.Len, e, v, text), "len", c.Len.String())
	}
	if c.Pattern != nil {
		variable := g.helpers.unique("pattern" + pattern)
		f.decl(nil, jen.Var().Id(variable).Op("=").Qual(pkgCodec, "NewPattern").Call(jen.Lit(c.Pattern.Expr)))
		rule(jen.Id(variable).Dot("Match").Call(text()), "pattern", c.Pattern.Expr)
	}
	if c.Format != 0 {
		rule(jen.Qual(pkgCodec, formats[c.Format]).Call(text()), "format", c.Format.String())
	}
	if c.In != nil {
		any := jen.Null()
		var want []string
		for i, w := range c.In {
			if i > 0 {
				any.Op("||")
			}
			any.Add(v()).Op("==").Add(g.literal(w))
			want = append(want, w.String())
		}
		rule(any, "in", strings.Join(want, ", "))
	}
	if c.Unique {
		rule(g.unique(resolve(e).Elem, v), "unique", "no element twice")
	}
	return stmts
}

var formats = map[schema.StringFormat]string{
	schema.FormatIP: "IsIP", schema.FormatHostname: "IsHostname", schema.FormatURI: "IsURI", schema.FormatPath: "IsPath",
}

// inRange returns v >= 1 && v <= 256, or nil if every value of the type is in
// the range. A NaN is in no range.
func (g *gen) inRange(r *schema.Range, v value) jen.Code {
	var cond *jen.Statement
	and := func(op string, end *schema.Value) {
		if end == nil || atBorder(end, op == ">=") {
			return
		}
		if cond == nil {
			cond = jen.Null()
		} else {
			cond.Op("&&")
		}
		cond.Add(v()).Op(op).Add(g.literal(end))
	}
	and(">=", r.Min)
	and("<=", r.Max)
	if cond == nil {
		return nil
	}
	return cond
}

// atBorder reports whether v is the least, or else the greatest integer of its
// type, so that a comparison would say nothing.
func atBorder(v *schema.Value, least bool) bool {
	bits := map[schema.Scalar]int{
		schema.Int8: 8, schema.Int16: 16, schema.Int32: 32, schema.Int64: 64, schema.Duration: 64,
		schema.Uint8: 8, schema.Uint16: 16, schema.Uint32: 32, schema.Uint64: 64,
	}[v.Scalar]
	switch v.Scalar {
	case schema.Int8, schema.Int16, schema.Int32, schema.Int64, schema.Duration:
		n := v.Int
		if v.Scalar == schema.Duration {
			n = int64(v.Duration)
		}
		if least {
			return n == -1<<(bits-1)
		}
		return n == 1<<(bits-1)-1
	case schema.Uint8, schema.Uint16, schema.Uint32, schema.Uint64:
		if least {
			return v.Uint == 0
		}
		return v.Uint == 1<<bits-1
	}
	return false
}

func lenOf(n *schema.Len, e *schema.Expr, v value, text func() jen.Code) jen.Code {
	if isScalar(e, schema.String) {
		most := jen.Qual(pkgCodec, "NoMax")
		if n.HasMax {
			most = jen.Lit(int(n.Max))
		}
		return jen.Qual(pkgCodec, "RuneLen").Call(text(), jen.Lit(int(n.Min)), most)
	}
	size := func() *jen.Statement { return jen.Len(v()) }
	switch {
	case n.HasMax && n.Min == n.Max:
		return size().Op("==").Lit(int(n.Min))
	case n.HasMax && n.Min > 0:
		return size().Op(">=").Lit(int(n.Min)).Op("&&").Add(size()).Op("<=").Lit(int(n.Max))
	case n.HasMax:
		return size().Op("<=").Lit(int(n.Max))
	}
	return size().Op(">=").Lit(int(n.Min))
}

func (g *gen) unique(elem *schema.Expr, v value) jen.Code {
	switch {
	case isScalar(elem, schema.Bytes):
		return jen.Qual(pkgCodec, "UniqueBytes").Call(v())
	case isScalar(elem, schema.Timestamp):
		return jen.Qual(pkgCodec, "UniqueTimes").Call(v(),
			jen.Func().Params(jen.Id("t").Add(g.goType(elem))).Qual(pkgTime, "Time").Add(
				oneLiner(jen.Return(jen.Qual(pkgTime, "Time").Call(jen.Id("t"))))))
	}
	return jen.Qual(pkgCodec, "Unique").Call(v())
}

// literal returns a value of the schema as an untyped constant of Go, or as
// one of time.Duration.
func (g *gen) literal(v *schema.Value) *jen.Statement {
	switch v.Scalar {
	case schema.Bool:
		return jen.Lit(v.Bool)
	case schema.Int8, schema.Int16, schema.Int32, schema.Int64:
		return jen.Op(strconv.FormatInt(v.Int, 10))
	case schema.Uint8, schema.Uint16, schema.Uint32, schema.Uint64:
		return jen.Op(strconv.FormatUint(v.Uint, 10))
	case schema.Float32:
		return jen.Op(strconv.FormatFloat(v.Float, 'g', -1, 32))
	case schema.Float64:
		return jen.Op(strconv.FormatFloat(v.Float, 'g', -1, 64))
	case schema.Duration:
		return jen.Op(durationLiteral(v.Duration))
	}
	return jen.Lit(v.Text)
}

// durationLiteral returns d in nanoseconds, as an untyped constant, because it
// is compared with new types of duration too.
func durationLiteral(d time.Duration) string {
	if d == math.MinInt64 {
		return fmt.Sprintf("-1 << %d", 63)
	}
	return strconv.FormatInt(int64(d), 10)
}

// validateList declares the function that validates the elements of a list.
//
//	func validateListTag(c *codec.Validator, v []Tag) {
//		for i := range v {
//			if c.Enter() {
//				validateTag(c, "", v[i])
//				c.LeaveElem(i)
//			}
//		}
//	}
func (g *gen) validateList(h helper) jen.Code {
	return g.validateEach(h, "i", jen.Id("i"), "LeaveElem", g.validateValue(jen.Lit(""), h.expr.Elem, element("i"), false))
}

// validateMap declares the function that validates the values of a map.
//
//	func validateMapTag(c *codec.Validator, v map[string]Tag) {
//		for k, x := range v {
//			if c.Enter() {
//				validateTag(c, "", x)
//				c.LeaveKey(k)
//			}
//		}
//	}
func (g *gen) validateMap(h helper) jen.Code {
	return g.validateEach(h, "k", jen.List(jen.Id("k"), jen.Id("x")), "LeaveKey", g.validateValue(jen.Lit(""), h.expr.Elem, local("x"), false))
}

func (g *gen) validateEach(h helper, index string, vars jen.Code, leave string, inside []jen.Code) jen.Code {
	return jen.Func().Id(h.name).Params(validatorParam(), jen.Id("v").Add(g.goType(h.expr))).Block(
		jen.For(jen.Add(vars).Op(":=").Range().Id("v")).Block(
			jen.If(jen.Id("c").Dot("Enter").Call()).Block(
				append(inside, jen.Id("c").Dot(leave).Call(jen.Id(index)))...)))
}
