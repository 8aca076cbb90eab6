package schemavalue_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ipcio/ipcio-go/schema"
	"github.com/ipcio/ipcio-go/schema/schemavalue"
)

const source = `ipcio: 1
protocol: p
types:
  Open: {enum: [a, b]}
  Closed: {enum: [a, b], closed: true}
  Task: {union: {shell: {argv: list<string>}, sleep: duration}}
  Strict: {union: {x: int8, y: Strict2}, closed: true}
  Strict2: {fields: {again: opt<Strict>}}
  Tag: {type: string, len: 1..3, pattern: '[a-z]+'}
  Tree: {fields: {kids: list<Tree>, next: opt<Tree>}}
  None: {fields: {more: {type: list<None>, len: 1..}}}
  All:
    fields:
      bool: bool
      i8: int8
      i64: int64
      u64: uint64
      range: {type: int32, range: -3..5}
      in: {type: uint8, in: [1, 7]}
      f32: float32
      f64: float64
      ratio: {type: float64, range: 0..1}
      text: string
      tag: Tag
      host: {type: string, format: hostname}
      bytes: {type: bytes, len: 2..4}
      at: timestamp
      wait: {type: duration, range: 1s..1h}
      id: uuid
      any: any
      list: {type: list<int8>, unique: true, len: ..5}
      map: {type: map<Tag>, len: 1..2}
      open: Open
      closed: Closed
      task: Task
      strict: Strict
      tree: opt<Tree>
      maybe: opt<int8>
`

func loadTypes(t testing.TB) (*schema.Schema, map[string]*schema.Type) {
	t.Helper()
	s, err := schema.Load(fstest.MapFS{"c.yaml": {Data: []byte(source)}}, "c.yaml")
	if err != nil {
		t.Fatal(err)
	}
	types := make(map[string]*schema.Type)
	for _, typ := range s.Types {
		types[typ.Name] = typ
	}
	return s, types
}

func rng() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// TestGenerate proves that values are valid, reach the edges, and travel.
func TestGenerate(t *testing.T) {
	_, types := loadTypes(t)
	g := schemavalue.NewGenerator(rng())
	seen := make(map[string]int)
	for range 3000 {
		v, ok := g.Value(types["All"])
		if !ok {
			t.Fatal("no value")
		}
		if err := schemavalue.Accepts(types["All"], v); err != nil {
			t.Fatalf("%v: %+v", err, v)
		}
		data := schemavalue.Encode(v)
		back, err := schemavalue.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if string(schemavalue.Encode(back)) != string(data) {
			t.Fatalf("%x comes back as %x", data, schemavalue.Encode(back))
		}
		if err := cbor.Wellformed(data); err != nil {
			t.Fatal(err)
		}
		for _, e := range v.Map {
			switch e.Value.Kind {
			case schemavalue.Text:
				seen[e.Key+"="+e.Value.Text]++
			case schemavalue.Int:
				sign := ""
				if e.Value.Negative {
					sign = "~"
				}
				seen[fmt.Sprintf("%s=%s%d", e.Key, sign, e.Value.Uint)]++
			case schemavalue.Map:
				for _, in := range e.Value.Map {
					seen[e.Key+"."+in.Key]++
				}
				seen[fmt.Sprintf("len %s %d", e.Key, len(e.Value.Map))]++
			case schemavalue.List:
				seen[fmt.Sprintf("len %s %d", e.Key, len(e.Value.List))]++
			case schemavalue.Float:
				seen[fmt.Sprintf("%s=%v", e.Key, e.Value.Float)]++
			}
			seen[e.Key]++
		}
	}
	for _, edge := range []string{
		"range=~2", "range=5", "in=1", "in=7", "i8=~127", "i8=127", "i64=~9223372036854775807", "u64=18446744073709551615",
		"ratio=0", "ratio=1", "f64=NaN", "f64=+Inf", "open=a", "open=b", "open=unknown 1", "closed=a", "closed=b",
		"task.shell", "task.sleep", "task.zz_unknown", "strict.x", "strict.y", "len list 0", "len list 5", "len map 1", "len map 2",
		"wait=1000000000", "wait=3600000000000", "maybe", "tree",
	} {
		if seen[edge] == 0 {
			t.Errorf("%s never came", edge)
		}
	}
	if seen["maybe"] == 3000 || seen["strict.zz_unknown"] > 0 || seen["closed=unknown 1"] > 0 {
		t.Errorf("maybe came %d times; %d unknown variants of a closed union", seen["maybe"], seen["strict.zz_unknown"])
	}
	if v, ok := schemavalue.Generate(rng(), types["None"]); ok {
		t.Errorf("a type without values has %+v", v)
	}
	if v, ok := schemavalue.Generate(rng(), nil); !ok || v.Kind != schemavalue.Map || len(v.Map) != 0 {
		t.Errorf("no payload is %+v", v)
	}
	a, _ := schemavalue.Generate(rng(), types["All"])
	b, _ := schemavalue.Generate(rng(), types["All"])
	if string(schemavalue.Encode(a)) != string(schemavalue.Encode(b)) {
		t.Error("the same seed gives two values")
	}
}

