package ipcio_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// Promises that libraries of this kind have been found to break. The numbers
// that are missing here concern the wire, the schema and the generator, and are
// proven there.

// A rawServer speaks the server's side of the wire by hand, to one client.
type rawServer struct {
	t               testing.TB
	listener        net.Listener
	domain, private *rawLane
}

func (d *domain) rawServer() *rawServer {
	d.t.Helper()
	l, err := net.Listen("unix", d.path())
	ok(d.t, err)
	d.t.Cleanup(func() { l.Close() })
	return &rawServer{t: d.t, listener: l}
}

// welcome welcomes both lanes of the next client.
func (s *rawServer) welcome() {
	s.t.Helper()
	id := []byte("0123456789abcdef")
	s.domain = s.greet(&wire.Welcome{
		Version: wire.Version, Epoch: id, Incarnation: id, Cookie: id, SFirst: 1, RFirst: 1,
		Frames: 1024, Bytes: 16 << 20, FrameBytes: 16 << 20, Calls: 256,
	})
	s.private = s.greet(&wire.Welcome{Version: wire.Version})
}

func (s *rawServer) greet(w *wire.Welcome) *rawLane {
	s.t.Helper()
	conn, err := s.listener.Accept()
	ok(s.t, err)
	s.t.Cleanup(func() { conn.Close() })
	lane := newRawLane(s.t, conn)
	content, err := lane.reader.Next()
	ok(s.t, err)
	_, err = wire.ParseHello(content)
	ok(s.t, err)
	frame, err := wire.AppendWelcome(nil, w)
	ok(s.t, err)
	_, err = conn.Write(frame)
	ok(s.t, err)
	return lane
}

