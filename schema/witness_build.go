package schema

import (
	"math"
	"math/big"
	"strconv"
)

// A status says what a search came to.
type status uint8

const (
	unknown status = iota // nothing was found, and something may exist
	none                  // nothing exists
	found
)

// The sizes that witnesses have at most. What needs a larger one is unknown.
const (
	maxWitnessItems = 1 << 10 // elements or entries of one list or map
	maxWitnessText  = 1 << 14 // bytes of one text or byte string
)

// A spot is a place for a value: what travels there, and what narrows it.
type spot struct {
	expr *Expr // never a new type
	cons []*Constraints
}

// spotOf returns the spot of an expression under constraints of its own.
func spotOf(e *Expr, own *Constraints) spot {
	var s spot
	if own != nil {
		s.cons = append(s.cons, own)
	}
	for e.Kind == NamedExpr && e.Named.Kind == NewType {
		if e.Named.Constraints != nil {
			s.cons = append(s.cons, e.Named.Constraints)
		}
		e = e.Named.Base
	}
	s.expr = e
	return s
}

func fieldSpot(f *Field) spot { return spotOf(f.Type, f.Constraints) }

// elem returns the spot of the elements or values.
func (s spot) elem() spot { return spotOf(s.expr.Elem, nil) }

// A class holds the types that travel in the same way.
type class uint8

const (
	boolClass class = iota
	intClass
	floatClass
	textClass
	bytesClass
	timeClass
	uuidClass
	anyClass
	listClass
	mapClass
	structClass
	unionClass
)

func (s spot) class() class {
	switch s.expr.Kind {
	case ListExpr:
		return listClass
	case MapExpr:
		return mapClass
	case NamedExpr:
		switch s.expr.Named.Kind {
		case Enum:
			return textClass
		case Union:
			return unionClass
		}
		return structClass
	}
	switch sc := s.expr.Scalar; {
	case sc.isInteger() || sc == Duration:
		return intClass
	case sc.isFloat():
		return floatClass
	case sc == String:
		return textClass
	case sc == Bytes:
		return bytesClass
	case sc == Timestamp:
		return timeClass
	case sc == UUID:
		return uuidClass
	case sc == Any:
		return anyClass
	}
	return boolClass
}

// enum returns the enum that a spot is, or nil.
func (s spot) enum() *Type {
	if s.expr.Kind == NamedExpr && s.expr.Named.Kind == Enum {
		return s.expr.Named
	}
	return nil
}

// sizes returns the smallest and the greatest size.
func (s spot) sizes() (low, high uint64) {
	high = math.MaxUint64
	for _, c := range s.cons {
		if c.Len != nil {
			low = max(low, c.Len.Min)
			if c.Len.HasMax {
				high = min(high, c.Len.Max)
			}
		}
	}
	return low, high
}

// sizeReason returns why a size is refused, or "".
func (s spot) sizeReason(n uint64) string {
	for _, c := range s.cons {
		if c.Len != nil && (n < c.Len.Min || c.Len.HasMax && n > c.Len.Max) {
			return "size " + strconv.FormatUint(n, 10) + " breaks `len: " + c.Len.String() + "`"
		}
	}
	return ""
}

// unique reports whether the elements of a list are all different.
func (s spot) unique() bool {
	for _, c := range s.cons {
		if c.Unique {
			return true
		}
	}
	return false
}

// A builder makes small values that a writer may send.
type builder struct {
	memo     map[*Type]item
	building map[*Type]bool
}

func newBuilder() *builder {
	return &builder{memo: make(map[*Type]item), building: make(map[*Type]bool)}
}

// value returns one value of a spot.
func (b *builder) value(s spot) (item, status) {
	items, st := b.values(s, 1)
	if st != found {
		return item{}, st
	}
	return items[0], found
}

// values returns n different values of a spot. n is 1 unless it is a scalar or
// an enum.
func (b *builder) values(s spot, n int) ([]item, status) {
	switch s.class() {
	case boolClass:
		return take([]item{boolItem(true), boolItem(false)}, n)
	case intClass, floatClass:
		return s.numbers(n)
	case textClass:
		texts, st := textsOf(s).examples(n)
		items := make([]item, len(texts))
		for i, t := range texts {
			items[i] = textItem(t)
		}
		return items, st
	case bytesClass:
		return s.byteStrings(n)
	case timeClass:
		var items []item
		for i := range min(n, 3600) {
			items = append(items, timeItem("2026-01-01T00:"+twoDigits(i/60)+":"+twoDigits(i%60)+"Z"))
		}
		return items, short(len(items), n)
	case uuidClass:
		var items []item
		for i := range min(n, 255) {
			items = append(items, uuidItem(byte(i+1)))
		}
		return items, short(len(items), n)
	case anyClass:
		return []item{boolItem(true)}, short(1, n)
	case listClass:
		low, _ := s.sizes()
		return single(b.list(s, nil, low))
	case mapClass:
		low, _ := s.sizes()
		return single(b.dict(s, "", item{}, low, nil))
	case unionClass:
		return single(b.union(s.expr.Named))
	}
	return single(b.structure(s.expr.Named, "", item{}))
}

func single(it item, st status) ([]item, status) { return []item{it}, st }

// short is found if there are n.
func short(have, n int) status {
	if have == n {
		return found
	}
	return unknown
}

