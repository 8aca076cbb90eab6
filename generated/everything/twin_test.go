package everything

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// This file is a second reading of commands.yaml, by hand, on top of
// fxamacker/cbor: twins of the generated structs. Where that decoder decides in
// another way than ipcio, a twin says so in a type of its own: [whole], [f32],
// [f64], [text], [blob], [boolean], [moment], [id], [list], [table], [object],
// [req] and [opt]. Each of these differences is a row of TestDifferences; there
// are no others.

var enc, dec = func() (cbor.EncMode, cbor.DecMode) {
	enc, err := cbor.EncOptions{
		Sort: cbor.SortCoreDeterministic, ShortestFloat: cbor.ShortestFloatNone, NaNConvert: cbor.NaNConvertNone, InfConvert: cbor.InfConvertNone,
		NilContainers: cbor.NilContainerAsEmpty,
	}.EncMode()
	if err != nil {
		panic(err)
	}
	dec, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		MaxArrayElements: 1<<31 - 1, MaxMapPairs: 1<<31 - 1, MaxNestedLevels: 32,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return enc, dec
}()

// decode reads one item that fills b into a twin.
func decode(b []byte, into cbor.Unmarshaler) error {
	if err := dec.Wellformed(b); err != nil {
		return err
	}
	return into.UnmarshalCBOR(b)
}

// head returns the value of the head of a well-formed item, and its size.
func head(b []byte) (n uint64, size int) {
	info := b[0] & 31
	if info < 24 {
		return uint64(info), 1
	}
	size = 1 + 1<<(info-24)
	for _, c := range b[1:size] {
		n = n<<8 | uint64(c)
	}
	return n, size
}

// next returns the first item of b, which begins with a well-formed one, and
// what follows it.
func next(b []byte) (item, rest []byte) {
	left := uint64(1)
	at := 0
	for ; left > 0; left-- {
		n, size := head(b[at:])
		switch major(b[at:]) {
		case byteString, textString:
			size += int(n)
		case array:
			left += n
		case mapping:
			left += 2 * n
		case tag:
			left++
		}
		at += size
	}
	return b[:at], b[at:]
}

// parts returns the elements of an array, or the keys and values of a map.
func parts(b []byte) [][]byte {
	n, size := head(b)
	if major(b) == mapping {
		n *= 2
	}
	list := make([][]byte, n)
	rest := b[size:]
	for i := range list {
		list[i], rest = next(rest)
	}
	return list
}

// into has a part read by a twin. That decoder is not asked, because it takes
// the tag 55799 away before it hands over an item.
func into[T any](v *T, b []byte) error { return any(v).(cbor.Unmarshaler).UnmarshalCBOR(b) }

// major returns the major type of an item.
func major(b []byte) byte { return b[0] >> 5 }

// The major types.
const (
	unsigned byte = iota
	negative
	byteString
	textString
	array
	mapping
	tag
	simple
)

var (
	errKind    = errors.New("twin: another kind")
	errExact   = errors.New("twin: not exact")
	errTwice   = errors.New("twin: a key comes twice")
	errMissing = errors.New("twin: missing")
	errValue   = errors.New("twin: a value that is not allowed")
)

// req is a required field: it must come.
type req[T any] struct {
	came bool
	v    T
}

func (x *req[T]) UnmarshalCBOR(b []byte) error {
	x.came = true
	return into(&x.v, b)
}

func (x req[T]) MarshalCBOR() ([]byte, error) { return enc.Marshal(x.v) }
func (x req[T]) missing() bool                { return !x.came }

// opt is an optional field: null is absent.
type opt[T any] struct {
	set bool
	v   T
}

func (x *opt[T]) UnmarshalCBOR(b []byte) error {
	if b[0] == 0xf6 {
		return nil
	}
	x.set = true
	return into(&x.v, b)
}

func (x opt[T]) MarshalCBOR() ([]byte, error) { return enc.Marshal(x.v) }
func (x opt[T]) IsZero() bool                 { return !x.set }
func (x opt[T]) missing() bool                { return false }

// breaks reports whether the field is there and does not hold.
func breaks[T any](x opt[T], holds func(T) bool) bool { return x.set && !holds(x.v) }

var known sync.Map // of a twin's type to the names of its fields

