package ipcio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
	"github.com/ipcio/ipcio-go/runtime/ipciotest"
)

// again connects a raw client's session a second time. It has acknowledged
// nothing and received nothing.
func (d *domain) again(r *rawClient, name string, attempt uint64) *rawClient {
	d.t.Helper()
	next := &rawClient{t: d.t, token: r.token, domain: newRawLane(d.t, d.dial()), private: newRawLane(d.t, d.dial())}
	next.welcome = next.domain.hello(&wire.Hello{
		Version: wire.Version, Lane: wire.LaneDomain, Token: r.token, Attempt: attempt, Name: name, Incarnation: r.welcome.Incarnation,
		SFirst: 1, RFirst: 1, FrameBytes: 16 << 20, Frames: 1024, Bytes: 16 << 20, Calls: 256,
	})
	if !next.welcome.Resumed {
		d.t.Fatal("the session is not resumed")
	}
	next.private.hello(&wire.Hello{Version: wire.Version, Lane: wire.LanePrivate, Token: r.token, Attempt: attempt, Cookie: next.welcome.Cookie})
	return next
}

func (r *rawClient) close() {
	r.domain.conn.Close()
	r.private.conn.Close()
}

func eventFrame(n uint64, command string, payload ...byte) []byte {
	return wire.Append(nil, &wire.Frame{Kind: wire.KindEvent, Number: n, Command: command, Payload: payload})
}

// A connection that ends inside a frame, at any byte of it, leaves no part of
// the message behind: it arrives whole with the next one.
func TestThreadCutInsideAFrame(t *testing.T) {
	d := newDomain(t)
	seen := newRecorder[any]()
	d.serve(func(s *ipcio.Server) { handle(t, s, "n", record(seen)) })
	r := d.raw("c")
	for cut := range len(eventFrame(1, "n", 0x18, 100)) {
		n := 1 + cut
		frame := eventFrame(uint64(n), "n", 0x18, byte(100+cut))
		_, err := r.private.conn.Write(frame[:cut])
		ok(t, err)
		r.close()
		r = d.again(r, "c", uint64(1+n))
		_, err = r.private.conn.Write(frame)
		ok(t, err)
		if got := seen.wait(t, n); len(got) != n || got[n-1] != int64(100+cut) {
			t.Fatalf("cut behind %d bytes: handled %v", cut, got)
		}
	}
}

// A warner counts what is logged as a warning.
type warner struct {
	slog.Handler
	warnings *recorder[string]
}

func newWarner() *warner { return &warner{slog.DiscardHandler, newRecorder[string]()} }

func (w *warner) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

func (w *warner) Handle(_ context.Context, r slog.Record) error {
	w.warnings.add(r.Message)
	return nil
}

func (w *warner) WithAttrs([]slog.Attr) slog.Handler { return w }
func (w *warner) WithGroup(string) slog.Handler      { return w }

// A peer that closes with data unread, which the kernel reports as a reset, has
// gone away like any other.
func TestThreadResetWithUnreadData(t *testing.T) {
	d := newDomain(t)
	w := newWarner()
	s := d.serveWith(ipcio.ServerConfig{Logger: slog.New(w)}, func(s *ipcio.Server) { handle(t, s, "echo", echo) })
	for i := range 5 * *threads {
		name := fmt.Sprint("raw", i)
		r := d.raw(name)
		ok(t, s.Emit(d.ctx(), name, "n", make([]byte, 10_000)))
		_, err := r.private.conn.Read(make([]byte, 1)) // the rest stays unread
		ok(t, err)
		r.close()
		eventually(t, "the server has noticed", func() bool { return !s.Clients()[0].Connected })
		next := d.join(name) // takes the name, and the session is given up
		reply(t)(next.Call(d.ctx(), "echo", i))
		ok(t, next.Close())
		eventually(t, "the name is free", func() bool { return len(s.Clients()) == 0 })
	}
	for _, warning := range w.warnings.all() {
		if strings.Contains(warning, "connection lost") {
			t.Errorf("a peer that went away is worth a warning: %q", warning)
		}
	}
}

// A poor listener is one of a process that has no descriptors left.
type poorListener struct {
	net.Listener
	poor  atomic.Bool
	tries atomic.Int64
}

