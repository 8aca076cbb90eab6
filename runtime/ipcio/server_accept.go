package ipcio

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/sock"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// Waits between tries to accept when the process has no descriptors left.
const (
	acceptRetryFirst = 10 * time.Millisecond
	acceptRetryMost  = 500 * time.Millisecond
)

// accept takes connections until the listener is closed.
func (s *Server) accept(listener net.Listener) {
	wait := time.Duration(0)
	for {
		conn, err := listener.Accept()
		switch {
		case err == nil:
			// Somebody else goes on here: the connection has its hello by now, and is
			// not to wait for a goroutine.
			s.ep.owned.Go(func() { s.accept(listener) })
			s.greet(conn)
			return
		case s.ending():
			return
		case !sock.IsTemporary(err):
			s.fail(fmt.Errorf("ipcio: accept: %w", err))
			return
		}
		if wait == 0 {
			s.ep.log.warn("cannot accept connections for now", "error", err)
		}
		wait = min(max(2*wait, acceptRetryFirst), acceptRetryMost)
		select {
		case <-time.After(wait):
		case <-s.quit:
			return
		}
	}
}

func (s *Server) ending() bool {
	select {
	case <-s.quit:
		return true
	default:
		return false
	}
}

// greet reads the hello of a connection, answers it, and goes on as the reader
// of the lane it has become.
func (s *Server) greet(conn net.Conn) {
	creds, err := credentialsOf(conn)
	if err != nil {
		s.ep.log.warn("a connection without credentials", "error", err)
		conn.Close()
		return
	}
	if err := s.admit(creds); err != nil {
		s.ep.log.warn("access denied", "uid", creds.UID, "pid", creds.PID, "error", err)
		s.refuse(conn, CodeDenied, "access denied")
		return
	}
	if !s.beginGreeting(conn, creds.UID) {
		s.refuse(conn, CodeUnavailable, fmt.Sprintf("%d connections of this user have not said hello", s.limits.Handshakes))
		return
	}
	hello, reader, err := s.readHello(conn)
	if !s.endGreeting(conn, creds.UID) {
		conn.Close()
		return
	}
	if err != nil {
		if !sock.DisconnectError(err) {
			s.ep.log.op("no hello", "uid", creds.UID, "pid", creds.PID, "error", err)
		}
		if _, malformed := errors.AsType[*wire.MalformedError](err); malformed {
			s.refuse(conn, CodeInvalid, err.Error())
			return
		}
		conn.Close()
		return
	}
	var refusal *refusalError
	if hello.Lane == wire.LaneDomain {
		err = s.welcomeDomain(conn, reader, hello, creds)
	} else {
		err = s.welcomePrivate(conn, reader, hello, creds)
	}
	switch {
	case errors.As(err, &refusal):
		s.ep.log.op("refuse", "client", hello.Name, "reason", refusal.Message)
		s.refuse(conn, refusal.Code, refusal.Message)
	case err != nil:
		conn.Close()
	}
}

func (s *Server) admit(creds Credentials) error {
	if s.cfg.Access != nil {
		return s.cfg.Access(creds)
	}
	if own := uint32(os.Geteuid()); creds.UID != own && creds.UID != 0 {
		return fmt.Errorf("uid %d is neither %d nor root", creds.UID, own)
	}
	return nil
}

// refuse answers a hello that is not welcome and closes the connection.
func (s *Server) refuse(conn net.Conn, code, message string) {
	conn.SetWriteDeadline(time.Now().Add(farewell))
	conn.Write(wire.AppendRefuse(nil, &wire.Refuse{Code: code, Message: message})) // the close says the rest
	conn.Close()
}

// beginGreeting counts a connection that is to say hello.
func (s *Server) beginGreeting(conn net.Conn, uid uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != serverStarted || s.greeting[uid] >= s.limits.Handshakes {
		return false
	}
	s.greeting[uid]++
	s.hellos[conn] = struct{}{}
	return true
}

