package schema

import (
	"fmt"
	"strconv"
)

// A refusal is a value that a writer may send and a reader refuses.
type refusal struct {
	value  item
	reason string
}

// A search for a refusal descends through pairs of types that may contain
// themselves. A pair that is looked at already is not looked at again: a value
// of it that is refused would be found there.
type fitting struct {
	*builder
	visited map[string]bool // by the expressions and constraints of both
}

func (b *builder) fitting() *fitting {
	return &fitting{builder: b, visited: make(map[string]bool)}
}

// refused looks for a value that a writer of w may send and a reader of r
// refuses, in all that the two hold. It returns none if there is none, and
// unknown if it does not know.
func (f *fitting) refused(w, r spot) (refusal, status) {
	wc, rc := w.class(), r.class()
	switch {
	case rc == anyClass:
		return refusal{}, none
	case wc == anyClass && rc == boolClass:
		return refusal{textItem("a"), "expected a bool, found a text"}, found
	case wc == anyClass:
		return refusal{boolItem(true), "expected " + words(r) + ", found a bool"}, found
	case wc == intClass && rc == floatClass || wc == floatClass && rc == intClass:
		it, reason, st := otherNumber(w, r)
		return refusal{it, reason}, st
	case wc == bytesClass && rc == uuidClass:
		return f.bytesAsUUID(w)
	case wc >= mapClass && rc >= mapClass:
		return f.keyed(w, r)
	case wc != rc:
		it, st := f.value(w)
		return refusal{it, "expected " + words(r) + ", found " + words(w)}, st
	case wc == listClass:
		if d, st := f.list(w, r); st != none {
			return d, st
		}
		if !f.mayHold(w) {
			return refusal{}, none
		}
		d, st := f.refused(w.elem(), r.elem())
		if st != found {
			return d, st
		}
		it, st := f.listWith(w, d.value)
		return refusal{it, d.reason}, st
	}
	return f.narrowed(w, r)
}

// words returns what a spot holds, for messages.
func words(s spot) string {
	if s.expr.Kind == ScalarExpr {
		switch s.class() {
		case timeClass, uuidClass, boolClass, floatClass:
			return "a " + s.expr.Scalar.String()
		case bytesClass:
			return "bytes"
		case textClass:
			return "a text"
		}
		return article(s.expr.Scalar.String())
	}
	return kindWords(s.expr)
}

// narrowed looks at two spots of one class themselves and not at what they
// hold.
func (f *fitting) narrowed(w, r spot) (refusal, status) {
	switch w.class() {
	case intClass, floatClass:
		it, reason, st := otherNumber(w, r)
		return refusal{it, reason}, st
	case textClass:
		s, reason, st := otherText(textsOf(w), textsOf(r))
		return refusal{textItem(s), reason}, st
	case bytesClass:
		return sized(w, r, func(n uint64) (item, status) {
			if n > maxWitnessText {
				return item{}, unknown
			}
			return bytesItem(make([]byte, n)), found
		})
	case listClass:
		return f.list(w, r)
	case mapClass:
		return sized(w, r, func(n uint64) (item, status) { return f.dict(w, "", item{}, n, nil) })
	}
	return refusal{}, none
}

// sized looks for a size of w that r refuses.
func sized(w, r spot, build func(n uint64) (item, status)) (refusal, status) {
	low, high := w.sizes()
	rLow, rHigh := r.sizes()
	worst := none
	for _, n := range []uint64{rLow - 1, rHigh + 1, low, high} {
		if n < low || n > high || n >= rLow && n <= rHigh || rLow == 0 && n == rLow-1 && high > MaxLen {
			continue
		}
		it, st := build(n)
		if st == found {
			return refusal{it, r.sizeReason(n)}, found
		}
		worst = min(worst, st)
	}
	return refusal{}, worst
}

// list looks for a list whose size or equal elements are refused.
func (f *fitting) list(w, r spot) (refusal, status) {
	d, st := sized(w, r, func(n uint64) (item, status) { return f.builder.list(w, nil, n) })
	if st == found || !r.unique() || w.unique() {
		return d, st
	}
	low, high := w.sizes()
	if high < 2 {
		return refusal{}, st
	}
	it, twice := f.builder.list(w, nil, max(low, 2))
	if twice == found {
		return refusal{it, "an element occurs twice, which breaks `unique`"}, found
	}
	return refusal{}, min(st, twice)
}

