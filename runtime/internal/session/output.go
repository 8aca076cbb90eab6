package session

import (
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// Output appends to b frames that are to be written now, until about max bytes
// are there, and returns it; unchanged if there is nothing. What it returns
// must be written to the private lane in full or the lane be ended. now is in
// the caller's nanoseconds.
func (s *Session) Output(b []byte, limit int, now int64) []byte {
	if !s.up {
		return b
	}
	start := len(b)
	for len(s.cancels) > 0 && len(b)-start < limit {
		if c := s.calls[s.cancels[0]]; c != nil {
			b = wire.Append(b, &wire.Frame{Kind: wire.KindCancel, Ref: s.cancels[0]})
			s.spoke(wire.KindCancel)
		}
		s.cancels = s.cancels[1:]
	}
	// R before S: replies never wait behind events.
	b = s.outputSequence(b, start+limit, now, wire.R)
	b = s.outputSequence(b, start+limit, now, wire.S)
	if s.ackRequest && len(b)-start < limit {
		s.ackRequest = false
		if last := s.out[wire.S].cursor - 1; last > s.out[wire.S].acked || s.out[wire.R].frames > 0 {
			b = wire.Append(b, &wire.Frame{Kind: wire.KindAckRequest, Number: last})
			s.spoke(wire.KindAckRequest)
		}
	}
	// A nack leaves before the acknowledgement of what it refuses: the other side
	// still has to know whose message it was.
	r := &s.out[wire.R]
	if written := r.cursor > r.last() && r.queue.len() == 0; written && (s.ackNow || len(b) > start && s.owesAck()) {
		s.ackNow, s.untold = false, 0
		s.told = [2]uint64{s.done, s.rx[wire.R]}
		b = wire.Append(b, &wire.Frame{
			Kind: wire.KindAck, Number: s.done, To: s.rx[wire.R],
			Frames: uint64(s.cfg.WindowFrames), Bytes: uint64(s.cfg.WindowBytes),
		})
	}
	return b
}

// spoke takes note of a frame that is written, and knocks if it may be that
// nobody reads it.
func (s *Session) spoke(kind wire.Kind) {
	switch {
	case !s.knocks:
	case kind == wire.KindReply, kind == wire.KindFail:
		s.knocker.Answered()
	case s.knocker.Spoke(len(s.serving)):
		s.act(Action{Kind: ActionKnock})
	}
}

// HasOutput reports whether Output may have something to write.
func (s *Session) HasOutput() bool {
	if !s.up {
		return false
	}
	if s.ackNow || s.ackRequest || len(s.cancels) > 0 {
		return true
	}
	if r := &s.out[wire.R]; r.cursor <= r.last() || r.queue.len() > 0 {
		return true
	}
	o := &s.out[wire.S]
	switch {
	case o.cursor <= o.last():
		return s.fits(o, o.flight.at(int(o.cursor-o.acked-1)))
	case o.lost > 0:
		return s.fits(o, &entry{})
	case o.queue.len() > 0:
		e := o.queue.at(0)
		return e.skip || !s.held(e) && s.fits(o, e)
	}
	return false
}

func (s *Session) outputSequence(b []byte, end int, now int64, seq wire.Sequence) []byte {
	o := &s.out[seq]
	for len(b) < end && o.cursor <= wire.MaxNumber {
		if o.cursor > o.last() && !s.number(o, seq, now) {
			return b
		}
		e := o.flight.at(int(o.cursor - o.acked - 1))
		if seq == wire.S && !s.fits(o, e) {
			return b
		}
		b = s.write(b, e, o.cursor, now, seq)
	}
	return b
}

// number gives the next number to what is first in the queue. It reports false
// if there is nothing, or no room for it in the window: what has no number can
// still be taken back.
func (s *Session) number(o *outbox, seq wire.Sequence, now int64) bool {
	if o.lost > 0 {
		e := &entry{skip: true, frame: wire.Frame{Count: uint64(o.lost), Code: "dropped"}}
		if !s.fits(o, e) {
			return false
		}
		o.lost = 0
		o.flight.push(e)
		return true
	}
	for o.queue.len() > 0 {
		e := o.queue.at(0)
		switch {
		case e.skip:
			o.queue.pop() // given up while it waited
			continue
		case e.call != nil && e.deadline != 0 && e.deadline <= now:
			o.queue.pop()
			s.end(e.call, Result{Code: "timeout", Message: "the deadline passed before the call was sent", Outcome: e.call.notSent()})
			continue
		case s.held(e), seq == wire.S && !s.fits(o, e):
			return false
		}
		if s.cfg.Durable && seq == wire.S && e.number > o.last()+1 {
			o.flight.push(s.hole()) // of what was given up while it waited
			return true
		}
		o.queue.pop()
		o.flight.push(e)
		if c := e.call; c != nil {
			c.State, c.Ref = CallSent, wire.RefOf(o.last(), seq == wire.R)
			if s.calls == nil {
				s.calls = make(map[wire.Ref]*Call)
			}
			s.calls[c.Ref] = c
		}
		return true
	}
	return false
}

// fits reports whether the window of the other side has room for e.
func (s *Session) fits(o *outbox, e *entry) bool {
	onTheWay := o.cursor - 1 - o.acked
	if onTheWay == 0 {
		return true // one message always fits
	}
	if s.alone(o, e) {
		return false
	}
	return onTheWay < s.peerRx.frames && uint64(o.flightBytes+e.size) <= s.peerRx.bytes
}

// largePayload is a payload, in bytes, for which a buffer is taken that fits
// instead of one that grows.
const largePayload = 8 << 10

// write appends the frame with number n, which the cursor is at.
func (s *Session) write(b []byte, e *entry, n uint64, now int64, seq wire.Sequence) []byte {
	o := &s.out[seq]
	o.cursor++
	o.flightBytes += e.size
	e.fresh, e.sent = false, true
	if e.deliveries > 0 {
		s.ackRequest = true // nothing follows before it is done
	}
	if e.skip {
		s.spoke(wire.KindSkip)
		return wire.Append(b, &wire.Frame{
			Kind: wire.KindSkip, Sequence: seq, From: n, To: n, Count: e.frame.Count, Code: e.frame.Code,
		})
	}
	f := e.frame
	f.Number = n
	s.spoke(f.Kind)
	if e.old {
		f.Flags |= wire.Redelivered
	}
	if f.Kind == wire.KindCall && e.deadline != 0 {
		// What is left, at least a nanosecond: zero would mean no deadline.
		f.Timeout = max(e.deadline-now, 1)
	}
	if len(f.Payload) >= largePayload {
		b = wire.Grow(b, wire.Size(&f))
	}
	return wire.Append(b, &f)
}
