package codec

import (
	"math"
	"reflect"
	"time"
)

// This file walks over encoded bytes and a plan, and fills a Go value, which
// is zero before. After an error every walk ends; on the way out each container
// adds its step to the path, which therefore costs nothing while nothing is
// wrong.

// structure reads a struct. Keys that are not known are skipped, and optional
// fields that are null; keys that are not text and known keys that come twice
// are refused.
func (d *decoder) structure(pl *plan, p pointer) {
	begin := d.off
	left := d.open(Pairs)
	var seen uint64      // which of the first 64 fields came
	more := len(d.marks) // where those of the others are
	if n := len(pl.ops); n > 64 {
		for range (n - 1) / 64 {
			d.marks = append(d.marks, 0)
		}
	}
	required := 0
	for next := 0; d.err == nil && left > 0; left-- {
		keyAt := d.off
		i := next
		// The key of the next field is expected.
		if i < len(pl.ops) && len(d.b)-keyAt >= 16 && pl.ops[i].key.begins(at(start(d.b), uintptr(keyAt))) {
			d.off = keyAt + int(pl.ops[i].key.size)
		} else if i = d.field(pl, next); i < 0 {
			continue
		}
		next = i + 1
		o := &pl.ops[i]
		if i < 64 {
			if seen>>i&1 != 0 {
				d.failIn(pl.slots[i].field, keyAt, "the key occurs twice")
				return
			}
			seen |= 1 << i
		} else {
			word := &d.marks[more+i/64-1]
			if *word>>(i%64)&1 != 0 {
				d.failIn(pl.slots[i].field, keyAt, "the key occurs twice")
				return
			}
			*word |= 1 << (i % 64)
		}
		if !o.nullable && d.off < len(d.b) && d.b[d.off] == null {
			if !o.optional {
				d.failIn(pl.slots[i].field, keyAt, "missing required field: its value is null")
				return
			}
			d.off++
			continue
		}
		v := at(p, uintptr(o.offset))
		if !o.optional {
			required++
		} else if pl.slots[i].pointer {
			v = d.newVar(&pl.slots[i].node, v)
		}
		// Most values are one of these: they take no second call.
		switch o.kind {
		case String:
			*as[string](v) = d.textString()
		case Int64:
			*as[int64](v) = d.int(math.MinInt64, math.MaxInt64, "int64")
		case Uint64:
			*as[uint64](v) = d.uint(math.MaxUint64, "uint64")
		case Float64:
			*as[float64](v) = d.float64()
		case ByteString:
			*as[[]byte](v) = d.bytesOf(&pl.slots[i])
		case listKind:
			d.list(&pl.slots[i].node, v)
		case mapKind:
			d.mapping(&pl.slots[i].node, v)
		default:
			d.value(&pl.slots[i].node, v)
		}
		if d.err != nil {
			d.locate(&pl.slots[i])
			return
		}
	}
	if d.err != nil {
		return
	}
	d.depth--
	if required < pl.required {
		d.missing(pl, begin, func(i int) bool {
			if i < 64 {
				return seen>>i&1 != 0
			}
			return d.marks[more+i/64-1]>>(i%64)&1 != 0
		})
		return
	}
	d.marks = d.marks[:more]
}

// field reads a key and returns which slot it is, or -1 after it has skipped
// the value of one that is not known. next is the slot that comes if the sender
// keeps the order.
func (d *decoder) field(pl *plan, next int) int {
	rest := d.b[d.off:]
	for i := next; i < len(pl.slots); i++ {
		s := &pl.slots[i]
		if len(s.key) <= len(rest) && string(rest[:len(s.key)]) == s.key {
			d.off += len(s.key)
			return i
		}
		if !s.optional {
			break
		}
	}
	at := d.off
	key := d.span(Text)
	if d.err != nil {
		return -1
	}
	if i, ok := findKey(pl.keys, key); ok {
		return i
	}
	if !validText(key) {
		d.fail(at, "the key is not valid UTF-8")
		return -1
	}
	step := string(key)
	if d.skip(); d.err != nil {
		d.err.Path = keyStep(step)
	}
	return -1
}

// locate completes the error in the value of a field.
func (d *decoder) locate(s *slot) {
	if s.secret {
		d.err.Path, d.err.Reason = "", "the value is refused; it is secret"
	}
	d.err.Path = under(s.field, d.err.Path)
}

// missing reports the first field that did not come and should have.
func (d *decoder) missing(pl *plan, begin int, came func(i int) bool) {
	for i := range pl.slots {
		if s := &pl.slots[i]; !s.optional && !came(i) {
			d.failIn(s.field, begin, "missing required field")
			return
		}
	}
}