func (l *poorListener) Accept() (net.Conn, error) {
	l.tries.Add(1)
	if l.poor.Load() {
		return nil, &net.OpError{Op: "accept", Net: "unix", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

// A server without descriptors tries again, at its leisure, and goes on when
// there are some. It can be closed all the time.
func TestThreadAcceptWithoutDescriptors(t *testing.T) {
	for _, recovers := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			d := ipciotest.New(t)
			cfg := d.ServerConfig(ipcio.ServerConfig{})
			l := &poorListener{Listener: cfg.Listener}
			l.poor.Store(true)
			cfg.Listener = l
			s, err := ipcio.NewServer(cfg)
			ok(t, err, s.Start(t.Context()))
			defer s.Close()
			time.Sleep(10 * time.Second)
			if n := l.tries.Load(); n < 15 || n > 30 {
				t.Errorf("%d tries in 10 s", n)
			}
			if recovers {
				l.poor.Store(false)
				ok(t, d.Client(ipcio.ClientConfig{}).Connect(t.Context()))
			}
			began := time.Now()
			ok(t, s.Close(), s.Wait())
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("Close took %v", took)
			}
		})
	}
}

// Whoever learns from a call that the client is closed finds it closed.
func TestThreadCallsFailWhenTheClientIsClosed(t *testing.T) {
	d := newDomain(t)
	d.serve(func(s *ipcio.Server) {
		handle(t, s, "block", func(ctx context.Context, _ *ipcio.Message) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
	})
	for range 5 * *threads {
		c := d.join("c")
		const n = 20
		states := make(chan ipcio.State, n)
		for range n {
			go func() {
				err := failed(t)(c.Call(d.ctx(), "block", nil))
				if !errors.Is(err, ipcio.ErrClosed) {
					t.Error(err)
				}
				states <- c.State()
			}()
		}
		ok(t, c.Close())
		for range n {
			if got := receive(t, "the end of a call", states); got != ipcio.StateClosed {
				t.Fatalf("a call ended with ErrClosed, and the client is %v", got)
			}
		}
	}
}

// The call that makes a server shut down is answered before the server is gone.
func TestThreadReplyOfTheCallThatShutsDown(t *testing.T) {
	d := newDomain(t)
	for i := range 10 * *threads {
		down := make(chan error, 1)
		s := d.serve(func(s *ipcio.Server) {
			handle(t, s, "stop", func(context.Context, *ipcio.Message) (any, error) {
				go func() { down <- s.Shutdown(context.Background()) }()
				return i, nil
			})
		})
		c := d.join("c")
		if got := reply(t)(c.Call(d.ctx(), "stop", nil)); got != int64(i) {
			t.Fatalf("got %v", got)
		}
		ok(t, receive(t, "the end of Shutdown", down), s.Wait(), c.Close())
	}
}

// A handler may return nothing at all, and a typed nil.
func TestThreadNilFromAHandler(t *testing.T) {
	d := newDomain(t)
	d.serve(func(s *ipcio.Server) {
		handle(t, s, "nil", func(context.Context, *ipcio.Message) (any, error) { return nil, nil })
		handle(t, s, "typed", func(context.Context, *ipcio.Message) (any, error) { return (*int)(nil), nil })
		handle(t, s, "slice", func(context.Context, *ipcio.Message) (any, error) { return []byte(nil), nil })
	})
	c := d.join("c")
	for _, command := range []string{"nil", "typed", "slice"} {
		if got := reply(t)(c.Call(d.ctx(), command, nil)); got != nil {
			if b, isBytes := got.([]byte); !isBytes || len(b) != 0 {
				t.Errorf("%s: %#v", command, got)
			}
		}
	}
}

// Handshakes that fail, in every way, leave nothing behind and close nothing
// but themselves.
func TestThreadFailedHandshakes(t *testing.T) {
	d := newDomain(t)
	s := d.serve(func(s *ipcio.Server) { handle(t, s, "echo", echo) })
	good := func(lane string) *wire.Hello {
		return &wire.Hello{
			Version: wire.Version, Lane: lane, Token: []byte("0123456789abcdef"), Attempt: 1, Name: "c",
			FrameBytes: 16 << 20, Frames: 1024, Bytes: 16 << 20, Calls: 256,
		}
	}
	bad := []func(h *wire.Hello){
		func(h *wire.Hello) { h.Version = 99 },
		func(h *wire.Hello) { h.Name = "../c" },
		func(h *wire.Hello) { h.FrameBytes = 1 },
		func(h *wire.Hello) { h.Frames = 0 },
		func(h *wire.Hello) { h.Lane, h.Cookie = wire.LanePrivate, []byte("fedcba9876543210") },
	}
	for range 20 * *threads {
		for i, spoil := range bad {
			h := good(wire.LaneDomain)
			spoil(h)
			lane := newRawLane(t, d.dial())
			if w, refuse := lane.tryHello(h); refuse == nil {
				t.Fatalf("hello %d is welcome: %+v", i, w)
			}
			ok(t, lane.conn.Close())
		}
		for _, garbage := range [][]byte{nil, {0}, {0xff}, bytes.Repeat([]byte{0x5b}, 9), []byte("GET / HTTP/1.1\r\n\r\n")} {
			conn := d.dial()
			_, err := conn.Write(garbage)
			ok(t, err, conn.Close())
		}
	}
	if got := s.Clients(); len(got) != 0 {
		t.Errorf("clients %+v", got)
	}
	if got := reply(t)(d.join("c").Call(d.ctx(), "echo", 1)); got != int64(1) {
		t.Error(got)
	}
}

// dialed returns cfg with a Dial that tells of each connection.
func dialed(cfg ipcio.ClientConfig, wrap func(net.Conn) net.Conn) ipcio.ClientConfig {
	dial := cfg.Dial
	cfg.Dial = func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return wrap(conn), nil
	}
	return cfg
}

