package ipcio_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// sent is what a program sends, and what a handler gets that does not say what
// it wants.
var sentValues = []struct {
	name       string
	sent, want any
}{
	{"nil", nil, nil},
	{"nil pointer", (*int)(nil), nil},
	{"bool", true, true},
	{"int", int(-7), int64(-7)},
	{"int8", int8(math.MinInt8), int64(math.MinInt8)},
	{"int64 min", int64(math.MinInt64), int64(math.MinInt64)},
	{"int64 max", int64(math.MaxInt64), int64(math.MaxInt64)},
	{"uint8", uint8(255), int64(255)},
	{"uint64 in int64", uint64(math.MaxInt64), int64(math.MaxInt64)},
	{"uint64 beyond int64", uint64(math.MaxUint64), new(big.Int).SetUint64(math.MaxUint64)},
	{"float64", 1.5, 1.5},
	{"float64 that is whole", 2.0, 2.0},
	{"float32", float32(0.1), float64(float32(0.1))},
	{"infinity", math.Inf(1), math.Inf(1)},
	{"string", "x}{y\n", "x}{y\n"},
	{"empty string", "", ""},
	{"bytes", []byte{0, 0xff}, []byte{0, 0xff}},
	{"empty bytes", []byte{}, []byte{}},
	{"time", time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC), time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC)},
	{"uuid", ipcio.UUID{1, 2, 3}, ipcio.UUID{1, 2, 3}},
	{"list", []int{1, 2}, []any{int64(1), int64(2)}},
	{"empty list", []int{}, []any{}},
	{"list of lists", [][]string{{"a"}, {}}, []any{[]any{"a"}, []any{}}},
	{"map", map[string]int{"a": 1}, map[string]any{"a": int64(1)}},
	{"empty map", map[string]int{}, map[string]any{}},
	{"nested", map[string]any{"a": []any{nil, map[string]any{"b": false}}}, map[string]any{"a": []any{nil, map[string]any{"b": false}}}},
	{"struct", struct {
		Name  string  `cbor:"name"`
		Ratio float64 `cbor:"ratio"`
		Gone  *int    `cbor:"gone,omitempty"`
		Null  *int    `cbor:"null"`
	}{Name: "n", Ratio: 1}, map[string]any{"name": "n", "ratio": 1.0, "null": nil}},
}

var compareValues = cmp.Options{
	cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 }),
	cmpopts.EquateNaNs(),
}

func TestContractC11UntypedValuesHaveDocumentedTypes(t *testing.T) {
	d := newDomain(t)
	seen := make(chan any, 1)
	s := d.serve(func(s *ipcio.Server) {
		handle(t, s, "value", func(_ context.Context, m *ipcio.Message) (any, error) {
			v, err := m.Value()
			seen <- v
			return v, err
		})
	})
	c := d.join("c", func(c *ipcio.Client) { handle(t, c, "value", echo) })
	for _, v := range sentValues {
		back := reply(t)(c.Call(d.ctx(), "value", v.sent))
		handled := <-seen
		down := reply(t)(s.Call(d.ctx(), "c", "value", v.sent))
		for where, got := range map[string]any{"handler": handled, "reply": back, "client's handler": down} {
			if diff := cmp.Diff(v.want, got, compareValues); diff != "" {
				t.Errorf("%s at the %s (-want +got):\n%s", v.name, where, diff)
			}
		}
		item, err := ipcio.NewAny(v.sent)
		ok(t, err)
		got, err := item.Value()
		ok(t, err)
		if diff := cmp.Diff(v.want, got, compareValues); diff != "" {
			t.Errorf("%s in an Any (-want +got):\n%s", v.name, diff)
		}
	}
	nan, err := ipcio.NewAny(math.NaN())
	ok(t, err)
	if v, err := nan.Value(); err != nil || !math.IsNaN(v.(float64)) {
		t.Errorf("NaN became %v %v", v, err)
	}
}

