package session

import (
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// Origin names the message of another session that an entry was made from, so
// that its sender can be told what became of it. The zero value is none.
type Origin struct {
	Session wire.ID
	Number  uint64
}

// An entry is one frame of an outbox. Its number, its flags and what is left
// of its deadline are filled in when it is written.
type entry struct {
	frame    wire.Frame
	size     int
	stamp    uint64 // the order in which entries were made
	deadline int64  // when the frame is of no more use, in the caller's nanoseconds; 0 means never
	call     *Call  // of a call; nil once the call has its outcome
	origin   Origin
	skip     bool // nothing is left of it but its number
	fresh    bool // not started by the server that it was sent to, and not sent again since
	old      bool // sent in an earlier incarnation: may have been handled
	sent     bool // written in this incarnation, and not known to be lost

	// Of a durable session:
	durable bool
	number  uint64 // what it was promised; entries in flight have it by their place

	deliveries int // other sides that died without a word while it was on its way
}

// An outbox is one outgoing sequence: what waits for its first transmission
// and what is on its way. It is queue, resend buffer and flow control in one.
//
//	acked  …  [ flight: numbered, sent at least once ]  [ queue: no numbers yet ]
type outbox struct {
	acked  uint64       // the last number that is acknowledged
	cursor uint64       // the next number of flight to write on this connection
	flight ring[*entry] // numbers acked+1 … acked+len
	queue  ring[*entry]
	bytes  int // sizes of all entries that are not skips
	kept   int // sizes of idempotent calls that are acknowledged and not answered
	frames int // their count
	lost   int // given up by DropOldest since the last number was given: the receiver is to be told

	flightBytes int // sizes of flight[:cursor]

	next uint64 // of a durable session: the number that the next message gets

	free []*entry // acknowledged, to be used again; empty when nothing is left to acknowledge
}

// mostFree bounds how many entries an outbox keeps to use them again.
const mostFree = 256

// entry returns an empty one.
func (o *outbox) entry() *entry {
	if n := len(o.free); n > 0 {
		e := o.free[n-1]
		o.free = o.free[:n-1]
		return e
	}
	return new(entry)
}

// recycle takes an entry that is acknowledged and that nobody knows any more.
func (o *outbox) recycle(e *entry) {
	if len(o.free) < mostFree {
		*e = entry{}
		o.free = append(o.free, e)
	}
}

// last returns the highest number that was given.
func (o *outbox) last() uint64 { return o.acked + uint64(o.flight.len()) }

func (o *outbox) push(e *entry) {
	o.queue.push(e)
	o.bytes += e.size
	o.frames++
}

// void gives an entry up: its frame is forgotten, its number, if it has one,
// is not.
func (o *outbox) void(e *entry) {
	if e.skip {
		return
	}
	o.bytes -= e.size
	o.frames--
	e.skip, e.call, e.deliveries = true, nil, 0
	e.frame = wire.Frame{}
}

// sweep frees entries that were given up while they waited. Without it, calls
// that end while the other side is away would fill memory.
func (o *outbox) sweep() {
	voided := o.queue.len() + o.flight.len() - o.frames
	if voided <= 64 || voided <= o.queue.len()/2 {
		return
	}
	o.queue.filter(func(e *entry) bool { return !e.skip })
}

// ack frees the entries up to number n.
func (o *outbox) ack(n uint64) {
	for o.acked < n {
		e := o.flight.pop()
		mine := !e.skip // one that is given up may stand for several
		if c := e.call; c != nil {
			c.entry = nil // it waits for its answer now
			if c.repeat {
				c.kept, mine = e, false
				o.kept += e.size
			}
		}
		if !e.skip {
			o.bytes -= e.size
			o.frames--
		}
		if o.acked+1 < o.cursor {
			o.flightBytes -= e.size
		}
		o.acked++
		if mine {
			o.recycle(e)
		}
	}
	o.cursor = max(o.cursor, o.acked+1)
	if o.frames == 0 {
		o.free = nil // an idle session is to hold nothing
	}
}

// rewind makes the next number to write from, or the first that is kept.
func (o *outbox) rewind(from uint64) {
	o.cursor = max(from, o.acked+1)
	o.flightBytes = 0
	for n := o.acked + 1; n < o.cursor; n++ {
		o.flightBytes += o.flight.at(int(n - o.acked - 1)).size
	}
}

// oldest returns the stamp of the oldest entry that is not given up.
func (o *outbox) oldest() (uint64, bool) {
	for _, r := range []*ring[*entry]{&o.flight, &o.queue} {
		for i := range r.len() {
			if e := r.at(i); !e.skip {
				return e.stamp, true
			}
		}
	}
	return 0, false
}

// A ring is a first-in first-out queue over one slice that grows and shrinks.
type ring[T any] struct {
	items []T
	head  int
	n     int
}

func (r *ring[T]) len() int { return r.n }

func (r *ring[T]) at(i int) T { return r.items[(r.head+i)&(len(r.items)-1)] }

func (r *ring[T]) push(v T) {
	if r.n == len(r.items) {
		r.resize(max(4, 2*r.n))
	}
	r.items[(r.head+r.n)&(len(r.items)-1)] = v
	r.n++
}

func (r *ring[T]) pop() T {
	var zero T
	v := r.items[r.head]
	r.items[r.head] = zero
	r.head = (r.head + 1) & (len(r.items) - 1)
	r.n--
	switch {
	case r.n == 0 && len(r.items) > 16:
		r.items, r.head = nil, 0
	case len(r.items) > 64 && r.n < len(r.items)/8:
		r.resize(len(r.items) / 2)
	}
	return v
}

func (r *ring[T]) filter(keep func(T) bool) {
	kept := ring[T]{}
	for i := range r.n {
		if v := r.at(i); keep(v) {
			kept.push(v)
		}
	}
	*r = kept
}

func (r *ring[T]) resize(size int) {
	items := make([]T, size)
	for i := range r.n {
		items[i] = r.at(i)
	}
	r.items, r.head = items, 0
}
