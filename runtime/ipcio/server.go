package ipcio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/sock"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A Server serves one domain: it knows the clients, relays between them and
// handles what they send to it. Any number of goroutines may use a Server.
type Server struct {
	ep      endpoint
	cfg     ServerConfig
	limits  Limits
	address address
	domain  *session.Domain // the sessions; the Owner of a member is its *serverSession

	fanout fanout

	mu       sync.Mutex // guards the fields below
	state    serverState
	listener net.Listener
	greeting map[uint32]int        // connections that have not said hello
	hellos   map[net.Conn]struct{} // the same, to be closed with the server; nil once it is
	err      error                 // why it ended

	ended chan struct{} // closed when it has ended
	quit  chan struct{} // closed when it begins to end
}

type serverState uint8

const (
	serverIdle serverState = iota
	serverStarting
	serverStarted
	serverDraining
	serverEnded
)

// NewServer returns a server that is not started. It fails if the
// configuration is not valid.
func NewServer(cfg ServerConfig) (*Server, error) {
	if cfg.Domain == "" {
		cfg.Domain = defaultDomain
	}
	limits := cfg.Limits.withDefaults()
	s := &Server{
		cfg: cfg, limits: limits,
		greeting: make(map[uint32]int), hellos: make(map[net.Conn]struct{}),
		ended: make(chan struct{}), quit: make(chan struct{}),
	}
	if cfg.Listener == nil {
		var err error
		if s.address, err = resolveAddress(cfg.Dir, cfg.Domain); err != nil {
			return nil, err
		}
	} else if err := sock.ValidName(cfg.Domain); err != nil {
		return nil, fmt.Errorf("ipcio: the domain's name: %w", err)
	}
	s.ep.init(cfg.Protocol, cfg.CallTimeout, cfg.Queue, limits.FrameBytes, limits.Handlers,
		newFeed(cfg.Logger, cfg.Verbose, "domain", cfg.Domain))
	s.ep.declared = cfg.DeclaredOnly
	s.ep.queues, s.ep.windows = session.NewBudget(int64(limits.QueueBytes)), session.NewBudget(int64(limits.InboxBytes))
	s.ep.route = s.route
	s.domain = session.NewDomain(session.DomainConfig{
		Session:    s.ep.sessionConfig(firstWindowFrames, firstWindowBytes, limits.Calls),
		FrameBytes: s.ep.frameBytes,
		Clients:    limits.Clients, ClientsPerUID: limits.ClientsPerUID, UID: uint32(os.Geteuid()),
		Grace: int64(2 * limits.HandshakeTimeout), Keep: int64(limits.SessionKeep), Tombstones: mostTombstones,
		RingBytes: limits.RingBytes, RingAge: int64(limits.RingAge),
		Draw: randomID, Open: s.open, Published: s.published,
	})
	s.ep.mayHandle = func(spec *CommandSpec, _ *session.Incoming) string {
		if spec.Direction != ClientToServer && spec.Direction != Both {
			return fmt.Sprintf("%s is declared %s, a client sent it to the server", spec.Name, spec.Direction)
		}
		return ""
	}
	return s, nil
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Clients:          withDefault(l.Clients, 8192),
		ClientsPerUID:    withDefault(l.ClientsPerUID, 256),
		Handshakes:       withDefault(l.Handshakes, 64),
		HandshakeTimeout: withDefault(l.HandshakeTimeout, 2*time.Second),
		FrameBytes:       withDefault(l.FrameBytes, defaultFrameBytes),
		Calls:            withDefault(l.Calls, defaultCalls),
		Handlers:         withDefault(l.Handlers, defaultHandlers),
		QueueBytes:       withDefault(l.QueueBytes, 512<<20),
		InboxBytes:       withDefault(l.InboxBytes, 256<<20),
		RingBytes:        withDefault(l.RingBytes, 16<<20),
		RingAge:          withDefault(l.RingAge, time.Minute),
		SessionKeep:      withDefault(l.SessionKeep, 2*time.Minute),
	}
}

// Start listens and returns. ctx bounds this call, not the server's life. A
// second Start is an error, as are [ErrDomainInUse] and [ErrClosed]. If the
// directory of the socket cannot be trusted, the error says why and nothing is
// left behind.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	switch s.state {
	case serverStarting, serverStarted:
		s.mu.Unlock()
		return fmt.Errorf("ipcio: the server of domain %q is started already", s.cfg.Domain)
	case serverDraining, serverEnded:
		s.mu.Unlock()
		return fmt.Errorf("ipcio: start the server of domain %q: %w", s.cfg.Domain, ErrClosed)
	}
	s.state = serverStarting
	s.mu.Unlock()

	listener, err := s.listen(ctx)
	if err = s.serve(listener, err); err != nil {
		return err
	}
	s.ep.log.op("listening", "address", s.Addr())
	return nil
}