// clientOf returns a client that is not started.
func clientOf(t testing.TB, cfg ipcio.ClientConfig) *ipcio.Client {
	t.Helper()
	c, err := ipcio.NewClient(cfg)
	ok(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// What still runs of a connection that has been replaced, its timers and a
// write that hangs, does not end the one that replaced it.
func TestOldTimerCannotCloseNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := ipciotest.New(t)
		s := d.Server(ipcio.ServerConfig{})
		var mu sync.Mutex
		var conns []net.Conn
		states := newRecorder[ipcio.State]()
		seen := newRecorder[any]()
		c := clientOf(t, dialed(d.ClientConfig(ipcio.ClientConfig{Name: "c", OnStateChange: states.add}), func(conn net.Conn) net.Conn {
			mu.Lock()
			defer mu.Unlock()
			conns = append(conns, conn)
			return conn
		}))
		ok(t, c.On("n", record(seen)), s.Start(t.Context()), c.Connect(t.Context()))
		d.Hang("c")
		ok(t, s.Emit(t.Context(), "c", "n", make([]byte, 1<<20))) // a write that hangs
		time.Sleep(14 * time.Second)                              // the timers have nearly run out
		mu.Lock()
		for _, conn := range conns {
			conn.Close() // only the client knows
		}
		mu.Unlock()
		time.Sleep(time.Second)
		if !c.Connected() {
			t.Fatal("the client did not connect again")
		}
		before := len(states.all())
		time.Sleep(time.Hour)
		if got := states.all()[before:]; len(got) != 0 || !c.Connected() {
			t.Errorf("the new connection was lost: %v", got)
		}
		ok(t, s.Emit(t.Context(), "c", "n", 7))
		synctest.Wait()
		if got := seen.all(); len(got) != 2 || got[1] != int64(7) {
			t.Errorf("%d messages arrived", len(got))
		}
	})
}

// A session is resumed whether or not anything was ever sent in it, and however
// long it had been silent.
func TestResumeBeforeAnyMessage(t *testing.T) {
	for _, idle := range []time.Duration{0, 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			d := ipciotest.New(t)
			up, down, news, gaps := newRecorder[any](), newRecorder[any](), newRecorder[any](), newRecorder[ipcio.Gap]()
			s := d.Server(ipcio.ServerConfig{OnGap: gaps.add})
			c := d.Client(ipcio.ClientConfig{Name: "c", OnGap: gaps.add})
			ok(t, s.On("n", record(up)), c.On("n", record(down)), c.On("news", record(news)))
			ok(t, s.Start(t.Context()), c.Connect(t.Context()))
			time.Sleep(idle)
			if !d.Cut("c") {
				t.Fatal("there was no connection")
			}
			for i := range 3 {
				ok(t, c.Emit(t.Context(), "n", i), s.Emit(t.Context(), "c", "n", i), s.Broadcast(t.Context(), "news", i))
			}
			time.Sleep(time.Minute)
			for _, r := range []*recorder[any]{up, down, news} {
				wantCount(t, r.all(), 3)
			}
			if got := gaps.all(); len(got) != 0 {
				t.Errorf("gaps %+v", got)
			}
		})
	}
}

// A mortal conn dies after so many bytes in one direction.
type mortalConn struct {
	net.Conn
	up, down *atomic.Int64 // what is left; nil means for ever
}

func (c *mortalConn) spend(left *atomic.Int64, b []byte) ([]byte, bool) {
	if left == nil {
		return b, false
	}
	n := left.Add(-int64(len(b)))
	if n >= 0 {
		return b, false
	}
	return b[:max(0, int64(len(b))+n)], true
}

