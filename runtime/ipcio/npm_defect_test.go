package ipcio_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// The defects of the npm package ipcio 0.6.2, one test each.

// echo is a handler that replies with what it got.
func echo(_ context.Context, m *ipcio.Message) (any, error) { return m.Value() }

func TestNpmDefect01TextArrivesByteForByte(t *testing.T) {
	d := newDomain(t)
	s := d.serve(func(s *ipcio.Server) { handle(t, s, "echo", echo) })
	seen := newRecorder[any]()
	c := d.join("c", func(c *ipcio.Client) { handle(t, c, "text", record(seen)) })
	texts := []string{
		"x}{y", "x},{y", "a\nb", "a\r\nb", "\n", "", "\x00", "a\x00b", `{"command":"emit"}`, `\`, `"`, "\u2028\u2029\ufeff",
		"\U0001f600", strings.Repeat("}{\n", 100_000),
	}
	for i, text := range texts {
		if got := reply(t)(c.Call(d.ctx(), "echo", text)); got != text {
			t.Errorf("text %d: %.40q came back as %.40q", i, text, got)
		}
		ok(t, s.Emit(d.ctx(), "c", "text", text))
	}
	for i, got := range seen.wait(t, len(texts)) {
		if got != texts[i] {
			t.Errorf("text %d: %.40q arrived as %.40q", i, texts[i], got)
		}
	}
}

func TestNpmDefect02LargePayloads(t *testing.T) {
	d := newDomain(t)
	const limit = 8 << 20
	d.serveWith(ipcio.ServerConfig{Limits: ipcio.Limits{FrameBytes: limit}}, func(s *ipcio.Server) { handle(t, s, "echo", echo) })
	c := d.join("c")
	for _, size := range []int{300_000, 1 << 20, 7 << 20} {
		data := bytes.Repeat([]byte("0123456789abcdef"), size/16)
		got, isBytes := reply(t)(c.Call(d.ctx(), "echo", data)).([]byte)
		if !isBytes || !bytes.Equal(got, data) {
			t.Errorf("%d bytes did not come back as they were", size)
		}
	}
	over := make([]byte, limit)
	for what, err := range map[string]error{
		"Emit":      c.Emit(d.ctx(), "echo", over),
		"EmitTo":    c.EmitTo(d.ctx(), "c", "echo", over),
		"Broadcast": c.Broadcast(d.ctx(), "echo", over),
		"Call":      failed(t)(c.Call(d.ctx(), "echo", over)),
	} {
		if !errors.Is(err, ipcio.ErrTooLarge) || ipcio.OutcomeOf(err) != ipcio.OutcomeNotSent {
			t.Errorf("%s of more than the limit: %v", what, err)
		} else if !strings.Contains(err.Error(), "8388608") {
			t.Errorf("%s: the error does not name the limit: %v", what, err)
		}
	}
	// The connection has not suffered.
	if got := reply(t)(c.Call(d.ctx(), "echo", "still here")); got != "still here" {
		t.Error(got)
	}
}

func TestNpmDefect03FalsyValuesArriveAsTheyAre(t *testing.T) {
	d := newDomain(t)
	s := d.serve(func(s *ipcio.Server) { handle(t, s, "echo", echo) })
	seen := newRecorder[any]()
	c := d.join("c", func(c *ipcio.Client) {
		handle(t, c, "echo", echo)
		handle(t, c, "value", record(seen))
	})
	values := []any{int64(0), false, "", nil, 0.0, []any{}, map[string]any{}, []byte{}, math.Inf(-1)}
	for _, v := range values {
		if diff := cmp.Diff(v, reply(t)(c.Call(d.ctx(), "echo", v))); diff != "" {
			t.Errorf("%#v to the server and back:\n%s", v, diff)
		}
		if diff := cmp.Diff(v, reply(t)(s.Call(d.ctx(), "c", "echo", v))); diff != "" {
			t.Errorf("%#v to the client and back:\n%s", v, diff)
		}
		ok(t, s.Emit(d.ctx(), "c", "value", v))
	}
	if diff := cmp.Diff(values, seen.wait(t, len(values))); diff != "" {
		t.Errorf("events:\n%s", diff)
	}
}

