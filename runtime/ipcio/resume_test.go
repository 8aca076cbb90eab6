package ipcio_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// seed of the cuts. A failure prints it, so that it can be set here.
var seed = rand.Uint64()

// Within one life of the server everything arrives exactly once and in order,
// whatever happens to the connections: events both ways, broadcasts, calls.
func TestResumeExactlyOnceInOrder(t *testing.T) {
	for _, every := range []int{700, 3_000, 15_000} {
		t.Run(fmt.Sprintf("cut within %d bytes", every), func(t *testing.T) {
			t.Logf("seed %d", seed)
			n := 1500 * *scale
			d := newDomain(t)
			p := newProxy(t, d, every, seed)
			up, down, news := newRecorder[any](), newRecorder[any](), newRecorder[any]()
			called, asked := newRecorder[any](), newRecorder[any]()
			unflagged := func(h ipcio.HandlerFunc) ipcio.HandlerFunc {
				return func(ctx context.Context, m *ipcio.Message) (any, error) {
					if m.Redelivered() {
						t.Errorf("%s is flagged, though the server has lived all the time", m.Command())
					}
					return h(ctx, m)
				}
			}
			queue := ipcio.QueueConfig{WhenFull: ipcio.Block}
			gap := func(g ipcio.Gap) { t.Errorf("gap %+v", g) }
			noteAndReply := func(r *recorder[any]) ipcio.HandlerFunc {
				return unflagged(func(_ context.Context, m *ipcio.Message) (any, error) {
					v, err := m.Value()
					r.add(v)
					return v, err
				})
			}
			s := d.serveWith(ipcio.ServerConfig{Queue: queue, OnGap: gap}, func(s *ipcio.Server) {
				handle(t, s, "up", unflagged(record(up)))
				handle(t, s, "call", noteAndReply(called))
			})
			c := p.client(ipcio.ClientConfig{Name: "c", Queue: queue, OnGap: gap})
			handle(t, c, "down", unflagged(record(down)))
			handle(t, c, "news", unflagged(record(news)))
			handle(t, c, "ask", noteAndReply(asked))
			ok(t, c.Connect(d.ctx()))
			ctx := within(t, 3*patience)
			var senders sync.WaitGroup
			send := func(n int, f func(i int) error) {
				senders.Go(func() {
					for i := range n {
						if err := f(i); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			send(n, func(i int) error { return c.Emit(ctx, "up", i) })
			send(n, func(i int) error { return s.Emit(ctx, "c", "down", i) })
			send(n, func(i int) error { return s.Broadcast(ctx, "news", i) })
			answered := func(m *ipcio.Message, err error) func(i int) error {
				return func(i int) error {
					if err != nil {
						return err
					}
					if v, err := m.Value(); err != nil || v != int64(i) {
						return fmt.Errorf("call %d was answered with %v %v", i, v, err)
					}
					return nil
				}
			}
			send(n/10, func(i int) error { return answered(c.Call(ctx, "call", i))(i) })
			send(n/10, func(i int) error { return answered(s.Call(ctx, "c", "ask", i))(i) })
			senders.Wait()
			for _, r := range []*recorder[any]{up, down, news} {
				wantCount(t, r.wait(t, n), n)
			}
			wantCount(t, called.wait(t, n/10), n/10)
			wantCount(t, asked.wait(t, n/10), n/10)
			p.calm()
			ok(t, c.Shutdown(ctx))
			for _, r := range []*recorder[any]{up, down, news} { // and nothing came twice meanwhile
				wantCount(t, r.all(), n)
			}
			if p.cutCount() < 3 {
				t.Errorf("only %d cuts: nothing was shown", p.cutCount())
			}
		})
	}
}

// Both sides come back with far more than a socket holds for the other.
func TestResumeWithMuchOnBothSides(t *testing.T) {
	d := newDomain(t)
	p := newProxy(t, d, 0, seed)
	up, down := newRecorder[int](), newRecorder[int]()
	size := func(r *recorder[int]) ipcio.HandlerFunc {
		return func(_ context.Context, m *ipcio.Message) (any, error) {
			r.add(len(m.Raw()))
			return nil, nil
		}
	}
	queue := ipcio.QueueConfig{Bytes: 80 << 20}
	s := d.serveWith(ipcio.ServerConfig{Queue: queue}, func(s *ipcio.Server) { handle(t, s, "block", size(up)) })
	c := p.client(ipcio.ClientConfig{Name: "c", Queue: queue})
	handle(t, c, "block", size(down))
	ok(t, c.Connect(d.ctx()))
	p.close()                       // nobody is reachable any more
	const n, block = 256, 256 << 10 // 64 MiB each way
	for range n {
		ok(t, c.Emit(d.ctx(), "block", make([]byte, block)), s.Emit(d.ctx(), "c", "block", make([]byte, block)))
	}
	again := p.again(d)
	up.wait(t, n)
	down.wait(t, n)
	again.close()
	t.Logf("ledger: mib_up=%d mib_down=%d", n*block>>20, n*block>>20)
}

// A server process that is killed in the middle of it and replaced: everything
// accepted is handled at least once and in order, and what may have been
// handled before says so.
func TestRestartAtLeastOnceInOrder(t *testing.T) {
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	d := newDomain(t)
	n := 3000 * *scale
	c := d.client(ipcio.ClientConfig{Name: "c", Queue: ipcio.QueueConfig{WhenFull: ipcio.Block}})
	ok(t, c.Start())
	ctx := within(t, 3*patience)
	emitted := make(chan error, 1)
	go func() {
		for i := range n {
			if err := c.Emit(ctx, "n", i); err != nil {
				emitted <- err
				return
			}
		}
		emitted <- nil
	}()
	type handled struct {
		n    int
		flag bool
	}
	lives := make([][]handled, 0, 8)
	collect := func(p *process) int {
		var life []handled
		for _, line := range p.lines.all() {
			var h handled
			if _, err := fmt.Sscanf(line, "n c %d %t", &h.n, &h.flag); err == nil {
				life = append(life, h)
			}
		}
		lives = append(lives, life)
		if len(life) == 0 {
			return -1
		}
		return life[len(life)-1].n
	}
	const kills = 5
	last := -1
	for round := range kills + 1 {
		p := spawn(t, "counter", d.dir)
		p.expect("ready")
		if round == kills {
			p.expect(fmt.Sprintf("n c %d ", n-1))
			last = collect(p)
			break
		}
		p.lines.wait(t, 2+rng.IntN(n/10)) // "ready" and what it has handled
		p.kill()
		last = max(last, collect(p))
	}
	ok(t, <-emitted)
	if last != n-1 {
		t.Fatalf("the last that was handled is %d, want %d", last, n-1)
	}
	seen := make([]int, n) // how often it was handled, in all lives
	twice := 0
	for l, life := range lives {
		for i, h := range life {
			if i > 0 && h.n != life[i-1].n+1 {
				t.Fatalf("life %d: %d follows %d", l, h.n, life[i-1].n)
			}
			if seen[h.n] > 0 && !h.flag {
				t.Fatalf("life %d: %d is handled again and does not say so", l, h.n)
			}
			if seen[h.n] > 0 {
				twice++
			}
			seen[h.n]++
		}
	}
	for i, times := range seen {
		if times == 0 {
			t.Fatalf("%d was never handled", i)
		}
	}
	t.Logf("%d of %d were handled more than once", twice, n)
}

// A server that shuts down in order gives its successor exactly what it has
// not handled.
func TestRestartInOrderDuplicatesNothing(t *testing.T) {
	d := newDomain(t)
	n := 4000 * *scale
	c := d.client(ipcio.ClientConfig{Name: "c", Queue: ipcio.QueueConfig{WhenFull: ipcio.Block}})
	ctx := within(t, 3*patience)
	seen := newRecorder[any]()
	setup := func(s *ipcio.Server) {
		handle(t, s, "n", func(ctx context.Context, m *ipcio.Message) (any, error) {
			if m.Redelivered() {
				t.Error("flagged as redelivered after a restart in order")
			}
			return record(seen)(ctx, m)
		})
	}
	s := d.serve(setup)
	ok(t, c.Connect(ctx))
	emitted := make(chan error, 1)
	go func() {
		for i := range n {
			if err := c.Emit(ctx, "n", i); err != nil {
				emitted <- err
				return
			}
		}
		emitted <- nil
	}()
	const restarts = 8
	for i := range restarts {
		seen.wait(t, (i+1)*n/(restarts+2))
		ok(t, s.Shutdown(ctx))
		s = d.serve(setup)
	}
	ok(t, <-emitted)
	ok(t, c.Flush(ctx))
	wantCount(t, seen.wait(t, n), n)
}

// The three classes of a call whose server is restarted.
func TestRestartOutcomeOfCalls(t *testing.T) {
	d := newDomain(t)
	c := d.client(ipcio.ClientConfig{Name: "c"})
	ok(t, c.Start())
	type result struct {
		m   *ipcio.Message
		err error
	}
	call := func(command string, n int) chan result {
		results := make(chan result, 1)
		go func() {
			m, err := c.Call(d.ctx(), command, n)
			results <- result{m, err}
		}()
		return results
	}
	// Never sent: it is sent when there is a server.
	early := call("ask", 1)
	first := spawn(t, "counter", d.dir)
	first.expect("ready")
	r := receive(t, "the reply to the first call", early)
	if got := reply(t)(r.m, r.err); got != int64(1) {
		t.Errorf("got %v", got)
	}
	// Sent, and its handler runs when the server is killed.
	running := call("block", 2)
	first.expect("blocked")
	first.kill()
	// Made while the server is away, as the client knows.
	eventually(t, "the client has noticed", func() bool { return !c.Connected() })
	away := call("ask", 3)
	second := spawn(t, "counter", d.dir)
	second.expect("ready")
	r = receive(t, "the outcome of the running call", running)
	if !errors.Is(r.err, ipcio.ErrOutcomeUnknown) || ipcio.OutcomeOf(r.err) != ipcio.OutcomeUnknown {
		t.Errorf("a call whose server was killed: %v", r.err)
	}
	r = receive(t, "the reply to the call made while the server was away", away)
	if got := reply(t)(r.m, r.err); got != int64(3) {
		t.Errorf("got %v", got)
	}
	// A deadline passes while nobody is there: it was never sent, and never is.
	second.kill()
	eventually(t, "the client has noticed", func() bool { return !c.Connected() })
	_, err := c.Call(within(t, 50*time.Millisecond), "ask", 4)
	if !errors.Is(err, context.DeadlineExceeded) || ipcio.OutcomeOf(err) != ipcio.OutcomeNotSent {
		t.Errorf("a call that nobody was there for: %v, outcome %v", err, ipcio.OutcomeOf(err))
	}
	third := spawn(t, "counter", d.dir)
	third.expect("ready")
	if got := reply(t)(c.Call(d.ctx(), "ask", 5)); got != int64(5) {
		t.Errorf("got %v", got)
	}
	for _, line := range third.lines.all() {
		if line == "ask c 4 false" {
			t.Error("a call that had ended was handled")
		}
	}
}

// A client that was away gets the broadcasts that it missed, or is told how
// many of them are lost to it.
func TestResumeBroadcasts(t *testing.T) {
	d := newDomain(t)
	p := newProxy(t, d, 0, seed)
	gaps, news := newRecorder[ipcio.Gap](), newRecorder[any]()
	s := d.serveWith(ipcio.ServerConfig{Limits: ipcio.Limits{RingBytes: 64 << 10}})
	c := p.client(ipcio.ClientConfig{Name: "c", OnGap: gaps.add})
	handle(t, c, "news", record(news))
	ok(t, c.Connect(d.ctx()), s.Broadcast(d.ctx(), "news", 0))
	news.wait(t, 1)
	p.close()
	eventually(t, "the server has noticed", func() bool { return !s.Clients()[0].Connected })
	for i := range 10 {
		ok(t, s.Broadcast(d.ctx(), "news", 1+i))
	}
	again := p.again(d)
	wantCount(t, news.wait(t, 11), 11)
	again.close()
	eventually(t, "the server has noticed", func() bool { return !s.Clients()[0].Connected })
	const n = 1000
	for range n {
		ok(t, s.Broadcast(d.ctx(), "news", make([]byte, 1000)))
	}
	p.again(d)
	g := gaps.wait(t, 1)[0]
	if g.Reason != ipcio.GapExpired || g.Count == 0 || g.To-g.From+1 != g.Count {
		t.Fatalf("gap %+v", g)
	}
	if got := len(news.wait(t, 11+n-int(g.Count))) - 11 + int(g.Count); got != n {
		t.Errorf("%d were sent, %d were received or reported", n, got)
	}
	if got := gaps.all(); len(got) != 1 {
		t.Errorf("gaps %+v", got)
	}
}

// A client that comes back after its session was given up is not handled twice,
// though nothing it sent was acknowledged; not even while a handler still runs.
func TestGivenUpIsNotHandledAgain(t *testing.T) {
	d := newDomain(t)
	seen, running, release := newRecorder[string](), make(chan struct{}), make(chan struct{})
	s := d.serveWith(ipcio.ServerConfig{Limits: ipcio.Limits{SessionKeep: 50 * time.Millisecond}}, func(s *ipcio.Server) {
		handle(t, s, "*", func(_ context.Context, m *ipcio.Message) (any, error) {
			seen.add(m.Command())
			if m.Command() == "2" {
				close(running)
				<-release
			}
			return nil, nil
		})
	})
	send := func(lane *rawLane, from, to uint64, flags wire.Flags) {
		for n := from; n <= to; n++ {
			lane.send(&wire.Frame{Kind: wire.KindEvent, Number: n, Flags: flags, Command: fmt.Sprint(n), Payload: []byte{0xf6}})
		}
	}
	first := d.raw("c")
	send(first.private, 1, 3, 0)
	receive(t, "the handler of 2", running)
	ok(t, first.domain.conn.Close(), first.private.conn.Close())
	eventually(t, "the session is given up", func() bool { return len(s.Clients()) == 0 })

	hello := &wire.Hello{
		Version: wire.Version, Lane: wire.LaneDomain, Token: first.token, Attempt: 2, Name: "c", Incarnation: first.welcome.Incarnation,
		SFirst: 1, RFirst: 1, FrameBytes: 16 << 20, Frames: 1024, Bytes: 16 << 20, Calls: 256,
	}
	domain, private := newRawLane(t, d.dial()), newRawLane(t, d.dial())
	welcome := domain.hello(hello)
	if welcome.Resumed || welcome.SRx != 2 {
		t.Fatalf("resumed %v, received is %d; want a new incarnation that goes on behind 2", welcome.Resumed, welcome.SRx)
	}
	private.hello(&wire.Hello{Version: wire.Version, Lane: wire.LanePrivate, Token: first.token, Attempt: 2, Cookie: welcome.Cookie})
	send(private, 3, 4, wire.Redelivered)
	if f := private.next(wire.KindAck); f.Number != 1 {
		t.Errorf("%d is acknowledged while the handler of 2 runs", f.Number)
	}
	if got := seen.all(); len(got) != 2 {
		t.Errorf("handled is %v while the handler of 2 runs", got)
	}
	close(release)
	for f := private.next(wire.KindAck); f.Number < 4; {
		f = private.next(wire.KindAck)
	}
	if diff := cmp.Diff([]string{"1", "2", "3", "4"}, seen.all()); diff != "" {
		t.Errorf("handled (-want +got):\n%s", diff)
	}
}
