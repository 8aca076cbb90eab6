package ipcio_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
	"github.com/ipcio/ipcio-go/runtime/ipciotest"
)

// The tests of this file are rows of the table of faults in package storm.

var (
	faultsShare = flag.Float64("faults.share", 0.0005, "how much of its figure each test of a fault reaches: 1 is all, see make faults")
	faultsSeed  = flag.Uint64("faults.seed", 1, "the first seed of the tests of faults")
)

// reached returns what the share of a figure is, but not less than least.
func reached(figure, least int) int { return max(least, int(*faultsShare*float64(figure))) }

// A faultyConn is a connection whose system calls are as bad as its plan says.
type faultyConn struct {
	net.Conn
	plan *faultPlan

	mu     sync.Mutex // guards the field below
	broken error      // what every call returns from now on
}

// A faultPlan says what becomes of each system call.
type faultPlan struct {
	mu    sync.Mutex // guards what read and write use
	read  func(want int) (most int, err error)
	write func(want int) (most int, err error)
}

// Credentials are those of the connection below.
func (c *faultyConn) Credentials() (ipcio.Credentials, error) {
	return c.Conn.(interface {
		Credentials() (ipcio.Credentials, error)
	}).Credentials()
}

// ask returns how many bytes a call may carry, or ends the connection.
func (c *faultyConn) ask(f func(int) (int, error), want int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return 0, c.broken
	}
	c.plan.mu.Lock()
	most, err := f(want)
	c.plan.mu.Unlock()
	if err != nil {
		c.broken = err
		c.Conn.Close()
	}
	return most, err
}

func (c *faultyConn) Read(b []byte) (int, error) {
	most, err := c.ask(c.plan.read, len(b))
	if err != nil {
		return 0, err
	}
	return c.Conn.Read(b[:min(most, len(b))])
}

// Write writes in pieces, as the system does when a buffer is nearly full.
func (c *faultyConn) Write(b []byte) (n int, err error) {
	for n < len(b) {
		most, err := c.ask(c.plan.write, len(b)-n)
		if err != nil {
			return n, err
		}
		m, err := c.Conn.Write(b[n:min(n+most, len(b))])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// Each connection has a schedule of its own of short reads, short writes down to
// single bytes, and errors of the system in the middle of them. What is sent over
// all of them, in both directions, arrives once and in order.
func TestFaultSchedules(t *testing.T) {
	n := reached(1_000_000, 500)
	const each = 500 // in one bubble: what it has printed and waited for ends with it
	cut := 0
	for first := 0; first < n; first += each {
		seed := *faultsSeed + uint64(first)
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 8))
			d := ipciotest.New(t)
			up, down := newRecorder[any](), newRecorder[any]()
			s := d.Server(ipcio.ServerConfig{})
			var schedules atomic.Int64
			calm := make(chan struct{})
			plan := func() *faultPlan {
				calls := func(seed uint64) func(int) (int, error) {
					rng := rand.New(rand.NewPCG(seed, 9))
					left := 1 + rng.IntN(40)
					return func(int) (int, error) {
						select {
						case <-calm:
							return 1 << 20, nil
						default:
						}
						if left--; left < 0 {
							return 0, []error{syscall.ENOBUFS, syscall.ENOMEM, syscall.EINTR, syscall.EAGAIN, syscall.EIO}[rng.IntN(5)]
						}
						return []int{1, 2, 7, 64, 4096}[rng.IntN(5)], nil
					}
				}
				return &faultPlan{read: calls(rng.Uint64()), write: calls(rng.Uint64())}
			}
			var mu sync.Mutex // guards rng
			c := clientOf(t, dialed(d.ClientConfig(ipcio.ClientConfig{Name: "c", Queue: ipcio.QueueConfig{Frames: 8, WhenFull: ipcio.Block}}), func(conn net.Conn) net.Conn {
				mu.Lock()
				defer mu.Unlock()
				if schedules.Add(1) == each {
					close(calm)
				}
				return &faultyConn{Conn: conn, plan: plan()}
			}))
			ok(t, c.On("down", record(down)), s.On("up", func(ctx context.Context, m *ipcio.Message) (any, error) {
				v, err := m.Value()
				up.add(v)
				return nil, errors.Join(err, m.From().Emit(ctx, "down", v))
			}), s.Start(t.Context()), c.Start())
			sent := 0
			for schedules.Load() < each {
				ok(t, c.Emit(t.Context(), "up", sent))
				sent++
			}
			ok(t, c.Flush(t.Context()))
			synctest.Wait()
			time.Sleep(time.Minute) // what the server sent comes too
			wantCount(t, up.all(), sent)
			wantCount(t, down.all(), sent)
			ok(t, c.Close(), s.Close())
		})
		if t.Failed() {
			t.Fatalf("again with -run '^%s$' -faults.seed=%d -faults.share=0", t.Name(), seed)
		}
		cut += each
	}
	t.Logf("ledger: schedules=%d seed=%d", cut, *faultsSeed)
}