func TestNpmDefect04UnknownClientAndCommandFailAtOnce(t *testing.T) {
	d := newDomain(t)
	s := d.serve()
	gaps := newRecorder[ipcio.Gap]()
	c := d.client(ipcio.ClientConfig{Name: "c", OnGap: gaps.add})
	ok(t, c.Connect(d.ctx()))
	d.join("b")
	for _, test := range []struct {
		name string
		call func() (*ipcio.Message, error)
		want error
	}{
		{"client to unknown client", func() (*ipcio.Message, error) { return c.CallTo(d.ctx(), "nobody", "x", nil) }, ipcio.ErrUnknownClient},
		{"client to a name that cannot be", func() (*ipcio.Message, error) { return c.CallTo(d.ctx(), "No Body", "x", nil) }, ipcio.ErrUnknownClient},
		{"server to unknown client", func() (*ipcio.Message, error) { return s.Call(d.ctx(), "nobody", "x", nil) }, ipcio.ErrUnknownClient},
		{"client to server", func() (*ipcio.Message, error) { return c.Call(d.ctx(), "x", nil) }, ipcio.ErrNoHandler},
		{"client to client", func() (*ipcio.Message, error) { return c.CallTo(d.ctx(), "b", "x", nil) }, ipcio.ErrNoHandler},
		{"server to client", func() (*ipcio.Message, error) { return s.Call(d.ctx(), "c", "x", nil) }, ipcio.ErrNoHandler},
	} {
		promptly(t, test.name, func() {
			_, err := test.call()
			if !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", test.name, err, test.want)
			}
			if o := ipcio.OutcomeOf(err); o != ipcio.OutcomeNotHandled && o != ipcio.OutcomeNotSent {
				t.Errorf("%s: outcome %v, it is safe to try again", test.name, o)
			}
		})
	}
	// An event's sender learns it from OnGap.
	ok(t, c.EmitTo(d.ctx(), "nobody", "one", nil), c.Emit(d.ctx(), "two", nil))
	got := gaps.wait(t, 2)
	for i, want := range []struct {
		command string
		err     error
	}{{"one", ipcio.ErrUnknownClient}, {"two", ipcio.ErrNoHandler}} {
		g := got[i]
		if g.Reason != ipcio.GapRefused || g.Count != 1 || !slices.Equal(g.Commands, []string{want.command}) || !errors.Is(g.Err, want.err) {
			t.Errorf("gap %d: %+v, want %v", i, g, want)
		}
	}
}

func TestNpmDefect05NoEcho(t *testing.T) {
	d := newDomain(t)
	s := d.serve()
	echoed, heard := newRecorder[any](), newRecorder[any]()
	a := d.join("a", func(c *ipcio.Client) { handle(t, c, "news", record(echoed)) })
	d.join("b", func(c *ipcio.Client) { handle(t, c, "news", record(heard)) })
	for i := range 100 {
		ok(t, a.Broadcast(d.ctx(), "news", i))
	}
	wantCount(t, heard.wait(t, 100), 100)
	// The server's next broadcast comes behind all echoes there could be.
	ok(t, s.Broadcast(d.ctx(), "news", "end"))
	if got := echoed.wait(t, 1); got[0] != "end" {
		t.Errorf("a heard itself: %v", got)
	}
}

func TestNpmDefect06NameTaken(t *testing.T) {
	d := newDomain(t)
	s := d.serve(func(s *ipcio.Server) { handle(t, s, "echo", echo) })
	holder := d.join("name")
	second := d.client(ipcio.ClientConfig{Name: "name"})
	promptly(t, "Connect with a taken name", func() {
		if err := second.Connect(d.ctx()); !errors.Is(err, ipcio.ErrNameTaken) {
			t.Errorf("got %v, want ErrNameTaken", err)
		}
	})
	if second.Started() {
		t.Error("the refused client is not stopped")
	}
	// Its holder has not suffered.
	if got := reply(t)(holder.Call(d.ctx(), "echo", 1)); got != int64(1) || len(s.Clients()) != 1 {
		t.Errorf("got %v, clients %q", got, names(s.Clients()))
	}
	// When the name is free, the same client can have it.
	ok(t, holder.Close())
	eventually(t, "the name is free", func() bool { return len(s.Clients()) == 0 })
	ok(t, second.Connect(d.ctx()))
	// A client that was started, instead of connected, goes on trying.
	third := d.client(ipcio.ClientConfig{Name: "name"})
	ok(t, third.Start(), third.Emit(d.ctx(), "echo", 1))
	ok(t, second.Close(), third.Flush(d.ctx()))
}

