package codec_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipcio/ipcio-go/runtime/codec"
)

func TestEncodeErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*sample)
		path   string
		reason string
	}{
		{"text", func(v *sample) { v.Name = "a\xff" }, "name", "not valid UTF-8"},
		{"list element", func(v *sample) { v.Tags = []string{"a", "\xff"} }, "tags[1]", "not valid UTF-8"},
		{"map value", func(v *sample) { v.Env = map[string]string{"k": "\xff"} }, `env["k"]`, "not valid UTF-8"},
		{"map key", func(v *sample) { v.Env = map[string]string{"\xff": ""} }, `env["\xff"]`, "not valid UTF-8"},
		{"time before", func(v *sample) { v.At = time.Date(-1, 12, 31, 23, 59, 59, 0, time.UTC) }, "at", "outside the years 0 to 9999"},
		{"time after", func(v *sample) { v.At = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "at", "outside the years 0 to 9999"},
		{"time after in UTC", func(v *sample) { v.At = time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -7200)) }, "at", "outside the years 0 to 9999"},
		{"any malformed", func(v *sample) { v.Extra = []byte{0x82, 1} }, "extra", "byte 0: an array of 2 elements"},
		{"any of two items", func(v *sample) { v.Extra = []byte{1, 2} }, "extra", "byte 1: the item ends here"},
		{"any indefinite", func(v *sample) { v.Extra = []byte{0x9f, 0xff} }, "extra", "indefinite length"},
		{"any too deep", func(v *sample) { v.Extra = []byte(strings.Repeat("\x81", codec.MaxDepth) + "\x00") }, "extra", "deeper than 32"},
		{"inside", func(v *sample) { v.Next.Tags = []string{"\xff"} }, "next.tags[0]", "not valid UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := full()
			c.change(v)
			b, err := v.AppendCBOR([]byte("before"))
			if string(b) != "before" {
				t.Errorf("the buffer is %q after an error", b)
			}
			e, ok := errors.AsType[*codec.EncodeError](err)
			if !ok {
				t.Fatalf("error %v, want an *EncodeError", err)
			}
			if e.Path != c.path || !strings.Contains(e.Reason, c.reason) {
				t.Errorf("error %q at path %q, want %q at %q", e.Reason, e.Path, c.reason, c.path)
			}
			if s := v.String(); !strings.HasPrefix(s, "sample(codec: cannot encode ") {
				t.Errorf("String() = %s", s)
			}
		})
	}
}

// TestCycle shows that a cycle ends, in each of the walks over a value.
func TestCycle(t *testing.T) {
	v := full()
	v.Next = v
	err := v.Validate()
	want := []codec.Violation{{
		Path: strings.TrimSuffix(strings.Repeat("next.", codec.MaxDepth), "."), Rule: "depth",
		Want: "nested deeper than 32 levels; a cycle of pointers?",
	}}
	e, ok := errors.AsType[*codec.ValidationError](err)
	if !ok || !slices.Equal(e.Violations, want) {
		t.Errorf("Validate of a cycle: %v", err)
	}
	if _, err := v.AppendCBOR(nil); err == nil {
		t.Error("a cycle is encoded")
	}
	b, err := layoutSample.AppendUnchecked([]byte("before"), v)
	failed, ok := errors.AsType[*codec.EncodeError](err)
	if !ok || string(b) != "before" || failed.Path != strings.Repeat("next.", codec.MaxDepth-1)+"env" || !strings.Contains(failed.Reason, "a cycle of pointers?") {
		t.Errorf("encoding a cycle: %q, %v", b, err)
	}
	if s := v.String(); !strings.Contains(s, "cycle") {
		t.Errorf("String of a cycle: %s", s)
	}
}

// TestDepthIsTheSame shows that the deepest value that can be encoded can be
// decoded, and that nothing deeper can be encoded.
func TestDepthIsTheSame(t *testing.T) {
	nest := func(n int) *sample {
		var v *sample
		for range n {
			v = &sample{Kind: "a", Next: v}
		}
		return v
	}
	// A sample holds lists, so that the innermost may be at level 31.
	b, err := nest(codec.MaxDepth - 1).MarshalCBOR()
	if err != nil {
		t.Fatal(err)
	}
	if err := new(sample).UnmarshalCBOR(b); err != nil {
		t.Error(err)
	}
	if err := codec.WellFormed(b); err != nil {
		t.Error(err)
	}
	if _, err := nest(codec.MaxDepth).MarshalCBOR(); err == nil {
		t.Error("a sample at level 32 with a list at level 33 was encoded")
	}
}

// wide takes 512 bytes of memory, and 1 on the wire if it is zero.
type wide struct {
	A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U []byte
	V                                                             *int64
}

type wideList struct{ List []wide }

var layoutWide = codec.Struct{Type: (*wide)(nil), Fields: func() []codec.Field {
	var fields []codec.Field
	for c := 'a'; c < 'v'; c++ {
		fields = append(fields, codec.Field{Key: string(c), Of: codec.ByteString, Optional: true})
	}
	return append(fields, codec.Field{Key: "v", Of: codec.Int64, Optional: true})
}()}

var layoutWideList = codec.Struct{Type: (*wideList)(nil), Fields: []codec.Field{{Key: "list", Of: codec.List{Of: &layoutWide}}}}

func TestMemoryIsTheSame(t *testing.T) {
	const size = 512
	for _, n := range []int{0, 1, 100, 127, 128, 129, 1000, 100_000} {
		b, encodeErr := layoutWideList.Append([]byte("before"), &wideList{make([]wide, n)})
		if encodeErr != nil && string(b) != "before" {
			t.Error("Append returned bytes with an error")
		}
		in := append(codec.AppendListHead([]byte("\xa1\x64list"), n), bytes.Repeat([]byte{0xa0}, n)...)
		var got wideList
		decodeErr := layoutWideList.Unmarshal(in, &got)
		if (encodeErr == nil) != (decodeErr == nil) {
			t.Errorf("%d elements: encoding says %v, decoding says %v", n, encodeErr, decodeErr)
		}
		if want := n*size > 64<<10+codec.MaxGrowth*len(in); want != (decodeErr != nil) {
			t.Errorf("%d elements: %v", n, decodeErr)
		}
		if decodeErr == nil && (len(got.List) != n || string(b) != "before"+string(in)) {
			t.Errorf("%d elements: %d were decoded, %d bytes encoded", n, len(got.List), len(b))
		}
	}
}

func TestString(t *testing.T) {
	v := full()
	v.Next = nil
	const want = `sample{"at": 0("2026-01-02T03:04:05.06Z"), "id": 37(h'01020300000000000000000000000000'), ` +
		`"env": {"Z": "\u00fc", "a": "1", "bb": ""}, "kind": "b", "name": "ein Name", "tags": ["", "x"], ` +
		`"count": 70000, "extra": [1, null], "ratio": -0.25, "output": h'', "timeout": -60000000000, "priority": -3}`
	if got := v.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	v.Name = strings.Repeat("\x00\n", 100_000)
	got := v.String()
	if len(got) > codec.MaxString+len("…") || !strings.HasSuffix(got, "…") || strings.Contains(got, "\n") {
		t.Errorf("String() of a long text has %d bytes: %s", len(got), got)
	}
}
