package ipcio

import (
	"errors"
	"slices"
)

// Any is one encoded CBOR item (RFC 8949), kept as it arrived and decoded
// when it is asked for. nil means absent. The methods do not change it, so
// any number of goroutines may read one Any.
type Any []byte

// NewAny encodes v, as Emit would, into an Any.
func NewAny(v any) (Any, error) {
	b, err := appendValue(nil, v)
	return Any(b), err
}

// Decode decodes the item into v: a generated type, any other type with cbor
// tags, or a pointer to any. See [Message.Decode].
func (a Any) Decode(v any) error { return decodeInto(a, v) }

// Value decodes the item into the types that [Message.Value] names.
func (a Any) Value() (any, error) { return decodeValue(a) }

// MarshalCBOR returns the item; nil is written as null.
func (a Any) MarshalCBOR() ([]byte, error) {
	if len(a) == 0 {
		return []byte{0xf6}, nil
	}
	return slices.Clone(a), nil
}

// UnmarshalCBOR keeps a copy of b.
func (a *Any) UnmarshalCBOR(b []byte) error {
	if a == nil {
		return errors.New("ipcio: UnmarshalCBOR on a nil *Any")
	}
	*a = slices.Clone(b)
	return nil
}