func fieldNames(typ reflect.Type) []string {
	if names, ok := known.Load(typ); ok {
		return names.([]string)
	}
	names := make([]string, typ.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(typ.Field(i).Tag.Get("cbor"), ",")
	}
	known.Store(typ, names)
	return names
}

// object is a struct: a map, and not a tag around one. Its keys are text, its
// required fields come, and none of its fields comes twice; others may.
type object[T any] struct{ v T }

func (x *object[T]) UnmarshalCBOR(b []byte) error {
	if major(b) != mapping {
		return errKind
	}
	fields := reflect.ValueOf(&x.v).Elem()
	names := fieldNames(fields.Type())
	came := make([]bool, len(names))
	entries := parts(b)
	for i := 0; i < len(entries); i += 2 {
		var key text
		if err := key.UnmarshalCBOR(entries[i]); err != nil {
			return err
		}
		at := slices.Index(names, key.v)
		if at < 0 {
			continue
		}
		if came[at] {
			return errTwice
		}
		came[at] = true
		if err := fields.Field(at).Addr().Interface().(cbor.Unmarshaler).UnmarshalCBOR(entries[i+1]); err != nil {
			return err
		}
	}
	for i := range came {
		if fields.Field(i).Interface().(interface{ missing() bool }).missing() {
			return errMissing
		}
	}
	if r, ok := any(&x.v).(interface{ broken() bool }); ok && r.broken() {
		return errValue
	}
	return nil
}

func (x object[T]) MarshalCBOR() ([]byte, error) { return enc.Marshal(x.v) }

// whole is an integer: no bignum, no tag, no float, no null.
type whole[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64] struct{ v T }

func (x *whole[T]) UnmarshalCBOR(b []byte) error {
	if major(b) > negative {
		return errKind
	}
	return dec.Unmarshal(b, &x.v)
}

func (x whole[T]) MarshalCBOR() ([]byte, error) { return enc.Marshal(x.v) }

// exactly reads a float or an integer that a float64 holds exactly.
func exactly(b []byte) (float64, error) {
	switch {
	case major(b) <= negative:
		var i big.Int
		if err := dec.Unmarshal(b, &i); err != nil {
			return 0, err
		}
		f, accuracy := new(big.Float).SetInt(&i).Float64()
		if accuracy != big.Exact {
			return 0, errExact
		}
		return f, nil
	case major(b) != simple || b[0] < 0xf9:
		return 0, errKind
	}
	var f float64
	err := dec.Unmarshal(b, &f)
	if math.IsNaN(f) {
		f = math.Float64frombits(0x7ff8 << 48)
	}
	return f, err
}

// f64 is a float64, from whatever holds the same number.
type f64 struct{ v float64 }

func (x *f64) UnmarshalCBOR(b []byte) (err error) {
	x.v, err = exactly(b)
	return err
}

func (x f64) MarshalCBOR() ([]byte, error) { return enc.Marshal(x.v) }

// f32 is a float32, from whatever holds the same number.
type f32 struct{ v float32 }

func (x *f32) UnmarshalCBOR(b []byte) error {
	f, err := exactly(b)
	if err == nil && float64(float32(f)) != f && !math.IsNaN(f) {
		return errExact
	}
	x.v = float32(f)
	return err
}

func (x f32) MarshalCBOR() ([]byte, error) { return enc.Marshal(x.v) }

// boolean is true or false: null is neither.
type boolean struct{ v bool }

func (x *boolean) UnmarshalCBOR(b []byte) error {
	if b[0] != 0xf4 && b[0] != 0xf5 {
		return errKind
	}
	return dec.Unmarshal(b, &x.v)
}

func (x boolean) MarshalCBOR() ([]byte, error) { return enc.Marshal(x.v) }

// text is a string without a tag.
type text struct{ v string }

func (x *text) UnmarshalCBOR(b []byte) error {
	if major(b) != textString {
		return errKind
	}
	return dec.Unmarshal(b, &x.v)
}

func (x text) MarshalCBOR() ([]byte, error) { return enc.Marshal(x.v) }

// blob is a byte string, and no list of small integers.
type blob struct{ v []byte }

func (x *blob) UnmarshalCBOR(b []byte) error {
	if major(b) != byteString {
		return errKind
	}
	return dec.Unmarshal(b, &x.v)
}

