package schemavalue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Kind says what a [Value] is.
type Kind uint8

// The kinds of a Value.
const (
	Null Kind = iota
	Bool
	Int
	Float
	Text
	Bytes
	List
	Map
	Tag
)

// A Value is one item of CBOR (RFC 8949) as far as schemas use it. The zero
// Value is null.
type Value struct {
	Kind     Kind
	Bool     bool
	Negative bool   // Int: the integer is -1 - Uint
	Uint     uint64 // Int; Tag: the number of the tag
	Float    float64
	Single   bool // Float: travels in 4 bytes and not in 8
	Text     string
	Bytes    []byte
	List     []Value // List; Tag: the one value it is about
	Map      []Entry // in any order; keys may repeat
}

// An Entry is an entry of a Map.
type Entry struct {
	Key   string
	Value Value
}

// Integer returns v as a Value.
func Integer(v int64) Value {
	if v < 0 {
		return Value{Kind: Int, Negative: true, Uint: uint64(^v)}
	}
	return Value{Kind: Int, Uint: uint64(v)}
}

// Unsigned returns v as a Value.
func Unsigned(v uint64) Value { return Value{Kind: Int, Uint: v} }

// Boolean returns v as a Value.
func Boolean(v bool) Value { return Value{Kind: Bool, Bool: v} }

// String returns v as a text.
func String(v string) Value { return Value{Kind: Text, Text: v} }

// ByteString returns v as a Value.
func ByteString(v []byte) Value { return Value{Kind: Bytes, Bytes: v} }

// Float64 returns v as a Value of 8 bytes.
func Float64(v float64) Value { return Value{Kind: Float, Float: v} }

// Float32 returns v as a Value of 4 bytes.
func Float32(v float32) Value { return Value{Kind: Float, Float: float64(v), Single: true} }

// Tagged returns v under a tag.
func Tagged(number uint64, v Value) Value { return Value{Kind: Tag, Uint: number, List: []Value{v}} }

// Lookup returns the value of the first entry with a key.
func (v Value) Lookup(key string) (Value, bool) {
	for _, e := range v.Map {
		if e.Key == key {
			return e.Value, true
		}
	}
	return Value{}, false
}

// The major types of CBOR.
const (
	majorUint byte = iota << 5
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple
)

// Encode returns v in deterministic CBOR (RFC 8949, section 4.2.1): shortest
// heads and sorted keys. Floats keep their width.
func Encode(v Value) []byte { return appendValue(nil, v) }

func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= math.MaxUint8:
		return append(b, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func appendValue(b []byte, v Value) []byte {
	switch v.Kind {
	case Bool:
		if v.Bool {
			return append(b, majorSimple|21)
		}
		return append(b, majorSimple|20)
	case Int:
		if v.Negative {
			return appendHead(b, majorNegative, v.Uint)
		}
		return appendHead(b, majorUint, v.Uint)
	case Float:
		if v.Single {
			return binary.BigEndian.AppendUint32(append(b, majorSimple|26), math.Float32bits(float32(v.Float)))
		}
		return binary.BigEndian.AppendUint64(append(b, majorSimple|27), math.Float64bits(v.Float))
	case Text:
		return append(appendHead(b, majorText, uint64(len(v.Text))), v.Text...)
	case Bytes:
		return append(appendHead(b, majorBytes, uint64(len(v.Bytes))), v.Bytes...)
	case List:
		b = appendHead(b, majorArray, uint64(len(v.List)))
		for _, e := range v.List {
			b = appendValue(b, e)
		}
		return b
	case Map:
		b = appendHead(b, majorMap, uint64(len(v.Map)))
		for _, e := range slices.SortedStableFunc(slices.Values(v.Map), func(a, b Entry) int {
			if len(a.Key) != len(b.Key) {
				return len(a.Key) - len(b.Key)
			}
			return strings.Compare(a.Key, b.Key)
		}) {
			b = appendValue(appendValue(b, String(e.Key)), e.Value)
		}
		return b
	case Tag:
		return appendValue(appendHead(b, majorTag, v.Uint), v.List[0])
	}
	return append(b, majorSimple|22)
}

// maxDepth is how deep lists, maps and tags may be nested.
const maxDepth = 64

// Decode reads one item that fills b. It refuses what schemas do not use:
// indefinite lengths, keys that are not text, and simple values other than
// false, true and null.
func Decode(b []byte) (Value, error) {
	d := decoder{b: b}
	v := d.value(0)
	if d.err == nil && len(d.b) > 0 {
		d.err = fmt.Errorf("schemavalue: %d bytes follow the item", len(d.b))
	}
	return v, d.err
}

type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(format string, args ...any) Value {
	if d.err == nil {
		d.err = fmt.Errorf("schemavalue: "+format, args...)
	}
	d.b = nil
	return Value{}
}

var errShort = errors.New("the input ends within an item")

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail("%w", errShort)
		return nil
	}
	taken := d.b[:n]
	d.b = d.b[n:]
	return taken
}

func (d *decoder) head() (major, info byte, n uint64) {
	first := d.take(1)
	if first == nil {
		return 0, 0, 0
	}
	major, info = first[0]&0xe0, first[0]&0x1f
	switch {
	case info < 24:
		return major, info, uint64(info)
	case info > 27:
		d.fail("additional information %d", info)
		return 0, 0, 0
	}
	for _, c := range d.take(1 << (info - 24)) {
		n = n<<8 | uint64(c)
	}
	return major, info, n
}

func (d *decoder) value(depth int) Value {
	if depth > maxDepth {
		return d.fail("nested deeper than %d", maxDepth)
	}
	major, info, n := d.head()
	if d.err != nil {
		return Value{}
	}
	switch major {
	case majorUint, majorNegative:
		return Value{Kind: Int, Negative: major == majorNegative, Uint: n}
	case majorBytes:
		return ByteString(slices.Clone(d.take(n)))
	case majorText:
		text := string(d.take(n))
		if !utf8.ValidString(text) {
			return d.fail("text that is not UTF-8")
		}
		return String(text)
	case majorArray:
		v := Value{Kind: List}
		for range n {
			v.List = append(v.List, d.value(depth+1))
			if d.err != nil {
				return Value{}
			}
		}
		return v
	case majorMap:
		v := Value{Kind: Map}
		for range n {
			key := d.value(depth + 1)
			if d.err == nil && key.Kind != Text {
				return d.fail("a key that is not text")
			}
			v.Map = append(v.Map, Entry{key.Text, d.value(depth + 1)})
			if d.err != nil {
				return Value{}
			}
		}
		return v
	case majorTag:
		return Tagged(n, d.value(depth+1))
	}
	switch info {
	case 20, 21:
		return Boolean(info == 21)
	case 22:
		return Value{}
	case 25:
		return Float64(half(uint16(n)))
	case 26:
		return Float32(math.Float32frombits(uint32(n)))
	case 27:
		return Float64(math.Float64frombits(n))
	}
	return d.fail("simple value %d", n)
}

// half widens an IEEE 754 binary16.
func half(bits uint16) float64 {
	exponent, fraction := int(bits>>10&31), float64(bits&1023)
	var v float64
	switch {
	case exponent == 0:
		v = math.Ldexp(fraction, -24)
	case exponent == 31 && fraction != 0:
		return math.NaN()
	case exponent == 31:
		v = math.Inf(1)
	default:
		v = math.Ldexp(fraction+1024, exponent-25)
	}
	return math.Copysign(v, map[bool]float64{true: -1, false: 1}[bits>>15 == 1])
}
