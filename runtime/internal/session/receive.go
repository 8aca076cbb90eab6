package session

import (
	"math"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// An Incoming is a message of the other side, from its acceptance until it is
// done and, if it is a call, answered.
type Incoming struct {
	Kind     wire.Kind // KindEvent, KindBroadcast, KindCall or KindSkip
	Number   uint64    // of a skip: the last one
	Flags    wire.Flags
	Peer     *wire.Peer
	Command  string
	Payload  []byte
	Deadline int64    // of a call: when its caller stops waiting, in the caller's nanoseconds; 0 means never
	Ref      wire.Ref // of a call
	Count    uint64   // of a skip: the messages that were given up
	Reason   string   // of a skip
	Tag      any      // the caller's

	life     uint64
	size     int
	canceled bool
	answered bool
	done     bool
}

// Canceled reports whether the caller of a call does not wait any more.
func (in *Incoming) Canceled() bool { return in.canceled }

// Receive takes one frame of the private lane. It keeps nothing of the frame's
// payload; own must return a copy that the session may keep. now is in the
// caller's nanoseconds. The error is a *ProtocolError; the connection is then
// of no more use, and nothing is lost.
func (s *Session) Receive(f *wire.Frame, now int64, own func([]byte) []byte) error {
	if seq, ok := f.InSequence(); ok {
		if s.out[wire.R].frames > replyFrames {
			return violation("the %d frames of sequence R are not acknowledged", replyFrames)
		}
		fresh, err := s.accept(seq, f.Number, f.Number)
		if err != nil || !fresh {
			return err
		}
		if seq == wire.S {
			return s.enqueue(&Incoming{
				Kind: f.Kind, Number: f.Number, Flags: f.Flags, Peer: f.Peer, Command: f.Command,
				Payload: own(f.Payload), Deadline: deadline(f, now), Ref: wire.RefOf(f.Number, false),
			})
		}
		s.ackSoon()
		switch f.Kind {
		case wire.KindCall:
			return s.acceptNested(f, now, own)
		case wire.KindReply:
			s.resolve(f.Ref, func() Result {
				return Result{OK: true, Payload: own(f.Payload), Remote: true}
			})
		case wire.KindFail:
			s.resolve(f.Ref, func() Result {
				return Result{Code: f.Code, Message: f.Message, Outcome: f.Outcome, Payload: own(f.Payload), Remote: true}
			})
		case wire.KindNack:
			s.refused(f, own)
		}
		return nil
	}
	switch f.Kind {
	case wire.KindAck:
		return s.acked(f)
	case wire.KindAckRequest:
		s.asked = max(s.asked, f.Number)
		s.ackNow = s.ackNow || s.done >= s.asked || s.rx[wire.R] > s.told[wire.R]
	case wire.KindSkip:
		return s.skipped(f)
	case wire.KindCancel:
		if in := s.serving[f.Ref]; in != nil && !in.canceled {
			in.canceled = true
			s.act(Action{Kind: ActionCancel, In: in})
		}
	default:
		return violation("a frame of kind %d on the private lane", f.Kind)
	}
	return nil
}

// deadline is when the caller of f, received now, stops waiting.
func deadline(f *wire.Frame, now int64) int64 {
	if f.Timeout == 0 {
		return 0
	}
	return now + min(f.Timeout, math.MaxInt64-now)
}

// accept moves the receive position of a sequence over the numbers from..to.
// It reports false if they were received before.
func (s *Session) accept(seq wire.Sequence, from, to uint64) (bool, error) {
	switch {
	case to <= s.rx[seq]:
		s.ackNow = true // an acknowledgement was lost with a connection
		return false, nil
	case from > s.rx[seq]+1:
		return false, violation("number %d of sequence %d follows %d", from, seq, s.rx[seq])
	}
	s.rx[seq] = to
	return true, nil
}

func (s *Session) enqueue(in *Incoming) error {
	in.life = s.life
	in.size = len(in.Payload)
	s.inBytes += in.size
	if s.rx[wire.S]-s.done > uint64(s.cfg.WindowFrames) || s.inBytes-in.size > s.cfg.WindowBytes {
		return violation("more than the window of %d frames and %d bytes is on its way", s.cfg.WindowFrames, s.cfg.WindowBytes)
	}
	if in.Kind == wire.KindCall {
		s.serve(in)
	}
	s.inbox.push(in)
	s.act(Action{Kind: ActionInbox})
	return nil
}

func (s *Session) serve(in *Incoming) {
	if s.serving == nil {
		s.serving = make(map[wire.Ref]*Incoming)
	}
	s.serving[in.Ref] = in
}

func (s *Session) acceptNested(f *wire.Frame, now int64, own func([]byte) []byte) error {
	in := &Incoming{
		Kind: f.Kind, Number: f.Number, Flags: f.Flags, Peer: f.Peer, Command: f.Command,
		Payload: own(f.Payload), Deadline: deadline(f, now), Ref: wire.RefOf(f.Number, true), life: s.life,
	}
	if len(s.serving) >= 2*s.cfg.Calls {
		s.Fail(in, "unavailable", "too many calls are in flight", wire.OutcomeNotHandled, nil)
		return nil
	}
	s.serve(in)
	s.act(Action{Kind: ActionStart, In: in})
	return nil
}

// refused takes the other side's word that it refused events. Each is done with
// that: its sender is told once, whatever becomes of the connection and of the
// session before the acknowledgement is here. One that was relayed concerns its
// origin: its entry is still there, because the other side sends what it says in R
// before it acknowledges.
func (s *Session) refused(f *wire.Frame, own func([]byte) []byte) {
	gap := Gap{Command: f.Command, Code: f.Code, Message: f.Message, Data: own(f.Payload), Nack: true}
	if f.Peer != nil {
		gap.Peer = f.Peer.Name
	}
	o := &s.out[wire.S]
	for n := max(f.From, o.acked+1); n <= min(f.To, o.last()); n++ {
		e := o.flight.at(int(n - o.acked - 1))
		switch {
		case e.skip:
			gap.Count-- // given up before, which its sender was told
			continue
		case e.call != nil:
			continue // it has its own outcome
		case e.origin != (Origin{}):
			relayed := gap
			relayed.From, relayed.To, relayed.Count, relayed.Origin = n, n, 1, e.origin
			s.actGap(relayed)
			gap.Count-- // not this side's own
		}
		s.forget(e, n)
		o.void(e)
	}
	gap.From, gap.To = f.From, f.To
	if gap.Count += f.To - f.From + 1; gap.Count > 0 {
		s.actGap(gap)
	}
	s.act(Action{Kind: ActionRoom})
}

func (s *Session) resolve(ref wire.Ref, result func() Result) {
	c := s.calls[ref]
	if c == nil {
		return
	}
	r := result()
	if c.again && !r.OK && r.Outcome == wire.OutcomeNotHandled {
		r.Outcome = wire.OutcomeUnknown // not by this other side; perhaps by the one before
	}
	s.end(c, r)
}

func (s *Session) skipped(f *wire.Frame) error {
	if f.Sequence == wire.B {
		return violation("a skip of broadcasts on the private lane")
	}
	fresh, err := s.accept(f.Sequence, f.From, f.To)
	if err != nil || !fresh {
		return err
	}
	if f.Sequence == wire.R {
		s.ackSoon()
		return nil
	}
	return s.enqueue(&Incoming{Kind: wire.KindSkip, Number: f.To, Count: f.Count, Reason: f.Code})
}

func (s *Session) acked(f *wire.Frame) error {
	for seq, n := range [2]uint64{f.Number, f.To} {
		o := &s.out[seq]
		if n >= o.cursor {
			return violation("number %d of sequence %d is acknowledged, %d were sent", n, seq, o.cursor-1)
		}
		if n > o.acked {
			o.ack(n)
			s.act(Action{Kind: ActionRoom})
		}
	}
	s.peerRx = window{min(f.Frames, mostOnTheWay), f.Bytes}
	return nil
}

// Next returns the next message in order, or nil. An event or a broadcast is
// done when [Session.Done] is called for it, a call when its handler was
// started, which the caller must do at once. Skips are returned too, for the
// program to be told; Done must be called for them.
func (s *Session) Next() *Incoming {
	for !s.drain && !s.waits && s.inbox.len() > 0 {
		in := s.inbox.pop()
		if in.life == s.life {
			s.started = in.Number
		}
		if in.Kind != wire.KindCall {
			s.running = in
			return in
		}
		s.Done(in)
		switch {
		case in.canceled:
			s.Fail(in, "canceled", "cancelled before its handler was started", wire.OutcomeNotHandled, nil)
		case len(s.serving) > 2*s.cfg.Calls:
			s.Fail(in, "unavailable", "too many calls are in flight", wire.OutcomeNotHandled, nil)
		default:
			return in
		}
	}
	return nil
}

// InboxEmpty reports whether Next has nothing, now that what it returned last is
// no longer in the inbox.
func (s *Session) InboxEmpty() bool { return s.inbox.len() == 0 }

// Done says that a message from Next is done. Messages are done in order. A
// second Done of the same message has no effect.
func (s *Session) Done(in *Incoming) {
	if in.done {
		return
	}
	in.done = true
	last := in == s.running
	if last {
		s.running = nil
	}
	if in.life != s.life { // it came in an earlier incarnation: nobody there to be told
		s.oldBytes -= in.size
		switch {
		case !last:
		case s.ended:
			s.act(Action{Kind: ActionFinished})
		default:
			s.Release()
		}
		return
	}
	s.inBytes -= in.size
	s.untold += in.size
	s.done = in.Number
	if s.done-s.told[wire.S] >= uint64(min(ackEvery, max(s.cfg.WindowFrames/2, 1))) || s.untold > s.cfg.WindowBytes/2 ||
		s.asked > s.told[wire.S] && s.done >= s.asked {
		s.ackNow = true
	}
	s.ackSoon()
}

// ackSoon sees to it that what is not acknowledged yet is in a while.
func (s *Session) ackSoon() {
	if s.rx[wire.R]-s.told[wire.R] >= ackEvery {
		s.ackNow = true
	}
	if !s.armed && !s.ackNow {
		s.armed = true
		s.act(Action{Kind: ActionAckLater})
	}
}

// AckTimer says that the time of an ActionAckLater has come. It reports
// whether there is something to write now.
func (s *Session) AckTimer() bool {
	s.armed = false
	s.ackNow = s.ackNow || s.owesAck()
	return s.ackNow && s.up
}

func (s *Session) owesAck() bool {
	return s.done > s.told[wire.S] || s.rx[wire.R] > s.told[wire.R]
}

// RequestAck asks the other side to say at once when all that was sent so far
// is done.
func (s *Session) RequestAck() { s.ackRequest = true }

// Closed takes the other side's farewell: what it has done, and which of our
// messages it has started at all. Those behind started will never have been
// handled by it.
func (s *Session) Closed(done, started uint64) error {
	o := &s.out[wire.S]
	if done >= o.cursor || started >= o.cursor || done > started {
		return violation("a farewell with the numbers %d and %d, %d were sent", done, started, o.cursor-1)
	}
	s.farewell = true
	o.ack(max(done, o.acked))
	for n := max(started, o.acked) + 1; n <= o.last(); n++ {
		e := o.flight.at(int(n - o.acked - 1))
		e.fresh = !e.old
	}
	s.act(Action{Kind: ActionRoom})
	return nil
}

// Farewell returns what to tell the other side when the session is ended in
// order: see [Session.Closed].
func (s *Session) Farewell() (done, started uint64) { return s.done, s.started }

// Drain stops Next: nothing more of the other side is begun.
func (s *Session) Drain() { s.drain = true }

// Serving returns how many calls of the other side are not answered yet,
// queued ones included.
func (s *Session) Serving() int { return len(s.serving) }

// Mark returns a mark for [Session.Passed]: everything accepted so far.
func (s *Session) Mark() uint64 { return s.stamp }

// Passed reports whether everything that was accepted before mark is
// acknowledged.
func (s *Session) Passed(mark uint64) bool {
	for seq := range s.out {
		if oldest, ok := s.out[seq].oldest(); ok && oldest <= mark {
			return false
		}
	}
	return true
}

// Unacked returns how many messages of S wait for their acknowledgement.
func (s *Session) Unacked() int { return s.out[wire.S].frames }

// End gives the session up: every call ends, and what was accepted and not
// acknowledged is reported.
func (s *Session) End(code, message string) {
	for _, c := range s.sentCalls() {
		outcome := wire.OutcomeUnknown
		if s.unreceived(c) {
			outcome = c.notSent()
		}
		s.end(c, Result{Code: code, Message: message, Outcome: outcome})
	}
	for seq := range s.out {
		o := &s.out[seq]
		giveUp := func(e *entry, first uint64) {
			if e.skip {
				return
			}
			if e.call != nil {
				s.end(e.call, Result{Code: code, Message: message, Outcome: e.call.notSent()})
			} else if !e.durable && (e.frame.Kind == wire.KindEvent || e.frame.Kind == wire.KindBroadcast) {
				s.actGap(Gap{
					From: first, To: first, Count: 1, Command: e.frame.Command, Code: code, Message: message, Origin: e.origin,
				})
			}
			o.void(e)
		}
		o.lost = 0
		for i := range o.flight.len() {
			giveUp(o.flight.at(i), o.acked+1+uint64(i))
		}
		for i := range o.queue.len() {
			giveUp(o.queue.at(i), 0)
		}
	}
	for _, in := range s.servingInOrder() {
		in.canceled = true
		s.act(Action{Kind: ActionCancel, In: in})
	}
	s.serving = nil
	s.discard(func(*Incoming) bool { return true })
	s.oldBytes += s.inBytes // of the event whose handler runs
	s.inBytes = 0
	s.life++
	s.up, s.drain, s.ended = false, true, true
	s.cancels = nil
	s.act(Action{Kind: ActionRoom})
}
