// Package frame reads length-prefixed frames (four bytes, big endian).
package frame

import (
	"encoding/binary"
	"errors"
	"io"
)

// Max is the largest frame accepted.
const Max = 16 << 20

// ErrSize says that a frame announces too much.
var ErrSize = errors.New("frame too large")

const (
	first = 4 << 10
	bulk  = 64 << 10
)

// A Reader reads frames with as few reads as possible. Its buffer starts small
// and grows when reads fill it.
type Reader struct {
	R    io.Reader
	buf  []byte
	a, b int
}

// Buffered tells whether a whole frame is there already.
func (f *Reader) Buffered() bool {
	n := f.b - f.a
	return n >= 4 && n-4 >= int(binary.BigEndian.Uint32(f.buf[f.a:]))
}

// Next returns the next frame, valid until the following call.
func (f *Reader) Next() ([]byte, error) {
	for {
		need := 4
		if f.b-f.a >= 4 {
			n := binary.BigEndian.Uint32(f.buf[f.a:])
			if n > Max {
				return nil, ErrSize
			}
			need = 4 + int(n)
			if f.b-f.a >= need {
				p := f.buf[f.a+4 : f.a+need : f.a+need]
				f.a += need
				if f.a == f.b {
					f.a, f.b = 0, 0
				}
				return p, nil
			}
		}
		f.room(need)
		n, err := f.R.Read(f.buf[f.b:])
		f.b += n
		if err != nil && n == 0 {
			return nil, err
		}
		if f.b == len(f.buf) && len(f.buf) < bulk {
			nb := make([]byte, min(bulk, 4*len(f.buf)))
			f.b = copy(nb, f.buf[f.a:f.b])
			f.buf, f.a = nb, 0
		}
	}
}

func (f *Reader) room(need int) {
	if f.a > 0 && len(f.buf)-f.a < need {
		f.b = copy(f.buf, f.buf[f.a:f.b])
		f.a = 0
	}
	if len(f.buf) < need {
		nb := make([]byte, max(first, need))
		f.b = copy(nb, f.buf[f.a:f.b])
		f.buf, f.a = nb, 0
	}
	if f.b == len(f.buf) { // full, yet room for need: cannot be, but never read into nothing
		f.b = copy(f.buf, f.buf[f.a:f.b])
		f.a = 0
	}
}
