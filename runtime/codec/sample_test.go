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
	var c codec.Checker
	if !v.checkCBOR(&c) {
		return b, c.Err()
	}
	return c.Finish(b, v.appendCBOR(b))
}

func (v *sample) MarshalCBOR() ([]byte, error) { return v.AppendCBOR(nil) }

func (v *sample) UnmarshalCBOR(b []byte) error {
	var x sample
	d := codec.NewDecoder(b)
	x.decodeCBOR(&d)
	if err := d.Finish(); err != nil {
		return err
	}
	*v = x
	return nil
}

func (v *sample) String() string { return codec.String("sample", v.AppendCBOR) }

func (v *sample) checkCBOR(c *codec.Checker) bool {
	return c.Enter() &&
		c.Field("at", c.Time(v.At)) &&
		c.Field("env", checkEnv(c, v.Env)) &&
		c.Field("kind", c.Closed(v.Kind, sampleKinds)) &&
		c.Field("name", c.Text(v.Name)) &&
		(v.Next == nil || codec.EnterNew(c, v.Next) && c.Field("next", v.Next.checkCBOR(c))) &&
		c.Field("tags", checkTags(c, v.Tags)) &&
		c.Field("extra", c.Any(v.Extra)) &&
		c.Leave()
}

func checkTags(c *codec.Checker, v []string) bool {
	if !codec.EnterList(c, v) {
		return false
	}
	for i, e := range v {
		if !c.Elem(i, c.Text(e)) {
			return false
		}
	}
	return c.Leave()
}

func checkEnv(c *codec.Checker, v map[string]string) bool {
	if !codec.EnterMap(c, v) {
		return false
	}
	for k, e := range v {
		if !c.Entry(k, c.Text(k) && c.Text(e)) {
			return false
		}
	}
	return c.Leave()
}

func (v *sample) appendCBOR(b []byte) []byte {
	n := 9
	if v.Next != nil {
		n++
	}
	if v.Output != nil {
		n++
	}
	if v.Timeout != nil {
		n++
	}
	if v.Priority != nil {
		n++
	}
	b = codec.AppendMapHead(b, n)
	b = codec.AppendTime(append(b, "\x62at"...), v.At)
	b = codec.AppendUUID(append(b, "\x62id"...), v.ID)
	b = appendEnv(append(b, "\x63env"...), v.Env)
	b = codec.AppendText(append(b, "\x64kind"...), v.Kind)
	b = codec.AppendText(append(b, "\x64name"...), v.Name)
	if v.Next != nil {
		b = v.Next.appendCBOR(append(b, "\x64next"...))
	}
	b = appendTags(append(b, "\x64tags"...), v.Tags)
	b = codec.AppendUint(append(b, "\x65count"...), uint64(v.Count))
	b = codec.AppendAny(append(b, "\x65extra"...), v.Extra)
	b = codec.AppendFloat32(append(b, "\x65ratio"...), v.Ratio)
	if v.Output != nil {
		b = codec.AppendBytes(append(b, "\x66output"...), v.Output)
	}
	if v.Timeout != nil {
		b = codec.AppendDuration(append(b, "\x67timeout"...), *v.Timeout)
	}
	if v.Priority != nil {
		b = codec.AppendInt(append(b, "\x68priority"...), int64(*v.Priority))
	}
	return b
}

func appendTags(b []byte, v []string) []byte {
	b = codec.AppendListHead(b, len(v))
	for _, e := range v {
		b = codec.AppendText(b, e)
	}
	return b
}

func appendEnv(b []byte, v map[string]string) []byte {
	b = codec.AppendMapHead(b, len(v))
	var few [16]codec.Entry[string]
	for _, e := range codec.SortedEntries(few[:0], v) {
		b = codec.AppendText(codec.AppendText(b, e.Key), e.Value)
	}
	return b
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
			v.Next = codec.New[sample](d)
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
	list, v := codec.MakeList[string](d)
	for list.Next() {
		v = append(v, d.Text())
	}
	return v
}

func decodeEnv(d *codec.Decoder) map[string]string {
	entries, v := codec.MakeMap[string](d)
	for entries.Next(len(v)) {
		v[entries.Key()] = d.Text()
	}
	return v
}