// A process that replaces another one takes its name, however short the time
// between them: the server finds out that the former is gone.
func TestNameOfAClientThatIsGone(t *testing.T) {
	d := newDomain(t)
	d.serve()
	for range 100 * *scale {
		c := d.client(ipcio.ClientConfig{Name: "worker"})
		ok(t, c.Connect(d.ctx()))
		ok(t, c.Close())
	}
	for range 3 {
		p := spawn(t, "callee", d.dir, "worker")
		p.expect("ready")
		p.kill()
	}
	c := d.client(ipcio.ClientConfig{Name: "worker"})
	ok(t, c.Connect(d.ctx()))
}

func TestNpmDefect07DomainInUse(t *testing.T) {
	d := newDomain(t)
	first := spawn(t, "counter", d.dir)
	first.expect("ready")
	client := d.join("c")
	second, err := ipcio.NewServer(ipcio.ServerConfig{Dir: d.dir, Logger: quiet})
	ok(t, err)
	t.Cleanup(func() { second.Close() })
	for range 3 {
		if err := second.Start(d.ctx()); !errors.Is(err, ipcio.ErrDomainInUse) {
			t.Fatalf("got %v, want ErrDomainInUse", err)
		}
	}
	if got := reply(t)(client.Call(d.ctx(), "ask", 1)); got != int64(1) {
		t.Errorf("the live server answers %v", got)
	}
	// A crash leaves its socket, which is replaced.
	first.kill()
	if got := d.files(); !slices.Equal(got, []string{"default.lock", "default.sock"}) {
		t.Fatalf("after a crash: %q", got)
	}
	handle(t, second, "ask", answer("second"))
	ok(t, second.Start(d.ctx()))
	eventually(t, "the client has come over", func() bool { return len(second.Clients()) == 1 })
	if got := reply(t)(client.Call(d.ctx(), "ask", 1)); got != "second" {
		t.Errorf("the new server answers %v", got)
	}
	ok(t, second.Close())
	if got := d.files(); len(got) != 0 {
		t.Errorf("after Close: %q", got)
	}
}

func TestNpmDefect08HandlerErrorsAndPanics(t *testing.T) {
	d := newDomain(t)
	var feed lockedBuffer
	gaps := newRecorder[ipcio.Gap]()
	s := d.serveWith(ipcio.ServerConfig{Logger: slog.New(slog.NewTextHandler(&feed, nil))}, func(s *ipcio.Server) {
		handle(t, s, "echo", echo)
		handle(t, s, "reject", func(context.Context, *ipcio.Message) (any, error) {
			return nil, errors.New("the-text-of-the-error")
		})
		handle(t, s, "coded", func(context.Context, *ipcio.Message) (any, error) {
			data, err := ipcio.NewAny(map[string]any{"retry": 7})
			return nil, errors.Join(err, &ipcio.RemoteError{Code: "busy", Message: "come back", Data: data})
		})
		handle(t, s, "panic", func(context.Context, *ipcio.Message) (any, error) { panic("the-panic") })
		handle(t, s, "nil", func(context.Context, *ipcio.Message) (any, error) {
			var m *ipcio.Message
			return m.Command(), nil
		})
		handle(t, s, "goexit", func(context.Context, *ipcio.Message) (any, error) {
			runtime.Goexit()
			return nil, nil
		})
		handle(t, s, "unencodable", func(context.Context, *ipcio.Message) (any, error) { return make(chan int), nil })
	})
	c := d.client(ipcio.ClientConfig{Name: "c", OnGap: gaps.add})
	ok(t, c.Connect(d.ctx()))
	for command, code := range map[string]string{
		"reject": ipcio.CodeInternal, "coded": "busy", "panic": ipcio.CodeInternal, "nil": ipcio.CodeInternal,
		"goexit": ipcio.CodeInternal, "unencodable": ipcio.CodeInternal,
	} {
		err := failed(t)(c.Call(d.ctx(), command, nil))
		remote, isRemote := errors.AsType[*ipcio.RemoteError](err)
		if !isRemote || remote.Code != code || ipcio.OutcomeOf(err) != ipcio.OutcomeHandled {
			t.Errorf("%s: %v (outcome %v), want code %q", command, err, ipcio.OutcomeOf(err), code)
			continue
		}
		if strings.Contains(err.Error(), "the-text") || strings.Contains(err.Error(), "the-panic") {
			t.Errorf("%s: the text of an inner error travels: %v", command, err)
		}
		if command == "coded" {
			v, err := remote.Data.Value()
			if diff := cmp.Diff(any(map[string]any{"retry": int64(7)}), v); err != nil || diff != "" || remote.Message != "come back" {
				t.Errorf("coded: %q %v %s", remote.Message, err, diff)
			}
		}
	}
	// Events: the server lives, what comes behind is handled, a panic is told.
	for _, command := range []string{"reject", "panic", "goexit", "nil"} {
		ok(t, c.Emit(d.ctx(), command, nil))
	}
	if got := reply(t)(c.Call(d.ctx(), "echo", 1)); got != int64(1) || !s.Started() {
		t.Errorf("afterwards: %v", got)
	}
	ok(t, c.Flush(d.ctx()))
	for _, g := range gaps.wait(t, 3) {
		if g.Reason != ipcio.GapRefused || slices.Contains(g.Commands, "reject") {
			t.Errorf("gap %+v", g)
		}
	}
	for _, want := range []string{"the-text-of-the-error", "the-panic", "npm_defect_test.go", "incident="} {
		if !strings.Contains(feed.String(), want) {
			t.Errorf("the log does not say %q", want)
		}
	}
}