func TestContractC11TypedValues(t *testing.T) {
	type inner struct {
		B bool `cbor:"b"`
	}
	type everything struct {
		Int    int64             `cbor:"int"`
		Uint   uint64            `cbor:"uint"`
		Float  float64           `cbor:"float"`
		Text   string            `cbor:"text"`
		Bytes  []byte            `cbor:"bytes"`
		Time   time.Time         `cbor:"time"`
		ID     ipcio.UUID        `cbor:"id"`
		List   []inner           `cbor:"list"`
		Map    map[string]int    `cbor:"map"`
		Opt    *int              `cbor:"opt,omitempty"`
		Any    ipcio.Any         `cbor:"any"`
		Fixed  [3]uint8          `cbor:"fixed"`
		Labels map[string]string `cbor:"labels"`
		Wait   time.Duration     `cbor:"wait"`
	}
	seven := 7
	item, err := ipcio.NewAny([]string{"kept", "as it is"})
	ok(t, err)
	full := everything{
		Int: math.MinInt64, Uint: math.MaxUint64, Float: math.SmallestNonzeroFloat64, Text: "x}{y\n\x00", Bytes: []byte{0},
		Time: time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC), ID: ipcio.UUID{9}, List: []inner{{true}, {false}},
		Map: map[string]int{"": 0}, Opt: &seven, Any: item, Fixed: [3]uint8{1, 2, 3}, Labels: map[string]string{"a": ""}, Wait: time.Hour,
	}
	empty := everything{
		Bytes: []byte{}, List: []inner{}, Map: map[string]int{}, Labels: map[string]string{}, Any: ipcio.Any{0xf6},
		Time: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	d := newDomain(t)
	d.serve(func(s *ipcio.Server) {
		handle(t, s, "same", func(_ context.Context, m *ipcio.Message) (any, error) {
			var v everything
			err := m.Decode(&v)
			return v, err
		})
	})
	c := d.join("c")
	for name, sent := range map[string]everything{"full": full, "empty": empty} {
		m, err := c.Call(d.ctx(), "same", sent)
		ok(t, err)
		var got everything
		ok(t, m.Decode(&got))
		if diff := cmp.Diff(sent, got); diff != "" {
			t.Errorf("%s (-sent +got):\n%s", name, diff)
		}
	}
}

// Absent and null are different where a type can tell them apart.
func TestAbsentAndNull(t *testing.T) {
	type payload struct {
		V ipcio.Any `cbor:"v,omitempty"`
	}
	for sent, want := range map[string]string{"a0": "", "a16176f6": "f6", "a1617600": "00", "a1617660": "60", "a1617680": "80"} {
		b, err := hex.DecodeString(sent)
		ok(t, err)
		var p payload
		ok(t, ipcio.Any(b).Decode(&p))
		if got := hex.EncodeToString(p.V); got != want {
			t.Errorf("%s: got %q, want %q", sent, got, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	type admin struct {
		Admin bool `cbor:"admin"`
	}
	for _, test := range []struct {
		name, item string
		into       any
	}{
		{"a key that occurs twice", "a2" + "6561646d696e" + "f5" + "6561646d696e" + "f4", new(admin)},
		{"text that is not UTF-8", "61ff", new(any)},
		{"an indefinite length", "9f01ff", new(any)},
		{"an item that is cut short", "6261", new(any)},
		{"two items", "0101", new(any)},
		{"nothing", "", new(any)},
		{"a string for a number", "6161", new(int)},
		{"a number that does not fit", "190100", new(uint8)},
		{"a negative number for an unsigned one", "20", new(uint)},
	} {
		b, err := hex.DecodeString(test.item)
		ok(t, err)
		if err := ipcio.Any(b).Decode(test.into); err == nil {
			t.Errorf("%s is accepted as %v", test.name, reflect.ValueOf(test.into).Elem())
		}
	}
	// Field names are matched as they are written.
	var a admin
	upper, err := ipcio.NewAny(map[string]bool{"ADMIN": true})
	ok(t, err, upper.Decode(&a))
	if a.Admin {
		t.Error("the key ADMIN set the field admin")
	}
}

// A megabyte works as ten bytes do, and so does everything between.
func TestEverySizeArrives(t *testing.T) {
	d := newDomain(t)
	s := d.serve(func(s *ipcio.Server) { handle(t, s, "echo", echo) })
	c := d.join("c", func(c *ipcio.Client) { handle(t, c, "echo", echo) })
	var sizes []int
	for shift := range 21 {
		sizes = append(sizes, 1<<shift-1, 1<<shift, 1<<shift+1)
	}
	for _, n := range sizes {
		text := strings.Repeat("é}{\n"[:5], n/5+1)[:n/5*5]
		if got := reply(t)(c.Call(d.ctx(), "echo", text)); got != text {
			t.Fatalf("%d bytes of text did not come back as they were", n)
		}
		data := bytes.Repeat([]byte{0x5a}, n)
		got, isBytes := reply(t)(s.Call(d.ctx(), "c", "echo", data)).([]byte)
		if !isBytes || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes did not come back as they were", n)
		}
	}
}

// What Raw returns is the handler's until it returns; what was decoded is its
// own for ever.
func TestDecodedValuesAreTheHandlersOwn(t *testing.T) {
	d := newDomain(t)
	kept := newRecorder[[]byte]()
	d.serve(func(s *ipcio.Server) {
		handle(t, s, "keep", func(_ context.Context, m *ipcio.Message) (any, error) {
			var b []byte
			err := m.Decode(&b)
			kept.add(b)
			return nil, err
		})
	})
	c := d.join("c")
	const n = 500
	data := make([]byte, 1000)
	for i := range n {
		copy(data, fmt.Sprintf("%d.", i))
		ok(t, c.Emit(d.ctx(), "keep", data)) // data is not kept: it is used again
	}
	for i, b := range kept.wait(t, n) {
		if want := fmt.Sprintf("%d.", i); !bytes.HasPrefix(b, []byte(want)) {
			t.Fatalf("message %d begins with %.10q, want %q", i, b, want)
		}
	}
}
