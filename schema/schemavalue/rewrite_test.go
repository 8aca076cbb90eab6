package schemavalue_test

import (
	"encoding/hex"
	"math"
	"testing"

	"github.com/ipcio/ipcio-go/schema"
	"github.com/ipcio/ipcio-go/schema/schemavalue"
)

// TestRewriteKeepsWhatWritersSend proves that a value in the form of a writer
// stays as it is.
func TestRewriteKeepsWhatWritersSend(t *testing.T) {
	_, types := loadTypes(t)
	g := schemavalue.NewGenerator(rng())
	for range 500 {
		v, _ := g.Value(types["All"])
		once := schemavalue.Rewrite(types["All"], v)
		if err := schemavalue.Accepts(types["All"], once); err != nil {
			t.Fatal(err)
		}
		twice := schemavalue.Rewrite(types["All"], once)
		if a, b := schemavalue.Encode(once), schemavalue.Encode(twice); string(a) != string(b) {
			t.Fatalf("%x becomes %x", a, b)
		}
		// A NaN has many forms; what else there is came as it must be.
		if f64, _ := v.Lookup("f64"); math.IsNaN(f64.Float) {
			continue
		}
		if f32, _ := v.Lookup("f32"); math.IsNaN(f32.Float) {
			continue
		}
		if a, b := schemavalue.Encode(v), schemavalue.Encode(once); string(a) != string(b) {
			t.Fatalf("%x becomes %x", a, b)
		}
	}
}

func TestRewrite(t *testing.T) {
	null, i := schemavalue.Value{}, schemavalue.Integer
	bin := schemavalue.ByteString([]byte("0123456789abcdef"))
	expr := func(s schema.Scalar) *schema.Expr { return &schema.Expr{Kind: schema.ScalarExpr, Scalar: s} }
	list := func(v ...schemavalue.Value) schemavalue.Value {
		return schemavalue.Value{Kind: schemavalue.List, List: v}
	}
	_, types := loadTypes(t)
	for _, c := range []struct {
		name string
		expr *schema.Expr
		in   schemavalue.Value
		want string
	}{
		{"integer for a float", expr(schema.Float64), i(1), "fb3ff0000000000000"},
		{"integer for a float32", expr(schema.Float32), i(-1), "fabf800000"},
		{"wide for a float32", expr(schema.Float32), schemavalue.Float64(0.5), "fa3f000000"},
		{"narrow for a float64", expr(schema.Float64), schemavalue.Float32(0.5), "fb3fe0000000000000"},
		{"NaN", expr(schema.Float64), schemavalue.Float64(math.NaN()), "fb7ff8000000000000"},
		{"NaN in 4 bytes", expr(schema.Float32), schemavalue.Float64(math.Float64frombits(0xfff8000000000001)), "fa7fc00000"},
		{"negative zero", expr(schema.Float64), schemavalue.Float64(math.Copysign(0, -1)), "fb8000000000000000"},
		{"offset", expr(schema.Timestamp), schemavalue.Tagged(0, schemavalue.String("2026-01-01T00:30:00.50+01:00")), "c0" + text("2025-12-31T23:30:00.5Z")},
		{"seconds", expr(schema.Timestamp), schemavalue.Tagged(1, i(-1)), "c0" + text("1969-12-31T23:59:59Z")},
		{"bare uuid", expr(schema.UUID), bin, "d82550" + hex.EncodeToString(bin.Bytes)},
		{"any", expr(schema.Any), schemavalue.Float32(1), "fa3f800000"},
		{"list", &schema.Expr{Kind: schema.ListExpr, Elem: expr(schema.Float32)}, list(i(1)), "81fa3f800000"},
		{"map", &schema.Expr{Kind: schema.MapExpr, Elem: expr(schema.Float32)}, entries("b", i(1), "a", i(2)), "a26161fa400000006162fa3f800000"},
		{"struct", &schema.Expr{Kind: schema.NamedExpr, Named: types["Tree"]}, entries("next", null, "new", i(1), "kids", list()), "a1646b69647380"},
		{"variant", &schema.Expr{Kind: schema.NamedExpr, Named: types["Task"]}, entries("shell", entries("argv", list(), "x", null)), "a1657368656c6ca1646172677680"},
		{"unknown variant", &schema.Expr{Kind: schema.NamedExpr, Named: types["Task"]}, entries("new", entries("x", null)), "a1636e6577a16178f6"},
	} {
		typ := &schema.Type{Kind: schema.NewType, Base: c.expr}
		if err := schemavalue.Accepts(typ, c.in); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := hex.EncodeToString(schemavalue.Encode(schemavalue.Rewrite(typ, c.in))); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func text(s string) string { return hex.EncodeToString(schemavalue.Encode(schemavalue.String(s))) }