func (x blob) MarshalCBOR() ([]byte, error) { return enc.Marshal(x.v) }

// anything is one item as it came.
type anything struct{ raw cbor.RawMessage }

func (x *anything) UnmarshalCBOR(b []byte) error {
	x.raw = slices.Clone(b)
	return nil
}

// MarshalCBOR hides the item in a byte string under a tag that nothing else has.
// That encoder would refuse it as it is if it has a tag of 0 to 3 around what
// does not belong there, which is not the matter of one who passes it on.
func (x anything) MarshalCBOR() ([]byte, error) {
	return enc.Marshal(cbor.Tag{Number: hidden, Content: []byte(x.raw)})
}

const hidden = 0x9e3779b97f4a7c15

// encode returns the encoding of a twin.
func encode(v any) ([]byte, error) {
	b, err := enc.Marshal(v)
	mark := binary.BigEndian.AppendUint64([]byte{tag<<5 | 27}, hidden)
	for i := bytes.Index(b, mark); i >= 0 && err == nil; i = bytes.Index(b, mark) {
		n, size := head(b[i+len(mark):])
		from := i + len(mark) + size
		b = slices.Concat(b[:i], b[from:from+int(n)], b[from+int(n):])
	}
	return b, err
}

// id is a UUID with its tag, or bare.
type id [16]byte

func (x *id) UnmarshalCBOR(b []byte) error {
	if major(b) == tag {
		number, size := head(b)
		if number != 37 {
			return errKind
		}
		b = b[size:]
	}
	if major(b) != byteString {
		return errKind
	}
	var raw []byte
	if err := dec.Unmarshal(b, &raw); err != nil {
		return err
	}
	if len(raw) != len(x) {
		return errKind
	}
	*x = id(raw)
	return nil
}

func (x id) MarshalCBOR() ([]byte, error) {
	return enc.Marshal(cbor.Tag{Number: 37, Content: x[:]})
}

// moment is a timestamp: tag 0 in the form of RFC 3339, or tag 1, within the
// years 0 to 9999.
type moment struct{ v time.Time }

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)$`)

func (x *moment) UnmarshalCBOR(b []byte) error {
	if major(b) != tag {
		return errKind
	}
	number, size := head(b)
	switch in := b[size:]; {
	case number == 0 && major(in) == textString:
		var s string
		if err := dec.Unmarshal(in, &s); err != nil {
			return err
		}
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil || !rfc3339.MatchString(s) {
			return errValue
		}
		x.v = at.UTC()
	case number == 1 && major(in) <= negative:
		var i int64
		if err := dec.Unmarshal(in, &i); err != nil {
			return err
		}
		if i < -1<<40 || i > 1<<40 {
			return errValue
		}
		x.v = time.Unix(i, 0).UTC()
	case number == 1 && major(in) == simple && in[0] >= 0xf9:
		f, err := exactly(in)
		if err != nil {
			return err
		}
		if math.IsNaN(f) || math.Abs(f) > 1<<40 {
			return errValue
		}
		seconds := math.Floor(f)
		x.v = time.Unix(int64(seconds), int64(math.Round((f-seconds)*1e9))).UTC()
	default:
		return errKind
	}
	if x.v.Year() < 0 || x.v.Year() > 9999 {
		return errValue
	}
	return nil
}

func (x moment) MarshalCBOR() ([]byte, error) {
	return enc.Marshal(cbor.Tag{Number: 0, Content: x.v.Format(time.RFC3339Nano)})
}

// list is an array, and not null.
type list[T any] struct{ v []T }

func (x *list[T]) UnmarshalCBOR(b []byte) error {
	if major(b) != array {
		return errKind
	}
	for _, elem := range parts(b) {
		var v T
		if err := into(&v, elem); err != nil {
			return err
		}
		x.v = append(x.v, v)
	}
	return nil
}

func (x list[T]) MarshalCBOR() ([]byte, error) { return enc.Marshal(x.v) }

// table is a map, and not null.
type table[T any] struct{ v map[string]T }

func (x *table[T]) UnmarshalCBOR(b []byte) error {
	if major(b) != mapping {
		return errKind
	}
	x.v = make(map[string]T)
	entries := parts(b)
	for i := 0; i < len(entries); i += 2 {
		var key text
		if err := key.UnmarshalCBOR(entries[i]); err != nil {
			return err
		}
		if _, twice := x.v[key.v]; twice {
			return errTwice
		}
		var v T
		if err := into(&v, entries[i+1]); err != nil {
			return err
		}
		x.v[key.v] = v
	}
	return nil
}

func (x table[T]) MarshalCBOR() ([]byte, error) { return enc.Marshal(x.v) }

// The named types.

type nanos = whole[int64]

type wait struct{ nanos }

func (x *wait) UnmarshalCBOR(b []byte) error {
	err := x.nanos.UnmarshalCBOR(b)
	if err == nil && (x.v < 1e6 || x.v > 60e9) {
		return errValue
	}
	return err
}

// matching is a text under a rule.
type matching[R rule] struct{ text }

type rule interface{ holds(s string) bool }

func (x *matching[R]) UnmarshalCBOR(b []byte) error {
	if err := x.text.UnmarshalCBOR(b); err != nil {
		return err
	}
	var r R
	if !r.holds(x.v) {
		return errValue
	}
	return nil
}

type slugRule struct{}

var slugForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,7}$`)

