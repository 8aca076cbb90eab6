package ipcio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/codec"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// Two sides that were built from different versions of one schema. The same
// with generated code and in separate processes is tested where the generator
// is.

type text struct{}

func (text) Check(b []byte) error { return codec.String.Unmarshal(b, new(string)) }

type number struct{}

func (number) Check(b []byte) error { return codec.Int64.Unmarshal(b, new(int64)) }

type nothing struct{}

func (nothing) Check([]byte) error { return nil }

const (
	print1, print2 = "1111111111111111", "2222222222222222"
	alike          = "aaaaaaaaaaaaaaaa"
)

// version returns one of two versions of a protocol. What differs carries a
// text in version 1 and a number in version 2.
func version(n int) *ipcio.Protocol {
	var form ipcio.Checker = text{}
	var failure ipcio.DeclaredError = (*busy[text])(nil)
	print, whole := print1, "sha256:v1"
	if n == 2 {
		form, failure, print, whole = number{}, (*busy[number])(nil), print2, "sha256:v2"
	}
	p := &ipcio.Protocol{Name: "versions", Version: 1, Fingerprint: whole, Commands: []ipcio.CommandSpec{
		{Name: "same", Direction: ipcio.Both, Fingerprint: alike, Payload: nothing{}, Reply: nothing{}},
		{Name: "up", Direction: ipcio.ClientToServer, Fingerprint: print, Payload: form, Reply: nothing{}},
		{Name: "up.reply", Direction: ipcio.ClientToServer, Fingerprint: print, Payload: nothing{}, Reply: form},
		{Name: "up.same.reply", Direction: ipcio.ClientToServer, Fingerprint: alike, Payload: nothing{}, Reply: text{}},
		{Name: "down", Direction: ipcio.ServerToClient, Fingerprint: print, Payload: form, Reply: nothing{}},
		{Name: "across", Direction: ipcio.ClientToClient, Fingerprint: print, Payload: form, Reply: nothing{}},
		{Name: "across.reply", Direction: ipcio.ClientToClient, Fingerprint: print, Payload: nothing{}, Reply: form},
		{Name: "fails", Direction: ipcio.ClientToServer, Fingerprint: print, Payload: nothing{}, Reply: nothing{}, Errors: []string{"Busy"}},
	}, Errors: []ipcio.ErrorSpec{{Name: "Busy", Type: failure}}}
	turned := ipcio.CommandSpec{Name: "turned", Direction: ipcio.ClientToServer, Fingerprint: print, Payload: nothing{}}
	if n == 2 {
		turned.Direction = ipcio.ServerToClient
	}
	p.Commands = append(p.Commands, turned, ipcio.CommandSpec{
		Name: fmt.Sprintf("only%d", n), Direction: ipcio.Both, Fingerprint: alike, Payload: nothing{}, Reply: nothing{},
	})
	return p
}

// busy is a declared error with one item.
type busy[form ipcio.Checker] struct{ item []byte }

func (e *busy[form]) Error() string                       { return "busy" }
func (e *busy[form]) ErrorName() string                   { return "Busy" }
func (e *busy[form]) Retryable() bool                     { return true }
func (e *busy[form]) AppendCBOR(b []byte) ([]byte, error) { return append(b, e.item...), nil }
func (e *busy[form]) UnmarshalCBOR(b []byte) error {
	e.item = append([]byte(nil), b...)
	var f form
	return f.Check(b)
}

// sample returns what version n of the protocol carries in what differs.
func sample(n int) any {
	if n == 1 {
		return "text"
	}
	return 2
}

func echoSample(n int) ipcio.HandlerFunc {
	return func(context.Context, *ipcio.Message) (any, error) { return sample(n), nil }
}

