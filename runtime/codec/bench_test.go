package codec_test

import (
	"bytes"
	"reflect"
	"slices"
	"testing"
	"time"

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

// command is the payload that codecs are compared with: 7 fields with a map, a
// list and texts, 171 bytes.
type command struct {
	ID      uint64            `cbor:"id"`
	Name    string            `cbor:"name"`
	Labels  map[string]string `cbor:"labels"`
	Tags    []string          `cbor:"tags"`
	Score   float64           `cbor:"score"`
	Created int64             `cbor:"created"`
	Blob    []byte            `cbor:"blob"`
}

var layoutCommand = codec.Struct{Type: (*command)(nil), Fields: []codec.Field{
	{Key: "id", Of: codec.Uint64},
	{Key: "name", Of: codec.String},
	{Key: "labels", Of: codec.Map{Of: codec.String}},
	{Key: "tags", Of: codec.List{Of: codec.String}},
	{Key: "score", Of: codec.Float64},
	{Key: "created", Of: codec.Int64},
	{Key: "blob", Of: codec.ByteString},
}}

func newCommand() *command {
	return &command{
		ID:      1,
		Name:    "camera.capture-1",
		Labels:  map[string]string{"tenant": "north-harbour", "region": "eu-central-2", "trace": "7f3a91c04be2d865"},
		Tags:    []string{"priority", "batch-0042", "nightly"},
		Score:   0.8715,
		Created: time.Date(2026, 5, 4, 12, 30, 15, 123456789, time.UTC).UnixNano(),
		Blob:    []byte{},
	}
}

// measurements is a payload of what programs measure and keep: times, texts
// that are optional, maps and lists of numbers.
type measurements struct {
	Station string             `cbor:"station"`
	Taken   time.Time          `cbor:"taken"`
	Values  map[string]float64 `cbor:"values"`
	Counts  map[string]int64   `cbor:"counts"`
	Series  []float64          `cbor:"series"`
	Note    *string            `cbor:"note,omitempty"`
	Level   int32              `cbor:"level"`
	Valid   bool               `cbor:"valid"`
}

var layoutMeasurements = codec.Struct{Type: (*measurements)(nil), Fields: []codec.Field{
	{Key: "station", Of: codec.String},
	{Key: "taken", Of: codec.Time},
	{Key: "values", Of: codec.Map{Of: codec.Float64}},
	{Key: "counts", Of: codec.Map{Of: codec.Int64}},
	{Key: "series", Of: codec.List{Of: codec.Float64}},
	{Key: "note", Of: codec.String, Optional: true},
	{Key: "level", Of: codec.Int32},
	{Key: "valid", Of: codec.Bool},
}}

func newMeasurements() *measurements {
	note := "after maintenance"
	return &measurements{
		Station: "north-harbour/7",
		Taken:   time.Date(2026, 5, 4, 12, 30, 15, 123456789, time.UTC),
		Values:  map[string]float64{"temperature": 11.25, "humidity": 0.875, "pressure": 1013.5},
		Counts:  map[string]int64{"samples": 4096, "dropped": 3},
		Series:  []float64{11, 11.25, 11.5, 11.375, 11.25, 11, 10.75, 10.5},
		Note:    &note,
		Level:   -12,
		Valid:   true,
	}
}

// A payload is what is measured: a value, its table and how long its encoding
// is.
type payload struct {
	name  string
	table *codec.Struct
	value any        // a pointer
	fresh func() any // a pointer to a zero value
	size  int
}

var payloads = []payload{
	{"command", &layoutCommand, newCommand(), func() any { return new(command) }, 171},
	{"report", &layoutReport, newReport(), func() any { return new(report) }, 170},
	{"measurements", &layoutMeasurements, newMeasurements(), func() any { return new(measurements) }, 274},
}

// Both codecs read what the other wrote, so that what is measured is the same
// work; and as many bytes as their names say.
func TestPayloadsAgree(t *testing.T) {
	mode := deterministic(t)
	for _, p := range payloads {
		ours, err := p.table.Append(nil, p.value)
		if err != nil || len(ours) != p.size {
			t.Errorf("%s: %d bytes, %v; want %d", p.name, len(ours), err, p.size)
		}
		theirs, err := mode.Marshal(p.value)
		if err != nil || !bytes.Equal(ours, theirs) {
			t.Errorf("%s: encoded as\n%x, by fxamacker/cbor as\n%x, %v", p.name, ours, theirs, err)
		}
		v, w := p.fresh(), p.fresh()
		if err := p.table.Unmarshal(theirs, v); err != nil || !reflect.DeepEqual(v, p.value) {
			t.Errorf("%s: decoded as %v, %v; want %v", p.name, v, err, p.value)
		}
		if err := cbor.Unmarshal(ours, w); err != nil || !reflect.DeepEqual(w, p.value) {
			t.Errorf("%s: decoded by fxamacker/cbor as %v, %v; want %v", p.name, w, err, p.value)
		}
	}
}

// deterministic returns the mode in which fxamacker/cbor writes the same bytes.
func deterministic(t testing.TB) cbor.EncMode {
	mode, err := cbor.EncOptions{Sort: cbor.SortCoreDeterministic, Time: cbor.TimeRFC3339Nano, TimeTag: cbor.EncTagRequired}.EncMode()
	if err != nil {
		t.Fatal(err)
	}
	return mode
}

// BenchmarkEncode compares with fxamacker/cbor as its documentation begins with
// it, which keeps no order of map keys, and in the mode that writes the same
// bytes.
func BenchmarkEncode(b *testing.B) {
	for _, p := range payloads {
		b.Run(p.name+"/codec", func(b *testing.B) {
			buf := make([]byte, 0, 512)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.table.Append(buf, p.value); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(p.name+"/fxamacker", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := cbor.Marshal(p.value); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(p.name+"/fxamacker-same-bytes", func(b *testing.B) {
			mode := deterministic(b)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := mode.Marshal(p.value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDecode compares with fxamacker/cbor as its documentation begins with
// it, and in the mode that refuses keys that come twice, as codec does.
func BenchmarkDecode(b *testing.B) {
	for _, p := range payloads {
		enc, err := p.table.Append(nil, p.value)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(p.name+"/codec", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := p.table.Unmarshal(enc, p.fresh()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(p.name+"/fxamacker", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := cbor.Unmarshal(enc, p.fresh()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(p.name+"/fxamacker-same-checks", func(b *testing.B) {
			mode, err := cbor.DecOptions{DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden}.DecMode()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := mode.Unmarshal(enc, p.fresh()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRatio says how many times faster than fxamacker/cbor the codec is:
// both take turns of a fraction of a millisecond, so that a busy machine slows
// both down, and the figure is the median over the turns.
func BenchmarkRatio(b *testing.B) {
	encMode := deterministic(b)
	for _, p := range payloads {
		buf := make([]byte, 0, 512)
		enc, err := p.table.Append(nil, p.value)
		if err != nil {
			b.Fatal(err)
		}
		encode := func() error { _, err := p.table.Append(buf, p.value); return err }
		b.Run("encode/"+p.name, func(b *testing.B) {
			takeTurns(b, encode, func() error { _, err := cbor.Marshal(p.value); return err })
		})
		b.Run("encode-same-bytes/"+p.name, func(b *testing.B) {
			takeTurns(b, encode, func() error { _, err := encMode.Marshal(p.value); return err })
		})
		b.Run("decode/"+p.name, func(b *testing.B) {
			takeTurns(b, func() error { return p.table.Unmarshal(enc, p.fresh()) }, func() error { return cbor.Unmarshal(enc, p.fresh()) })
		})
	}
}

func takeTurns(b *testing.B, ours, theirs func() error) {
	const calls = 100 // of a turn
	turn := func(f func() error) float64 {
		from := time.Now()
		for range calls {
			if err := f(); err != nil {
				b.Fatal(err)
			}
		}
		return float64(time.Since(from)) / calls
	}
	var our, their, ratio []float64
	for b.Loop() {
		x, y := turn(ours), turn(theirs)
		our, their, ratio = append(our, x), append(their, y), append(ratio, y/x)
	}
	median := func(v []float64) float64 { slices.Sort(v); return v[len(v)/2] }
	b.ReportMetric(0, "ns/op") // of both together means nothing
	b.ReportMetric(median(our), "ns/codec")
	b.ReportMetric(median(their), "ns/fxamacker")
	b.ReportMetric(median(ratio), "x")
}