func (c *mortalConn) Write(b []byte) (int, error) {
	part, dies := c.spend(c.up, b)
	n, err := c.Conn.Write(part)
	if dies {
		c.Conn.Close()
		return n, syscall.EPIPE
	}
	return n, err
}

func (c *mortalConn) Read(b []byte) (int, error) {
	if c.down == nil {
		return c.Conn.Read(b)
	}
	left := c.down.Load()
	if left <= 0 {
		c.Conn.Close()
		return 0, syscall.ECONNRESET
	}
	n, err := c.Conn.Read(b[:min(int64(len(b)), left)])
	c.down.Add(-int64(n))
	return n, err
}

// The connection that is to resume a session dies as well, after any number of
// bytes, on either lane, in either direction: the one after it resumes.
func TestThreadNewConnectionDiesAtEveryByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := ipciotest.New(t)
		s := d.Server(ipcio.ServerConfig{})
		up, down := newRecorder[any](), newRecorder[any]()
		fault := func(net.Conn) net.Conn { return nil }
		var mu sync.Mutex
		gaps := newRecorder[ipcio.Gap]()
		c := clientOf(t, dialed(d.ClientConfig(ipcio.ClientConfig{Name: "c", OnGap: gaps.add}), func(conn net.Conn) net.Conn {
			mu.Lock()
			defer mu.Unlock()
			if wrapped := fault(conn); wrapped != nil {
				return wrapped
			}
			return conn
		}))
		ok(t, s.On("n", record(up)), c.On("n", record(down)), s.Start(t.Context()), c.Connect(t.Context()))
		n := 0
		for lane := range 2 { // the first connection of an attempt is the domain lane, the second the private one
			for _, upwards := range []bool{true, false} {
				for after := int64(0); ; after++ {
					dials, used := 0, false
					left := new(atomic.Int64)
					left.Store(after)
					mu.Lock()
					fault = func(conn net.Conn) net.Conn {
						dials++
						if used || dials != lane+1 {
							return nil
						}
						used = true
						if upwards {
							return &mortalConn{Conn: conn, up: left}
						}
						return &mortalConn{Conn: conn, down: left}
					}
					mu.Unlock()
					d.Cut("c")
					ok(t, c.Emit(t.Context(), "n", n), s.Emit(t.Context(), "c", "n", n))
					n++
					time.Sleep(10 * time.Second)
					if got := len(up.all()); got != n {
						t.Fatalf("lane %d, upwards %v, %d bytes: %d of %d arrived at the server", lane, upwards, after, got, n)
					}
					if got := len(down.all()); got != n {
						t.Fatalf("lane %d, upwards %v, %d bytes: %d of %d arrived at the client", lane, upwards, after, got, n)
					}
					if left.Load() > 0 { // it outlived what there was to say
						break
					}
					if after > 2000 {
						t.Fatal("there is no end to what is said")
					}
				}
			}
		}
		wantCount(t, up.all(), n)
		wantCount(t, down.all(), n)
		if got := gaps.all(); len(got) != 0 {
			t.Errorf("gaps %+v", got)
		}
		t.Logf("%d connections died", n)
	})
}

// A peer that closes only its side of a lane is gone.
func TestThreadHalfClosedPeer(t *testing.T) {
	d := newDomain(t)
	s := d.serve()
	for i, half := range []func(r *rawClient) net.Conn{
		func(r *rawClient) net.Conn { return r.private.conn },
		func(r *rawClient) net.Conn { return r.domain.conn },
	} {
		name := fmt.Sprint("c", i)
		r := d.raw(name)
		eventually(t, "it is connected", func() bool { return s.Clients()[i].Connected })
		ok(t, half(r).(*net.UnixConn).CloseWrite())
		eventually(t, "the server has noticed", func() bool { return !s.Clients()[i].Connected })
	}
	ok(t, s.Close())
	rs := d.rawServer()
	c := d.client(ipcio.ClientConfig{Name: "c"})
	ok(t, c.Start())
	rs.welcome()
	ok(t, c.Connect(d.ctx()), rs.private.conn.(*net.UnixConn).CloseWrite())
	eventually(t, "the client has noticed", func() bool { return !c.Connected() })
}

// Many more calls at a time than there are slots are all answered, with what
// they asked for.
func TestThreadBurstOfCalls(t *testing.T) {
	d := newDomain(t)
	d.serve(func(s *ipcio.Server) { handle(t, s, "echo", echo) })
	c := d.join("c")
	var callers sync.WaitGroup
	for i := range 3000 * *threads {
		callers.Go(func() {
			if got := reply(t)(c.Call(within(t, 5*patience), "echo", i)); got != int64(i) {
				t.Errorf("call %d is answered with %v", i, got)
			}
		})
	}
	callers.Wait()
}

