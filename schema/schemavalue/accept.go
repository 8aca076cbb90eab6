package schemavalue

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/ipcio/ipcio-go/schema"
)

// A Refusal is the error of [Accepts].
type Refusal struct {
	Path   string // such as job.tags[2]; "" for the value itself
	Reason string
}

// Error returns the path and the reason in one line.
func (r *Refusal) Error() string {
	if r.Path == "" {
		return "schemavalue: refused: " + r.Reason
	}
	return "schemavalue: refused: " + r.Path + ": " + r.Reason
}

// Accepts reads v as a reader of t does, and returns nil or a *[Refusal]. t may
// be any type of a schema, also an inline one; nil is the payload of a command
// without one.
func Accepts(t *schema.Type, v Value) error {
	if t == nil {
		if v.Kind == Map || v.Kind == Null {
			return nil
		}
		return refuse("expected a map or null")
	}
	if r := acceptType(t, v); r != nil {
		return r
	}
	return nil
}

func refuse(format string, args ...any) *Refusal {
	return &Refusal{Reason: fmt.Sprintf(format, args...)}
}

// under returns the refusal of a part.
func (r *Refusal) under(step string) *Refusal {
	if r == nil {
		return nil
	}
	if r.Path != "" && r.Path[0] != '[' {
		step += "."
	}
	r.Path = step + r.Path
	return r
}

func acceptType(t *schema.Type, v Value) *Refusal {
	switch t.Kind {
	case schema.NewType:
		if r := acceptExpr(t.Base, v); r != nil {
			return r
		}
		return constrained(t.Constraints, t.Base, v)
	case schema.Enum:
		return acceptEnum(t, v)
	case schema.Union:
		return acceptUnion(t, v)
	}
	return acceptStruct(t, v)
}

func acceptEnum(t *schema.Type, v Value) *Refusal {
	if v.Kind != Text || !utf8.ValidString(v.Text) {
		return refuse("expected a text")
	}
	if !t.Closed {
		return nil
	}
	for _, known := range t.Values {
		if known.Value == v.Text {
			return nil
		}
	}
	return refuse("%q is not declared", v.Text)
}

func acceptUnion(t *schema.Type, v Value) *Refusal {
	if v.Kind != Map || len(v.Map) != 1 {
		return refuse("expected a map with one entry")
	}
	e := v.Map[0]
	for _, known := range t.Variants {
		if known.Name == e.Key {
			return acceptExpr(known.Type, e.Value).under(e.Key)
		}
	}
	if t.Closed {
		return refuse("%q is not a variant", e.Key)
	}
	return nil
}

func acceptStruct(t *schema.Type, v Value) *Refusal {
	if v.Kind != Map {
		return refuse("expected a map")
	}
	known := make(map[string]*schema.Field, len(t.Fields))
	for _, f := range t.Fields {
		known[f.Name] = f
	}
	came := make(map[string]bool)
	for _, e := range v.Map {
		f := known[e.Key]
		switch {
		case f == nil:
			continue // skipped
		case came[e.Key]:
			return refuse("the key comes twice").under(e.Key)
		}
		came[e.Key] = true
		switch {
		case e.Value.Kind == Null && f.Optional:
			continue // as if absent
		case e.Value.Kind == Null && !isAny(f.Type):
			return refuse("missing required field: its value is null").under(e.Key)
		}
		if r := acceptExpr(f.Type, e.Value); r != nil {
			return r.under(e.Key)
		}
		if r := constrained(f.Constraints, f.Type, e.Value); r != nil {
			return r.under(e.Key)
		}
	}
	for _, f := range t.Fields {
		if !f.Optional && !came[f.Name] {
			return refuse("missing required field").under(f.Name)
		}
	}
	return nil
}

// base follows new types.
func base(e *schema.Expr) *schema.Expr {
	for e.Kind == schema.NamedExpr && e.Named.Kind == schema.NewType {
		e = e.Named.Base
	}
	return e
}

func isAny(e *schema.Expr) bool {
	e = base(e)
	return e.Kind == schema.ScalarExpr && e.Scalar == schema.Any
}