// mayHold reports whether a list or map of w may have an element.
func (f *fitting) mayHold(w spot) bool {
	_, high := w.sizes()
	return high > 0
}

// listWith returns a list that holds it.
func (f *builder) listWith(w spot, it item) (item, status) {
	low, _ := w.sizes()
	return f.list(w, &it, max(low, 1))
}

// dictWith returns a map that holds it under a key.
func (f *builder) dictWith(w spot, key string, it item) (item, status) {
	low, _ := w.sizes()
	return f.dict(w, key, it, max(low, 1), nil)
}

func (f *fitting) bytesAsUUID(w spot) (refusal, status) {
	low, high := w.sizes()
	for _, n := range []uint64{low, high, 15, 17} {
		if n != 16 && n >= low && n <= high && n <= maxWitnessText {
			return refusal{bytesItem(make([]byte, n)), "expected a uuid, found " + strconv.FormatUint(n, 10) + " bytes"}, found
		}
	}
	if low == 16 && high == 16 || low > high {
		return refusal{}, none
	}
	return refusal{}, unknown
}

// keyed looks for what a reader of a map, struct or union refuses of a writer
// of another one. All of them travel as maps with text keys.
func (f *fitting) keyed(w, r spot) (refusal, status) {
	pair := w.identity() + r.identity()
	if f.visited[pair] {
		return refusal{}, none
	}
	f.visited[pair] = true
	worst := none
	note := func(d refusal, st status) (refusal, bool) {
		if st != found {
			worst = min(worst, st)
		}
		return d, st == found
	}
	for _, shape := range f.shapes(w, r) {
		it, st := shape()
		if st != found {
			worst = min(worst, st)
			continue
		}
		if reason := keyReason(it, r); reason != "" {
			return refusal{it, reason}, found
		}
	}
	// The keys that both may have, with their values.
	for _, k := range f.commonKeys(w, r) {
		d, ok := note(f.refused(k.writer, k.reader))
		if !ok {
			continue
		}
		it, ok := note(wrapped(k.wrap(d.value)))
		if ok {
			return refusal{it.value, d.reason}, found
		}
	}
	return refusal{}, worst
}

// identity returns what tells spots apart.
func (s spot) identity() string {
	if s.expr.Kind == NamedExpr {
		return fmt.Sprintf("%p;", s.expr.Named)
	}
	return fmt.Sprintf("%p%v;", s.expr, s.cons)
}

func wrapped(it item, st status) (refusal, status) { return refusal{value: it}, st }

// shapes returns builders of maps that differ in their keys: those that may
// matter to r.
func (f *fitting) shapes(w, r spot) []func() (item, status) {
	var all []func() (item, status)
	add := func(s func() (item, status)) { all = append(all, s) }
	switch w.class() {
	case mapClass:
		avoid := make(map[string]bool)
		if r.class() != mapClass {
			for _, name := range keyNames(r.expr.Named) {
				avoid[name] = true
			}
		}
		low, high := w.sizes()
		rLow, rHigh := r.sizes()
		for _, n := range []uint64{low, rLow - 1, rHigh + 1, 0, 1, 2} {
			if n >= low && n <= high && (n <= MaxLen || high <= MaxLen) {
				add(func() (item, status) { return f.dict(w, "", item{}, n, avoid) })
			}
		}
	case structClass:
		t := w.expr.Named
		add(func() (item, status) { return f.structure(t, "", item{}) })
		// One more optional field at a time, up to all of them.
		base := 0
		for _, field := range t.Fields {
			if !field.Optional {
				base++
			}
		}
		for n := base + 1; n <= len(t.Fields) && n <= base+maxWitnessItems; n++ {
			add(func() (item, status) { return f.structureOf(t, n-base) })
		}
	case unionClass:
		t := w.expr.Named
		for _, v := range t.Variants {
			add(func() (item, status) {
				value, st := f.value(spotOf(v.Type, nil))
				return mapItem(entry{v.Name, value}), st
			})
		}
		if !t.Closed {
			add(func() (item, status) {
				if r.class() == unionClass {
					return unknownVariant(t, r.expr.Named), found
				}
				return unknownVariant(t), found
			})
		}
	}
	return all
}

