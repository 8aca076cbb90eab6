package generator

import (
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ipcio/ipcio-go/runtime/codec"
	"github.com/ipcio/ipcio-go/schema"
)

// This file makes encoded values of a schema: valid ones, and ones beyond the
// borders of constraints.

const (
	sampleDepth = 8    // how deep samples are nested
	sampleItems = 300  // the longest list or map
	sampleText  = 2048 // the longest text or bytes
	sampleTexts = 64   // so many different ones are looked for under a pattern
)

// A sample is one encoded value and what is to be said of it.
type sample struct {
	name    string
	encoded []byte
	path    string // of the field that it is about
	rule    string // that is broken; "" if it is valid
}

// A sampler makes values. It remembers what it found, by the constraints.
type sampler struct{ known map[string][]schema.Value }

// samplesOf returns values of a struct, or none if the constraints are more
// than this file can satisfy.
func (m *sampler) samplesOf(fields []*schema.Field) []sample {
	least, ok := m.sampleStruct(fields, sampleDepth, nil, nil)
	if !ok {
		return nil
	}
	list := []sample{{name: "least", encoded: least}}
	if full := m.sampleFull(fields); string(full) != string(least) {
		list = append(list, sample{name: "full", encoded: full})
	}
	for _, f := range fields {
		for _, s := range m.borders(f.Type, constraintsOf(f.Type, f.Constraints)) {
			encoded, ok := m.sampleStruct(fields, sampleDepth, f, s.encoded)
			if !ok {
				continue
			}
			s.encoded = encoded
			s.name = f.Name + " " + s.name
			s.path = f.Name
			list = append(list, s)
		}
	}
	return list
}

func (s sample) hex() string { return hex.EncodeToString(s.encoded) }

// sampleStruct encodes a struct of its required fields; replaced gets the
// value given.
func (m *sampler) sampleStruct(fields []*schema.Field, depth int, replaced *schema.Field, value []byte) ([]byte, bool) {
	if depth == 0 {
		return nil, false
	}
	values := map[*schema.Field][]byte{}
	for _, f := range fields {
		switch {
		case f == replaced:
			values[f] = value
		case !f.Optional:
			v, ok := m.sampleValue(f.Type, f.Constraints, depth-1, 0)
			if !ok {
				return nil, false
			}
			values[f] = v
		}
	}
	return encodeSample(fields, values), true
}

// sampleFull encodes a struct of all fields that values are found for. There
// are some for the required ones.
func (m *sampler) sampleFull(fields []*schema.Field) []byte {
	values := map[*schema.Field][]byte{}
	for _, f := range fields {
		if v, ok := m.sampleValue(f.Type, f.Constraints, sampleDepth-1, 0); ok {
			values[f] = v
		}
	}
	return encodeSample(fields, values)
}

func encodeSample(fields []*schema.Field, values map[*schema.Field][]byte) []byte {
	b := codec.AppendMapHead(nil, len(values))
	for _, f := range wireOrder(&schema.Type{Fields: fields}) {
		if v, ok := values[f]; ok {
			b = append(codec.AppendText(b, f.Name), v...)
		}
	}
	return b
}

// constraintsOf returns own and those of the new types of e.
func constraintsOf(e *schema.Expr, own *schema.Constraints) []*schema.Constraints {
	var list []*schema.Constraints
	if own != nil {
		list = append(list, own)
	}
	for e.Kind == schema.NamedExpr && e.Named.Kind == schema.NewType {
		if c := e.Named.Constraints; c != nil {
			list = append(list, c)
		}
		e = e.Named.Base
	}
	return list
}

// sampleValue returns the i-th value of e; different i give different values.
func (m *sampler) sampleValue(e *schema.Expr, own *schema.Constraints, depth, i int) ([]byte, bool) {
	rules := constraintsOf(e, own)
	r := resolve(e)
	switch {
	case r.Kind == schema.ScalarExpr:
		return m.sampleScalar(r.Scalar, rules, i)
	case r.Kind == schema.ListExpr, r.Kind == schema.MapExpr:
		return m.sampleItemsOf(r, leastLen(rules)+i, isUnique(rules), false, depth)
	case r.Named.Kind == schema.Enum:
		if i >= len(r.Named.Values) {
			return nil, false
		}
		return codec.AppendText(nil, r.Named.Values[i].Value), true
	case r.Named.Kind == schema.Struct:
		return m.sampleStruct(r.Named.Fields, depth, nil, nil)
	}
	for _, v := range r.Named.Variants {
		if depth == 0 {
			break
		}
		if inside, ok := m.sampleValue(v.Type, nil, depth-1, i); ok {
			return append(codec.AppendText(codec.AppendMapHead(nil, 1), v.Name), inside...), true
		}
	}
	return nil, false
}

