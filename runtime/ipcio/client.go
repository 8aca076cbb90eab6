package ipcio

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/sock"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A Client is one named party of a domain. It finds the server by itself,
// again whenever the connection is lost, until it is closed; what is sent
// meanwhile waits in its queue. Any number of goroutines may use a Client.
//
// A client belongs to one process and one name. Its session, and with it the
// promise that nothing is lost, survives lost connections and restarts of the
// server; the end of its own process only with ClientConfig.Outbox.
type Client struct {
	ep      endpoint
	link    *link
	name    string
	cfg     ClientConfig
	address address

	mu      sync.Mutex // guards the fields below; never held while l.mu is taken
	state   State
	refused error              // why the client stopped, if it was refused
	lastErr error              // of the last attempt to connect
	changed chan struct{}      // closed and replaced when state changes
	stop    context.CancelFunc // ends the connecting goroutine; nil if there is none
	quit    chan struct{}      // closed by Close
	gone    chan struct{}      // closed when Close is done

	core  session.Client // guarded by link.mu
	lanes struct {       // guarded by link.mu
		domain *lane
		runner bool // a goroutine handles the broadcasts
		timer  *time.Timer
	}
	queries queries
}

// NewClient returns a client that is not started. It fails if the
// configuration is not valid.
func NewClient(cfg ClientConfig) (*Client, error) {
	if cfg.Domain == "" {
		cfg.Domain = defaultDomain
	}
	if cfg.Outbox != nil && cfg.Name == "" {
		return nil, errors.New("ipcio: a client with an Outbox needs a Name: its next process is known by it")
	}
	if cfg.Name == "" {
		id := randomID()
		cfg.Name = "client-" + hex.EncodeToString(id[:6])
	}
	if err := sock.ValidName(cfg.Name); err != nil {
		return nil, fmt.Errorf("ipcio: the client's name: %w", err)
	}
	c := &Client{
		cfg: cfg, name: cfg.Name,
		changed: make(chan struct{}), quit: make(chan struct{}), gone: make(chan struct{}),
	}
	if cfg.Dial == nil {
		var err error
		if c.address, err = resolveAddress(cfg.Dir, cfg.Domain); err != nil {
			return nil, err
		}
	} else if err := sock.ValidName(cfg.Domain); err != nil {
		return nil, fmt.Errorf("ipcio: the domain's name: %w", err)
	}
	c.ep.init(cfg.Protocol, cfg.CallTimeout, cfg.Queue, cfg.FrameBytes, 0,
		newFeed(cfg.Logger, cfg.Verbose, "domain", cfg.Domain, "client", cfg.Name))
	c.ep.declared = cfg.DeclaredOnly
	c.ep.durable = cfg.Outbox != nil
	if cfg.Outbox != nil || cfg.OnDeadLetter != nil {
		c.ep.deliveries = max(cmp.Or(cfg.MaxDeliveries, defaultDeliveries), 0)
	}
	c.ep.mayHandle = func(spec *CommandSpec, in *session.Incoming) string {
		switch {
		case in.Peer != nil && spec.Direction != ClientToClient:
			return fmt.Sprintf("%s is declared %s, a client sent it", spec.Name, spec.Direction)
		case in.Peer == nil && (spec.Direction == ClientToServer || spec.Direction == ClientToClient):
			return fmt.Sprintf("%s is declared %s, the server sent it", spec.Name, spec.Direction)
		}
		return ""
	}
	c.link = newLink(&c.ep, session.New(c.ep.sessionConfig(mostWindowFrames, mostWindowBytes, defaultCalls)))
	c.core = session.Client{Core: c.link.core, Token: randomID(), Name: cfg.Name, FrameBytes: c.ep.frameBytes}
	c.link.onGap = c.report
	c.link.self.Store(&peer{link: c.link})
	c.link.dead = c.dead
	c.queries.waiting = make(map[uint64]chan []byte)
	if cfg.Outbox != nil {
		if err := c.openOutbox(); err != nil {
			c.ep.cancel(err)
			return nil, err
		}
	}
	return c, nil
}

// Start begins to connect in the background and returns. It never gives up
// until Close. A refusal by the server, such as a taken name, is tried again
// every second or so. The error is [ErrClosed], or says that the client is
// started already.
func (c *Client) Start() error {
	return c.start(func(ctx context.Context) { c.ep.owned.Go(func() { c.run(ctx, false, nil) }) })
}

