package generator

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dave/jennifer/jen"
	"github.com/ipcio/ipcio-go/schema"
)

// hasConstraints reports whether t, a new type, or one beneath it has
// constraints.
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

// emitNewTypeTable declares the rules of a new type and its method.
//
//	var layoutTag = codec.Named{Type: (*Tag)(nil), Of: codec.String, Rules: []codec.Rule{codec.Len{Min: 1, Max: 32}}}
//
//	func (v Tag) Validate() error { return layoutTag.Validate(&v) }
func (g *gen) emitNewTypeTable(f *file, t *schema.Type) {
	entries := []jen.Code{g.typeEntry(t), entry("Of", g.layout(t, t.Base))}
	g.emitTable(f, t, "Named", append(entries, g.rulesEntry(t.Constraints, t.Base)...))
	g.emitNewTypeValidate(f, t)
}

func (g *gen) emitNewTypeValidate(f *file, t *schema.Type) {
	rules := t
	for !hasTable(rules) {
		rules = rules.Base.Named // one beneath has constraints
	}
	v := jen.Op("&").Id("v")
	if rules != t {
		v = jen.Parens(jen.Op("*").Id(g.names.types[rules])).Call(v)
	}
	f.decl([]string{methodDocs["Validate"]},
		jen.Func().Params(jen.Id("v").Id(g.names.types[t])).Id("Validate").Params().Error().Add(
			oneLiner(jen.Return(jen.Id(g.names.layoutVar(rules)).Dot("Validate").Call(v)))))
}

// rulesEntry returns the rules of a value of e as an entry of a table, or
// nothing if there are none.
//
//	Rules: []codec.Rule{codec.Len{Min: 1, Max: 64}, codec.Format("path")}
func (g *gen) rulesEntry(c *schema.Constraints, e *schema.Expr) []jen.Code {
	if c == nil {
		return nil
	}
	var rules []jen.Code
	rule := func(name string, entries ...jen.Code) {
		rules = append(rules, jen.Qual(pkgCodec, name).Values(entries...))
	}
	scalar := resolve(e).Scalar
	if c.Range != nil {
		if ends := g.rangeEntries(c.Range); ends != nil {
			rule(kindOfNumber(scalar)+"Range", append(ends, entry("Want", jen.Lit(c.Range.String())))...)
		}
	}
	if n := c.Len; n != nil {
		var ends []jen.Code
		if n.Min > 0 {
			ends = append(ends, entry("Min", jen.Lit(int(n.Min))))
		}
		if n.HasMax {
			ends = append(ends, entry("Max", jen.Lit(int(n.Max))))
		} else {
			ends = append(ends, entry("NoMax", jen.True()))
		}
		rule("Len", ends...)
	}
	if c.Pattern != nil {
		rule("Pattern", entry("Expr", jen.Lit(c.Pattern.Expr)))
	}
	if c.Format != 0 {
		rules = append(rules, jen.Qual(pkgCodec, "Format").Call(jen.Lit(c.Format.String())))
	}
	if c.In != nil {
		name, entries := g.inEntries(c.In)
		rule(name, entries...)
	}
	if c.Unique {
		rule("Unique")
	}
	if rules == nil {
		return nil
	}
	return []jen.Code{entry("Rules", jen.Index().Qual(pkgCodec, "Rule").Values(rules...))}
}

// kindOfNumber returns how codec calls a scalar that is a number.
func kindOfNumber(s schema.Scalar) string {
	switch s {
	case schema.Uint8, schema.Uint16, schema.Uint32, schema.Uint64:
		return "Uint"
	case schema.Float32, schema.Float64:
		return "Float"
	}
	return "Int"
}

// rangeEntries returns the ends of a range, or nil if every value of the type
// is in it. A NaN is in no range.
func (g *gen) rangeEntries(r *schema.Range) []jen.Code {
	var entries []jen.Code
	closed := false
	end := func(name string, v *schema.Value, least bool) {
		if v == nil || atBorder(v, least) {
			entries = append(entries, entry("No"+name, jen.True()))
			return
		}
		entries = append(entries, entry(name, g.literal(v)))
		closed = true
	}
	end("Min", r.Min, true)
	end("Max", r.Max, false)
	if !closed {
		return nil
	}
	return entries
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

// inEntries returns the name of the rule that allows values only, and its
// entries.
func (g *gen) inEntries(in []*schema.Value) (name string, entries []jen.Code) {
	values := make([]jen.Code, len(in))
	want := make([]string, len(in))
	for i, v := range in {
		values[i], want[i] = g.literal(v), v.String()
	}
	list := func(t string) jen.Code { return entry("Values", jen.Index().Id(t).Values(values...)) }
	if in[0].Scalar == schema.String {
		return "InTexts", []jen.Code{list("string")}
	}
	kind := kindOfNumber(in[0].Scalar)
	types := map[string]string{"Int": "int64", "Uint": "uint64", "Float": "float64"}
	return "In" + kind + "s", []jen.Code{list(types[kind]), entry("Want", jen.Lit(strings.Join(want, ", ")))}
}

// literal returns a value as an untyped constant, which can be assigned to new
// types too.
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

// durationLiteral returns d in nanoseconds.
func durationLiteral(d time.Duration) string {
	if d == math.MinInt64 {
		return "-1 << 63"
	}
	return strconv.FormatInt(int64(d), 10)
}
