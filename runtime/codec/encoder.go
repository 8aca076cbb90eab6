package codec

import (
	"fmt"
	"time"
)

// An Encoder writes one item. Its first error ends the encoding: what is
// written afterwards is lost. Make one with [NewEncoder] and end with
// [Encoder.Finish].
//
// Methods that are called for every field are not inlined: generated code calls
// them everywhere, and every build would pay for the copies.
//
// The methods that write a value take the encoded key of a field, head and
// text, or "" for the element of a list, the value of a map or of a variant,
// which Elem, Entry, Key or Variant has announced.
type Encoder struct {
	b     []byte
	start int  // where the item begins in b
	n     int  // entries of the open struct
	depth int  // of the open arrays and maps
	taken int  // memory of lists, maps, optional structs and variants, as a Decoder counts
	step  step // what the next value is in its container
	mask  bool // secret fields are written as a mark
	err   error
}

// A step leads from a container to a value in it.
type step struct {
	name  string // of a field or variant, or the key of a map
	index int    // of an element, or one of the constants below
}

const (
	stepField = -1 - iota
	stepKey
)

func (s step) String() string {
	switch s.index {
	case stepField:
		return s.name
	case stepKey:
		return keyStep(s.name)
	}
	return indexStep(s.index)
}

// NewEncoder returns an Encoder that appends to b. If err is not nil, nothing
// is encoded, and Finish returns it.
func NewEncoder(b []byte, err error) Encoder {
	return Encoder{b: b, start: len(b), err: err, step: step{index: stepField}}
}

// Finish returns b with the item appended. After an error it returns b as it
// was given to NewEncoder, and the error: the one of NewEncoder, or an
// *[EncodeError]. A value that a Decoder would refuse, because it takes more
// memory than the limit, is an error too.
func (e *Encoder) Finish() ([]byte, error) {
	size := len(e.b) - e.start
	if e.err == nil && e.taken > budget(size) {
		e.err = &EncodeError{Reason: fmt.Sprintf("decoding would take more memory than %d bytes and %d for each of the %d bytes encoded", freeMemory, MaxGrowth, size)}
	}
	if e.err != nil {
		return e.b[:e.start], e.err
	}
	return e.b, nil
}

// fail remembers an error of the value that comes next.
//
//go:noinline
func (e *Encoder) fail(key, reason string) {
	if e.err == nil {
		at := e.step
		if key != "" {
			at = step{keyName(key), stepField}
		}
		e.err = &EncodeError{Path: at.String(), Reason: reason}
	}
}

// keyName returns the text of an encoded key.
func keyName(key string) string {
	switch {
	case key[0]&31 < info1Byte:
		return key[1:]
	case key[0]&31 == info1Byte:
		return key[2:]
	}
	return key[3:]
}

// key writes the key of a field.
func (e *Encoder) key(key string) {
	if key != "" {
		e.b = append(e.b, key...)
		e.n++
	}
}

// A Scope is an open struct, union, list or map.
type Scope struct {
	at   int  // where its head is, if entries are counted, or -1
	n    int  // entries of the struct around
	step step // what it is in its container
}

func (e *Encoder) open() (Scope, bool) {
	if e.err != nil {
		return Scope{}, false
	}
	if e.depth == MaxDepth {
		e.fail("", fmt.Sprintf("nested deeper than %d levels; a cycle of pointers?", MaxDepth))
		return Scope{}, false
	}
	e.depth++
	s := Scope{at: -1, n: e.n, step: e.step}
	e.step = step{index: stepField}
	return s, true
}

// Struct begins a struct or a union. It reports false if the encoding has
// failed; nothing is to be written then, End included.
func (e *Encoder) Struct() (Scope, bool) {
	s, ok := e.open()
	if ok {
		s.at, e.n = len(e.b), 0
		e.b = append(e.b, byte(Pairs)<<5)
	}
	return s, ok
}

// End ends what Struct, List or Map has begun.
func (e *Encoder) End(s Scope) {
	if e.err != nil {
		e.under(s.step)
		return
	}
	e.depth--
	if s.at >= 0 {
		if e.n < info1Byte {
			e.b[s.at] |= byte(e.n)
		} else {
			e.longHead(s.at)
		}
	}
	e.n, e.step = s.n, s.step
}

// longHead makes room for the count of more entries than fit the first byte.
func (e *Encoder) longHead(at int) {
	var buf [9]byte
	head := AppendHead(buf[:0], Pairs, uint64(e.n))
	e.b = append(e.b, head[1:]...)
	copy(e.b[at+len(head):], e.b[at+1:])
	copy(e.b[at:], head)
}

//go:noinline
func (e *Encoder) under(s step) {
	if err, ok := e.err.(*EncodeError); ok {
		if text := s.String(); text != "" {
			err.Path = under(text, err.Path)
		}
	}
}

// List begins a list of n elements that take size bytes of memory each. It
// reports as Struct does.
func (e *Encoder) List(n, size int) (Scope, bool) {
	s, ok := e.open()
	if ok {
		e.taken += n * size
		e.b = AppendHead(e.b, Array, uint64(n))
	}
	return s, ok
}