// start leaves the state stopped and calls begin, which makes the connecting
// goroutine. The ctx of that one ends with the client.
func (c *Client) start(begin func(ctx context.Context)) error {
	c.mu.Lock()
	switch {
	case c.state == StateClosed:
		c.mu.Unlock()
		return fmt.Errorf("ipcio: start client %q: %w", c.name, ErrClosed)
	case c.state != StateStopped:
		c.mu.Unlock()
		return fmt.Errorf("ipcio: client %q is started already", c.name)
	}
	ctx, stop := context.WithCancel(c.ep.base)
	c.stop, c.refused = stop, nil
	c.setStateLocked(StateConnecting)
	c.ep.owned.Add(1) // under mu, so that Close waits
	c.mu.Unlock()
	defer c.ep.owned.Done()
	begin(ctx)
	return nil
}

// connectNow makes the first attempt on the caller's own goroutine, which has
// nothing better to do, and leaves what follows to the connecting goroutine.
func (c *Client) connectNow(ctx, caller context.Context) {
	try, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(caller, cancel)
	ended, err := c.connect(try)
	first := &attempt{ended, err}
	if !stop() && err != nil {
		first = nil // the caller has gone, perhaps in the middle of it
	}
	c.ep.owned.Go(func() { c.run(ctx, true, first) })
}

// An attempt is what a try to connect has come to.
type attempt struct {
	ended <-chan struct{} // closed when the connection is gone
	err   error
}

// Connect starts the client, unless it is started, and waits until both lanes
// are welcomed. A refusal by the server is returned and leaves the client
// stopped: [ErrNameTaken], [ErrDenied] or [ErrProtocolMismatch]. If ctx ends
// first its error is returned, with what went wrong last, and the client goes
// on trying.
func (c *Client) Connect(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("ipcio: connect to domain %q: %w", c.cfg.Domain, err)
	}
	c.mu.Lock()
	stopped := c.state == StateStopped
	c.mu.Unlock()
	if stopped {
		if err := c.start(func(base context.Context) { c.connectNow(base, ctx) }); err != nil && !c.Started() {
			return err
		}
	}
	for {
		c.mu.Lock()
		state, changed, refused := c.state, c.changed, c.refused
		c.mu.Unlock()
		switch state {
		case StateConnected:
			return nil
		case StateClosed:
			return fmt.Errorf("ipcio: connect to domain %q: %w", c.cfg.Domain, ErrClosed)
		case StateStopped:
			return fmt.Errorf("ipcio: connect to domain %q: %w", c.cfg.Domain, refused)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			c.mu.Lock()
			last := c.lastErr
			c.mu.Unlock()
			if last != nil {
				return fmt.Errorf("ipcio: connect to domain %q: %w (last try: %w)", c.cfg.Domain, ctx.Err(), last)
			}
			return fmt.Errorf("ipcio: connect to domain %q: %w", c.cfg.Domain, ctx.Err())
		}
	}
}

// Started reports whether the client is started: it is connected, or tries to
// be.
func (c *Client) Started() bool {
	s := c.State()
	return s == StateConnecting || s == StateConnected
}

// Connected reports whether both lanes are welcomed. It may be out of date by
// the time it returns.
func (c *Client) Connected() bool { return c.State() == StateConnected }

// State returns the client's relation to the server.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Name returns the client's name, the random one if none was configured.
func (c *Client) Name() string { return c.name }

// On registers the handler of a command, at any moment of the client's life.
// command is a name, a prefix such as "job.*", or "*": exact beats the longest
// prefix beats "*". It fails for an empty or reserved name
// ([ErrReservedName]), a name that has a handler, typed or not
// ([ErrDuplicateHandler]), and a nil handler. A name is any text of at most 128
// bytes without control characters and "*".
func (c *Client) On(command string, h HandlerFunc) error {
	return c.ep.registry.add(&handler{pattern: command, run: dynamic(h)})
}

// Off removes the handler that was registered under exactly this name or
// pattern, and reports whether there was one. A handler that runs goes on.
func (c *Client) Off(command string) bool { return c.ep.registry.remove(command) }

// Emit sends an event to the server. nil means accepted: it will be handled,
// or reported to OnGap, as long as this process lives; with an Outbox, also
// after that. It is accepted while the server is away, and before Start. ctx
// bounds the acceptance alone; data is not kept. An error means that nothing
// was stored: [ErrQueueFull], [ErrTooLarge], [ErrClosed], [ErrReservedName],
// [ErrDenied] if the schema declares the command in another direction, a
// *[ValidationError], or ctx's. With an Outbox it may be stored all the same if
// ctx ended, or the disk failed, while it was being written: then [OutcomeOf] is
// OutcomeUnknown.
//
// data is a generated type, anything with cbor tags, or Go's own types.
func (c *Client) Emit(ctx context.Context, command string, data any) error {
	return c.emitTyped(ctx, "", command, c.ep.encoder(command, data))
}

