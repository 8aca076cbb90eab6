package ipcio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/sock"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// helloTimeout bounds the wait for the server's answer to a hello.
const helloTimeout = 5 * time.Second

// connect makes both lanes and returns a channel that is closed when they are
// gone. At most one connection exists at a time, and this goroutine is the
// only one that makes any.
func (c *Client) connect(ctx context.Context) (<-chan struct{}, error) {
	domain, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	c.link.mu.Lock()
	hello := c.core.Hello()
	c.link.mu.Unlock()
	_, hello.Knock = sock.NewWriter(domain) // a read of it can be interrupted
	if p := c.ep.protocol; p != nil {
		hello.Protocol, hello.Major, hello.Fingerprint = p.Name, p.Version, p.Fingerprint
	}
	reader, welcome, err := c.greet(ctx, domain, hello)
	if err != nil {
		domain.Close()
		return nil, err
	}
	domainLane := newLane(domain, reader, &c.ep.owned)
	if err := c.adopt(welcome, domain); err != nil {
		domain.Close()
		return nil, err
	}
	private, err := c.dial(ctx)
	if err != nil {
		domain.Close()
		return nil, err
	}
	reader, _, err = c.greet(ctx, private, c.core.HelloPrivate(welcome))
	if err != nil {
		private.Close()
		domain.Close()
		if refused, ok := errors.AsType[*refusalError](err); ok {
			// The server had welcomed the domain lane: it has lost it since, and
			// another try will tell.
			err = fmt.Errorf("the private lane: %s", refused)
		}
		return nil, err
	}
	if err := c.remember(ctx); err != nil {
		private.Close()
		domain.Close()
		return nil, err
	}
	privateLane := newLane(private, reader, &c.ep.owned)
	privateLane.link = c.link
	if welcome.Knock && privateLane.isRaw {
		privateLane.share()
		domainLane.knocked = privateLane.rouse
	}
	return c.bind(domainLane, privateLane)
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	if c.cfg.Dial != nil {
		return c.cfg.Dial(ctx)
	}
	return c.address.dial(ctx)
}

// greet sends a hello and reads its answer.
func (c *Client) greet(ctx context.Context, conn net.Conn, hello *wire.Hello) (*wire.Reader, *wire.Welcome, error) {
	frame, err := wire.AppendHello(nil, hello)
	if err != nil {
		return nil, nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(helloTimeout)); err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Write(frame); err != nil && !sock.DisconnectError(err) {
		return nil, nil, fmt.Errorf("send hello: %w", err)
	}
	// A server that refuses may close before it has read everything: its answer
	// is there all the same.
	reader := wire.NewReader(sock.NewReader(conn), c.ep.frameBytes)
	content, err := reader.Next()
	if err != nil {
		return nil, nil, fmt.Errorf("wait for the server's welcome: %w", err)
	}
	welcome, refuse, err := wire.ParseAnswerToHello(content)
	switch {
	case err != nil:
		return nil, nil, err
	case refuse != nil && refuse.Code == CodeUnavailable:
		return nil, nil, fmt.Errorf("the server is busy: %s", refuse.Message)
	case refuse != nil:
		return nil, nil, &refusalError{RemoteError{Code: refuse.Code, Message: refuse.Message, outcome: OutcomeNotHandled}}
	case welcome.Version != wire.Version:
		return nil, nil, fmt.Errorf("the server speaks version %d of the wire protocol, this client %d: %w", welcome.Version, wire.Version, ErrProtocolMismatch)
	}
	if !stop() {
		return nil, nil, ctx.Err()
	}
	return reader, welcome, conn.SetDeadline(time.Time{})
}

// adopt takes over what the server's welcome on the domain lane says.
func (c *Client) adopt(w *wire.Welcome, conn net.Conn) error {
	if p := c.ep.protocol; p != nil && w.Protocol != "" && (w.Protocol != p.Name || w.Major != p.Version) {
		return &refusalError{RemoteError{Code: CodeProtocol, Message: mismatch(p.Name, p.Version, w.Protocol, w.Major)}}
	}
	server := &peer{link: c.link}
	copy(server.id[:], w.Epoch)
	if credentials, err := credentialsOf(conn); err == nil {
		server.creds, server.known = credentials, true
	}

	l := c.link
	l.mu.Lock()
	restarted, err := c.core.Adopt(w)
	if err == nil {
		l.meet(w.Fingerprint)
		l.self.Store(server)
		if l.keeper != nil {
			l.keeper.with = meeting{[16]byte(w.Incarnation), [16]byte(w.Epoch)}
		}
	}
	l.unlock()
	if restarted {
		c.report(Gap{Reason: GapRestarted})
	}
	return err
}

func mismatch(ours string, version int, theirs string, major int) string {
	return fmt.Sprintf("this side speaks %q version %d, the other %q version %d", ours, version, theirs, major)
}

