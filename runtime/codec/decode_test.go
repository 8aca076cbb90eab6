package codec_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ipcio/ipcio-go/runtime/codec"
)

// scalar decodes one item as k into a T.
func scalar[T any](k codec.Kind) func(b []byte) (any, error) {
	return func(b []byte) (any, error) {
		var v T
		err := k.Unmarshal(b, &v)
		return v, err
	}
}

// inField decodes one item as a field with the type of.
func inField(of codec.Type) func(b []byte) (any, error) {
	type box struct{ V string }
	layout := codec.Struct{Type: (*box)(nil), Fields: []codec.Field{{Key: "v", Of: of}}}
	return func(b []byte) (any, error) {
		var v box
		err := layout.Unmarshal(append([]byte("\xa1\x61v"), b...), &v)
		return v.V, err
	}
}

func TestScalars(t *testing.T) {
	int8s, int16s, int32s, int64s := scalar[int8](codec.Int8), scalar[int16](codec.Int16), scalar[int32](codec.Int32), scalar[int64](codec.Int64)
	uint8s, uint16s, uint32s, uint64s := scalar[uint8](codec.Uint8), scalar[uint16](codec.Uint16), scalar[uint32](codec.Uint32), scalar[uint64](codec.Uint64)
	float32s, float64s := scalar[float32](codec.Float32), scalar[float64](codec.Float64)
	bools, texts, bytesOf := scalar[bool](codec.Bool), scalar[string](codec.String), scalar[[]byte](codec.ByteString)
	times, durations := scalar[time.Time](codec.Time), scalar[time.Duration](codec.Duration)
	uuids, anys := scalar[[16]byte](codec.UUID), scalar[[]byte](codec.Any)
	closed := inField(&codec.Enum{Values: []string{"a", "b"}, Closed: true})
	open := inField(&codec.Enum{Values: []string{"a", "b"}})
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v.UTC()
	}
	text := func(s string) string { return string(codec.AppendText(nil, s)) }

	for _, c := range []struct {
		name string
		read func([]byte) (any, error)
		in   string // bytes
		want any
		err  string // a part of the reason; "" means want
	}{
		{"false", bools, "\xf4", false, ""},
		{"true", bools, "\xf5", true, ""},
		{"null is no bool", bools, "\xf6", nil, "expected a bool, found null"},
		{"1 is no bool", bools, "\x01", nil, "expected a bool, found an integer"},
		{"int8 most", int8s, "\x18\x7f", int8(127), ""},
		{"int8 above", int8s, "\x18\x80", nil, "128 does not fit int8 (-128..127)"},
		{"int8 least", int8s, "\x38\x7f", int8(-128), ""},
		{"int8 below", int8s, "\x38\x80", nil, "-129 does not fit int8"},
		{"int16 most", int16s, "\x19\x7f\xff", int16(32767), ""},
		{"int16 above", int16s, "\x19\x80\x00", nil, "32768 does not fit int16"},
		{"int32 least", int32s, "\x3a\x7f\xff\xff\xff", int32(math.MinInt32), ""},
		{"int32 below", int32s, "\x3a\x80\x00\x00\x00", nil, "-2147483649 does not fit int32"},
		{"int64 most", int64s, "\x1b\x7f\xff\xff\xff\xff\xff\xff\xff", int64(math.MaxInt64), ""},
		{"int64 above", int64s, "\x1b\x80\x00\x00\x00\x00\x00\x00\x00", nil, "9223372036854775808 does not fit int64"},
		{"int64 least", int64s, "\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", int64(math.MinInt64), ""},
		{"int64 below", int64s, "\x3b\xff\xff\xff\xff\xff\xff\xff\xff", nil, "-18446744073709551616 does not fit int64"},
		{"integer in a longer form", int64s, "\x1b\x00\x00\x00\x00\x00\x00\x00\x01", int64(1), ""},
		{"float is no integer", int64s, "\xf9\x3c\x00", nil, "expected an integer, found a floating-point number"},
		{"uint8 most", uint8s, "\x18\xff", uint8(255), ""},
		{"uint8 above", uint8s, "\x19\x01\x00", nil, "256 does not fit uint8 (0..255)"},
		{"uint8 negative", uint8s, "\x20", nil, "-1 does not fit uint8"},
		{"uint16 above", uint16s, "\x1a\x00\x01\x00\x00", nil, "65536 does not fit uint16"},
		{"uint32 above", uint32s, "\x1b\x00\x00\x00\x01\x00\x00\x00\x00", nil, "4294967296 does not fit uint32"},
		{"uint64 most", uint64s, "\x1b\xff\xff\xff\xff\xff\xff\xff\xff", uint64(math.MaxUint64), ""},
		{"uint64 negative", uint64s, "\x20", nil, "-1 does not fit uint64"},
		{"float64 from half", float64s, "\xf9\x3e\x00", 1.5, ""},
		{"float64 from the smallest half", float64s, "\xf9\x00\x01", math.Ldexp(1, -24), ""},
		{"float64 from a negative half", float64s, "\xf9\xc4\x00", -4.0, ""},
		{"float64 from infinity in a half", float64s, "\xf9\xfc\x00", math.Inf(-1), ""},
		{"float64 from single", float64s, "\xfa\x47\xc3\x50\x00", 100000.0, ""},
		{"float64 from an integer", float64s, "\x1b\x00\x20\x00\x00\x00\x00\x00\x00", float64(1 << 53), ""},
		{"float64 from 2^53+1", float64s, "\x1b\x00\x20\x00\x00\x00\x00\x00\x01", nil, "9007199254740993 is not a float64 exactly"},
		{"float64 from 2^64-1", float64s, "\x1b\xff\xff\xff\xff\xff\xff\xff\xff", nil, "is not a float64 exactly"},
		{"float64 from -2^64", float64s, "\x3b\xff\xff\xff\xff\xff\xff\xff\xff", -math.Ldexp(1, 64), ""},
		{"float64 from -(2^53+1)", float64s, "\x3b\x00\x20\x00\x00\x00\x00\x00\x00", nil, "-9007199254740993 is not a float64 exactly"},
		{"float64 from text", float64s, "\x611", nil, "expected a floating-point number, found text"},
		{"float64 from bool", float64s, "\xf5", nil, "expected a floating-point number, found a bool"},
		{"float32 from double", float32s, "\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00", float32(1.5), ""},
		{"float32 from 1.1 in double", float32s, "\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a", nil, "1.1 is not a float32 exactly"},
		{"float32 from 2^24+1", float32s, "\x1a\x01\x00\x00\x01", nil, "is not a float32 exactly"},
		{"float32 overflow", float32s, "\xfb\x7e\x37\xe4\x3c\x88\x00\x75\x9c", nil, "is not a float32 exactly"},
		{"text", texts, "\x62\xc3\xbc", "ü", ""},
		{"text in a longer form", texts, "\x79\x00\x01a", "a", ""},
		{"text not UTF-8", texts, "\x62\xc3\x28", nil, "not valid UTF-8"},
		{"text of surrogates", texts, "\x63\xed\xa0\x80", nil, "not valid UTF-8"},
		{"text too long", texts, "\x63ab", nil, "text of 3 bytes, but only 2 bytes are left"},
		{"text of indefinite length", texts, "\x7f\x61a\xff", nil, "text of indefinite length; only definite lengths are allowed"},
		{"bytes are no text", texts, "\x41a", nil, "expected text, found bytes"},
		{"bytes", bytesOf, "\x42\x01\x02", []byte{1, 2}, ""},
		{"no bytes", bytesOf, "\x40", []byte{}, ""},
		{"null is no bytes", bytesOf, "\xf6", nil, "expected bytes, found null"},
		{"time", times, "\xc0" + text("2013-03-21T20:04:00Z"), at("2013-03-21T20:04:00Z"), ""},
		{"time with offset", times, "\xc0" + text("2013-03-21T20:04:00.5+02:00"), at("2013-03-21T18:04:00.5Z"), ""},
		{"time of year 0", times, "\xc0" + text("0000-01-01T00:00:00Z"), at("0000-01-01T00:00:00Z"), ""},
		{"time before year 0", times, "\xc0" + text("0000-01-01T00:00:00+01:00"), nil, "outside the years 0 to 9999"},
		{"time with comma", times, "\xc0" + text("2013-03-21T20:04:00,5Z"), nil, "is not a time of RFC 3339"},
		{"time of a one-digit hour", times, "\xc0" + text("2013-03-21T5:04:00Z"), nil, "is not a time of RFC 3339"},
		{"time of hour 24", times, "\xc0" + text("2013-03-21T24:04:00Z"), nil, "is not a time of RFC 3339"},
		{"time without fraction", times, "\xc0" + text("2013-03-21T20:04:00.Z"), nil, "is not a time of RFC 3339"},
		{"time without zone", times, "\xc0" + text("2013-03-21T20:04:00"), nil, "is not a time of RFC 3339"},
		{"date only", times, "\xc0" + text("2013-03-21"), nil, "is not a time of RFC 3339"},
		{"time without tag", times, text("2013-03-21T20:04:00Z"), nil, "expected a timestamp (tag 0 or 1), found text"},
		{"time of another tag", times, "\xc2\x41\x01", nil, "expected a timestamp (tag 0 or 1), found tag 2"},
		{"epoch", times, "\xc1\x1a\x51\x4b\x67\xb0", at("2013-03-21T20:04:00Z"), ""},
		{"epoch before 1970", times, "\xc1\x20", at("1969-12-31T23:59:59Z"), ""},
		{"epoch in float", times, "\xc1\xfb\x41\xd4\x52\xd9\xec\x20\x00\x00", at("2013-03-21T20:04:00.5Z"), ""},
		{"epoch of a microsecond", times, "\xc1\xfb\x3e\xb0\xc6\xf7\xa0\xb5\xed\x8d", at("1970-01-01T00:00:00.000001Z"), ""},
		{"epoch NaN", times, "\xc1\xf9\x7e\x00", nil, "NaN seconds since 1970 are outside"},
		{"epoch too far", times, "\xc1\x1b\x7f\xff\xff\xff\xff\xff\xff\xff", nil, "outside the years 0 to 9999"},
		{"epoch far below", times, "\xc1\x3b\xff\xff\xff\xff\xff\xff\xff\xff", nil, "outside the years 0 to 9999"},
		{"epoch text", times, "\xc1\x611", nil, "expected seconds since 1970, found text"},
		{"duration", durations, "\x3a\x3b\x9a\xc9\xff", -time.Second, ""},
		{"duration too long", durations, "\x1b\x80\x00\x00\x00\x00\x00\x00\x00", nil, "does not fit a duration in nanoseconds"},
		{"uuid", uuids, "\xd8\x25\x50ABCDEFGHIJKLMNOP", [16]byte([]byte("ABCDEFGHIJKLMNOP")), ""},
		{"uuid without tag", uuids, "\x50ABCDEFGHIJKLMNOP", [16]byte([]byte("ABCDEFGHIJKLMNOP")), ""},
		{"uuid of 15 bytes", uuids, "\x4fABCDEFGHIJKLMNO", nil, "expected a UUID (tag 37 around 16 bytes), found 15 bytes"},
		{"uuid cut", uuids, "\x50ABC", nil, "bytes of 16 bytes, but only 3 bytes are left"},
		{"uuid text", uuids, "\x61a", nil, "expected a UUID (tag 37 around 16 bytes), found text"},
		{"any", anys, "\xa1\x01\x82\x02\x03", []byte("\xa1\x01\x82\x02\x03"), ""},
		{"any null", anys, "\xf6", []byte("\xf6"), ""},
		{"any cut", anys, "\x82\x01", nil, "an array of 2 elements, but only 1 bytes are left"},
		{"closed enum", closed, "\x61b", "b", ""},
		{"closed enum, other", closed, "\x61c", nil, `"c" is none of the declared values "a", "b"`},
		{"closed enum, hostile", closed, "\x62\x1b\x0a", nil, `"\x1b\n" is none of`},
		{"open enum, other", open, "\x61c", "c", ""},
		{"nothing", int64s, "", nil, "no bytes are left"},
		{"more follows", int64s, "\x01\x02", nil, "the item ends here, but 1 byte follows"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.read([]byte(c.in))
			if c.err == "" {
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				return
			}
			e, ok := errors.AsType[*codec.DecodeError](err)
			if !ok || !strings.Contains(e.Reason, c.err) {
				t.Errorf("error %v, want a *DecodeError that contains %q", err, c.err)
			}
		})
	}
}