func (slugRule) holds(s string) bool { return slugForm.MatchString(s) }

type shortRule struct{}

func (shortRule) holds(s string) bool { return slugRule{}.holds(s) && len(s) <= 3 }

type levelRule struct{}

func (levelRule) holds(s string) bool { return s == "low" || s == "mid" || s == "high" }

type (
	slug  = matching[slugRule]
	short = matching[shortRule]
	level = matching[levelRule]
	mood  = text
)

type slugs struct{ list[slug] }

func (x *slugs) UnmarshalCBOR(b []byte) error {
	err := x.list.UnmarshalCBOR(b)
	if err == nil && len(x.v) > 3 {
		return errValue
	}
	return err
}

type percent struct{ f32 }

func (x *percent) UnmarshalCBOR(b []byte) error {
	err := x.f32.UnmarshalCBOR(b)
	if err == nil && !(x.v >= 0 && x.v <= 100) {
		return errValue
	}
	return err
}

type smallBlob struct{ blob }

func (x *smallBlob) UnmarshalCBOR(b []byte) error {
	err := x.blob.UnmarshalCBOR(b)
	if err == nil && (len(x.v) < 2 || len(x.v) > 4) {
		return errValue
	}
	return err
}

type smallTable struct{ table[whole[int8]] }

func (x *smallTable) UnmarshalCBOR(b []byte) error {
	err := x.table.UnmarshalCBOR(b)
	if err == nil && len(x.v) > 2 {
		return errValue
	}
	return err
}

type leafTwin struct {
	Name   req[slug]    `cbor:"name"`
	Weight opt[percent] `cbor:"weight,omitzero"`
}

type treeTwin struct {
	Leaf  opt[object[leafTwin]]        `cbor:"leaf,omitzero"`
	Kids  req[list[object[treeTwin]]]  `cbor:"kids"`
	Named opt[table[object[treeTwin]]] `cbor:"named,omitzero"`
	Next  opt[nextTwin]                `cbor:"next,omitzero"`
}

// nextTwin is a tree by pointer.
type nextTwin struct{ v *object[treeTwin] }

func (x *nextTwin) UnmarshalCBOR(b []byte) error {
	x.v = new(object[treeTwin])
	return x.v.UnmarshalCBOR(b)
}

func (x nextTwin) MarshalCBOR() ([]byte, error) { return enc.Marshal(x.v) }

// union is a map with one entry, whose value V reads.
type union[V variants] struct {
	kind  string
	value any // what V made of it; nil means that it made nothing
	raw   cbor.RawMessage
}

// variants makes what a kind of union is read into, and nil for another kind.
type variants interface {
	of(kind string) any
	closed() bool
}

func (x *union[V]) UnmarshalCBOR(b []byte) error {
	if major(b) != mapping {
		return errKind
	}
	entry := parts(b)
	if len(entry) != 2 {
		return errValue
	}
	var kind text
	if err := kind.UnmarshalCBOR(entry[0]); err != nil {
		return err
	}
	x.kind, x.raw = kind.v, slices.Clone(entry[1])
	var v V
	x.value = v.of(x.kind)
	if x.value == nil {
		if v.closed() {
			return errValue
		}
		return nil
	}
	return x.value.(cbor.Unmarshaler).UnmarshalCBOR(x.raw)
}