// bind puts both lanes to work.
func (c *Client) bind(domain, private *lane) (<-chan struct{}, error) {
	l := c.link
	ended := make(chan struct{})
	domain.ended = func(error) { private.drain() }
	janitor := watchLanes(domain, private)
	private.ended = func(error) {
		janitor.Stop()
		c.down(domain, private, ended)
	}
	domain.handle = func(f *wire.Frame) error { return c.receiveDomain(domain, f) }
	private.handle = func(f *wire.Frame) error { return c.receivePrivate(private, f) }
	domain.next = func(b []byte) []byte { return c.domainOutput(domain, b) }
	private.next = func(b []byte) []byte { return l.output(private, b) }

	l.mu.Lock()
	if l.leaving || l.ended {
		l.mu.Unlock()
		domain.end(ErrClosed)
		private.end(ErrClosed)
		return nil, ErrClosed
	}
	l.private, c.lanes.domain = private, domain
	l.announce(private)
	c.core.Up()
	l.unlockFlush()
	// The state after the lanes, so that whoever sees it and closes the client
	// says goodbye, and before they are read.
	c.mu.Lock()
	c.lastErr = nil
	c.setStateLocked(StateConnected)
	c.mu.Unlock()
	if private.reason() != nil {
		c.setState(StateConnecting) // its end may have been overtaken
	}
	c.ep.owned.Go(domain.read)
	if private.shared() {
		c.ep.owned.Go(private.stand)
	} else {
		c.ep.owned.Go(private.read)
	}
	domain.flush()
	c.queries.again(domain)
	return ended, nil
}

// watchLanes begins the janitor of two lanes, a timer that is stopped when they
// end.
func watchLanes(domain, private *lane) *time.Timer {
	var timer *time.Timer
	made := make(chan struct{})
	timer = time.AfterFunc(tick, func() {
		<-made
		domain.watch()
		private.watch()
		private.rouseIdle()
		if domain.reason() == nil && private.reason() == nil {
			timer.Reset(tick)
		}
	})
	close(made)
	return timer
}

// down is called when the private lane has ended: the domain lane goes too. If
// that one ends first, the private lane follows when it has been read.
func (c *Client) down(domain, private *lane, ended chan struct{}) {
	l := c.link
	l.mu.Lock()
	current := l.private == private
	if current {
		l.private, c.lanes.domain = nil, nil
		l.core.Down()
		if l.keeper != nil && !l.ended {
			l.keeper.save(l.core, false)
		}
	}
	l.unlock()
	domain.end(errFenced)
	if !current {
		return
	}
	c.setState(StateConnecting)
	for _, ln := range []*lane{domain, private} {
		if err := ln.reason(); !ordinary(err) {
			c.ep.log.warn("connection lost", "error", err)
		}
	}
	close(ended)
}

// receivePrivate takes a frame of the private lane.
func (c *Client) receivePrivate(ln *lane, f *wire.Frame) error {
	switch f.Kind {
	case wire.KindClose:
	case wire.KindCommands:
		return c.link.learn(ln, f, func() bool { return c.link.private == ln })
	case wire.KindBroadcast:
		return &wire.MalformedError{Kind: f.Kind, Reason: "not a frame of the private lane"}
	default:
		return c.link.receive(ln, f)
	}
	c.ep.log.op("the server says goodbye", "reason", f.Code)
	c.link.mu.Lock()
	var err error
	if c.link.private == ln {
		err = c.link.core.Closed(f.From, f.To)
		c.link.core.Down() // what is sent from now on is for the next server
	}
	c.link.unlock()
	return errors.Join(err, errFarewell)
}

// receiveDomain takes a frame of the domain lane.
func (c *Client) receiveDomain(ln *lane, f *wire.Frame) error {
	switch f.Kind {
	case wire.KindAnswer:
		c.queries.answer(f.Number, f.Payload)
		return nil
	case wire.KindCommands:
		return c.link.learn(ln, f, func() bool { return c.lanes.domain == ln })
	case wire.KindClose:
		return errFarewell
	}
	l := c.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.lanes.domain != ln || l.ended {
		return errFenced
	}
	more, err := c.core.Broadcasts.Receive(f, slices.Clone[[]byte])
	if more && !c.lanes.runner {
		c.lanes.runner = true
		go c.runBroadcasts()
	}
	return err
}

// domainOutput is what the writer of the domain lane writes next.
func (c *Client) domainOutput(ln *lane, b []byte) []byte {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.lanes.domain != ln {
		return b
	}
	return c.core.Broadcasts.Output(b)
}

// runBroadcasts handles the broadcasts that were received, one after another.
func (c *Client) runBroadcasts() {
	l := c.link
	exited := true // as in runInbox
	defer func() {
		if exited {
			go c.runBroadcasts()
		}
	}()
	for {
		l.mu.Lock()
		in := c.core.Broadcasts.Next()
		if in == nil || l.ended {
			c.lanes.runner, exited = false, false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		c.handleBroadcast(in)
	}
}

func (c *Client) handleBroadcast(in *session.Incoming) {
	defer c.broadcastDone(in)
	switch {
	case in.Kind == wire.KindBroadcast:
		c.ep.active.add(1)
		defer c.ep.active.add(-1)
		c.link.serveBroadcast(in)
	case in.Count > 0:
		c.link.gap(session.Gap{From: in.Number - in.Count + 1, To: in.Number, Count: in.Count, Code: in.Reason})
	}
}

func (c *Client) broadcastDone(in *session.Incoming) {
	l := c.link
	l.mu.Lock()
	if c.core.Broadcasts.Done(in) && !l.ended {
		c.ackLater()
	}
	domain := c.lanes.domain
	due := c.core.Broadcasts.HasOutput()
	l.mu.Unlock()
	if domain != nil && due {
		domain.flush()
	}
}

// ackLater has the broadcasts acknowledged in a while. l.mu is held.
func (c *Client) ackLater() {
	fire := func() {
		c.link.mu.Lock()
		now := c.core.Broadcasts.AckTimer()
		domain := c.lanes.domain
		c.link.mu.Unlock()
		if now && domain != nil {
			domain.kick()
		}
	}
	if c.lanes.timer == nil {
		c.lanes.timer = time.AfterFunc(ackDelay, fire)
		return
	}
	c.lanes.timer.Reset(ackDelay)
}