// TestEncode compares Encode with another encoder, and Decode with its decoder.
func TestEncode(t *testing.T) {
	_, types := loadTypes(t)
	g := schemavalue.NewGenerator(rng())
	enc, err := cbor.EncOptions{Sort: cbor.SortCoreDeterministic, Time: cbor.TimeRFC3339Nano, TimeTag: cbor.EncTagRequired,
		NaNConvert: cbor.NaNConvertNone, InfConvert: cbor.InfConvertNone}.EncMode()
	if err != nil {
		t.Fatal(err)
	}
	dec, err := cbor.DecOptions{TimeTag: cbor.DecTagRequired}.DecMode()
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		v, _ := g.Value(types["All"])
		want, err := enc.Marshal(plain(v))
		if err != nil {
			t.Fatal(err)
		}
		if got := schemavalue.Encode(v); string(got) != string(want) {
			t.Fatalf("%x, want %x", got, want)
		}
		var other any
		if err := dec.Unmarshal(want, &other); err != nil {
			t.Fatal(err)
		}
		back, err := schemavalue.Decode(want)
		if err != nil {
			t.Fatal(err)
		}
		again, err := enc.Marshal(plain(back))
		if err != nil || string(again) != string(want) {
			t.Fatalf("%x is decoded as %x (%v)", want, again, err)
		}
	}
}

// plain returns v as the encoder takes it.
func plain(v schemavalue.Value) any {
	switch v.Kind {
	case schemavalue.Bool:
		return v.Bool
	case schemavalue.Int:
		if v.Negative {
			return ^int64(v.Uint)
		}
		return v.Uint
	case schemavalue.Float:
		if v.Single {
			return float32(v.Float)
		}
		return v.Float
	case schemavalue.Text:
		return v.Text
	case schemavalue.Bytes:
		return v.Bytes
	case schemavalue.List:
		list := make([]any, len(v.List))
		for i, e := range v.List {
			list[i] = plain(e)
		}
		return list
	case schemavalue.Map:
		m := make(map[string]any)
		for _, e := range v.Map {
			m[e.Key] = plain(e.Value)
		}
		return m
	case schemavalue.Tag:
		return cbor.Tag{Number: v.Uint, Content: plain(v.List[0])}
	}
	return nil
}

func entries(list ...any) schemavalue.Value {
	v := schemavalue.Value{Kind: schemavalue.Map}
	for i := 0; i < len(list); i += 2 {
		v.Map = append(v.Map, schemavalue.Entry{Key: list[i].(string), Value: list[i+1].(schemavalue.Value)})
	}
	return v
}

