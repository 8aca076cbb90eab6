package codec_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/codec"
)

// page has borrowed bytes of its own and in what it holds, beside bytes that
// are always copied.
type page struct {
	Raw   []byte
	Own   []byte
	Maybe []byte // optional
	Next  *page
	List  []page
	Table map[string]page
	Parts [][]byte
}

var layoutPage = codec.Struct{Type: (*page)(nil), Fields: []codec.Field{
	{Key: "raw", Of: codec.ByteString, Borrow: true},
	{Key: "own", Of: codec.ByteString},
	{Key: "maybe", Of: codec.ByteString, Optional: true, Borrow: true},
	{Key: "next", Of: pageItself{}, Optional: true},
	{Key: "list", Of: codec.List{Of: pageItself{}}},
	{Key: "table", Of: codec.Map{Of: pageItself{}}},
	{Key: "parts", Of: codec.List{Of: codec.ByteString}},
}}

type pageItself struct{}

func (pageItself) Layout() codec.Type { return &layoutPage }

// inside calls do for v and all that it holds.
func (v *page) inside(do func(*page)) {
	do(v)
	if v.Next != nil {
		v.Next.inside(do)
	}
	for i := range v.List {
		v.List[i].inside(do)
	}
	for _, p := range v.Table {
		p.inside(do)
	}
}

func TestUnmarshalLent(t *testing.T) {
	leaf := page{Raw: []byte("leaf"), Own: []byte("mine"), Maybe: []byte{}}
	in, err := layoutPage.Append(nil, &page{
		Raw: []byte("top"), Own: []byte("mine"), Next: &leaf, List: []page{leaf}, Table: map[string]page{"k": leaf}, Parts: [][]byte{[]byte("mine")},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, lent := range []bool{false, true} {
		t.Run(fmt.Sprint("lent ", lent), func(t *testing.T) {
			b := bytes.Clone(in)
			unmarshal := layoutPage.Unmarshal
			if lent {
				unmarshal = layoutPage.UnmarshalLent
			}
			var v page
			if err := unmarshal(b, &v); err != nil {
				t.Fatal(err)
			}
			if again, err := layoutPage.Append(nil, &v); err != nil || !bytes.Equal(again, in) {
				t.Fatalf("it is written again as %x (%v), was %x", again, err, in)
			}
			if v.Maybe != nil || v.Next.Maybe == nil {
				t.Error("absent and empty bytes are mixed up")
			}
			pages := 0
			v.inside(func(p *page) {
				pages++
				for what, field := range map[string][]byte{"Raw": p.Raw, "Maybe": p.Maybe} {
					if lent && cap(field) != len(field) {
						t.Errorf("%s has a capacity of %d: an append writes into the message", what, cap(field))
					}
				}
				_, _ = append(p.Raw, "more"...), append(p.Maybe, "more"...)
			})
			if pages != 4 {
				t.Fatalf("%d pages, want 4", pages)
			}
			if !bytes.Equal(b, in) {
				t.Error("an append has changed the message")
			}
			copy(b, bytes.Repeat([]byte{'x'}, len(b)))
			v.inside(func(p *page) {
				if overwritten := strings.Trim(string(p.Raw), "x") == ""; overwritten != lent {
					t.Errorf("Raw is %q when the message is overwritten", p.Raw)
				}
				if string(p.Own) != "mine" {
					t.Errorf("Own is %q when the message is overwritten", p.Own)
				}
			})
			if string(v.Parts[0]) != "mine" {
				t.Errorf("an element of a list is %q when the message is overwritten", v.Parts[0])
			}
		})
	}
}

// TestUnmarshalLentRefuses: what is wrong is told as by Unmarshal, and nothing
// stays lent.
func TestUnmarshalLentRefuses(t *testing.T) {
	in, err := layoutPage.Append(nil, &page{Raw: []byte("abc"), Maybe: []byte("abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	for n := range in {
		var v page
		err, want := layoutPage.UnmarshalLent(in[:n:n], &v), layoutPage.Unmarshal(in[:n:n], new(page))
		if err == nil || want == nil || err.Error() != want.Error() {
			t.Errorf("%d bytes of %d: %v, want %v", n, len(in), err, want)
		}
		if v.Raw != nil || v.Maybe != nil {
			t.Errorf("%d bytes of %d: refused, and %q and %q are lent", n, len(in), v.Raw, v.Maybe)
		}
	}
}

func TestUnmarshalLentSavesTheCopy(t *testing.T) {
	const size = 1 << 20
	in, err := layoutPage.Append(nil, &page{Raw: make([]byte, size)})
	if err != nil {
		t.Fatal(err)
	}
	var v page
	_ = layoutPage.UnmarshalLent(in, &v) // makes the plan
	if got := allocated(func() { err = layoutPage.UnmarshalLent(in, &v) }); err != nil || got > size/8 {
		t.Errorf("%d bytes allocated to lend %d (%v)", got, size, err)
	}
	if got := allocated(func() { err = layoutPage.Unmarshal(in, &v) }); err != nil || got < size {
		t.Errorf("%d bytes allocated to copy %d (%v)", got, size, err)
	}
}

func TestBorrowOfTextPanics(t *testing.T) {
	type note struct{ Text string }
	layout := codec.Struct{Type: (*note)(nil), Fields: []codec.Field{{Key: "text", Of: codec.String, Borrow: true}}}
	defer func() {
		if recover() == nil {
			t.Error("a table with a borrowed text is taken")
		}
	}()
	_ = layout.Unmarshal([]byte{0xa0}, new(note))
}
