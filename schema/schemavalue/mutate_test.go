package schemavalue_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ipcio/ipcio-go/schema/schemavalue"
)

// TestScramble proves that a scrambled value is another encoding of the same
// value for a reader of its type.
func TestScramble(t *testing.T) {
	_, types := loadTypes(t)
	r := rng()
	g := schemavalue.NewGenerator(r)
	other := 0
	for range 500 {
		v, _ := g.Value(types["All"])
		want := schemavalue.Encode(schemavalue.Rewrite(types["All"], v))
		scrambled := schemavalue.Scramble(r, v)
		back, err := schemavalue.Decode(scrambled)
		if err != nil {
			t.Fatalf("%x: %v", scrambled, err)
		}
		if err := schemavalue.Accepts(types["All"], back); err != nil {
			t.Fatalf("%x: %v", scrambled, err)
		}
		// What an any holds may have another width now.
		if any, _ := v.Lookup("any"); any.Kind == schemavalue.Float {
			continue
		}
		if got := schemavalue.Encode(schemavalue.Rewrite(types["All"], back)); string(got) != string(want) {
			t.Fatalf("%x becomes %x", want, got)
		}
		if string(scrambled) != string(want) {
			other++
		}
	}
	if other < 400 {
		t.Errorf("only %d are not the form of a writer", other)
	}
	// Every float that a binary16 holds survives in its width.
	for bits := 0; bits < 1<<16; bits += 5 {
		v, err := schemavalue.Decode([]byte{0xf9, byte(bits >> 8), byte(bits)})
		if err != nil {
			t.Fatal(err)
		}
		short := false
		for i := 0; i < 8 || i < 100 && !short; i++ {
			b := schemavalue.Scramble(r, v)
			short = short || len(b) == 3
			if again, err := schemavalue.Decode(b); err != nil || again.Float != v.Float && !math.IsNaN(v.Float) {
				t.Fatalf("%04x becomes %x: %v, %v", bits, b, again.Float, err)
			}
		}
		if !short && bits>>10&31 != 0 { // subnormal ones stay long
			t.Errorf("%04x is never written in three bytes", bits)
		}
	}
}

// TestMutate proves that a mutation changes a value now and then so that its
// reader refuses it, and never the value that it was made of.
func TestMutate(t *testing.T) {
	_, types := loadTypes(t)
	r := rng()
	g := schemavalue.NewGenerator(r)
	accepted, refused := 0, 0
	for range 3000 {
		v, _ := g.Value(types["All"])
		before := schemavalue.Encode(v)
		w := schemavalue.Mutate(r, v)
		if after := schemavalue.Encode(v); string(after) != string(before) {
			t.Fatalf("%x became %x", before, after)
		}
		if _, err := schemavalue.Decode(schemavalue.Encode(w)); err != nil {
			t.Fatalf("%x: %v", schemavalue.Encode(w), err)
		}
		if schemavalue.Accepts(types["All"], w) == nil {
			accepted++
		} else {
			refused++
		}
	}
	if accepted < 300 || refused < 300 {
		t.Errorf("%d are accepted and %d refused", accepted, refused)
	}
	v, _ := g.Value(types["All"])
	one := schemavalue.Mutate(rand.New(rand.NewPCG(5, 6)), v)
	two := schemavalue.Mutate(rand.New(rand.NewPCG(5, 6)), v)
	if diff := cmp.Diff(schemavalue.Encode(one), schemavalue.Encode(two)); diff != "" {
		t.Errorf("one seed gives two values: %s", diff)
	}
}