func TestNpmDefect09QueuedBeforeConnectIsFlushedInOrder(t *testing.T) {
	d := newDomain(t)
	events, news := newRecorder[any](), newRecorder[any]()
	c := d.client(ipcio.ClientConfig{Name: "c"})
	const n = 200
	for i := range n {
		ok(t, c.Emit(d.ctx(), "event", i), c.Broadcast(d.ctx(), "news", i), c.EmitTo(d.ctx(), "b", "event", i))
	}
	d.serve(func(s *ipcio.Server) { handle(t, s, "event", record(events)) })
	direct := newRecorder[any]()
	d.join("b", func(c *ipcio.Client) {
		handle(t, c, "news", record(news))
		handle(t, c, "event", record(direct))
	})
	ok(t, c.Connect(d.ctx()))
	wantCount(t, events.wait(t, n), n)
	wantCount(t, news.wait(t, n), n)
	wantCount(t, direct.wait(t, n), n)
}

func TestNpmDefect10NothingIsLeftOfHalfAHandshake(t *testing.T) {
	d := newDomain(t)
	const handshake = 100 * time.Millisecond
	s := d.serveWith(ipcio.ServerConfig{Limits: ipcio.Limits{HandshakeTimeout: handshake, Handshakes: 1000}}, func(s *ipcio.Server) {
		handle(t, s, "echo", echo)
	})
	honest := d.join("honest")
	before := descriptors(t)
	hello := &wire.Hello{
		Version: wire.Version, Lane: wire.LaneDomain, Token: make([]byte, 16), Attempt: 1, Name: "half",
		FrameBytes: 16 << 20, Frames: 1, Bytes: 1, Calls: 1,
	}
	frame, err := wire.AppendHello(nil, hello)
	ok(t, err)
	var conns []net.Conn
	for i := range 100 {
		conn := d.dial()
		conns = append(conns, conn)
		switch i % 4 {
		case 0: // says nothing
		case 1: // claims much and sends little
			_, err = conn.Write([]byte{0x5a, 0, 0, 3, 0xff})
		case 2: // stops in the middle
			_, err = conn.Write(frame[:len(frame)/2])
		case 3: // never opens its private lane
			hello.Token[0]++
			hello.Name = "half" + string(rune('a'+i/4))
			var b []byte
			if b, err = wire.AppendHello(nil, hello); err == nil {
				_, err = conn.Write(b)
			}
		}
		ok(t, err)
	}
	if got := d.files(); !slices.Equal(got, []string{"default.lock", "default.sock"}) {
		t.Errorf("%q: there is more than one socket and its lock", got)
	}
	if got := reply(t)(honest.Call(d.ctx(), "echo", 1)); got != int64(1) {
		t.Errorf("the honest client gets %v", got)
	}
	for i, conn := range conns {
		ok(t, conn.SetReadDeadline(time.Now().Add(patience)))
		for b := make([]byte, 4096); err == nil; {
			_, err = conn.Read(b)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("connection %d was not closed", i)
		}
		err = nil
		conn.Close()
	}
	eventually(t, "the names are free", func() bool { return slices.Equal(names(s.Clients()), []string{"honest"}) })
	eventually(t, "the descriptors are closed", func() bool { return descriptors(t) <= before })
}