func leastLen(rules []*schema.Constraints) int {
	n := 0
	for _, c := range rules {
		if c.Len != nil {
			n = max(n, int(c.Len.Min))
		}
	}
	return n
}

func isUnique(rules []*schema.Constraints) bool {
	return slices.ContainsFunc(rules, func(c *schema.Constraints) bool { return c.Unique })
}

// sampleItemsOf returns a list or map of n elements, all different if unique;
// with twins, the last of a list equals the first.
func (m *sampler) sampleItemsOf(r *schema.Expr, n int, unique, twins bool, depth int) ([]byte, bool) {
	if n > sampleItems || depth == 0 {
		return nil, false
	}
	isList := r.Kind == schema.ListExpr
	b := codec.AppendMapHead(nil, n)
	if isList {
		b = codec.AppendListHead(nil, n)
	}
	for i := range n {
		at := 0
		if unique && !(twins && i == n-1) {
			at = i
		}
		v, ok := m.sampleValue(r.Elem, nil, depth-1, at)
		if !ok {
			return nil, false
		}
		if !isList {
			b = codec.AppendText(b, string([]byte{'a' + byte(i/26), 'a' + byte(i%26)}))
		}
		b = append(b, v...)
	}
	return b, true
}

func (m *sampler) sampleScalar(s schema.Scalar, rules []*schema.Constraints, i int) ([]byte, bool) {
	switch s {
	case schema.Bool:
		return codec.AppendBool(nil, i == 1), i < 2
	case schema.Timestamp:
		return codec.AppendTime(nil, time.Unix(int64(i), 1)), true
	case schema.UUID:
		return codec.AppendUUID(nil, [16]byte{byte(i)}), i < 256
	case schema.Any:
		return codec.AppendUint(nil, uint64(i)), true
	case schema.Bytes:
		n := leastLen(rules)
		if n == 0 && i > 0 {
			n = 1
		}
		if n > sampleText || i > 255 {
			return nil, false
		}
		b := make([]byte, n)
		if n > 0 {
			b[0] = byte(i)
		}
		return codec.AppendBytes(nil, b), sizeFits(n, rules)
	}
	list := m.allowed(s, rules)
	if i >= len(list) {
		return nil, false
	}
	return encodeScalar(&list[i]), true
}

// allowed returns different values of a number, duration or string that the
// rules allow.
func (m *sampler) allowed(s schema.Scalar, rules []*schema.Constraints) []schema.Value {
	key := keyOf(s, rules)
	list, ok := m.known[key]
	if !ok {
		for _, v := range m.candidates(s, rules) {
			if len(violated(&v, rules)) == 0 {
				list = append(list, v)
			}
		}
		if m.known == nil {
			m.known = map[string][]schema.Value{}
		}
		m.known[key] = list
	}
	return list
}

// keyOf returns a text that is different for different rules.
func keyOf(s schema.Scalar, rules []*schema.Constraints) string {
	key := []byte{byte(s)}
	for _, c := range rules {
		key = fmt.Appendf(key, " %p", c)
	}
	return string(key)
}

func sizeFits(n int, rules []*schema.Constraints) bool {
	return !slices.ContainsFunc(rules, func(c *schema.Constraints) bool { return c.Len != nil && !c.Len.Contains(n) })
}

// candidates returns different values of a number, duration or string, some of
// which the rules may allow.
func (m *sampler) candidates(s schema.Scalar, rules []*schema.Constraints) []schema.Value {
	var list []schema.Value
	seen := map[string]bool{}
	add := func(v schema.Value) {
		v.Scalar = s
		if encoded := string(encodeScalar(&v)); !seen[encoded] {
			seen[encoded] = true
			list = append(list, v)
		}
	}
	near := []schema.Value{{Scalar: s}}
	for _, c := range rules {
		for _, v := range c.In {
			near = append(near, *v)
		}
		if c.Range != nil && c.Range.Min != nil {
			near = append(near, *c.Range.Min)
		}
		if c.Range != nil && c.Range.Max != nil {
			near = append(near, *c.Range.Max)
		}
	}
	if s == schema.String {
		for _, text := range texts(rules) {
			add(schema.Value{Text: text})
		}
		for _, v := range near[1:] {
			add(v)
		}
		return list
	}
	for d := range int64(64) {
		for _, v := range near {
			for _, sign := range []int64{1, -1} {
				if w, ok := shift(v, sign*d); ok {
					add(w)
				}
			}
		}
	}
	return list
}