// take returns n of all the values that there are.
func take(all []item, n int) ([]item, status) {
	if len(all) < n {
		return nil, none
	}
	return all[:n], found
}

func twoDigits(n int) string { return string([]byte{'0' + byte(n/10), '0' + byte(n%10)}) }

func (s spot) byteStrings(n int) ([]item, status) {
	low, high := s.sizes()
	switch {
	case low > high:
		return nil, none
	case low > maxWitnessText || n > 250 || low == 0 && n > 1 && high == 0:
		return nil, unknown
	case low == 0 && n > 1:
		low = 1
	}
	var items []item
	for i := range n {
		v := make([]byte, low)
		if low > 0 {
			v[low-1] = byte(i)
		}
		items = append(items, bytesItem(v))
	}
	return items, found
}

// list returns a list of a size, with first in front unless that is nil. With
// a size of 2 or more under no uniqueness, its elements are equal.
func (b *builder) list(s spot, first *item, size uint64) (item, status) {
	if _, high := s.sizes(); size > high {
		return item{}, none
	}
	if size > maxWitnessItems {
		return item{}, unknown
	}
	n := int(size)
	var elems []item
	switch {
	case n == 0:
		return listItem(nil), found
	case s.unique():
		want := n
		if first != nil {
			want++ // one of them may be equal to it
		}
		others, st := b.values(s.elem(), want)
		if st == none && first != nil {
			want-- // all values there are, perhaps with first among them
			others, st = b.values(s.elem(), want)
		}
		if st != found {
			return item{}, st
		}
		if first != nil {
			elems = append(elems, *first)
		}
		for _, o := range others {
			if len(elems) < n && (first == nil || !o.equal(*first)) {
				elems = append(elems, o)
			}
		}
		if len(elems) < n {
			return item{}, none
		}
		return listItem(elems), found
	}
	rest := n
	if first != nil {
		elems = append(elems, *first)
		rest--
	}
	if rest > 0 {
		other, st := b.value(s.elem())
		if st != found {
			return item{}, st
		}
		for range rest {
			elems = append(elems, other)
		}
	}
	return listItem(elems), found
}

// dict returns a map of a size whose first entry has the key and the value
// given, unless the key is "". Other keys are not among those of avoid.
func (b *builder) dict(s spot, key string, value item, size uint64, avoid map[string]bool) (item, status) {
	if _, high := s.sizes(); size > high {
		return item{}, none
	}
	if size > maxWitnessItems {
		return item{}, unknown
	}
	var entries []entry
	if key != "" {
		entries = append(entries, entry{key, value})
	}
	for i := 1; len(entries) < int(size); i++ {
		other, st := b.value(s.elem())
		if st != found {
			return item{}, st
		}
		if k := "k" + strconv.Itoa(i); k != key && !avoid[k] {
			entries = append(entries, entry{k, other})
		}
	}
	return mapItem(entries...), found
}

// structure returns a struct with its required fields, of which the one called
// name, required or not, has the value given.
func (b *builder) structure(t *Type, name string, value item) (item, status) {
	if name == "" {
		if it, ok := b.memo[t]; ok {
			return it, found
		}
	}
	if b.building[t] && name == "" {
		return item{}, none // the smallest value never contains itself
	}
	outer := b.building[t]
	b.building[t] = true
	defer func() { b.building[t] = outer }()
	var entries []entry
	for _, f := range t.Fields {
		switch {
		case f.Name == name:
			entries = append(entries, entry{f.Name, value})
		case !f.Optional:
			v, st := b.value(fieldSpot(f))
			if st != found {
				return item{}, st
			}
			entries = append(entries, entry{f.Name, v})
		}
	}
	it := mapItem(entries...)
	if name == "" {
		b.memo[t] = it
	}
	return it, found
}

// union returns a value of the first variant that has one.
func (b *builder) union(t *Type) (item, status) {
	if it, ok := b.memo[t]; ok {
		return it, found
	}
	if b.building[t] {
		return item{}, none
	}
	b.building[t] = true
	defer delete(b.building, t)
	worst := none
	for _, v := range t.Variants {
		value, st := b.value(spotOf(v.Type, nil))
		if st == found {
			it := mapItem(entry{v.Name, value})
			b.memo[t] = it
			return it, found
		}
		worst = min(worst, st)
	}
	if !t.Closed {
		return unknownVariant(t), found
	}
	return item{}, worst
}

// unknownVariant returns what a writer of an open union may pass on.
func unknownVariant(types ...*Type) item {
	return mapItem(entry{freeName(func(name string) bool {
		for _, t := range types {
			for _, v := range t.Variants {
				if v.Name == name {
					return false
				}
			}
		}
		return true
	}), boolItem(true)})
}

// freeName returns a name that is free.
func freeName(free func(string) bool) string {
	name := "other"
	for i := 2; !free(name); i++ {
		name = "other" + strconv.Itoa(i)
	}
	return name
}

// limits returns what an integer type holds.
func (s Scalar) limits() (low, high *big.Int) {
	bits := uint(64)
	if s != Duration {
		bits = uint(s.bits())
	}
	if s.isUnsigned() {
		high = new(big.Int).Lsh(big.NewInt(1), bits)
		return new(big.Int), high.Sub(high, big.NewInt(1))
	}
	high = new(big.Int).Lsh(big.NewInt(1), bits-1)
	low = new(big.Int).Neg(high)
	return low, high.Sub(high, big.NewInt(1))
}
