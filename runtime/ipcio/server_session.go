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
	link   *link
	token  wire.ID // the client's secret
	id     wire.ID // what others know it by
	name   string
	creds  Credentials
	from   *wire.Peer // how its messages are stamped

	// Guarded by link.mu:
	attempt     uint64
	incarnation wire.ID
	cookie      wire.ID // what the private lane must show; zero if none is awaited
	domain      *lane   // nil while there is no connection
	bound       time.Time
	met         bool      // both lanes were welcomed once
	since       time.Time // when it connected, or lost its connection

	cursor *session.Cursor // guarded by server.logMu
	acked  chan struct{}   // has a token when the cursor was acknowledged; capacity 1
}

func (s *Server) newSession(token wire.ID, name string, creds Credentials) *serverSession {
	ss := &serverSession{server: s, token: token, id: randomID(), name: name, creds: creds, since: time.Now(), acked: make(chan struct{}, 1)}
	ss.from = &wire.Peer{Name: name, ID: ss.id, UID: creds.UID, GID: creds.GID, PID: creds.PID}
	ss.link = newLink(&s.ep, session.New(s.ep.sessionConfig(firstWindowFrames, firstWindowBytes, s.limits.Calls)))
	ss.link.self.Store(&peer{link: ss.link, name: name, id: ss.id, creds: creds, known: true})
	ss.link.onGap = func(g Gap) {
		g.Client = name
		s.report(g)
	}
	ss.link.name, ss.link.returned = name, s.returned
	s.logMu.Lock()
	ss.cursor = s.log.NewCursor(ss.id, s.log.Last())
	s.logMu.Unlock()
	return ss
}

func (ss *serverSession) info() ClientInfo {
	ss.link.mu.Lock()
	defer ss.link.mu.Unlock()
	return ClientInfo{
		Name: ss.name, ID: hex.EncodeToString(ss.id[:]), Credentials: ss.creds,
		Connected: ss.link.private != nil, Since: ss.since,
	}
}

// connectedLocked reports whether the client has a connection, or is about to
// have one. link.mu is held.
func (ss *serverSession) connectedLocked() bool { return ss.domain != nil }

// bindDomain makes ln the domain lane. link.mu is held; the former lanes were
// fenced.
func (ss *serverSession) bindDomain(ln *lane) {
	ln.next = func(b []byte) []byte { return ss.domainOutput(ln, b) }
	ln.ended = func(error) { ss.domainEnded(ln) }
	ss.domain, ss.bound = ln, time.Now()
}

// bindPrivate makes ln the private lane and the session connected. link.mu is
// held.
func (ss *serverSession) bindPrivate(ln *lane) {
	ln.next = func(b []byte) []byte { return ss.link.output(ln, b) }
	ln.ended = func(error) { ss.down(ln) }
	ss.link.private = ln
	ss.met = true
	ss.cookie = wire.ID{}
	ss.since = time.Now()
	ss.link.core.Up()
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
			ss.server.ep.log.warn("connection lost", "client", ss.name, "error", err)
		}
	}
	ss.server.ep.log.op("client disconnected", "client", ss.name)
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
	ss.domain, ss.link.private, ss.cookie = nil, nil, wire.ID{}
	ss.link.core.Down()
	ss.since = time.Now()
	return lanes
}

// receivePrivate takes a frame of the private lane.
func (ss *serverSession) receivePrivate(ln *lane, f *wire.Frame) error {
	if f.Kind != wire.KindClose {
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
		ss.server.ep.log.op("client closed", "client", ss.name)
		ss.server.drop(ss, CodePeerGone, ErrPeerGone)
	}
	return errors.Join(err, errFarewell)
}

// receiveDomain takes a frame of the domain lane.
func (ss *serverSession) receiveDomain(ln *lane, f *wire.Frame) error {
	switch f.Kind {
	case wire.KindBroadcastAck:
		ss.server.logMu.Lock()
		err := ss.server.log.Ack(ss.cursor, f.Number)
		ss.server.logMu.Unlock()
		select {
		case ss.acked <- struct{}{}:
		default:
		}
		ln.kick()
		return err
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
		if wire.MaxOverhead+len(payload) > ss.link.limit {
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
	ss.server.logMu.Lock()
	defer ss.server.logMu.Unlock()
	return ss.server.log.Output(ss.cursor, b, writeBatch)
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
	s := ss.server
	s.logMu.Lock()
	last := s.log.Last()
	s.logMu.Unlock()
	for {
		s.logMu.Lock()
		acked := ss.cursor.Acked()
		s.logMu.Unlock()
		if acked >= last {
			return nil
		}
		select {
		case <-ss.acked:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// farewell tells the client how far its messages have come, and ends the
// lanes.
func (ss *serverSession) farewell() {
	l := ss.link
	l.mu.Lock()
	private, domain := l.private, ss.domain
	l.core.Drain()
	done, started := l.core.Farewell()
	l.mu.Unlock()
	if private != nil {
		private.finish(wire.Append(nil, &wire.Frame{Kind: wire.KindClose, Code: CodeClosed, From: done, To: started}))
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
func (s *Server) drop(ss *serverSession, code string, err error) {
	s.mu.Lock()
	if s.tokens[ss.token] == ss {
		delete(s.tokens, ss.token)
		delete(s.ids, ss.id)
		if s.perUID[ss.creds.UID]--; s.perUID[ss.creds.UID] <= 0 {
			delete(s.perUID, ss.creds.UID)
		}
	}
	if s.names[ss.name] == ss {
		delete(s.names, ss.name)
	}
	s.mu.Unlock()
	ss.link.end(code, err)
	ss.endDomain()
}

// endDomain ends the domain lane of a session that was given up.
func (ss *serverSession) endDomain() {
	ss.link.mu.Lock()
	domain := ss.domain
	ss.link.mu.Unlock()
	if domain != nil {
		domain.end(errFarewell)
	}
}
