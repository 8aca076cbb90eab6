package session

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A party is one process of a world: a client's, or one life of the server.
type party struct {
	name   string
	server bool
	life   int  // of the server
	alive  bool // it has not ended
	missed bool // it gave up a backlog: not everything that reached it was handled
}

func (p *party) String() string {
	if p.server {
		return fmt.Sprintf("server %d", p.life)
	}
	return p.name
}

// A side is one side of one session at work: the session and the handlers that
// run. It stands for what the runtime's links do.
type side struct {
	w      *world
	owner  *party
	core   *Session
	member *Member    // at the server
	client *simClient // at a client

	event   *Incoming   // whose handler runs
	blocks  *sent       // the call whose answer that handler waits for
	calls   []*Incoming // whose handlers run; Tag is the nested call they wait for, if any
	timer   bool        // AckTimer is due
	marks   []uint64
	waiting *posting   // a send that waits for room
	seen    *wire.Peer // who has sent something last, if it was a client
	blocked bool       // its queue has the policy Block

	dropped, told              int // given up here by DropOldest; what the other side said it gave up
	dirty                      bool
	lives                      int    // incarnations of core seen
	ackedTo, writtenTo, window uint64 // what it has written
	leftAt                     uint64 // the mark of a client that shuts down
}

// A posting is a message that is not accepted yet.
type posting struct {
	m     *sent
	msg   *Message
	since int64
}

func (s *side) Lock()   {}
func (s *side) Unlock() {}
func (s *side) Commit() { s.pump() }

// pump carries out what the session asks for.
func (s *side) pump() {
	s.dirty = true
	room := false
	var later []func()
	for _, a := range s.core.Actions(nil) {
		switch a.Kind {
		case ActionStart:
			later = append(later, func() { s.begin(a.In) })
		case ActionResolve:
			if r := &a.Call.Result; r.Code == "queue_full" && !r.Remote {
				s.dropped++
			}
			switch tag := a.Call.Tag.(type) {
			case *Relayed:
				later = append(later, func() { tag.Resolve(a.Call) })
			case *sent:
				s.w.book.resolved(s, a.Call)
			}
		case ActionGap:
			if a.Gap.Dropped {
				s.dropped++
			}
			if a.Gap.Origin != (Origin{}) {
				later = append(later, func() {
					s.w.reach(relayedReturned)
					s.member.domain.Returned(s.member.Name, *a.Gap)
				})
			} else {
				s.w.book.gap(s, a.Gap)
			}
		case ActionAckLater:
			s.timer = true
		case ActionCancel:
			if r, ok := a.In.Tag.(*Relayed); ok {
				later = append(later, r.CancelCall)
			}
			if a.In.life == s.core.life && !s.core.ended {
				s.w.reach(cancelReachesCallee)
			}
		case ActionFinished:
			if s.member != nil {
				later = append(later, func() {
					s.w.reach(handlerOutlivesSession)
					s.member.domain.Finished(s.member)
				})
			}
		case ActionRoom:
			room = true
		}
	}
	s.core.Settle()
	for _, f := range later {
		f()
	}
	if room && s.waiting != nil {
		s.post(s.waiting)
	}
}

// private is what the writer of a private lane writes next.
func (s *side) private() []byte {
	has := s.core.HasOutput() || s.expired()
	written := s.core.out[wire.S].cursor
	b := s.core.Output(nil, 1+s.w.src.intn(3000), s.w.now)
	s.w.covers(s, written, b)
	s.pump()
	if len(b) > 0 && !has {
		s.w.failf("%v had output and said that it had none", s)
	}
	return b
}

// expired reports whether the first call in the queue is too late: that may
// hide that there is something to write.
func (s *side) expired() bool {
	q := &s.core.out[wire.S].queue
	return q.len() > 0 && q.at(0).deadline != 0 && q.at(0).deadline <= s.w.now
}

// receive takes a frame of the private lane, but CLOSE.
func (s *side) receive(f *wire.Frame) bool {
	before := *s.core
	err := s.core.Receive(f, s.w.now, clone)
	s.w.received(s, &before, f, err)
	s.pump()
	return err == nil
}

