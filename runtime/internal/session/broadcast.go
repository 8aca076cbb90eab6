package session

import (
	"math"
	"slices"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// The window of broadcasts: how many, and about how many bytes of them, a
// server sends to a client beyond the last one that the client acknowledged.
// They are part of the protocol.
const (
	BroadcastFrames = 1024
	BroadcastBytes  = 4 << 20
)

// A Log keeps a domain's latest broadcasts, encoded once, for all clients.
// What it holds is bounded by bytes and by age, whatever the number of clients
// and however far behind they are. It is not safe for concurrent use.
type Log struct {
	maxBytes int
	maxAge   int64

	last    uint64 // number of the newest
	entries ring[logEntry]
	end     int64 // bytes ever appended
}

type logEntry struct {
	frame  []byte
	origin wire.ID // the session that asked for it; zero if the server itself
	at     int64
	end    int64 // Log.end when it had been appended
}

// NewLog returns an empty Log that keeps at most maxBytes, but always the
// newest broadcast, for at most maxAge in the caller's nanoseconds.
func NewLog(maxBytes int, maxAge int64) *Log {
	return &Log{maxBytes: maxBytes, maxAge: maxAge}
}

// Last returns the number of the newest broadcast, 0 before the first.
func (l *Log) Last() uint64 { return l.last }

// first returns the number of the oldest broadcast that is kept.
func (l *Log) first() uint64 { return l.last + 1 - uint64(l.entries.len()) }

// Append adds a broadcast, which all clients but origin will get.
func (l *Log) Append(f *wire.Frame, origin wire.ID, now int64) {
	l.last++
	f.Number = l.last
	frame := wire.Append(make([]byte, 0, wire.Size(f)), f)
	l.end += int64(len(frame))
	l.entries.push(logEntry{frame: frame, origin: origin, at: now, end: l.end})
	l.Expire(now)
}

// Expire drops what is beyond the bounds.
func (l *Log) Expire(now int64) {
	for n := l.entries.len(); n > 0; n-- {
		if now-l.entries.at(0).at < l.maxAge && (l.held() <= int64(l.maxBytes) || n == 1) {
			return
		}
		l.entries.pop()
	}
}

// held returns the bytes of what is kept.
func (l *Log) held() int64 {
	if l.entries.len() == 0 {
		return 0
	}
	oldest := l.entries.at(0)
	return l.end - oldest.end + int64(len(oldest.frame))
}

// A Cursor is where one session stands in the Log.
type Cursor struct {
	Session wire.ID
	Limit   int    // the largest frame its client takes
	pos     uint64 // the last number written on this connection
	acked   uint64
	again   uint64 // the last number written for a process of the client that is gone

	// Bytes written for this cursor, up to pos and up to acked; between the two
	// there are marks. They are the cursor's own, because the log may have
	// dropped what is still on its way to a client that lags. What is written
	// again counts again only behind pos, so that the difference is never less
	// than what the client has received and not acknowledged.
	sent, ackedSent int64
	marks           []position // ascending; the last one is pos, unless nothing is on its way
}

// PeerRestarted says that another process of the client goes on with the
// session. What was written and not acknowledged may have been handled.
func (c *Cursor) PeerRestarted() { c.again = max(c.again, c.pos) }

// A position says how many bytes had been written up to and with a number.
type position struct {
	number uint64
	sent   int64
}

// markBytes is how far marks are apart at least: they need less memory than
// what they count, and the window may be smaller by as much.
const markBytes = 16 << 10

// NewCursor returns a cursor of a session that has everything up to number
// pos.
func (l *Log) NewCursor(session wire.ID, pos uint64) *Cursor {
	return &Cursor{Session: session, Limit: math.MaxInt, pos: pos, acked: pos}
}

// advance moves the cursor to a number behind which n more bytes were written.
func (c *Cursor) advance(number uint64, n int) {
	c.pos = number
	c.sent += int64(n)
	next := position{number: number, sent: c.sent}
	last := len(c.marks) - 1
	since := c.ackedSent
	if last > 0 {
		since = c.marks[last-1].sent
	}
	if last >= 0 && c.sent-since <= markBytes {
		c.marks[last] = next
		return
	}
	c.marks = append(c.marks, next)
}

// Rewind moves the cursor behind number pos, which its session says it has
// received. What it has done it acknowledges as soon as it is connected; until
// then the window stays where it was, or a client with a stuck handler would
// get another window with each connection. It reports false if the log never
// had that number.
func (l *Log) Rewind(c *Cursor, pos uint64) bool {
	if pos > l.last {
		return false
	}
	c.pos, c.acked = pos, min(c.acked, pos)
	n := len(c.marks)
	for ; n > 0 && c.marks[n-1].number > pos; n-- {
		c.sent = c.marks[n-1].sent // or less: what lies between two marks is not known
	}
	dropped := n < len(c.marks)
	c.marks = c.marks[:n]
	switch {
	case c.acked == pos:
		c.settle()
	case dropped:
		c.marks = append(c.marks, position{number: pos, sent: c.sent})
	}
	return true
}

// restart moves the cursor behind number pos for a new incarnation, in which
// nothing before counts.
func (c *Cursor) restart(pos uint64) {
	c.pos, c.acked = pos, pos
	c.settle()
}

// settle says that nothing is on its way.
func (c *Cursor) settle() {
	c.ackedSent = c.sent
	if c.marks = c.marks[:0]; cap(c.marks) > 16 {
		c.marks = nil
	}
}

// Acked returns the last number that the client acknowledged.
func (c *Cursor) Acked() uint64 { return c.acked }

// Ack takes the client's acknowledgement of everything up to number n.
func (l *Log) Ack(c *Cursor, n uint64) error {
	if n > c.pos {
		return violation("broadcast %d is acknowledged, %d were sent", n, c.pos)
	}
	if n <= c.acked {
		return nil
	}
	c.acked = n
	if n == c.pos {
		c.settle()
		return nil
	}
	passed := 0
	for ; passed < len(c.marks) && c.marks[passed].number <= n; passed++ {
		c.ackedSent = c.marks[passed].sent
	}
	c.marks = slices.Delete(c.marks, 0, passed)
	return nil
}

// Output appends to b the frames of the domain lane that are next for the
// cursor, until about limit bytes are there.
func (l *Log) Output(c *Cursor, b []byte, limit int) []byte {
	end := len(b) + limit
	for c.pos < l.last && len(b) < end && c.pos-c.acked < BroadcastFrames {
		if first := l.first(); c.pos+1 < first {
			b = appendSkip(b, c.pos+1, first-1, first-1-c.pos, "expired")
			c.advance(first-1, 0)
			continue
		}
		n := 0
		e := l.entries.at(int(c.pos + 1 - l.first()))
		switch {
		case e.origin == c.Session && e.origin != (wire.ID{}):
			b = appendSkip(b, c.pos+1, c.pos+1, 0, "")
		case len(e.frame) > c.Limit:
			b = appendSkip(b, c.pos+1, c.pos+1, 1, "too_large")
		default:
			n = len(e.frame)
			if c.pos > c.acked && c.sent-c.ackedSent+int64(n) > BroadcastBytes {
				return b
			}
			b = append(b, e.frame...)
			if c.pos < c.again {
				wire.MarkRedelivered(b[len(b)-len(e.frame):])
			}
		}
		c.advance(c.pos+1, n)
	}
	return b
}

func appendSkip(b []byte, from, to, count uint64, reason string) []byte {
	return wire.Append(b, &wire.Frame{Kind: wire.KindSkip, Sequence: wire.B, From: from, To: to, Count: count, Code: reason})
}

// Broadcasts is the receiving side of a client's domain lane. It is not safe
// for concurrent use.
type Broadcasts struct {
	rx, done, told uint64
	known          uint64 // what the server knew to be done when the incarnation began
	life           uint64
	ackNow         bool
	armed          bool
	inbox          ring[*Incoming]
	inBytes        int // of what is in the inbox, of this incarnation
	untold         int // bytes that are done and not acknowledged
}

// Received returns the last number received: what to tell in the handshake.
func (r *Broadcasts) Received() uint64 { return r.rx }

// Restart begins a new incarnation behind number pos. What is left in the inbox
// will still be handled. If that is more than a window, because a handler has
// been stuck over several incarnations, it is given up, and a skip tells so.
func (r *Broadcasts) Restart(pos uint64) {
	held := 0
	for i := range r.inbox.len() {
		held += r.inbox.at(i).size
	}
	if n := r.inbox.len(); n > BroadcastFrames || n > 1 && held > BroadcastBytes {
		skip := &Incoming{Kind: wire.KindSkip, Reason: "backlog", life: r.life}
		for r.inbox.len() > 0 {
			in := r.inbox.pop()
			if skip.Number, skip.Count = in.Number, skip.Count+in.Count; in.Kind == wire.KindBroadcast {
				skip.Count++
			}
		}
		r.inbox.push(skip)
	}
	r.life++
	r.inBytes = 0
	r.rx, r.done, r.told, r.known, r.untold = pos, pos, pos, pos, 0
}

// Up says that a connection begins: the server wants to hear where we are, if
// it cannot know.
func (r *Broadcasts) Up() { r.ackNow = r.ackNow || r.done != r.known }

// Receive takes one frame of the domain lane, a broadcast or a skip. own is as
// for [Session.Receive]. It reports whether Next has something new.
func (r *Broadcasts) Receive(f *wire.Frame, own func([]byte) []byte) (bool, error) {
	in := &Incoming{Kind: f.Kind, life: r.life}
	from := f.Number
	switch f.Kind {
	case wire.KindBroadcast:
		in.Number = f.Number
	case wire.KindSkip:
		if f.Sequence != wire.B {
			return false, violation("a skip of sequence %d on the domain lane", f.Sequence)
		}
		from, in.Number, in.Count, in.Reason = f.From, f.To, f.Count, f.Code
	default:
		return false, violation("a frame of kind %d on the domain lane", f.Kind)
	}
	switch {
	case in.Number <= r.rx:
		r.ackNow = true
		return false, nil
	case from > r.rx+1:
		return false, violation("broadcast %d follows %d", from, r.rx)
	case r.inbox.len() >= 2*BroadcastFrames || r.inBytes > BroadcastBytes: // twice: earlier incarnations may have left a window
		return false, violation("more than the window of %d broadcasts and %d bytes is on its way", BroadcastFrames, BroadcastBytes)
	}
	r.rx = in.Number
	if f.Kind == wire.KindBroadcast {
		in.Peer, in.Command, in.Payload, in.Flags = f.Peer, f.Command, own(f.Payload), f.Flags
		in.size = len(in.Payload)
		r.inBytes += in.size
	}
	r.inbox.push(in)
	return true, nil
}

// Next returns the next broadcast or skip, or nil. Done must be called for it
// before the one after it is.
func (r *Broadcasts) Next() *Incoming {
	if r.inbox.len() == 0 {
		return nil
	}
	in := r.inbox.pop()
	if in.life == r.life {
		r.inBytes -= in.size
	}
	return in
}

// Done says that in is done. It reports whether the caller is to call AckTimer
// in a while.
func (r *Broadcasts) Done(in *Incoming) (later bool) {
	if in.life != r.life {
		return false
	}
	r.done = in.Number
	r.untold += in.size
	if r.done-r.told >= ackEvery || r.untold > BroadcastBytes/2 {
		r.ackNow = true
	}
	if r.ackNow || r.armed {
		return false
	}
	r.armed = true
	return true
}

// AckTimer is as [Session.AckTimer].
func (r *Broadcasts) AckTimer() bool {
	r.armed = false
	r.ackNow = r.ackNow || r.done > r.told
	return r.ackNow
}

// HasOutput reports whether Output has something.
func (r *Broadcasts) HasOutput() bool { return r.ackNow }

// Output appends the acknowledgement if one is due now.
func (r *Broadcasts) Output(b []byte) []byte {
	if !r.ackNow {
		return b
	}
	r.ackNow, r.told, r.untold = false, r.done, 0
	return wire.Append(b, &wire.Frame{Kind: wire.KindBroadcastAck, Number: r.done})
}
