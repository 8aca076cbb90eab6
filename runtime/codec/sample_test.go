package codec_test

import (
	"time"

	"github.com/ipcio/ipcio-go/runtime/codec"
)

// sample is written as ipcio-gen writes a type with a field of every kind.
type sample struct {
	ID       [16]byte
	At       time.Time
	Env      map[string]string
	Kind     string // closed enum: a, b
	Name     string
	Next     *sample
	Tags     []string
	Extra    []byte // any
	Count    uint32
	Ratio    float32
	Output   []byte // optional bytes
	Timeout  *time.Duration
	Priority *int8
}

var sampleKinds = []string{"a", "b"}

var sampleFields = []codec.Field{
	{Name: "at"},
	{Name: "id"},
	{Name: "env"},
	{Name: "kind"},
	{Name: "name"},
	{Name: "next", Rule: codec.Optional},
	{Name: "tags"},
	{Name: "count"},
	{Name: "extra", Rule: codec.AnyValue},
	{Name: "ratio"},
	{Name: "output", Rule: codec.Optional},
	{Name: "timeout", Rule: codec.Optional},
	{Name: "priority", Rule: codec.Optional},
}

func (v *sample) AppendCBOR(b []byte) ([]byte, error) {
	e := codec.NewEncoder(b, v.Validate())
	v.encodeCBOR(&e)
	return e.Finish()
}

func (v *sample) MarshalCBOR() ([]byte, error) { return v.AppendCBOR(nil) }

func (v *sample) UnmarshalCBOR(b []byte) error {
	*v = sample{}
	d := codec.NewDecoder(b)
	v.decodeCBOR(&d)
	return d.Finish(v.Validate)
}

func (v *sample) Validate() error {
	var c codec.Validator
	v.validate(&c)
	return c.Err()
}

func (v *sample) String() string { return codec.String("sample", v.encodeCBOR) }

func (v *sample) validate(c *codec.Validator) {
	c.Enum("kind", v.Kind, sampleKinds)
	if v.Next != nil && c.Enter() {
		v.Next.validate(c)
		c.Leave("next")
	}
	c.Check(v)
}

const (
	sampleSize = 232
	textSize   = 16
)

func (v *sample) encodeCBOR(e *codec.Encoder) {
	if s, ok := e.Struct(); ok {
		e.Time("\x62at", v.At)
		e.UUID("\x62id", v.ID)
		e.Key("\x63env")
		encodeEnv(e, v.Env)
		e.Text("\x64kind", v.Kind)
		e.Text("\x64name", v.Name)
		if v.Next != nil {
			e.Key("\x64next")
			e.New(sampleSize)
			v.Next.encodeCBOR(e)
		}
		e.Key("\x64tags")
		encodeTags(e, v.Tags)
		e.Uint("\x65count", uint64(v.Count))
		e.Any("\x65extra", v.Extra)
		e.Float32("\x65ratio", v.Ratio)
		if v.Output != nil {
			e.Bytes("\x66output", v.Output)
		}
		if v.Timeout != nil {
			e.Duration("\x67timeout", *v.Timeout)
		}
		if v.Priority != nil {
			e.Int("\x68priority", int64(*v.Priority))
		}
		e.End(s)
	}
}

func encodeTags(e *codec.Encoder, v []string) {
	if s, ok := e.List(len(v), textSize); ok {
		for i := range v {
			e.Elem(i)
			e.Text("", v[i])
		}
		e.End(s)
	}
}

func encodeEnv(e *codec.Encoder, v map[string]string) {
	if s, ok := e.Map(len(v), textSize); ok {
		var few [16]string
		for _, k := range codec.SortedKeys(few[:0], v) {
			e.Entry(k)
			e.Text("", v[k])
		}
		e.End(s)
	}
}

func (v *sample) decodeCBOR(d *codec.Decoder) {
	for s := d.Struct(sampleFields); s.Next(); {
		switch s.Index() {
		case 0:
			v.At = d.Time()
		case 1:
			v.ID = d.UUID()
		case 2:
			v.Env = decodeEnv(d)
		case 3:
			v.Kind = d.Enum(sampleKinds, true)
		case 4:
			v.Name = d.Text()
		case 5:
			d.New(sampleSize)
			v.Next = new(sample)
			v.Next.decodeCBOR(d)
		case 6:
			v.Tags = decodeTags(d)
		case 7:
			v.Count = d.Uint32()
		case 8:
			v.Extra = d.Any()
		case 9:
			v.Ratio = d.Float32()
		case 10:
			v.Output = d.Bytes()
		case 11:
			v.Timeout = new(d.Duration())
		case 12:
			v.Priority = new(d.Int8())
		}
	}
}

func decodeTags(d *codec.Decoder) []string {
	l := d.List(textSize)
	v := make([]string, 0, l.Len())
	for l.Next() {
		v = append(v, d.Text())
	}
	return v
}

func decodeEnv(d *codec.Decoder) map[string]string {
	m := d.Map(textSize)
	v := make(map[string]string, m.Len())
	for m.Next(len(v)) {
		v[m.Key()] = d.Text()
	}
	return v
}
