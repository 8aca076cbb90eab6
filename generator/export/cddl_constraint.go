package export

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/ipcio/ipcio-go/schema"
)

// maxCounted is the largest length of a string that becomes a count in a
// regular expression. Engines have limits for these; 1000 is within all of them.
const maxCounted = 1000

// constrained returns e with constraints as a type, and notes about what
// CDDL has no words for. If several things have to hold at once, it first
// writes a rule for each of them, named after name, because .and takes two.
func (w *cddl) constrained(name string, e *schema.Expr, c *schema.Constraints) (expr string, notes []string) {
	if c == nil {
		return w.expr(e), nil
	}
	all, implied, notes := w.conditions(e, c)
	if !implied {
		all = append([]string{w.expr(e)}, all...)
	}
	if len(all) == 1 {
		return all[0], notes
	}
	n := 0
	helper := func(body string) string {
		if isName(body) {
			return body
		}
		n++
		name := name + "-" + strconv.Itoa(n)
		w.rule(name, body)
		return name
	}
	expr = helper(all[0])
	for i, condition := range all[1:] {
		expr += " .and " + helper(condition)
		if i < len(all)-2 {
			expr = helper(expr)
		}
	}
	return expr, notes
}

// isName reports whether a type is the name of a rule.
func isName(typ string) bool {
	return !strings.ContainsFunc(typ, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
	}) && (typ[0] < '0' || typ[0] > '9') && typ[0] != '-'
}

// conditions returns types of which a value of e has to be all. implied says
// that such a value is one of e already.
func (w *cddl) conditions(e *schema.Expr, c *schema.Constraints) (all []string, implied bool, notes []string) {
	u := under(e)
	add := func(condition string, instead bool) {
		all = append(all, condition)
		// What is said about a new type does not repeat its own constraints.
		implied = implied || instead && e == u
	}
	if c.Range != nil {
		if r, ok := integers[u.Scalar]; ok {
			add(integerRange(c.Range, r.min, r.max), true)
		} else {
			for _, end := range []struct {
				op string
				v  *schema.Value
			}{{".ge", c.Range.Min}, {".le", c.Range.Max}} {
				if end.v != nil {
					add(w.scalar(u.Scalar)+" "+end.op+" "+literal(end.v), true)
				}
			}
		}
	}
	if c.Len != nil {
		condition, note := w.size(e, c.Len)
		add(condition, true)
		notes = append(notes, note...)
	}
	if c.Pattern != nil {
		if re, ok := portable(c.Pattern.Expr); ok {
			add("tstr .regexp "+quote(re), true)
		} else {
			notes = append(notes, "pattern (RE2): "+oneLine(c.Pattern.Expr))
		}
	}
	if c.In != nil {
		choices := make([]string, len(c.In))
		for i, v := range c.In {
			choices[i] = literal(v)
		}
		float := u.Scalar == schema.Float32 || u.Scalar == schema.Float64
		add(strings.Join(choices, " / "), !float) // a float literal says nothing about its width
	}
	if c.Format.String() != "" {
		notes = append(notes, "format: "+c.Format.String())
	}
	if c.Unique {
		notes = append(notes, "unique: all elements are different")
	}
	return all, implied, notes
}

// integerRange returns a range of integers whose open ends are those of the
// type.
func integerRange(r *schema.Range, low, high string) string {
	if r.Min != nil {
		low = literal(r.Min)
	}
	if r.Max != nil {
		high = literal(r.Max)
	}
	if low == high {
		return low
	}
	return low + ".." + high
}

// size returns a type for the values of e that have a size. The elements are
// those of e if it is written here.
func (w *cddl) size(e *schema.Expr, n *schema.Len) (condition string, notes []string) {
	switch u := under(e); {
	case u.Kind == schema.ListExpr:
		elem := "any"
		if e == u {
			elem = w.expr(u.Elem)
		}
		return "[" + occurrence(n) + " " + elem + "]", nil
	case u.Kind == schema.MapExpr:
		elem := "any"
		if e == u {
			elem = w.expr(u.Elem)
		}
		return "{" + occurrence(n) + " tstr => " + elem + "}", nil
	case u.Scalar == schema.Bytes:
		return "bstr .size " + bytesRange(n.Min, n.Max, n.HasMax), nil
	}
	if n.Min < maxCounted && (!n.HasMax || n.Max < maxCounted) {
		count := fmt.Sprintf("{%d,}", n.Min)
		switch {
		case n.HasMax && n.Min == n.Max:
			count = fmt.Sprintf("{%d}", n.Min)
		case n.HasMax:
			count = fmt.Sprintf("{%d,%d}", n.Min, n.Max)
		}
		return "tstr .regexp " + quote(`[\s\S]`+count), nil
	}
	// A code point has one to four bytes in UTF-8.
	return "tstr .size " + bytesRange(n.Min, n.Max*4, n.HasMax), []string{"len: " + n.String() + " code points"}
}

// occurrence returns a len as a number of entries.
func occurrence(n *schema.Len) string {
	var low, high string
	if n.Min > 0 || n.HasMax && n.Max == 0 {
		low = strconv.FormatUint(n.Min, 10)
	}
	if n.HasMax {
		high = strconv.FormatUint(n.Max, 10)
	}
	return low + "*" + high
}

func bytesRange(low, high uint64, bounded bool) string {
	if !bounded {
		high = math.MaxUint32 * 4
	}
	if low == high {
		return strconv.FormatUint(low, 10)
	}
	return fmt.Sprintf("(%d..%d)", low, high)
}

// literal returns a value of the schema as a literal of CDDL.
func literal(v *schema.Value) string {
	switch v.Scalar {
	case schema.String:
		return quote(v.Text)
	case schema.Duration:
		return strconv.FormatInt(int64(v.Duration), 10)
	case schema.Float32, schema.Float64:
		bits := 64
		if v.Scalar == schema.Float32 {
			bits = 32
		}
		form := byte('f')
		if a := math.Abs(v.Float); a != 0 && (a < 1e-6 || a >= 1e21) {
			form = 'e' // no hundreds of zeros
		}
		text := strconv.FormatFloat(v.Float, form, -1, bits)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return text
	}
	return v.String()
}
