package schema

import (
	"math"
	"math/big"
	"slices"
	"strconv"
)

// This file knows which numbers a spot takes, and finds one that another spot
// does not take. The searches try the ends of all intervals involved and what
// is next to them, and next to each listed value. That is complete: if a set
// of numbers is not within another one, then an end of an interval of the first
// or a neighbour of an end or listed value of the second is a witness.

// bigInt returns an integer or duration of a schema.
func (v *Value) bigInt() *big.Int {
	switch {
	case v.Scalar.isUnsigned():
		return new(big.Int).SetUint64(v.Uint)
	case v.Scalar == Duration:
		return big.NewInt(int64(v.Duration))
	}
	return big.NewInt(v.Int)
}

// intReason returns why a spot of integers refuses i, or "".
func (s spot) intReason(i *big.Int) string {
	sc := s.expr.Scalar
	if low, high := sc.limits(); i.Cmp(low) < 0 || i.Cmp(high) > 0 {
		return i.String() + " does not fit " + sc.String()
	}
	for _, c := range s.cons {
		if r := c.Range; r != nil && (r.Min != nil && i.Cmp(r.Min.bigInt()) < 0 || r.Max != nil && i.Cmp(r.Max.bigInt()) > 0) {
			return i.String() + " breaks `range: " + r.String() + "`"
		}
		if c.In != nil && !slices.ContainsFunc(c.In, func(v *Value) bool { return v.bigInt().Cmp(i) == 0 }) {
			return i.String() + " is not one of `in`"
		}
	}
	return ""
}

// floatReason returns why a spot of floats refuses f, or "".
func (s spot) floatReason(f float64) string {
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if s.expr.Scalar == Float32 && f == f && float64(float32(f)) != f {
		return text + " is not a float32 exactly"
	}
	for _, c := range s.cons {
		if r := c.Range; r != nil && !((r.Min == nil || f >= r.Min.Float) && (r.Max == nil || f <= r.Max.Float)) {
			return text + " breaks `range: " + r.String() + "`"
		}
		if c.In != nil && !slices.ContainsFunc(c.In, func(v *Value) bool { return v.Float == f }) {
			return text + " is not one of `in`"
		}
	}
	return ""
}

// numberReason returns why a spot of numbers refuses what a writer sends, or
// "".
func (s spot) numberReason(it item) string {
	switch {
	case s.class() == intClass && it.float != nil:
		return "expected " + s.expr.Scalar.String() + ", found a floating-point number"
	case s.class() == intClass:
		return s.intReason(it.integer)
	case it.float != nil:
		return s.floatReason(*it.float)
	}
	f, accuracy := new(big.Float).SetInt(it.integer).Float64()
	if accuracy != big.Exact {
		return it.integer.String() + " is not a float64 exactly"
	}
	return s.floatReason(f)
}

// writesNumber reports whether a writer of s may send it.
func (s spot) writesNumber(it item) bool {
	if (s.class() == intClass) != (it.integer != nil) {
		return false
	}
	return s.numberReason(it) == ""
}

// numberPoints returns the ends of the intervals of s and its listed values.
func (s spot) numberPoints() (points []*big.Float) {
	add := func(v *Value) {
		switch {
		case v == nil:
		case s.class() == intClass:
			points = append(points, bigFloat(v.bigInt()))
		default:
			points = append(points, big.NewFloat(v.Float))
		}
	}
	if s.class() == intClass {
		low, high := s.expr.Scalar.limits()
		points = append(points, bigFloat(low), bigFloat(high))
	}
	for _, c := range s.cons {
		if c.Range != nil {
			add(c.Range.Min)
			add(c.Range.Max)
		}
		for _, v := range c.In {
			add(v)
		}
	}
	return points
}

// bigFloat returns an integer of up to 64 bits, exactly.
func bigFloat(i *big.Int) *big.Float { return new(big.Float).SetPrec(80).SetInt(i) }

// numberCandidates returns what a writer of s may send near the points, simple
// numbers first.
func (s spot) numberCandidates(points []*big.Float) []item {
	var items []item
	add := func(it item) {
		if s.writesNumber(it) {
			items = append(items, it)
		}
	}
	if s.class() == intClass {
		for _, i := range []int64{1, 0} {
			add(intItem(big.NewInt(i)))
		}
		for _, p := range points {
			whole, _ := p.Int(nil)
			for _, d := range []int64{0, 1, -1} {
				add(intItem(new(big.Int).Add(whole, big.NewInt(d))))
			}
		}
		return items
	}
	single := s.expr.Scalar == Float32
	addFloat := func(f float64) {
		if single {
			add(singleItem(f))
			return
		}
		add(floatItem(f))
	}
	for _, f := range []float64{1, 0, 0.5, 0.1} {
		addFloat(f)
	}
	for _, p := range points {
		f, _ := p.Float64()
		for _, d := range []float64{f + 1, f - 1, f} {
			addFloat(d)
		}
		if single {
			f32 := float32(f)
			addFloat(float64(f32))
			addFloat(float64(math.Nextafter32(f32, float32(math.Inf(1)))))
			addFloat(float64(math.Nextafter32(f32, float32(math.Inf(-1)))))
		} else {
			addFloat(math.Nextafter(f, math.Inf(1)))
			addFloat(math.Nextafter(f, math.Inf(-1)))
		}
	}
	for _, f := range []float64{math.MaxFloat32, math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN()} {
		addFloat(f)
	}
	return items
}

// otherNumber returns what a writer of w may send and a reader of r refuses.
func otherNumber(w, r spot) (item, string, status) {
	points := append(r.numberPoints(), w.numberPoints()...)
	for _, edge := range []int64{1<<24 + 1, -1<<24 - 1, 1<<53 + 1, -1<<53 - 1} {
		points = append(points, bigFloat(big.NewInt(edge)))
	}
	for _, it := range w.numberCandidates(points) {
		if reason := r.numberReason(it); reason != "" {
			return it, reason, found
		}
	}
	return item{}, "", none
}

// numbers returns n different numbers that a writer of s may send.
func (s spot) numbers(n int) ([]item, status) {
	points := s.numberPoints()
	var items []item
	seen := make(map[string]bool)
	add := func(it item) {
		key := string(it.append(nil))
		if len(items) < n && !seen[key] {
			seen[key] = true
			items = append(items, it)
		}
	}
	for _, it := range s.numberCandidates(points) {
		add(it)
	}
	if len(items) == n {
		return items, found
	}
	if len(items) == 0 {
		return nil, none
	}
	// Go on next to what is there: upwards from each, because an end is among
	// them.
	for i := 0; i < len(items) && len(items) < n; i++ {
		it := items[i]
		var next []*big.Float
		switch {
		case it.integer != nil:
			next = []*big.Float{bigFloat(it.integer)}
		case math.IsInf(*it.float, 0) || math.IsNaN(*it.float):
			continue
		default:
			next = []*big.Float{big.NewFloat(*it.float)}
		}
		for _, near := range s.numberCandidates(next) {
			add(near)
		}
	}
	if len(items) < n {
		return nil, none
	}
	return items, found
}