// wantMismatch checks an error of a sender or caller of one version.
func wantMismatch(t *testing.T, what string, err error, command, peer, ours, theirs string) {
	t.Helper()
	e, is := errors.AsType[*ipcio.MismatchError](err)
	switch {
	case !errors.Is(err, ipcio.ErrProtocolMismatch) || !is:
		t.Errorf("%s: %v is no mismatch", what, err)
	case e.Command != command || e.Peer != peer || e.Ours != ours || e.Theirs != theirs:
		t.Errorf("%s: %+v", what, e)
	case !strings.Contains(err.Error(), command) || !strings.Contains(err.Error(), ours) || !strings.Contains(err.Error(), theirs) ||
		!strings.Contains(err.Error(), "ipcio-gen breaking") || strings.Contains(err.Error(), "%!"):
		t.Errorf("%s: the text does not help: %v", what, err)
	}
}

func wantViolations(t *testing.T, what string, err error) {
	t.Helper()
	if e, is := errors.AsType[*ipcio.ValidationError](err); !is || len(e.Violations) == 0 {
		t.Errorf("%s: %v has no violations", what, err)
	}
}

func TestVersions(t *testing.T) {
	for server := 1; server <= 2; server++ {
		t.Run(fmt.Sprintf("server %d, client %d", server, 3-server), func(t *testing.T) { testVersions(t, server, 3-server) })
	}
}

