package schemavalue

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ipcio/ipcio-go/schema"
)

// A Generator makes random values that a writer may send. It is biased to the
// edges: optional fields absent and present, the ends of ranges and sizes and
// what is next to them, all values of enums and what open ones pass on, all
// variants of unions. It is not safe for concurrent use.
type Generator struct {
	rng      *rand.Rand
	texts    []string
	numbers  []*big.Float
	sizes    []int
	examples map[string][]string // by pattern and size
	steps    int                 // that the value being made may still take
}

// NewGenerator returns a Generator whose values depend on rng alone.
func NewGenerator(rng *rand.Rand) *Generator {
	g := &Generator{rng: rng, examples: make(map[string][]string)}
	g.texts = []string{"", "a", "b", "x y", "\x00", "名", "127.0.0.1", "::1", "host-1", "urn:a:b", "/tmp/a", "abc", "a1", "A", "-"}
	return g
}

// Generate returns one value of t from a Generator that knows t only. It
// reports false if it found none: constraints may leave few values, or none.
func Generate(rng *rand.Rand, t *schema.Type) (Value, bool) {
	g := NewGenerator(rng)
	g.learnType(t, make(map[*schema.Type]bool))
	return g.Value(t)
}

// Learn remembers the constraints and declared values of a schema, also of one
// whose readers shall be tested: a value is more likely where they differ.
func (g *Generator) Learn(s *schema.Schema) {
	seen := make(map[*schema.Type]bool)
	for _, t := range s.Types {
		g.learnType(t, seen)
	}
	for _, c := range s.Commands {
		for _, t := range []*schema.Type{c.Payload, c.Reply} {
			g.learnType(t, seen)
		}
	}
	for _, e := range s.Errors {
		g.learnType(&schema.Type{Kind: schema.Struct, Fields: e.Fields}, seen)
	}
}

func (g *Generator) learnType(t *schema.Type, seen map[*schema.Type]bool) {
	if t == nil || seen[t] {
		return
	}
	seen[t] = true
	if t.Base != nil {
		g.learnExpr(t.Base, seen)
		g.learn(t.Constraints)
	}
	for _, f := range t.Fields {
		g.learnExpr(f.Type, seen)
		g.learn(f.Constraints)
	}
	for _, v := range t.Values {
		g.texts = append(g.texts, v.Value)
	}
	for _, v := range t.Variants {
		g.learnExpr(v.Type, seen)
	}
}

func (g *Generator) learnExpr(e *schema.Expr, seen map[*schema.Type]bool) {
	for e.Elem != nil {
		e = e.Elem
	}
	if e.Named != nil {
		g.learnType(e.Named, seen)
	}
}

func (g *Generator) learn(c *schema.Constraints) {
	if c == nil {
		return
	}
	learnNumber := func(v *schema.Value) {
		if v != nil {
			g.numbers = append(g.numbers, number(v))
		}
	}
	if c.Range != nil {
		learnNumber(c.Range.Min)
		learnNumber(c.Range.Max)
	}
	for _, v := range c.In {
		if v.Scalar == schema.String {
			g.texts = append(g.texts, v.Text)
		} else {
			learnNumber(v)
		}
	}
	if c.Len != nil {
		g.sizes = append(g.sizes, int(c.Len.Min))
		if c.Len.HasMax {
			g.sizes = append(g.sizes, int(c.Len.Max))
		}
	}
	if c.Pattern != nil {
		g.texts = append(g.texts, c.Pattern.Examples(0, 64, 8)...)
	}
}

// Value returns a value of t, or an empty map if t is nil. It reports false if
// it found none.
func (g *Generator) Value(t *schema.Type) (Value, bool) {
	if t == nil {
		return Value{Kind: Map}, true
	}
	g.steps = maxSteps
	return g.typed(t, nil, 0)
}

// The bounds of what is generated.
const (
	maxSteps    = 4000 // expressions of one value, with those that were tried in vain
	maxLevels   = 12   // of types within types; from deepLevel on, only what must be there
	deepLevel   = 4
	maxElements = 40
	maxText     = 300
)

