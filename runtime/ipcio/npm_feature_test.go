package ipcio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// The features of the npm package ipcio 0.6.2, one test each.

// tutorialServer is the server of the original's jump-in tutorial: one handler
// answers by the client's name, the other whoever sent the message.
func tutorialServer(p *player) {
	s, err := ipcio.NewServer(ipcio.ServerConfig{Domain: "example_domain", Dir: p.args[0], Logger: quiet})
	p.check(err)
	p.check(s.On("example_request_command", func(ctx context.Context, m *ipcio.Message) (any, error) {
		v, err := m.Value()
		p.print("%s: %v", m.From().Name(), v)
		return nil, errors.Join(err, s.Emit(ctx, m.From().Name(), "example_response_command", "example response data"))
	}))
	p.check(s.On("other_request_command", func(ctx context.Context, m *ipcio.Message) (any, error) {
		v, err := m.Value()
		p.print("%s: %v", m.From().Name(), v)
		return nil, errors.Join(err, m.From().Emit(ctx, "other_response_command", "other response data"))
	}))
	p.check(s.Start(context.Background()))
	p.print("ready")
	p.hear()
	p.check(s.Close())
}

// tutorialClient is the tutorial's client. It emits when it is told to instead
// of by two timers.
func tutorialClient(p *player) {
	c, err := ipcio.NewClient(ipcio.ClientConfig{Name: "example_client", Domain: "example_domain", Dir: p.args[0], Logger: quiet})
	p.check(err)
	for _, command := range []string{"example_response_command", "other_response_command"} {
		p.check(c.On(command, func(_ context.Context, m *ipcio.Message) (any, error) {
			v, err := m.Value()
			p.print("%v", v)
			return nil, err
		}))
	}
	p.check(c.Start())
	for command, ok := p.hear(); ok; command, ok = p.hear() {
		data := strings.ReplaceAll(strings.TrimSuffix(command, "_command"), "_", " ") + " data"
		p.check(c.Emit(context.Background(), command, data))
	}
	p.check(c.Close())
}

func TestNpmFeatureTutorial(t *testing.T) {
	d := newDomain(t)
	// The client is there first, and the server is replaced: both may happen.
	client := spawn(t, "tutorial-client", d.dir)
	client.say("example_request_command")
	server := spawn(t, "tutorial-server", d.dir)
	server.expect("example_client: example request data")
	client.expect("example response data")
	server.quit()
	client.say("other_request_command")
	server = spawn(t, "tutorial-server", d.dir)
	server.expect("example_client: other request data")
	client.expect("other response data")
}

func TestNpmFeatureServer(t *testing.T) {
	d := newDomain(t)
	s := d.serveWith(ipcio.ServerConfig{Domain: "example_domain"})
	if want := d.dir + "/example_domain.sock"; s.Addr() != want {
		t.Errorf("Addr() = %q, want %q", s.Addr(), want)
	}
	c := d.client(ipcio.ClientConfig{Domain: "example_domain", Name: "c"})
	ok(t, c.Connect(d.ctx()))
	if got := names(s.Clients()); !slices.Equal(got, []string{"c"}) {
		t.Errorf("Clients() = %q", got)
	}
	for _, name := range []string{"Upper", "../up", "a/b", ".hidden", "-", strings.Repeat("x", 64), "a\x00b"} {
		if _, err := ipcio.NewServer(ipcio.ServerConfig{Domain: name, Dir: d.dir}); err == nil {
			t.Errorf("NewServer accepts the domain %q", name)
		}
	}
}

func TestNpmFeatureServerStart(t *testing.T) {
	d := newDomain(t)
	s, err := ipcio.NewServer(ipcio.ServerConfig{Dir: d.dir, Logger: quiet})
	ok(t, err)
	if s.Started() {
		t.Error("Started() before Start")
	}
	ok(t, s.Start(d.ctx()))
	if !s.Started() {
		t.Error("not Started() after Start")
	}
	if err := s.Start(d.ctx()); err == nil || errors.Is(err, ipcio.ErrClosed) {
		t.Errorf("a second Start: %v", err)
	}
	if !s.Started() {
		t.Error("a refused Start has stopped the server")
	}
	ok(t, s.Close())
	if s.Started() {
		t.Error("Started() after Close")
	}
	if err := s.Start(d.ctx()); !errors.Is(err, ipcio.ErrClosed) {
		t.Errorf("Start after Close: %v", err)
	}
	ok(t, s.Wait())
}