// EmitTo is Emit to another client, by way of the server. nil means accepted;
// a client that does not exist is reported to OnGap.
func (c *Client) EmitTo(ctx context.Context, client, command string, data any) error {
	if err := checkTarget("emit", command, client); err != nil {
		return err
	}
	return c.emitTyped(ctx, client, command, c.ep.encoder(command, data))
}

// Broadcast is Emit to all other clients of the domain that are connected, or
// that were and come back in time. It never comes back to this one.
func (c *Client) Broadcast(ctx context.Context, command string, data any) error {
	return c.broadcastTyped(ctx, command, c.ep.encoder(command, data))
}

// Call sends a call to the server and waits for its outcome: the reply, or an
// error. What the server or its handler answered is a *[RemoteError]; with
// [OutcomeOf] one learns whether it is safe to try again. If ctx has no
// deadline, ClientConfig.CallTimeout is one. With the ctx of a handler of a
// call from the server, the call is nested: see [Peer.Call].
func (c *Client) Call(ctx context.Context, command string, data any) (*Message, error) {
	return c.ep.callDynamic(ctx, c, "", command, data)
}

// CallTo is Call to another client, by way of the server. It fails with
// [ErrUnknownClient] if there is none of that name.
func (c *Client) CallTo(ctx context.Context, client, command string, data any) (*Message, error) {
	if err := checkTarget("call", command, client); err != nil {
		return nil, err
	}
	return c.ep.callDynamic(ctx, c, client, command, data)
}

// checkTarget refuses what cannot be the name of a client, "" included.
func checkTarget(verb, command, to string) error {
	if err := badTarget(to); err != nil {
		return &sendError{verb: verb, command: command, to: to, outcome: OutcomeNotSent, err: err}
	}
	return nil
}

// badTarget says why no client can have a name, which is more than that there
// is none.
func badTarget(name string) error {
	err := sock.ValidName(name)
	if err == nil {
		return nil
	}
	return &badName{fmt.Sprintf("no client can have this name: %v", err)}
}

// badName is [ErrUnknownClient], with the rule that a name breaks.
type badName struct{ text string }

func (e *badName) Error() string { return e.text }
func (e *badName) Unwrap() error { return ErrUnknownClient }

func (c *Client) emitTyped(ctx context.Context, to, command string, enc Encoder) error {
	target, err := wireTarget("emit", command, to)
	if err != nil {
		return err
	}
	return c.link.emitTo(ctx, target, to, command, enc)
}

func (c *Client) callTyped(ctx context.Context, to, command string, enc Encoder, dec Decoder) error {
	target, err := wireTarget("call", command, to)
	if err != nil {
		return err
	}
	return c.link.callTo(ctx, target, to, command, enc, dec)
}

func wireTarget(verb, command, to string) (*wire.Peer, error) {
	if to == "" {
		return nil, nil
	}
	return &wire.Peer{Name: to}, checkTarget(verb, command, to)
}

func (c *Client) broadcastTyped(ctx context.Context, command string, enc Encoder) error {
	d, err := c.link.prepare("broadcast", wire.KindBroadcast, command, "", enc)
	if err != nil {
		return err
	}
	defer d.release()
	c.ep.log.op("broadcast", "command", command, "bytes", len(d.buf))
	return c.link.post(ctx, "broadcast", &d.message, "")
}

func (c *Client) handleTyped(command string, h runFunc) error {
	return c.ep.registry.add(&handler{pattern: command, run: h, typed: true})
}

// Flush waits until everything that was accepted before is done: the handlers
// of events have returned, those of calls were started.
func (c *Client) Flush(ctx context.Context) error { return c.link.flush(ctx) }

// Shutdown is Flush, then Close. If ctx ends first the client is closed all
// the same, and the error says so. With a handler's ctx it does not wait for
// that handler.
func (c *Client) Shutdown(ctx context.Context) error {
	err := c.link.flush(ctx)
	return errors.Join(err, c.Close())
}