// serve has the server accept connections, unless err says that it does not
// listen.
func (s *Server) serve(listener net.Listener, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		if s.state == serverStarting {
			s.state = serverIdle
		}
		return err
	case s.state != serverStarting: // closed meanwhile
		listener.Close()
		return fmt.Errorf("ipcio: start the server of domain %q: %w", s.cfg.Domain, ErrClosed)
	}
	s.listener, s.state = listener, serverStarted
	s.ep.owned.Go(func() { s.accept(listener) })
	s.ep.owned.Go(s.watch)
	return nil
}

func (s *Server) listen(ctx context.Context) (net.Listener, error) {
	if s.cfg.Listener != nil {
		return s.cfg.Listener, ctx.Err()
	}
	listener, err := sock.Listen(ctx, s.address.dir, s.address.domain)
	if errors.Is(err, sock.ErrInUse) {
		return nil, fmt.Errorf("ipcio: domain %q: %w (%w)", s.cfg.Domain, ErrDomainInUse, err)
	}
	if err != nil {
		return nil, fmt.Errorf("ipcio: listen for domain %q: %w", s.cfg.Domain, err)
	}
	return listener, nil
}

// Started reports whether the server listens.
func (s *Server) Started() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == serverStarted
}

// Addr returns the path of the socket, known before Start.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addrLocked()
}

func (s *Server) addrLocked() string {
	if s.cfg.Listener != nil {
		return s.cfg.Listener.Addr().String()
	}
	return s.address.path
}

// Wait waits until the server has ended and returns why: nil after Close or
// Shutdown.
func (s *Server) Wait() error {
	<-s.ended
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// On registers the handler of a command that clients send to the server, at
// any moment of the server's life. See [Client.On].
func (s *Server) On(command string, h HandlerFunc) error {
	return s.ep.registry.add(&handler{pattern: command, run: dynamic(h)})
}

// Off removes the handler that was registered under exactly this name or
// pattern, and reports whether there was one. A handler that runs goes on.
func (s *Server) Off(command string) bool { return s.ep.registry.remove(command) }

// Emit sends an event to one client. nil means accepted: it will be handled,
// also if the client's connection is lost meanwhile, or reported to OnGap. It
// fails with [ErrUnknownClient] if no session has that name, and as
// [Client.Emit] does.
func (s *Server) Emit(ctx context.Context, client, command string, data any) error {
	return s.emitTyped(ctx, client, command, s.ep.encoder(command, data))
}

// Broadcast sends an event to all clients that are connected, or that were and
// come back before it falls out of Limits.RingBytes and RingAge.
func (s *Server) Broadcast(ctx context.Context, command string, data any) error {
	return s.broadcastTyped(ctx, command, s.ep.encoder(command, data))
}

// Call sends a call to one client and waits for its outcome. It fails at once
// with [ErrUnknownClient] if no session has that name. See [Client.Call].
func (s *Server) Call(ctx context.Context, client, command string, data any) (*Message, error) {
	return s.ep.callDynamic(ctx, s, client, command, data)
}

// Clients returns the clients of the domain, sorted by name: those that are
// connected and those whose session is kept for them.
func (s *Server) Clients() []ClientInfo {
	sessions := s.sessions()
	infos := make([]ClientInfo, len(sessions))
	for i, ss := range sessions {
		infos[i] = ss.info()
	}
	slices.SortFunc(infos, func(a, b ClientInfo) int { return strings.Compare(a.Name, b.Name) })
	return infos
}

// byName returns the session that has a name.
func (s *Server) byName(verb, command, client string) (*serverSession, error) {
	s.mu.Lock()
	ended := s.state == serverEnded
	s.mu.Unlock()
	m := s.domain.ByName(client)
	var err error
	switch {
	case ended:
		err = ErrClosed
	case m == nil:
		if err = badTarget(client); err == nil {
			err = ErrUnknownClient
		}
	default:
		return m.Owner.(*serverSession), nil
	}
	return nil, &sendError{verb: verb, command: command, to: client, outcome: OutcomeNotSent, err: err}
}

func (s *Server) emitTyped(ctx context.Context, to, command string, enc Encoder) error {
	ss, err := s.byName("emit", command, to)
	if err != nil {
		return err
	}
	return ss.link.emitTo(ctx, nil, to, command, enc)
}

func (s *Server) callTyped(ctx context.Context, to, command string, enc Encoder, dec Decoder) error {
	ss, err := s.byName("call", command, to)
	if err != nil {
		return err
	}
	return ss.link.callTo(ctx, nil, to, command, enc, dec)
}

func (s *Server) broadcastTyped(ctx context.Context, command string, enc Encoder) error {
	fail := func(err error) error {
		return &sendError{verb: "broadcast", command: command, outcome: OutcomeNotSent, err: err}
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	err := s.ep.checkSend(command, true)
	if err != nil {
		return fail(err)
	}
	d := newDraft()
	defer d.release()
	if d.buf, err = encode(d.buf[:0], enc); err != nil {
		return fail(err)
	}
	payload := d.buf
	if size := wire.MaxOverhead + len(command) + len(payload); size > s.ep.frameBytes {
		return fail(fmt.Errorf("the message needs a frame of %d bytes, the limit is %d: %w", size, s.ep.frameBytes, ErrTooLarge))
	}
	s.mu.Lock()
	ended := s.state == serverEnded
	s.mu.Unlock()
	if ended {
		return fail(ErrClosed)
	}
	s.ep.log.op("broadcast", "command", command, "bytes", len(payload))
	s.domain.Publish(&wire.Frame{Kind: wire.KindBroadcast, Command: command, Payload: payload}, wire.ID{}, s.ep.now())
	return nil
}

func (s *Server) handleTyped(command string, h runFunc) error {
	return s.ep.registry.add(&handler{pattern: command, run: h, typed: true})
}

// Shutdown ends the server in order: it takes nothing new in, lets running
// handlers finish and their replies arrive, delivers what is queued for the
// clients that are connected, tells every client how far it came, and closes.
// What it has not begun to handle, its clients give to the next server of the
// domain. If ctx ends first the server is closed all the same and ctx's error
// is returned. With a handler's ctx it does not wait for that handler, whose
// reply is then not sent. While another Shutdown is under way it waits for that
// one; with a handler's ctx it returns at once.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	switch s.state {
	case serverStarted:
	case serverDraining:
		s.mu.Unlock()
		return s.awaitShutdown(ctx)
	default:
		s.mu.Unlock()
		return s.Close()
	}
	s.state = serverDraining
	s.mu.Unlock()
	sessions := ownersOf(s.domain.Seal())
	s.ep.log.op("shutting down")
	for _, ss := range sessions {
		ss.link.mu.Lock()
		ss.link.core.Drain()
		ss.link.unlock()
	}
	own := 0
	if h := handlingOf(ctx); h != nil && h.link.ep == &s.ep {
		h.at.relieve()
		own = 1
		if h.in.Kind != wire.KindCall {
			h.link.done(h.in) // it counts as done: its ack is to leave before we do
		}
	}
	err := s.ep.active.wait(ctx, own)
	for _, ss := range sessions {
		if err == nil {
			err = ss.flushConnected(ctx)
		}
	}
	if ctx.Err() == nil {
		err = nil // a client that went away is nobody to wait for
	} else if err != nil {
		err = fmt.Errorf("ipcio: shut down domain %q: %w", s.cfg.Domain, ctx.Err())
	}
	return errors.Join(err, s.Close())
}