// Map begins a map of n entries whose values take size bytes of memory each. It
// reports as Struct does.
func (e *Encoder) Map(n, size int) (Scope, bool) {
	s, ok := e.open()
	if ok {
		e.taken += mapMemory + n*entryMemory(size)
		e.b = AppendHead(e.b, Pairs, uint64(n))
	}
	return s, ok
}

// New counts size bytes of memory for what is decoded into a new variable.
func (e *Encoder) New(size int) { e.taken += size }

// Key writes the key of a field whose value follows.
//
//go:noinline
func (e *Encoder) Key(key string) {
	e.key(key)
	e.step = step{keyName(key), stepField}
}

// Elem announces element i of a list.
func (e *Encoder) Elem(i int) { e.step = step{index: i} }

// Entry writes the key of an entry of a map, whose value follows.
//
//go:noinline
func (e *Encoder) Entry(key string) {
	e.step = step{key, stepKey}
	e.Text("", key)
}

// Variant writes the key of a variant of a union, whose value follows, and
// reports whether there is one.
func (e *Encoder) Variant(key string, present bool) bool {
	e.Key(key)
	if !present {
		e.fail("", "the pointer to the variant is nil")
	}
	return present
}

// Unknown writes a variant that the schema does not declare. kind must not be
// one of declared, which are in the order of [CompareKeys].
func (e *Encoder) Unknown(kind string, item []byte, declared []string) {
	if _, ok := findKey(declared, kind); ok {
		e.fail("", fmt.Sprintf("variant %s is declared and has a type of its own", quote(kind)))
		return
	}
	e.n++
	e.Entry(kind)
	e.Any("", item)
}

// NoVariant says that a union holds nothing, or a type that is not one of its
// variants.
//
//go:noinline
func (e *Encoder) NoVariant(union string) {
	e.fail("", "the "+union+" is nil or of a foreign type")
}

// Masked writes the key of a secret field. It reports whether it wrote a mark
// too, in the place of the value, or the encoding has failed already; if so no
// value follows.
//
//go:noinline
func (e *Encoder) Masked(key string) bool {
	e.Key(key)
	if e.mask {
		e.b = append(e.b, secretMark...)
	}
	return e.mask || e.err != nil
}

// Unmasked ends a secret field that is no scalar: what an error says of the inside is cut off,
// because keys of maps are secret too.
//
//go:noinline
func (e *Encoder) Unmasked(name string) {
	if err, ok := e.err.(*EncodeError); ok {
		err.Path, err.Reason = name, "the value cannot be encoded; it is secret"
	}
}

// secretMark is the encoding of simple value 255, which has no meaning.
const (
	secretValue = 255
	secretMark  = "\xf8\xff"
)

// Bool writes false or true.
//
//go:noinline
func (e *Encoder) Bool(key string, v bool) {
	e.key(key)
	e.b = AppendBool(e.b, v)
}

// Int writes a signed integer.
func (e *Encoder) Int(key string, v int64) {
	e.key(key)
	e.b = AppendInt(e.b, v)
}

// Uint writes an unsigned integer.
func (e *Encoder) Uint(key string, v uint64) {
	e.key(key)
	e.b = AppendUint(e.b, v)
}

// Float32 writes a floating-point number in 5 bytes.
//
//go:noinline
func (e *Encoder) Float32(key string, v float32) {
	e.key(key)
	e.b = AppendFloat32(e.b, v)
}

// Float64 writes a floating-point number in 9 bytes.
//
//go:noinline
func (e *Encoder) Float64(key string, v float64) {
	e.key(key)
	e.b = AppendFloat64(e.b, v)
}

// Text writes text. It must be valid UTF-8.
func (e *Encoder) Text(key, v string) {
	if !validText(v) {
		e.fail(key, "the text is not valid UTF-8")
	}
	e.key(key)
	e.b = AppendText(e.b, v)
}

// Bytes writes a byte string. nil is the empty one.
func (e *Encoder) Bytes(key string, v []byte) {
	e.key(key)
	e.b = AppendBytes(e.b, v)
}

// Time writes a timestamp. In UTC its year must be 0 to 9999.
func (e *Encoder) Time(key string, v time.Time) {
	if !inRange(v) {
		e.fail(key, "the timestamp is outside the years 0 to 9999")
	}
	e.key(key)
	e.b = AppendTime(e.b, v)
}

// Duration writes a duration.
func (e *Encoder) Duration(key string, v time.Duration) { e.Int(key, int64(v)) }

// UUID writes a UUID.
//
//go:noinline
func (e *Encoder) UUID(key string, v [16]byte) {
	e.key(key)
	e.b = AppendUUID(e.b, v)
}

// Any writes an encoded item, which must be well-formed. nil is null.
func (e *Encoder) Any(key string, item []byte) {
	if len(item) > 0 {
		end, err := skip(item, 0, e.depth)
		if err == nil && end < len(item) {
			err = trailing(end, len(item))
		}
		if err != nil {
			e.fail(key, fmt.Sprintf("not one encoded item: byte %d: %s", shift(err, 0).Offset, shift(err, 0).Reason))
			item = nil
		}
	}
	e.key(key)
	e.b = AppendAny(e.b, item)
}