// Close ends the client now: calls fail with [ErrClosed], what was not done is
// reported to OnGap, or stays in the Outbox, and the server is told. It is idempotent and takes a moment
// at most; it does not wait for handlers, whose ctx it ends.
func (c *Client) Close() error {
	c.mu.Lock()
	first := c.state != StateClosed
	if first {
		c.setStateLocked(StateClosed)
		close(c.quit)
	}
	stop := c.stop
	c.mu.Unlock()
	if !first {
		<-c.gone
		return nil
	}
	if stop != nil {
		stop() // first: the end of the lanes is not to be taken for a loss
	}
	c.link.mu.Lock()
	private, words := c.link.leave()
	domain := c.lanes.domain
	if c.lanes.timer != nil {
		c.lanes.timer.Stop()
	}
	c.link.mu.Unlock()
	if private != nil {
		private.finish(words)
	}
	if domain != nil {
		domain.end(errFarewell)
	}
	c.link.end(CodeClosed, ErrClosed)
	c.ep.cancel(ErrClosed)
	c.ep.owned.Wait()
	if err := c.closeOutbox(); err != nil {
		c.ep.log.warn("the outbox has failed", "error", err)
	}
	close(c.gone)
	c.ep.log.op("closed")
	return nil
}

// setStateLocked changes the state and tells whoever waits for it.
func (c *Client) setStateLocked(s State) {
	if c.state == s || c.state == StateClosed {
		return
	}
	c.state = s
	close(c.changed)
	c.changed = make(chan struct{})
	c.ep.log.op("state", "state", s.String())
	if f := c.cfg.OnStateChange; f != nil {
		c.ep.notify.postState(s, f)
	}
}

func (c *Client) setState(s State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setStateLocked(s)
}

// report hands a gap to the program.
func (c *Client) report(g Gap) {
	c.ep.log.op("gap", "reason", g.Reason.String(), "count", g.Count, "commands", g.Commands, "error", g.Err)
	switch f := c.cfg.OnGap; {
	case f != nil:
		c.ep.notify.postGap(g, f)
	case g.Reason != GapRestarted:
		c.ep.log.warn("messages will not be handled, and there is no OnGap", "reason", g.Reason.String(), "count", g.Count, "commands", g.Commands, "error", g.Err)
	}
}

// Backoff of connecting: the first tries come within milliseconds, so that a
// server which is just being restarted is found at once.
const (
	backoffFirst   = 2 * time.Millisecond
	backoffMost    = 250 * time.Millisecond
	backoffRefused = time.Second

	triesBeforeWarning = 12 // after about two seconds
)

// backoff returns how long to wait before the next try, with jitter.
func backoff(tries int, refused bool) time.Duration {
	d := min(backoffFirst<<min(tries, 16), backoffMost)
	if refused {
		d = backoffRefused
	}
	return d + time.Duration(rand.Int64N(int64(d)/2+1))
}

// run connects, and connects again, until ctx ends; with once, a refusal ends
// it too. first is the first attempt, if it was made already.
func (c *Client) run(ctx context.Context, once bool, first *attempt) {
	for tries := 0; ctx.Err() == nil; tries++ {
		if first == nil {
			ended, err := c.connect(ctx)
			first = &attempt{ended, err}
		}
		ended, err := first.ended, first.err
		first = nil
		var refusal *refusalError
		isRefusal := errors.As(err, &refusal)
		switch {
		case err == nil:
			once = false // the name is ours: from now on a refusal is tried again
			tries = -1
			select {
			case <-ended:
			case <-ctx.Done():
				return
			}
			continue
		case isRefusal && once:
			c.mu.Lock()
			c.refused = refusal
			c.setStateLocked(StateStopped)
			c.mu.Unlock()
			return
		case ctx.Err() != nil:
			return
		}
		c.mu.Lock()
		switch {
		case tries == triesBeforeWarning:
			c.ep.log.warn("cannot connect yet, trying on", "error", err)
		case c.lastErr == nil || c.lastErr.Error() != err.Error():
			c.ep.log.op("cannot connect yet", "error", err)
		}
		c.lastErr = err
		c.mu.Unlock()
		select {
		case <-time.After(backoff(tries, isRefusal)):
		case <-ctx.Done():
			return
		}
	}
}

// A refusalError is the server's answer to a hello it does not welcome.
type refusalError struct{ RemoteError }

func (e *refusalError) Error() string {
	return fmt.Sprintf("the server refused: %s: %s", e.Code, e.Message)
}

func (e *refusalError) Unwrap() error { return &e.RemoteError }
