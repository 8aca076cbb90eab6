package codec_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/codec"
)

// A parcel has a map of what has rules, and a union.
type parcel struct {
	Limits map[string]int8
	Inner  map[string]struct{ A, B int8 }
	Shape  shape
}

type shape interface{ isShape() }

type circle struct{ R int8 }

type shapeUnknown struct {
	Kind  string
	Value []byte
}

func (*circle) isShape()       {}
func (*shapeUnknown) isShape() {}

var small = codec.IntRange{Max: 9, NoMin: true, Want: "..9"}

var layoutParcel = codec.Struct{Type: (*parcel)(nil), Fields: []codec.Field{
	{Key: "limits", Of: codec.Map{Of: &codec.Named{Type: (*int8)(nil), Of: codec.Int8, Rules: []codec.Rule{small}}}},
	{Key: "inner", Of: codec.Map{Of: &codec.Struct{Type: (*struct{ A, B int8 })(nil), Fields: []codec.Field{
		{Key: "a", Of: codec.Int8, Rules: []codec.Rule{small}},
		{Key: "b", Of: codec.Int8, Rules: []codec.Rule{small}},
	}}}},
	{Key: "shape", Of: &codec.Union{Type: (*shape)(nil), Unknown: (*shapeUnknown)(nil), Variants: []codec.Variant{
		{Key: "circle", Type: (*circle)(nil), Of: &codec.Struct{Type: (*circle)(nil), Fields: []codec.Field{{Key: "r", Of: codec.Int8}}}},
	}}},
}}

// TestViolationsInMapsHaveAnOrder shows that the same value always gives the
// same error, also if more is wrong with a map than an error holds.
func TestViolationsInMapsHaveAnOrder(t *testing.T) {
	v := &parcel{Limits: map[string]int8{}, Inner: map[string]struct{ A, B int8 }{"x": {10, 11}, "k": {12, 1}, "fine": {}}, Shape: &circle{}}
	want := []codec.Violation{
		{Path: `limits["0"]`, Rule: "range", Want: "..9"},
		{Path: `limits["2"]`, Rule: "range", Want: "..9"},
		{Path: `inner["k"].a`, Rule: "range", Want: "..9"},
		{Path: `inner["x"].a`, Rule: "range", Want: "..9"},
		{Path: `inner["x"].b`, Rule: "range", Want: "..9"},
	}
	for i := range 4 {
		v.Limits[fmt.Sprint(i)] = int8(10 * (1 - i%2))
	}
	check := func(want []codec.Violation) {
		t.Helper()
		for range 50 { // of the orders that a map has
			_, err := layoutParcel.Append(nil, v)
			e, ok := errors.AsType[*codec.ValidationError](err)
			if !ok || !slices.Equal(e.Violations, want) {
				t.Fatalf("the violations are %v, want %v", err, want)
			}
		}
	}
	check(want)

	want = nil
	for i := range 1000 {
		key := fmt.Sprintf("%03d", i)
		v.Limits[key] = 10
		if i < codec.MaxViolations-1 { // "0" comes first
			want = append(want, codec.Violation{Path: `limits["` + key + `"]`, Rule: "range", Want: "..9"})
		}
	}
	check(append([]codec.Violation{{Path: `limits["0"]`, Rule: "range", Want: "..9"}}, want...))
}

// TestUnionWithoutVariant shows that the error says where, which union, what is
// wrong and what would be right.
func TestUnionWithoutVariant(t *testing.T) {
	for _, c := range []struct {
		shape shape
		want  string
	}{
		{nil, "codec: cannot encode shape: the union shape is nil: set it to one of *codec_test.circle"},
		{(*circle)(nil), "codec: cannot encode shape.circle: the union shape holds a nil *codec_test.circle: a variant has a value, if only the zero one"},
		{(*shapeUnknown)(nil), "codec: cannot encode shape: the union shape holds a nil *codec_test.shapeUnknown: set it to one of *codec_test.circle"},
		{struct{ shape }{}, "codec: cannot encode shape: the union shape holds a struct { codec_test.shape }, which is none of its variants: set it to one of *codec_test.circle"},
	} {
		b, err := layoutParcel.Append([]byte("before"), &parcel{Shape: c.shape})
		if _, ok := errors.AsType[*codec.EncodeError](err); !ok || err.Error() != c.want || string(b) != "before" {
			t.Errorf("%T: %q, %v\nwant %s", c.shape, b, err, c.want)
		}
	}
}
