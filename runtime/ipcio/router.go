package ipcio

import (
	"errors"
	"fmt"

	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// publish adds a broadcast to the domain's log and has it written to all
// clients but origin.
func (s *Server) publish(f *wire.Frame, origin wire.ID) {
	s.logMu.Lock()
	s.log.Append(f, origin, s.ep.now())
	s.logMu.Unlock()
	s.mu.Lock()
	sessions := s.sessionsLocked()
	s.mu.Unlock()
	for _, ss := range sessions {
		ss.link.mu.Lock()
		domain := ss.domain
		ss.link.mu.Unlock()
		if domain != nil {
			domain.kick()
		}
	}
}

// route takes a message that a client sends to another one, or to all. It is
// done when the other session has it in its queue.
func (s *Server) route(l *link, in *session.Incoming) {
	origin := s.sessionOf(l)
	if origin == nil {
		return // given up meanwhile
	}
	if in.Kind == wire.KindBroadcast {
		s.ep.log.op("relay broadcast", "command", in.Command, "from", origin.name)
		s.publish(&wire.Frame{
			Kind: wire.KindBroadcast, Flags: in.Flags, Peer: origin.from, Command: in.Command, Payload: in.Payload,
		}, origin.id)
		return
	}
	target := s.target(in.Peer)
	if target == nil {
		if in.Peer.Name == "" {
			s.refuseRoute(l, in, "", CodePeerGone, "the session of that client was given up")
			return
		}
		s.refuseRoute(l, in, in.Peer.Name, CodeUnknownClient, fmt.Sprintf("there is no client %q", in.Peer.Name))
		return
	}
	s.ep.log.op("relay", "command", in.Command, "from", origin.name, "to", target.name)
	m := &session.Message{
		Kind: in.Kind, Flags: in.Flags & wire.Redelivered, Peer: origin.from, Command: in.Command, Payload: in.Payload,
	}
	if in.Kind == wire.KindCall {
		s.relayCall(l, in, target.link, m)
		return
	}
	m.Origin = session.Origin{Session: origin.id, Number: in.Number}
	t := target.link
	t.mu.Lock()
	err := t.refusal(m)
	if err == nil {
		err = t.core.Emit(m)
	}
	t.unlock()
	if err != nil {
		code, message := t.refusalCode(err)
		s.refuseRoute(l, in, target.name, code, message)
	}
}

func (s *Server) sessionOf(l *link) *serverSession {
	id := l.self.Load().id
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ids[id]
}

func (s *Server) target(p *wire.Peer) *serverSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.ID != (wire.ID{}) {
		return s.ids[p.ID]
	}
	return s.names[p.Name]
}

// refusalCode is what the sender of a relayed message is told.
func (l *link) refusalCode(err error) (code, message string) {
	message = trimPrefix(err).Error()
	switch {
	case errors.Is(err, session.ErrQueueFull), errors.Is(err, ErrQueueFull):
		return CodeQueueFull, "the queue of the other client is full"
	case errors.Is(err, session.ErrNoSlot):
		return CodeUnavailable, "as many calls are in flight to the other client as it takes"
	case errors.Is(err, ErrTooLarge):
		return CodeTooLarge, message
	}
	return CodePeerGone, message
}

func (s *Server) refuseRoute(l *link, in *session.Incoming, peer, code, message string) {
	s.ep.log.op("cannot relay", "command", in.Command, "reason", message)
	l.mu.Lock()
	if in.Kind == wire.KindCall {
		l.core.Fail(in, code, message, wire.OutcomeNotHandled, nil)
	} else {
		l.core.NackFor(in, peer, code, message)
	}
	l.unlock()
}

// A relayed call is the Tag of the call at its target, and of the incoming one
// at its origin.
type relayed struct {
	from, to *link
	in       *session.Incoming
	call     *session.Call
}

func (s *Server) relayCall(from *link, in *session.Incoming, to *link, m *session.Message) {
	r := &relayed{from: from, to: to, in: in}
	m.Tag, m.Nested, m.Deadline = r, in.Ref.Nested(), in.Deadline
	to.mu.Lock()
	err := to.refusal(m)
	if err == nil {
		r.call, err = to.core.Call(m)
	}
	to.unlock()
	if err != nil {
		code, message := to.refusalCode(err)
		s.refuseRoute(from, in, to.name, code, message)
		return
	}
	from.mu.Lock()
	in.Tag = r
	canceled := in.Canceled()
	from.mu.Unlock()
	if canceled {
		r.cancelCall()
	}
}

// cancelCall passes on that the caller does not wait any more.
func (r *relayed) cancelCall() {
	r.to.mu.Lock()
	r.to.core.Cancel(r.call)
	r.to.unlock()
}

// resolve passes on the outcome.
func (r *relayed) resolve(c *session.Call) {
	r.from.mu.Lock()
	defer r.from.unlock()
	res := &c.Result
	size := wire.MaxOverhead + len(res.Payload)
	switch {
	case size > r.from.limit:
		r.from.core.Fail(r.in, CodeTooLarge, fmt.Sprintf("the answer needs a frame of %d bytes, the limit is %d", size, r.from.limit), wire.OutcomeHandled, nil)
	case res.OK:
		r.from.core.Reply(r.in, res.Payload)
	default:
		outcome := res.Outcome
		if outcome == wire.OutcomeNotSent {
			outcome = wire.OutcomeNotHandled
		}
		code := res.Code
		if code == "" || code == CodeClosed {
			code = CodePeerGone
		}
		r.from.core.Fail(r.in, code, res.Message, outcome, res.Payload)
	}
}

// returned tells the sender of a relayed event that peer refused it, or that
// it was given up after all.
func (s *Server) returned(peer string, g session.Gap) {
	s.mu.Lock()
	origin := s.ids[g.Origin.Session]
	s.mu.Unlock()
	if origin == nil {
		return
	}
	code, message := CodePeerGone, "the other client is gone"
	var data []byte
	if g.Dropped {
		code, message = CodeQueueFull, "dropped to make room for newer messages"
	}
	if g.Nack {
		code, message, data = g.Code, g.Message, g.Data
	}
	origin.link.mu.Lock()
	if wire.MaxOverhead+len(g.Command)+len(code)+len(message)+len(data) > origin.link.limit {
		data = nil
	}
	origin.link.core.NackNumber(g.Origin.Number, peer, g.Command, code, message, data)
	origin.link.unlock()
}