// structureOf returns a struct with its required and some of its optional
// fields, or with fewer if these have no values.
func (f *builder) structureOf(t *Type, optional int) (item, status) {
	it, st := f.structure(t, "", item{})
	if st != found {
		return it, st
	}
	entries := append([]entry{}, it.entries...)
	for _, field := range t.Fields {
		if field.Optional && optional > 0 {
			if v, st := f.value(fieldSpot(field)); st == found {
				entries = append(entries, entry{field.Name, v})
				optional--
			}
		}
	}
	return mapItem(entries...), found
}

func keyNames(t *Type) []string {
	var names []string
	for _, field := range t.Fields {
		names = append(names, field.Name)
	}
	for _, v := range t.Variants {
		names = append(names, v.Name)
	}
	return names
}

// keyReason returns why r refuses the keys of a map, whatever their values are,
// or "". It also refuses values under keys that a map of r takes and the writer
// made up.
func keyReason(it item, r spot) string {
	has := func(name string) bool {
		for _, e := range it.entries {
			if e.key == name {
				return true
			}
		}
		return false
	}
	switch r.class() {
	case mapClass:
		if reason := r.sizeReason(uint64(len(it.entries))); reason != "" {
			return reason
		}
		for _, e := range it.entries {
			// What an open union passes on is a bool here.
			if e.value.boolean != nil && r.elem().class() != boolClass && r.elem().class() != anyClass {
				return "expected " + words(r.elem()) + ", found a bool"
			}
		}
	case structClass:
		for _, field := range r.expr.Named.Fields {
			if !field.Optional && !has(field.Name) {
				return "missing required field `" + field.Name + "`"
			}
		}
	case unionClass:
		if len(it.entries) != 1 {
			return "expected one variant of a union, found " + strconv.Itoa(len(it.entries)) + " keys"
		}
		t := r.expr.Named
		for _, v := range t.Variants {
			if has(v.Name) {
				return ""
			}
		}
		if t.Closed {
			return quote(it.entries[0].key) + " is not a variant of `" + t.Name + "`"
		}
	}
	return ""
}

// A sharedKey is one that a writer may use and a reader looks at.
type sharedKey struct {
	writer, reader spot
	wrap           func(item) (item, status)
}

func (f *fitting) commonKeys(w, r spot) []sharedKey {
	var keys []sharedKey
	reads := func(name string) (spot, bool) {
		if r.class() == mapClass {
			return r.elem(), true
		}
		for _, field := range r.expr.Named.Fields {
			if field.Name == name {
				return fieldSpot(field), true
			}
		}
		for _, v := range r.expr.Named.Variants {
			if v.Name == name {
				return spotOf(v.Type, nil), true
			}
		}
		return spot{}, false
	}
	switch w.class() {
	case mapClass:
		if !f.mayHold(w) {
			break
		}
		names := []string{"k"}
		if r.class() != mapClass {
			names = keyNames(r.expr.Named)
		}
		for _, name := range names {
			to, _ := reads(name)
			keys = append(keys, sharedKey{w.elem(), to, func(it item) (item, status) { return f.dictWith(w, name, it) }})
		}
	case structClass:
		for _, field := range w.expr.Named.Fields {
			if to, ok := reads(field.Name); ok {
				keys = append(keys, sharedKey{fieldSpot(field), to, func(it item) (item, status) {
					return f.structure(w.expr.Named, field.Name, it)
				}})
			}
		}
	case unionClass:
		for _, v := range w.expr.Named.Variants {
			if to, ok := reads(v.Name); ok {
				keys = append(keys, sharedKey{spotOf(v.Type, nil), to, func(it item) (item, status) {
					return mapItem(entry{v.Name, it}), found
				}})
			}
		}
	}
	return keys
}