// Every call of the system that a conversation makes, on either side, in either
// lane, fails in each of the ways in which the end of the other side shows. It is
// always taken for the end of the connection: everything arrives once, in order,
// and nothing is left.
func TestFaultEndAtEveryCall(t *testing.T) {
	total, stride := 0, 1
	if *faultsShare < 1 {
		stride = 4
	}
	for _, side := range []string{"client", "server"} {
		for _, write := range []bool{false, true} {
			for _, end := range []error{syscall.ECONNRESET, io.EOF, syscall.EPIPE} {
				for n, reachedEnd := 0, false; !reachedEnd; n += stride {
					synctest.Test(t, func(t *testing.T) { reachedEnd = !endAtCall(t, side, write, end, n) })
					if t.Failed() {
						t.Fatalf("%s, write %v, call %d: %v", side, write, n, end)
					}
					if !reachedEnd {
						total++
					}
					if n > 500 {
						t.Fatal("the conversation does not end")
					}
				}
			}
		}
	}
	t.Logf("ledger: calls_failed=%d", total)
}

// endAtCall has call n fail. It reports whether there was one.
func endAtCall(t *testing.T, side string, write bool, end error, n int) (failed bool) {
	count := 0
	at := func(int) (int, error) {
		if count++; count == n+1 {
			failed = true
			return 0, end
		}
		return 1 << 20, nil
	}
	calm := func(int) (int, error) { return 1 << 20, nil }
	plan := &faultPlan{read: at, write: calm}
	if write {
		plan.read, plan.write = calm, at
	}
	wrap := func(conn net.Conn) net.Conn { return &faultyConn{Conn: conn, plan: plan} }
	d := ipciotest.New(t)
	scfg, ccfg := d.ServerConfig(ipcio.ServerConfig{}), d.ClientConfig(ipcio.ClientConfig{Name: "c"})
	if side == "server" {
		scfg.Listener = &faultyListener{scfg.Listener, wrap}
	} else {
		ccfg = dialed(ccfg, wrap)
	}
	s, err := ipcio.NewServer(scfg)
	ok(t, err)
	defer s.Close()
	c := clientOf(t, ccfg)
	up, down, news := newRecorder[any](), newRecorder[any](), newRecorder[any]()
	ok(t, s.On("n", record(up)), s.On("echo", echo), c.On("n", record(down)), c.On("news", record(news)), s.Start(t.Context()), c.Connect(t.Context()))
	for i := range 4 {
		ok(t, c.Emit(t.Context(), "n", i), s.Emit(t.Context(), "c", "n", i), s.Broadcast(t.Context(), "news", i))
		if got := reply(t)(c.Call(t.Context(), "echo", i)); got != int64(i) {
			t.Errorf("call %d is answered with %v", i, got)
		}
	}
	ok(t, c.Flush(t.Context()))
	time.Sleep(time.Minute)
	for _, r := range []*recorder[any]{up, down, news} {
		wantCount(t, r.all(), 4)
	}
	ok(t, c.Shutdown(t.Context()), s.Shutdown(t.Context()))
	plan.mu.Lock()
	defer plan.mu.Unlock()
	return failed
}