// shift returns v plus d, if its type can hold that. A float goes d steps of
// its precision.
func shift(v schema.Value, d int64) (schema.Value, bool) {
	switch s := v.Scalar; s {
	case schema.Duration:
		sum := int64(v.Duration) + d
		ok := sum > int64(v.Duration) == (d > 0)
		v.Duration = time.Duration(sum)
		return v, ok
	case schema.Float32:
		for range max(d, -d) {
			v.Float = float64(math.Nextafter32(float32(v.Float), float32(math.Inf(int(d)))))
		}
		return v, !math.IsInf(v.Float, 0)
	case schema.Float64:
		for range max(d, -d) {
			v.Float = math.Nextafter(v.Float, math.Inf(int(d)))
		}
		return v, !math.IsInf(v.Float, 0)
	case schema.Uint8, schema.Uint16, schema.Uint32, schema.Uint64:
		sum := v.Uint + uint64(d)
		ok := sum > v.Uint == (d > 0)
		v.Uint = sum
		return v, ok && sum <= math.MaxUint64>>(64-integerBits[s])
	default:
		sum := v.Int + d
		ok := sum > v.Int == (d > 0)
		v.Int = sum
		bits := integerBits[s]
		return v, ok && sum >= -1<<(bits-1) && sum <= 1<<(bits-1)-1
	}
}

// integerBits are the sizes of the integers.
var integerBits = map[schema.Scalar]int{
	schema.Int8: 8, schema.Int16: 16, schema.Int32: 32, schema.Int64: 64,
	schema.Uint8: 8, schema.Uint16: 16, schema.Uint32: 32, schema.Uint64: 64,
}

func encodeScalar(v *schema.Value) []byte {
	switch v.Scalar {
	case schema.String:
		return codec.AppendText(nil, v.Text)
	case schema.Duration:
		return codec.AppendDuration(nil, v.Duration)
	case schema.Float32:
		return codec.AppendFloat32(nil, float32(v.Float))
	case schema.Float64:
		return codec.AppendFloat64(nil, v.Float)
	case schema.Uint8, schema.Uint16, schema.Uint32, schema.Uint64:
		return codec.AppendUint(nil, v.Uint)
	}
	return codec.AppendInt(nil, v.Int)
}

// violated returns the rules that a number, duration or string breaks.
func violated(v *schema.Value, rules []*schema.Constraints) []string {
	var broken []string
	for _, c := range rules {
		if c.Range != nil && !c.Range.Contains(v) {
			broken = append(broken, "range")
		}
		if c.Len != nil && !c.Len.Contains(utf8.RuneCountInString(v.Text)) {
			broken = append(broken, "len")
		}
		if c.Pattern != nil && !c.Pattern.MatchString(v.Text) {
			broken = append(broken, "pattern")
		}
		if !c.Format.MatchString(v.Text) {
			broken = append(broken, "format")
		}
		if c.In != nil && !slices.ContainsFunc(c.In, func(w *schema.Value) bool { return w.Compare(v) == 0 }) {
			broken = append(broken, "in")
		}
	}
	return broken
}

// texts returns texts that the rules may allow, and some at the borders of
// their lengths.
func texts(rules []*schema.Constraints) []string {
	list := []string{"", "a", "10.0.0.1", "::1", "host.example", "http://host/", "/", "/tmp/a", "\x00"}
	low, high := 0, sampleText
	for _, c := range rules {
		if c.Len == nil {
			continue
		}
		low = max(low, int(c.Len.Min))
		if c.Len.HasMax {
			high = min(high, int(c.Len.Max))
		}
		for _, n := range []int{int(c.Len.Min) - 1, int(c.Len.Min), int(c.Len.Max), int(c.Len.Max) + 1} {
			for _, r := range []string{"a", "b", "ü"} {
				if n > 0 && n <= sampleText {
					list = append(list, strings.Repeat(r, n))
				}
			}
		}
	}
	for _, c := range rules {
		if c.Pattern == nil {
			continue
		}
		list = append(list, c.Pattern.Examples(low, high, sampleTexts)...)
		for _, n := range []int{low - 1, low, high, high + 1} {
			if n >= 0 && n <= sampleText {
				list = append(list, c.Pattern.Examples(n, n, 2)...)
			}
		}
	}
	for i := range len(rules) * sampleTexts / 4 {
		list = append(list, "10.0.1."+strconv.Itoa(i), "h"+strconv.Itoa(i), "urn:x"+strconv.Itoa(i), "/"+strconv.Itoa(i))
	}
	return list
}