// next begins what is next in the inbox.
func (s *side) next() {
	if s.event != nil {
		return // events run one after another
	}
	in := s.core.Next()
	s.pump()
	if in == nil {
		return
	}
	switch {
	case in.Kind == wire.KindSkip:
		s.w.reach(skipReceived)
		s.told += int(in.Count)
		s.core.Done(in)
	case s.member != nil && (in.Peer != nil || in.Kind == wire.KindBroadcast):
		s.route(in)
		if in.Kind != wire.KindCall {
			s.core.Done(in)
		}
	case in.Kind == wire.KindCall:
		s.begin(in)
	default:
		s.w.book.started(s, in)
		s.event = in
	}
	s.pump()
}

// begin starts the handler of a call.
func (s *side) begin(in *Incoming) {
	switch {
	case s.member != nil && in.Peer != nil:
		s.route(in)
	case in.Deadline != 0 && in.Deadline <= s.w.now:
		s.w.reach(deadlineBeforeHandler)
		s.core.Fail(in, "timeout", "too late", wire.OutcomeNotHandled, nil)
		s.pump()
	case s.w.src.intn(16) == 0:
		s.w.reach(callWithoutHandler)
		s.core.Fail(in, "unknown_command", "no handler", wire.OutcomeNotHandled, nil)
		s.pump()
	default:
		s.w.book.started(s, in)
		s.calls = append(s.calls, in)
	}
}

func (s *side) route(in *Incoming) {
	s.w.book.routed(s, in)
	if r := s.member.domain.Route(s.member, in, s.w.now); r != nil {
		s.w.reach(routeRefused)
		switch r.Code {
		case "unknown_client":
			s.w.reach(routeUnknown)
		case "queue_full":
			s.w.reach(routeQueueFull)
		case "peer_gone":
			s.w.reach(routePeerGone)
		}
	}
}

// finishEvent has the handler of the event return.
func (s *side) finishEvent(refuse bool) {
	in := s.event
	if in == nil || s.blocks != nil && !s.blocks.ended {
		return
	}
	s.event, s.blocks = nil, nil
	refused := refuse && in.life == s.core.life
	s.w.book.finished(s, in, refused)
	if refuse {
		if refused {
			s.w.reach(eventRefused)
		}
		s.core.Nack(in, "invalid", "refused", nil)
	}
	s.core.Done(in)
	s.pump()
}

// answerCall has the handler of a call return.
func (s *side) answerCall() {
	if len(s.calls) == 0 {
		return
	}
	i := s.w.src.intn(len(s.calls))
	in := s.calls[i]
	if nested, ok := in.Tag.(*sent); ok && !nested.ended {
		return
	}
	s.calls = append(s.calls[:i], s.calls[i+1:]...)
	if s.w.src.intn(4) == 0 {
		s.core.Fail(in, "internal", "failed", wire.OutcomeHandled, in.Payload)
	} else {
		s.core.Reply(in, in.Payload)
	}
	s.pump()
}

// send makes a message of a random kind and has it accepted.
func (s *side) send() {
	w := s.w
	if s.waiting != nil || s.core.ended {
		return
	}
	kind := w.src.intn(12)
	var outer *Incoming // a handler that makes a nested call and waits for it
	if kind == 0 && len(s.calls) > 0 {
		if in := s.calls[w.src.intn(len(s.calls))]; in.Tag == nil {
			outer = in
		}
	}
	padding := w.src.intn(700)
	if w.src.intn(40) == 0 {
		padding = 3500 + w.src.intn(3000)
	}
	m := w.book.message(s, kind < 5, padding)
	if s.client != nil {
		m.attempt, m.unconnected = s.client.cl.Attempt, s.client.state != 3
	}
	msg := &Message{Kind: wire.KindEvent, Command: m.command(), Payload: m.payload()}
	switch {
	case outer != nil:
		m.nested = true
		if outer.Peer != nil { // to the client whose call it is
			m.target, msg.Peer = outer.Peer.Name, &wire.Peer{ID: outer.Peer.ID}
		}
	case s.client != nil && s.seen != nil && w.src.intn(8) == 0:
		m.target, msg.Peer = s.seen.Name, &wire.Peer{ID: s.seen.ID}
	case s.client != nil && w.src.intn(5) < 2 && len(w.names) > 1:
		m.target = w.names[w.src.intn(len(w.names))]
		msg.Peer = &wire.Peer{Name: m.target}
		if m.target == s.owner.name {
			w.reach(relayToItself)
		}
	case s.client != nil && !m.call && kind < 7:
		m.all, msg.Kind = true, wire.KindBroadcast
	}
	if m.call {
		m.idempotent = w.src.intn(3) == 0 && !m.nested
		msg.Kind, msg.Nested, msg.Tag, msg.Idempotent = wire.KindCall, m.nested, m, m.idempotent
		if w.src.intn(4) == 0 {
			msg.Deadline = w.now + int64(1+w.src.intn(200))*10*millisecond
		}
	}
	s.post(&posting{m, msg, w.now})
	if m.gone {
		return
	}
	switch {
	case outer != nil:
		outer.Tag = m
	case m.call && s.client != nil && m.target == "" && s.event != nil && s.blocks == nil && m.handle != nil:
		s.blocks = m // only clients do, and only for the server: two that wait for each other would wait for ever
	}
}