func testVersions(t *testing.T, old, young int) {
	d := newDomain(t)
	there, here := print1, print2
	if old == 2 {
		there, here = print2, print1
	}
	var feed lockedBuffer
	logger := slog.New(slog.NewTextHandler(&feed, nil))
	gaps := newRecorder[ipcio.Gap]()
	s := d.serveWith(ipcio.ServerConfig{Protocol: version(old), Logger: logger, OnGap: gaps.add}, func(s *ipcio.Server) {
		for _, c := range []string{"same", "up", "turned", fmt.Sprintf("only%d", old)} {
			handle(t, s, c, echo)
		}
		handle(t, s, "up.reply", echoSample(old))
		handle(t, s, "fails", func(context.Context, *ipcio.Message) (any, error) {
			item := []byte{0x61, 'x'}
			if old == 2 {
				item = []byte{1}
			}
			return nil, fmt.Errorf("wrapped: %w", &busy[nothing]{item: item})
		})
	})
	missed := newRecorder[ipcio.Gap]()
	c := d.client(ipcio.ClientConfig{Name: "c", Protocol: version(young), Logger: logger, OnGap: missed.add})
	for _, command := range []string{"same", "down", "across", "turned"} {
		handle(t, c, command, echo)
	}
	handle(t, c, "across.reply", echoSample(young))
	ok(t, c.Connect(d.ctx()))
	other := d.client(ipcio.ClientConfig{Name: "other", Protocol: version(old), OnGap: gaps.add})
	ok(t, other.Connect(d.ctx()))

	// What both declare alike works, both ways.
	if v := reply(t)(c.Call(d.ctx(), "same", "x")); v != "x" {
		t.Error(v)
	}
	if v := reply(t)(s.Call(d.ctx(), "c", "same", "x")); v != "x" {
		t.Error(v)
	}

	// Refused by the other side: a call up, down and across.
	refused := func(what string, err error, command, peer string, ours, theirs string) {
		t.Helper()
		wantMismatch(t, what, err, command, peer, ours, theirs)
		wantViolations(t, what, err)
		if ipcio.OutcomeOf(err) != ipcio.OutcomeNotHandled {
			t.Errorf("%s: outcome %v", what, ipcio.OutcomeOf(err))
		}
	}
	refused("call up", failed(t)(c.Call(d.ctx(), "up", sample(young))), "up", "", here, there)
	refused("call down", failed(t)(s.Call(d.ctx(), "c", "down", sample(old))), "down", "c", there, here)
	refused("call across", failed(t)(other.CallTo(d.ctx(), "c", "across", sample(old))), "across", "c", there, here)

	// Events.
	ok(t, c.Emit(d.ctx(), "up", sample(young)))
	refused("emit up", missed.wait(t, 1)[0].Err, "up", "", here, there)
	ok(t, s.Emit(d.ctx(), "c", "down", sample(old)))
	refused("emit down", gaps.wait(t, 1)[0].Err, "down", "c", there, here)
	ok(t, other.EmitTo(d.ctx(), "c", "across", sample(old)))
	refused("emit across", gaps.wait(t, 2)[1].Err, "across", "c", there, here)

	// Replies that the caller cannot read.
	err := failed(t)(c.Call(d.ctx(), "up.reply", nil))
	wantMismatch(t, "reply up", err, "up.reply", "", here, there)
	if ipcio.OutcomeOf(err) != ipcio.OutcomeHandled {
		t.Errorf("a reply that cannot be read has outcome %v", ipcio.OutcomeOf(err))
	}
	wantMismatch(t, "reply across", failed(t)(other.CallTo(d.ctx(), "c", "across.reply", nil)), "across.reply", "c", there, "")

	// A reply that its own side refuses is nobody's version.
	handle(t, s, "up.same.reply", func(context.Context, *ipcio.Message) (any, error) { return 1, nil })
	if err := failed(t)(c.Call(d.ctx(), "up.same.reply", nil)); errors.Is(err, ipcio.ErrProtocolMismatch) {
		t.Error(err)
	}

	// Errors with other fields.
	err = failed(t)(c.Call(d.ctx(), "fails", nil))
	wantMismatch(t, "declared error", err, "fails", "", here, there)
	if e, is := errors.AsType[*ipcio.RemoteError](err); !is || e.Code != "Busy" || len(e.Data) == 0 {
		t.Errorf("the error is lost: %v", err)
	}

	// Another direction: refused where it is sent, or where it comes.
	turned := func(err error, peer, ours, theirs string) {
		t.Helper()
		wantMismatch(t, "turned", err, "turned", peer, ours, theirs)
		if !errors.Is(err, ipcio.ErrDenied) {
			t.Errorf("turned: %v", err)
		}
	}
	if young == 1 {
		ok(t, c.Emit(d.ctx(), "turned", nil))
		turned(missed.wait(t, 2)[1].Err, "", here, there)
		ok(t, s.Emit(d.ctx(), "c", "turned", nil))
		turned(gaps.wait(t, 3)[2].Err, "c", there, here)
	} else {
		for what, err := range map[string]error{"client": c.Emit(d.ctx(), "turned", nil), "server": s.Emit(d.ctx(), "c", "turned", nil)} {
			if !errors.Is(err, ipcio.ErrDenied) || ipcio.OutcomeOf(err) != ipcio.OutcomeNotSent {
				t.Errorf("%s: %v", what, err)
			}
		}
	}

	// Commands that one of them does not have.
	only := fmt.Sprintf("only%d", young)
	err = failed(t)(c.Call(d.ctx(), only, nil))
	if !errors.Is(err, ipcio.ErrUnknownCommand) || !errors.Is(err, ipcio.ErrNoHandler) || errors.Is(err, ipcio.ErrProtocolMismatch) ||
		!strings.Contains(err.Error(), fmt.Sprintf("sha256:v%d", old)) || !strings.Contains(err.Error(), "upgrade the server") {
		t.Errorf("unknown there: %v", err)
	}
	err = failed(t)(s.Call(d.ctx(), "c", fmt.Sprintf("only%d", old), nil))
	if !errors.Is(err, ipcio.ErrUnknownCommand) || !strings.Contains(err.Error(), `upgrade client "c"`) {
		t.Errorf("unknown there: %v", err)
	}
	err = failed(t)(c.Call(d.ctx(), "undeclared", nil)) // by both
	if errors.Is(err, ipcio.ErrUnknownCommand) || !errors.Is(err, ipcio.ErrNoHandler) {
		t.Error(err)
	}

	// A broadcast that cannot be read is told where it comes.
	before := len(missed.all())
	ok(t, s.Broadcast(d.ctx(), "down", sample(old)), other.Broadcast(d.ctx(), "across", sample(old)))
	got := missed.wait(t, before+2)[before:]
	for i, want := range []struct{ command, peer, theirs string }{{"down", "", there}, {"across", "other", ""}} {
		if g := got[i]; g.Reason != ipcio.GapUnreadable || g.Client != want.peer || g.Count != 1 {
			t.Errorf("%+v", g)
		}
		wantMismatch(t, "broadcast", got[i].Err, want.command, want.peer, here, want.theirs)
		wantViolations(t, "broadcast", got[i].Err)
	}

	// Each side says once what differs.
	for _, want := range []string{"other_side=\"the server\"", "other_side=\"client \\\"c\\\"\""} {
		lines := 0
		for line := range strings.Lines(feed.String()) {
			if strings.Contains(line, "another version of the schema") && strings.Contains(line, want) {
				lines++
				if !strings.Contains(line, "level=WARN") || !strings.Contains(line, "differ_count=7") ||
					!strings.Contains(line, "same_count=2") || !strings.Contains(line, "only_here_count=1") ||
					!strings.Contains(line, "up.reply") || !strings.Contains(line, "only_there=[only") {
					t.Error(line)
				}
			}
		}
		if lines != 1 {
			t.Errorf("%s: %d lines in\n%s", want, lines, feed.String())
		}
	}
}

