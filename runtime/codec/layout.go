package codec

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
)

// A Type describes the values of a type of the schema. It is a [Kind], a
// [List], a [Map], or a pointer to a [Struct], an [Enum], a [Union] or a
// [Named]; their Layout returns themselves. Generated code has one more, for a
// type that holds itself: its Layout returns the type, so that the variables
// do not need each other to be initialised.
type Type interface{ Layout() Type }

// A Kind is a scalar of the schema language.
type Kind uint8

// The scalars.
const (
	Bool       Kind = iota + 1
	Int8            // an integer, shortest form
	Int16           //
	Int32           //
	Int64           //
	Uint8           //
	Uint16          //
	Uint32          //
	Uint64          //
	Float32         // always 5 bytes
	Float64         // always 9 bytes
	String          // text that is valid UTF-8
	ByteString      // nil is written as the empty one
	Time            // tag 0, RFC 3339 in UTC
	Duration        // an integer of nanoseconds
	UUID            // tag 37 around 16 bytes
	Any             // one encoded item; nil is written as null
	enumKind        // what follows is made of other types: see node
	listKind
	mapKind
	structKind
	unionKind
)

// Layout returns k.
func (k Kind) Layout() Type { return k }

// A List describes a Go slice.
type List struct{ Of Type }

// Layout returns l.
func (l List) Layout() Type { return l }

// A Map describes a Go map with string keys.
type Map struct{ Of Type }

// Layout returns m.
func (m Map) Layout() Type { return m }

// A Named describes a type that has a name and rules of its own.
type Named struct {
	Type  any // a nil pointer to the Go type
	Of    Type
	Rules []Rule // beside those of Of

	node atomic.Pointer[node]
}

// Layout returns n.
func (n *Named) Layout() Type { return n }

// Validate returns a *[ValidationError] that says which rules the value that v
// points to breaks, or nil. v has the type of n.Type.
func (n *Named) Validate(v any) error {
	p := addressOf(v)
	var c validator
	c.inside(n.compiled(), p)
	return c.err()
}

// An Enum describes a string type with declared values.
type Enum struct {
	Name   string   // for messages
	Values []string // sorted
	Closed bool     // no other values are taken
}

// Layout returns e.
func (e *Enum) Layout() Type { return e }

// Known reports whether s is one of the values.
func (e *Enum) Known(s string) bool {
	_, ok := slices.BinarySearch(e.Values, s)
	return ok
}

// Parse returns s if it is one of the values, and else an error that lists
// them.
func (e *Enum) Parse(s string) (string, error) {
	if !e.Known(s) {
		return "", fmt.Errorf("%s is not a declared %s: want one of %s", quote(s), e.Name, oneOf(e.Values))
	}
	return s, nil
}

// A Union describes an interface whose values are pointers to the variants.
type Union struct {
	Type     any // a nil pointer to the interface
	Variants []Variant
	Unknown  any // a nil pointer to struct{Kind string; Value …}, which holds variants that are not declared; nil if they are refused
}

// Layout returns u.
func (u *Union) Layout() Type { return u }

// A Variant is one of the values of a [Union].
type Variant struct {
	Key  string
	Type any  // a nil pointer to the struct, or to struct{Value …}
	Of   Type // a *Struct for the struct itself, or what Value is
}

// A Struct describes a Go struct. Its methods do what the methods of the
// generated type of the same name say; v is a pointer to that type. They may
// be called concurrently.
type Struct struct {
	Type   any     // a nil pointer to the Go type
	Fields []Field // as many as the Go type has, in the same order

	plan atomic.Pointer[plan]
}

// A Field is one field of a [Struct].
type Field struct {
	Key      string // as it travels
	Of       Type
	Rules    []Rule // beside those of Of
	Optional bool   // it may be absent: nil in Go; null is taken for absent. Scalars, enums and structs are behind a pointer
	Secret   bool   // it is masked when it is printed, and errors say nothing of its value
	Borrow   bool   // bytes only: UnmarshalLent lends them instead of copying them
}

