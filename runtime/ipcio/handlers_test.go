package ipcio_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

func TestHandlerPatterns(t *testing.T) {
	d := newDomain(t)
	which := func(s string) ipcio.HandlerFunc { return answer(s) }
	s := d.serve(func(s *ipcio.Server) {
		for _, pattern := range []string{"*", "job.*", "job.submit.*", "job.submit", "job"} {
			handle(t, s, pattern, which(pattern))
		}
	})
	c := d.join("c")
	expect := func(command, want string) {
		t.Helper()
		if got := reply(t)(c.Call(d.ctx(), command, nil)); got != want {
			t.Errorf("%q went to %v, want %q", command, got, want)
		}
	}
	expect("job.submit", "job.submit")
	expect("job.submit.now", "job.submit.*")
	expect("job.submitted", "job.*")
	expect("job.", "job.*")
	expect("job", "job")
	expect("jobs", "*")
	expect("x", "*")
	expect("é}{", "*")
	for _, step := range []struct{ off, want string }{
		{"job.submit", "job.*"}, {"job.*", "*"}, {"*", ""},
	} {
		if !s.Off(step.off) {
			t.Errorf("Off(%q) found nothing", step.off)
		}
		if step.want != "" {
			expect("job.submit", step.want)
			continue
		}
		if err := failed(t)(c.Call(d.ctx(), "job.submit", nil)); !errors.Is(err, ipcio.ErrNoHandler) {
			t.Error(err)
		}
	}
	for _, bad := range []string{"a*", "*a", "a.*.b", "a\nb", "\x7f", "\xff", strings.Repeat("x", 129), ".*"} {
		if err := s.On(bad, echo); err == nil {
			t.Errorf("On(%q) is accepted", bad)
		}
		if s.Off(bad) {
			t.Errorf("Off(%q) found something", bad)
		}
	}
	if err := s.On("nil", nil); err == nil {
		t.Error("a nil handler is accepted")
	}
	if err := ipcio.HandleTyped(s, "nil", nil, false, nil); err == nil {
		t.Error("a nil typed handler is accepted")
	}
}

func TestDuplicateHandlerNamesBothPlaces(t *testing.T) {
	d := newDomain(t)
	c := d.client(ipcio.ClientConfig{})
	typed := func(context.Context, *ipcio.Message, ipcio.Payload) (ipcio.Payload, error) { return nil, nil }
	ok(t, c.On("dynamic", echo), ipcio.HandleTyped(c, "typed", nil, true, typed), c.On("p.*", echo))
	for name, err := range map[string]error{
		"dynamic, then typed":   ipcio.HandleTyped(c, "dynamic", nil, true, typed),
		"typed, then dynamic":   c.On("typed", echo),
		"typed twice":           ipcio.HandleTyped(c, "typed", nil, true, typed),
		"the same pattern, too": c.On("p.*", echo),
	} {
		if !errors.Is(err, ipcio.ErrDuplicateHandler) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		places := regexp.MustCompile(`handlers_test\.go:(\d+)`).FindAllString(err.Error(), -1)
		if len(places) != 2 || places[0] == places[1] {
			t.Errorf("%s: the error does not name both places: %v", name, err)
		}
	}
}

// Handlers come and go while messages do, connected or not.
func TestHandlersComeAndGo(t *testing.T) {
	d := newDomain(t)
	s := d.serve()
	c := d.join("c")
	stop := make(chan struct{})
	var changing sync.WaitGroup
	for range 2 {
		changing.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					s.On("flicker", echo)
					s.Off("flicker")
				}
			}
		})
	}
	handled, refused := 0, 0
	for i := 0; handled == 0 || refused == 0 || i < 200; i++ {
		m, err := c.Call(d.ctx(), "flicker", i)
		switch {
		case err == nil:
			if v, err := m.Value(); err != nil || v != int64(i) {
				t.Fatalf("call %d: %v %v", i, v, err)
			}
			handled++
		case errors.Is(err, ipcio.ErrNoHandler):
			refused++
		default:
			t.Fatal(err)
		}
	}
	close(stop)
	changing.Wait()
	s.Off("flicker")
	// While the client is disconnected, for what comes when it is back.
	seen := newRecorder[any]()
	ok(t, s.Close(), c.On("later", record(seen)))
	s = d.serve()
	eventually(t, "the client is back", func() bool { return len(s.Clients()) == 1 })
	ok(t, s.Emit(d.ctx(), "c", "later", "here"))
	if got := seen.wait(t, 1)[0]; got != "here" {
		t.Error(got)
	}
}