type faultyListener struct {
	net.Listener
	wrap func(net.Conn) net.Conn
}

func (l *faultyListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.wrap(conn), nil
}

// Handlers of events and calls panic: the process lives, each call ends with an
// error that says that it ran, and everything else is handled, in order.
func TestFaultPanics(t *testing.T) {
	n := reached(100_000, 300)
	d := newDomain(t)
	seen := newRecorder[any]()
	var panics atomic.Int64
	bang := func(_ context.Context, m *ipcio.Message) (any, error) {
		panics.Add(1)
		panic(m.Command())
	}
	s := d.serve(func(s *ipcio.Server) {
		handle(t, s, "bang", bang)
		handle(t, s, "n", record(seen))
		handle(t, s, "echo", echo)
	})
	c := d.join("c", func(c *ipcio.Client) { handle(t, c, "bang", bang) })
	ctx := within(t, 5*patience+time.Duration(n)*time.Millisecond)
	events := 0
	for i := range n {
		switch i % 4 {
		case 0:
			ok(t, c.Emit(ctx, "bang", i))
		case 1:
			ok(t, s.Emit(ctx, "c", "bang", i))
		case 2:
			if err := failed(t)(c.Call(ctx, "bang", i)); ipcio.OutcomeOf(err) != ipcio.OutcomeHandled {
				t.Fatalf("call %d: %v", i, err)
			}
		default:
			if err := failed(t)(s.Call(ctx, "c", "bang", i)); ipcio.OutcomeOf(err) != ipcio.OutcomeHandled {
				t.Fatalf("call %d: %v", i, err)
			}
			ok(t, c.Emit(ctx, "n", events))
			events++
		}
	}
	ok(t, c.Flush(ctx))
	eventually(t, "all handlers have run", func() bool { return panics.Load() == int64(n) })
	wantCount(t, seen.all(), events)
	if got := reply(t)(c.Call(ctx, "echo", "alive")); got != "alive" {
		t.Errorf("the reply is %v", got)
	}
	t.Logf("ledger: panics=%d", n)
}

