package ipcio

import (
	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// published has the writers of all domain lanes look for the latest broadcast.
func (s *Server) published() {
	for _, ss := range s.sessions() {
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
	if in.Kind == wire.KindBroadcast {
		s.ep.log.op("relay broadcast", "command", in.Command, "from", l.member.Name)
	} else {
		s.ep.log.op("relay", "command", in.Command, "from", l.member.Name, "to", in.Peer.Name)
	}
	if refusal := s.domain.Route(l.member, in, s.ep.now()); refusal != nil {
		s.ep.log.op("cannot relay", "command", in.Command, "from", l.member.Name, "reason", refusal.Message)
	}
}
