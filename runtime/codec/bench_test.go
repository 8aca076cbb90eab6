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

var reportFields = []codec.Field{
	{Name: "env"}, {Name: "job"}, {Name: "tags"}, {Name: "image"}, {Name: "owner"}, {Name: "urgent"}, {Name: "weight"},
}

func (v *report) AppendCBOR(b []byte) ([]byte, error) {
	e := codec.NewEncoder(b, v.Validate())
	v.encodeCBOR(&e)
	return e.Finish()
}

// UnmarshalReport is not called UnmarshalCBOR, so that fxamacker/cbor does not
// find it.
func (v *report) UnmarshalReport(b []byte) error {
	*v = report{}
	d := codec.NewDecoder(b)
	v.decodeCBOR(&d)
	return d.Finish(v.Validate)
}

func (v *report) Validate() error {
	var c codec.Validator
	v.validate(&c)
	return c.Err()
}

func (v *report) validate(c *codec.Validator) {
	c.Rule("tags", len(v.Tags) <= 64, "len", "..64")
	c.Check(v)
}

func (v *report) encodeCBOR(e *codec.Encoder) {
	if s, ok := e.Struct(); ok {
		e.Key("\x63env")
		encodeEnv(e, v.Env)
		e.Uint("\x63job", v.Job)
		e.Key("\x64tags")
		encodeTags(e, v.Tags)
		e.Text("\x65image", v.Image)
		e.Text("\x65owner", v.Owner)
		e.Bool("\x66urgent", v.Urgent)
		e.Float64("\x66weight", v.Weight)
		e.End(s)
	}
}

func (v *report) decodeCBOR(d *codec.Decoder) {
	for s := d.Struct(reportFields); s.Next(); {
		switch s.Index() {
		case 0:
			v.Env = decodeEnv(d)
		case 1:
			v.Job = d.Uint64()
		case 2:
			v.Tags = decodeTags(d)
		case 3:
			v.Image = d.Text()
		case 4:
			v.Owner = d.Text()
		case 5:
			v.Urgent = d.Bool()
		case 6:
			v.Weight = d.Float64()
		}
	}
}

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