// Handlers of calls call back whoever called them, who calls back again, or the
// server; all handlers emit to each other and broadcast, at random, a few deep,
// for many callers at a time: all of them come to an end.
func TestFaultReentrance(t *testing.T) {
	n := reached(100_000, 400)
	d := newDomain(t)
	type work struct {
		Seed  uint64 `cbor:"seed"`
		Depth int    `cbor:"depth"`
	}
	var ran atomic.Int64
	clients := []string{"a", "b", "c"}
	s := d.serve()
	members := map[string]*ipcio.Client{}
	// do is what a handler at the side of one client, or of the server, does.
	do := func(ctx context.Context, from ipcio.Peer, self *ipcio.Client, w work, isCall bool) error {
		ran.Add(1)
		if w.Depth == 0 {
			return nil
		}
		rng := rand.New(rand.NewPCG(w.Seed, 10))
		next := work{rng.Uint64(), w.Depth - 1}
		switch k := rng.IntN(5); {
		case k == 1 && self != nil:
			return self.EmitTo(ctx, clients[rng.IntN(len(clients))], "event", next)
		case k == 2 && self != nil:
			return self.Broadcast(ctx, "event", work{})
		case k == 0 || !isCall: // events of one sender wait for each other: their handlers wait for nobody's
			return from.Emit(ctx, "event", next)
		case k == 3 && self != nil:
			_, err := self.Call(ctx, "call", next)
			return err
		default:
			_, err := from.Call(ctx, "call", next)
			return err
		}
	}
	handler := func(self *ipcio.Client) ipcio.HandlerFunc {
		return func(ctx context.Context, m *ipcio.Message) (any, error) {
			var w work
			if err := m.Decode(&w); err != nil {
				return nil, err
			}
			if err := do(ctx, m.From(), self, w, m.IsCall()); err != nil && m.IsCall() {
				return nil, err
			} else if err != nil && !errors.Is(err, ipcio.ErrQueueFull) { // two that fill each other's queues: one is refused
				t.Errorf("in the handler of an event: %v", err)
			}
			return nil, nil
		}
	}
	handle(t, s, "call", handler(nil))
	handle(t, s, "event", handler(nil))
	for _, name := range clients {
		c := d.client(ipcio.ClientConfig{Name: name, Queue: ipcio.QueueConfig{WhenFull: ipcio.Block}})
		handle(t, c, "call", handler(c))
		handle(t, c, "event", handler(c))
		ok(t, c.Connect(d.ctx()))
		members[name] = c
	}
	ctx := within(t, 5*patience+time.Duration(n)*10*time.Millisecond)
	var callers sync.WaitGroup
	const parallel = 8
	for i := range parallel {
		callers.Go(func() {
			rng := rand.New(rand.NewPCG(*faultsSeed, uint64(i)))
			for range n / parallel {
				c := members[clients[rng.IntN(len(clients))]]
				var err error
				switch w := (work{rng.Uint64(), rng.IntN(4)}); rng.IntN(3) {
				case 0:
					_, err = c.Call(ctx, "call", w)
				case 1:
					_, err = s.Call(ctx, clients[rng.IntN(len(clients))], "call", w)
				default:
					err = c.Emit(ctx, "event", w)
				}
				if err != nil {
					t.Errorf("run of caller %d: %v", i, err)
					return
				}
			}
		})
	}
	callers.Wait()
	for _, c := range members {
		ok(t, c.Flush(ctx))
	}
	t.Logf("ledger: runs=%d handlers=%d seed=%d", n/parallel*parallel, ran.Load(), *faultsSeed)
}