// Calls that are cancelled as soon as their handlers run do not free the slots
// of those handlers: never do more run than are allowed.
func TestThreadCancelFlood(t *testing.T) {
	d := newDomain(t)
	const slots = 8
	var running, most atomic.Int64
	release := make(chan struct{})
	started := make(chan struct{}, 10*slots)
	d.serveWith(ipcio.ServerConfig{Limits: ipcio.Limits{Calls: slots}}, func(s *ipcio.Server) {
		handle(t, s, "stubborn", func(context.Context, *ipcio.Message) (any, error) {
			n := running.Add(1)
			defer running.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			select {
			case started <- struct{}{}:
			default:
			}
			<-release
			return nil, nil
		})
		handle(t, s, "echo", echo)
	})
	c := d.join("c")
	var callers sync.WaitGroup
	ctx, cancel := context.WithCancel(d.ctx())
	defer cancel()
	for range slots {
		callers.Go(func() { failed(t)(c.Call(ctx, "stubborn", nil)) })
	}
	for range slots {
		select {
		case <-started:
		case <-d.ctx().Done():
			t.Fatalf("%d handlers run, want %d", running.Load(), slots)
		}
	}
	cancel()
	callers.Wait() // all are cancelled, and their handlers run
	for range 500 * *threads {
		ctx, cancel := context.WithCancel(d.ctx())
		cancel()
		failed(t)(c.Call(ctx, "stubborn", nil))
	}
	err := failed(t)(c.Call(within(t, 50*time.Millisecond), "stubborn", nil))
	wantOutcome(t, "a call while all slots are taken", err, context.DeadlineExceeded, ipcio.OutcomeNotSent)
	if n := most.Load(); n != slots {
		t.Errorf("%d handlers ran, the limit is %d", n, slots)
	}
	close(release)
	reply(t)(c.Call(d.ctx(), "echo", nil))
}

// Messages of all sizes, both ways at once, through windows that they fill:
// what one side is given back is what the other has used.
func TestThreadMixedSizes(t *testing.T) {
	t.Logf("seed %d", seed)
	d := newDomain(t)
	up, down := newRecorder[int](), newRecorder[int]()
	size := func(r *recorder[int]) ipcio.HandlerFunc {
		return func(_ context.Context, m *ipcio.Message) (any, error) {
			var b []byte
			err := m.Decode(&b)
			r.add(len(b))
			return nil, err
		}
	}
	queue := ipcio.QueueConfig{Frames: 100, Bytes: 1 << 20, WhenFull: ipcio.Block}
	s := d.serveWith(ipcio.ServerConfig{Queue: queue}, func(s *ipcio.Server) { handle(t, s, "b", size(up)) })
	c := d.client(ipcio.ClientConfig{Name: "c", Queue: queue})
	handle(t, c, "b", size(down))
	ok(t, c.Connect(d.ctx()))
	n := 1500 * *threads
	var senders sync.WaitGroup
	send := func(stream uint64, emit func(b []byte) error) (want []int) {
		rng := rand.New(rand.NewPCG(seed, stream))
		want = make([]int, n)
		for i := range want {
			want[i] = rng.IntN(1 << rng.IntN(18))
		}
		senders.Go(func() {
			for _, size := range want {
				if err := emit(make([]byte, size)); err != nil {
					t.Error(err)
					return
				}
			}
		})
		return want
	}
	ctx := within(t, 5*patience)
	wantUp := send(1, func(b []byte) error { return c.Emit(ctx, "b", b) })
	wantDown := send(2, func(b []byte) error { return s.Emit(ctx, "c", "b", b) })
	senders.Wait()
	for _, x := range []struct{ got, want []int }{{up.wait(t, n), wantUp}, {down.wait(t, n), wantDown}} {
		for i := range x.want {
			if x.got[i] != x.want[i] {
				t.Fatalf("message %d has %d bytes, want %d", i, x.got[i], x.want[i])
			}
		}
	}
}