// awaitShutdown waits for a Shutdown that is under way. A handler does not: the
// other one waits for it.
func (s *Server) awaitShutdown(ctx context.Context) error {
	if h := handlingOf(ctx); h != nil && h.link.ep == &s.ep {
		return nil
	}
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("ipcio: shut down domain %q: %w", s.cfg.Domain, ctx.Err()), s.Close())
	}
}

// Close ends the server now: it stops listening, tells the clients, gives all
// sessions up and ends the ctx of running handlers, for which it does not
// wait. It is idempotent and takes a moment at most. Clients keep what the
// server has not done, for its successor.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.state == serverEnded {
		s.mu.Unlock()
		<-s.ended
		return nil
	}
	s.state = serverEnded
	listener := s.listener
	if listener == nil {
		listener = s.cfg.Listener // before Start too: the server closes it
	}
	hellos := s.hellos
	s.hellos = nil // none of them becomes a lane any more
	s.mu.Unlock()
	sessions := ownersOf(s.domain.Seal())
	close(s.quit)

	var err error
	if listener != nil {
		err = listener.Close()
	}
	for conn := range hellos {
		conn.Close()
	}
	var farewells sync.WaitGroup
	for _, ss := range sessions {
		farewells.Go(ss.farewell)
	}
	farewells.Wait()
	for _, ss := range sessions {
		ss.end(CodeClosed, ErrClosed)
	}
	s.ep.cancel(ErrClosed)
	s.fanout.end()
	s.ep.owned.Wait()
	if err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("ipcio: close domain %q: %w", s.cfg.Domain, err)
	} else {
		err = nil
	}
	close(s.ended)
	s.ep.log.op("closed")
	return err
}

// sessions returns all sessions, those whose clients are away included.
func (s *Server) sessions() []*serverSession { return ownersOf(s.domain.Members()) }

func ownersOf(members []*session.Member) []*serverSession {
	sessions := make([]*serverSession, len(members))
	for i, m := range members {
		sessions[i] = m.Owner.(*serverSession)
	}
	return sessions
}

// fail ends the server for a reason that Wait returns.
func (s *Server) fail(err error) {
	s.mu.Lock()
	if s.state < serverDraining {
		s.err = err
	}
	s.mu.Unlock()
	s.ep.log.warn("the server ends", "error", err)
	go s.Close()
}
