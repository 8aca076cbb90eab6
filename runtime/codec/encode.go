package codec

import (
	"fmt"
	"reflect"
	"slices"
	"time"
)

// An encoder walks over a value and its plan and appends what it finds. Its
// first error ends the walk: on the way out every container adds its step to
// the path.
type encoder struct {
	depth int  // of the open arrays and maps
	taken int  // memory of lists, maps, optional structs and variants, as a decoder counts
	mask  bool // secret fields are written as a mark
	err   *EncodeError
}

// append appends the encoding of the value at p.
func (pl *plan) append(b []byte, p pointer) ([]byte, error) {
	var e encoder
	return e.finish(e.structure(b, pl, p), len(b))
}

// finish returns b, or what was there from the start, and an *[EncodeError]. A
// value that a decoder would refuse, because it takes more memory than the
// limit, is an error too.
func (e *encoder) finish(b []byte, start int) ([]byte, error) {
	size := len(b) - start
	if e.err == nil && e.taken > budget(size) {
		e.fail(fmt.Sprintf("decoding would take more memory than %d bytes and %d for each of the %d bytes encoded", freeMemory, MaxGrowth, size))
	}
	if e.err != nil {
		return b[:start], e.err
	}
	return b, nil
}

//go:noinline
func (e *encoder) fail(reason string) {
	if e.err == nil {
		e.err = &EncodeError{Reason: reason}
	}
}

// under adds a step to the path of the error.
func (e *encoder) under(step string) { e.err.Path = under(step, e.err.Path) }

// open begins an array or map. It reports false if that is too deep.
func (e *encoder) open() bool {
	if e.depth == MaxDepth {
		e.fail(fmt.Sprintf("nested deeper than %d levels; a cycle of pointers?", MaxDepth))
		return false
	}
	e.depth++
	return true
}

func (e *encoder) structure(b []byte, pl *plan, p pointer) []byte {
	if !e.open() {
		return b
	}
	head, n := len(b), len(pl.slots)
	b = append(b, byte(Pairs)<<5)
	for i := range pl.slots {
		s := &pl.slots[i]
		v := at(p, s.offset)
		if s.special {
			if s.optional {
				if v = s.present(v); v == nil {
					n--
					continue
				}
				if s.pointer && s.kind == structKind {
					e.taken += s.size
				}
			}
			if s.secret && e.mask {
				b = append(append(b, s.key...), secretMark...)
				continue
			}
		}
		b = append(b, s.key...)
		if b = e.value(b, &s.node, v); e.err != nil {
			e.locate(s)
			return b
		}
	}
	e.depth--
	if n < info1Byte {
		b[head] |= byte(n)
		return b
	}
	return longHead(b, head, n)
}

// locate adds a field to the path of the error. Of the inside of a secret one
// nothing is said, because keys of maps are secret too.
func (e *encoder) locate(s *slot) {
	e.under(s.field)
	if s.secret && s.isComposite() {
		e.err.Path, e.err.Reason = s.field, "the value cannot be encoded; it is secret"
	}
}

// longHead makes room at head for the count of more entries than fit the first
// byte.
func longHead(b []byte, head, n int) []byte {
	var buf [9]byte
	long := AppendHead(buf[:0], Pairs, uint64(n))
	b = append(b, long[1:]...)
	copy(b[head+len(long):], b[head+1:])
	copy(b[head:], long)
	return b
}

// present returns where the value of an optional field is, or nil if it is
// absent.
func (s *slot) present(p pointer) pointer {
	absent := false
	switch {
	case s.pointer:
		return *as[pointer](p)
	case s.kind == mapKind:
		absent = isNilMap(p)
	case s.kind == unionKind:
		absent = reflect.NewAt(s.typ, p).Elem().IsNil()
	default:
		absent = isNilList(p)
	}
	if absent {
		return nil
	}
	return p
}

// secretMark is the encoding of simple value 255, which has no meaning.
const (
	secretValue = 255
	secretMark  = "\xf8\xff"
)