func TestNpmFeatureClient(t *testing.T) {
	d := newDomain(t)
	d.serve()
	named := d.join("example_client")
	if named.Name() != "example_client" {
		t.Errorf("Name() = %q", named.Name())
	}
	a, b := d.join(""), d.join("")
	if a.Name() == "" || a.Name() == b.Name() {
		t.Errorf("random names %q and %q", a.Name(), b.Name())
	}
	for _, name := range []string{"Upper", "a b", "", strings.Repeat("x", 64), "ü"} {
		_, err := ipcio.NewClient(ipcio.ClientConfig{Name: name, Dir: d.dir})
		if (err == nil) != (name == "") {
			t.Errorf("NewClient with the name %q: %v", name, err)
		}
	}
}

func TestNpmFeatureConnect(t *testing.T) {
	d := newDomain(t)
	states := newRecorder[ipcio.State]()
	c := d.client(ipcio.ClientConfig{Name: "c", OnStateChange: states.add})
	if c.Started() || c.Connected() || c.State() != ipcio.StateStopped {
		t.Error("a new client is not stopped")
	}
	ok(t, c.Start())
	if !c.Started() || c.Connected() {
		t.Error("a started client without a server is not connecting")
	}
	if err := c.Start(); err == nil {
		t.Error("a second Start is no error")
	}
	// An ended ctx ends the wait, not the client.
	if err := c.Connect(expired()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Connect with an ended ctx: %v", err)
	}
	if !c.Started() {
		t.Error("an ended ctx has stopped the client")
	}
	s := d.serve()
	ok(t, c.Connect(d.ctx()))
	if !c.Started() || !c.Connected() {
		t.Error("not connected after Connect")
	}
	ok(t, s.Close())
	states.wait(t, 3)
	if !c.Started() || c.Connected() {
		t.Error("after the server ended: not connecting")
	}
	d.serve()
	ok(t, c.Connect(d.ctx()))
	ok(t, c.Close())
	if c.Started() || c.Connected() {
		t.Error("started or connected after Close")
	}
	if err := c.Start(); !errors.Is(err, ipcio.ErrClosed) {
		t.Errorf("Start after Close: %v", err)
	}
	if err := c.Connect(d.ctx()); !errors.Is(err, ipcio.ErrClosed) {
		t.Errorf("Connect after Close: %v", err)
	}
	want := []ipcio.State{
		ipcio.StateConnecting, ipcio.StateConnected, ipcio.StateConnecting, ipcio.StateConnected, ipcio.StateClosed,
	}
	if diff := cmp.Diff(want, states.wait(t, len(want))); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestNpmFeatureHandlersAtAnyTime(t *testing.T) {
	d := newDomain(t)
	s := d.serve()
	c := d.join("c")
	if err := failed(t)(c.Call(d.ctx(), "late", nil)); !errors.Is(err, ipcio.ErrNoHandler) {
		t.Fatal(err)
	}
	handle(t, s, "late", answer("there"))
	if got := reply(t)(c.Call(d.ctx(), "late", nil)); got != "there" {
		t.Errorf("got %v", got)
	}
	if err := s.On("late", answer("other")); !errors.Is(err, ipcio.ErrDuplicateHandler) {
		t.Errorf("a duplicate: %v", err)
	}
	if !s.Off("late") || s.Off("late") {
		t.Error("Off does not tell whether there was a handler")
	}
	if err := failed(t)(c.Call(d.ctx(), "late", nil)); !errors.Is(err, ipcio.ErrNoHandler) {
		t.Error(err)
	}
	handle(t, s, "late", answer("again"))
	if got := reply(t)(c.Call(d.ctx(), "late", nil)); got != "again" {
		t.Errorf("got %v", got)
	}
}

// answer returns a handler with a fixed reply.
func answer(v any) ipcio.HandlerFunc {
	return func(context.Context, *ipcio.Message) (any, error) { return v, nil }
}

func TestNpmFeatureServerEmit(t *testing.T) {
	d := newDomain(t)
	s := d.serve()
	a, b := newRecorder[any](), newRecorder[any]()
	d.join("a", func(c *ipcio.Client) { handle(t, c, "news", record(a)) })
	d.join("b", func(c *ipcio.Client) { handle(t, c, "news", record(b)) })
	ok(t, s.Emit(d.ctx(), "a", "news", "for a"), s.Emit(d.ctx(), "b", "news", "for b"))
	if got := a.wait(t, 1); got[0] != "for a" {
		t.Errorf("a got %v", got)
	}
	if got := b.wait(t, 1); got[0] != "for b" {
		t.Errorf("b got %v", got)
	}
	if err := s.Emit(d.ctx(), "nobody", "news", 1); !errors.Is(err, ipcio.ErrUnknownClient) || ipcio.OutcomeOf(err) != ipcio.OutcomeNotSent {
		t.Errorf("emit to an unknown client: %v", err)
	}
}

func TestNpmFeatureServerBroadcast(t *testing.T) {
	d := newDomain(t)
	s := d.serve()
	var seen []*recorder[any]
	for _, name := range []string{"a", "b", "c"} {
		r := newRecorder[any]()
		seen = append(seen, r)
		d.join(name, func(c *ipcio.Client) { handle(t, c, "news", record(r)) })
	}
	for i := range 50 {
		ok(t, s.Broadcast(d.ctx(), "news", i))
	}
	for _, r := range seen {
		wantCount(t, r.wait(t, 50), 50)
	}
}

// wantCount fails the test unless got is 0, 1, 2 … n-1.
func wantCount(t testing.TB, got []any, n int) {
	t.Helper()
	if len(got) != n {
		t.Fatalf("%d came, want %d", len(got), n)
	}
	for i, v := range got {
		if v != int64(i) {
			t.Fatalf("number %d is %v", i, v)
		}
	}
}

func TestNpmFeatureClientEmit(t *testing.T) {
	d := newDomain(t)
	seen := newRecorder[any]()
	d.serve(func(s *ipcio.Server) { handle(t, s, "request", record(seen)) })
	c := d.join("c")
	for i := range 100 {
		ok(t, c.Emit(d.ctx(), "request", i))
	}
	wantCount(t, seen.wait(t, 100), 100)
}

func TestNpmFeatureClientToClient(t *testing.T) {
	d := newDomain(t)
	d.serve()
	seen := newRecorder[string]()
	d.join("b", func(c *ipcio.Client) {
		handle(t, c, "hello", func(ctx context.Context, m *ipcio.Message) (any, error) {
			seen.add("b hears " + m.From().Name())
			return nil, m.From().Emit(ctx, "hello", nil)
		})
	})
	a := d.join("a", func(c *ipcio.Client) {
		handle(t, c, "hello", func(_ context.Context, m *ipcio.Message) (any, error) {
			seen.add("a hears " + m.From().Name())
			return nil, nil
		})
	})
	ok(t, a.EmitTo(d.ctx(), "b", "hello", nil))
	if diff := cmp.Diff([]string{"b hears a", "a hears b"}, seen.wait(t, 2)); diff != "" {
		t.Error(diff)
	}
	// One may be one's own client too.
	ok(t, a.EmitTo(d.ctx(), "a", "hello", nil))
	if got := seen.wait(t, 3)[2]; got != "a hears a" {
		t.Error(got)
	}
}

func TestNpmFeatureClientBroadcast(t *testing.T) {
	d := newDomain(t)
	d.serve()
	b, c := newRecorder[any](), newRecorder[any]()
	a := d.join("a")
	d.join("b", func(c *ipcio.Client) { handle(t, c, "news", record(b)) })
	d.join("c", func(cl *ipcio.Client) { handle(t, cl, "news", record(c)) })
	for i := range 20 {
		ok(t, a.Broadcast(d.ctx(), "news", i))
	}
	wantCount(t, b.wait(t, 20), 20)
	wantCount(t, c.wait(t, 20), 20)
}

func TestNpmFeatureDiscover(t *testing.T) {
	d := newDomain(t)
	d.serve(func(s *ipcio.Server) {
		for _, command := range []string{"job.submit", "job.*", "*"} {
			handle(t, s, command, answer(nil))
		}
	})
	a, b := d.join("a"), d.join("b")
	dir, err := a.Discover(d.ctx())
	ok(t, err)
	if got := names(dir.Clients); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("clients %q", got)
	}
	self := ipcio.Credentials{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()), PID: int32(os.Getpid())}
	for _, c := range dir.Clients {
		if c.Credentials != self || !c.Connected || len(c.ID) != 32 || c.Since.IsZero() {
			t.Errorf("client %+v", c)
		}
	}
	want := []ipcio.CommandInfo{{Name: "*"}, {Name: "job.*"}, {Name: "job.submit"}}
	if diff := cmp.Diff(want, dir.Commands); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	ok(t, b.Close())
	eventually(t, "b is not listed any more", func() bool {
		dir, err := a.Discover(d.ctx())
		ok(t, err)
		return slices.Equal(names(dir.Clients), []string{"a"})
	})
	if _, err := b.Discover(d.ctx()); !errors.Is(err, ipcio.ErrClosed) {
		t.Errorf("Discover of a closed client: %v", err)
	}
	if _, err := d.client(ipcio.ClientConfig{}).Discover(expired()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Discover with an ended ctx: %v", err)
	}
}