// descriptors counts the open descriptors of this process.
func descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("needs /proc")
	}
	return len(entries)
}

func TestNpmDefect11TheSocketIsPrivate(t *testing.T) {
	base := newDomain(t).dir
	dir := filepath.Join(base, "made", "by", "ipcio")
	s, err := ipcio.NewServer(ipcio.ServerConfig{Dir: dir, Logger: quiet})
	ok(t, err)
	t.Cleanup(func() { s.Close() })
	ok(t, s.Start(t.Context()))
	for name, want := range map[string]fs.FileMode{
		"": fs.ModeDir | 0o700, "default.sock": fs.ModeSocket | 0o600, "default.lock": 0o600,
	} {
		fi, err := os.Lstat(filepath.Join(dir, name))
		ok(t, err)
		if fi.Mode() != want {
			t.Errorf("%q has mode %v, want %v", name, fi.Mode(), want)
		}
	}
	ok(t, s.Close())

	// A directory that others may enter is refused by the server, one that
	// others may write to by the client.
	open := filepath.Join(base, "open")
	ok(t, os.Mkdir(open, 0o700))
	for _, mode := range []fs.FileMode{0o755, 0o711, 0o777} {
		ok(t, os.Chmod(open, mode))
		s, err := ipcio.NewServer(ipcio.ServerConfig{Dir: open, Logger: quiet})
		ok(t, err)
		if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "chmod 700") {
			t.Errorf("Start in a directory of mode %v: %v", mode, err)
		}
		if entries, err := os.ReadDir(open); err != nil || len(entries) != 0 {
			t.Errorf("a refused Start leaves %v %v", entries, err)
		}
	}
	link := filepath.Join(base, "link")
	ok(t, os.Symlink(dir, link))
	s, err = ipcio.NewServer(ipcio.ServerConfig{Dir: link, Logger: quiet})
	ok(t, err)
	if err := s.Start(t.Context()); err == nil {
		t.Error("Start through a symbolic link")
	}

	// Access decides with what the kernel says of the other process.
	d := newDomain(t)
	var asked atomic.Pointer[ipcio.Credentials]
	deny := atomic.Bool{}
	d.serveWith(ipcio.ServerConfig{Access: func(c ipcio.Credentials) error {
		asked.Store(&c)
		if deny.Load() {
			return errors.New("not today")
		}
		return nil
	}}, func(s *ipcio.Server) {
		handle(t, s, "who", func(_ context.Context, m *ipcio.Message) (any, error) {
			creds, _ := m.From().Credentials()
			return creds.PID, nil
		})
	})
	p := spawn(t, "callee", d.dir, "other-process")
	p.expect("ready")
	want := ipcio.Credentials{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()), PID: int32(p.cmd.Process.Pid)}
	if got := asked.Load(); got == nil || *got != want {
		t.Errorf("Access was asked about %+v, want %+v", got, want)
	}
	c := d.join("c")
	if got := reply(t)(c.Call(d.ctx(), "who", nil)); got != int64(os.Getpid()) {
		t.Errorf("the handler sees pid %v, want %d", got, os.Getpid())
	}
	deny.Store(true)
	err = d.client(ipcio.ClientConfig{Name: "denied"}).Connect(d.ctx())
	if !errors.Is(err, ipcio.ErrDenied) {
		t.Errorf("Connect: %v, want ErrDenied", err)
	}
	if err != nil && strings.Contains(err.Error(), "not today") {
		t.Errorf("whoever is denied is told why: %v", err)
	}
}