// A removed handler that runs goes on; the next message does not find it.
func TestOffWhileTheHandlerRuns(t *testing.T) {
	d := newDomain(t)
	started, release := make(chan struct{}), make(chan struct{})
	s := d.serve(func(s *ipcio.Server) {
		handle(t, s, "x", func(context.Context, *ipcio.Message) (any, error) {
			close(started)
			<-release
			return "old", nil
		})
	})
	c := d.join("c")
	replies := make(chan any, 1)
	go func() { replies <- reply(t)(c.Call(d.ctx(), "x", nil)) }()
	receive(t, "the start", started)
	if !s.Off("x") {
		t.Error("Off found nothing")
	}
	handle(t, s, "x", answer("new"))
	if got := reply(t)(c.Call(d.ctx(), "x", nil)); got != "new" {
		t.Error(got)
	}
	close(release)
	if got := receive(t, "the old reply", replies); got != "old" {
		t.Error(got)
	}
}

func TestOrderOfOneSender(t *testing.T) {
	d := newDomain(t)
	seen := newRecorder[any]()
	var running atomic.Int32
	release := make(chan struct{})
	s := d.serve(func(s *ipcio.Server) {
		handle(t, s, "event", func(ctx context.Context, m *ipcio.Message) (any, error) {
			if running.Add(1) > 1 {
				t.Error("two events of one sender are handled at once")
			}
			defer running.Add(-1)
			return record(seen)(ctx, m)
		})
		handle(t, s, "call", func(ctx context.Context, m *ipcio.Message) (any, error) {
			_, err := record(seen)(ctx, m)
			<-release // beside what follows
			return nil, err
		})
	})
	c := d.join("c")
	const n = 300
	var calls sync.WaitGroup
	for i := range n {
		if i%10 != 5 {
			ok(t, c.Emit(d.ctx(), "event", i))
			continue
		}
		accepted := make(chan struct{})
		calls.Go(func() {
			close(accepted)
			reply(t)(c.Call(d.ctx(), "call", i))
		})
		<-accepted
		// A call is in its place when it was sent: the next event waits for that.
		eventually(t, "the call has come", func() bool { return slices.Contains(seen.all(), any(int64(i))) })
	}
	got := seen.wait(t, n)
	close(release)
	calls.Wait()
	wantCount(t, got, n)
	ok(t, s.Close())
}

// A call's handler starts in its place among the events, not before them.
func TestCallStartsAfterTheEventsBeforeIt(t *testing.T) {
	d := newDomain(t)
	var handled atomic.Int32
	d.serve(func(s *ipcio.Server) {
		handle(t, s, "event", func(context.Context, *ipcio.Message) (any, error) { return handled.Add(1), nil })
		handle(t, s, "count", func(context.Context, *ipcio.Message) (any, error) { return handled.Load(), nil })
	})
	c := d.join("c")
	for i := range 200 {
		for range 3 {
			ok(t, c.Emit(d.ctx(), "event", nil))
		}
		if got := reply(t)(c.Call(d.ctx(), "count", nil)); got != int64(3*(i+1)) {
			t.Fatalf("round %d: the call saw %v of %d events", i, got, 3*(i+1))
		}
	}
}

// A sender whose handler blocks keeps nobody else waiting.
func TestSendersRunInParallel(t *testing.T) {
	d := newDomain(t)
	const n = 8
	var meeting sync.WaitGroup
	meeting.Add(n)
	met := make(chan struct{})
	go func() {
		meeting.Wait()
		close(met)
	}()
	done := newRecorder[any]()
	d.serve(func(s *ipcio.Server) {
		handle(t, s, "meet", func(ctx context.Context, m *ipcio.Message) (any, error) {
			meeting.Done()
			<-met // all handlers are here, or none goes on
			return record(done)(ctx, m)
		})
	})
	for i := range n {
		ok(t, d.join(fmt.Sprint("c", i)).Emit(d.ctx(), "meet", i))
	}
	done.wait(t, n)
}