func TestNpmFeatureDeliver(t *testing.T) {
	d := newDomain(t)
	greet := func(who string) ipcio.HandlerFunc {
		return func(_ context.Context, m *ipcio.Message) (any, error) {
			v, err := m.Value()
			return fmt.Sprintf("%s to %s: %v", who, m.From().Name(), v), err
		}
	}
	s := d.serve(func(s *ipcio.Server) { handle(t, s, "greet", greet("server")) })
	a := d.join("a", func(c *ipcio.Client) { handle(t, c, "greet", greet("a")) })
	d.join("b", func(c *ipcio.Client) { handle(t, c, "greet", greet("b")) })
	for _, test := range []struct {
		want string
		call func() (*ipcio.Message, error)
	}{
		{"server to a: 1", func() (*ipcio.Message, error) { return a.Call(d.ctx(), "greet", 1) }},
		{"b to a: 2", func() (*ipcio.Message, error) { return a.CallTo(d.ctx(), "b", "greet", 2) }},
		{"a to : 3", func() (*ipcio.Message, error) { return s.Call(d.ctx(), "a", "greet", 3) }},
	} {
		if got := reply(t)(test.call()); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestNpmFeatureQueue(t *testing.T) {
	d := newDomain(t)
	seen := newRecorder[any]()
	setup := func(s *ipcio.Server) { handle(t, s, "n", record(seen)) }
	c := d.client(ipcio.ClientConfig{Name: "c"})
	const n = 100
	for i := range n { // before Start
		ok(t, c.Emit(d.ctx(), "n", i))
	}
	ok(t, c.Start())
	for i := range n { // before the server
		ok(t, c.Emit(d.ctx(), "n", n+i))
	}
	s := d.serve(setup)
	wantCount(t, seen.wait(t, 2*n), 2*n)
	ok(t, c.Flush(d.ctx()), s.Close())
	for i := range n { // while it is away
		ok(t, c.Emit(d.ctx(), "n", 2*n+i))
	}
	d.serve(setup)
	wantCount(t, seen.wait(t, 3*n), 3*n)
}

func TestNpmFeatureMessageAndPeer(t *testing.T) {
	d := newDomain(t)
	type data struct {
		Text string `cbor:"text"`
	}
	got := make(chan ipcio.Peer, 1)
	s := d.serve(func(s *ipcio.Server) {
		handle(t, s, "inspect", func(ctx context.Context, m *ipcio.Message) (any, error) {
			var v data
			ok(t, m.Decode(&v))
			untyped, err := m.Value()
			ok(t, err)
			if diff := cmp.Diff(any(map[string]any{"text": "hi"}), untyped); diff != "" || v.Text != "hi" {
				t.Errorf("Decode: %+v, Value: %s", v, diff)
			}
			if m.Command() != "inspect" || !m.IsCall() || m.Redelivered() {
				t.Errorf("%q, call %t, redelivered %t", m.Command(), m.IsCall(), m.Redelivered())
			}
			if from, found := ipcio.MessageFromContext(ctx); !found || from != m {
				t.Error("the ctx does not know its message")
			}
			got <- m.From()
			return nil, nil
		})
	})
	c := d.join("c", func(c *ipcio.Client) { handle(t, c, "echo", answer("echo")) })
	reply(t)(c.Call(d.ctx(), "inspect", data{"hi"}))
	p := receive(t, "the peer", got)
	if p.Name() != "c" || p.ID() != s.Clients()[0].ID {
		t.Errorf("name %q, id %q", p.Name(), p.ID())
	}
	want := ipcio.Credentials{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()), PID: int32(os.Getpid())}
	if creds, known := p.Credentials(); !known || creds != want {
		t.Errorf("credentials %+v %t", creds, known)
	}
	// It can be used after the handler returned.
	if v := reply(t)(p.Call(d.ctx(), "echo", nil)); v != "echo" {
		t.Error(v)
	}
	// It stands for the session, not for the name.
	ok(t, c.Close())
	eventually(t, "the session ends", func() bool { return len(s.Clients()) == 0 })
	d.join("c", func(c *ipcio.Client) { handle(t, c, "echo", answer("impostor")) })
	if err := failed(t)(p.Call(d.ctx(), "echo", nil)); !errors.Is(err, ipcio.ErrPeerGone) || ipcio.OutcomeOf(err) != ipcio.OutcomeNotSent {
		t.Errorf("call to a peer whose session ended: %v", err)
	}
	if err := p.Emit(d.ctx(), "echo", nil); !errors.Is(err, ipcio.ErrPeerGone) {
		t.Errorf("emit to a peer whose session ended: %v", err)
	}
	var zero ipcio.Peer
	if err := zero.Emit(d.ctx(), "echo", nil); !errors.Is(err, ipcio.ErrPeerGone) || zero.Name() != "" || zero.ID() != "" {
		t.Errorf("the zero Peer: %v", err)
	}
}

// A handler of broadcasts that blocks, with more of them behind it, does not
// delay what is private; and the other way round.
func TestNpmFeatureTwoLanes(t *testing.T) {
	d := newDomain(t)
	s := d.serve()
	release := make(chan struct{})
	private, public := newRecorder[any](), newRecorder[any]()
	d.join("c", func(c *ipcio.Client) {
		handle(t, c, "public", record(public))
		handle(t, c, "private", record(private))
		handle(t, c, "block", func(context.Context, *ipcio.Message) (any, error) {
			<-release
			return nil, nil
		})
	})
	ok(t, s.Broadcast(d.ctx(), "block", nil))
	for i := range 2000 {
		ok(t, s.Broadcast(d.ctx(), "public", i))
	}
	ok(t, s.Emit(d.ctx(), "c", "private", 0))
	wantCount(t, private.wait(t, 1), 1)
	if got := public.all(); len(got) != 0 {
		t.Fatalf("broadcasts overtook one another: %v", got)
	}
	release <- struct{}{}
	wantCount(t, public.wait(t, 2000), 2000)
	ok(t, s.Emit(d.ctx(), "c", "block", nil), s.Emit(d.ctx(), "c", "private", 1), s.Broadcast(d.ctx(), "public", 2000))
	wantCount(t, public.wait(t, 2001), 2001)
	if got := private.all(); len(got) != 1 {
		t.Fatalf("private events overtook one another: %v", got)
	}
	close(release)
	wantCount(t, private.wait(t, 2), 2)
}

func TestNpmFeatureReservedNames(t *testing.T) {
	d := newDomain(t)
	s := d.serve()
	c := d.join("c")
	for _, name := range []string{"", "handshake", "discover", "broadcast", "emit", "deliver", "error", "ipcio.x", "ipcio.", "ipcio.*"} {
		for what, err := range map[string]error{
			"server On":        s.On(name, answer(nil)),
			"client On":        c.On(name, answer(nil)),
			"client Emit":      c.Emit(d.ctx(), name, nil),
			"client EmitTo":    c.EmitTo(d.ctx(), "c", name, nil),
			"client Broadcast": c.Broadcast(d.ctx(), name, nil),
			"server Emit":      s.Emit(d.ctx(), "c", name, nil),
			"server Broadcast": s.Broadcast(d.ctx(), name, nil),
		} {
			if !errors.Is(err, ipcio.ErrReservedName) {
				t.Errorf("%s(%q): %v, want ErrReservedName", what, name, err)
			}
		}
		if err := failed(t)(c.Call(d.ctx(), name, nil)); !errors.Is(err, ipcio.ErrReservedName) {
			t.Errorf("Call(%q): %v", name, err)
		}
	}
	// What only looks like them is nobody's.
	for _, name := range []string{"handshakes", "emit.x", "error.*", "ipcio", "ipciox.y", "constructor", "__proto__"} {
		if err := s.On(name, answer(nil)); err != nil {
			t.Errorf("On(%q): %v", name, err)
		}
	}
}

func TestNpmFeatureVerbose(t *testing.T) {
	d := newDomain(t)
	var feed lockedBuffer
	logger := slog.New(slog.NewTextHandler(&feed, nil))
	seen := newRecorder[any]()
	s := d.serveWith(ipcio.ServerConfig{Verbose: true, Logger: logger}, func(s *ipcio.Server) { handle(t, s, "request", record(seen)) })
	c := d.client(ipcio.ClientConfig{Name: "speaker", Verbose: true, Logger: logger})
	ok(t, c.Connect(d.ctx()), c.Emit(d.ctx(), "request", "the-secret-payload"))
	seen.wait(t, 1)
	ok(t, c.Broadcast(d.ctx(), "rumour", 1), c.Shutdown(d.ctx()), s.Shutdown(d.ctx()))
	got := feed.String()
	for _, want := range []string{
		"ipcio: listening", "ipcio: client connected", "ipcio: emit", "ipcio: handle", "ipcio: broadcast", "ipcio: closed",
		"command=request", "client=speaker", "domain=default",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the feed does not say %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "the-secret-payload") {
		t.Error("the feed shows a payload")
	}
}

// lockedBuffer is a bytes.Buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
