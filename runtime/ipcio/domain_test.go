package ipcio_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// patience bounds every wait of a test. It is reached only when a test fails.
const patience = 20 * time.Second

// A domain is a place for one test's servers and clients, over real sockets.
type domain struct {
	t   testing.TB
	dir string
}

func newDomain(t testing.TB) *domain {
	t.Helper()
	dir, err := os.MkdirTemp("", "ipcio")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return &domain{t: t, dir: dir}
}

var quiet = slog.New(slog.DiscardHandler)

// serve starts a server. Its handlers, if any, are registered before.
func (d *domain) serve(setup ...func(*ipcio.Server)) *ipcio.Server {
	d.t.Helper()
	return d.serveWith(ipcio.ServerConfig{}, setup...)
}

func (d *domain) serveWith(cfg ipcio.ServerConfig, setup ...func(*ipcio.Server)) *ipcio.Server {
	d.t.Helper()
	cfg.Dir = d.dir
	if cfg.Logger == nil {
		cfg.Logger = quiet
	}
	s, err := ipcio.NewServer(cfg)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { s.Close() })
	for _, f := range setup {
		f(s)
	}
	if err := s.Start(d.ctx()); err != nil {
		d.t.Fatal(err)
	}
	return s
}

// client returns a client that is not started.
func (d *domain) client(cfg ipcio.ClientConfig) *ipcio.Client {
	d.t.Helper()
	cfg.Dir = d.dir
	if cfg.Logger == nil {
		cfg.Logger = quiet
	}
	c, err := ipcio.NewClient(cfg)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { c.Close() })
	return c
}

// join returns a connected client.
func (d *domain) join(name string, setup ...func(*ipcio.Client)) *ipcio.Client {
	d.t.Helper()
	c := d.client(ipcio.ClientConfig{Name: name})
	for _, f := range setup {
		f(c)
	}
	if err := c.Connect(d.ctx()); err != nil {
		d.t.Fatal(err)
	}
	return c
}

func (d *domain) ctx() context.Context { return within(d.t, patience) }

func within(t testing.TB, limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// handle registers a dynamic handler or fails the test.
func handle(t testing.TB, at interface {
	On(string, ipcio.HandlerFunc) error
}, command string, h ipcio.HandlerFunc) {
	t.Helper()
	if err := at.On(command, h); err != nil {
		t.Fatal(err)
	}
}

// A recorder collects what handlers saw.
type recorder[T any] struct {
	mu    sync.Mutex
	items []T
	more  chan struct{}
}

func newRecorder[T any]() *recorder[T] { return &recorder[T]{more: make(chan struct{}, 1)} }

func (r *recorder[T]) add(v T) {
	r.mu.Lock()
	r.items = append(r.items, v)
	r.mu.Unlock()
	select {
	case r.more <- struct{}{}:
	default:
	}
}

func (r *recorder[T]) all() []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]T(nil), r.items...)
}

// wait returns the first n items.
func (r *recorder[T]) wait(t testing.TB, n int) []T {
	t.Helper()
	late := time.After(patience)
	for {
		if items := r.all(); len(items) >= n {
			return items
		}
		select {
		case <-r.more:
		case <-late:
			items := r.all()
			t.Fatalf("%d of %d came, the last of them: %v", len(items), n, items[max(0, len(items)-10):])
		}
	}
}

func record(r *recorder[any]) ipcio.HandlerFunc {
	return func(_ context.Context, m *ipcio.Message) (any, error) {
		v, err := m.Value()
		if err == nil {
			r.add(v)
		}
		return nil, err
	}
}

