package codec

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
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
	start := len(b)
	if b = e.structure(b, pl, p); e.err == nil && e.taken <= freeMemory {
		return b, nil
	}
	return e.finish(b, start)
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
	if e.depth < MaxDepth {
		e.depth++
		return true
	}
	e.fail(fmt.Sprintf("nested deeper than %d levels; a cycle of pointers?", MaxDepth))
	return false
}

func (e *encoder) structure(b []byte, pl *plan, p pointer) []byte {
	if !e.open() {
		return b
	}
	head, n := len(b), len(pl.ops)
	b = append(b, byte(Pairs)<<5)
	for i := range pl.ops {
		o := &pl.ops[i]
		v := at(p, uintptr(o.offset))
		if o.special {
			s := &pl.slots[i]
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
		if end := len(b); o.wide && cap(b)-end >= 16+longestHead {
			// What the padding overwrites, the value or a later key does again.
			to := at(start(b), uintptr(end))
			putWord(to, o.key.first)
			if o.key.size > 8 {
				putWord(at(to, 8), o.key.last)
			}
			end += int(o.key.size)
			to = at(to, uintptr(o.key.size))
			// Numbers are written at once.
			switch o.kind {
			case Int64, Duration:
				n := *as[int64](v)
				b = b[:end+putHead(to, Major(n>>63&1), uint64(n^n>>63))]
				continue
			case Uint64:
				b = b[:end+putHead(to, Uint, *as[uint64](v))]
				continue
			case Float64:
				b = AppendFloat64(b[:end], *as[float64](v))
				continue
			}
			b = b[:end]
		} else {
			b = append(b, pl.slots[i].key...)
		}
		// Most values are one of these: they take no second call.
		switch o.kind {
		case String:
			b = e.text(b, *as[string](v))
		case listKind:
			b = e.list(b, &pl.slots[i].node, v)
		case mapKind:
			b = e.mapping(b, &pl.slots[i].node, v)
		default:
			b = e.value(b, &pl.slots[i].node, v)
		}
		if e.err != nil {
			e.locate(&pl.slots[i])
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

// text appends a text. Most are short and ASCII: these are copied while they are
// looked at, in parts of one width that overlap.
func (e *encoder) text(b []byte, s string) []byte {
	n, end := len(s), len(b)
	if n >= info1Byte || cap(b)-end <= n {
		return e.longText(b, s)
	}
	long := b[:end+1+n]
	long[end] = byte(Text)<<5 | byte(n)
	switch {
	case n >= 8:
		from, to := startOf(s), at(start(b), uintptr(end)+1)
		half, rest := uintptr(n-8)/2, uintptr(n-8)
		first, middle, last := getWord(from), getWord(at(from, half)), getWord(at(from, rest))
		putWord(to, first)
		putWord(at(to, half), middle)
		putWord(at(to, rest), last)
		if (first|middle|last)&highBits != 0 {
			return e.longText(b, s)
		}
	case n >= 4:
		from, to := startOf(s), at(start(b), uintptr(end)+1)
		rest := uintptr(n - 4)
		first, last := getHalf(from), getHalf(at(from, rest))
		putHalf(to, first)
		putHalf(at(to, rest), last)
		if (first|last)&(highBits&0xffff_ffff) != 0 {
			return e.longText(b, s)
		}
	default:
		for i := range n {
			if s[i] >= utf8.RuneSelf {
				return e.longText(b, s)
			}
			long[end+1+i] = s[i]
		}
	}
	return long
}

// longText is text for any text.
func (e *encoder) longText(b []byte, s string) []byte {
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
	switch n.elem.kind {
	case String:
		return e.listOfTexts(b, *as[[]string](p))
	case Float64:
		e.depth--
		for _, v := range *as[[]float64](p) {
			b = AppendFloat64(b, v)
		}
		return b
	case Int64, Duration:
		e.depth--
		for _, v := range *as[[]int64](p) {
			b = AppendInt(b, v)
		}
		return b
	}
	for i := range size {
		if b = e.value(b, n.elem, at(first, uintptr(i)*n.elem.stride)); e.err != nil {
			e.under(indexStep(i))
			return b
		}
	}
	e.depth--
	return b
}

// listOfTexts appends the elements of a list of texts, which has been opened.
func (e *encoder) listOfTexts(b []byte, list []string) []byte {
	for i := range list {
		if b = e.text(b, list[i]); e.err != nil {
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
	switch {
	case size == 0:
	case n.elem.kind == String || n.elem.kind == enumKind:
		b = e.texts(b, *as[map[string]string](p))
	case n.elem.kind == Int64 || n.elem.kind == Duration:
		b = scalars(e, b, *as[map[string]int64](p), AppendInt)
	case n.elem.kind == Uint64:
		b = scalars(e, b, *as[map[string]uint64](p), AppendUint)
	case n.elem.kind == Float64:
		b = scalars(e, b, *as[map[string]float64](p), AppendFloat64)
	case n.elem.kind == Bool:
		b = scalars(e, b, *as[map[string]bool](p), AppendBool)
	default:
		b = e.entries(b, n, p)
	}
	e.depth--
	return b
}

// An entry is one of a map.
type entry[T any] struct {
	key   string
	value T
}

// fewEntries is how many entries of a map are sorted without allocation.
const fewEntries = 8

// sorted returns the entries of m in the order of their keys.
func sorted[T any](m map[string]T) []entry[T] {
	list := make([]entry[T], 0, len(m))
	for key, value := range m {
		list = append(list, entry[T]{key, value})
	}
	slices.SortFunc(list, func(a, b entry[T]) int { return CompareKeys(a.key, b.key) })
	return list
}

// precedes is CompareKeys(a, b) < 0.
func precedes(a, b string) bool { return len(a) < len(b) || len(a) == len(b) && a < b }

// texts appends the entries of a map of texts.
func (e *encoder) texts(b []byte, m map[string]string) []byte {
	if len(m) > fewEntries {
		return e.textEntries(b, sorted(m))
	}
	var few [fewEntries]entry[string]
	var order [fewEntries]uint8
	n := 0
	for key, value := range m {
		i := n % fewEntries
		few[i] = entry[string]{key, value}
		for ; i > 0 && precedes(key, few[order[i-1]%fewEntries].key); i-- {
			order[i] = order[i-1]
		}
		order[i] = uint8(n)
		n++
	}
	for i := range min(n, fewEntries) {
		next := &few[order[i]%fewEntries]
		b = e.text(b, next.key)
		if b = e.text(b, next.value); e.err != nil {
			e.under(keyStep(next.key))
			return b
		}
	}
	return b
}

func (e *encoder) textEntries(b []byte, list []entry[string]) []byte {
	for i := range list {
		b = e.text(b, list[i].key)
		if b = e.text(b, list[i].value); e.err != nil {
			e.under(keyStep(list[i].key))
			return b
		}
	}
	return b
}

// scalars appends the entries of a map of values that cannot fail.
func scalars[T any](e *encoder, b []byte, m map[string]T, add func([]byte, T) []byte) []byte {
	var few [fewEntries]entry[T]
	list := few[:0]
	if len(m) > fewEntries {
		list = sorted(m)
	} else {
		for key, value := range m {
			i := len(list) % fewEntries
			list = few[:i+1]
			for ; i > 0 && precedes(key, few[i-1].key); i-- {
				few[i] = few[i-1]
			}
			few[i] = entry[T]{key, value}
		}
	}
	for i := range list {
		if b = e.text(b, list[i].key); e.err != nil {
			e.under(keyStep(list[i].key))
			return b
		}
		b = add(b, list[i].value)
	}
	return b
}

// entries appends the entries of a map of any other type.
func (e *encoder) entries(b []byte, n *node, p pointer) []byte {
	list := make([]entry[pointer], 0, mapLen(p))
	for key, value := range n.entries(p) {
		list = append(list, entry[pointer]{key, value})
	}
	slices.SortFunc(list, func(a, b entry[pointer]) int { return CompareKeys(a.key, b.key) })
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
		e.fail(u.withoutVariant(n.typ, p))
		return b
	case i == unknownIndex:
		b = e.unknown(b, u, as[unknownVariant](v))
	case v == nil:
		e.fail("the union " + u.name + " holds a nil " + u.variants[i].ptr.String() + ": a variant has a value, if only the zero one")
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

// withoutVariant says what is wrong with the union of type t at p, which holds
// nothing that can be sent.
func (u *unionPlan) withoutVariant(t reflect.Type, p pointer) string {
	what := "is nil"
	if v := reflect.NewAt(t, p).Elem().Elem(); v.IsValid() && v.Type().Kind() == reflect.Pointer && v.IsNil() {
		what = "holds a nil " + v.Type().String()
	} else if v.IsValid() {
		what = "holds a " + v.Type().String() + ", which is none of its variants"
	}
	const most = 8
	var names []string
	for i := range u.variants {
		if i == most {
			names = append(names, fmt.Sprintf("… (%d more)", len(u.variants)-most))
			break
		}
		names = append(names, u.variants[i].ptr.String())
	}
	return "the union " + u.name + " " + what + ": set it to one of " + strings.Join(names, ", ")
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