// endGreeting reports whether the connection may become a lane. One that Close
// has found before its hello will be closed under whoever uses it.
func (s *Server) endGreeting(conn net.Conn, uid uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ours := s.hellos[conn]
	delete(s.hellos, conn)
	if s.greeting[uid]--; s.greeting[uid] == 0 {
		delete(s.greeting, uid)
	}
	return ours
}

func (s *Server) readHello(conn net.Conn) (*wire.Hello, *wire.Reader, error) {
	if err := conn.SetReadDeadline(time.Now().Add(s.limits.HandshakeTimeout)); err != nil {
		return nil, nil, err
	}
	reader := wire.NewReader(sock.NewReader(conn), wire.MaxHello)
	content, err := reader.Next()
	if err != nil {
		return nil, nil, err
	}
	hello, err := wire.ParseHello(content)
	if err != nil {
		return nil, nil, err
	}
	reader.SetLimit(s.ep.frameBytes)
	return hello, reader, conn.SetReadDeadline(time.Time{})
}

func refusal(code, format string, args ...any) error {
	return &refusalError{RemoteError{Code: code, Message: fmt.Sprintf(format, args...), outcome: OutcomeNotHandled}}
}

// welcomeDomain answers the hello of a domain lane: it finds or makes the
// session, fences its former connections, and runs the lane. If it returns an
// error, the connection is not in use.
func (s *Server) welcomeDomain(conn net.Conn, reader *wire.Reader, h *wire.Hello, creds Credentials) error {
	if err := s.checkHello(h); err != nil {
		return err
	}
	s.askHolder(h, creds)
	m, rival, err := s.domain.Claim(h, wire.Peer{UID: creds.UID, GID: creds.GID, PID: creds.PID}, s.ep.now())
	if rival != nil {
		rival.Owner.(*serverSession).end(CodePeerGone, ErrPeerGone)
	}
	if r, ok := errors.AsType[*session.Refusal](err); ok {
		return refusal(r.Code, "%s", r.Message)
	}
	if err != nil {
		return err
	}

	ss := m.Owner.(*serverSession)
	ln := newLane(conn, reader, &s.ep.owned)
	l := ss.link
	l.mu.Lock()
	if l.leaving || l.ended {
		l.mu.Unlock()
		return session.ErrStale
	}
	welcome, err := m.Welcome(h, s.ep.now())
	if errors.Is(err, session.ErrStale) {
		l.mu.Unlock()
		return err
	}
	fenced := ss.detachLocked()
	if err == nil {
		l.meet(h.Fingerprint)
		if p := s.ep.protocol; p != nil {
			welcome.Protocol, welcome.Major, welcome.Fingerprint = p.Name, p.Version, p.Fingerprint
		}
		var frame []byte
		if frame, err = wire.AppendWelcome(nil, welcome); err == nil {
			ss.bindDomain(ln)
			ln.put(frame)
			l.announce(ln)
		}
	}
	l.unlock()
	for _, old := range fenced {
		old.end(errFenced)
	}
	if err != nil {
		return refusal(CodeInvalid, "%v", err)
	}
	ln.flush()
	s.ep.owned.Go(ln.read) // on a stack that no handshake has made large: most of the time it waits
	return nil
}

func (s *Server) checkHello(h *wire.Hello) error {
	if h.Version != wire.Version {
		return refusal(CodeProtocol, "this server speaks version %d of the wire protocol, the client %d", wire.Version, h.Version)
	}
	if err := sock.ValidName(h.Name); err != nil {
		return refusal(CodeInvalid, "the client's name: %v", err)
	}
	if h.FrameBytes < leastFrameBytes {
		return refusal(CodeInvalid, "the client takes frames of %d bytes, the least is %d", h.FrameBytes, leastFrameBytes)
	}
	if h.Frames == 0 || h.Bytes == 0 || h.Calls == 0 {
		return refusal(CodeInvalid, "the client takes %d frames, %d bytes and %d calls: one of each at least", h.Frames, h.Bytes, h.Calls)
	}
	if p := s.ep.protocol; p != nil && h.Protocol != "" && (h.Protocol != p.Name || h.Major != p.Version) {
		return refusal(CodeProtocol, "%s", mismatch(p.Name, p.Version, h.Protocol, h.Major))
	}
	return nil
}