// open reads the head of an array or map and returns how many elements or
// entries follow, 0 after an error.
func (d *decoder) open(want Major) int {
	if rest := d.b[d.off:]; len(rest) > 2*info1Byte && d.depth < MaxDepth {
		// A count of one byte is never too large for what is left.
		if n := rest[0] - byte(want)<<5; n < info1Byte {
			d.off++
			d.depth++
			return int(n)
		}
	}
	return d.openLong(want)
}

// openLong is open for any count.
func (d *decoder) openLong(want Major) int {
	at := d.off
	n, ok := d.expect(want)
	if !ok {
		return 0
	}
	count, err := countOf(at, Head{Major: want, Value: n}, uint64(len(d.b)-d.off))
	if err != nil {
		d.failWith(shift(err, 0))
		return 0
	}
	if d.depth == MaxDepth {
		d.failWith(tooDeep(at))
		return 0
	}
	d.depth++
	return count
}

// newVar makes the variable of an optional value.
func (d *decoder) newVar(n *node, p pointer) pointer {
	if n.kind == structKind {
		d.charge(d.off, 1, n.size)
	}
	switch n.kind {
	case Int64, Duration:
		return makeVar[int64](p)
	case String, enumKind:
		return makeVar[string](p)
	}
	return makeVarOf(n.typ, p)
}

// value reads a value of n into p.
func (d *decoder) value(n *node, p pointer) {
	switch n.kind {
	case String:
		*as[string](p) = d.textString()
	case ByteString:
		*as[[]byte](p) = d.bytes()
	case Time:
		*as[time.Time](p) = d.time()
	case UUID:
		*as[[16]byte](p) = d.uuid()
	case Any:
		*as[[]byte](p) = d.any()
	case enumKind:
		*as[string](p) = d.enum(n.enum)
	case listKind:
		d.list(n, p)
	case mapKind:
		d.mapping(n, p)
	case structKind:
		d.structure(n.plan, p)
	case unionKind:
		d.union(n, p)
	default:
		d.scalar(n.kind, p)
	}
}

// scalar reads a number or bool into p.
func (d *decoder) scalar(kind Kind, p pointer) {
	switch kind {
	case Bool:
		*as[bool](p) = d.bool()
	case Int8:
		*as[int8](p) = int8(d.int(math.MinInt8, math.MaxInt8, "int8"))
	case Int16:
		*as[int16](p) = int16(d.int(math.MinInt16, math.MaxInt16, "int16"))
	case Int32:
		*as[int32](p) = int32(d.int(math.MinInt32, math.MaxInt32, "int32"))
	case Int64:
		*as[int64](p) = d.int(math.MinInt64, math.MaxInt64, "int64")
	case Duration:
		*as[int64](p) = d.int(math.MinInt64, math.MaxInt64, "a duration in nanoseconds")
	case Uint8:
		*as[uint8](p) = uint8(d.uint(math.MaxUint8, "uint8"))
	case Uint16:
		*as[uint16](p) = uint16(d.uint(math.MaxUint16, "uint16"))
	case Uint32:
		*as[uint32](p) = uint32(d.uint(math.MaxUint32, "uint32"))
	case Uint64:
		*as[uint64](p) = d.uint(math.MaxUint64, "uint64")
	case Float32:
		*as[float32](p) = d.float32()
	case Float64:
		*as[float64](p) = d.float64()
	default:
		panic("codec: a plan without a kind")
	}
}

func (d *decoder) list(n *node, p pointer) {
	begin := d.off
	size := d.open(Array)
	if !d.charge(begin, size, n.elem.size) || d.err != nil {
		return
	}
	v := d.newList(n, p, size)
	switch n.elem.kind {
	case String:
		d.listOfTexts(*as[[]string](p))
		return
	case Float64:
		list := *as[[]float64](p)
		for i := range list {
			if list[i] = d.float64(); d.err != nil {
				d.err.Path = under(indexStep(i), d.err.Path)
				return
			}
		}
		d.depth--
		return
	}
	for i := range size {
		if d.value(n.elem, at(v, uintptr(i)*n.elem.stride)); d.err != nil {
			d.err.Path = under(indexStep(i), d.err.Path)
			return
		}
	}
	d.depth--
}

// listOfTexts reads the elements of a list of texts.
func (d *decoder) listOfTexts(list []string) {
	for i := range list {
		if list[i] = d.textString(); d.err != nil {
			d.err.Path = under(indexStep(i), d.err.Path)
			return
		}
	}
	d.depth--
}

