package wire

import (
	"io"
	"math/bits"
	"sync"
)

// Buffer sizes of a Reader, in bytes.
const (
	block    = 4 << 10  // what it starts with and adds at least
	keepMost = 64 << 10 // what it keeps after a larger frame was read
)

// A Reader cuts a stream into frames. Its buffer grows with what arrives, not
// with what a frame claims to be, unless one as large has come in full before: it
// is never larger than twice what the source has sent in all and one block. While
// it waits for the next frame of a [LazySource] it has none, unless frames are
// larger than a block. Buffers come from the pools of [GetBuffer] and go back
// there. It is not safe for concurrent use.
type Reader struct {
	src        io.Reader
	lazy       LazySource // src, if it is one
	limit      uint64
	buf        []byte
	start, end int // what was read and not yet returned is buf[start:end]
	proven     int // size of the largest frame that has come in full, with its head
}

// A LazySource can wait for its next bytes without a buffer. ReadLazy takes one
// from get when there is something, and returns it with how much it read; what it
// does not return it gives to put.
type LazySource interface {
	ReadLazy(get func() []byte, put func([]byte)) (buf []byte, n int, err error)
}

// NewReader returns a Reader of src that refuses frames of more than limit
// bytes.
func NewReader(src io.Reader, limit int) *Reader {
	lazy, _ := src.(LazySource)
	return &Reader{src: src, lazy: lazy, limit: uint64(limit)}
}

var blocks = sync.Pool{New: func() any { return new([block]byte) }}

func getBlock() []byte  { return blocks.Get().(*[block]byte)[:] }
func putBlock(b []byte) { blocks.Put((*[block]byte)(b)) }

// SetLimit changes the limit for the frames that follow.
func (r *Reader) SetLimit(limit int) { r.limit = uint64(limit) }

// Next returns the content of the next frame. It is valid until the next call.
// Errors are those of the source; [io.ErrUnexpectedEOF] when it ends inside a
// frame; a *[MalformedError] when it is no frame; a *[SizeError] when it is too
// large, found before anything is allocated for it.
func (r *Reader) Next() ([]byte, error) {
	for {
		content, used, err := Split(r.buf[r.start:r.end], r.limit)
		if err != nil {
			return nil, err
		}
		if used > 0 {
			r.start += used
			r.proven = max(r.proven, used)
			return content, nil
		}
		if err := r.fill(); err != nil {
			if err == io.EOF && r.end > r.start {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// Buffered reports whether a whole frame can be returned without reading.
func (r *Reader) Buffered() bool {
	_, used, err := Split(r.buf[r.start:r.end], r.limit)
	return used > 0 || err != nil
}

// fill reads once, behind what is there.
func (r *Reader) fill() error {
	have := r.end - r.start
	if have == 0 && r.lazy != nil && (len(r.buf) <= block || len(r.buf) > keepMost) {
		r.release()
		var err error
		r.buf, r.end, err = r.lazy.ReadLazy(getBlock, putBlock)
		return err
	}
	known := r.knownSize()
	switch {
	case len(r.buf) > keepMost && have <= block/2 && known <= block:
		r.move(getBlock()) // a larger frame was read: let its memory go
	case have == 0:
		r.start, r.end = 0, 0
	case known > len(r.buf):
		r.grow(known, 2*known+block)
	case r.start+known > len(r.buf), r.end == len(r.buf) && r.start >= have:
		r.move(r.buf)
	case r.end == len(r.buf):
		r.grow(1<<(bits.Len(uint(2*have))-1), 2*have+block)
	}
	if len(r.buf) == 0 {
		r.buf = getBlock()
	}
	for range 100 {
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// knownSize is the size of the frame that is being read, with its head, if one as
// large has come before, otherwise 0.
func (r *Reader) knownSize() int {
	size, head, err := splitHead(r.buf[r.start:r.end], r.limit)
	if err != nil || head == 0 || size > uint64(r.proven) || int(size)+head > r.proven {
		return 0
	}
	return int(size) + head
}

// grow takes a buffer for size bytes and uses most bytes of it at most.
func (r *Reader) grow(size, most int) {
	b := GetBuffer(max(size, block+1))
	r.move(b[:min(cap(b), most)])
}

// move makes buf the buffer, with what was not yet returned at its front.
func (r *Reader) move(buf []byte) {
	end := copy(buf, r.buf[r.start:r.end])
	if len(r.buf) > 0 && &buf[0] != &r.buf[0] {
		r.release()
	}
	r.buf, r.start, r.end = buf, 0, end
}

// release gives the buffer up.
func (r *Reader) release() {
	switch {
	case cap(r.buf) == block:
		putBlock(r.buf[:block])
	default:
		PutBuffer(r.buf)
	}
	r.buf, r.start, r.end = nil, 0, 0
}

// Split cuts the first frame off b: its content, and how many bytes of b it
// took. If b holds only a part of a frame, used is 0. It allocates nothing.
func Split(b []byte, limit uint64) (content []byte, used int, err error) {
	size, head, err := splitHead(b, limit)
	if err != nil || head == 0 || size > uint64(len(b)-head) {
		return nil, 0, err
	}
	return b[head : head+int(size)], head + int(size), nil
}

// splitHead reads the head of a frame: how long its content is, and how long the
// head, which is 0 if b does not hold all of it.
func splitHead(b []byte, limit uint64) (size uint64, head int, err error) {
	if len(b) == 0 {
		return 0, 0, nil
	}
	if b[0]&0xe0 != majorBytes {
		return 0, 0, &MalformedError{Reason: "the stream is not a sequence of byte strings"}
	}
	info := b[0] & 0x1f
	size, head = uint64(info), 1
	if info >= 24 {
		if info > 27 {
			return 0, 0, &MalformedError{Reason: "a frame of indefinite length"}
		}
		head = 1 + 1<<(info-24)
		if len(b) < head {
			return 0, 0, nil
		}
		size = 0
		for _, x := range b[1:head] {
			size = size<<8 | uint64(x)
		}
		if headLen(size) != head {
			return 0, 0, &MalformedError{Reason: "a frame's length that is not in its shortest form"}
		}
	}
	if size > limit {
		return 0, 0, &SizeError{Size: size, Limit: limit}
	}
	return size, head, nil
}
