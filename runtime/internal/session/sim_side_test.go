package session

import (
	"encoding/binary"
	"fmt"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A side is one side of the session in a world, with the handlers that run.
type side struct {
	w     *world
	who   int
	cfg   Config
	core  *Session
	conn  *conn
	parse wire.Parser

	event  *Incoming   // whose handler runs
	blocks *sent       // the call whose answer that handler waits for, or nil
	calls  []*Incoming // whose handlers run; Tag is the nested call they wait for, a *sent, or nil
	timer  bool        // AckTimer is due some time
	marks  []mark
}

type mark struct {
	mark uint64
	upTo int // the last message accepted before
}

func (s *side) positions() Positions {
	p := s.core.Positions()
	p.FrameBytes = 1 << 20
	return p
}

func (s *side) up(c *conn) {
	s.conn = c
	s.core.Up()
	s.pump()
}

// down ends this side's end of the connection.
func (s *side) down() {
	s.conn.open[s.who] = false
	s.conn.queue[s.who] = nil
	s.conn = nil
	s.core.Down()
	s.pump()
}

// pump carries out what the session asks for.
func (s *side) pump() {
	for _, a := range s.core.Actions() {
		switch a.Kind {
		case ActionStart:
			s.w.book.started(s, a.In)
			s.calls = append(s.calls, a.In)
		case ActionResolve:
			s.w.book.resolved(s, a.Call)
		case ActionGap:
			s.w.book.gap(s, &a.Gap)
		case ActionAckLater:
			s.timer = true
		case ActionCancel:
			if !a.In.Canceled() && a.In.life == s.core.life {
				s.w.failf("a call is cancelled that nobody cancelled")
			}
		}
	}
}

// send accepts one message of a random kind.
func (s *side) send() {
	if s.who == server && s.w.known[server] == 0 {
		return // there is no session to send to before its first hello
	}
	src := s.w.src
	kind := src.intn(10)
	var outer *Incoming // a handler that makes a nested call and waits for it
	if kind == 0 && len(s.calls) > 0 {
		if in := s.calls[src.intn(len(s.calls))]; in.Tag == nil {
			outer = in
		}
	}
	nested := outer != nil
	m := s.w.book.message(s, kind < 4, nested, src.intn(700))
	out := Message{Kind: wire.KindEvent, Command: m.command(), Payload: m.payload()}
	var err error
	if m.call {
		out.Kind, out.Nested, out.Tag = wire.KindCall, nested, m
		if src.intn(4) == 0 {
			out.Deadline = s.w.now + int64(1+src.intn(200))
		}
		m.handle, err = s.core.Call(&out)
	} else {
		err = s.core.Emit(&out)
	}
	s.w.logf("%d side %d sends %v: %v", s.w.now, s.who, m, err)
	switch {
	case err != nil:
		s.w.book.forget(m)
	case nested:
		outer.Tag = m
	case m.call && s.who == client && s.event != nil && s.blocks == nil:
		s.blocks = m // only one side does: two that wait for each other's queues would wait for ever
	}
	s.pump()
}

// write hands frames to the connection.
func (s *side) write(limit int) {
	if s.conn == nil {
		return
	}
	if !s.conn.open[1-s.who] && s.w.src.intn(2) == 0 {
		s.down() // the write fails before what came last is read
		return
	}
	has := s.core.HasOutput() || s.expired()
	b := s.core.Output(nil, limit, s.w.now)
	s.pump()
	if len(b) > 0 && !has {
		s.w.failf("side %d had output and said that it had none", s.who)
	}
	for len(b) > 0 {
		_, used, err := wire.Split(b, 1<<20)
		if err != nil || used == 0 {
			s.w.failf("side %d wrote something that is no frame: %v", s.who, err)
		}
		if s.conn.open[1-s.who] {
			s.conn.queue[1-s.who] = append(s.conn.queue[1-s.who], b[:used:used])
		}
		b = b[used:]
	}
}

// expired reports whether the first call in the queue is too late. It may hide
// that there is something to write as long as the window is full: what frees
// the window has the session looked at again.
func (s *side) expired() bool {
	q := &s.core.out[wire.S].queue
	return q.len() > 0 && q.at(0).deadline != 0 && q.at(0).deadline <= s.w.now
}

// read takes one frame from the connection.
func (s *side) read() {
	if s.conn == nil {
		return
	}
	q := &s.conn.queue[s.who]
	if len(*q) == 0 {
		if !s.conn.open[1-s.who] {
			s.down()
		}
		return
	}
	b := (*q)[0]
	*q = (*q)[1:]
	var f wire.Frame
	content, _, err := wire.Split(b, 1<<20)
	if err == nil {
		err = s.parse.Parse(content, &f)
	}
	if err != nil {
		s.w.failf("side %d cannot read a frame: %v", s.who, err)
	}
	s.w.logf("%d side %d reads %s", s.w.now, s.who, describeFrame(&f))
	if f.Kind == wire.KindClose {
		if err := s.core.Closed(f.From, f.To); err != nil {
			s.w.failf("side %d: %v", s.who, err)
		}
		s.pump()
		if s.conn.bye != 0 {
			s.w.book.cleanEnd(s.conn.bye)
		}
		s.down()
		return
	}
	clone := func(b []byte) []byte { return append([]byte(nil), b...) }
	if err := s.core.Receive(&f, s.w.now, clone); err != nil {
		s.w.failf("side %d: %v", s.who, err)
	}
	s.pump()
}

// next begins what is next in the inbox.
func (s *side) next() {
	if s.event != nil {
		return // events run one after another
	}
	in := s.core.Next()
	s.pump()
	switch {
	case in == nil:
		return
	case in.Kind == wire.KindSkip:
		s.w.book.skipped(s, in)
		s.core.Done(in)
	case in.Kind == wire.KindCall:
		s.w.book.started(s, in)
		s.calls = append(s.calls, in)
	default:
		s.w.book.started(s, in)
		s.event = in
	}
	s.pump()
}

// finishEvent has the handler of the event return.
func (s *side) finishEvent(refuse bool) {
	in := s.event
	if in == nil || s.blocks != nil && !s.blocks.ended {
		return
	}
	s.event, s.blocks = nil, nil
	s.w.book.finished(s, in, refuse && in.life == s.core.life)
	if refuse {
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
	switch s.w.src.intn(4) {
	case 0:
		s.core.Fail(in, "internal", "failed", wire.OutcomeHandled, in.Payload)
	default:
		s.core.Reply(in, in.Payload)
	}
	s.pump()
}

// cancel gives up waiting for a call.
func (s *side) cancel() {
	m := s.w.book.waiting(s)
	if m == nil {
		return
	}
	outcome := s.core.Cancel(m.handle)
	s.w.logf("%d side %d cancels %v: outcome %d", s.w.now, s.who, m, outcome)
	m.canceled = true
	s.pump()
	if outcome != wire.OutcomeUnknown && !m.ended {
		s.w.failf("the cancelled %v has outcome %d and goes on", m, outcome)
	}
}

func (s *side) fireTimer() {
	if s.timer {
		s.timer = false
		s.core.AckTimer()
		s.pump()
	}
}

// mark begins a flush.
func (s *side) mark() {
	s.core.RequestAck()
	s.marks = append(s.marks, mark{s.core.Mark(), len(s.w.book.messages)})
}

// checkBooks compares the sums that the session keeps with what it has.
func (s *side) checkBooks() {
	for seq := range s.core.out {
		o := &s.core.out[seq]
		frames, bytes, written := 0, 0, 0
		for i := range o.flight.len() + o.queue.len() {
			var e *entry
			if i < o.flight.len() {
				e = o.flight.at(i)
				if o.acked+1+uint64(i) < o.cursor {
					written += e.size
				}
			} else {
				e = o.queue.at(i - o.flight.len())
			}
			if !e.skip {
				frames++
				bytes += e.size
			}
		}
		if frames != o.frames || bytes != o.bytes || written != o.flightBytes {
			s.w.failf("side %d, sequence %d: %d frames, %d bytes, %d written; counted %d, %d, %d",
				s.who, seq, o.frames, o.bytes, o.flightBytes, frames, bytes, written)
		}
		if wire.Sequence(seq) == wire.S && (frames > s.cfg.QueueFrames || frames > 1 && bytes > s.cfg.QueueBytes) {
			s.w.failf("side %d: a queue of %d frames and %d bytes", s.who, frames, bytes)
		}
		if slots := o.flight.len() + o.queue.len(); slots > 3*(s.cfg.QueueFrames+s.cfg.Calls)+256 {
			s.w.failf("side %d, sequence %d keeps %d entries for %d frames", s.who, seq, slots, frames)
		}
	}
	queued := 0
	for seq := range s.core.out {
		q := &s.core.out[seq].queue
		for i := range q.len() {
			if q.at(i).call != nil {
				queued++
			}
		}
	}
	if got := queued + len(s.core.calls); got != s.core.waiting {
		s.w.failf("side %d: %d calls wait, %d are counted", s.who, got, s.core.waiting)
	}
	inBytes, oldBytes := 0, 0
	count := func(in *Incoming) {
		if in.life == s.core.life {
			inBytes += in.size
		} else {
			oldBytes += in.size
		}
	}
	for i := range s.core.inbox.len() {
		count(s.core.inbox.at(i))
	}
	if s.event != nil {
		count(s.event)
	}
	if inBytes != s.core.inBytes || oldBytes != s.core.oldBytes {
		s.w.failf("side %d: the inbox holds %d and %d bytes, counted are %d and %d", s.who, inBytes, oldBytes, s.core.inBytes, s.core.oldBytes)
	}
}

// atRest reports whether nothing is under way or kept.
func (s *side) atRest() bool {
	c := s.core
	if s.event != nil || len(s.calls) > 0 || c.HasOutput() || s.timer {
		return false
	}
	for seq := range c.out {
		o := &c.out[seq]
		if o.frames != 0 || o.bytes != 0 || o.flightBytes != 0 || o.flight.len() != 0 || o.queue.len() != 0 || o.lost != 0 {
			return false
		}
	}
	return c.inbox.len() == 0 && c.inBytes == 0 && c.oldBytes == 0 && len(c.serving) == 0 && len(c.calls) == 0 && c.waiting == 0
}

func (s *side) describe() string {
	c := s.core
	out := fmt.Sprintf("event %v, %d handlers, inbox %d, serving %d, calls %d, rx %v done %d started %d told %v window %v",
		s.event != nil, len(s.calls), c.inbox.len(), len(c.serving), c.waiting, c.rx, c.done, c.started, c.told, c.peerRx)
	for seq := range c.out {
		o := &c.out[seq]
		out += fmt.Sprintf("; sequence %d: acked %d cursor %d flight %d queue %d frames %d", seq, o.acked, o.cursor, o.flight.len(), o.queue.len(), o.frames)
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