func TestFloatNaN(t *testing.T) {
	for _, in := range []string{"\xf9\x7e\x00", "\xfa\x7f\xc0\x00\x00", "\xfb\xff\xf8\x00\x00\x00\x00\x00\x01"} {
		if v, err := scalar[float64](codec.Float64)([]byte(in)); err != nil || !math.IsNaN(v.(float64)) {
			t.Errorf("Float64(%x) = %v, %v", in, v, err)
		}
		if v, err := scalar[float32](codec.Float32)([]byte(in)); err != nil || !math.IsNaN(float64(v.(float32))) {
			t.Errorf("Float32(%x) = %v, %v", in, v, err)
		}
	}
}

// full returns a sample with everything in it.
func full() *sample {
	return &sample{
		ID:    [16]byte{1, 2, 3},
		At:    time.Date(2026, 1, 2, 3, 4, 5, 60000000, time.UTC),
		Env:   map[string]string{"a": "1", "bb": "", "Z": "ü"},
		Kind:  "b",
		Name:  "ein Name",
		Next:  &sample{Kind: "a", Env: map[string]string{}, Tags: []string{}, Extra: []byte{0xf6}},
		Tags:  []string{"", "x"},
		Extra: []byte{0x82, 0x01, 0xf6},
		Count: 70000, Ratio: -0.25,
		Output:   []byte{},
		Timeout:  new(-time.Minute),
		Priority: new(int8(-3)),
	}
}