func (x union[V]) MarshalCBOR() ([]byte, error) {
	if x.value == nil {
		return enc.Marshal(map[string]anything{x.kind: {x.raw}})
	}
	return enc.Marshal(map[string]any{x.kind: x.value})
}

type squareTwin struct {
	Side  req[whole[uint8]] `cbor:"side"`
	Label opt[text]         `cbor:"label,omitzero"`
	Scan  opt[blob]         `cbor:"scan,omitzero"`
}

type shapes struct{}

func (shapes) closed() bool { return false }
func (shapes) of(kind string) any {
	switch kind {
	case "circle":
		return new(f64)
	case "square":
		return new(object[squareTwin])
	case "tree":
		return new(object[treeTwin])
	case "at":
		return new(moment)
	case "both":
		return new(list[union[shapes]])
	case "extra":
		return new(anything)
	}
	return nil
}

type fixed struct{}

func (fixed) closed() bool { return true }
func (fixed) of(kind string) any {
	switch kind {
	case "a":
		return new(text)
	case "b":
		return new(level)
	case "c":
		return new(slugs)
	case "leaf":
		return new(object[leafTwin])
	}
	return nil
}

// The payloads.

type scalarsTwin struct {
	ABool      req[boolean]       `cbor:"a_bool"`
	AnInt8     req[whole[int8]]   `cbor:"an_int8"`
	AnInt16    req[whole[int16]]  `cbor:"an_int16"`
	AnInt32    req[whole[int32]]  `cbor:"an_int32"`
	AnInt64    req[whole[int64]]  `cbor:"an_int64"`
	AUint8     req[whole[uint8]]  `cbor:"a_uint8"`
	AUint16    req[whole[uint16]] `cbor:"a_uint16"`
	AUint32    req[whole[uint32]] `cbor:"a_uint32"`
	AUint64    req[whole[uint64]] `cbor:"a_uint64"`
	AFloat32   req[f32]           `cbor:"a_float32"`
	AFloat64   req[f64]           `cbor:"a_float64"`
	AString    req[text]          `cbor:"a_string"`
	SomeBytes  req[blob]          `cbor:"some_bytes"`
	ATimestamp req[moment]        `cbor:"a_timestamp"`
	ADuration  req[nanos]         `cbor:"a_duration"`
	AUUID      req[id]            `cbor:"a_uuid"`
	AnAny      req[anything]      `cbor:"an_any"`
}

type optionsTwin struct {
	ABool      opt[boolean]       `cbor:"a_bool,omitzero"`
	AnInt8     opt[whole[int8]]   `cbor:"an_int8,omitzero"`
	AnInt16    opt[whole[int16]]  `cbor:"an_int16,omitzero"`
	AnInt32    opt[whole[int32]]  `cbor:"an_int32,omitzero"`
	AnInt64    opt[whole[int64]]  `cbor:"an_int64,omitzero"`
	AUint8     opt[whole[uint8]]  `cbor:"a_uint8,omitzero"`
	AUint16    opt[whole[uint16]] `cbor:"a_uint16,omitzero"`
	AUint32    opt[whole[uint32]] `cbor:"a_uint32,omitzero"`
	AUint64    opt[whole[uint64]] `cbor:"a_uint64,omitzero"`
	AFloat32   opt[f32]           `cbor:"a_float32,omitzero"`
	AFloat64   opt[f64]           `cbor:"a_float64,omitzero"`
	AString    opt[text]          `cbor:"a_string,omitzero"`
	SomeBytes  opt[blob]          `cbor:"some_bytes,omitzero"`
	ATimestamp opt[moment]        `cbor:"a_timestamp,omitzero"`
	ADuration  opt[nanos]         `cbor:"a_duration,omitzero"`
	AUUID      opt[id]            `cbor:"a_uuid,omitzero"`
	AnAny      opt[anything]      `cbor:"an_any,omitzero"`
}

