package wire

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// largest returns a frame of a kind with every field as long as it may be.
func largest(k Kind) *Frame {
	f := &Frame{
		Kind: k, Number: MaxNumber, From: MaxNumber, To: MaxNumber, Ref: RefOf(MaxNumber, true), Timeout: math.MaxInt64,
		Frames: math.MaxUint64, Bytes: math.MaxUint64, Count: math.MaxUint64, Outcome: OutcomeHandled, Flags: Redelivered,
		Peer: &Peer{
			Name: strings.Repeat("n", MaxName), ID: ID{1}, UID: math.MaxUint32, GID: math.MaxUint32, PID: math.MaxInt32,
		},
		Command: strings.Repeat("c", MaxCommand), Code: strings.Repeat("x", MaxCode), Message: strings.Repeat("m", MaxMessage),
	}
	switch k {
	case KindCall:
		f.Flags |= Nested
		f.Payload = make([]byte, 70_000)
	case KindEvent, KindBroadcast, KindReply, KindFail, KindNack, KindAnswer, KindCommands:
		f.Payload = make([]byte, 70_000)
	}
	return f
}

func TestSizeIsAnUpperBound(t *testing.T) {
	for _, k := range known {
		f := largest(k)
		b := Append(nil, f)
		if len(b) > Size(f) {
			t.Errorf("a frame of kind %d has %d bytes, Size says %d", k, len(b), Size(f))
		}
		content, _, err := Split(b, math.MaxUint32)
		if err != nil {
			t.Fatal(err)
		}
		var got Frame
		if err := new(Parser).Parse(content, &got); err != nil {
			t.Errorf("kind %d with every field at its limit: %v", k, err)
		}
	}
}

func TestAppendOfAnUnknownKindPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("something was appended")
		}
	}()
	Append(nil, &Frame{Kind: 99})
}

// Every length of a head is written in its shortest form and read again.
func TestHeads(t *testing.T) {
	for _, n := range []uint64{0, 1, 23, 24, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, math.MaxUint64} {
		b := appendHead(nil, majorUint, n)
		if len(b) != headLen(n) {
			t.Errorf("%d takes %d bytes, headLen says %d", n, len(b), headLen(n))
		}
		c := cursor{b: b}
		if got := c.uint(); got != n || c.reason != "" || c.off != len(b) {
			t.Errorf("%d is read as %d: %s", n, got, c.reason)
		}
	}
}

func TestRef(t *testing.T) {
	for _, tt := range []struct {
		n      uint64
		nested bool
		want   Ref
	}{{1, false, 2}, {1, true, 3}, {MaxNumber, true, math.MaxUint64}} {
		r := RefOf(tt.n, tt.nested)
		if r != tt.want || r.Number() != tt.n || r.Nested() != tt.nested {
			t.Errorf("RefOf(%d, %v) = %d with number %d, nested %v", tt.n, tt.nested, r, r.Number(), r.Nested())
		}
	}
}

func TestInSequence(t *testing.T) {
	want := map[Kind]string{
		KindEvent: "S", KindBroadcast: "S", KindCall: "S", KindReply: "R", KindFail: "R", KindNack: "R",
	}
	for _, k := range known {
		got := ""
		if seq, ok := (&Frame{Kind: k}).InSequence(); ok {
			got = []string{"S", "R"}[seq]
		}
		if got != want[k] {
			t.Errorf("kind %d is in sequence %q, want %q", k, got, want[k])
		}
	}
	if seq, ok := (&Frame{Kind: KindCall, Flags: Nested}).InSequence(); !ok || seq != R {
		t.Error("a nested call is not in R")
	}
}

func TestHelloThatIsTooLarge(t *testing.T) {
	h := &Hello{Version: Version, Lane: LaneDomain, Token: make([]byte, 16), Attempt: 1, Fingerprint: strings.Repeat("f", MaxHello)}
	before := []byte("before")
	if b, err := AppendHello(before, h); err == nil || string(b) != "before" {
		t.Errorf("appended %d bytes, error %v", len(b), err)
	}
	// The largest one that is sent is one that is taken.
	for n := MaxHello; ; n-- {
		h.Fingerprint = strings.Repeat("f", n)
		b, err := AppendHello(nil, h)
		if err != nil {
			continue
		}
		content, _, err := Split(b, MaxHello)
		if err != nil || len(content) != MaxHello {
			t.Errorf("the largest hello has %d bytes, the limit is %d: %v", len(content), MaxHello, err)
		}
		return
	}
}

// A parser keeps names, but not without end, and gives out the right ones.
func TestNamesOfAParserAreBounded(t *testing.T) {
	var p Parser
	for i := range 3 * mostNames {
		name := fmt.Sprintf("command-%d", i%(2*mostNames))
		content, _, err := Split(Append(nil, &Frame{Kind: KindEvent, Number: 1, Command: name, Payload: []byte{null}}), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		var f Frame
		if err := p.Parse(content, &f); err != nil || f.Command != name {
			t.Fatalf("got %q, error %v, want %q", f.Command, err, name)
		}
	}
	if len(p.names) != mostNames {
		t.Errorf("%d names are kept, the limit is %d", len(p.names), mostNames)
	}
}

func TestParseAllocatesNothingForKnownNames(t *testing.T) {
	content, _, err := Split(Append(nil, &Frame{Kind: KindEvent, Number: 1, Command: "greet", Payload: []byte{null}}), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var p Parser
	var f Frame
	if n := testing.AllocsPerRun(100, func() {
		if err := p.Parse(content, &f); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	b := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { Append(b, &f) }); n != 0 {
		t.Errorf("Append: %v allocations", n)
	}
}

// FuzzParse: no content breaks a parser, and what it takes is what would be
// sent.
func FuzzParse(f *testing.F) {
	v := readVectors(f)
	for _, v := range slices.Concat(v.Frames, v.Hellos, v.Answers, v.Malformed.Frames, v.Malformed.Hellos, v.Malformed.Answers) {
		f.Add(v.content(f))
	}
	var p Parser
	f.Fuzz(func(t *testing.T, content []byte) {
		before := bytes.Clone(content)
		var frame Frame
		if err := p.Parse(content, &frame); err == nil && slices.Contains(known, frame.Kind) {
			again, used, err := Split(Append(nil, &frame), math.MaxUint32)
			if err != nil || used == 0 {
				t.Fatalf("what was taken cannot be sent: %v", err)
			}
			if frame.Kind == KindCall && frame.Timeout == math.MaxInt64 {
				return // any longer timeout is as good
			}
			if diff := cmp.Diff(content, again); diff != "" {
				t.Errorf("taken and sent again (-taken +sent):\n%s", diff)
			}
		}
		if h, err := ParseHello(content); err == nil {
			if _, err := AppendHello(nil, h); err != nil && len(content) <= MaxHello {
				t.Errorf("a hello that was taken cannot be sent: %v", err)
			}
		}
		if w, r, err := ParseAnswerToHello(content); (w != nil) == (r != nil) && err == nil {
			t.Error("an answer that is both or neither")
		}
		if !bytes.Equal(before, content) {
			t.Error("the content was changed")
		}
	})
}
