package generator

import (
	"github.com/ipcio/ipcio-go/schema"
)

// layout is what a Go value takes in memory on a 64-bit machine. Both sides
// count with it how much memory a message takes when it is decoded, so it is
// part of what they agree on.
type layout struct{ size, align int }

var scalarLayouts = map[schema.Scalar]layout{
	schema.Bool: {1, 1}, schema.Int8: {1, 1}, schema.Uint8: {1, 1},
	schema.Int16: {2, 2}, schema.Uint16: {2, 2},
	schema.Int32: {4, 4}, schema.Uint32: {4, 4}, schema.Float32: {4, 4},
	schema.Int64: {8, 8}, schema.Uint64: {8, 8}, schema.Float64: {8, 8}, schema.Duration: {8, 8},
	schema.String: {16, 8}, schema.Bytes: {24, 8}, schema.Timestamp: {24, 8}, schema.Any: {24, 8},
	schema.UUID: {16, 1},
}

// sizeOf returns the bytes that a value of e takes, without what it points to.
func sizeOf(e *schema.Expr) int { return layoutOf(e).size }

func layoutOf(e *schema.Expr) layout {
	r := resolve(e)
	switch {
	case r.Kind == schema.ScalarExpr:
		return scalarLayouts[r.Scalar]
	case r.Kind == schema.ListExpr:
		return layout{24, 8}
	case r.Kind == schema.MapExpr:
		return layout{8, 8}
	case r.Named.Kind == schema.Struct:
		return layoutOfStruct(r.Named.Fields)
	}
	return layout{16, 8} // an enum's string, a union's interface
}

func layoutOfStruct(fields []*schema.Field) layout {
	all := layout{0, 1}
	last := 1
	for _, f := range fields {
		l := layout{8, 8}
		if !f.Optional || hasNil(f.Type) {
			l = layoutOf(f.Type)
		}
		all.size = (all.size+l.align-1)/l.align*l.align + l.size
		all.align = max(all.align, l.align)
		last = l.size
	}
	if last == 0 && all.size > 0 {
		all.size++ // so that a pointer to the last field stays inside
	}
	all.size = (all.size + all.align - 1) / all.align * all.align
	return all
}
