// Package poison shows in tests who uses lent memory when the loan is over: a
// handler gets a copy of its message's payload, and that is overwritten when
// the handler has returned. Package ipciotest turns it on.
package poison

import "sync/atomic"

// Byte is what lent memory is overwritten with.
const Byte = 0xdb

var on atomic.Bool

// Enable turns it on for the rest of the process. It may be called
// concurrently, and more than once.
func Enable() { on.Store(true) }

// Lend returns what to lend instead of b: b itself while poison is off, and
// else a copy, behind which, within its capacity, lies another one.
func Lend(b []byte) (lent []byte, poisoned bool) {
	if !on.Load() {
		return b, false
	}
	lent = make([]byte, len(b), 2*len(b))
	copy(lent, b)
	copy(Kept(lent), b)
	return lent, true
}

// Kept returns the other copy, which is not overwritten. lent is what Lend has
// returned with poisoned.
func Kept(lent []byte) []byte { return lent[len(lent) : 2*len(lent) : 2*len(lent)] }

// TakeBack overwrites what Lend has returned with poisoned.
func TakeBack(lent []byte) {
	for i := range lent {
		lent[i] = Byte
	}
}
