package codec_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/ipcio/ipcio-go/runtime/codec"
)

func TestTruncatedEverywhere(t *testing.T) {
	b, err := full().MarshalCBOR()
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(b) {
		err := new(sample).UnmarshalCBOR(b[:n])
		if _, ok := errors.AsType[*codec.DecodeError](err); !ok {
			t.Errorf("cut to %d of %d bytes: %v, want a *DecodeError", n, len(b), err)
		}
		if err := codec.WellFormed(b[:n]); err == nil {
			t.Errorf("cut to %d of %d bytes: well-formed", n, len(b))
		}
	}
}

// TestBitFlips shows that whatever is decoded from damaged bytes is a value
// that can be encoded, and decoded to the same.
func TestBitFlips(t *testing.T) {
	b, err := full().MarshalCBOR()
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for i := range b {
		for bit := range 8 {
			in := bytes.Clone(b)
			in[i] ^= 1 << bit
			if checkInput(t, in) {
				accepted++
			}
		}
	}
	if accepted == 0 || accepted == 8*len(b) {
		t.Errorf("%d of %d damaged messages were accepted: the test shows nothing", accepted, 8*len(b))
	}
}

// checkInput decodes any bytes and checks what has to hold of every result.
func checkInput(t *testing.T, in []byte) (accepted bool) {
	t.Helper()
	var v sample
	if err := v.UnmarshalCBOR(in); err != nil {
		e, ok := errors.AsType[*codec.DecodeError](err)
		if !ok || e.Offset < 0 || e.Offset > len(in) || len(e.Error()) > 4096 || strings.ContainsAny(e.Error(), "\n\x1b") {
			t.Errorf("%x: a bad error: %q", in, err)
		}
		return false
	}
	if err := codec.WellFormed(in); err != nil {
		t.Errorf("%x was decoded and is not well-formed: %v", in, err)
	}
	out, err := v.MarshalCBOR()
	if err != nil {
		t.Errorf("%x was decoded and cannot be encoded: %v", in, err)
		return true
	}
	var again sample
	if err := again.UnmarshalCBOR(out); err != nil {
		t.Errorf("%x was encoded as %x and cannot be decoded: %v", in, out, err)
		return true
	}
	// NaN is not equal to itself, so the encodings are compared.
	twice, err := again.MarshalCBOR()
	if err != nil || !bytes.Equal(out, twice) {
		t.Errorf("%x: encoded %x, then %x (%v)", in, out, twice, err)
	}
	return true
}

