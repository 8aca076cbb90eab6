// Package codectest tests the types that ipcio-gen writes, for the schema of
// the program that uses it: "ipcio-gen generate --tests" writes the calls. What
// it shows of a type:
//
//   - A valid value survives decoding and encoding, always in the same bytes.
//   - A value beyond the border of a constraint is refused on both sides, with
//     the path and the rule.
//   - Damaged bytes are refused or are a value that can be encoded again. They
//     never panic, and never take more memory than codec allows for their
//     length.
package codectest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"runtime"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/codec"
)

// A Payload is a pointer to a generated struct.
type Payload interface {
	AppendCBOR(b []byte) ([]byte, error)
	UnmarshalCBOR(b []byte) error
	Validate() error
}

// A Case is one value, encoded as its type does it.
type Case struct {
	Name string
	Hex  string // the encoding
	Path string // of its only violation
	Rule string // of its only violation; "" means that it is valid
}

// Test runs all tests for the type that makePayload makes.
func Test(t *testing.T, makePayload func() Payload, cases []Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			b := c.decode(t)
			if c.Rule == "" {
				valid(t, makePayload, b)
			} else {
				invalid(t, makePayload(), b, c)
			}
		})
	}
}

// Fuzz feeds any bytes to the type that makePayload makes, beginning with the
// cases.
func Fuzz(f *testing.F, makePayload func() Payload, cases []Case) {
	f.Helper()
	for _, c := range cases {
		f.Add(c.decode(f))
	}
	f.Fuzz(func(t *testing.T, b []byte) { damaged(t, makePayload, b) })
}

func (c Case) decode(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(c.Hex)
	if err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	return b
}

func valid(t *testing.T, makePayload func() Payload, b []byte) {
	v := makePayload()
	if err := v.UnmarshalCBOR(b); err != nil {
		t.Fatalf("%x is refused: %v", b, err)
	}
	if err := v.Validate(); err != nil {
		t.Errorf("Validate after it was decoded: %v", err)
	}
	for range 2 { // the second time shows that nothing depends on the order of a map
		again, err := v.AppendCBOR([]byte("before"))
		if want := append([]byte("before"), b...); err != nil || !bytes.Equal(again, want) {
			t.Fatalf("encoded again: %x, %v; want %x", again, err, want)
		}
	}
	if err := makePayload().UnmarshalCBOR(append(bytes.Clone(b), 0)); err == nil {
		t.Errorf("%x with a byte behind it is accepted", b)
	}

	// What follows is done for every byte: of long values, some of them.
	step := 1 + len(b)/300
	for i := 0; i < len(b); i += step {
		if err := makePayload().UnmarshalCBOR(b[:i]); err == nil {
			t.Errorf("%x is accepted, cut to %d of %d bytes", b[:i], i, len(b))
		}
		for bit := range 8 {
			flipped := bytes.Clone(b)
			flipped[i] ^= 1 << bit
			damaged(t, makePayload, flipped)
		}
		for _, head := range hugeHeads {
			lie := append(append(bytes.Clone(b[:i]), head...), make([]byte, 64)...)
			bounded(t, makePayload, lie)
		}
	}
}

// hugeHeads are heads of arrays, maps, bytes and text that claim to be very
// long.
var hugeHeads = [][]byte{
	{0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0xbb, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	{0x5a, 0xff, 0xff, 0xff, 0xff}, {0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x9a, 0x00, 0x01, 0x00, 0x00},
}

// damaged shows that b is refused, or a value that can be encoded and decoded
// to the same.
func damaged(t *testing.T, makePayload func() Payload, b []byte) {
	t.Helper()
	v := makePayload()
	if v.UnmarshalCBOR(b) != nil {
		return
	}
	once, err := v.AppendCBOR(nil)
	if err != nil {
		t.Errorf("%x is accepted and cannot be encoded: %v", b, err)
		return
	}
	w := makePayload()
	if err := w.UnmarshalCBOR(once); err != nil {
		t.Errorf("%x is encoded as %x and cannot be decoded: %v", b, once, err)
		return
	}
	if twice, err := w.AppendCBOR(nil); err != nil || !bytes.Equal(once, twice) {
		t.Errorf("%x is encoded as %x and then as %x, %v", b, once, twice, err)
	}
}

// bounded shows that decoding b does not take more memory than it may. Other
// goroutines allocate too, so a failure counts only if it is there again.
func bounded(t *testing.T, makePayload func() Payload, b []byte) {
	t.Helper()
	most := uint64(3 * (64<<10 + codec.MaxGrowth*len(b)))
	var took uint64
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = makePayload().UnmarshalCBOR(b) // it may be accepted or not
		runtime.ReadMemStats(&after)
		if took = after.TotalAlloc - before.TotalAlloc; took <= most {
			return
		}
	}
	t.Errorf("decoding %x took %d bytes of memory, want at most %d", b, took, most)
}

func invalid(t *testing.T, v Payload, b []byte, c Case) {
	check := func(who string, err error) {
		t.Helper()
		e, ok := errors.AsType[*codec.ValidationError](err)
		if !ok || len(e.Violations) != 1 || e.Violations[0].Path != c.Path || e.Violations[0].Rule != c.Rule {
			t.Errorf("%s: %v, want one violation of %s at %s", who, err, c.Rule, c.Path)
		}
	}
	check("decoding", v.UnmarshalCBOR(b))
	check("Validate", v.Validate())
	out, err := v.AppendCBOR([]byte("before"))
	check("encoding", err)
	if string(out) != "before" {
		t.Errorf("encoding wrote %x", out)
	}
}
