package ipcio_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// After a call nobody reads the client's private lane: what the server sends
// then arrives all the same, also right behind the reply.
func TestUnsolicitedAfterCalls(t *testing.T) {
	d := newDomain(t)
	var from atomic.Pointer[ipcio.Peer]
	s := d.serve(func(s *ipcio.Server) {
		ok(t, s.On("ask", func(ctx context.Context, m *ipcio.Message) (any, error) {
			p := m.From()
			from.Store(&p)
			return nil, nil
		}))
		ok(t, s.On("tell", func(ctx context.Context, m *ipcio.Message) (any, error) {
			return nil, m.From().Emit(context.Background(), "news", nil)
		}))
	})
	news := make(chan struct{}, 1)
	c := d.join("c", func(c *ipcio.Client) {
		ok(t, c.On("news", func(context.Context, *ipcio.Message) (any, error) {
			news <- struct{}{}
			return nil, nil
		}))
		ok(t, c.On("back", func(context.Context, *ipcio.Message) (any, error) { return "here", nil }))
	})
	for i := range 300 {
		for range i % 4 {
			reply(t)(c.Call(d.ctx(), "ask", nil))
		}
		began := time.Now()
		switch i % 3 {
		case 0: // before its reply
			reply(t)(c.Call(d.ctx(), "tell", nil))
			receive(t, "news from a handler", news)
		case 1:
			ok(t, s.Emit(d.ctx(), "c", "news", nil))
			receive(t, "news from the server", news)
		default:
			if got := reply(t)(s.Call(d.ctx(), "c", "back", nil)); got != "here" {
				t.Errorf("got %v", got)
			}
		}
		// Far longer than it takes, far shorter than the janitor's tick, which
		// would find it in the end.
		if took := time.Since(began); took > 700*time.Millisecond {
			t.Fatalf("round %d took %v", i, took)
		}
	}
	if from.Load() == nil {
		t.Error("no call came")
	}
}

// A caller that reads for itself gives up: its deadline passes, its ctx is
// cancelled, CallTimeout passes. Others go on.
func TestCallerWhoReadsGivesUp(t *testing.T) {
	d := newDomain(t)
	release := make(chan struct{})
	s := d.serve(func(s *ipcio.Server) {
		ok(t, s.On("quick", func(context.Context, *ipcio.Message) (any, error) { return "quick", nil }))
		ok(t, s.On("stuck", func(context.Context, *ipcio.Message) (any, error) {
			<-release // whatever its ctx says: an answer must not be faster than the caller
			return nil, nil
		}))
	})
	defer close(release)
	news := make(chan struct{}, 1)
	c := d.client(ipcio.ClientConfig{Name: "c", CallTimeout: 30 * time.Millisecond})
	ok(t, c.On("news", func(context.Context, *ipcio.Message) (any, error) {
		news <- struct{}{}
		return nil, nil
	}), c.Connect(d.ctx()))
	for i := range 30 {
		reply(t)(c.Call(d.ctx(), "quick", nil)) // afterwards nobody reads
		var err error
		want := context.DeadlineExceeded
		switch i % 3 {
		case 0:
			_, err = c.Call(within(t, 10*time.Millisecond), "stuck", nil)
		case 1:
			ctx, cancel := context.WithCancel(d.ctx())
			time.AfterFunc(10*time.Millisecond, cancel)
			_, err = c.Call(ctx, "stuck", nil)
			want = context.Canceled
		default:
			_, err = c.Call(context.Background(), "stuck", nil)
		}
		if !errors.Is(err, want) || ipcio.OutcomeOf(err) != ipcio.OutcomeUnknown {
			t.Fatalf("round %d: %v, outcome %v", i, err, ipcio.OutcomeOf(err))
		}
		ok(t, s.Emit(d.ctx(), "c", "news", nil))
		receive(t, "news", news)
		if got := reply(t)(c.Call(d.ctx(), "quick", nil)); got != "quick" {
			t.Errorf("got %v", got)
		}
	}
}

// A caller that reads for itself while the client is closed, or its server.
func TestCallerWhoReadsWhenAllEnds(t *testing.T) {
	for _, which := range []string{"client", "server"} {
		t.Run(which, func(t *testing.T) {
			d := newDomain(t)
			blocked := make(chan struct{})
			s := d.serve(func(s *ipcio.Server) {
				ok(t, s.On("quick", func(context.Context, *ipcio.Message) (any, error) { return nil, nil }))
				ok(t, s.On("stuck", func(ctx context.Context, _ *ipcio.Message) (any, error) {
					close(blocked)
					<-ctx.Done()
					return nil, ctx.Err()
				}))
			})
			c := d.join("c")
			reply(t)(c.Call(d.ctx(), "quick", nil))
			outcome := make(chan error, 1)
			go func() {
				_, err := c.Call(d.ctx(), "stuck", nil)
				outcome <- err
			}()
			receive(t, "the handler runs", blocked)
			if which == "server" {
				ok(t, s.Close())
				eventually(t, "the client has noticed", func() bool { return !c.Connected() })
			}
			promptly(t, "Close", func() { ok(t, c.Close()) })
			if err := receive(t, "the outcome", outcome); err == nil {
				t.Error("the call succeeded")
			}
		})
	}
}

