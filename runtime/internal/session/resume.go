package session

import (
	"cmp"
	"slices"

	"github.com/ipcio/ipcio-go/runtime/internal/readrole"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// Adopt takes what the other side told in its handshake, and whether it still
// knows this incarnation. It changes nothing if it returns an error, which is
// a *ProtocolError. [Session.Up] follows when the private lane is there. In a
// new incarnation, what the other side received is what it will not take again;
// a server tells that of its client, whose numbers go on, and not the other way
// round.
func (s *Session) Adopt(peer Positions, resumed bool) error {
	if resumed {
		if s.restored {
			if err := s.rejoin(peer); err != nil {
				return err
			}
		} else if err := s.checkPositions(peer); err != nil {
			return err
		}
		// What was received of R is done. Replies that piled up while the other
		// side was away must not look as if it never acknowledged any.
		s.out[wire.R].ack(peer.RRx)
	} else {
		if s.restored {
			if err := s.catchUp(peer); err != nil {
				return err
			}
		}
		for seq, rx := range [2]uint64{peer.SRx, peer.RRx} {
			if last := s.out[seq].last(); rx > last {
				return violation("the other side counts number %d of sequence %d as received, of which only %d were sent", rx, seq, last)
			}
		}
		s.restart(peer)
	}
	s.restored = false
	s.known = [2]uint64{max(peer.SFirst, 1) - 1, max(peer.RFirst, 1) - 1}
	s.peerRx = window{min(peer.Frames, mostOnTheWay), peer.Bytes}
	s.callsMax = int(min(peer.Calls, 1<<20))
	s.limit = peer.FrameBytes
	s.giveUpLarger(peer.FrameBytes)
	s.out[wire.S].rewind(peer.SRx + 1)
	for i := s.out[wire.S].cursor - s.out[wire.S].acked - 1; i < uint64(s.out[wire.S].flight.len()); i++ {
		s.out[wire.S].flight.at(int(i)).sent = false // lost with the connection
	}
	s.out[wire.R].rewind(peer.RRx + 1)
	return nil
}

// giveUpLarger gives up what was accepted when a larger limit was in force, or
// none was known.
func (s *Session) giveUpLarger(limit int) {
	const code, message = "too_large", "the other side takes smaller frames now"
	for seq := range s.out {
		o := &s.out[seq]
		for _, r := range []*ring[*entry]{&o.flight, &o.queue} {
			for i := range r.len() {
				e := r.at(i)
				switch {
				case e.skip || e.size <= limit:
				case e.call != nil:
					outcome := e.call.notSent()
					if e.call.State == CallSent && !e.fresh {
						outcome = wire.OutcomeUnknown
					}
					s.end(e.call, Result{Code: code, Message: message, Outcome: outcome})
				case e.frame.Kind == wire.KindReply:
					s.replace(o, e, wire.Frame{
						Kind: wire.KindFail, Ref: e.frame.Ref, Code: code, Message: message,
						Outcome: wire.OutcomeHandled, Payload: []byte{0xf6},
					})
				case e.frame.Kind == wire.KindFail, e.frame.Kind == wire.KindNack:
					f := e.frame
					f.Message = clip(f.Message, s.mostMessage())
					f.Payload = []byte{0xf6}
					s.replace(o, e, f)
				default:
					s.actGap(Gap{
						Count: 1, Command: e.frame.Command, Code: code, Message: message, Origin: e.origin,
					})
					s.forget(e, e.number)
					o.void(e)
				}
			}
		}
	}
}

// replace puts another frame in the place of e's. The window does not count R,
// where this happens, but flightBytes does.
func (s *Session) replace(o *outbox, e *entry, f wire.Frame) {
	size := wire.Size(&f)
	o.bytes += size - e.size
	e.frame, e.size = f, size
}

// Up begins a connection: from now on Output yields frames.
func (s *Session) Up() {
	s.up, s.farewell = true, false
	// An acknowledgement that was lost with a connection is not made again by
	// anything else. In a new session there is none.
	s.ackNow = s.ackNow || s.done != s.known[wire.S] || s.rx[wire.R] != s.known[wire.R]
	s.cancels = s.cancels[:0]
	s.knocker = readrole.Knocker{}
	for _, c := range s.sentCalls() {
		switch {
		case !c.canceled:
		case s.unreceived(c):
			s.end(c, Result{Code: "canceled", Message: "cancelled before it arrived", Outcome: c.notSent()})
		case len(s.cancels) < mostCancels:
			s.cancels = append(s.cancels, c.Ref)
		}
	}
	s.act(Action{Kind: ActionRoom})
}

// Down ends the connection. Everything is kept.
func (s *Session) Down() { s.up = false }

// Positions is what each side tells the other in the handshake.
type Positions struct {
	SFirst, RFirst uint64 // the first number of its own that is not acknowledged
	SRx, RRx       uint64 // the last number it received
	Frames, Bytes  uint64 // its window
	Calls          uint64 // how many calls it takes at a time
	FrameBytes     int    // the largest frame it takes
}

// Positions returns what to tell the other side.
func (s *Session) Positions() Positions {
	return Positions{
		SFirst: s.out[wire.S].acked + 1, RFirst: s.out[wire.R].acked + 1,
		SRx: s.rx[wire.S], RRx: s.rx[wire.R],
		Frames: uint64(s.cfg.WindowFrames), Bytes: uint64(s.cfg.WindowBytes),
		Calls: uint64(s.cfg.Calls),
	}
}

func (s *Session) checkPositions(p Positions) error {
	for seq, rx := range [2]uint64{p.SRx, p.RRx} {
		if last := s.out[seq].last(); rx > last {
			return violation("the other side received number %d of sequence %d, of which only %d were sent", rx, seq, last)
		}
	}
	for seq, first := range [2]uint64{p.SFirst, p.RFirst} {
		if first > s.rx[seq]+1 {
			return violation("number %d of sequence %d was acknowledged and never received", first-1, seq)
		}
	}
	return nil
}

// restart begins a new incarnation.
func (s *Session) restart(peer Positions) {
	s.life++
	first := [2]uint64{max(peer.SFirst, 1) - 1, max(peer.RFirst, 1) - 1}
	s.rx = [2]uint64{max(first[wire.S], s.floor), first[wire.R]}
	s.done, s.started = s.rx[wire.S], s.rx[wire.S]
	if s.waits {
		s.done = max(first[wire.S], s.floorDone)
	}
	s.told = [2]uint64{s.done, s.rx[wire.R]}
	s.asked, s.untold = 0, 0

	// Calls that were on their way may have been handled by the other side that
	// is gone. Its answers cannot come any more.
	s.forsake(peer.SRx)
	s.accuse()
	for i := range s.out[wire.S].flight.len() {
		e := s.out[wire.S].flight.at(i)
		e.old = e.old || !e.fresh
	}
	// Answers to the other side's former calls would be taken for answers to
	// its new ones.
	r := &s.out[wire.R]
	for i := range r.flight.len() {
		s.dropAnswer(r, r.flight.at(i))
	}
	for i := range r.queue.len() {
		s.dropAnswer(r, r.queue.at(i))
	}
	r.sweep()

	for _, in := range s.servingInOrder() {
		s.act(Action{Kind: ActionCancel, In: in})
	}
	s.serving = nil
	s.keepBacklog()
}

// repeat has an idempotent call sent again that the other side may have
// handled before it was restarted: with its number if it is still in flight
// and will be taken, else with a new one, behind what waits.
func (s *Session) repeat(c *Call, taken uint64) {
	c.again = true
	o := &s.out[wire.S]
	e := c.kept
	switch {
	case e != nil:
		c.kept = nil
		o.kept -= e.size
	case c.Ref.Number() > taken:
		return
	default:
		copied := *c.entry
		e = &copied
		o.void(c.entry)
	}
	delete(s.calls, c.Ref)
	c.State, c.entry = CallQueued, e
	e.old = true
	s.push(wire.S, e)
}

// Succeed makes this side, which is new, go on where one that was given up
// ended: see [Session.Farewell]. What that one had begun is not taken again in
// the next incarnation. If one handler of it still runs, nothing is begun before
// [Session.Release] says that it has returned.
func (s *Session) Succeed(done, started uint64) {
	s.floor, s.floorDone, s.waits = started, done, started > done
}

// Forget prepares for a new incarnation the side that goes on in the same
// process while the other one does not know it any more, or never did. What
// this side has begun is not taken again; what it has not, the other side has
// kept.
func (s *Session) Forget() {
	s.discard(func(*Incoming) bool { return true })
	if s.waits {
		return
	}
	s.floor = max(s.floor, s.started)
	s.floorDone, s.waits = s.floor, s.running != nil
	if s.waits {
		s.floorDone = s.done
	}
}

// Release says that the handler of an earlier incarnation which held this one
// up has returned.
func (s *Session) Release() {
	if !s.waits {
		return
	}
	s.waits, s.floorDone = false, s.floor
	if s.rx[wire.S] >= s.floor {
		s.done = max(s.done, s.floor)
	}
	s.ackNow = true
	s.act(Action{Kind: ActionInbox})
}

// keepBacklog sorts out what an earlier incarnation left in the inbox. Its
// events will still be handled; its calls have no caller any more. What more
// than a few windows of events a stuck handler leaves behind is given up, or
// an other side that is restarted again and again would fill memory.
func (s *Session) keepBacklog() {
	s.oldBytes += s.inBytes
	s.inBytes = 0
	s.discard(func(in *Incoming) bool { return in.Kind == wire.KindCall })
	const windows = 4
	if s.inbox.len() > windows*s.cfg.WindowFrames || s.oldBytes > windows*s.cfg.WindowBytes {
		n := s.discard(func(*Incoming) bool { return true })
		s.actGap(Gap{Count: n, Code: "backlog"})
	}
}

// discard forgets a part of the inbox and returns how many messages that was.
func (s *Session) discard(drop func(*Incoming) bool) (messages uint64) {
	s.inbox.filter(func(in *Incoming) bool {
		if !drop(in) {
			return true
		}
		if in.life == s.life {
			s.inBytes -= in.size
		} else {
			s.oldBytes -= in.size
		}
		if messages += in.Count; in.Kind != wire.KindSkip {
			messages++
		}
		return false
	})
	return messages
}

func (s *Session) dropAnswer(r *outbox, e *entry) {
	if c := e.call; c != nil {
		// The call that this one was nested in is gone with its caller.
		s.end(c, Result{Code: "peer_gone", Message: "the call it was nested in is gone", Outcome: wire.OutcomeNotSent})
		return
	}
	r.void(e)
}

func (s *Session) sentCalls() []*Call {
	calls := make([]*Call, 0, len(s.calls))
	for _, c := range s.calls {
		calls = append(calls, c)
	}
	slices.SortFunc(calls, func(a, b *Call) int { return cmp.Compare(a.Ref, b.Ref) })
	return calls
}

func (s *Session) servingInOrder() []*Incoming {
	ins := make([]*Incoming, 0, len(s.serving))
	for _, in := range s.serving {
		ins = append(ins, in)
	}
	slices.SortFunc(ins, func(a, b *Incoming) int { return cmp.Compare(a.Ref, b.Ref) })
	return ins
}
