package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// readAll returns the contents of all frames of r, and how it ended.
func readAll(r *Reader) (contents [][]byte, err error) {
	for {
		content, err := r.Next()
		if err != nil {
			return contents, err
		}
		contents = append(contents, append([]byte{}, content...))
	}
}

// chunks reads from b in pieces of the given sizes, over and over.
type chunks struct {
	b     []byte
	sizes []int
	next  int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, io.EOF
	}
	n := min(c.sizes[c.next%len(c.sizes)], len(c.b), len(p))
	c.next++
	copy(p, c.b[:n])
	c.b = c.b[n:]
	return n, nil
}

func stream(sizes ...int) (b []byte, want [][]byte) {
	for i, n := range sizes {
		content := bytes.Repeat([]byte{byte(i)}, n)
		b = append(appendHead(b, majorBytes, uint64(n)), content...)
		want = append(want, content)
	}
	return b, want
}

func TestReaderChunkings(t *testing.T) {
	b, want := stream(0, 1, 23, 24, 255, 256, 3, 5000, 65535, 65536, 7, 200_000, 0, 12, 100_000, 1)
	r := rand.New(rand.NewPCG(1, 2))
	random := make([]int, 100)
	for i := range random {
		random[i] = 1 + r.IntN(9000)
	}
	for name, sizes := range map[string][]int{
		"whole": {len(b)}, "bytes": {1}, "pages": {4096}, "one less": {4095}, "random": random, "stutter": {1, 0, 70_000, 0, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readAll(NewReader(&chunks{b: b, sizes: sizes}, 1<<20))
			if err != io.EOF {
				t.Fatalf("the stream ends with %v", err)
			}
			if !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("%d frames were read, and not the %d that were sent", len(got), len(want))
			}
		})
	}
}

func TestReaderEnds(t *testing.T) {
	b, _ := stream(10)
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		src  io.Reader
		want error
	}{
		{"between frames", bytes.NewReader(b), io.EOF},
		{"inside a content", bytes.NewReader(b[:5]), io.ErrUnexpectedEOF},
		{"inside a length", bytes.NewReader(append(bytes.Clone(b), 0x59, 0)), io.ErrUnexpectedEOF},
		{"with an error", io.MultiReader(bytes.NewReader(b), iotest.ErrReader(broken)), broken},
		{"with data and an error", iotest.DataErrReader(io.MultiReader(bytes.NewReader(b), iotest.ErrReader(broken))), broken},
		{"without progress", &chunks{b: b, sizes: []int{0}}, io.ErrNoProgress},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(tt.src, 100)
			for range 2 { // it ends for good
				if _, err := readAll(r); !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
			}
		})
	}
}

func TestReaderLimit(t *testing.T) {
	b, _ := stream(16, 17)
	r := NewReader(bytes.NewReader(b), 16)
	if _, err := r.Next(); err != nil {
		t.Fatalf("a frame of the limit: %v", err)
	}
	_, err := r.Next()
	if e, ok := errors.AsType[*SizeError](err); !ok || e.Size != 17 || e.Limit != 16 {
		t.Fatalf("got %v", err)
	}
	if !r.Buffered() {
		t.Error("an error that is at hand needs a read")
	}
	r.SetLimit(17)
	if content, err := r.Next(); err != nil || len(content) != 17 {
		t.Errorf("with a new limit: %d bytes, %v", len(content), err)
	}
	if r.Buffered() {
		t.Error("nothing is left, and something is at hand")
	}
}

// What a length claims costs nothing: only what arrives does.
func TestContractC1ReaderMemory(t *testing.T) {
	const limit = 16 << 20
	// The least of several runs: what other goroutines of the process allocate
	// meanwhile is counted too.
	allocated := func(f func()) uint64 {
		least := uint64(math.MaxUint64)
		for range 5 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			f()
			runtime.ReadMemStats(&after)
			least = min(least, after.TotalAlloc-before.TotalAlloc)
		}
		return least
	}
	t.Run("a claim above the limit", func(t *testing.T) {
		head := appendHead(nil, majorBytes, limit+1)
		b := append(head, make([]byte, 100)...)
		n := allocated(func() {
			r := NewReader(bytes.NewReader(b), limit)
			if _, err := r.Next(); err == nil {
				t.Error("taken")
			}
			if len(r.buf) > block {
				t.Errorf("a buffer of %d bytes", len(r.buf))
			}
		})
		if n > 2*block {
			t.Errorf("%d bytes were allocated", n)
		}
	})
	for _, arrived := range []int{0, 10, block - 5, block, 100_000, 1 << 20} {
		t.Run(fmt.Sprintf("a claim of the limit of which %d arrive", arrived), func(t *testing.T) {
			b := append(appendHead(nil, majorBytes, limit), make([]byte, arrived)...)
			n := allocated(func() {
				src := &chunks{b: b, sizes: []int{1000}}
				r := NewReader(src, limit)
				for {
					err := r.fill()
					if err != nil {
						return
					}
					if got := len(b) - len(src.b); len(r.buf) > 2*got+block {
						t.Fatalf("a buffer of %d bytes when %d had arrived", len(r.buf), got)
					}
				}
			})
			// Every buffer is twice as large as the one before: together they are
			// twice the last one, which is at most twice what arrived.
			if most := uint64(4*len(b) + 3*block); n > most {
				t.Errorf("%d bytes were allocated for %d, want at most %d", n, len(b), most)
			}
		})
	}
	t.Run("a large frame is let go", func(t *testing.T) {
		b, _ := stream(1<<20, 10, 10, 10)
		r := NewReader(&chunks{b: b, sizes: []int{(1 << 20) + 5 + 15, 1}}, limit)
		if _, err := readAll(r); err != io.EOF {
			t.Fatal(err)
		}
		if len(r.buf) > block {
			t.Errorf("behind a frame of 1 MiB and three of 10 bytes the buffer has %d bytes", len(r.buf))
		}
	})
	t.Run("small frames need one buffer", func(t *testing.T) {
		var sizes []int
		for range 10_000 {
			sizes = append(sizes, 100)
		}
		b, _ := stream(sizes...)
		r := NewReader(&chunks{b: b, sizes: []int{997}}, limit)
		n := allocated(func() {
			for {
				if _, err := r.Next(); err != nil {
					break
				}
			}
		})
		if n > 4*block {
			t.Errorf("%d bytes were allocated for frames of 100", n)
		}
	})
}

