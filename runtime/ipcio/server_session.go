package ipcio

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A serverSession is what the server knows of one client: its link, its name,
// and where it stands in the log of broadcasts.
type serverSession struct {
	server *Server
	link   *link // the Guard of member
	member *session.Member
	creds  Credentials

	domain *lane         // nil while there is no connection; guarded by link.mu
	acked  chan struct{} // has a token when broadcasts were acknowledged; capacity 1
}

// mostTombstones is how many sessions that were given up the server remembers:
// less than 200 bytes each.
const mostTombstones = 65536

// open gives a new session what runs it.
func (s *Server) open(m *session.Member) {
	creds := Credentials{UID: m.Sender.UID, GID: m.Sender.GID, PID: m.Sender.PID}
	ss := &serverSession{server: s, member: m, creds: creds, acked: make(chan struct{}, 1)}
	ss.link = newLink(&s.ep, m.Core)
	ss.link.self.Store(&peer{link: ss.link, name: m.Name, id: m.ID, creds: creds, known: true})
	ss.link.onGap = func(g Gap) {
		g.Client = m.Name
		s.report(g)
	}
	ss.link.member, ss.link.domain = m, s.domain
	ss.link.knock = ss.knock
	m.Guard, m.Owner = ss.link, ss
}

func (ss *serverSession) info() ClientInfo {
	ss.link.mu.Lock()
	defer ss.link.mu.Unlock()
	return ClientInfo{
		Name: ss.member.Name, ID: hex.EncodeToString(ss.member.ID[:]), Credentials: ss.creds,
		Connected: ss.member.Connected(), Since: ss.server.ep.began.Add(time.Duration(ss.member.Since())),
	}
}

// bindDomain makes ln the domain lane. link.mu is held; the former lanes were
// fenced.
func (ss *serverSession) bindDomain(ln *lane) {
	ln.handle = func(f *wire.Frame) error { return ss.receiveDomain(ln, f) }
	ln.next = func(b []byte) []byte { return ss.domainOutput(ln, b) }
	ln.ended = func(error) { ss.domainEnded(ln) }
	ss.domain = ln
}

// bindPrivate makes ln the private lane. link.mu is held.
func (ss *serverSession) bindPrivate(ln *lane) {
	ln.link, ln.serves = ss.link, true
	ln.handle = func(f *wire.Frame) error { return ss.receivePrivate(ln, f) }
	ln.next = func(b []byte) []byte { return ss.link.output(ln, b) }
	ln.ended = func(error) { ss.down(ln) }
	ss.link.private = ln
}

// domainEnded is called when a domain lane has ended. The private lane follows
// when it has been read: the client may have said goodbye there.
func (ss *serverSession) domainEnded(ln *lane) {
	ss.link.mu.Lock()
	private := ss.link.private
	current := ss.domain == ln
	ss.link.mu.Unlock()
	if current && private != nil {
		private.drain()
		return
	}
	ss.down(ln)
}

// down is called when a lane has ended: if it was one of the session's, the
// other one goes too and the session waits for its client.
func (ss *serverSession) down(ln *lane) {
	l := ss.link
	l.mu.Lock()
	if ln != ss.domain && ln != l.private {
		l.mu.Unlock()
		return
	}
	ss.member.Lost(ss.server.ep.now())
	lanes := ss.detachLocked()
	ended := l.ended
	l.unlock()
	for _, other := range lanes {
		other.end(errFenced)
	}
	if ended {
		return
	}
	for _, ln := range lanes {
		if err := ln.reason(); !ordinary(err) {
			ss.server.ep.log.warn("connection lost", "client", ss.member.Name, "error", err)
		}
	}
	ss.server.ep.log.op("client disconnected", "client", ss.member.Name)
}

// knock has the client read its private lane.
func (ss *serverSession) knock() {
	ss.link.mu.Lock()
	domain := ss.domain
	ss.link.mu.Unlock()
	if domain != nil {
		domain.sendNow(&wire.Frame{Kind: wire.KindKnock})
	}
}

// detachLocked takes the lanes off the session and returns them, to be ended
// when link.mu is released.
func (ss *serverSession) detachLocked() []*lane {
	var lanes []*lane
	for _, ln := range []*lane{ss.domain, ss.link.private} {
		if ln != nil {
			lanes = append(lanes, ln)
		}
	}
	ss.domain, ss.link.private = nil, nil
	return lanes
}