func (e *encoder) value(b []byte, n *node, p pointer) []byte {
	switch n.kind {
	case Bool:
		return AppendBool(b, *as[bool](p))
	case Int8:
		return AppendInt(b, int64(*as[int8](p)))
	case Int16:
		return AppendInt(b, int64(*as[int16](p)))
	case Int32:
		return AppendInt(b, int64(*as[int32](p)))
	case Int64, Duration:
		return AppendInt(b, *as[int64](p))
	case Uint8:
		return AppendUint(b, uint64(*as[uint8](p)))
	case Uint16:
		return AppendUint(b, uint64(*as[uint16](p)))
	case Uint32:
		return AppendUint(b, uint64(*as[uint32](p)))
	case Uint64:
		return AppendUint(b, *as[uint64](p))
	case Float32:
		return AppendFloat32(b, *as[float32](p))
	case Float64:
		return AppendFloat64(b, *as[float64](p))
	case String, enumKind:
		return e.text(b, *as[string](p))
	case ByteString:
		return AppendBytes(b, *as[[]byte](p))
	case Time:
		t := *as[time.Time](p)
		if !inRange(t) {
			e.fail("the timestamp is outside the years 0 to 9999")
			return b
		}
		return AppendTime(b, t)
	case UUID:
		return AppendUUID(b, *as[[16]byte](p))
	case Any:
		return e.any(b, *as[[]byte](p))
	case listKind:
		return e.list(b, n, p)
	case mapKind:
		return e.mapping(b, n, p)
	case structKind:
		return e.structure(b, n.plan, p)
	case unionKind:
		return e.union(b, n, p)
	}
	panic("codec: a plan without a kind")
}

func (e *encoder) text(b []byte, s string) []byte {
	// Most text is ASCII and has a head of one byte: that takes no call.
	if n := len(s); n >= 8 && n < info1Byte && (word(s)|word(s[(n-8)/2:])|word(s[n-8:]))&highBits == 0 {
		return append(append(b, byte(Text)<<5|byte(n)), s...)
	}
	if !validText(s) {
		e.fail("the text is not valid UTF-8")
		return b
	}
	return AppendText(b, s)
}

// any appends an encoded item, which must be well-formed.
func (e *encoder) any(b, item []byte) []byte {
	if len(item) > 0 {
		end, err := skip(item, 0, e.depth)
		if err == nil && end < len(item) {
			err = trailing(end, len(item))
		}
		if err != nil {
			e.fail(fmt.Sprintf("not one encoded item: byte %d: %s", shift(err, 0).Offset, shift(err, 0).Reason))
			return b
		}
	}
	return AppendAny(b, item)
}

func (e *encoder) list(b []byte, n *node, p pointer) []byte {
	if !e.open() {
		return b
	}
	first, size := elements(p)
	e.taken += size * n.elem.size
	b = AppendHead(b, Array, uint64(size))
	for i := range size {
		if b = e.value(b, n.elem, at(first, uintptr(i)*n.elem.stride)); e.err != nil {
			e.under(indexStep(i))
			return b
		}
	}
	e.depth--
	return b
}

func (e *encoder) mapping(b []byte, n *node, p pointer) []byte {
	if !e.open() {
		return b
	}
	size := mapLen(p)
	e.taken += mapMemory + size*entryMemory(n.elem.size)
	b = AppendHead(b, Pairs, uint64(size))
	if n.elem.kind == String || n.elem.kind == enumKind {
		b = e.texts(b, *as[map[string]string](p))
	} else {
		b = e.entries(b, n, p)
	}
	e.depth--
	return b
}

// A textEntry is an entry of a map of texts.
type textEntry struct{ key, value string }

// texts appends the entries of a map of texts. A few are sorted without
// allocation.
func (e *encoder) texts(b []byte, m map[string]string) []byte {
	var few [8]textEntry
	list := few[:0]
	for key, value := range m {
		list = append(list, textEntry{key, value})
	}
	sortTexts(list)
	for i := range list {
		if b = e.text(b, list[i].key); e.err == nil {
			b = e.text(b, list[i].value)
		}
		if e.err != nil {
			e.under(keyStep(list[i].key))
			return b
		}
	}
	return b
}