// A handler that does not return stops what its own sender sent after it, and
// nobody else.
func TestThreadStuckHandler(t *testing.T) {
	d := newDomain(t)
	started, release := make(chan struct{}), make(chan struct{})
	seen := newRecorder[any]()
	s := d.serve(func(s *ipcio.Server) {
		handle(t, s, "stuck", func(context.Context, *ipcio.Message) (any, error) {
			close(started)
			<-release
			return nil, nil
		})
		handle(t, s, "n", record(seen))
		handle(t, s, "echo", echo)
	})
	stuck, other := d.join("stuck"), d.join("other")
	ok(t, stuck.Emit(d.ctx(), "stuck", nil), stuck.Emit(d.ctx(), "n", 1))
	receive(t, "the start of the handler", started)
	for i := range 100 * *threads {
		if got := reply(t)(other.Call(d.ctx(), "echo", i)); got != int64(i) {
			t.Fatal(got)
		}
	}
	ok(t, s.Emit(d.ctx(), "other", "x", nil))
	if got := seen.all(); len(got) != 0 {
		t.Errorf("overtaken by %v", got)
	}
	close(release)
	seen.wait(t, 1)
}

// A caller that does not wait any more is noticed by the handler, also of
// another client and of a call nested in another one.
func TestThreadCancelReachesTheHandler(t *testing.T) {
	d := newDomain(t)
	started, ended := make(chan struct{}, 1), make(chan error, 1)
	wait := func(ctx context.Context, _ *ipcio.Message) (any, error) {
		started <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}
	s := d.serve(func(s *ipcio.Server) {
		handle(t, s, "wait", wait)
		handle(t, s, "ask.back", func(ctx context.Context, m *ipcio.Message) (any, error) {
			_, err := m.From().Call(ctx, "wait", nil)
			return nil, err
		})
	})
	a := d.join("a", func(c *ipcio.Client) { handle(t, c, "wait", wait) })
	d.join("b", func(c *ipcio.Client) { handle(t, c, "wait", wait) })
	for what, call := range map[string]func(context.Context) (*ipcio.Message, error){
		"to the server":     func(ctx context.Context) (*ipcio.Message, error) { return a.Call(ctx, "wait", nil) },
		"to another client": func(ctx context.Context) (*ipcio.Message, error) { return a.CallTo(ctx, "b", "wait", nil) },
		"of the server":     func(ctx context.Context) (*ipcio.Message, error) { return s.Call(ctx, "b", "wait", nil) },
		"nested":            func(ctx context.Context) (*ipcio.Message, error) { return a.Call(ctx, "ask.back", nil) },
	} {
		ctx, cancel := context.WithCancel(d.ctx())
		done := make(chan error, 1)
		go func() { done <- failed(t)(call(ctx)) }()
		receive(t, what+": the handler", started)
		cancel()
		if err := receive(t, what+": the end of the call", done); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
		if err := receive(t, what+": the end of the handler's ctx", ended); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the handler's ctx: %v", what, err)
		}
	}
}

// A reply that comes while its caller's client is closed.
func TestThreadReplyAgainstClose(t *testing.T) {
	d := newDomain(t)
	d.serve(func(s *ipcio.Server) { handle(t, s, "echo", echo) })
	for i := range 50 * *threads {
		c := d.join("c")
		var both sync.WaitGroup
		both.Go(func() {
			if m, err := c.Call(d.ctx(), "echo", i); err == nil {
				if v, err := m.Value(); err != nil || v != int64(i) {
					t.Errorf("got %v, %v", v, err)
				}
			} else if !errors.Is(err, ipcio.ErrClosed) {
				t.Error(err)
			}
		})
		both.Go(func() { ok(t, c.Close()) })
		promptly(t, "both", both.Wait)
	}
}

// What is written to a connection that was replaced is not read.
func TestFenceLateBytes(t *testing.T) {
	d := newDomain(t)
	seen := newRecorder[any]()
	d.serve(func(s *ipcio.Server) { handle(t, s, "n", record(seen)) })
	old := d.raw("c")
	for i := range 10 * *threads {
		next := d.again(old, "c", uint64(2+i))
		old.private.conn.Write(eventFrame(uint64(1+i), "n", 0x01)) // it may fail: the server has closed it
		_, err := next.private.conn.Write(eventFrame(uint64(1+i), "n", 0x02))
		ok(t, err)
		if got := seen.wait(t, 1+i); len(got) != 1+i || got[i] != int64(2) {
			t.Fatalf("handled %v", got)
		}
		old = next
	}
}