// post has a message accepted, now or when there is room.
func (s *side) post(p *posting) {
	w, m := s.w, p.m
	s.waiting = nil
	var err error
	if m.call {
		m.handle, err = s.core.Call(p.msg)
	} else {
		err = s.core.Emit(p.msg)
	}
	w.logf("%v sends %v: %v", s, m, err)
	var size *SizeError
	switch {
	case err == nil:
		w.stats.accepted++
		m.stamp = s.core.Mark()
		if w.unposted[m] {
			w.reach(blockedAccepted)
			delete(w.unposted, m)
		}
	case errors.Is(err, ErrNoSlot):
		w.reach(noSlot)
		s.waiting, w.unposted[m] = p, true
	case errors.Is(err, ErrQueueFull) && s.blocked && !m.nested && s.event == nil && len(s.calls) == 0:
		w.reach(blockedSend)
		s.core.RequestAck()
		s.waiting, w.unposted[m] = p, true
	default:
		switch {
		case errors.Is(err, ErrQueueFull):
			w.reach(refusedSend)
		case errors.Is(err, ErrBudget):
			w.reach(budgetSend)
		case errors.As(err, &size):
			w.reach(tooLargeSend)
		}
		w.book.forget(m)
	}
	s.pump()
}

// giveUp ends a wait for room that has taken as long as a caller waits.
func (s *side) giveUp() {
	if p := s.waiting; p != nil && s.w.now-p.since > 30*second {
		s.w.reach(waitGivenUp)
		s.waiting = nil
		delete(s.w.unposted, p.m)
		s.w.book.forget(p.m)
	}
}

// cancel gives up waiting for a call.
func (s *side) cancel() {
	m := s.w.book.waiting(s)
	if m == nil || m.handle == nil {
		return
	}
	before := m.handle.State
	outcome := s.core.Cancel(m.handle)
	s.w.logf("%v cancels %v: outcome %d", s, m, outcome)
	m.canceled = true
	s.pump()
	switch {
	case before == CallQueued:
		s.w.reach(cancelQueued)
	case outcome == wire.OutcomeNotSent:
		s.w.reach(cancelLost)
	default:
		s.w.reach(cancelSent)
	}
	if outcome != wire.OutcomeUnknown && !m.ended {
		s.w.failf("the cancelled %v has outcome %d and goes on", m, outcome)
	}
}

func (s *side) fireTimer() {
	if s.timer {
		s.timer = false
		if s.core.AckTimer() {
			s.w.reach(ackByTimer)
		}
		s.pump()
	}
}

// mark begins a flush.
func (s *side) mark() {
	s.core.RequestAck()
	s.marks = append(s.marks, s.core.Mark())
}

func (s *side) String() string {
	if s.member != nil {
		return fmt.Sprintf("%v for %s", s.owner, s.member.Name)
	}
	return s.owner.String()
}