// TestHugeLengths shows that a length is not believed: what is allocated
// depends on the bytes that are there.
func TestHugeLengths(t *testing.T) {
	b, err := full().MarshalCBOR()
	if err != nil {
		t.Fatal(err)
	}
	heads := [][]byte{
		{0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x9a, 0xff, 0xff, 0xff, 0xff}, {0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0xba, 0xff, 0xff, 0xff, 0xff}, {0xbb, 0x80, 0, 0, 0, 0, 0, 0, 0},
		{0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x5a, 0xff, 0xff, 0xff, 0xff},
		{0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x7a, 0xff, 0xff, 0xff, 0xff}, {0x7b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	}
	// Bytes that follow make small lies believable.
	tail := make([]byte, 4096)
	for i := range b {
		for _, head := range heads {
			in := append(append(bytes.Clone(b[:i]), head...), tail...)
			if got, most := allocated(func() { _ = new(sample).UnmarshalCBOR(in) }), uint64(3*(64<<10+codec.MaxGrowth*len(in))); got > most {
				t.Fatalf("%x… at %d: %d bytes were allocated for %d, want at most %d", head, i, got, len(in), most)
			}
			_ = codec.WellFormed(in)
		}
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestAmplification feeds the decoder with what costs most memory for a byte.
func TestAmplification(t *testing.T) {
	const n = 100_000
	prefix := "\xa9\x62at\xc1\x00\x62id\x50ABCDEFGHIJKLMNOP\x64kind\x61a\x64name\x60\x65count\x00\x65extra\xf6\x65ratio\x00"
	list := append(codec.AppendListHead([]byte(prefix+"\x63env\xa0\x64tags"), n), bytes.Repeat([]byte{0x60}, n)...)
	entries := codec.AppendMapHead([]byte(prefix+"\x64tags\x80\x63env"), n)
	for i := range n {
		entries = append(entries, 0x63, byte('0'+i%10), byte('0'+i/10%10), byte('0'+i/100%10)) // repeats soon
		entries = append(entries, 0x60)
	}
	for name, in := range map[string][]byte{"a list of empty texts": list, "a map of repeated keys": entries} {
		var v sample
		got := allocated(func() { _ = v.UnmarshalCBOR(in) })
		if most := uint64(2 * (64<<10 + codec.MaxGrowth*len(in))); got > most {
			t.Errorf("%s: %d bytes were allocated for %d, want at most %d", name, got, len(in), most)
		}
	}
	var v sample
	if err := v.UnmarshalCBOR(list); err != nil || len(v.Tags) != n {
		t.Errorf("a list of %d empty texts: %d elements, %v", n, len(v.Tags), err)
	}
}

// twin is sample as fxamacker/cbor sees it.
type twin struct {
	ID       uuid              `cbor:"id"`
	At       time.Time         `cbor:"at"`
	Env      map[string]string `cbor:"env"`
	Kind     string            `cbor:"kind"`
	Name     string            `cbor:"name"`
	Next     *twin             `cbor:"next,omitempty"`
	Tags     []string          `cbor:"tags"`
	Extra    cbor.RawMessage   `cbor:"extra"`
	Count    uint32            `cbor:"count"`
	Ratio    float32           `cbor:"ratio"`
	Output   *[]byte           `cbor:"output,omitempty"`
	Timeout  *int64            `cbor:"timeout,omitempty"`
	Priority *int8             `cbor:"priority,omitempty"`
}

type uuid [16]byte

func (u uuid) MarshalCBOR() ([]byte, error) {
	return cbor.Marshal(cbor.Tag{Number: 37, Content: u[:]})
}

func (u *uuid) UnmarshalCBOR(b []byte) error {
	var tag cbor.RawTag
	if err := cbor.Unmarshal(b, &tag); err == nil && tag.Number == 37 {
		b = tag.Content
	}
	var raw []byte
	if err := cbor.Unmarshal(b, &raw); err != nil {
		return err
	}
	if len(raw) != 16 {
		return errors.New("not 16 bytes")
	}
	copy(u[:], raw)
	return nil
}

func toTwin(v *sample) *twin {
	if v == nil {
		return nil
	}
	w := &twin{
		ID: v.ID, At: v.At, Env: v.Env, Kind: v.Kind, Name: v.Name, Next: toTwin(v.Next), Tags: v.Tags,
		Extra: v.Extra, Count: v.Count, Ratio: v.Ratio, Priority: v.Priority,
	}
	if v.Output != nil {
		w.Output = &v.Output
	}
	if v.Timeout != nil {
		w.Timeout = new(int64(*v.Timeout))
	}
	return w
}

func oracleModes(t testing.TB) (cbor.EncMode, cbor.DecMode) {
	t.Helper()
	enc, err := cbor.EncOptions{
		Sort: cbor.SortCoreDeterministic, Time: cbor.TimeRFC3339NanoUTC, TimeTag: cbor.EncTagRequired,
		NilContainers: cbor.NilContainerAsEmpty,
	}.EncMode()
	if err != nil {
		t.Fatal(err)
	}
	dec, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TimeTag: cbor.DecTagRequired,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive, MaxArrayElements: 1 << 20, MaxMapPairs: 1 << 20,
	}.DecMode()
	if err != nil {
		t.Fatal(err)
	}
	return enc, dec
}

// random returns a value with random parts.
func random(r *rand.Rand, depth int) *sample {
	text := func() string {
		b := make([]rune, r.IntN(30))
		for i := range b {
			b[i] = []rune{'a', 'ü', '名', '\x00', '"', '😀'}[r.IntN(6)]
		}
		return string(b)
	}
	v := &sample{
		At:    time.Unix(r.Int64N(4e9)-2e9, r.Int64N(1e9)).UTC(),
		Env:   map[string]string{},
		Kind:  []string{"a", "b"}[r.IntN(2)],
		Name:  text(),
		Tags:  make([]string, r.IntN(40)),
		Extra: codec.AppendText(nil, text()),
		Count: r.Uint32() >> r.IntN(32),
		Ratio: r.Float32(),
	}
	for i := range v.ID {
		v.ID[i] = byte(r.Uint32())
	}
	for range r.IntN(30) {
		v.Env[text()] = text()
	}
	for i := range v.Tags {
		v.Tags[i] = text()
	}
	if r.IntN(2) == 0 && depth > 0 {
		v.Next = random(r, depth-1)
	}
	if r.IntN(2) == 0 {
		v.Output = []byte(text())
	}
	if r.IntN(2) == 0 {
		v.Timeout = new(time.Duration(int64(r.Uint64()) >> r.IntN(64)))
	}
	if r.IntN(2) == 0 {
		v.Priority = new(int8(r.IntN(256) - 128))
	}
	return v
}

// TestOracle compares with another implementation of RFC 8949: equal bytes,
// and equal values from them.
func TestOracle(t *testing.T) {
	enc, dec := oracleModes(t)
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		v := random(r, 3)
		ours, err := v.MarshalCBOR()
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := enc.Marshal(toTwin(v))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(ours, theirs) {
			t.Fatalf("encodings differ:\nours   %x\ntheirs %x", ours, theirs)
		}
		var got sample
		if err := got.UnmarshalCBOR(theirs); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(v, &got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		var w twin
		if err := dec.Unmarshal(ours, &w); err != nil {
			t.Fatal(err)
		}
	}
}

func seed(f *testing.F) {
	f.Helper()
	b, err := full().MarshalCBOR()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	for _, list := range [][]string{appendixA, appendixAIndefinite} {
		for _, v := range list {
			in, err := hex.DecodeString(v)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(in)
		}
	}
	f.Add([]byte("\xa1\x63env\xa1\x61k\x9f"))
}

// FuzzDecode feeds any bytes to the decoder of a struct. What fxamacker/cbor
// refuses has to be refused, but for what is listed here.
func FuzzDecode(f *testing.F) {
	seed(f)
	_, dec := oracleModes(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		if !checkInput(t, in) {
			return
		}
		err := dec.Unmarshal(in, new(twin))
		switch {
		case err == nil:
		case isA[*cbor.DupMapKeyError](err):
			// A key that no field has may come twice.
		case isA[*cbor.UnmarshalTypeError](err):
			// An integer for a float, or tag 1 for a time, beyond what it takes.
		default:
			t.Errorf("%x is accepted, fxamacker says: %v", in, err)
		}
	})
}

// FuzzWellFormed compares what is well-formed.
func FuzzWellFormed(f *testing.F) {
	seed(f)
	dec, err := cbor.DecOptions{
		IndefLength: cbor.IndefLengthForbidden, MaxNestedLevels: codec.MaxDepth, MaxArrayElements: 1<<31 - 1, MaxMapPairs: 1<<31 - 1,
	}.DecMode()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		ours, theirs := codec.WellFormed(in), dec.Wellformed(in)
		if (ours == nil) != (theirs == nil) {
			t.Errorf("%x: we say %v, fxamacker says %v", in, ours, theirs)
		}
	})
}

func isA[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}