// A call may wait for an event that its sender sends long after it, further
// than a window.
func TestLongCallDoesNotHoldAcks(t *testing.T) {
	d := newDomain(t)
	const n = 2000
	arrived := make(chan struct{})
	var count atomic.Int64
	d.serve(func(s *ipcio.Server) {
		handle(t, s, "n", func(context.Context, *ipcio.Message) (any, error) {
			if count.Add(1) == n {
				close(arrived)
			}
			return nil, nil
		})
		handle(t, s, "await", func(ctx context.Context, _ *ipcio.Message) (any, error) {
			select {
			case <-arrived:
				return "here", nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
	})
	c := d.client(ipcio.ClientConfig{Name: "c", Queue: ipcio.QueueConfig{Frames: 100, WhenFull: ipcio.Block}})
	ok(t, c.Connect(d.ctx()))
	replies := make(chan any, 1)
	go func() { replies <- reply(t)(c.Call(d.ctx(), "await", nil)) }()
	for i := range n {
		ok(t, c.Emit(d.ctx(), "n", i))
	}
	if got := receive(t, "the reply", replies); got != "here" {
		t.Error(got)
	}
}

// What a server sent before it ended and what its successor sends arrive in
// order and once; what did not arrive is reported by the server that had it.
func TestServerToClientRestart(t *testing.T) {
	d := newDomain(t)
	release := make(chan struct{})
	seen, gaps := newRecorder[any](), newRecorder[ipcio.Gap]()
	c := d.client(ipcio.ClientConfig{Name: "c"})
	first := true
	handle(t, c, "n", func(ctx context.Context, m *ipcio.Message) (any, error) {
		if first {
			first = false
			<-release
		}
		if m.Redelivered() {
			t.Error("a message is flagged, and none was sent twice")
		}
		return record(seen)(ctx, m)
	})
	s := d.serveWith(ipcio.ServerConfig{OnGap: gaps.add})
	ok(t, c.Connect(d.ctx()))
	const n = 100
	for i := range n {
		ok(t, s.Emit(d.ctx(), "c", "n", i))
	}
	ok(t, s.Close())
	s = d.serve()
	eventually(t, "the client is back", func() bool { return len(s.Clients()) == 1 && s.Clients()[0].Connected })
	for i := range n {
		ok(t, s.Emit(d.ctx(), "c", "n", n+i))
	}
	close(release)
	eventually(t, "the last one", func() bool { got := seen.all(); return len(got) > 0 && got[len(got)-1] == int64(2*n-1) })
	last, former := int64(-1), 0
	for _, v := range seen.all() {
		if v.(int64) <= last {
			t.Fatalf("%v after %d", v, last)
		}
		if last = v.(int64); last < n {
			former++
		}
	}
	reported := uint64(0)
	for _, g := range gaps.all() {
		reported += g.Count
	}
	if len(seen.all())-former != n || uint64(former)+reported < n {
		t.Errorf("of %d messages %d were handled and %d were reported", n, former, reported)
	}
}

// The queue is full when the connection comes back, and senders go on: what was
// accepted arrives once and in order, what was refused never.
func TestQueueFullDuringResume(t *testing.T) {
	d := newDomain(t)
	p := newProxy(t, d, 0, seed)
	seen := newRecorder[any]()
	d.serve(func(s *ipcio.Server) { handle(t, s, "n", record(seen)) })
	c := p.client(ipcio.ClientConfig{Name: "c", Queue: ipcio.QueueConfig{Frames: 50}})
	ok(t, c.Connect(d.ctx()))
	var accepted []int
	next, refused := 0, 0
	emit := func() {
		switch err := c.Emit(d.ctx(), "n", next); {
		case err == nil:
			accepted = append(accepted, next)
		case errors.Is(err, ipcio.ErrQueueFull):
			refused++
		default:
			t.Fatal(err)
		}
		next++
	}
	for range 3 {
		p.close()
		for full := refused; refused < full+5; {
			emit()
		}
		p = p.again(d)
		for range 300 {
			emit()
		}
		ok(t, c.Flush(d.ctx()))
	}
	got := seen.all()
	if len(got) != len(accepted) {
		t.Fatalf("%d were accepted, %d were handled", len(accepted), len(got))
	}
	for i, n := range accepted {
		if got[i] != int64(n) {
			t.Fatalf("message %d is %v, want %d", i, got[i], n)
		}
	}
}

// No callback of a program, but its log handler, is called with a lock held: it
// may call every method that does not wait for it. So there is no order of locks
// that a program could break.
func TestThreadNoLockInACallback(t *testing.T) {
	for range 20 * *threads {
		d := newDomain(t)
		var server atomic.Pointer[ipcio.Server]
		var client atomic.Pointer[ipcio.Client]
		var called [5]atomic.Int64
		callback := func(which int) {
			called[which].Add(1)
			if s := server.Load(); s != nil {
				s.Clients()
				s.Started()
				s.Addr()
				s.On("new", echo) // another callback may have done so
				s.Off("new")
				s.Emit(expired(), "c", "quiet", 1)
				s.Broadcast(expired(), "quiet", 1)
				s.Call(expired(), "c", "echo", 1)
			}
			if c := client.Load(); c != nil {
				c.Connected()
				c.Started()
				c.On("new", echo)
				c.Off("new")
				c.Emit(expired(), "quiet", 1)
				c.EmitTo(expired(), "c", "quiet", 1)
				c.Broadcast(expired(), "quiet", 1)
				c.Call(expired(), "echo", 1)
				c.Discover(expired())
				c.Flush(expired())
			}
		}
		s, err := ipcio.NewServer(ipcio.ServerConfig{
			Dir: d.dir, Logger: quiet,
			Access: func(ipcio.Credentials) error { callback(0); return nil },
			OnGap:  func(ipcio.Gap) { callback(1) },
			Queue:  ipcio.QueueConfig{Frames: 4, WhenFull: ipcio.DropOldest},
		})
		ok(t, err)
		server.Store(s)
		nothing := func(context.Context, *ipcio.Message) (any, error) { return nil, nil }
		handler := func(context.Context, *ipcio.Message) (any, error) { callback(2); return 1, nil }
		ok(t, s.On("n", handler), s.On("echo", echo), s.On("quiet", nothing), s.Start(d.ctx()))
		c := d.client(ipcio.ClientConfig{
			Name:          "c",
			OnGap:         func(ipcio.Gap) { callback(3) },
			OnStateChange: func(ipcio.State) { callback(4) },
		})
		client.Store(c)
		ok(t, c.On("n", handler), c.On("echo", echo), c.On("quiet", nothing), c.Connect(d.ctx()))
		ok(t, c.Emit(d.ctx(), "n", 1), c.Emit(d.ctx(), "nobody", 1), c.EmitTo(d.ctx(), "nobody", "n", 1), s.Emit(d.ctx(), "c", "nobody", 1), s.Broadcast(d.ctx(), "n", 1))
		reply(t)(c.Call(d.ctx(), "n", 1))
		reply(t)(s.Call(d.ctx(), "c", "n", 1))
		ok(t, c.Flush(d.ctx()))
		eventually(t, "all callbacks were called", func() bool {
			for i := range called {
				if called[i].Load() == 0 {
					return false
				}
			}
			return true
		})
		promptly(t, "Close", func() { ok(t, c.Close(), s.Close()) })
	}
}

// Servers that are killed again and again leave one socket and one lock between
// them, and the next one is there at once; the last one leaves nothing.
func TestThreadKilledServersLeaveNoFiles(t *testing.T) {
	d := newDomain(t)
	for range 3 * *threads {
		p := spawn(t, "counter", d.dir)
		p.expect("ready")
		if got := d.files(); len(got) > 2 {
			t.Fatalf("there are %q", got)
		}
		p.kill()
		if got := d.files(); len(got) > 2 {
			t.Fatalf("left behind: %q", got)
		}
	}
	p := spawn(t, "counter", d.dir)
	p.expect("ready")
	p.quit()
	if got := d.files(); len(got) != 0 {
		t.Errorf("left behind by one that was closed: %q", got)
	}
}

// Processes with clients are killed while the server waits for their answers:
// nothing of them is left at it, no goroutine and no descriptor.
func TestThreadNothingIsLeftOfKilledClients(t *testing.T) {
	d := newDomain(t)
	s := d.serveWith(ipcio.ServerConfig{Limits: ipcio.Limits{SessionKeep: time.Millisecond}})
	descriptors := func() int {
		names, err := os.ReadDir("/proc/self/fd")
		if errors.Is(err, fs.ErrNotExist) {
			t.Skip("this system does not list descriptors")
		}
		ok(t, err)
		return len(names)
	}
	kill := func() {
		p := spawn(t, "callee", d.dir, "worker")
		p.expect("ready")
		ended := make(chan error, 1)
		go func() { _, err := s.Call(d.ctx(), "worker", "block", nil); ended <- err }()
		p.expect("blocked")
		p.kill()
		if err := receive(t, "the end of the call", ended); err == nil {
			t.Fatal("a call to a process that was killed was answered")
		}
		eventually(t, "the session is given up", func() bool { return len(s.Clients()) == 0 })
	}
	kill() // what is made once is there
	goroutines, open := runtime.NumGoroutine(), descriptors()
	for range *threads {
		kill()
	}
	eventually(t, "what served them is gone", func() bool { return runtime.NumGoroutine() <= goroutines && descriptors() <= open })
}