// TestAccepts goes through what readers take beside what writers send.
func TestAccepts(t *testing.T) {
	i, u, f, s := schemavalue.Integer, schemavalue.Unsigned, schemavalue.Float64, schemavalue.String
	null := schemavalue.Value{}
	bin := schemavalue.ByteString(make([]byte, 16))
	tag := schemavalue.Tagged
	list := func(v ...schemavalue.Value) schemavalue.Value {
		return schemavalue.Value{Kind: schemavalue.List, List: v}
	}
	tests := []struct {
		typ string
		v   schemavalue.Value
		ok  bool
	}{
		{"int8", i(127), true}, {"int8", i(128), false}, {"int8", i(-128), true}, {"int8", i(-129), false}, {"int8", f(1), false},
		{"uint8", u(255), true}, {"uint8", u(256), false}, {"uint8", i(-1), false},
		{"int64", u(1 << 63), false}, {"uint64", u(math.MaxUint64), true}, {"int64", i(math.MinInt64), true},
		{"duration", i(-5), true}, {"duration", u(1 << 63), false},
		{"float64", i(1 << 53), true}, {"float64", i(1<<53 + 1), false}, {"float64", schemavalue.Float32(0.5), true}, {"float64", s("1"), false},
		{"float32", f(0.5), true}, {"float32", f(0.1), false}, {"float32", f(math.NaN()), true}, {"float32", i(1 << 24), true}, {"float32", i(1<<24 + 1), false},
		{"float32", f(math.Inf(-1)), true},
		{"bool", schemavalue.Boolean(false), true}, {"bool", null, false}, {"string", s(""), true}, {"string", bin, false},
		{"bytes", bin, true}, {"bytes", s("x"), false}, {"any", null, true}, {"any", list(null), true},
		{"timestamp", tag(0, s("2026-01-01T00:00:00+01:00")), true}, {"timestamp", tag(0, s("yesterday")), false}, {"timestamp", tag(0, s("2026-01-01T00:00:00,5Z")), false},
		{"timestamp", tag(0, s("2026-01-01T0:00:00Z")), false}, {"timestamp", tag(0, s("0000-01-01T00:00:00+00:01")), false},
		{"timestamp", tag(0, s("9999-12-31T23:59:59-00:01")), false}, {"timestamp", tag(1, i(5)), true},
		{"timestamp", tag(1, f(5.5)), true}, {"timestamp", tag(1, f(1e300)), false}, {"timestamp", i(5), false}, {"timestamp", tag(2, i(5)), false},
		{"uuid", tag(37, bin), true}, {"uuid", bin, true}, {"uuid", schemavalue.ByteString(make([]byte, 15)), false}, {"uuid", tag(36, bin), false},
		{"list<int8>", list(i(1), i(1)), true}, {"list<int8>", null, false}, {"list<int8>", list(s("x")), false},
		{"map<int8>", entries("a", i(1)), true}, {"map<int8>", entries("a", i(1), "a", i(1)), false}, {"map<int8>", entries("a", s("x")), false},
		{"Open", s("never seen"), true}, {"Closed", s("never seen"), false}, {"Closed", s("b"), true}, {"Open", i(1), false},
		{"Task", entries("sleep", i(1)), true}, {"Task", entries("new", null), true}, {"Task", entries(), false},
		{"Task", entries("sleep", i(1), "new", null), false}, {"Task", entries("sleep", s("x")), false}, {"Strict", entries("new", null), false},
		{"Tree", entries("kids", list(), "more", null), true}, {"Tree", entries("kids", null), false}, {"Tree", entries(), false},
		{"Tree", entries("kids", list(), "next", null), true}, {"Tree", entries("kids", list(), "kids", list()), false},
		{"Tree", entries("kids", list(), "x", i(1), "x", i(1)), true}, // unknown keys are skipped, twice as well
		{"Tree", list(), false},
		{"Tag", s("abc"), true}, {"Tag", s("abcd"), false}, {"Tag", s(""), false}, {"Tag", s("A"), false}, {"list<Tag>", list(s("A")), false},
		{"{type: string, len: 2}", s("名名"), true}, {"{type: bytes, len: 2}", schemavalue.ByteString([]byte("名")), false},
		{"{type: float64, range: 0..1}", f(1), true}, {"{type: float64, range: 0..1}", f(math.Nextafter(1, 2)), false},
		{"{type: float64, range: 0..1}", i(1), true}, {"{type: float64, range: ..1}", f(math.NaN()), false},
		{"{type: int64, range: -9223372036854775807..}", i(math.MinInt64), false}, {"{type: int8, in: [1, 2]}", i(2), true},
		{"{type: int8, in: [1, 2]}", i(3), false}, {"{type: string, in: [a]}", s("a"), true}, {"{type: string, in: [a]}", s("b"), false},
		{"{type: duration, range: 1s..}", i(int64(time.Second)), true}, {"{type: duration, range: 1s..}", i(int64(time.Second) - 1), false},
		{"{type: string, format: ip}", s("::1"), true}, {"{type: string, format: ip}", s("::x"), false},
		{"{type: list<float64>, unique: true}", list(f(1), i(1)), false}, {"{type: list<float64>, unique: true}", list(f(1), f(2)), true},
		{"{type: list<float64>, unique: true}", list(f(0), f(math.Copysign(0, -1))), false},
		{"{type: list<float64>, unique: true}", list(f(math.NaN()), f(math.NaN())), true},
		{"{type: list<uuid>, unique: true}", list(bin, tag(37, bin)), false},
		{"{type: list<timestamp>, unique: true}", list(tag(1, i(0)), tag(0, s("1970-01-01T00:00:00Z"))), false},
		{"{type: map<int8>, len: 1}", entries(), false},
	}
	for _, tt := range tests {
		typ := strings.TrimSuffix(source, "\n") + "\n      probe: " + tt.typ + "\n"
		sch, err := schema.Load(fstest.MapFS{"c.yaml": {Data: []byte(typ)}}, "c.yaml")
		if err != nil {
			t.Fatalf("%s: %v", tt.typ, err)
		}
		var probe *schema.Field
		for _, d := range sch.Types {
			if d.Name == "All" {
				probe = d.Fields[len(d.Fields)-1]
			}
		}
		err = schemavalue.Accepts(&schema.Type{Kind: schema.Struct, Fields: []*schema.Field{probe}}, entries("probe", tt.v))
		if (err == nil) != tt.ok {
			t.Errorf("%s reads %+v: %v, want accepted %v", tt.typ, tt.v, err, tt.ok)
		}
		if r, ok := errors.AsType[*schemavalue.Refusal](err); err != nil && (!ok || !strings.HasPrefix(r.Path, "probe")) {
			t.Errorf("%s: the error is %#v", tt.typ, err)
		}
	}
	if err := schemavalue.Accepts(nil, null); err != nil {
		t.Error(err)
	}
	if err := schemavalue.Accepts(nil, i(1)); err == nil {
		t.Error("an integer is taken where there is no payload")
	}
}

