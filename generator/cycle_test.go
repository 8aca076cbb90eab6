package generator

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ipcio/ipcio-go/schema"
)

// TestCycles compares which types are parts of each other with what one gets by
// going from each to all that it reaches, for random schemas.
func TestCycles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 0xc1c))
	for range 2000 {
		n := 1 + rng.IntN(7)
		s := &schema.Schema{}
		for i := range n {
			s.Types = append(s.Types, &schema.Type{Meta: schema.Meta{}, Name: fmt.Sprint("T", i)})
		}
		reach := make([][]bool, n)
		for i, typ := range s.Types {
			reach[i] = make([]bool, n)
			refer := func() *schema.Expr {
				if rng.IntN(4) == 0 {
					return &schema.Expr{Kind: schema.ScalarExpr, Scalar: schema.Bool}
				}
				to := rng.IntN(n)
				reach[i][to] = true
				e := &schema.Expr{Kind: schema.NamedExpr, Named: s.Types[to]}
				for range rng.IntN(3) {
					e = &schema.Expr{Kind: []schema.ExprKind{schema.ListExpr, schema.MapExpr}[rng.IntN(2)], Elem: e}
				}
				return e
			}
			switch rng.IntN(4) {
			case 0:
				typ.Kind, typ.Base = schema.NewType, refer()
			case 1:
				typ.Kind = schema.Struct
				for range rng.IntN(3) {
					typ.Fields = append(typ.Fields, &schema.Field{Type: refer()})
				}
			case 2:
				typ.Kind = schema.Union
				for range 1 + rng.IntN(2) {
					typ.Variants = append(typ.Variants, &schema.Variant{Type: refer()})
				}
			default:
				typ.Kind = schema.Enum
			}
		}
		for k := range n {
			for i := range n {
				for j := range n {
					reach[i][j] = reach[i][j] || reach[i][k] && reach[k][j]
				}
			}
		}
		c := findCycles(s)
		for i, a := range s.Types {
			if got := c.holdsItself(a); got != reach[i][i] {
				t.Fatalf("%s holds itself: %v; it reaches %v", a.Name, got, reach)
			}
			for j, b := range s.Types {
				if got, want := c.together(a, b), reach[i][j] && reach[j][i]; got != want {
					t.Fatalf("%s and %s together: %v; it reaches %v", a.Name, b.Name, got, reach)
				}
			}
		}
		if other := (&schema.Type{}); c.together(s.Types[0], other) || c.together(other, s.Types[0]) || c.holdsItself(other) {
			t.Fatal("a type that is not of the schema holds itself")
		}
	}
}