// Nothing is told to a side of the same version, and to one that has no schema.
func TestVersionsAreToldWhenTheyDiffer(t *testing.T) {
	for _, tt := range []struct {
		name, fingerprint string
		told              bool
	}{{"same", "sha256:v1", false}, {"none", "", false}, {"other", "sha256:v2", true}} {
		d := newDomain(t)
		s := d.serveWith(ipcio.ServerConfig{Protocol: version(1)})
		c := d.rawVersion(tt.name, tt.fingerprint)
		ok(t, s.Emit(d.ctx(), tt.name, "same", 1), s.Broadcast(d.ctx(), "same", 1))
		for _, lane := range []*rawLane{c.private, c.domain} {
			frame := lane.next(wire.KindCommands, wire.KindEvent, wire.KindBroadcast)
			if told := frame.Kind == wire.KindCommands; told != tt.told {
				t.Errorf("%s: kind %d comes first", tt.name, frame.Kind)
			}
		}
	}
}

// rawVersion is raw for a client with a schema.
func (d *domain) rawVersion(name, fingerprint string) *rawClient {
	d.t.Helper()
	r := &rawClient{t: d.t, token: []byte(name + "----------------")[:16]}
	r.domain = newRawLane(d.t, d.dial())
	r.welcome = r.domain.hello(&wire.Hello{
		Version: wire.Version, Lane: wire.LaneDomain, Token: r.token, Attempt: 1, Name: name,
		FrameBytes: 4096, Frames: 1024, Bytes: 16 << 20, Calls: 256,
		Protocol: "versions", Major: 1, Fingerprint: fingerprint,
	})
	r.private = newRawLane(d.t, d.dial())
	r.private.hello(&wire.Hello{
		Version: wire.Version, Lane: wire.LanePrivate, Token: r.token, Attempt: 1, Cookie: r.welcome.Cookie,
	})
	return r
}

// A side that names a fingerprint and does not tell of its commands is
// explained as well as can be.
func TestVersionThatDoesNotTell(t *testing.T) {
	d := newDomain(t)
	s := d.serveWith(ipcio.ServerConfig{Protocol: version(1)})
	c := d.rawVersion("c", "sha256:v2")
	refuse := func(code string) error {
		t.Helper()
		done := make(chan error, 1)
		go func() {
			_, err := s.Call(d.ctx(), "c", "down", "x")
			done <- err
		}()
		call := c.private.next(wire.KindCall)
		c.private.send(&wire.Frame{
			Kind: wire.KindFail, Number: call.Number, Ref: wire.RefOf(call.Number, false), Code: code,
			Outcome: wire.OutcomeNotHandled, Payload: []byte{0xf6},
		})
		return receive(t, "the outcome", done)
	}
	err := refuse("invalid")
	wantMismatch(t, "invalid", err, "down", "c", print1, "")
	if !strings.Contains(err.Error(), "sha256:v1") && !strings.Contains(err.Error(), "sha256:v2") {
		t.Error(err)
	}
	if err := refuse("unknown_command"); !errors.Is(err, ipcio.ErrNoHandler) || errors.Is(err, ipcio.ErrUnknownCommand) {
		t.Error(err)
	}
}

