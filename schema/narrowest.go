package schema

import (
	"cmp"
	"math"
	"slices"
)

// A narrowest joins the constraints at an expression and at the new types
// beneath it into one form, whichever of them says what.
type narrowest struct {
	low, high *Value // of the range; nil is open
	min, max  uint64 // of the len
	hasMax    bool
	patterns  []string
	formats   []string
	in        []*Value // nil: all
	unique    bool
}

func (n *narrowest) add(c *Constraints) {
	if c == nil {
		return
	}
	if r := c.Range; r != nil {
		if r.Min != nil && (n.low == nil || r.Min.Compare(n.low) > 0) {
			n.low = r.Min
		}
		if r.Max != nil && (n.high == nil || r.Max.Compare(n.high) < 0) {
			n.high = r.Max
		}
	}
	if c.Len != nil {
		n.min = max(n.min, c.Len.Min)
		if c.Len.HasMax && (!n.hasMax || c.Len.Max < n.max) {
			n.max, n.hasMax = c.Len.Max, true
		}
	}
	if c.Pattern != nil {
		n.patterns = append(n.patterns, c.Pattern.Expr)
	}
	if c.Format != 0 {
		n.formats = append(n.formats, c.Format.String())
	}
	if c.In != nil {
		values := slices.SortedFunc(slices.Values(c.In), (*Value).Compare)
		if n.in != nil {
			values = slices.DeleteFunc(values, func(v *Value) bool {
				_, found := slices.BinarySearchFunc(n.in, v, (*Value).Compare)
				return !found
			})
		}
		n.in = values
		if n.in == nil {
			n.in = []*Value{}
		}
	}
	n.unique = n.unique || c.Unique
}

// appendTo appends the head of ["where", [constraint…], expr], if there are
// constraints: expr must follow.
func (n *narrowest) appendTo(b []byte) []byte {
	if n.low != nil && n.low.isBorder(false) {
		n.low = nil
	}
	if n.high != nil && n.high.isBorder(true) {
		n.high = nil
	}
	for _, words := range []*[]string{&n.patterns, &n.formats} {
		slices.Sort(*words)
		*words = slices.Compact(*words)
	}
	var list []byte
	count := 0
	begin := func(word string, size int) {
		count++
		list = appendHead(list, cborArray, uint64(1+size))
		list = appendText(list, word)
	}
	if len(n.formats) > 0 {
		begin("format", len(n.formats))
		for _, f := range n.formats {
			list = appendText(list, f)
		}
	}
	if n.in != nil {
		begin("in", len(n.in))
		for _, v := range n.in {
			list = appendText(list, v.String())
		}
	}
	if n.min > 0 || n.hasMax {
		begin("len", 2)
		list = appendHead(list, cborUint, n.min)
		if n.hasMax {
			list = appendHead(list, cborUint, n.max)
		} else {
			list = append(list, cborNull)
		}
	}
	if len(n.patterns) > 0 {
		begin("pattern", len(n.patterns))
		for _, p := range n.patterns {
			list = appendText(list, p)
		}
	}
	if n.low != nil || n.high != nil {
		begin("range", 2)
		for _, v := range []*Value{n.low, n.high} {
			if v == nil {
				list = append(list, cborNull)
			} else {
				list = appendText(list, v.String())
			}
		}
	}
	if n.unique {
		begin("unique", 0)
	}
	if count == 0 {
		return b
	}
	b = appendHead(b, cborArray, 3)
	b = appendText(b, "where")
	b = appendHead(b, cborArray, uint64(count))
	return append(b, list...)
}

// isBorder reports whether v is the smallest, or with top the greatest, value
// of its type.
func (v *Value) isBorder(top bool) bool {
	var side int
	switch s := v.Scalar; {
	case s.isSigned():
		low := int64(-1) << (s.bits() - 1)
		side = cmp.Compare(v.Int, low)
		if top {
			side = cmp.Compare(v.Int, -1-low)
		}
	case s.isUnsigned():
		side = cmp.Compare(v.Uint, 0)
		if top {
			side = cmp.Compare(v.Uint, math.MaxUint64>>(64-s.bits()))
		}
	case s == Duration:
		side = cmp.Compare(v.Duration, math.MinInt64)
		if top {
			side = cmp.Compare(v.Duration, math.MaxInt64)
		}
	default:
		return false // a float may be infinite
	}
	return side == 0
}