// A client that writes to the wire by hand cannot take the name of another.
func TestNpmDefect12TheServerStampsTheSender(t *testing.T) {
	d := newDomain(t)
	froms := newRecorder[string]()
	note := func(_ context.Context, m *ipcio.Message) (any, error) {
		froms.add(m.Command() + " from " + m.From().Name())
		return nil, nil
	}
	s := d.serve(func(s *ipcio.Server) { handle(t, s, "*", note) })
	victim := d.join("victim", func(c *ipcio.Client) { handle(t, c, "*", note) })
	ok(t, victim.Emit(d.ctx(), "honest", nil))
	froms.wait(t, 1)
	info := s.Clients()[0]
	forged := &wire.Peer{Name: "victim", UID: 0, GID: 0, PID: 1}
	copy(forged.ID[:], "0123456789abcdef")

	r := d.raw("attacker")
	empty := []byte{0xa0}
	// The field where a frame to a client names its sender names the addressee
	// on its way up: with all of another's identity in it, it is just that.
	r.private.send(&wire.Frame{Kind: wire.KindEvent, Number: 1, Command: "forged.to", Peer: &wire.Peer{Name: "victim"}, Payload: empty})
	r.private.send(&wire.Frame{Kind: wire.KindBroadcast, Number: 2, Command: "forged.all", Payload: empty})
	r.private.send(&wire.Frame{Kind: wire.KindEvent, Number: 3, Command: "forged.up", Payload: empty})
	got := froms.wait(t, 4)[1:]
	slices.Sort(got)
	if diff := cmp.Diff([]string{"forged.all from attacker", "forged.to from attacker", "forged.up from attacker"}, got); diff != "" {
		t.Errorf("senders (-want +got):\n%s", diff)
	}
	r.private.send(&wire.Frame{Kind: wire.KindEvent, Number: 4, Command: "forged.peer", Peer: forged, Payload: empty})
	if nack := r.private.next(wire.KindNack); nack.Code != ipcio.CodeUnknownClient || nack.From != 4 {
		t.Errorf("an address with a forged identity: %+v", nack)
	}

	// Neither the victim's public identifier nor its name opens its session.
	id := []byte(strings.Repeat("x", 16))
	for i := range id { // 32 hex digits
		id[i] = unhex(info.ID[2*i])<<4 | unhex(info.ID[2*i+1])
	}
	for _, hello := range []*wire.Hello{
		{Lane: wire.LanePrivate, Token: id, Cookie: make([]byte, 16)},
		{Lane: wire.LanePrivate, Token: r.token, Cookie: make([]byte, 16)},
		{Lane: wire.LanePrivate, Token: r.token, Cookie: r.welcome.Cookie}, // used up
		{Lane: wire.LaneDomain, Token: r.token, Name: "victim", FrameBytes: 1 << 20, Frames: 1, Bytes: 1, Calls: 1},
	} {
		hello.Version, hello.Attempt = wire.Version, 2
		_, refuse := newRawLane(t, d.dial()).tryHello(hello)
		if refuse == nil || refuse.Code != ipcio.CodeDenied || refuse.Message != "access denied" {
			t.Errorf("hello %+v: %+v", hello, refuse)
		}
	}
	_, refuse := newRawLane(t, d.dial()).tryHello(&wire.Hello{
		Version: wire.Version, Lane: wire.LaneDomain, Token: id, Attempt: 99, Name: "victim", FrameBytes: 1 << 20, Frames: 1, Bytes: 1, Calls: 1,
	})
	if refuse == nil || refuse.Code != ipcio.CodeNameTaken {
		t.Errorf("hello with the victim's name: %+v", refuse)
	}
	if !victim.Connected() {
		t.Error("the victim has lost its connection")
	}
	// A reply to a call that was never made to the attacker resolves nothing.
	ok(t, r.private.conn.SetDeadline(time.Now().Add(patience)))
	r.private.send(&wire.Frame{Kind: wire.KindReply, Number: 1, Ref: wire.RefOf(1, false), Payload: empty})
	r.private.send(&wire.Frame{Kind: wire.KindEvent, Number: 5, Command: "forged.last", Payload: empty})
	if got := froms.wait(t, 5)[4]; got != "forged.last from attacker" {
		t.Error(got)
	}
}

func unhex(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}