func acceptExpr(e *schema.Expr, v Value) *Refusal {
	switch e.Kind {
	case schema.NamedExpr:
		return acceptType(e.Named, v)
	case schema.ListExpr:
		if v.Kind != List {
			return refuse("expected a list")
		}
		for i, elem := range v.List {
			if r := acceptExpr(e.Elem, elem); r != nil {
				return r.under(fmt.Sprintf("[%d]", i))
			}
		}
		return nil
	case schema.MapExpr:
		if v.Kind != Map {
			return refuse("expected a map")
		}
		came := make(map[string]bool)
		for _, entry := range v.Map {
			if came[entry.Key] {
				return refuse("the key %q comes twice", entry.Key)
			}
			came[entry.Key] = true
			if r := acceptExpr(e.Elem, entry.Value); r != nil {
				return r.under(fmt.Sprintf("[%q]", entry.Key))
			}
		}
		return nil
	}
	return acceptScalar(e.Scalar, v)
}

func acceptScalar(s schema.Scalar, v Value) *Refusal {
	want := Null
	switch s {
	case schema.Any:
		return nil
	case schema.Bool:
		want = Bool
	case schema.String:
		want = Text
	case schema.Bytes:
		want = Bytes
	case schema.Timestamp:
		_, r := instant(v)
		return r
	case schema.UUID:
		_, r := uuid(v)
		return r
	case schema.Float32, schema.Float64:
		_, r := float(s, v)
		return r
	default:
		want = Int
	}
	if v.Kind != want {
		return refuse("expected %v", s)
	}
	if want == Int {
		low, high := intLimits(s)
		if i := integer(v); i.Cmp(low) < 0 || i.Cmp(high) > 0 {
			return refuse("%v does not fit %v", i, s)
		}
	}
	return nil
}

// integer returns the integer of an Int.
func integer(v Value) *big.Int {
	i := new(big.Int).SetUint64(v.Uint)
	if v.Negative {
		i.Not(i)
	}
	return i
}

// limits holds what the integers hold.
var limits = func() (all [schema.Any + 1][2]*big.Int) {
	one := big.NewInt(1)
	for i := range uint(4) {
		bits := uint(8) << i
		high := new(big.Int).Lsh(one, bits-1)
		all[schema.Int8+schema.Scalar(i)] = [2]*big.Int{new(big.Int).Neg(high), new(big.Int).Sub(high, one)}
		high = new(big.Int).Lsh(one, bits)
		all[schema.Uint8+schema.Scalar(i)] = [2]*big.Int{new(big.Int), high.Sub(high, one)}
	}
	all[schema.Duration] = all[schema.Int64]
	return all
}()

// intLimits returns what an integer or duration holds. The results are shared.
func intLimits(s schema.Scalar) (low, high *big.Int) { return limits[s][0], limits[s][1] }

// float returns the number that a reader of a float sees.
func float(s schema.Scalar, v Value) (float64, *Refusal) {
	var f float64
	switch v.Kind {
	case Float:
		f = v.Float
	case Int:
		var exact big.Accuracy
		f, exact = new(big.Float).SetInt(integer(v)).Float64()
		if exact != big.Exact {
			return 0, refuse("%v is not a float64", integer(v))
		}
	default:
		return 0, refuse("expected %v", s)
	}
	if s == schema.Float32 && !math.IsNaN(f) && float64(float32(f)) != f {
		return 0, refuse("%v is not a float32", f)
	}
	return f, nil
}

// rfc3339 is the form of a timestamp. The time package also takes hours of one
// digit and a comma before the fraction.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`)

func instant(v Value) (time.Time, *Refusal) {
	if v.Kind != Tag || v.Uint > 1 {
		return time.Time{}, refuse("expected tag 0 or 1")
	}
	in := v.List[0]
	switch {
	case v.Uint == 0 && in.Kind == Text:
		t, err := time.Parse(time.RFC3339Nano, in.Text)
		if err != nil || !rfc3339.MatchString(in.Text) {
			return time.Time{}, refuse("%q is not a time of RFC 3339", in.Text)
		}
		if t = t.UTC(); t.Year() < 0 || t.Year() > 9999 {
			return time.Time{}, refuse("outside the years 0 to 9999")
		}
		return t, nil
	case v.Uint == 1 && in.Kind == Int:
		if i := integer(in); i.IsInt64() && i.Int64() >= -62167219200 && i.Int64() < 253402300800 {
			return time.Unix(i.Int64(), 0).UTC(), nil
		}
		return time.Time{}, refuse("outside the years 0 to 9999")
	case v.Uint == 1 && in.Kind == Float:
		if !(in.Float >= -62167219200 && in.Float < 253402300800) {
			return time.Time{}, refuse("outside the years 0 to 9999")
		}
		whole, part := math.Modf(in.Float)
		return time.Unix(int64(whole), int64(math.Round(part*1e9))).UTC(), nil
	}
	return time.Time{}, refuse("expected a time")
}