// checkBooks compares the sums that the session keeps with what it has, and
// both with the limits.
func (s *side) checkBooks() {
	c, w := s.core, s.w
	cfg := c.cfg
	waiting := len(c.calls)
	for seq := range c.out {
		o := &c.out[seq]
		frames, bytes, written := 0, 0, 0
		count := func(e *entry) {
			if !e.skip {
				frames++
				bytes += e.size
			}
		}
		for i := range o.flight.len() {
			e := o.flight.at(i)
			count(e)
			if o.acked+1+uint64(i) < o.cursor {
				written += e.size
			}
		}
		for i := range o.queue.len() {
			e := o.queue.at(i)
			count(e)
			if e.call != nil {
				waiting++
			}
		}
		if frames != o.frames || bytes != o.bytes || written != o.flightBytes {
			w.failf("%v, sequence %d: %d frames, %d bytes, %d written; counted %d, %d, %d",
				s, seq, o.frames, o.bytes, o.flightBytes, frames, bytes, written)
		}
		if wire.Sequence(seq) == wire.S {
			// An idempotent call that is to be made again was accepted before: it
			// needs no room a second time.
			again := cfg.Calls
			if frames > cfg.QueueFrames+again || frames > 1+again && bytes+o.kept > cfg.QueueBytes+8000*again {
				w.failf("%v: a queue of %d frames and %d bytes", s, frames, bytes)
			}
		} else if frames > replyFrames {
			w.failf("%v: %d frames of R", s, frames)
		}
		if slots := o.flight.len() + o.queue.len(); slots > 3*(cfg.QueueFrames+cfg.Calls)+frames+256 {
			w.failf("%v, sequence %d keeps %d entries for %d frames", s, seq, slots, frames)
		}
	}
	if waiting != c.waiting {
		w.failf("%v: %d calls wait, %d are counted", s, waiting, c.waiting)
	}
	if len(c.cancels) > mostCancels || len(c.serving) > 2*cfg.Calls+cfg.WindowFrames+1 {
		w.failf("%v keeps %d cancels and serves %d calls", s, len(c.cancels), len(c.serving))
	}
	inBytes, oldBytes, old := 0, 0, 0
	count := func(in *Incoming) {
		if in.life == c.life {
			inBytes += in.size
		} else {
			oldBytes += in.size
			old++
		}
	}
	for i := range c.inbox.len() {
		count(c.inbox.at(i))
	}
	if s.event != nil {
		count(s.event)
	}
	if inBytes != c.inBytes || oldBytes != c.oldBytes {
		w.failf("%v: the inbox holds %d and %d bytes, counted are %d and %d", s, inBytes, oldBytes, c.inBytes, c.oldBytes)
	}
	if most := cfg.WindowFrames + 1; c.inbox.len()-old > most || old > 5*most {
		w.failf("%v: the inbox holds %d messages, %d of them old, with a window of %d", s, c.inbox.len(), old, cfg.WindowFrames)
	}
	if old > 0 && s.member != nil && (s.event == nil || old > 1) {
		w.failf("%v: a server keeps %d messages of an earlier incarnation", s, old)
	}
}

// atRest reports whether nothing is under way or kept.
func (s *side) atRest() bool {
	c := s.core
	if s.event != nil || len(s.calls) > 0 || c.HasOutput() || s.timer || s.waiting != nil || len(s.marks) > 0 {
		return false
	}
	for seq := range c.out {
		o := &c.out[seq]
		if o.frames != 0 || o.bytes != 0 || o.kept != 0 || o.flightBytes != 0 || o.flight.len() != 0 || o.queue.len() != 0 || o.lost != 0 {
			return false
		}
	}
	return c.inbox.len() == 0 && c.inBytes == 0 && c.oldBytes == 0 && len(c.serving) == 0 && len(c.calls) == 0 && c.waiting == 0
}

func (s *side) describe() string {
	c := s.core
	out := fmt.Sprintf("%v: event %v, %d handlers, waiting %v, marks %d, inbox %d, serving %d, calls %d, rx %v done %d started %d told %v window %v waits %v floor %d",
		s, s.event != nil, len(s.calls), s.waiting != nil, len(s.marks), c.inbox.len(), len(c.serving), c.waiting, c.rx, c.done, c.started, c.told, c.peerRx, c.waits, c.floor)
	for seq := range c.out {
		o := &c.out[seq]
		out += fmt.Sprintf("; sequence %d: acked %d cursor %d flight %d queue %d frames %d kept %d", seq, o.acked, o.cursor, o.flight.len(), o.queue.len(), o.frames, o.kept)
	}
	return out
}

func describeFrame(f *wire.Frame) string {
	return fmt.Sprintf("kind %d number %d flags %d ref %d range %d..%d count %d command %q code %q outcome %d",
		f.Kind, f.Number, f.Flags, f.Ref, f.From, f.To, f.Count, f.Command, f.Code, f.Outcome)
}

// payloadOf makes a CBOR byte string that begins with id.
func payloadOf(id, padding int) []byte {
	b := []byte{0x59, 0, 0}
	b = binary.BigEndian.AppendUint64(b, uint64(id))
	b = append(b, make([]byte, padding)...)
	binary.BigEndian.PutUint16(b[1:], uint16(len(b)-3))
	return b
}

func idOf(payload []byte) int {
	if len(payload) < 11 {
		return -1
	}
	return int(binary.BigEndian.Uint64(payload[3:]))
}