// newList makes the elements of a list.
func (d *decoder) newList(n *node, p pointer, size int) pointer {
	if size == 0 {
		makeEmptyList(p)
		return nil
	}
	switch n.elem.kind {
	case String, enumKind:
		return makeList[string](p, size)
	case Int64, Uint64, Duration:
		return makeList[int64](p, size)
	case Float64:
		return makeList[float64](p, size)
	}
	return makeListOf(n.typ, p, size)
}

func (d *decoder) mapping(n *node, p pointer) {
	begin := d.off
	size := d.open(Pairs)
	d.spare -= mapMemory
	if !d.charge(begin, size, entryMemory(n.elem.size)) || d.err != nil {
		return
	}
	switch n.elem.kind {
	case String, enumKind:
		d.texts(n, p, size)
	case Int64, Duration:
		numbers[int64](d, n, p, size)
	case Uint64:
		numbers[uint64](d, n, p, size)
	case Float64:
		numbers[float64](d, n, p, size)
	case Bool:
		numbers[bool](d, n, p, size)
	default:
		d.entries(n, p, size)
	}
	d.depth--
}

// texts reads the entries of a map of texts.
func (d *decoder) texts(n *node, p pointer, size int) {
	m := make(map[string]string, size)
	*as[map[string]string](p) = m
	for i := range size {
		begin := d.off
		key := d.textString()
		if d.err != nil {
			return
		}
		var value string
		if n.elem.kind == enumKind {
			value = d.enum(n.elem.enum)
		} else {
			value = d.textString()
		}
		if m[key] = value; len(m) == i || d.err != nil {
			d.failEntry(key, begin)
			return
		}
	}
}

// numbers reads the entries of a map of numbers or bools.
func numbers[T any](d *decoder, n *node, p pointer, size int) {
	m := make(map[string]T, size)
	*as[map[string]T](p) = m
	var value T
	for i := range size {
		begin := d.off
		key := d.textString()
		if d.err != nil {
			return
		}
		d.scalar(n.elem.kind, pointer(&value))
		if m[key] = value; len(m) == i || d.err != nil {
			d.failEntry(key, begin)
			return
		}
	}
}

// failEntry reports that the value of key is wrong, or that key occurred before.
func (d *decoder) failEntry(key string, begin int) {
	if d.err != nil {
		d.err.Path = under(keyStep(key), d.err.Path)
		return
	}
	d.failIn(keyStep(key), begin, "the key occurs twice")
}

// entries reads the entries of a map of any other type.
func (d *decoder) entries(n *node, p pointer, size int) {
	m := reflect.MakeMapWithSize(n.typ, size)
	reflect.NewAt(n.typ, p).Elem().Set(m)
	key, value := reflect.New(n.typ.Key()).Elem(), reflect.New(n.elem.typ).Elem()
	into := value.Addr().UnsafePointer()
	for i := range size {
		begin := d.off
		name := d.textString()
		if d.err != nil {
			return
		}
		value.SetZero()
		if d.value(n.elem, into); d.err != nil {
			d.err.Path = under(keyStep(name), d.err.Path)
			return
		}
		key.SetString(name)
		if m.SetMapIndex(key, value); m.Len() == i {
			d.failIn(keyStep(name), begin, "the key occurs twice")
			return
		}
	}
}

// entryMemory is what an entry takes in a Go map that is half full.
func entryMemory(size int) int { return 2 * (16 + (size+7)&^7) }

// union reads a union: the one entry of a map, whose key says which variant it
// is.
func (d *decoder) union(n *node, p pointer) {
	u := n.union
	begin := d.off
	size := d.open(Pairs)
	if d.err == nil && size != 1 {
		d.fail(begin, "a union is a map of one entry, not of %d", size)
	}
	keyAt := d.off
	key := d.text()
	if d.err != nil {
		return
	}
	i, ok := findKey(u.keys, key)
	var v reflect.Value
	switch {
	case ok:
		d.charge(d.off, 1, u.variants[i].size)
		v = reflect.New(u.variants[i].typ)
		if d.value(&u.variants[i].node, v.UnsafePointer()); d.err != nil {
			d.err.Path = under(u.keys[i], d.err.Path)
			return
		}
	case u.closed:
		d.fail(keyAt, "%s is none of the declared variants %s", quote(string(key)), oneOf(u.keys))
		return
	default:
		v = reflect.New(u.unknown)
		unknown := as[unknownVariant](v.UnsafePointer())
		unknown.kind = string(key)
		if unknown.item = d.any(); d.err != nil {
			d.err.Path = under(keyStep(unknown.kind), d.err.Path)
			return
		}
	}
	reflect.NewAt(n.typ, p).Elem().Set(v)
	d.depth--
}