type namedTwin struct {
	ID      opt[id]               `cbor:"id,omitzero"`
	When    opt[moment]           `cbor:"when,omitzero"`
	Wait    opt[wait]             `cbor:"wait,omitzero"`
	Slug    opt[slug]             `cbor:"slug,omitzero"`
	Short   opt[short]            `cbor:"short,omitzero"`
	Slugs   opt[slugs]            `cbor:"slugs,omitzero"`
	Percent opt[percent]          `cbor:"percent,omitzero"`
	Blob    opt[smallBlob]        `cbor:"blob,omitzero"`
	Extra   req[anything]         `cbor:"extra"`
	Table   opt[smallTable]       `cbor:"table,omitzero"`
	Level   req[level]            `cbor:"level"`
	Mood    req[mood]             `cbor:"mood"`
	Leaf    opt[object[leafTwin]] `cbor:"leaf,omitzero"`
	Tree    opt[object[treeTwin]] `cbor:"tree,omitzero"`
}

type unionsTwin struct {
	Shape  req[union[shapes]]       `cbor:"shape"`
	Fixed  opt[union[fixed]]        `cbor:"fixed,omitzero"`
	Shapes opt[list[union[shapes]]] `cbor:"shapes,omitzero"`
	Table  opt[table[union[fixed]]] `cbor:"table,omitzero"`
}

type containersTwin struct {
	Bools    opt[list[boolean]]                   `cbor:"bools,omitzero"`
	Ints     opt[list[whole[int16]]]              `cbor:"ints,omitzero"`
	Floats   opt[list[f64]]                       `cbor:"floats,omitzero"`
	Texts    opt[list[text]]                      `cbor:"texts,omitzero"`
	Blobs    opt[list[blob]]                      `cbor:"blobs,omitzero"`
	Times    opt[list[moment]]                    `cbor:"times,omitzero"`
	IDs      opt[list[id]]                        `cbor:"ids,omitzero"`
	Extras   opt[list[anything]]                  `cbor:"extras,omitzero"`
	Levels   opt[list[level]]                     `cbor:"levels,omitzero"`
	Leaves   opt[list[object[leafTwin]]]          `cbor:"leaves,omitzero"`
	Nested   opt[list[list[table[whole[uint8]]]]] `cbor:"nested,omitzero"`
	Flags    opt[table[boolean]]                  `cbor:"flags,omitzero"`
	Moods    opt[table[mood]]                     `cbor:"moods,omitzero"`
	Waits    opt[table[wait]]                     `cbor:"waits,omitzero"`
	Moments  opt[table[moment]]                   `cbor:"moments,omitzero"`
	Trees    opt[table[object[treeTwin]]]         `cbor:"trees,omitzero"`
	Required req[list[text]]                      `cbor:"required"`
	ByName   req[table[whole[int64]]]             `cbor:"by_name"`
}

type rulesTwin struct {
	AnInt8       opt[whole[int8]]        `cbor:"an_int8,omitzero"`
	AnInt64      opt[whole[int64]]       `cbor:"an_int64,omitzero"`
	AUint16      opt[whole[uint16]]      `cbor:"a_uint16,omitzero"`
	AUint64      opt[whole[uint64]]      `cbor:"a_uint64,omitzero"`
	AFloat32     opt[f32]                `cbor:"a_float32,omitzero"`
	AFloat64     opt[f64]                `cbor:"a_float64,omitzero"`
	ADuration    opt[nanos]              `cbor:"a_duration,omitzero"`
	OneOf        opt[whole[int16]]       `cbor:"one_of,omitzero"`
	OneFloat     opt[f64]                `cbor:"one_float,omitzero"`
	OneText      opt[text]               `cbor:"one_text,omitzero"`
	Text         opt[text]               `cbor:"text,omitzero"`
	Pattern      opt[text]               `cbor:"pattern,omitzero"`
	Both         opt[text]               `cbor:"both,omitzero"`
	IP           opt[text]               `cbor:"ip,omitzero"`
	Host         opt[text]               `cbor:"host,omitzero"`
	URI          opt[text]               `cbor:"uri,omitzero"`
	Path         opt[text]               `cbor:"path,omitzero"`
	Exact        opt[blob]               `cbor:"exact,omitzero"`
	List         opt[list[whole[int32]]] `cbor:"list,omitzero"`
	Map          opt[table[boolean]]     `cbor:"map,omitzero"`
	UniqueInts   opt[list[whole[int8]]]  `cbor:"unique_ints,omitzero"`
	UniqueTexts  opt[list[text]]         `cbor:"unique_texts,omitzero"`
	UniqueBlobs  opt[list[blob]]         `cbor:"unique_blobs,omitzero"`
	UniqueTimes  opt[list[moment]]       `cbor:"unique_times,omitzero"`
	UniqueIDs    opt[list[id]]           `cbor:"unique_ids,omitzero"`
	UniqueFloats opt[list[f64]]          `cbor:"unique_floats,omitzero"`
}

