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

var enumKind = codec.Enum{Name: "Kind", Values: []string{"a", "b"}, Closed: true}

var layoutSample = codec.Struct{Type: (*sample)(nil), Fields: []codec.Field{
	{Key: "id", Of: codec.UUID},
	{Key: "at", Of: codec.Time},
	{Key: "env", Of: codec.Map{Of: codec.String}},
	{Key: "kind", Of: &enumKind},
	{Key: "name", Of: codec.String},
	{Key: "next", Of: sampleItself{}, Optional: true},
	{Key: "tags", Of: codec.List{Of: codec.String}},
	{Key: "extra", Of: codec.Any},
	{Key: "count", Of: codec.Uint32},
	{Key: "ratio", Of: codec.Float32},
	{Key: "output", Of: codec.ByteString, Optional: true},
	{Key: "timeout", Of: codec.Duration, Optional: true},
	{Key: "priority", Of: codec.Int8, Optional: true},
}}

// sampleItself is sample within itself.
type sampleItself struct{}

func (sampleItself) Layout() codec.Type { return &layoutSample }

func (v *sample) AppendCBOR(b []byte) ([]byte, error) { return layoutSample.Append(b, v) }
func (v *sample) MarshalCBOR() ([]byte, error)        { return v.AppendCBOR(nil) }
func (v *sample) UnmarshalCBOR(b []byte) error        { return layoutSample.Unmarshal(b, v) }
func (v *sample) Validate() error                     { return layoutSample.Validate(v) }
func (v *sample) String() string                      { return layoutSample.String(v) }
