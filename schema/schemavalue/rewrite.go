package schemavalue

import (
	"math"
	"time"

	"github.com/ipcio/ipcio-go/schema"
)

// Rewrite returns what a reader of t that took v writes again: every value in
// the form of a writer, unknown fields and absent ones left out. What the
// schema leaves open, in any and under unknown variants, is as it came. v must
// be one that [Accepts] takes; t is not nil.
func Rewrite(t *schema.Type, v Value) Value {
	switch t.Kind {
	case schema.NewType:
		return rewriteExpr(t.Base, v)
	case schema.Union:
		e := v.Map[0]
		for _, known := range t.Variants {
			if known.Name == e.Key {
				e.Value = rewriteExpr(known.Type, e.Value)
			}
		}
		return Value{Kind: Map, Map: []Entry{e}}
	case schema.Struct:
		out := Value{Kind: Map}
		for _, f := range t.Fields {
			value, ok := v.Lookup(f.Name)
			if ok && !(f.Optional && value.Kind == Null) {
				out.Map = append(out.Map, Entry{f.Name, rewriteExpr(f.Type, value)})
			}
		}
		return out
	}
	return v // an enum
}

func rewriteExpr(e *schema.Expr, v Value) Value {
	switch e.Kind {
	case schema.NamedExpr:
		return Rewrite(e.Named, v)
	case schema.ListExpr:
		out := Value{Kind: List}
		for _, elem := range v.List {
			out.List = append(out.List, rewriteExpr(e.Elem, elem))
		}
		return out
	case schema.MapExpr:
		out := Value{Kind: Map}
		for _, entry := range v.Map {
			out.Map = append(out.Map, Entry{entry.Key, rewriteExpr(e.Elem, entry.Value)})
		}
		return out
	}
	switch e.Scalar {
	case schema.Timestamp:
		t, _ := instant(v)
		return Tagged(0, String(t.Format(time.RFC3339Nano)))
	case schema.UUID:
		u, _ := uuid(v)
		return Tagged(37, ByteString(u))
	case schema.Float32, schema.Float64:
		f, _ := float(e.Scalar, v)
		if math.IsNaN(f) {
			f = math.Float64frombits(0x7ff8 << 48) // all are written in one way
		}
		return Value{Kind: Float, Float: f, Single: e.Scalar == schema.Float32}
	}
	return v
}