// FuzzSplit: however a stream arrives, it is cut the same way.
func FuzzSplit(f *testing.F) {
	v := readVectors(f)
	for _, v := range slices.Concat(v.Frames, v.Malformed.Streams) {
		f.Add(v.bytes(f), uint16(7), uint16(3))
	}
	b, _ := stream(0, 1, 24, 300, 5000)
	f.Add(b, uint16(4096), uint16(1))
	f.Fuzz(func(t *testing.T, b []byte, first, second uint16) {
		const limit = 1 << 16
		var want [][]byte
		var end error
		for rest := b; ; {
			content, used, err := Split(rest, limit)
			if err != nil {
				end = err
				break
			}
			if used == 0 {
				if end = io.EOF; len(rest) > 0 {
					end = io.ErrUnexpectedEOF
				}
				break
			}
			if len(content) > limit || used != headLen(uint64(len(content)))+len(content) {
				t.Fatalf("a frame of %d bytes took %d", len(content), used)
			}
			want, rest = append(want, content), rest[used:]
		}
		for _, sizes := range [][]int{{math.MaxInt}, {1}, {int(first) + 1, int(second) + 1}} {
			got, err := readAll(NewReader(&chunks{b: b, sizes: sizes}, limit))
			if fmt.Sprint(err) != fmt.Sprint(end) {
				t.Errorf("in pieces of %v it ends with %v, want %v", sizes, err, end)
			}
			if !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("in pieces of %v: %s", sizes, cmp.Diff(want, got))
			}
		}
	})
}

// lazySource hands out chunks, and counts the buffers that are out while it waits.
type lazySource struct {
	t      *testing.T
	chunks [][]byte
	reads  int // with a buffer of the Reader's own
	waits  func()
}

func (s *lazySource) Read(b []byte) (int, error) {
	s.reads++
	if len(s.chunks) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.chunks[0])
	if s.chunks[0] = s.chunks[0][n:]; len(s.chunks[0]) == 0 {
		s.chunks = s.chunks[1:]
	}
	return n, nil
}

func (s *lazySource) ReadLazy(get func() []byte, put func([]byte)) ([]byte, int, error) {
	if s.waits != nil {
		s.waits()
	}
	if len(s.chunks) == 0 {
		return nil, 0, io.EOF
	}
	b := get()
	if len(b) != block {
		s.t.Errorf("a buffer of %d bytes, want %d", len(b), block)
	}
	n, err := s.Read(b)
	s.reads--
	return b, n, err
}

// Between two frames a Reader of a LazySource has no buffer; in the middle of one
// it reads on behind what is there.
func TestReaderWaitsWithoutBuffer(t *testing.T) {
	frame := func(n int) []byte {
		return append(appendHead(nil, majorBytes, uint64(n)), bytes.Repeat([]byte{byte(n)}, n)...)
	}
	src := &lazySource{t: t}
	sizes := []int{10, 20, 3 * block, 30, 5, 40}
	var stream []byte
	for _, n := range sizes {
		stream = append(stream, frame(n)...)
	}
	src.chunks = [][]byte{stream[:11], stream[11:20], stream[20:100], stream[100:]}
	r := NewReader(src, 1<<20)
	for i, n := range sizes {
		content, err := r.Next()
		if err != nil || !bytes.Equal(content, bytes.Repeat([]byte{byte(n)}, n)) {
			t.Fatalf("frame %d: %d bytes, %v; want %d", i, len(content), err, n)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if src.reads == 0 {
		t.Error("the rest of a frame was read into another buffer")
	}
}
