package wire

import (
	"bytes"
	"io"
	"testing"
)

func TestBuffers(t *testing.T) {
	for class := leastClass; class <= mostClass; class++ {
		for _, n := range []int{1<<class - 1, 1 << class, 1<<class + slack/2, 1<<class + slack/2 + 1} {
			for range max(1, 1<<22>>class) { // often enough for the loss at the front to show in the small ones
				b := GetBuffer(n)
				if len(b) != 0 || cap(b) < n {
					t.Fatalf("for %d bytes: a buffer of %d, room for %d", n, len(b), cap(b))
				}
				if cap(b) > 2*n+2*slack {
					t.Fatalf("for %d bytes: room for %d", n, cap(b))
				}
				PutBuffer(b[:cap(b)][20:])
			}
		}
	}
	for _, n := range []int{0, 1, block, 1<<mostClass + slack, 1 << 26} { // of no class, at one end or the other
		b := GetBuffer(n)
		if cap(b) < n {
			t.Errorf("for %d bytes: room for %d", n, cap(b))
		}
		PutBuffer(b)
	}
	PutBuffer(nil)
	PutBuffer(make([]byte, 0, block))
	PutBuffer(make([]byte, 0, 1<<26))
	if b := GetBuffer(1 << mostClass); cap(b) > 1<<(mostClass+1) {
		t.Errorf("a buffer of %d bytes was kept", cap(b))
	}
}

func TestGrow(t *testing.T) {
	b := append(make([]byte, 0, 10), "abc"...)
	if g := Grow(b, 7); &g[0] != &b[0] {
		t.Error("moved though there was room")
	}
	g := Grow(b, 8)
	if string(g) != "abc" || cap(g)-len(g) < 8 || &g[0] == &b[0] {
		t.Errorf("%q with room for %d", g, cap(g)-len(g))
	}
}

// After a frame of its size has come in full, a large one is read into a buffer
// that holds all of it, and no byte is moved but those of the first block; before,
// the buffer grows with what arrives.
func TestReaderKnownSize(t *testing.T) {
	const size = 1 << 20
	stream, want := stream(size, 100, size, size+1)
	src := &chunks{b: stream, sizes: []int{1000}}
	r := NewReader(src, 1<<24)
	whole := func(stage string, arrived int, at bool) {
		t.Helper()
		if err := r.fill(); err != nil {
			t.Fatal(err)
		}
		if err := r.fill(); err != nil {
			t.Fatal(err)
		}
		if got := len(r.buf) >= size; got != at {
			t.Errorf("%s: the buffer has %d bytes when %d had arrived", stage, len(r.buf), arrived)
		}
	}
	next := func(i int) {
		t.Helper()
		content, err := r.Next()
		if err != nil || !bytes.Equal(content, want[i]) {
			t.Fatalf("frame %d: %d bytes, %v; want %d", i, len(content), err, len(want[i]))
		}
	}
	whole("the first one", 2000, false)
	next(0)
	next(1)
	whole("one as large", 2000, true)
	next(2)
	next(3)
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

// Between two frames a Reader of a LazySource has no large buffer.
func TestReaderLetsLargeBufferGo(t *testing.T) {
	b, _ := stream(1<<20, 10)
	var held int
	src := &lazySource{t: t, chunks: [][]byte{b[:1<<20+5], b[1<<20+5:]}}
	r := NewReader(src, 1<<24)
	src.waits = func() { held = max(held, cap(r.buf)) }
	for range 2 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if held != 0 {
		t.Errorf("a buffer of %d bytes while it waited", held)
	}
}