// Start, Connect, Close and Shutdown of a server and a client meet each other,
// each of them twice. None panics or hangs, and nothing is left: TestMain looks.
func TestFaultStartAndEndAtOnce(t *testing.T) {
	n := reached(100_000, 100)
	for i := range n {
		d := ipciotest.New(t)
		s, c := d.Server(ipcio.ServerConfig{}), d.Client(ipcio.ClientConfig{})
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		fine := func(what string, err error) {
			if err != nil && !errors.Is(err, ipcio.ErrClosed) {
				t.Errorf("round %d: %s: %v", i, what, err)
			}
		}
		var all sync.WaitGroup
		rng := rand.New(rand.NewPCG(*faultsSeed, uint64(i)))
		steps := []func(){
			func() { fine("start", s.Start(ctx)) },
			func() { fine("shutdown", s.Shutdown(ctx)) },
			func() { fine("shutdown", s.Shutdown(ctx)) },
			func() { fine("close", s.Close()) },
			func() { fine("close", s.Close()) },
			func() { fine("wait", c.Connect(ctx)) },
			func() { fine("emit", c.Emit(ctx, "n", i)) },
			func() { fine("client shutdown", expect(c.Shutdown(expired()), context.DeadlineExceeded)) },
			func() { fine("client close", c.Close()) },
			func() { fine("client close", c.Close()) },
		}
		rng.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
		for _, step := range steps {
			all.Go(step)
		}
		all.Wait()
		ok(t, s.Close(), s.Wait(), c.Close())
		cancel()
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("ledger: rounds=%d seed=%d", n, *faultsSeed)
}

// expect takes one error for none.
func expect(err, fine error) error {
	if errors.Is(err, fine) {
		return nil
	}
	return err
}

// Queues fill while the other side is away, whatever the policy, in both
// directions: what was accepted is handled or reported, each message as one, and
// what was refused is neither.
func TestFaultFullQueues(t *testing.T) {
	n := reached(10_000, 10)
	sum := map[string]int{}
	for i := range n {
		rng := rand.New(rand.NewPCG(*faultsSeed+uint64(i), 11))
		policy := []ipcio.WhenFull{ipcio.Refuse, ipcio.Block, ipcio.DropOldest}[i%3]
		synctest.Test(t, func(t *testing.T) { fullQueues(t, rng, policy, sum) })
		if t.Failed() {
			t.Fatalf("again with -run '^%s$' -faults.seed=%d -faults.share=0: policy %d", t.Name(), *faultsSeed+uint64(i), policy)
		}
	}
	t.Logf("ledger: runs=%d accepted=%d handled=%d reported=%d refused=%d seed=%d",
		n, sum["accepted"], sum["handled"], sum["reported"], sum["refused"], *faultsSeed)
}

func fullQueues(t *testing.T, rng *rand.Rand, policy ipcio.WhenFull, sum map[string]int) {
	d := ipciotest.New(t)
	queue := ipcio.QueueConfig{Frames: 1 + rng.IntN(20), WhenFull: policy}
	if rng.IntN(2) == 0 {
		queue = ipcio.QueueConfig{Bytes: 100 + rng.IntN(4000), WhenFull: policy}
	}
	upGaps, downGaps := newRecorder[ipcio.Gap](), newRecorder[ipcio.Gap]()
	up, down := newRecorder[any](), newRecorder[any]()
	s := d.Server(ipcio.ServerConfig{Queue: queue, OnGap: downGaps.add})
	c := d.Client(ipcio.ClientConfig{Name: "c", Queue: queue, OnGap: upGaps.add})
	ok(t, s.On("n", record(up)), c.On("n", record(down)), s.Start(t.Context()), c.Connect(t.Context()))
	accepted, refused := [2]int{}, 0
	emit := func() {
		data := make([]byte, rng.IntN(200))
		for side, send := range []func(context.Context) error{
			func(ctx context.Context) error { return c.Emit(ctx, "n", data) },
			func(ctx context.Context) error { return s.Emit(ctx, "c", "n", data) },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			err := send(ctx)
			cancel()
			switch {
			case err == nil:
				accepted[side]++
			case policy != ipcio.Block && errors.Is(err, ipcio.ErrQueueFull), policy == ipcio.Block && errors.Is(err, context.DeadlineExceeded):
				refused++
			default:
				t.Errorf("emit: %v", err)
			}
		}
	}
	for range 3 {
		for range rng.IntN(10) {
			emit()
		}
		d.Hang("c") // away, and nobody knows yet
		for range rng.IntN(60) {
			emit()
		}
		d.Cut("c")
		time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
	}
	time.Sleep(time.Minute)
	ok(t, c.Flush(t.Context()))
	time.Sleep(time.Minute)
	reports := map[string]int{}
	for _, g := range append(upGaps.all(), downGaps.all()...) {
		reports[fmt.Sprint(g.Reason)] += int(g.Count)
	}
	// Both sides hear of what was dropped.
	if got, want := 2*(len(up.all())+len(down.all()))+reports["dropped"], 2*(accepted[0]+accepted[1]); got != want {
		t.Errorf("accepted %v, handled %d and %d, reports %v", accepted, len(up.all()), len(down.all()), reports)
	}
	for reason := range reports {
		if reason != "dropped" || policy != ipcio.DropOldest {
			t.Errorf("reports %v", reports)
		}
	}
	sum["accepted"] += accepted[0] + accepted[1]
	sum["handled"] += len(up.all()) + len(down.all())
	sum["reported"] += reports["dropped"] / 2
	sum["refused"] += refused
}

// One handler never returns. How fast the calls of others are beside it, and
// without it, is what the run of make faults prints; the test wants all of them
// to be answered, and the events of that one sender to wait.
func TestFaultStuckHandler(t *testing.T) {
	n := reached(100_000, 200)
	d := newDomain(t)
	release := make(chan struct{})
	waiting := newRecorder[any]()
	d.serve(func(s *ipcio.Server) {
		handle(t, s, "stuck", func(context.Context, *ipcio.Message) (any, error) { <-release; return nil, nil })
		handle(t, s, "n", record(waiting))
		handle(t, s, "echo", echo)
	})
	stuck, other := d.join("stuck"), d.join("other")
	ctx := within(t, 5*patience+time.Duration(n)*time.Millisecond)
	measure := func() (took []time.Duration) {
		for i := range n {
			began := time.Now()
			reply(t)(other.Call(ctx, "echo", i))
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		return took
	}
	alone := measure()
	ok(t, stuck.Emit(ctx, "stuck", nil), stuck.Emit(ctx, "n", 0))
	beside := measure()
	if len(waiting.all()) != 0 {
		t.Error("an event was handled before the one that its sender sent before")
	}
	close(release)
	ok(t, stuck.Flush(ctx))
	p99 := func(took []time.Duration) int64 { return took[len(took)*99/100].Microseconds() }
	t.Logf("ledger: calls=%d p99_alone_us=%d p99_beside_us=%d", 2*n, p99(alone), p99(beside))
}

// The connection goes, at any time around those at which a timer of it would have
// ended it, in any state, and the client comes back: no timer of the old one has
// an effect on the new one, nor on the session.
func TestFaultOldTimers(t *testing.T) {
	states := map[string]func(t *testing.T, s *ipcio.Server, c *ipcio.Client){
		"idle":       func(*testing.T, *ipcio.Server, *ipcio.Client) {},
		"event up":   func(t *testing.T, _ *ipcio.Server, c *ipcio.Client) { ok(t, c.Emit(t.Context(), "n", 0)) },
		"event down": func(t *testing.T, s *ipcio.Server, _ *ipcio.Client) { ok(t, s.Emit(t.Context(), "c", "n", 0)) },
		"broadcast":  func(t *testing.T, s *ipcio.Server, _ *ipcio.Client) { ok(t, s.Broadcast(t.Context(), "n", 0)) },
		"writes hang": func(t *testing.T, s *ipcio.Server, c *ipcio.Client) {
			ok(t, c.Emit(t.Context(), "n", make([]byte, 1<<20)), s.Emit(t.Context(), "c", "n", make([]byte, 1<<20)))
		},
		"call up": func(t *testing.T, _ *ipcio.Server, c *ipcio.Client) { go c.Call(t.Context(), "n", 0) },
		"call cancelled": func(t *testing.T, _ *ipcio.Server, c *ipcio.Client) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			go func() { defer cancel(); c.Call(ctx, "n", 0) }()
		},
	}
	// When acknowledgements leave, handshakes end, silence is asked for and taken
	// for the end, names are taken over, sessions are given up.
	timers := []time.Duration{100 * time.Millisecond, 2 * time.Second, 3 * time.Second, 5 * time.Second, 10 * time.Second, 14 * time.Second, 15 * time.Second, 16 * time.Second, 30 * time.Second}
	cases := 0
	for name, state := range states {
		for _, timer := range timers {
			for _, at := range []time.Duration{timer, timer - time.Millisecond, timer + time.Millisecond} {
				if at != timer && *faultsShare < 1 {
					break
				}
				cases++
				synctest.Test(t, func(t *testing.T) { oldTimer(t, state, at) })
				if t.Failed() {
					t.Fatalf("%s, the connection is gone after %v", name, at)
				}
			}
		}
	}
	t.Logf("ledger: states=%d timers=%d cases=%d", len(states), len(timers), cases)
}

func oldTimer(t *testing.T, state func(*testing.T, *ipcio.Server, *ipcio.Client), at time.Duration) {
	d := ipciotest.New(t)
	var mu sync.Mutex
	var conns []net.Conn
	up, down := newRecorder[int](), newRecorder[int]()
	note := func(r *recorder[int]) ipcio.HandlerFunc {
		return func(_ context.Context, m *ipcio.Message) (any, error) { r.add(len(m.Raw())); return nil, nil }
	}
	gaps, changes := newRecorder[ipcio.Gap](), newRecorder[ipcio.State]()
	s := d.Server(ipcio.ServerConfig{OnGap: gaps.add})
	c := clientOf(t, dialed(d.ClientConfig(ipcio.ClientConfig{Name: "c", OnGap: gaps.add, OnStateChange: changes.add}), func(conn net.Conn) net.Conn {
		mu.Lock()
		defer mu.Unlock()
		conns = append(conns, conn)
		return conn
	}))
	ok(t, s.On("n", note(up)), c.On("n", note(down)), s.Start(t.Context()), c.Connect(t.Context()))
	id := s.Clients()[0].ID
	d.Hang("c")
	state(t, s, c)
	time.Sleep(at)
	mu.Lock()
	for _, conn := range conns {
		conn.Close() // only the client knows, if it does not already
	}
	mu.Unlock()
	time.Sleep(time.Second)
	if !c.Connected() {
		t.Fatal("the client did not come back")
	}
	before := len(changes.all())
	time.Sleep(5 * time.Minute) // longer than any of them
	if got := changes.all()[before:]; len(got) != 0 || !c.Connected() {
		t.Errorf("the new connection was lost: %v", got)
	}
	if got := s.Clients(); len(got) != 1 || got[0].ID != id || !got[0].Connected {
		t.Errorf("the session is not the one it was: %+v", got)
	}
	ok(t, c.Emit(t.Context(), "n", "last"), c.Flush(t.Context()), s.Emit(t.Context(), "c", "n", "last"))
	time.Sleep(time.Second)
	for what, r := range map[string]*recorder[int]{"up": up, "down": down} {
		if n := len(r.all()); n < 1 || n > 2 {
			t.Errorf("%s: %d messages were handled", what, n)
		}
	}
	if got := gaps.all(); len(got) != 0 {
		t.Errorf("gaps %+v", got)
	}
}

// A day passes, at once as far as anybody can tell: nobody who is connected
// connects again, and who finds no server goes on trying at the same pace and is
// back within a moment.
func TestFaultVirtualDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := ipciotest.New(t)
		var dials atomic.Int64
		count := func(cfg ipcio.ClientConfig) ipcio.ClientConfig {
			dial := cfg.Dial
			cfg.Dial = func(ctx context.Context) (net.Conn, error) { dials.Add(1); return dial(ctx) }
			return cfg
		}
		s := d.Server(ipcio.ServerConfig{})
		ok(t, s.Start(t.Context()))
		var clients []*ipcio.Client
		for range 5 {
			c := clientOf(t, count(d.ClientConfig(ipcio.ClientConfig{})))
			ok(t, c.Connect(t.Context()))
			clients = append(clients, c)
		}
		before := dials.Load()
		day, outage := 24*time.Hour, time.Hour
		if *faultsShare < 1 {
			day, outage = time.Hour, 2*time.Minute
		}
		time.Sleep(day)
		if n := dials.Load(); n != before {
			t.Errorf("in %v %d connections were made", day, n-before)
		}
		ok(t, s.Close())
		time.Sleep(outage)
		away := dials.Load() - before
		if most := int64(len(clients)) * int64(outage/(250*time.Millisecond)); away > most+100 {
			t.Errorf("in %v %d connections were tried, want %d at most", outage, away, most)
		}
		s = d.Server(ipcio.ServerConfig{})
		ok(t, s.Start(t.Context()))
		before = dials.Load()
		time.Sleep(time.Second)
		for _, c := range clients {
			if !c.Connected() {
				t.Error("a client is not back after a second")
			}
		}
		if n := dials.Load() - before; n > 3*int64(len(clients)) {
			t.Errorf("%d clients needed %d connections to come back", len(clients), n)
		}
		t.Logf("ledger: virtual_minutes=%d dials=%d", int((day + outage).Minutes()), dials.Load())
	})
}