// At a client all private events form one queue, whoever sent them, and all
// broadcasts another.
func TestOrderAtAClient(t *testing.T) {
	d := newDomain(t)
	s := d.serve()
	const n = 200
	seen := newRecorder[string]()
	var running atomic.Int32
	d.join("c", func(c *ipcio.Client) {
		handle(t, c, "event", func(_ context.Context, m *ipcio.Message) (any, error) {
			if running.Add(1) > 1 {
				t.Error("two private events are handled at once")
			}
			defer running.Add(-1)
			v, err := m.Value()
			seen.add(fmt.Sprintf("%s %v", m.From().Name(), v))
			return nil, err
		})
	})
	var sending sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		from := d.join(name)
		sending.Go(func() {
			for i := range n {
				if err := from.EmitTo(d.ctx(), "c", "event", i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	sending.Go(func() {
		for i := range n {
			if err := s.Emit(d.ctx(), "c", "event", i); err != nil {
				t.Error(err)
			}
		}
	})
	sending.Wait()
	next := map[string]int{}
	for _, got := range seen.wait(t, 3*n) {
		sender, number, _ := strings.Cut(got, " ")
		if want := fmt.Sprint(next[sender]); number != want {
			t.Fatalf("from %q came %s, want %s", sender, number, want)
		}
		next[sender]++
	}
}

// Two sides call each other, each from the handler of the other's call, ten
// deep, with every event queue blocked.
func TestNestedCalls(t *testing.T) {
	d := newDomain(t)
	const depth = 10
	blocked, release := make(chan struct{}, 3), make(chan struct{})
	block := func(context.Context, *ipcio.Message) (any, error) {
		blocked <- struct{}{}
		<-release
		return nil, nil
	}
	down := func(ctx context.Context, m *ipcio.Message) (any, error) {
		var n int
		if err := m.Decode(&n); err != nil || n == 0 {
			return n, err
		}
		r, err := m.From().Call(ctx, "down", n-1)
		if err != nil {
			return nil, err
		}
		err = r.Decode(&n)
		return n + 1, err
	}
	setup := func(at interface {
		On(string, ipcio.HandlerFunc) error
	}) {
		handle(t, at, "block", block)
		handle(t, at, "down", down)
	}
	s := d.serve(func(s *ipcio.Server) { setup(s) })
	a := d.join("a", func(c *ipcio.Client) { setup(c) })
	b := d.join("b", func(c *ipcio.Client) { setup(c) })
	if got := reply(t)(a.Call(d.ctx(), "down", depth)); got != int64(depth) {
		t.Errorf("client to server: %v", got)
	}
	if got := reply(t)(s.Call(d.ctx(), "a", "down", depth)); got != int64(depth) {
		t.Errorf("server to client: %v", got)
	}
	if got := reply(t)(a.CallTo(d.ctx(), "b", "down", depth)); got != int64(depth) {
		t.Errorf("client to client: %v", got)
	}
	// With the caller's own queue blocked, the nested call comes through all the
	// same: it waits behind nothing.
	ok(t, s.Emit(d.ctx(), "a", "block", nil))
	receive(t, "the blocked queue", blocked)
	for i := range 100 {
		ok(t, s.Emit(d.ctx(), "a", "nothing", i))
	}
	if got := reply(t)(a.Call(d.ctx(), "down", depth)); got != int64(depth) {
		t.Errorf("client to server with a blocked queue: %v", got)
	}
	if got := reply(t)(a.CallTo(d.ctx(), "b", "down", depth)); got != int64(depth) {
		t.Errorf("client to client with a blocked queue: %v", got)
	}
	close(release)
	ok(t, b.Close())
}

// A reply does not wait behind the thousands of events that its caller has not
// handled yet, though its handler waits for it.
func TestReplyNotBehindTheWindow(t *testing.T) {
	d := newDomain(t)
	s := d.serve(func(s *ipcio.Server) { handle(t, s, "echo", echo) })
	done := make(chan any, 1)
	c := d.join("c", func(c *ipcio.Client) {
		handle(t, c, "tick", func(context.Context, *ipcio.Message) (any, error) { return nil, nil })
		handle(t, c, "first", func(ctx context.Context, m *ipcio.Message) (any, error) {
			r, err := m.From().Call(ctx, "echo", "reply")
			if err != nil {
				done <- err
				return nil, err
			}
			v, err := r.Value()
			done <- v
			return nil, err
		})
	})
	ok(t, s.Emit(d.ctx(), "c", "first", nil))
	for range 3000 {
		ok(t, s.Emit(d.ctx(), "c", "tick", nil))
	}
	if got := receive(t, "the reply", done); got != "reply" {
		t.Error(got)
	}
	ok(t, c.Flush(d.ctx()))
}

// From inside a handler everything is allowed: to send, to register, to close
// the very thing that runs it.
func TestHandlerMayDoAnything(t *testing.T) {
	d := newDomain(t)
	heard := newRecorder[any]()
	s := d.serve()
	handle(t, s, "everything", func(ctx context.Context, m *ipcio.Message) (any, error) {
		return nil, errors.Join(
			m.From().Emit(ctx, "heard", "emit"),
			s.Broadcast(ctx, "heard", "broadcast"),
			s.On("made.by.a.handler", answer("made")),
			s.Emit(ctx, m.From().Name(), "heard", "by name"),
		)
	})
	handle(t, s, "close.me", func(context.Context, *ipcio.Message) (any, error) { return nil, s.Close() })
	c := d.join("c", func(c *ipcio.Client) { handle(t, c, "heard", record(heard)) })
	reply(t)(c.Call(d.ctx(), "everything", nil))
	got := heard.wait(t, 3)
	if !slices.Contains(got, any("broadcast")) || slices.Index(got, any("emit")) > slices.Index(got, any("by name")) {
		t.Error(got)
	}
	if got := reply(t)(c.Call(d.ctx(), "made.by.a.handler", nil)); got != "made" {
		t.Error(got)
	}
	ended := make(chan error, 1)
	handle(t, c, "close.yourself", func(context.Context, *ipcio.Message) (any, error) {
		ended <- c.Close()
		return nil, nil
	})
	ok(t, s.Emit(d.ctx(), "c", "close.yourself", nil))
	ok(t, receive(t, "Close in a handler of the client", ended))
	other := d.join("other")
	ok(t, other.Emit(d.ctx(), "close.me", nil), s.Wait())
}

// Shutdown from inside a handler waits for everything but that handler, and
// the request that asked for it is not asked again of the successor.
func TestShutdownInsideAHandler(t *testing.T) {
	for _, kind := range []string{"event", "call"} {
		t.Run(kind, func(t *testing.T) {
			d := newDomain(t)
			ended := make(chan error, 1)
			asked := newRecorder[any]()
			setup := func(s *ipcio.Server) {
				handle(t, s, "shut.down", func(ctx context.Context, m *ipcio.Message) (any, error) {
					asked.add(m.Redelivered())
					ended <- s.Shutdown(ctx)
					return nil, nil
				})
				handle(t, s, "echo", echo)
			}
			s := d.serve(setup)
			c := d.join("c")
			outcome := make(chan error, 1)
			if kind == "event" {
				ok(t, c.Emit(d.ctx(), "shut.down", nil))
			} else {
				go func() { _, err := c.Call(d.ctx(), "shut.down", nil); outcome <- err }()
			}
			promptly(t, "Shutdown in a handler", func() { ok(t, receive(t, "its end", ended), s.Wait()) })
			d.serve(setup)
			if got := reply(t)(c.Call(d.ctx(), "echo", 1)); got != int64(1) {
				t.Error(got)
			}
			if kind == "call" {
				if err := receive(t, "the outcome", outcome); !errors.Is(err, ipcio.ErrOutcomeUnknown) {
					t.Errorf("the call that shut the server down: %v", err)
				}
			}
			if got := asked.all(); len(got) != 1 {
				t.Errorf("asked %d times", len(got))
			}
		})
	}
}

// The ctx of a handler ends with the handler, with the caller's patience, and
// with the session; not with the connection.
func TestHandlerContext(t *testing.T) {
	d := newDomain(t)
	p := newProxy(t, d, 0, seed)
	ctxs := make(chan context.Context, 1)
	release := make(chan struct{})
	d.serve(func(s *ipcio.Server) {
		handle(t, s, "return", func(ctx context.Context, _ *ipcio.Message) (any, error) {
			ctxs <- ctx
			return nil, nil
		})
		handle(t, s, "wait", func(ctx context.Context, _ *ipcio.Message) (any, error) {
			ctxs <- ctx
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-release:
				return "released", nil
			}
		})
	})
	c := p.client(ipcio.ClientConfig{Name: "c"})
	ok(t, c.Connect(d.ctx()))
	over := func(what string, ctx context.Context) {
		t.Helper()
		promptly(t, what, func() { receive(t, what, ctx.Done()) })
	}
	reply(t)(c.Call(d.ctx(), "return", nil))
	over("the ctx of a handler that returned", <-ctxs)

	ctx, cancel := context.WithCancel(d.ctx())
	go c.Call(ctx, "wait", nil)
	handlers := <-ctxs
	if deadline, has := handlers.Deadline(); !has || time.Until(deadline) > patience {
		t.Errorf("the handler's deadline is %v %t", deadline, has)
	}
	cancel()
	over("the ctx of a cancelled call", handlers)
	_, err := c.Call(within(t, 100*time.Millisecond), "wait", nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	over("the ctx of a call whose deadline passed", <-ctxs)

	replies := make(chan any, 1)
	go func() { replies <- reply(t)(c.Call(d.ctx(), "wait", nil)) }()
	handlers = <-ctxs
	p.cut()
	eventually(t, "the client has reconnected", func() bool { return c.Flush(d.ctx()) == nil && c.Connected() })
	if err := handlers.Err(); err != nil {
		t.Errorf("a lost connection has ended the handler's ctx: %v", err)
	}
	close(release)
	if got := receive(t, "the reply", replies); got != "released" {
		t.Error(got)
	}
}
