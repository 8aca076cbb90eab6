package ipcio

import (
	"slices"
	"sync"

	"github.com/ipcio/ipcio-go/runtime/internal/session"
)

// A draft is a message on its way into the session. Its payload lies in a buffer
// that the next draft uses again: what accepts the message makes a copy of the
// right size.
type draft struct {
	message session.Message
	buf     []byte
}

var drafts = sync.Pool{New: func() any { return new(draft) }}

// mostDraft is the largest buffer that is kept for the next draft.
const mostDraft = 64 << 10

func newDraft() *draft { return drafts.Get().(*draft) }

// release ends the use of a draft.
func (d *draft) release() {
	d.message = session.Message{}
	if cap(d.buf) > mostDraft {
		d.buf = nil
	}
	drafts.Put(d)
}

// payloads keeps the payloads of what was accepted and is not acknowledged. One
// that is alone gets memory of its own; those of a burst share it, so that many
// small ones are few allocations. It is freed with the last of them.
type payloads struct {
	room []byte
	size int // of the last room that was made
}

// Sizes of what payloads makes, in bytes: few messages pin little, and a large
// one gets its own.
const (
	firstRoom = 1 << 10
	mostRoom  = 16 << 10
	ownRoom   = 2 << 10
)

// keep returns a copy of b. alone says that nothing else waits.
func (p *payloads) keep(b []byte, alone bool) []byte {
	if alone || len(b) > ownRoom {
		return slices.Clone(b)
	}
	if len(b) > len(p.room) {
		p.size = min(max(2*p.size, firstRoom), mostRoom)
		p.room = make([]byte, max(p.size, len(b)))
	}
	kept := p.room[:len(b):len(b)]
	p.room = p.room[len(b):]
	copy(kept, b)
	return kept
}
