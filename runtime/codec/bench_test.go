package codec_test

import (
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/ipcio/ipcio-go/runtime/codec"
)

// report is a payload of an ordinary size: 7 fields with a list, a map and
// text, written as ipcio-gen writes it.
type report struct {
	Env    map[string]string `cbor:"env"`
	Tags   []string          `cbor:"tags"`
	Image  string            `cbor:"image"`
	Owner  string            `cbor:"owner"`
	Job    uint64            `cbor:"job"`
	Urgent bool              `cbor:"urgent"`
	Weight float64           `cbor:"weight"`
}

var layoutReport = codec.Struct{Type: (*report)(nil), Fields: []codec.Field{
	{Key: "env", Of: codec.Map{Of: codec.String}},
	{Key: "tags", Of: codec.List{Of: codec.String}, Rules: []codec.Rule{codec.Len{Max: 64}}},
	{Key: "image", Of: codec.String},
	{Key: "owner", Of: codec.String},
	{Key: "job", Of: codec.Uint64},
	{Key: "urgent", Of: codec.Bool},
	{Key: "weight", Of: codec.Float64},
}}

func (v *report) AppendCBOR(b []byte) ([]byte, error) { return layoutReport.Append(b, v) }

// UnmarshalReport is not called UnmarshalCBOR, so that fxamacker/cbor does not
// find it.
func (v *report) UnmarshalReport(b []byte) error { return layoutReport.Unmarshal(b, v) }

func newReport() *report {
	return &report{
		Env:    map[string]string{"HOME": "/home/worker", "LANG": "en_US.UTF-8", "PATH": "/usr/bin:/bin"},
		Tags:   []string{"nightly", "arm64", "release"},
		Image:  "registry.local/build:42",
		Owner:  "release-team",
		Job:    1234567,
		Weight: 0.75,
	}
}

func TestEncodeDoesNotAllocate(t *testing.T) {
	v := newReport()
	buf := make([]byte, 0, 512)
	allocs := testing.AllocsPerRun(100, func() {
		b, err := v.AppendCBOR(buf)
		if err != nil || len(b) == 0 {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("AppendCBOR into a buffer with room allocates %v times, want 0", allocs)
	}
}

func TestDecodeAllocatesOnlyTheResult(t *testing.T) {
	b, err := newReport().AppendCBOR(nil)
	if err != nil {
		t.Fatal(err)
	}
	var v report
	allocs := testing.AllocsPerRun(100, func() {
		if err := v.UnmarshalReport(b); err != nil {
			t.Fatal(err)
		}
	})
	// The map and its group, the list, and one copy for all texts.
	if most := 4.0; allocs > most {
		t.Errorf("decoding allocates %v times, want at most %v", allocs, most)
	}
}

func BenchmarkEncode(b *testing.B) {
	v := newReport()
	b.Run("codec", func(b *testing.B) {
		buf := make([]byte, 0, 512)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.AppendCBOR(buf); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("fxamacker", func(b *testing.B) {
		mode, err := cbor.EncOptions{Sort: cbor.SortCoreDeterministic}.EncMode()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := mode.Marshal(v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	enc, err := newReport().AppendCBOR(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("codec", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v report
			if err := v.UnmarshalReport(enc); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("fxamacker", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v report
			if err := cbor.Unmarshal(enc, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