func (g *Generator) one(n int) bool { return g.rng.IntN(n) == 0 }

// typed returns a value of t under the constraints of all that is around it.
func (g *Generator) typed(t *schema.Type, cons []*schema.Constraints, level int) (Value, bool) {
	if level > maxLevels {
		return Value{}, false
	}
	switch t.Kind {
	case schema.NewType:
		if t.Constraints != nil {
			cons = append(slices.Clone(cons), t.Constraints)
		}
		return g.expr(t.Base, cons, level)
	case schema.Enum:
		if !t.Closed && g.one(4) {
			return String("unknown " + fmt.Sprint(g.rng.IntN(3))), true
		}
		return String(t.Values[g.rng.IntN(len(t.Values))].Value), true
	case schema.Union:
		return g.union(t, level)
	}
	v := Value{Kind: Map}
	for _, f := range t.Fields {
		if f.Optional && (level >= deepLevel || g.one(2)) {
			continue
		}
		value, ok := g.expr(f.Type, under(nil, f.Constraints), level+1)
		switch {
		case ok:
			v.Map = append(v.Map, Entry{f.Name, value})
		case !f.Optional:
			return Value{}, false
		}
	}
	return v, true
}

func under(cons []*schema.Constraints, c *schema.Constraints) []*schema.Constraints {
	if c == nil {
		return cons
	}
	return append(cons, c)
}

func (g *Generator) union(t *schema.Type, level int) (Value, bool) {
	if !t.Closed && g.one(5) {
		return Value{Kind: Map, Map: []Entry{{"zz_unknown", g.any(level)}}}, true
	}
	for _, i := range g.rng.Perm(len(t.Variants)) {
		if v, ok := g.expr(t.Variants[i].Type, nil, level+1); ok {
			return Value{Kind: Map, Map: []Entry{{t.Variants[i].Name, v}}}, true
		}
	}
	return Value{}, false
}

func (g *Generator) any(level int) Value {
	switch g.rng.IntN(8) {
	case 0:
		return Value{}
	case 1:
		return Boolean(g.one(2))
	case 2:
		return Integer(g.rng.Int64N(1000) - 500)
	case 3:
		return Float64(g.rng.NormFloat64())
	case 4:
		return ByteString([]byte{1, 2})
	case 5:
		if level < deepLevel {
			return Value{Kind: List, List: []Value{g.any(level + 1), g.any(level + 1)}}
		}
	case 6:
		if level < deepLevel {
			return Value{Kind: Map, Map: []Entry{{"k", g.any(level + 1)}}}
		}
	}
	return String(g.text())
}

func (g *Generator) text() string { return g.texts[g.rng.IntN(len(g.texts))] }

// expr returns a value of e that holds all of cons.
func (g *Generator) expr(e *schema.Expr, cons []*schema.Constraints, level int) (Value, bool) {
	if g.steps--; g.steps < 0 {
		return Value{}, false // types that contain themselves can lead nowhere in very many ways
	}
	switch e.Kind {
	case schema.NamedExpr:
		return g.typed(e.Named, cons, level)
	case schema.ListExpr, schema.MapExpr:
		return g.many(e, cons, level)
	}
	const tries = 60
	for range tries {
		v, ok := g.scalar(e.Scalar, cons)
		if ok && acceptScalar(e.Scalar, v) == nil && !slices.ContainsFunc(cons, func(c *schema.Constraints) bool { return constrained(c, e, v) != nil }) {
			return v, true
		}
	}
	return Value{}, false
}

// sizeRange returns the sizes that cons leave.
func sizeRange(cons []*schema.Constraints) (low, high int) {
	high = math.MaxInt32
	for _, c := range cons {
		if c.Len != nil {
			low = max(low, int(c.Len.Min))
			if c.Len.HasMax {
				high = min(high, int(c.Len.Max))
			}
		}
	}
	return low, high
}

