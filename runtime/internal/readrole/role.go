// Package readrole decides who reads a client's private lane, and when its
// server has to knock. It does no I/O; its types are guarded by their owner.
//
// Waking a goroutine costs more than a short call. So a caller reads the lane
// itself until its reply is there, and the standing reader, which is there for
// everything nobody asked for, is parked meanwhile. When no call is under way
// nobody reads. The server then says on the other lane, which is always read,
// that there is something: it knocks.
//
// What is to hold: while nobody reads, and no knock is under way, all that the
// server has written was read, but for acknowledgements; and there is nothing
// that anybody at the client waits for. Why it does:
//
//   - Nobody reads only from a moment at which the client was quiet (all its
//     calls are answered, all its messages acknowledged) and the last frame taken
//     was an answer, acknowledgements aside.
//   - The first frame that the server writes behind an answer while it has no
//     unanswered call comes with a knock. Were there a call, the client would not
//     be quiet.
//   - The lanes are independent, so a knock may overtake the answer that it
//     follows. If it comes while somebody reads it is kept ([Role.Knock]) until
//     the next moment at which reading could end: then it does not, and not
//     before the answer after that.
//
// The model in the tests visits every interleaving of a few calls, events,
// cancellations and knocks.
package readrole

// A Holder is who may read the lane.
type Holder uint8

// The holders.
const (
	Standing Holder = iota // the standing reader
	Nobody                 // the standing reader is parked
	Caller                 // a caller, and the standing reader is parked
)

// A Role is the right to read one lane. The zero value is that of a new lane,
// whose standing reader reads.
type Role struct {
	holder Holder
	want   bool // somebody knocked while the lane was read
	answer bool // the last frame taken was an answer, and no knock was spent on it
}

// Holder returns who has the role.
func (r *Role) Holder() Holder { return r.holder }

// Took says that whoever has the role has taken a frame that is no
// acknowledgement: an answer to a call, whether or not somebody waits for it, or
// anything else.
func (r *Role) Took(answer bool) { r.answer = answer }

// Lead asks for the role for a caller whose call was just made. It reports
// false if somebody reads already.
func (r *Role) Lead() bool {
	if r.holder != Nobody {
		return false
	}
	r.holder = Caller
	return true
}

// Leave gives up the role of a caller. It reports whether the standing reader
// is to be woken: it has the role then.
func (r *Role) Leave(quiet bool) (wake bool) {
	if r.mayEnd(quiet) {
		r.holder = Nobody
		return false
	}
	r.holder = Standing
	return true
}

// Rest gives up the role of the standing reader, if nobody needs to read. It
// reports whether it did: then the reader parks.
func (r *Role) Rest(quiet bool) bool {
	if !r.mayEnd(quiet) {
		return false
	}
	r.holder = Nobody
	return true
}

// mayEnd reports whether nobody needs to read. quiet says that no call is
// unanswered, also none that was given up, and nothing unacknowledged.
func (r *Role) mayEnd(quiet bool) bool {
	if !quiet || !r.answer {
		return false
	}
	if r.want {
		r.want, r.answer = false, false
		return false
	}
	return true
}

// Listen has the lane read because the client is not quiet any more. It reports
// whether the standing reader is to be woken.
func (r *Role) Listen() (wake bool) {
	if r.holder != Nobody {
		return false
	}
	r.holder = Standing
	return true
}

// Knock says that there is something to read that nobody waits for. It reports
// whether the standing reader is to be woken.
func (r *Role) Knock() (wake bool) {
	if r.holder != Nobody {
		r.want = true
		return false
	}
	r.holder, r.answer = Standing, false
	return true
}

// A Knocker is what a server knows of whether anybody reads. It is told of the
// frames in the order in which they are written.
type Knocker struct{ need bool }

// Answered says that an answer is written.
func (k *Knocker) Answered() { k.need = true }

// Spoke says that something else than an answer or an acknowledgement is
// written, while so many calls of the client are not answered yet. It reports
// whether to knock.
func (k *Knocker) Spoke(unanswered int) bool {
	if !k.need || unanswered > 0 {
		return false
	}
	k.need = false
	return true
}