// Layout returns s.
func (s *Struct) Layout() Type { return s }

// Append validates *v and appends its encoding to b. The error is a
// *[ValidationError] or an *[EncodeError]; b is returned as it was then.
func (s *Struct) Append(b []byte, v any) ([]byte, error) {
	pl, p := s.compiled(), addressOf(v)
	if p == nil {
		return b, &EncodeError{Reason: "the pointer to the " + pl.name + " is nil"}
	}
	if pl.validates {
		if err := pl.validate(p); err != nil {
			return b, err
		}
	}
	return pl.append(b, p)
}

// AppendUnchecked is Append without the rules of the schema. A test sends so
// what the other side must refuse.
func (s *Struct) AppendUnchecked(b []byte, v any) ([]byte, error) {
	return s.compiled().append(b, addressOf(v))
}

// Unmarshal sets *v to the value that b encodes, and validates it. It keeps
// none of b. The error is a *[DecodeError], and *v is the zero value; or a
// *[ValidationError].
func (s *Struct) Unmarshal(b []byte, v any) error { return s.unmarshal(b, v, false) }

// UnmarshalLent is Unmarshal, but that fields with Borrow, wherever in *v they
// are, are not copied: they point into b and are valid as long as b is. Their
// capacity is their length, so that appending to one changes none of b.
func (s *Struct) UnmarshalLent(b []byte, v any) error { return s.unmarshal(b, v, true) }

func (s *Struct) unmarshal(b []byte, v any, lends bool) error {
	pl, p := s.compiled(), addressOf(v)
	if p == nil {
		return &DecodeError{Reason: "there is nothing to decode into: the pointer to the " + pl.name + " is nil"}
	}
	if !isZero(p, pl.typ.Size()) {
		setZero(pl.typ, p)
	}
	d := newDecoder(b)
	d.lends = lends
	d.structure(pl, p)
	if err := d.finish(); err != nil {
		setZero(pl.typ, p)
		return err
	}
	if pl.validates {
		return pl.validate(p)
	}
	return nil
}

// Check reports what is wrong with b, an encoded value: what Unmarshal
// returns.
func (s *Struct) Check(b []byte) error {
	return s.Unmarshal(b, reflect.New(s.compiled().typ).Interface())
}

// Validate returns a *[ValidationError] that says which rules of the schema *v
// breaks, or nil.
func (s *Struct) Validate(v any) error {
	pl, p := s.compiled(), addressOf(v)
	if p == nil || !pl.validates {
		return nil
	}
	return pl.validate(p)
}

// String returns the name of the type and the value in the diagnostic notation
// of RFC 8949, section 8: one line, cut at [MaxString] bytes and then marked
// with "…". It is ASCII but for secret fields, which are "•••". For a value
// that cannot be encoded it says so.
func (s *Struct) String(v any) string {
	pl, p := s.compiled(), addressOf(v)
	if p == nil {
		return pl.name + "(nil)"
	}
	return pl.string(p)
}

// Append appends the encoding of the scalar that v points to. The error is an
// *[EncodeError]; b is returned as it was then.
func (k Kind) Append(b []byte, v any) ([]byte, error) {
	n := scalarNode(k, reflect.TypeOf(v).Elem())
	e := encoder{}
	return e.finish(e.value(b, &n, addressOf(v)), len(b))
}

// Unmarshal sets the scalar that v points to. The error is a *[DecodeError].
func (k Kind) Unmarshal(b []byte, v any) error {
	n := scalarNode(k, reflect.TypeOf(v).Elem())
	d := newDecoder(b)
	d.value(&n, addressOf(v))
	return d.finish()
}

// findKey returns where key is in keys, which are in the order of
// [CompareKeys].
func findKey[K string | []byte](keys []string, key K) (int, bool) {
	return slices.BinarySearchFunc(keys, key, func(have string, key K) int {
		if len(have) != len(key) {
			return len(have) - len(key)
		}
		return strings.Compare(have, string(key))
	})
}