// size returns a size from low to high, at most most.
func (g *Generator) size(low, high, most int) (int, bool) {
	high = min(high, most)
	if low > high {
		return 0, false
	}
	n := low
	switch g.rng.IntN(5) {
	case 0:
	case 1:
		n = high
		if high == most {
			n = low + 3
		}
	case 2:
		n = low + 1
	case 3:
		if len(g.sizes) > 0 {
			n = g.sizes[g.rng.IntN(len(g.sizes))] + g.rng.IntN(3) - 1
		}
	default:
		n = low + g.rng.IntN(4)
	}
	return min(max(n, low), high), true
}

func (g *Generator) many(e *schema.Expr, cons []*schema.Constraints, level int) (Value, bool) {
	low, high := sizeRange(cons)
	n, ok := g.size(low, high, maxElements)
	if !ok {
		return Value{}, false
	}
	if level >= deepLevel {
		n = low
	}
	unique := slices.ContainsFunc(cons, func(c *schema.Constraints) bool { return c.Unique })
	v := Value{Kind: List}
	if e.Kind == schema.MapExpr {
		v.Kind = Map
	}
	came := make(map[string]bool)
	for misses := 0; len(v.List)+len(v.Map) < n; {
		elem, ok := g.expr(e.Elem, nil, level+1)
		if ok && unique {
			key, comparable := identity(e.Elem, elem)
			ok = !comparable || !came[key]
			came[key] = true
		}
		switch {
		case !ok:
			if misses++; misses > 20+4*n {
				return v, len(v.List)+len(v.Map) >= low
			}
		case v.Kind == Map:
			key := g.text()
			if g.one(2) {
				key = fmt.Sprintf("k%d", len(v.Map))
			}
			if _, taken := v.Lookup(key); taken {
				key = fmt.Sprintf("key %d", len(v.Map))
			}
			v.Map = append(v.Map, Entry{key, elem})
		default:
			v.List = append(v.List, elem)
			if !unique && len(v.List) < n && g.one(3) {
				v.List = append(v.List, elem) // equal neighbours
			}
		}
	}
	return v, true
}

// scalar returns a value of s that is likely to hold cons.
func (g *Generator) scalar(s schema.Scalar, cons []*schema.Constraints) (Value, bool) {
	switch s {
	case schema.Any:
		return g.any(deepLevel - 2), true
	case schema.Bool:
		return Boolean(g.one(2)), true
	case schema.String:
		return g.stringOf(cons)
	case schema.Bytes:
		low, high := sizeRange(cons)
		n, ok := g.size(low, high, maxText)
		if ok && low <= 16 && high >= 16 && g.one(4) {
			n = 16
		}
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(g.rng.Uint32())
		}
		return ByteString(b), ok
	case schema.Timestamp:
		seconds := []int64{0, -1, 1_700_000_000, -62167219200, 253402300799}[g.rng.IntN(5)]
		t := time.Unix(seconds, g.rng.Int64N(2)*g.rng.Int64N(1_000_000_000)).UTC()
		return Tagged(0, String(t.Format(time.RFC3339Nano))), true
	case schema.UUID:
		b := make([]byte, 16)
		b[15] = byte(g.rng.Uint32())
		return Tagged(37, ByteString(b)), true
	case schema.Float32, schema.Float64:
		return g.float(s, cons), true
	}
	return g.integer(s, cons), true
}

// pick returns a number that the constraints name, or one that was learned.
func (g *Generator) pick(cons []*schema.Constraints) *big.Float {
	if len(cons) > 0 && !g.one(4) {
		c := cons[g.rng.IntN(len(cons))]
		switch {
		case c.In != nil:
			return number(c.In[g.rng.IntN(len(c.In))])
		case c.Range != nil && c.Range.Min != nil && (c.Range.Max == nil || g.one(2)):
			return number(c.Range.Min)
		case c.Range != nil && c.Range.Max != nil:
			return number(c.Range.Max)
		}
	}
	if len(g.numbers) > 0 && g.one(2) {
		return g.numbers[g.rng.IntN(len(g.numbers))]
	}
	return nil
}