// What a hostile side tells of its commands takes no memory and no answer, and
// what is malformed ends the connection.
func TestHostileCommands(t *testing.T) {
	for what, hex := range map[string]string{
		"no map":       "\x80",
		"not in order": "\xa2\x61b\x40\x61a\x40",
		"too many":     "\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		d := newDomain(t)
		d.serveWith(ipcio.ServerConfig{Protocol: version(1)})
		c := d.rawVersion("c", "sha256:v2")
		c.private.send(&wire.Frame{Kind: wire.KindCommands, Payload: []byte(hex)})
		for {
			if _, err := c.private.reader.Next(); err != nil {
				if e, is := errors.AsType[net.Error](err); is && e.Timeout() {
					t.Errorf("%s: the connection lives", what)
				}
				break
			}
		}
	}
	d := newDomain(t)
	d.serveWith(ipcio.ServerConfig{}, func(s *ipcio.Server) { handle(t, s, "same", echo) })
	c := d.rawVersion("c", "sha256:v2") // to a server without a schema it is nothing
	c.private.send(&wire.Frame{Kind: wire.KindCommands, Payload: []byte{0x80}})
	c.private.send(&wire.Frame{Kind: wire.KindCall, Number: 1, Command: "same", Payload: []byte{1}})
	c.private.next(wire.KindReply)
}

// A schema as large as may be is told, also to a side that takes the smallest
// frames, and again after a restart with another version.
func TestVersionsOfALargeSchema(t *testing.T) {
	large := func(n int) *ipcio.Protocol {
		p := version(n)
		for i := range 2000 {
			p.Commands = append(p.Commands, ipcio.CommandSpec{
				Name: fmt.Sprintf("%s.%04d", strings.Repeat("long", 25), i), Direction: ipcio.Both, Payload: nothing{}, Fingerprint: p.Commands[i%3].Fingerprint,
			})
		}
		return p
	}
	d := newDomain(t)
	s := d.serveWith(ipcio.ServerConfig{Protocol: large(1), Limits: ipcio.Limits{FrameBytes: 4096}}, func(s *ipcio.Server) { handle(t, s, "up", echo) })
	c := d.client(ipcio.ClientConfig{Name: "c", Protocol: large(2), FrameBytes: 4096})
	ok(t, c.Connect(d.ctx()))
	wantMismatch(t, "large", failed(t)(c.Call(d.ctx(), "up", 2)), "up", "", print2, print1)
	ok(t, s.Close())
	d.serveWith(ipcio.ServerConfig{Protocol: large(2)}, func(s *ipcio.Server) { handle(t, s, "up", echo) })
	if v := reply(t)(c.Call(d.ctx(), "up", 2)); v != int64(2) {
		t.Error(v)
	}
}

