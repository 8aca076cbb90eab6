package ipcio

import (
	"fmt"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// The two modes of the dynamic path. Generated codecs write the same bytes
// and accept the same.
var dynamicEnc, dynamicDec = func() (cbor.EncMode, cbor.DecMode) {
	tags := cbor.NewTagSet()
	must(tags.Add(
		cbor.TagOptions{EncTag: cbor.EncTagRequired, DecTag: cbor.DecTagOptional},
		reflect.TypeFor[UUID](), 37,
	))
	enc, err := cbor.EncOptions{
		Sort:          cbor.SortCoreDeterministic,
		ShortestFloat: cbor.ShortestFloatNone,
		NaNConvert:    cbor.NaNConvert7e00,
		InfConvert:    cbor.InfConvertNone,
		IndefLength:   cbor.IndefLengthForbidden,
		NilContainers: cbor.NilContainerAsEmpty,
		Time:          cbor.TimeRFC3339NanoUTC,
		TimeTag:       cbor.EncTagRequired,
	}.EncModeWithTags(tags)
	must(err)
	dec, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		IntDec:            cbor.IntDecConvertSignedOrBigInt,
		BigIntDec:         cbor.BigIntDecodePointer,
		DefaultMapType:    reflect.TypeFor[map[string]any](),
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		MaxNestedLevels:   32,
		MaxArrayElements:  1 << 20,
		MaxMapPairs:       1 << 20,
	}.DecModeWithTags(tags)
	must(err)
	return enc, dec
}()

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// appender is what generated types implement.
type appender interface {
	AppendCBOR(b []byte) ([]byte, error)
}

// appendValue appends v as one CBOR item.
func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, 0xf6), nil
	case appender:
		if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && p.IsNil() {
			return append(b, 0xf6), nil
		}
		return v.AppendCBOR(b)
	}
	item, err := dynamicEnc.Marshal(v)
	if err != nil {
		return b, fmt.Errorf("ipcio: %T cannot be encoded: %w", v, err)
	}
	return append(b, item...), nil
}

func decodeInto(b []byte, v any) error {
	if err := checkCost(b, v); err != nil {
		return err
	}
	if err := dynamicDec.Unmarshal(b, v); err != nil {
		return fmt.Errorf("ipcio: decode into %T: %w", v, err)
	}
	return nil
}

func decodeValue(b []byte) (any, error) {
	var v any
	err := decodeInto(b, &v)
	return v, err
}
