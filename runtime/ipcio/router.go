package ipcio

import (
	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

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