func sortTexts(list []textEntry) {
	if len(list) > 12 {
		slices.SortFunc(list, func(a, b textEntry) int { return CompareKeys(a.key, b.key) })
		return
	}
	for i := 1; i < len(list); i++ {
		for j := i; j > 0 && CompareKeys(list[j].key, list[j-1].key) < 0; j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}

// entries appends the entries of a map of any other type.
func (e *encoder) entries(b []byte, n *node, p pointer) []byte {
	type entry struct {
		key   string
		value pointer
	}
	list := make([]entry, 0, mapLen(p))
	for key, value := range n.entries(p) {
		list = append(list, entry{key, value})
	}
	slices.SortFunc(list, func(a, b entry) int { return CompareKeys(a.key, b.key) })
	for _, x := range list {
		if b = e.text(b, x.key); e.err == nil {
			b = e.value(b, n.elem, x.value)
		}
		if e.err != nil {
			e.under(keyStep(x.key))
			return b
		}
	}
	return b
}

// entries walks over a map of any type. The values are copies, which stay.
func (n *node) entries(p pointer) func(yield func(string, pointer) bool) {
	return func(yield func(string, pointer) bool) {
		size := mapLen(p)
		if size == 0 {
			return
		}
		m := reflect.NewAt(n.typ, p).Elem()
		values := reflect.MakeSlice(reflect.SliceOf(n.elem.typ), size, size)
		key := reflect.New(n.typ.Key()).Elem()
		i := 0
		for iter := m.MapRange(); i < size && iter.Next(); i++ {
			key.SetIterKey(iter)
			value := values.Index(i)
			value.SetIterValue(iter)
			if !yield(key.String(), value.Addr().UnsafePointer()) {
				return
			}
		}
	}
}

func (e *encoder) union(b []byte, n *node, p pointer) []byte {
	if !e.open() {
		return b
	}
	b = append(b, byte(Pairs)<<5|1)
	u := n.union
	i, v := u.variant(n.typ, p)
	switch {
	case i == noVariant || i == unknownIndex && v == nil:
		e.fail("the " + u.name + " is nil or of a foreign type")
		return b
	case i == unknownIndex:
		b = e.unknown(b, u, as[unknownVariant](v))
	case v == nil:
		e.fail("the pointer to the variant is nil")
		e.under(u.keys[i])
		return b
	default:
		e.taken += u.variants[i].size
		if b = e.value(append(b, u.variants[i].key...), &u.variants[i].node, v); e.err != nil {
			e.under(u.keys[i])
		}
	}
	e.depth--
	return b
}

// unknown appends a variant that the schema does not declare.
func (e *encoder) unknown(b []byte, u *unionPlan, v *unknownVariant) []byte {
	if _, ok := findKey(u.keys, v.kind); ok {
		e.fail("variant " + quote(v.kind) + " is declared and has a type of its own")
		return b
	}
	if b = e.text(b, v.kind); e.err == nil {
		b = e.any(b, v.item)
	}
	if e.err != nil {
		e.under(keyStep(v.kind))
	}
	return b
}

// What variant returns if the union holds none of the declared variants.
const (
	noVariant = -1 - iota
	unknownIndex
)

// variant returns which variant the union of type t at p holds, and where.
func (u *unionPlan) variant(t reflect.Type, p pointer) (int, pointer) {
	v := reflect.NewAt(t, p).Elem().Elem()
	if !v.IsValid() {
		return noVariant, nil
	}
	held := v.Type()
	for i := range u.variants {
		if u.variants[i].ptr == held {
			return i, v.UnsafePointer()
		}
	}
	if !u.closed && held.Kind() == reflect.Pointer && held.Elem() == u.unknown {
		return unknownIndex, v.UnsafePointer()
	}
	return noVariant, nil
}