// The client comes back after its server went away while nobody read.
func TestServerGoesWhileNobodyReads(t *testing.T) {
	d := newDomain(t)
	setup := func(s *ipcio.Server) {
		ok(t, s.On("quick", func(context.Context, *ipcio.Message) (any, error) { return "quick", nil }))
	}
	c := d.client(ipcio.ClientConfig{Name: "c"})
	ok(t, c.Start())
	for range 5 {
		s := d.serve(setup)
		for range 3 {
			if got := reply(t)(c.Call(d.ctx(), "quick", nil)); got != "quick" {
				t.Errorf("got %v", got)
			}
		}
		ok(t, s.Shutdown(d.ctx()))
	}
}

// Everything at once: callers that wait and that give up, events both ways,
// calls both ways, and a server that goes and comes.
func TestReadersTakeTurns(t *testing.T) {
	d := newDomain(t)
	rng := rand.New(rand.NewPCG(1, 2))
	seeds := make([]uint64, 8)
	for i := range seeds {
		seeds[i] = rng.Uint64()
	}
	var heard atomic.Int64
	s := d.serve(func(s *ipcio.Server) {
		ok(t, s.On("echo", func(_ context.Context, m *ipcio.Message) (any, error) {
			if !m.IsCall() {
				return nil, nil
			}
			return m.Value()
		}))
		ok(t, s.On("push", func(ctx context.Context, m *ipcio.Message) (any, error) {
			return nil, m.From().Emit(ctx, "pushed", nil)
		}))
		ok(t, s.On("around", func(ctx context.Context, m *ipcio.Message) (any, error) {
			r, err := m.From().Call(ctx, "back", nil)
			if err != nil {
				return nil, err
			}
			return r.Value()
		}))
	})
	c := d.join("c", func(c *ipcio.Client) {
		ok(t, c.On("pushed", func(context.Context, *ipcio.Message) (any, error) {
			heard.Add(1)
			return nil, nil
		}))
		ok(t, c.On("back", func(context.Context, *ipcio.Message) (any, error) { return "back", nil }))
	})
	var pushed atomic.Int64
	var running sync.WaitGroup
	errs := make(chan error, 64)
	work := func(f func(rng *rand.Rand, i int) error) {
		rng := rand.New(rand.NewPCG(seeds[0], 1))
		seeds = seeds[1:]
		running.Go(func() {
			for i := range 300 {
				if err := f(rng, i); err != nil {
					errs <- fmt.Errorf("step %d: %w", i, err)
					return
				}
			}
		})
	}
	for range 2 {
		work(func(rng *rand.Rand, i int) error {
			m, err := c.Call(d.ctx(), "echo", i)
			if err != nil {
				return err
			}
			if v, err := m.Value(); err != nil || v != int64(i) {
				return fmt.Errorf("got %v, %w", v, err)
			}
			if rng.IntN(8) == 0 {
				time.Sleep(time.Duration(rng.IntN(300)) * time.Microsecond) // so that nobody reads for a moment
			}
			return nil
		})
	}
	work(func(rng *rand.Rand, _ int) error {
		ctx, cancel := context.WithTimeout(d.ctx(), time.Duration(rng.IntN(200))*time.Microsecond)
		defer cancel()
		if _, err := c.Call(ctx, "echo", 0); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return nil
	})
	work(func(_ *rand.Rand, i int) error { return c.Emit(d.ctx(), "echo", i) })
	work(func(*rand.Rand, int) error {
		pushed.Add(1)
		return s.Emit(d.ctx(), "c", "pushed", nil)
	})
	work(func(*rand.Rand, int) error {
		pushed.Add(1)
		_, err := c.Call(d.ctx(), "push", nil)
		return err
	})
	work(func(*rand.Rand, int) error {
		_, err := c.Call(d.ctx(), "around", nil)
		return err
	})
	work(func(*rand.Rand, int) error {
		_, err := s.Call(d.ctx(), "c", "back", nil)
		return err
	})
	running.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	ok(t, c.Flush(d.ctx()))
	eventually(t, "all that was pushed was heard", func() bool { return heard.Load() == pushed.Load() })
}

// A client is knocked for only if it asks for it, and a client whose server does
// not knock reads all the time.
func TestKnockIsAgreedOn(t *testing.T) {
	d := newDomain(t)
	s := d.serve(func(s *ipcio.Server) {
		ok(t, s.On("ask", func(context.Context, *ipcio.Message) (any, error) { return nil, nil }))
	})
	for _, want := range []bool{true, false} {
		name := fmt.Sprintf("knock-%v", want)
		r := d.rawKnocking(name, want)
		if r.welcome.Knock != want {
			t.Errorf("asked to knock: %v, welcomed with %v", want, r.welcome.Knock)
		}
		r.private.send(&wire.Frame{Kind: wire.KindCall, Number: 1, Command: "ask", Payload: []byte{0xa0}})
		r.private.next(wire.KindReply)
		ok(t, s.Emit(d.ctx(), name, "news", nil))
		r.private.next(wire.KindEvent)
		ok(t, s.Broadcast(d.ctx(), "all", nil))
		if got := r.domain.next(wire.KindKnock, wire.KindBroadcast).Kind; (got == wire.KindKnock) != want {
			t.Errorf("asked to knock: %v, the first on the domain lane is a frame of kind %d", want, got)
		}
	}
}
