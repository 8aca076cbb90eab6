package codec_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/codec"
)

// TestKeysOfEveryLength shows that keys of every length around the widths of
// words and heads are written and found again, wherever a buffer ends, and that
// a key which differs in one byte is another one.
func TestKeysOfEveryLength(t *testing.T) {
	for n := 1; n <= 40; n++ {
		first, second := strings.Repeat("k", n), strings.Repeat("k", n-1)+"l"
		table := codec.Struct{
			Type: reflect.Zero(reflect.PointerTo(reflect.StructOf([]reflect.StructField{
				{Name: "First", Type: reflect.TypeFor[bool]()}, {Name: "Second", Type: reflect.TypeFor[*string]()},
			}))).Interface(),
			Fields: []codec.Field{{Key: first, Of: codec.Bool}, {Key: second, Of: codec.String, Optional: true}},
		}
		v := reflect.New(reflect.TypeOf(table.Type).Elem())
		v.Elem().Field(0).SetBool(true)
		for _, text := range []*string{nil, new(""), new("a"), new("a text that is longer than the key is")} {
			v.Elem().Field(1).Set(reflect.ValueOf(text))
			want := codec.AppendBool(codec.AppendText([]byte{0xa1}, first), true)
			if text != nil {
				want[0]++
				want = codec.AppendText(codec.AppendText(want, second), *text)
			}
			for room := range 2 * len(want) {
				exact(t, &table, v.Interface(), want, room)
			}
			w := reflect.New(v.Type().Elem())
			if err := table.Unmarshal(want, w.Interface()); err != nil || !reflect.DeepEqual(v.Interface(), w.Interface()) {
				t.Errorf("%x is decoded as %v, %v; want %v", want, w, err, v)
			}
		}
		other := codec.AppendBool(codec.AppendText([]byte{0xa1}, strings.Repeat("k", n-1)+"j"), true)
		if err := table.Unmarshal(append(other, make([]byte, 0, 64)...), v.Interface()); err == nil || !strings.Contains(err.Error(), "missing required field") {
			t.Errorf("%x is decoded with %v, want a missing field", other, err)
		}
	}
}

// exact shows that v is encoded as want into a buffer of any size, and that not
// a byte is written behind it.
func exact(t *testing.T, table *codec.Struct, v any, want []byte, room int) {
	t.Helper()
	buf := bytes.Repeat([]byte{0xee}, room)
	got, err := table.Append(buf[:0], v)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("into %d bytes of room: %x, %v; want %x", room, got, err, want)
		return
	}
	if room < len(want) {
		return
	}
	if behind := buf[len(want):]; !bytes.Equal(behind, bytes.Repeat([]byte{0xee}, len(behind))) {
		t.Errorf("behind the end of %x: %x", want, behind)
	}
}

// TestAppendWritesNothingBehindItsEnd does the same for payloads with fields of
// many types.
func TestAppendWritesNothingBehindItsEnd(t *testing.T) {
	for _, p := range payloads {
		want, err := p.table.Append(nil, p.value)
		if err != nil {
			t.Fatal(err)
		}
		for room := range len(want) + 64 {
			exact(t, p.table, p.value, want, room)
		}
	}
}