var (
	patternForm = regexp.MustCompile(`(?s)^(?i:a|b+c?|[0-9]{3})$`)
	hostForm    = regexp.MustCompile(`^([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9])(\.([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]))*$`)
)

// distinct reports whether no two elements are equal.
func distinct[T any](list []T, equal func(a, b T) bool) bool {
	for i, a := range list {
		for _, b := range list[:i] {
			if equal(a, b) {
				return false
			}
		}
	}
	return true
}

func runes(s string) int { return utf8.RuneCountInString(s) }

func (x *rulesTwin) broken() bool {
	return breaks(x.AnInt8, func(n whole[int8]) bool { return -5 <= n.v && n.v <= 5 }) ||
		breaks(x.AnInt64, func(n whole[int64]) bool { return n.v != math.MinInt64 }) ||
		breaks(x.AUint16, func(n whole[uint16]) bool { return 1 <= n.v && n.v <= 256 }) ||
		breaks(x.AUint64, func(n whole[uint64]) bool { return n.v != math.MaxUint64 }) ||
		breaks(x.AFloat32, func(n f32) bool { return -0.5 <= n.v && n.v <= 0.1 }) ||
		breaks(x.AFloat64, func(n f64) bool { return 0.1 <= n.v && n.v <= 1000 }) ||
		breaks(x.ADuration, func(n nanos) bool { return 1e9 <= n.v && n.v <= 24*3600e9 }) ||
		breaks(x.OneOf, func(n whole[int16]) bool { return n.v == -1 || n.v == 0 || n.v == 7 }) ||
		breaks(x.OneFloat, func(n f64) bool { return n.v == 0.1 || n.v == 0.5 }) ||
		breaks(x.OneText, func(s text) bool { return s.v == "stdout" || s.v == "stderr" || s.v == "" }) ||
		breaks(x.Text, func(s text) bool { return 1 <= runes(s.v) && runes(s.v) <= 3 }) ||
		breaks(x.Pattern, func(s text) bool { return patternForm.MatchString(s.v) }) ||
		breaks(x.Both, func(s text) bool { return !strings.Contains(s.v, "x") && runes(s.v) >= 2 }) ||
		breaks(x.IP, func(s text) bool {
			a, err := netip.ParseAddr(s.v)
			return err == nil && a.Zone() == ""
		}) ||
		breaks(x.Host, func(s text) bool {
			return len(s.v) <= 253 && hostForm.MatchString(s.v)
		}) ||
		breaks(x.URI, func(s text) bool {
			return isURI(s.v)
		}) ||
		breaks(x.Path, func(s text) bool { return s.v != "" && !strings.ContainsRune(s.v, 0) }) ||
		breaks(x.Exact, func(b blob) bool { return len(b.v) == 4 }) ||
		breaks(x.List, func(l list[whole[int32]]) bool { return 1 <= len(l.v) && len(l.v) <= 3 }) ||
		breaks(x.Map, func(m table[boolean]) bool { return len(m.v) <= 2 }) ||
		breaks(x.UniqueInts, func(l list[whole[int8]]) bool { return distinct(l.v, func(a, b whole[int8]) bool { return a == b }) }) ||
		breaks(x.UniqueTexts, func(l list[text]) bool {
			return len(l.v) <= 4 && distinct(l.v, func(a, b text) bool { return a == b })
		}) ||
		breaks(x.UniqueBlobs, func(l list[blob]) bool {
			return distinct(l.v, func(a, b blob) bool { return string(a.v) == string(b.v) })
		}) ||
		breaks(x.UniqueTimes, func(l list[moment]) bool { return distinct(l.v, func(a, b moment) bool { return a.v.Equal(b.v) }) }) ||
		breaks(x.UniqueIDs, func(l list[id]) bool { return distinct(l.v, func(a, b id) bool { return a == b }) }) ||
		breaks(x.UniqueFloats, func(l list[f64]) bool { return distinct(l.v, func(a, b f64) bool { return a.v == b.v }) })
}