func TestDecodeErrors(t *testing.T) {
	for name, data := range map[string]string{
		"empty": "", "trailing": "\x00\x00", "short head": "\x19\x01", "short text": "\x63ab", "short list": "\x82\x00", "indefinite": "\x9f\xff",
		"key": "\xa1\x00\x00", "not UTF-8": "\x61\xff", "simple": "\xe0", "reserved": "\x1c", "huge": "\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
		"deep": strings.Repeat("\x81", 100) + "\x00",
	} {
		if v, err := schemavalue.Decode([]byte(data)); err == nil {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// FuzzDecode proves that nothing makes Decode panic, and that what it takes is
// well-formed and survives.
func FuzzDecode(f *testing.F) {
	_, types := loadTypes(f)
	g := schemavalue.NewGenerator(rng())
	for range 20 {
		v, _ := g.Value(types["All"])
		f.Add(schemavalue.Encode(v))
	}
	f.Add([]byte{0xf9, 0x3c, 0x00})
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := schemavalue.Decode(data)
		if err != nil {
			return
		}
		if err := cbor.Wellformed(data); err != nil {
			t.Errorf("%x is taken and not well-formed: %v", data, err)
		}
		again, err := schemavalue.Decode(schemavalue.Encode(v))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(schemavalue.Encode(v), schemavalue.Encode(again), cmpopts.EquateNaNs()); diff != "" {
			t.Error(diff)
		}
		for _, typ := range types {
			_ = schemavalue.Accepts(typ, v) // does not panic either
		}
	})
}