func uuid(v Value) ([]byte, *Refusal) {
	if v.Kind == Tag && v.Uint == 37 {
		v = v.List[0]
	}
	if v.Kind != Bytes || len(v.Bytes) != 16 {
		return nil, refuse("expected a uuid")
	}
	return v.Bytes, nil
}

// constrained checks constraints that stand at an expression. v is of its type.
func constrained(c *schema.Constraints, e *schema.Expr, v Value) *Refusal {
	if c == nil {
		return nil
	}
	e = base(e)
	if c.Range != nil && !inRange(c.Range, e.Scalar, v) {
		return refuse("breaks range %v", c.Range)
	}
	if c.Len != nil {
		if n := size(v); !c.Len.Contains(n) {
			return refuse("size %d breaks len %v", n, c.Len)
		}
	}
	if c.Pattern != nil && !compiled(c.Pattern.Expr).MatchString(v.Text) {
		return refuse("%q does not match %s", v.Text, c.Pattern.Expr)
	}
	if c.Format != 0 && !c.Format.MatchString(v.Text) {
		return refuse("%q is not a %v", v.Text, c.Format)
	}
	if c.In != nil && !listed(c.In, e.Scalar, v) {
		return refuse("not one of in")
	}
	if c.Unique {
		came := make(map[string]bool, len(v.List))
		for i, elem := range v.List {
			key, ok := identity(e.Elem, elem)
			if ok && came[key] {
				return refuse("occurs twice").under(fmt.Sprintf("[%d]", i))
			}
			came[key] = ok
		}
	}
	return nil
}

// size returns what len counts.
func size(v Value) int {
	switch v.Kind {
	case Text:
		return utf8.RuneCountInString(v.Text)
	case Bytes:
		return len(v.Bytes)
	case List:
		return len(v.List)
	}
	return len(v.Map)
}

// number returns a number of a schema, exactly.
func number(v *schema.Value) *big.Float {
	f := new(big.Float).SetPrec(128)
	switch v.Scalar {
	case schema.Float32, schema.Float64:
		return f.SetFloat64(v.Float)
	case schema.Duration:
		return f.SetInt64(int64(v.Duration))
	case schema.Uint8, schema.Uint16, schema.Uint32, schema.Uint64:
		return f.SetUint64(v.Uint)
	}
	return f.SetInt64(v.Int)
}

// received returns the number that a reader sees, and false for NaN.
func received(s schema.Scalar, v Value) (*big.Float, bool) {
	if s == schema.Float32 || s == schema.Float64 {
		f, _ := float(s, v)
		if math.IsNaN(f) {
			return nil, false
		}
		return new(big.Float).SetPrec(128).SetFloat64(f), true
	}
	return new(big.Float).SetPrec(128).SetInt(integer(v)), true
}

func inRange(r *schema.Range, s schema.Scalar, v Value) bool {
	n, ok := received(s, v)
	return ok && (r.Min == nil || n.Cmp(number(r.Min)) >= 0) && (r.Max == nil || n.Cmp(number(r.Max)) <= 0)
}

func listed(in []*schema.Value, s schema.Scalar, v Value) bool {
	for _, w := range in {
		if s == schema.String {
			if w.Text == v.Text {
				return true
			}
			continue
		}
		if n, ok := received(s, v); ok && n.Cmp(number(w)) == 0 {
			return true
		}
	}
	return false
}

// identity returns what two equal elements have in common for a reader. It
// reports false for NaN, which is equal to nothing, not even itself.
func identity(e *schema.Expr, v Value) (string, bool) {
	switch e = base(e); e.Scalar {
	case schema.Float32, schema.Float64:
		f, _ := float(e.Scalar, v)
		return fmt.Sprint(f + 0), f == f // no negative zero
	case schema.Timestamp:
		t, _ := instant(v)
		return t.Format(time.RFC3339Nano), true
	case schema.UUID:
		u, _ := uuid(v)
		return string(u), true
	}
	return string(Encode(v)), true
}

// maxPatterns is how many patterns are kept.
const maxPatterns = 1000

// patterns holds compiled patterns, by their text.
var patterns struct {
	sync.Mutex
	known map[string]*regexp.Regexp
}

func compiled(expr string) *regexp.Regexp {
	patterns.Lock()
	defer patterns.Unlock()
	re := patterns.known[expr]
	if re == nil {
		if len(patterns.known) == 0 || len(patterns.known) == maxPatterns {
			patterns.known = make(map[string]*regexp.Regexp)
		}
		re = regexp.MustCompile((&schema.Pattern{Expr: expr}).Anchored())
		patterns.known[expr] = re
	}
	return re
}