func TestRoundTrip(t *testing.T) {
	v := full()
	b, err := v.MarshalCBOR()
	if err != nil {
		t.Fatal(err)
	}
	var got sample
	if err := got.UnmarshalCBOR(b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(v, &got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again, err := got.AppendCBOR([]byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != "before"+string(b) {
		t.Errorf("encoded again: %x, want %x", again, b)
	}
}

// TestUnmarshalIsOwn shows that what was decoded does not share memory with
// the input.
func TestUnmarshalIsOwn(t *testing.T) {
	v := full()
	b, err := v.MarshalCBOR()
	if err != nil {
		t.Fatal(err)
	}
	var got sample
	if err := got.UnmarshalCBOR(b); err != nil {
		t.Fatal(err)
	}
	clear(b)
	if diff := cmp.Diff(v, &got); diff != "" {
		t.Errorf("after the input was overwritten (-want +got):\n%s", diff)
	}
}

func TestStructErrors(t *testing.T) {
	// least is a struct with every required field, without its head.
	const least = "\x62at\xc1\x00" + "\x62id\x50ABCDEFGHIJKLMNOP" + "\x63env\xa0" + "\x64kind\x61a" +
		"\x64name\x60" + "\x64tags\x80" + "\x65count\x00" + "\x65extra\xf6" + "\x65ratio\x00"
	if err := new(sample).UnmarshalCBOR([]byte("\xa9" + least)); err != nil {
		t.Fatal(err)
	}
	without := func(part string) string {
		before, after, ok := strings.Cut(least, part)
		if !ok {
			t.Fatalf("%q is no part", part)
		}
		return before + after
	}
	for _, c := range []struct {
		name   string
		in     string
		path   string
		reason string // "" means that it is accepted
	}{
		{"any order", "\xa9" + without("\x62at\xc1\x00") + "\x62at\xc1\x00", "", ""},
		{"unknown key", "\xaa" + least + "\x63new\x82\x01\xf6", "", ""},
		{"unknown keys may repeat", "\xab" + least + "\x61x\x00\x61x\x01", "", ""},
		{"optional null", "\xaa" + least + "\x67timeout\xf6", "", ""},
		{"no map", "\x80", "", "expected a map, found an array"},
		{"null", "\xf6", "", "expected a map, found null"},
		{"missing", "\xa8" + without("\x64name\x60"), "name", "missing required field"},
		{"missing, last", "\xa8" + without("\x65ratio\x00"), "ratio", "missing required field"},
		{"required null", "\xa9" + without("\x64name\x60") + "\x64name\xf6", "name", "missing required field: its value is null"},
		{"missing any", "\xa8" + without("\x65extra\xf6"), "extra", "missing required field"},
		{"twice", "\xaa" + least + "\x64name\x60", "name", "the key occurs twice"},
		{"twice, first null", "\xab" + least + "\x67timeout\xf6\x67timeout\x00", "timeout", "the key occurs twice"},
		{"key no text", "\xaa" + least + "\x01\x02", "", "expected text, found an integer"},
		{"key of indefinite length", "\xaa" + least + "\x7f\x61x\xff\x02", "", "text of indefinite length"},
		{"key not UTF-8", "\xaa" + least + "\x61\xff\x02", "", "the key is not valid UTF-8"},
		{"map of indefinite length", "\xbf" + least + "\xff", "", "a map of indefinite length"},
		{"fewer entries than said", "\xaa" + least, "", "no bytes are left"},
		{"more entries than bytes", "\xb9\xff\xff" + least, "", "a map of 65535 entries, but only"},
		{"unknown value malformed", "\xaa" + least + "\x63new\x82\x01", `["new"]`, "an array of 2 elements"},
		{"in a list", "\xa9" + without("\x64tags\x80") + "\x64tags\x82\x61a\x01", "tags[1]", "expected text, found an integer"},
		{"list null", "\xa9" + without("\x64tags\x80") + "\x64tags\x81\xf6", "tags[0]", "expected text, found null"},
		{"in a map", "\xa9" + without("\x63env\xa0") + "\x63env\xa1\x61k\x01", `env["k"]`, "expected text, found an integer"},
		{"map key twice", "\xa9" + without("\x63env\xa0") + "\x63env\xa2\x61k\x60\x61k\x60", `env["k"]`, "the key occurs twice"},
		{"map key twice, then more", "\xa9" + without("\x63env\xa0") + "\x63env\xa3\x61k\x60\x61k\x60\x61l\x60", `env["k"]`, "the key occurs twice"},
		{"map key no text", "\xa9" + without("\x63env\xa0") + "\x63env\xa1\x01\x60", "env", "expected text, found an integer"},
		{"in a struct", "\xaa" + least + "\x64next\xa1\x64tags\x81\x01", "next.tags[0]", "expected text, found an integer"},
		{"in a struct, missing", "\xaa" + least + "\x64next\xa0", "next.at", "missing required field"},
		{"wrong kind", "\xa9" + without("\x64kind\x61a") + "\x64kind\x61c", "kind", `"c" is none of the declared values`},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := full()
			err := v.UnmarshalCBOR([]byte(c.in))
			if c.reason == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e, ok := errors.AsType[*codec.DecodeError](err)
			if !ok {
				t.Fatalf("error %v, want a *DecodeError", err)
			}
			if e.Path != c.path || !strings.Contains(e.Reason, c.reason) {
				t.Errorf("error %q at path %q, want %q at %q", e.Reason, e.Path, c.reason, c.path)
			}
			if e.Offset < 0 || e.Offset > len(c.in) {
				t.Errorf("offset %d is outside of the input", e.Offset)
			}
		})
	}
}

// TestManyFields shows that every field counts beyond the 64 that fit a word.
func TestManyFields(t *testing.T) {
	var fields []codec.Field
	var goFields []reflect.StructField
	for i := range 150 {
		name := fmt.Sprintf("f%03d", i)
		fields = append(fields, codec.Field{Key: name, Of: codec.Uint64})
		goFields = append(goFields, reflect.StructField{Name: strings.ToUpper(name), Type: reflect.TypeFor[uint64]()})
	}
	typ := reflect.StructOf(goFields)
	layout := codec.Struct{Type: reflect.Zero(reflect.PointerTo(typ)).Interface(), Fields: fields}
	encode := func(skip, twice int) []byte {
		n := len(fields)
		if skip >= 0 {
			n--
		}
		if twice >= 0 {
			n++
		}
		b := codec.AppendMapHead(nil, n)
		for i := range fields {
			for range map[bool]int{true: 2, false: 1}[i == twice] {
				if i != skip {
					b = codec.AppendUint(codec.AppendText(b, fields[i].Key), uint64(i))
				}
			}
		}
		return b
	}
	decode := func(b []byte) error {
		v := reflect.New(typ)
		err := layout.Unmarshal(b, v.Interface())
		for i := range fields {
			if got := v.Elem().Field(i).Uint(); err == nil && got != uint64(i) {
				t.Errorf("field %d has the value %d", i, got)
			}
		}
		return err
	}
	if err := decode(encode(-1, -1)); err != nil {
		t.Error(err)
	}
	for i, f := range fields {
		want := "codec: " + f.Key + ": byte 0: missing required field"
		if err := decode(encode(i, -1)); err == nil || err.Error() != want {
			t.Errorf("without field %d: %v, want %s", i, err, want)
		}
		if err := decode(encode(-1, i)); err == nil || !strings.Contains(err.Error(), f.Key+": ") || !strings.Contains(err.Error(), "twice") {
			t.Errorf("with field %d twice: %v", i, err)
		}
	}
}

func TestCheckEmpty(t *testing.T) {
	for in, want := range map[string]string{
		"\xa0":          "",
		"\xf6":          "",
		"\xa1\x61a\x01": "",
		"":              "no bytes are left",
		"\x80":          "expected a map",
		"\xa0\x00":      "1 byte follows",
		"\xa1\x61a\xff": "a break without",
	} {
		err := codec.CheckEmpty([]byte(in))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("CheckEmpty(%x) = %v, want %q", in, err, want)
		}
	}
}