func (g *Generator) integer(s schema.Scalar, cons []*schema.Constraints) Value {
	low, high := intLimits(s)
	i := new(big.Int)
	if near := g.pick(cons); near != nil {
		near.Int(i)
		i.Add(i, big.NewInt(g.rng.Int64N(5)-2))
	} else {
		switch g.rng.IntN(6) {
		case 0:
			i.Set(low)
		case 1:
			i.Set(high)
		case 2:
			i.SetInt64(g.rng.Int64N(7) - 3)
		case 3: // what other types and floats end at
			edge := []uint{7, 8, 15, 16, 24, 31, 32, 53, 63}[g.rng.IntN(9)]
			i.Lsh(big.NewInt(1), edge)
			i.Add(i, big.NewInt(g.rng.Int64N(3)-1))
			if g.one(2) {
				i.Neg(i)
			}
		default:
			i.SetUint64(g.rng.Uint64())
			if low.Sign() < 0 && g.one(2) {
				i.Neg(i)
			}
			i.Rsh(i, uint(g.rng.IntN(64))) // of any length
		}
	}
	if i.Cmp(low) < 0 {
		i.Set(low)
	}
	if i.Cmp(high) > 0 {
		i.Set(high)
	}
	if i.Sign() < 0 {
		return Value{Kind: Int, Negative: true, Uint: new(big.Int).Not(i).Uint64()}
	}
	return Unsigned(i.Uint64())
}

func (g *Generator) float(s schema.Scalar, cons []*schema.Constraints) Value {
	var f float64
	if near := g.pick(cons); near != nil {
		f, _ = near.Float64()
		switch g.rng.IntN(4) {
		case 0:
			f = g.next(s, f, 1)
		case 1:
			f = g.next(s, f, -1)
		case 2:
			f += float64(g.rng.IntN(3) - 1)
		}
	} else {
		f = []float64{
			1, -1, 0.5, 0.1, 1 << 24, 1<<24 + 1, 1<<53 + 2, math.MaxFloat32, math.MaxFloat64, math.SmallestNonzeroFloat64,
			math.Inf(1), math.Inf(-1), math.NaN(), g.rng.NormFloat64(), 0,
		}[g.rng.IntN(15)]
	}
	f += 0 // writers may send the negative zero, but it is no other number
	if s == schema.Float32 {
		return Float32(float32(f))
	}
	return Float64(f)
}

func (g *Generator) next(s schema.Scalar, f float64, sign int) float64 {
	if s == schema.Float32 {
		return float64(math.Nextafter32(float32(f), float32(math.Inf(sign))))
	}
	return math.Nextafter(f, math.Inf(sign))
}

func (g *Generator) stringOf(cons []*schema.Constraints) (Value, bool) {
	low, high := sizeRange(cons)
	for _, c := range cons {
		switch {
		case c.In != nil:
			return String(c.In[g.rng.IntN(len(c.In))].Text), true
		case c.Pattern != nil && !g.one(4):
			if texts := g.matching(c.Pattern, low, high); len(texts) > 0 {
				return String(texts[g.rng.IntN(len(texts))]), true
			}
		}
	}
	text := g.text()
	if n := utf8.RuneCountInString(text); n >= low && n <= high && !g.one(3) {
		return String(text), true
	}
	n, ok := g.size(low, high, maxText)
	return String(strings.Repeat([]string{"a", "0", " ", "é", ":", "/"}[g.rng.IntN(6)], n)), ok
}

// matching returns examples of a pattern.
func (g *Generator) matching(p *schema.Pattern, low, high int) []string {
	key := fmt.Sprint(low, " ", high, " ", p.Expr)
	texts, ok := g.examples[key]
	if !ok {
		if len(g.examples) > 1000 {
			clear(g.examples)
		}
		texts = p.Examples(low, high, 24)
		g.examples[key] = texts
	}
	return texts
}