// holderTimeout is how long the holder of a name may take to show that it
// lives, when another process of the same user asks for the name.
const holderTimeout = 3 * time.Second

// askHolder makes sure that whoever has the name of a hello is there. A process
// that has just ended may look connected for a moment, and one that is stopped
// looks so for longer: neither keeps its successor from the name.
func (s *Server) askHolder(h *wire.Hello, creds Credentials) {
	m := s.domain.Holder(h, creds.UID)
	if m == nil {
		return
	}
	holder := m.Owner.(*serverSession)
	holder.link.mu.Lock()
	ln := holder.link.private
	if ln == nil {
		ln = holder.domain
	}
	holder.link.mu.Unlock()
	if ln == nil {
		return
	}
	holder.knock() // to those who do not know the kind it means nothing
	late := time.NewTimer(holderTimeout)
	defer late.Stop()
	select {
	case <-ln.ask():
		return
	case <-s.quit:
		return
	case <-ln.done:
	case <-late.C:
		ln.end(errSilent)
	}
	holder.down(ln) // it may be on its way still
}

// welcomePrivate answers the hello of a private lane and runs the lane.
func (s *Server) welcomePrivate(conn net.Conn, reader *wire.Reader, h *wire.Hello, creds Credentials) error {
	denied := refusal(CodeDenied, "access denied") // the same for all reasons: nothing is learnt by trying
	if h.Lane != wire.LanePrivate {
		return refusal(CodeInvalid, "there is no lane %q", h.Lane)
	}
	m := s.domain.ByToken(wire.ID(h.Token), creds.UID)
	if m == nil {
		return denied
	}
	ss := m.Owner.(*serverSession)
	frame, err := wire.AppendWelcome(nil, &wire.Welcome{Version: wire.Version})
	if err != nil {
		return err
	}
	ln := newLane(conn, reader, &s.ep.owned)
	l := ss.link
	l.mu.Lock()
	if l.leaving || l.ended || ss.domain == nil || !m.WelcomePrivate(h, s.ep.now()) {
		l.mu.Unlock()
		return denied
	}
	ss.bindPrivate(ln)
	domain := ss.domain
	ln.put(frame)
	l.announce(ln)
	l.unlockWith(nil, nil)
	ln.flush()
	domain.flush()
	s.ep.log.op("client connected", "client", m.Name, "uid", creds.UID, "pid", creds.PID)
	s.ep.owned.Add(1) // of the read role: this goroutine is counted anyway
	go ln.serve()
	return nil
}

// watch is the janitor: it looks after the lanes of all clients, gives up
// sessions whose clients do not come back, and drops old broadcasts.
func (s *Server) watch() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-s.quit:
			return
		}
		for _, ss := range s.sessions() {
			s.watchSession(ss)
		}
		s.domain.Expire(s.ep.now())
		s.checkListener()
	}
}

func (s *Server) watchSession(ss *serverSession) {
	expired, late := s.domain.Watch(ss.member, s.ep.now())
	if expired {
		s.ep.log.op("session given up", "client", ss.member.Name)
		ss.end(CodePeerGone, ErrPeerGone)
		return
	}
	ss.link.mu.Lock()
	domain, private := ss.domain, ss.link.private
	ss.link.mu.Unlock()
	if late && private == nil && domain != nil {
		domain.end(errSilent)
		return
	}
	for _, ln := range []*lane{domain, private} {
		if ln != nil {
			ln.watch()
		}
	}
}

// checkListener ends the server if nobody can reach it any more.
func (s *Server) checkListener() {
	l, ok := s.listener.(*sock.Listener)
	if !ok || s.ending() {
		return
	}
	if err := l.Check(); err != nil && !errors.Is(err, net.ErrClosed) {
		s.fail(fmt.Errorf("ipcio: domain %q cannot be reached any more: %w", s.cfg.Domain, err))
	}
}