// TestTextsShareCopies decodes a long message of texts: they are what was sent,
// also after its bytes were used again, and take a copy for many of them.
func TestTextsShareCopies(t *testing.T) {
	table := codec.Struct{Type: (*struct{ Texts []string })(nil), Fields: []codec.Field{{Key: "texts", Of: codec.List{Of: codec.String}}}}
	random := rand.New(rand.NewPCG(3, 4))
	for _, longest := range []int{1, 7, 8, 16, 23, 24, 64, 65, 300} {
		var sent, got struct{ Texts []string }
		for range 500 {
			text := strings.Repeat("abcdefghijklmnopqrstuvwxyz", 12)[:random.IntN(longest+1)]
			if random.IntN(4) == 0 {
				text += "ü"
			}
			sent.Texts = append(sent.Texts, text)
		}
		b, err := table.Append(nil, &sent)
		if err != nil {
			t.Fatal(err)
		}
		if longest < 64 {
			// The list, and a copy for each 256 bytes less what is cut at their ends.
			most := float64(2 + len(b)/(256-64))
			if allocs := testing.AllocsPerRun(10, func() { _ = table.Unmarshal(b, &got) }); allocs > most {
				t.Errorf("500 texts of up to %d bytes take %v allocations, want at most %v", longest, allocs, most)
			}
		}
		if err := table.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		clear(b)
		if !slices.Equal(got.Texts, sent.Texts) {
			t.Errorf("texts of up to %d bytes are decoded as %q, want %q", longest, got.Texts, sent.Texts)
		}
	}
}