// receivePrivate takes a frame of the private lane.
func (ss *serverSession) receivePrivate(ln *lane, f *wire.Frame) error {
	switch f.Kind {
	case wire.KindClose:
	case wire.KindCommands:
		return ss.link.learn(ln, f, func() bool { return ss.link.private == ln })
	default:
		return ss.link.receive(ln, f)
	}
	ss.link.mu.Lock()
	current := ss.link.private == ln
	var err error
	if current {
		err = ss.link.core.Closed(f.From, f.To) // what it has done is not given up
	}
	ss.link.unlock()
	if current {
		ss.server.ep.log.op("client closed", "client", ss.member.Name)
		ss.server.drop(ss)
	}
	return errors.Join(err, errFarewell)
}

// receiveDomain takes a frame of the domain lane.
func (ss *serverSession) receiveDomain(ln *lane, f *wire.Frame) error {
	switch f.Kind {
	case wire.KindBroadcastAck:
		err := ss.member.Ack(f.Number)
		select {
		case ss.acked <- struct{}{}:
		default:
		}
		ln.flush() // what did not fit into the window
		return err
	case wire.KindCommands:
		return ss.link.learn(ln, f, func() bool { return ss.domain == ln })
	case wire.KindQuery:
		return ss.query(ln, f)
	}
	return &wire.MalformedError{Kind: f.Kind, Reason: "not a frame of the domain lane"}
}

func (ss *serverSession) query(ln *lane, f *wire.Frame) error {
	payload := []byte{cborNull} // what is asked is not known here
	if f.Command == queryDirectory {
		var err error
		if payload, err = ss.server.directory(); err != nil {
			return err
		}
		ss.link.mu.Lock()
		if wire.MaxOverhead+len(payload) > ss.link.core.Limit() {
			payload = []byte{cborNull}
		}
		ss.link.mu.Unlock()
	}
	if !ln.send(wire.Append(nil, &wire.Frame{Kind: wire.KindAnswer, Number: f.Number, Payload: payload})) {
		return errStuck
	}
	return nil
}

// domainOutput is what the writer of the domain lane writes next.
func (ss *serverSession) domainOutput(ln *lane, b []byte) []byte {
	ss.link.mu.Lock()
	current := ss.domain == ln && ss.link.private != nil
	ss.link.mu.Unlock()
	if !current {
		return b
	}
	return ss.member.Output(b, writeBatch)
}

// flushConnected waits until a connected client has done all that was queued
// for it.
func (ss *serverSession) flushConnected(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ss.link.mu.Lock()
	private := ss.link.private
	ss.link.mu.Unlock()
	if private == nil {
		return nil
	}
	stop := make(chan struct{})
	defer close(stop)
	ss.server.ep.owned.Go(func() {
		select {
		case <-private.done:
			cancel() // it is not connected any more: nobody waits for it
		case <-stop:
		}
	})
	err := ss.link.flush(ctx)
	if err == nil {
		err = ss.flushBroadcasts(ctx)
	}
	select {
	case <-private.done:
		return nil
	default:
		return err
	}
}

// flushBroadcasts waits until the client has handled all broadcasts so far.
func (ss *serverSession) flushBroadcasts(ctx context.Context) error {
	last := ss.server.domain.Last()
	for ss.member.Acked() < last {
		select {
		case <-ss.acked:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// farewell tells the client how far its messages have come, and ends the
// lanes.
func (ss *serverSession) farewell() {
	l := ss.link
	l.mu.Lock()
	private, words := l.leave()
	domain := ss.domain
	l.mu.Unlock()
	if private != nil {
		private.finish(words)
	}
	if domain != nil {
		domain.end(errFarewell)
	}
}

// report hands a gap to the program.
func (s *Server) report(g Gap) {
	s.ep.log.op("gap", "client", g.Client, "reason", g.Reason.String(), "count", g.Count, "commands", g.Commands, "error", g.Err)
	if f := s.cfg.OnGap; f != nil {
		s.ep.notify.postGap(g, f)
		return
	}
	s.ep.log.warn("messages will not be handled, and there is no OnGap", "client", g.Client, "reason", g.Reason.String(), "count", g.Count, "commands", g.Commands, "error", g.Err)
}

// drop gives a session up: its name is free, its calls end, what was queued is
// reported.
func (s *Server) drop(ss *serverSession) {
	s.domain.Remove(ss.member)
	ss.end(CodePeerGone, ErrPeerGone)
}

// end ends the session and what is left of its connection.
func (ss *serverSession) end(code string, err error) {
	ss.link.end(code, err)
	ss.link.mu.Lock()
	domain := ss.domain
	ss.link.mu.Unlock()
	if domain != nil {
		domain.end(errFarewell)
	}
}