// A command that is declared in one direction does not leave in another.
func TestWrongDirectionIsRefusedWhereItIsSent(t *testing.T) {
	p := &ipcio.Protocol{Name: "directions", Version: 1}
	for _, direction := range []ipcio.Direction{ipcio.ClientToServer, ipcio.ServerToClient, ipcio.Both, ipcio.ClientToClient} {
		p.Commands = append(p.Commands, ipcio.CommandSpec{Name: direction.String(), Direction: direction, Payload: nothing{}, Reply: nothing{}})
	}
	d := newDomain(t)
	s := d.serveWith(ipcio.ServerConfig{Protocol: p}, func(s *ipcio.Server) { handle(t, s, "*", echo) })
	var a, b *ipcio.Client
	for name, c := range map[string]**ipcio.Client{"a": &a, "b": &b} {
		*c = d.client(ipcio.ClientConfig{Name: name, Protocol: p})
		handle(t, *c, "*", echo)
		ok(t, (*c).Connect(d.ctx()))
	}
	var server, client ipcio.Peer
	handle(t, s, "peer", func(_ context.Context, m *ipcio.Message) (any, error) { client = m.From(); return nil, nil })
	handle(t, a, "peer", func(_ context.Context, m *ipcio.Message) (any, error) { server = m.From(); return nil, nil })
	reply(t)(a.Call(d.ctx(), "peer", nil))
	reply(t)(s.Call(d.ctx(), "a", "peer", nil))

	const up, down, both, across = "client->server", "server->client", "client<->server", "client->client"
	ctx := d.ctx()
	called := func(_ *ipcio.Message, err error) error { return err }
	for _, tt := range []struct {
		what string
		send func(command string) error
		may  []string
	}{
		{"Client.Emit", func(c string) error { return a.Emit(ctx, c, 1) }, []string{up, both}},
		{"Client.Call", func(c string) error { return called(a.Call(ctx, c, 1)) }, []string{up, both}},
		{"Client.EmitTo", func(c string) error { return a.EmitTo(ctx, "b", c, 1) }, []string{across}},
		{"Client.CallTo", func(c string) error { return called(a.CallTo(ctx, "b", c, 1)) }, []string{across}},
		{"Client.Broadcast", func(c string) error { return a.Broadcast(ctx, c, 1) }, []string{across}},
		{"Server.Emit", func(c string) error { return s.Emit(ctx, "a", c, 1) }, []string{down, both}},
		{"Server.Call", func(c string) error { return called(s.Call(ctx, "a", c, 1)) }, []string{down, both}},
		{"Server.Broadcast", func(c string) error { return s.Broadcast(ctx, c, 1) }, []string{down, both}},
		{"Peer.Emit at the server", func(c string) error { return client.Emit(ctx, c, 1) }, []string{down, both}},
		{"Peer.Call at the client", func(c string) error { return called(server.Call(ctx, c, 1)) }, []string{up, both}},
	} {
		for _, c := range []string{up, down, both, across} {
			err := tt.send(c)
			if strings.Contains(" "+strings.Join(tt.may, " ")+" ", " "+c+" ") {
				ok(t, err)
				continue
			}
			if !errors.Is(err, ipcio.ErrDenied) || ipcio.OutcomeOf(err) != ipcio.OutcomeNotSent || !strings.Contains(err.Error(), "is declared "+c) {
				t.Errorf("%s of %s: %v", tt.what, c, err)
			}
		}
	}
	// A server without a schema sends what it likes; the client looks.
	ok(t, s.Close())
	s = d.serve()
	eventually(t, "the client is back", func() bool { return len(s.Clients()) == 2 && s.Clients()[0].Connected })
	for _, c := range []string{up, across} {
		if err := failed(t)(s.Call(d.ctx(), "a", c, 1)); !errors.Is(err, ipcio.ErrDenied) {
			t.Error(err)
		}
	}
}

// A declared error travels with its fields, however it is wrapped.
func TestWrappedDeclaredErrors(t *testing.T) {
	d := newDomain(t)
	wrap := map[string]func(error) error{
		"bare":   func(err error) error { return err },
		"once":   func(err error) error { return fmt.Errorf("around: %w", err) },
		"twice":  func(err error) error { return fmt.Errorf("far: %w", fmt.Errorf("near: %w", err)) },
		"two":    func(err error) error { return fmt.Errorf("%w and %w", errors.New("other"), err) },
		"joined": func(err error) error { return errors.Join(errors.New("other"), err) },
	}
	d.serveWith(ipcio.ServerConfig{Protocol: version(1)}, func(s *ipcio.Server) {
		handle(t, s, "fails", func(_ context.Context, m *ipcio.Message) (any, error) {
			var how string
			if err := m.Decode(&how); err != nil {
				return nil, err
			}
			return nil, wrap[how](&busy[text]{item: []byte{0x61, 'x'}})
		})
	})
	c := d.client(ipcio.ClientConfig{Protocol: version(1)})
	ok(t, c.Connect(d.ctx()))
	for how := range wrap {
		err := failed(t)(c.Call(d.ctx(), "fails", how))
		if e, is := errors.AsType[*busy[text]](err); !is || string(e.item) != "\x61x" {
			t.Errorf("%s: %v", how, err)
		}
		if e, is := errors.AsType[*ipcio.RemoteError](err); !is || e.Code != "Busy" || e.Message != "busy" || ipcio.OutcomeOf(err) != ipcio.OutcomeHandled {
			t.Errorf("%s: %v", how, err)
		}
	}
}
