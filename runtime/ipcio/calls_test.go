package ipcio_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// wantOutcome checks both things that a caller learns from an error.
func wantOutcome(t testing.TB, what string, err, is error, outcome ipcio.Outcome) {
	t.Helper()
	if !errors.Is(err, is) || ipcio.OutcomeOf(err) != outcome {
		t.Errorf("%s: %v (outcome %v), want %v (outcome %v)", what, err, ipcio.OutcomeOf(err), is, outcome)
	}
}

func TestCallOutcomes(t *testing.T) {
	d := newDomain(t)
	started, release := make(chan struct{}, 1), make(chan struct{})
	defer close(release)
	s := d.serve(func(s *ipcio.Server) {
		handle(t, s, "wait", func(ctx context.Context, _ *ipcio.Message) (any, error) {
			started <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		})
		handle(t, s, "stuck", func(context.Context, *ipcio.Message) (any, error) {
			<-release
			return nil, nil
		})
		handle(t, s, "timeout", func(context.Context, *ipcio.Message) (any, error) { return nil, context.DeadlineExceeded })
		handle(t, s, "canceled", func(context.Context, *ipcio.Message) (any, error) { return nil, context.Canceled })
		handle(t, s, "denied", func(context.Context, *ipcio.Message) (any, error) {
			return nil, &ipcio.RemoteError{Code: ipcio.CodeDenied, Message: "not you"}
		})
	})
	c := d.join("c")
	call := func(ctx context.Context, command string) error { return failed(t)(c.Call(ctx, command, nil)) }
	wantOutcome(t, "an ended ctx", call(expired(), "wait"), context.DeadlineExceeded, ipcio.OutcomeNotSent)
	wantOutcome(t, "a deadline", call(within(t, 50*time.Millisecond), "stuck"), context.DeadlineExceeded, ipcio.OutcomeUnknown)
	ctx, cancel := context.WithCancel(d.ctx())
	go func() {
		<-started
		cancel()
	}()
	wantOutcome(t, "a cancel", call(ctx, "wait"), context.Canceled, ipcio.OutcomeUnknown)
	wantOutcome(t, "no handler", call(d.ctx(), "nothing"), ipcio.ErrNoHandler, ipcio.OutcomeNotHandled)
	wantOutcome(t, "the handler's time-out", call(d.ctx(), "timeout"), context.DeadlineExceeded, ipcio.OutcomeHandled)
	wantOutcome(t, "the handler's cancel", call(d.ctx(), "canceled"), context.Canceled, ipcio.OutcomeHandled)
	wantOutcome(t, "the handler's word", call(d.ctx(), "denied"), ipcio.ErrDenied, ipcio.OutcomeHandled)

	ended := make(chan error, 1)
	go func() { ended <- call(d.ctx(), "wait") }()
	<-started
	ok(t, c.Close())
	wantOutcome(t, "Close during the call", receive(t, "the outcome", ended), ipcio.ErrClosed, ipcio.OutcomeUnknown)
	wantOutcome(t, "a call after Close", call(d.ctx(), "wait"), ipcio.ErrClosed, ipcio.OutcomeNotSent)
	wantOutcome(t, "an emit after Close", c.Emit(d.ctx(), "wait", nil), ipcio.ErrClosed, ipcio.OutcomeNotSent)
	ok(t, s.Close())
	wantOutcome(t, "a server's call after Close", failed(t)(s.Call(d.ctx(), "c", "x", nil)), ipcio.ErrClosed, ipcio.OutcomeNotSent)
	wantOutcome(t, "a server's broadcast after Close", s.Broadcast(d.ctx(), "x", nil), ipcio.ErrClosed, ipcio.OutcomeNotSent)

	if o := ipcio.OutcomeOf(nil); o != ipcio.OutcomeHandled {
		t.Errorf("the outcome of nil is %v", o)
	}
	if o := ipcio.OutcomeOf(errors.New("other")); o != ipcio.OutcomeUnknown {
		t.Errorf("the outcome of a foreign error is %v", o)
	}
}

