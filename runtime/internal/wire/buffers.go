package wire

import (
	"math/bits"
	"sync"
)

// Large buffers are used again, by size class: what a frame of a megabyte costs
// in fresh memory, which is cleared and then collected, is several times what it
// costs to copy it. The garbage collector empties the pools, so a process that
// is idle for a while holds none of it.

const (
	leastClass = 13 // the smallest class holds 8 KiB, the largest 16 MiB
	mostClass  = 24

	// slack is what a new buffer has beyond its class, for the head of a frame
	// whose payload is a power of two. What a buffer has lost at its front must
	// leave half of it.
	slack = block
)

var buffers [mostClass - leastClass + 1]sync.Pool

// GetBuffer returns an empty slice with room for n bytes at least, from a pool
// if there is one. What it held before is still in it. It belongs to the caller,
// who may give it to [PutBuffer]. It may be called concurrently.
func GetBuffer(n int) []byte {
	class := max(bits.Len(uint(max(n-slack/2, 1)-1)), leastClass)
	if class > mostClass {
		return make([]byte, 0, n)
	}
	if b, ok := buffers[class-leastClass].Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, 1<<class+slack)
}

// PutBuffer takes a buffer for [GetBuffer] to return: one that came from there,
// or any other that nobody uses any more. One that is of no class, such as a
// small one, is dropped. It may be called concurrently.
func PutBuffer(b []byte) {
	class := bits.Len(uint(max(cap(b)-slack/2, 0))) - 1
	if class < leastClass || class > mostClass || cap(b) > 1<<(mostClass+1) {
		return
	}
	b = b[:0]
	buffers[class-leastClass].Put(&b)
}

// Grow returns b with room for n more bytes. If it has to move, it moves to a
// buffer of [GetBuffer], and the old one stays its owner's.
func Grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	return append(GetBuffer(len(b)+n), b...)
}