func TestSmoke(t *testing.T) {
	d := newDomain(t)
	seen := newRecorder[any]()
	setup := func(s *ipcio.Server) {
		handle(t, s, "event", record(seen))
		handle(t, s, "double", func(_ context.Context, m *ipcio.Message) (any, error) {
			var n int
			if err := m.Decode(&n); err != nil {
				return nil, err
			}
			return 2 * n, nil
		})
		handle(t, s, "ask.back", func(ctx context.Context, m *ipcio.Message) (any, error) {
			r, err := m.From().Call(ctx, "who", nil)
			if err != nil {
				return nil, err
			}
			return r.Value()
		})
	}
	s := d.serve(setup)
	a := d.join("a", func(c *ipcio.Client) {
		handle(t, c, "who", func(context.Context, *ipcio.Message) (any, error) { return "it is a", nil })
	})
	heard := newRecorder[any]()
	b := d.join("b", func(c *ipcio.Client) {
		handle(t, c, "news", record(heard))
		handle(t, c, "hi", func(_ context.Context, m *ipcio.Message) (any, error) { return "hi " + m.From().Name(), nil })
	})
	for i := range 100 {
		if err := a.Emit(d.ctx(), "event", i); err != nil {
			t.Fatal(err)
		}
	}
	for i, v := range seen.wait(t, 100) {
		if v != int64(i) {
			t.Fatalf("event %d is %v", i, v)
		}
	}
	r, err := a.Call(d.ctx(), "double", 21)
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := r.Value(); v != int64(42) {
		t.Fatalf("double 21 = %v", v)
	}
	if r, err = a.Call(d.ctx(), "ask.back", nil); err != nil {
		t.Fatal(err)
	} else if v, _ := r.Value(); v != "it is a" {
		t.Fatal(v)
	}
	if r, err = a.CallTo(d.ctx(), "b", "hi", nil); err != nil {
		t.Fatal(err)
	} else if v, _ := r.Value(); v != "hi a" {
		t.Fatal(v)
	}
	if _, err := a.CallTo(d.ctx(), "nobody", "hi", nil); !errors.Is(err, ipcio.ErrUnknownClient) {
		t.Fatal(err)
	}
	if _, err := s.Call(d.ctx(), "b", "nothing", nil); !errors.Is(err, ipcio.ErrNoHandler) || ipcio.OutcomeOf(err) != ipcio.OutcomeNotHandled {
		t.Fatal(err)
	}
	if err := a.Broadcast(d.ctx(), "news", "n1"); err != nil {
		t.Fatal(err)
	}
	heard.wait(t, 1)
	if err := s.Broadcast(d.ctx(), "news", "n2"); err != nil {
		t.Fatal(err)
	}
	heard.wait(t, 2)
	dir, err := b.Discover(d.ctx())
	if err != nil {
		t.Fatal(err)
	}
	if len(dir.Clients) != 2 || len(dir.Commands) != 3 {
		t.Fatalf("%+v", dir)
	}
	s.Close()
	for i := range 50 {
		if err := a.Emit(d.ctx(), "event", 100+i); err != nil {
			t.Fatal(err)
		}
	}
	s = d.serve(setup)
	for i, v := range seen.wait(t, 150) {
		if v != int64(i) {
			t.Fatalf("event %d is %v", i, v)
		}
	}
	if err := a.Shutdown(d.ctx()); err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(d.ctx()); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err != nil {
		t.Fatal(err)
	}
}

// What another client refused is reported to whoever sent it, with its name.
func TestGapNamesThePeer(t *testing.T) {
	d := newDomain(t)
	s := d.serve()
	gaps := newRecorder[ipcio.Gap]()
	a := d.client(ipcio.ClientConfig{Name: "a", OnGap: gaps.add})
	if err := a.Connect(d.ctx()); err != nil {
		t.Fatal(err)
	}
	d.join("b")
	for _, to := range []string{"b", "nobody"} {
		if err := a.EmitTo(d.ctx(), to, "unheard", nil); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]error{"b": ipcio.ErrNoHandler, "nobody": ipcio.ErrUnknownClient}
	for _, g := range gaps.wait(t, len(want)) {
		if !errors.Is(g.Err, want[g.Client]) || g.Reason != ipcio.GapRefused || g.Count != 1 || len(g.Commands) != 1 || g.Commands[0] != "unheard" {
			t.Errorf("client %q: %+v", g.Client, g)
		}
	}
	if err := s.Shutdown(d.ctx()); err != nil {
		t.Error(err)
	}
}