func TestCallHasADefaultTimeout(t *testing.T) {
	d := newDomain(t)
	release := make(chan struct{})
	defer close(release)
	block := func(context.Context, *ipcio.Message) (any, error) {
		<-release
		return nil, nil
	}
	const limit = 100 * time.Millisecond
	s := d.serveWith(ipcio.ServerConfig{CallTimeout: limit}, func(s *ipcio.Server) { handle(t, s, "block", block) })
	c := d.client(ipcio.ClientConfig{Name: "c", CallTimeout: limit})
	handle(t, c, "block", block)
	ok(t, c.Connect(d.ctx()))
	promptly(t, "a call without a deadline", func() {
		_, err := c.Call(context.Background(), "block", nil)
		wantOutcome(t, "client", err, context.DeadlineExceeded, ipcio.OutcomeUnknown)
	})
	promptly(t, "a call without a deadline", func() {
		_, err := s.Call(context.Background(), "c", "block", nil)
		wantOutcome(t, "server", err, context.DeadlineExceeded, ipcio.OutcomeUnknown)
	})
	promptly(t, "Discover without a server", func() {
		ok(t, s.Close())
		if _, err := c.Discover(context.Background()); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// The process that was called is killed. Its session is kept for a while, then
// its callers learn that it is gone; a successor with its name ends it at once.
func TestCallToAProcessThatIsKilled(t *testing.T) {
	for _, replaced := range []bool{false, true} {
		d := newDomain(t)
		limits := ipcio.Limits{SessionKeep: time.Hour}
		if !replaced {
			limits.SessionKeep = 50 * time.Millisecond
		}
		s := d.serveWith(ipcio.ServerConfig{Limits: limits})
		p := spawn(t, "callee", d.dir, "worker")
		p.expect("ready")
		c := d.join("c")
		errs := make(chan error, 2)
		go func() { _, err := s.Call(d.ctx(), "worker", "block", nil); errs <- err }()
		go func() { _, err := c.CallTo(d.ctx(), "worker", "block", nil); errs <- err }()
		p.lines.wait(t, 3) // ready, and blocked twice
		p.kill()
		if replaced {
			spawn(t, "callee", d.dir, "worker").expect("ready")
		}
		for range 2 {
			wantOutcome(t, "a call to a killed process", receive(t, "the outcome", errs), ipcio.ErrPeerGone, ipcio.OutcomeUnknown)
		}
		if replaced {
			reply(t)(c.CallTo(d.ctx(), "worker", "pid", nil))
			continue
		}
		err := failed(t)(c.CallTo(d.ctx(), "worker", "pid", nil))
		wantOutcome(t, "a call after the session was given up", err, ipcio.ErrUnknownClient, ipcio.OutcomeNotHandled)
	}
}

// Another client that closes ends the calls to it at once.
func TestCallToAClientThatCloses(t *testing.T) {
	d := newDomain(t)
	s := d.serve()
	started := make(chan struct{}, 2)
	b := d.join("b", func(c *ipcio.Client) {
		handle(t, c, "block", func(ctx context.Context, _ *ipcio.Message) (any, error) {
			started <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		})
	})
	a := d.join("a")
	errs := make(chan error, 2)
	go func() { _, err := s.Call(d.ctx(), "b", "block", nil); errs <- err }()
	go func() { _, err := a.CallTo(d.ctx(), "b", "block", nil); errs <- err }()
	<-started
	<-started
	ok(t, b.Close())
	for range 2 {
		promptly(t, "the outcome", func() {
			wantOutcome(t, "a call to a client that closed", <-errs, ipcio.ErrPeerGone, ipcio.OutcomeUnknown)
		})
	}
}

// A client that is away but kept counts as there: what is sent waits for it.
func TestClientThatIsAwayCountsAsThere(t *testing.T) {
	d := newDomain(t)
	p := newProxy(t, d, 0, seed)
	s := d.serve()
	away := p.client(ipcio.ClientConfig{Name: "away"})
	handle(t, away, "echo", echo)
	ok(t, away.Connect(d.ctx()))
	other := d.join("other")
	p.close()
	eventually(t, "the server has noticed", func() bool {
		return !s.Clients()[0].Connected && s.Clients()[0].Name == "away"
	})
	_, err := s.Call(within(t, 50*time.Millisecond), "away", "echo", 1)
	wantOutcome(t, "a call whose deadline passes", err, context.DeadlineExceeded, ipcio.OutcomeNotSent)
	replies := make(chan any, 1)
	go func() { replies <- reply(t)(other.CallTo(d.ctx(), "away", "echo", 2)) }()
	p.again(d)
	if got := receive(t, "the reply", replies); got != int64(2) {
		t.Error(got)
	}
}

// Callers beyond the number of slots wait for one, as long as their ctx lets
// them.
func TestCallSlots(t *testing.T) {
	d := newDomain(t)
	const slots = 4
	started, release := make(chan struct{}, 100), make(chan struct{})
	d.serveWith(ipcio.ServerConfig{Limits: ipcio.Limits{Calls: slots}}, func(s *ipcio.Server) {
		handle(t, s, "slow", func(context.Context, *ipcio.Message) (any, error) {
			started <- struct{}{}
			<-release
			return nil, nil
		})
	})
	c := d.join("c")
	var calls sync.WaitGroup
	for range 3 * slots {
		calls.Go(func() { reply(t)(c.Call(d.ctx(), "slow", nil)) })
	}
	for range slots {
		receive(t, "the start of a handler", started)
	}
	err := failed(t)(c.Call(within(t, 50*time.Millisecond), "slow", nil))
	wantOutcome(t, "a call without a slot", err, context.DeadlineExceeded, ipcio.OutcomeNotSent)
	ok(t, c.Emit(d.ctx(), "nothing", nil)) // events need none
	if len(started) != 0 {
		t.Errorf("more than %d handlers run", slots)
	}
	close(release)
	calls.Wait()
}

// Cancelling half of the calls disturbs neither the connection nor the others.
func TestCancelledCallsDisturbNobody(t *testing.T) {
	d := newDomain(t)
	d.serve(func(s *ipcio.Server) { handle(t, s, "echo", echo) })
	lost := newRecorder[ipcio.State]()
	c := d.client(ipcio.ClientConfig{Name: "c", OnStateChange: lost.add})
	ok(t, c.Connect(d.ctx()))
	var callers sync.WaitGroup
	for g := range 8 {
		callers.Go(func() {
			for i := range 250 * *scale {
				ctx, cancel := context.WithCancel(d.ctx())
				if i%2 == 0 {
					go cancel()
				}
				m, err := c.Call(ctx, "echo", 1000*g+i)
				cancel()
				switch {
				case err == nil:
					if v, err := m.Value(); err != nil || v != int64(1000*g+i) {
						t.Errorf("call %d was answered with %v %v", 1000*g+i, v, err)
					}
				case i%2 == 1 || !errors.Is(err, context.Canceled):
					t.Errorf("call %d: %v", 1000*g+i, err)
				}
			}
		})
	}
	callers.Wait()
	if got := lost.wait(t, 2); len(got) != 2 {
		t.Errorf("the connection was lost: %v", got)
	}
}

// A reply that is too large for the caller fails the call, not the connection.
func TestReplyTooLarge(t *testing.T) {
	d := newDomain(t)
	d.serve(func(s *ipcio.Server) {
		handle(t, s, "large", func(context.Context, *ipcio.Message) (any, error) { return make([]byte, 100<<10), nil })
		handle(t, s, "echo", echo)
	})
	c := d.client(ipcio.ClientConfig{Name: "c", FrameBytes: 64 << 10})
	ok(t, c.Connect(d.ctx()))
	wantOutcome(t, "a reply above the limit", failed(t)(c.Call(d.ctx(), "large", nil)), ipcio.ErrTooLarge, ipcio.OutcomeHandled)
	if got := reply(t)(c.Call(d.ctx(), "echo", 1)); got != int64(1) {
		t.Error(got)
	}
}