func TestContractC2ClientThatNeverReads(t *testing.T) {
	d := newDomain(t)
	s := d.serveWith(ipcio.ServerConfig{Queue: ipcio.QueueConfig{WhenFull: ipcio.Block}}, func(s *ipcio.Server) {
		handle(t, s, "echo", echo)
	})
	other := d.join("other")
	d.raw("deaf") // and it never reads again
	filled := make(chan struct{})
	ctx, stop := context.WithCancel(d.ctx())
	blocked := make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			if err := s.Emit(ctx, "deaf", "n", make([]byte, 1<<20)); err != nil {
				blocked <- err
				return
			}
			if i == 32 {
				close(filled)
			}
		}
	}()
	receive(t, "far more than a socket takes", filled)
	promptly(t, "On", func() { ok(t, s.On("late", echo)) })
	promptly(t, "Emit with an ended ctx", func() {
		if err := s.Emit(expired(), "deaf", "n", 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	promptly(t, "Call with a short ctx", func() {
		_, err := s.Call(within(t, 50*time.Millisecond), "deaf", "n", 1)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	promptly(t, "Broadcast", func() { ok(t, s.Broadcast(d.ctx(), "n", 1)) })
	promptly(t, "a call of another client", func() { reply(t)(other.Call(d.ctx(), "echo", 1)) })
	promptly(t, "an emit that waits for room, when its ctx ends", func() {
		stop()
		if err := receive(t, "the end of the emit", blocked); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	promptly(t, "Close", func() { ok(t, s.Close()) })
}

func TestContractC2ServerThatNeverReads(t *testing.T) {
	d := newDomain(t)
	s := d.rawServer()
	c := d.client(ipcio.ClientConfig{Name: "c", Queue: ipcio.QueueConfig{Bytes: 32 << 20, WhenFull: ipcio.Block}})
	ok(t, c.Start())
	s.welcome() // and it never reads again
	ok(t, c.Connect(d.ctx()))
	for range 31 {
		ok(t, c.Emit(d.ctx(), "n", make([]byte, 1<<20)))
	}
	promptly(t, "On", func() { ok(t, c.On("late", echo)) })
	promptly(t, "Emit with an ended ctx", func() {
		if err := c.Emit(expired(), "n", 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	short := func() context.Context { return within(t, 50*time.Millisecond) }
	for what, f := range map[string]func() error{
		"Emit":      func() error { return c.Emit(short(), "n", make([]byte, 2<<20)) },
		"EmitTo":    func() error { return c.EmitTo(short(), "b", "n", make([]byte, 2<<20)) },
		"Broadcast": func() error { return c.Broadcast(short(), "n", make([]byte, 2<<20)) },
		"Call":      func() error { _, err := c.Call(short(), "n", 1); return err },
		"CallTo":    func() error { _, err := c.CallTo(short(), "b", "n", 1); return err },
		"Discover":  func() error { _, err := c.Discover(short()); return err },
		"Flush":     func() error { return c.Flush(short()) },
	} {
		promptly(t, what, func() {
			if err := f(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
	promptly(t, "Shutdown", func() {
		if err := c.Shutdown(short()); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	promptly(t, "Close", func() { ok(t, c.Close()) })
}

func TestContractC3ShutdownLetsHandlersFinishAndRepliesArrive(t *testing.T) {
	d := newDomain(t)
	started, release := make(chan struct{}, 2), make(chan struct{})
	slow := func(context.Context, *ipcio.Message) (any, error) {
		started <- struct{}{}
		<-release
		return "done", nil
	}
	s := d.serve(func(s *ipcio.Server) { handle(t, s, "slow", slow) })
	c := d.join("c")
	d.join("b", func(c *ipcio.Client) { handle(t, c, "slow", slow) })
	type result struct {
		m   *ipcio.Message
		err error
	}
	results := make(chan result, 1)
	go func() {
		m, err := c.Call(d.ctx(), "slow", nil)
		results <- result{m, err}
	}()
	receive(t, "the start of the handler", started)
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(d.ctx()) }()
	eventually(t, "the server drains", func() bool { return !s.Started() })
	select {
	case err := <-down:
		t.Fatalf("Shutdown returned while a handler ran: %v", err)
	default:
	}
	close(release)
	r := receive(t, "the reply", results)
	if got := reply(t)(r.m, r.err); got != "done" {
		t.Errorf("got %v", got)
	}
	ok(t, receive(t, "the end of Shutdown", down), s.Wait())
}

// A second Shutdown waits for the first; one whose ctx ends cuts it short; one
// in a handler, which the first waits for, does not wait.
func TestContractC3ShutdownTwice(t *testing.T) {
	d := newDomain(t)
	started, release, inside := make(chan struct{}, 2), make(chan struct{}), make(chan error, 1)
	s := d.serve(func(s *ipcio.Server) {
		handle(t, s, "slow", func(context.Context, *ipcio.Message) (any, error) {
			started <- struct{}{}
			<-release
			return "done", nil
		})
		handle(t, s, "shut.down", func(ctx context.Context, _ *ipcio.Message) (any, error) {
			started <- struct{}{}
			<-release
			inside <- s.Shutdown(ctx)
			return nil, nil
		})
	})
	c := d.join("c")
	replies := make(chan any, 1)
	go func() { replies <- reply(t)(c.Call(d.ctx(), "slow", nil)) }()
	receive(t, "the call's handler", started)
	ok(t, c.Emit(d.ctx(), "shut.down", nil))
	receive(t, "the event's handler", started)
	down := make(chan error, 2)
	go func() { down <- s.Shutdown(d.ctx()) }()
	eventually(t, "the server drains", func() bool { return !s.Started() })
	go func() { down <- s.Shutdown(d.ctx()) }()
	close(release)
	if got := receive(t, "the reply", replies); got != "done" {
		t.Error(got)
	}
	ok(t, receive(t, "the Shutdown in a handler", inside), receive(t, "one Shutdown", down), receive(t, "the other", down))
}

func TestContractC3ShutdownObeysItsContext(t *testing.T) {
	d := newDomain(t)
	started := make(chan struct{}, 1)
	s := d.serve(func(s *ipcio.Server) {
		handle(t, s, "stuck", func(ctx context.Context, _ *ipcio.Message) (any, error) {
			started <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		})
	})
	c := d.join("c")
	ok(t, c.Emit(d.ctx(), "stuck", nil))
	receive(t, "the start of the handler", started)
	promptly(t, "Shutdown with an ended ctx", func() {
		if err := s.Shutdown(expired()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the server: %v", err)
		}
	})
	ok(t, s.Wait())
	ok(t, c.Emit(d.ctx(), "stuck", nil))
	promptly(t, "Shutdown with an ended ctx", func() {
		if err := c.Shutdown(expired()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the client: %v", err)
		}
	})
	if c.State() != ipcio.StateClosed {
		t.Errorf("the client is %v", c.State())
	}
}

// What an end says is the last thing that the other side reads, with much in
// front of it or nothing.
func TestContractC4TheOtherSideSeesTheFarewell(t *testing.T) {
	for _, pending := range []int{0, 500} {
		t.Run(fmt.Sprintf("server, %d pending", pending), func(t *testing.T) {
			d := newDomain(t)
			s := d.serve()
			r := d.raw("raw")
			for i := range pending {
				ok(t, s.Emit(d.ctx(), "raw", "n", i))
			}
			ok(t, s.Close())
			if f := r.private.next(wire.KindClose); f.Code != ipcio.CodeClosed || f.From != 0 || f.To != 0 {
				t.Errorf("the farewell is %+v", f)
			}
		})
		t.Run(fmt.Sprintf("client, %d pending", pending), func(t *testing.T) {
			d := newDomain(t)
			s := d.rawServer()
			c := d.client(ipcio.ClientConfig{Name: "c"})
			ok(t, c.Start())
			s.welcome()
			ok(t, c.Connect(d.ctx()))
			for i := range pending {
				ok(t, c.Emit(d.ctx(), "n", i))
			}
			ok(t, c.Close())
			if f := s.private.next(wire.KindClose); f.Code != ipcio.CodeClosed {
				t.Errorf("the farewell is %+v", f)
			}
		})
	}
}

// A call made while the server ends in order was started by it, and answered,
// or is for its successor: its outcome is never unknown.
func TestContractC4CallsDuringARestartInOrder(t *testing.T) {
	d := newDomain(t)
	setup := func(s *ipcio.Server) { handle(t, s, "echo", echo) }
	s := d.serve(setup)
	c := d.join("c")
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if m, err := c.Call(d.ctx(), "echo", i); err != nil {
					t.Error(err)
					return
				} else if v, err := m.Value(); err != nil || v != int64(i) {
					t.Errorf("call %d was answered with %v %v", i, v, err)
				}
			}
		})
	}
	for range 30 * *scale {
		eventually(t, "the client is connected", func() bool { return len(s.Clients()) == 1 })
		ok(t, s.Shutdown(d.ctx()))
		s = d.serve(setup)
	}
	close(stop)
	callers.Wait()
}

// The server knows at once that a client has ended, and not that it might come
// back.
func TestContractC4ClosedClientsAreGone(t *testing.T) {
	d := newDomain(t)
	gaps := newRecorder[ipcio.Gap]()
	s := d.serveWith(ipcio.ServerConfig{OnGap: gaps.add}, func(s *ipcio.Server) { handle(t, s, "n", echo) })
	for i := range 100 * *scale {
		c := d.join("c", func(c *ipcio.Client) { handle(t, c, "n", echo) })
		reply(t)(s.Call(d.ctx(), "c", "n", i))
		ok(t, c.Emit(d.ctx(), "n", i), c.Close())
		eventually(t, "the client is gone", func() bool { return len(s.Clients()) == 0 })
		if err := s.Emit(d.ctx(), "c", "n", i); !errors.Is(err, ipcio.ErrUnknownClient) {
			t.Fatal(err)
		}
	}
	if got := gaps.all(); len(got) != 0 {
		t.Errorf("gaps %+v", got)
	}
}

// What a client has handled when it closes is not reported as given up, though
// its acknowledgement was not due yet.
func TestContractC4HandledIsNotGivenUp(t *testing.T) {
	d := newDomain(t)
	gaps := newRecorder[ipcio.Gap]()
	s := d.serveWith(ipcio.ServerConfig{OnGap: gaps.add})
	started := make(chan struct{})
	c := d.join("c", func(c *ipcio.Client) {
		handle(t, c, "handled", echo)
		handle(t, c, "running", func(ctx context.Context, _ *ipcio.Message) (any, error) {
			close(started)
			<-ctx.Done()
			return nil, nil
		})
	})
	for i := range 5 {
		ok(t, s.Emit(d.ctx(), "c", "handled", i))
	}
	ok(t, s.Emit(d.ctx(), "c", "running", nil), s.Emit(d.ctx(), "c", "waiting", nil))
	receive(t, "the start of the last handler", started)
	ok(t, c.Close())
	got := gaps.wait(t, 2)
	if len(got) != 2 || got[0].Commands[0] != "running" || got[1].Commands[0] != "waiting" {
		t.Errorf("gaps %+v", got)
	}
}

func TestContractC5EveryMethodAtAnyTime(t *testing.T) {
	for _, state := range []string{"before start", "running", "ending", "after close"} {
		t.Run(state, func(t *testing.T) {
			d := newDomain(t)
			s, err := ipcio.NewServer(ipcio.ServerConfig{Dir: d.dir, Logger: quiet, OnGap: func(ipcio.Gap) {}})
			ok(t, err)
			t.Cleanup(func() { s.Close() })
			handle(t, s, "echo", echo)
			var peer atomic.Pointer[ipcio.Peer]
			handle(t, s, "me", func(_ context.Context, m *ipcio.Message) (any, error) {
				p := m.From()
				peer.Store(&p)
				return nil, nil
			})
			c := d.client(ipcio.ClientConfig{Name: "c", OnGap: func(ipcio.Gap) {}, OnStateChange: func(ipcio.State) {}})
			handle(t, c, "echo", echo)
			if state != "before start" {
				ok(t, s.Start(d.ctx()), c.Connect(d.ctx()))
				reply(t)(c.Call(d.ctx(), "me", nil))
			}
			if state == "after close" {
				ok(t, c.Close(), s.Close())
			}
			ctx := within(t, 300*time.Millisecond)
			calls := map[string]func(){
				"server.Started":   func() { s.Started() },
				"server.Addr":      func() { s.Addr() },
				"server.On/Off":    func() { s.On("x", echo); s.Off("x") },
				"server.Emit":      func() { s.Emit(ctx, "c", "echo", 1) },
				"server.Broadcast": func() { s.Broadcast(ctx, "echo", 1) },
				"server.Call":      func() { s.Call(ctx, "c", "echo", 1) },
				"server.Clients":   func() { s.Clients() },
				"client.Started":   func() { c.Started(); c.Connected(); c.State(); c.Name() },
				"client.On/Off":    func() { c.On("x", echo); c.Off("x") },
				"client.Emit":      func() { c.Emit(ctx, "echo", 1) },
				"client.EmitTo":    func() { c.EmitTo(ctx, "c", "echo", 1) },
				"client.Broadcast": func() { c.Broadcast(ctx, "echo", 1) },
				"client.Call":      func() { c.Call(ctx, "echo", 1) },
				"client.CallTo":    func() { c.CallTo(ctx, "c", "echo", 1) },
				"client.Discover":  func() { c.Discover(ctx) },
				"client.Flush":     func() { c.Flush(ctx) },
				"peer": func() {
					if p := peer.Load(); p != nil {
						p.Name()
						p.ID()
						p.Credentials()
						p.Emit(ctx, "echo", 1)
						p.Call(ctx, "echo", 1)
					}
				},
			}
			if state != "before start" {
				calls["server.Start"] = func() { s.Start(ctx) }
				calls["client.Start"] = func() { c.Start() }
				calls["client.Connect"] = func() { c.Connect(ctx) }
			}
			var running sync.WaitGroup
			for _, f := range calls {
				for range 2 {
					running.Go(func() {
						for range 50 {
							if f(); ctx.Err() != nil {
								return
							}
						}
					})
				}
			}
			if state == "ending" {
				for range 3 {
					running.Go(func() { s.Shutdown(ctx) })
					running.Go(func() { s.Close() })
					running.Go(func() { c.Shutdown(ctx) })
					running.Go(func() { c.Close() })
					running.Go(func() { s.Wait() })
				}
			}
			promptly(t, "all of them", running.Wait)
			promptly(t, "Close", func() { ok(t, c.Close(), s.Close(), s.Wait()) })
		})
	}
}

func TestContractC10FloodInBothDirections(t *testing.T) {
	const size, count = 16 << 10, 4096 // 64 MiB each way
	n := count * *scale
	d := newDomain(t)
	queue := ipcio.QueueConfig{Frames: 64, Bytes: 1 << 20, WhenFull: ipcio.Block}
	type side struct {
		got  atomic.Int64
		done chan struct{}
	}
	count1 := func(x *side) ipcio.HandlerFunc {
		return func(_ context.Context, m *ipcio.Message) (any, error) {
			if x.got.Add(1) == int64(n) {
				close(x.done)
			}
			return nil, nil
		}
	}
	up, down := &side{done: make(chan struct{})}, &side{done: make(chan struct{})}
	s := d.serveWith(ipcio.ServerConfig{Queue: queue}, func(s *ipcio.Server) { handle(t, s, "flood", count1(up)) })
	c := d.client(ipcio.ClientConfig{Name: "c", Queue: queue})
	handle(t, c, "flood", count1(down))
	ok(t, c.Connect(d.ctx()))
	payload := make([]byte, size)
	ctx := within(t, time.Duration(*scale)*patience)
	errs := make(chan error, 2)
	go func() {
		var err error
		for i := 0; i < n && err == nil; i++ {
			err = c.Emit(ctx, "flood", payload)
		}
		errs <- err
	}()
	go func() {
		var err error
		for i := 0; i < n && err == nil; i++ {
			err = s.Emit(ctx, "c", "flood", payload)
		}
		errs <- err
	}()
	ok(t, <-errs, <-errs)
	receive(t, "what the client sent", up.done)
	receive(t, "what the server sent", down.done)
}

// Handlers that answer every event with another fill both queues. Waiting for
// room in there would be waiting for each other.
func TestContractC10HandlersFillEachOthersQueues(t *testing.T) {
	d := newDomain(t)
	queue := ipcio.QueueConfig{Frames: 16, WhenFull: ipcio.Block}
	var refused, bounced atomic.Int64
	bounce := func(ctx context.Context, m *ipcio.Message) (any, error) {
		bounced.Add(1)
		for range 2 {
			switch err := m.From().Emit(ctx, "ball", m.Raw()); {
			case errors.Is(err, ipcio.ErrQueueFull):
				refused.Add(1)
			case err != nil && !errors.Is(err, ipcio.ErrClosed) && !errors.Is(err, ipcio.ErrPeerGone) && !errors.Is(err, context.Canceled):
				t.Error(err)
			}
		}
		return nil, nil
	}
	s := d.serveWith(ipcio.ServerConfig{Queue: queue}, func(s *ipcio.Server) { handle(t, s, "ball", bounce) })
	c := d.client(ipcio.ClientConfig{Name: "c", Queue: queue})
	handle(t, c, "ball", bounce)
	ok(t, c.Connect(d.ctx()))
	eventually(t, "many refusals, and still the balls fly", func() bool {
		ok(t, c.Emit(d.ctx(), "ball", 0)) // all others may have been refused by now
		return refused.Load() > 200 && bounced.Load() > 200
	})
	ok(t, c.Close(), s.Close())
}
