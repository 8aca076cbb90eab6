package session

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A pairing is a domain with two clients, a and b, and the members that they are.
type pairing struct {
	t         *testing.T
	d         *Domain
	a, b      *Client
	ma, mb    *Member
	ga, gb    *commitGuard
	published int
}

func newPairing(t *testing.T, change func(*DomainConfig), frameBytes int) *pairing {
	p := &pairing{t: t, ga: new(commitGuard), gb: new(commitGuard)}
	p.d = newTestDomain(func(c *DomainConfig) {
		c.Published = func() { p.published++ }
		if change != nil {
			change(c)
		}
	})
	p.a, p.b = testClient("a", 1), testClient("b", 2)
	p.b.FrameBytes = frameBytes
	p.ma, p.mb = join(t, p.d, p.a), join(t, p.d, p.b)
	p.ma.Guard, p.mb.Guard = p.ga, p.gb
	output(t, p.ma.Core)
	output(t, p.mb.Core)
	return p
}

func to(name string) *wire.Peer { return &wire.Peer{Name: name} }

// arrive has a message of a arrive at the server, and begins it there.
func (p *pairing) arrive(m *Message) *Incoming {
	p.t.Helper()
	if m.Payload == nil {
		m.Payload = []byte{0xf6}
	}
	var err error
	if m.Kind == wire.KindCall {
		_, err = p.a.Core.Call(m)
	} else {
		err = p.a.Core.Emit(m)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	carry(p.t, p.a.Core, p.ma.Core)
	in := p.ma.Core.Next()
	if in == nil {
		p.t.Fatal("nothing arrives")
	}
	return in
}

// told returns what a is told.
func (p *pairing) told() []Gap {
	p.t.Helper()
	p.a.Core.Actions(nil)
	carry(p.t, p.ma.Core, p.a.Core)
	out := []Gap{}
	for _, act := range p.a.Core.Actions(nil) {
		if act.Kind == ActionGap {
			act.Gap.Message = ""
			out = append(out, *act.Gap)
		}
	}
	return out
}

func TestRouteOfEvents(t *testing.T) {
	for _, tt := range []struct {
		name string
		peer func(p *pairing) *wire.Peer
		code string // of the refusal
		from string // who refuses, as a is told
		make func(p *pairing)
		cfg  func(c *DomainConfig)
		size int
	}{
		{name: "by name", peer: func(*pairing) *wire.Peer { return to("b") }},
		{name: "by identifier", peer: func(p *pairing) *wire.Peer { return &wire.Peer{ID: p.mb.ID} }},
		{name: "by both: the identifier counts", peer: func(p *pairing) *wire.Peer { return &wire.Peer{Name: "nobody", ID: p.mb.ID} }},
		{name: "nobody", peer: func(*pairing) *wire.Peer { return to("nobody") }, code: "unknown_client", from: "nobody"},
		{name: "a session that is gone", peer: func(p *pairing) *wire.Peer { return &wire.Peer{ID: p.mb.ID} }, code: "peer_gone", make: func(p *pairing) { p.d.Remove(p.mb) }},
		{name: "a session that ends", peer: func(*pairing) *wire.Peer { return to("b") }, code: "peer_gone", from: "b", make: func(p *pairing) { p.mb.Core.End("peer_gone", "") }},
		{
			name: "a full queue", peer: func(*pairing) *wire.Peer { return to("b") }, code: "queue_full", from: "b",
			cfg: func(c *DomainConfig) { c.Session.QueueFrames = 1 }, make: func(p *pairing) { emit(p.t, p.mb.Core, "x") },
		},
		{
			name: "a full budget", peer: func(*pairing) *wire.Peer { return to("b") }, code: "queue_full", from: "b",
			cfg: func(c *DomainConfig) { c.Session.Queues = NewBudget(100) },
		},
		{name: "too large", peer: func(*pairing) *wire.Peer { return to("b") }, code: "too_large", from: "b", size: 5000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPairing(t, tt.cfg, LeastFrameBytes)
			if tt.make != nil {
				tt.make(p)
			}
			in := p.arrive(&Message{Kind: wire.KindEvent, Command: "c", Payload: append([]byte{0x5a, 0, 0, byte(tt.size >> 8), byte(tt.size)}, make([]byte, tt.size)...), Peer: tt.peer(p)})
			before := p.ga.commits
			r := p.d.Route(p.ma, in, 1)
			p.ma.Core.Done(in)
			got := ""
			if r != nil {
				got = r.Code
			}
			if got != tt.code || r != nil && r.Message == "" {
				t.Fatalf("refused: %v, want %q", r, tt.code)
			}
			want := []Gap{}
			if r != nil {
				if want = append(want, Gap{From: 1, To: 1, Count: 1, Command: "c", Code: tt.code, Data: []byte{0xf6}, Nack: true, Peer: tt.from}); p.ga.commits != before+1 {
					t.Errorf("%d commits, want one", p.ga.commits-before)
				}
			}
			if diff := cmp.Diff(want, p.told()); diff != "" {
				t.Errorf("the sender is told (-want +got):\n%s", diff)
			}
			if r != nil {
				return
			}
			if p.gb.commits != 1 {
				t.Errorf("%d commits at the target", p.gb.commits)
			}
			carry(t, p.mb.Core, p.b.Core)
			if in := next(t, p.b.Core, "c"); in.Peer.Name != "a" || in.Peer.ID != p.ma.ID || in.Peer.UID != testUID {
				t.Errorf("it comes from %+v", in.Peer)
			}
		})
	}
}

func TestRouteOfBroadcasts(t *testing.T) {
	p := newPairing(t, func(c *DomainConfig) { c.RingAge = 10 }, 1<<20)
	in := p.arrive(&Message{Kind: wire.KindBroadcast, Command: "c"})
	if r := p.d.Route(p.ma, in, 1); r != nil {
		t.Fatal(r)
	}
	if p.d.Last() != 1 || p.published != 1 {
		t.Fatalf("the last broadcast is %d, %d were announced", p.d.Last(), p.published)
	}
	frames := parse(t, p.mb.Output(nil, 1<<20))
	if len(frames) != 1 || frames[0].Command != "c" || frames[0].Peer.Name != "a" || frames[0].Peer.ID != p.ma.ID {
		t.Errorf("b gets %+v", frames)
	}
	// It is not kept for ever.
	p.d.Expire(11)
	p.mb.Guard = plainGuard{}
	frames = parse(t, p.ma.Output(nil, 1<<20))
	if len(frames) != 1 || frames[0].Kind != wire.KindSkip || frames[0].Code != "expired" {
		t.Errorf("after a while there is %+v", frames)
	}
}

func TestRouteOfCalls(t *testing.T) {
	p := newPairing(t, nil, 1<<20)
	ask := func() *Incoming {
		t.Helper()
		return p.arrive(&Message{Kind: wire.KindCall, Command: "c", Peer: to("b")})
	}
	// outcome returns what the caller is answered.
	outcome := func() (f *wire.Frame) {
		t.Helper()
		for _, x := range output(t, p.ma.Core) {
			if x.Kind == wire.KindReply || x.Kind == wire.KindFail {
				f = x
			}
		}
		if f == nil {
			t.Fatal("the caller is not answered")
		}
		return f
	}
	relayed := func(in *Incoming) *Relayed {
		t.Helper()
		r, ok := in.Tag.(*Relayed)
		if !ok || r.call == nil || r.call.Tag != any(r) {
			t.Fatalf("the call is not known as one that was passed on: %+v", in.Tag)
		}
		return r
	}

	in := ask()
	if r := p.d.Route(p.ma, in, 1); r != nil {
		t.Fatal(r)
	}
	relayed(in)
	carry(t, p.mb.Core, p.b.Core)
	p.b.Core.Reply(next(t, p.b.Core, "c"), []byte{7})
	carry(t, p.b.Core, p.mb.Core)
	for _, act := range p.mb.Core.Actions(nil) {
		if act.Kind == ActionResolve {
			commits := p.ga.commits
			act.Call.Tag.(*Relayed).Resolve(act.Call)
			if p.ga.commits != commits+1 {
				t.Error("the caller's side is not looked at")
			}
		}
	}
	if f := outcome(); f.Kind != wire.KindReply || !slices.Equal(f.Payload, []byte{7}) {
		t.Errorf("the caller gets %+v", f)
	}

	for _, tt := range []struct {
		result  Result
		code    string
		outcome wire.Outcome
	}{
		{Result{Code: "mine", Outcome: wire.OutcomeHandled}, "mine", wire.OutcomeHandled},
		{Result{Code: "mine", Outcome: wire.OutcomeNotSent}, "mine", wire.OutcomeNotHandled},
		{Result{Code: "closed", Outcome: wire.OutcomeUnknown}, "peer_gone", wire.OutcomeUnknown},
		{Result{Outcome: wire.OutcomeNotHandled}, "peer_gone", wire.OutcomeNotHandled},
	} {
		in := ask()
		p.d.Route(p.ma, in, 1)
		r := relayed(in)
		r.call.Result = tt.result
		r.Resolve(r.call)
		if f := outcome(); f.Kind != wire.KindFail || f.Code != tt.code || f.Outcome != tt.outcome {
			t.Errorf("of %+v the caller gets %q, outcome %d", tt.result, f.Code, f.Outcome)
		}
	}

	// Refusals.
	p.mb.Core.callsMax = p.mb.Core.waiting
	if r := p.d.Route(p.ma, ask(), 1); r == nil || r.Code != "unavailable" {
		t.Errorf("without a slot: %v", r)
	}
	if f := outcome(); f.Kind != wire.KindFail || f.Code != "unavailable" || f.Outcome != wire.OutcomeNotHandled {
		t.Errorf("without a slot the caller gets %+v", f)
	}
	p.mb.Core.callsMax = 100

	// A caller that does not wait any more, before and after the call is passed on.
	for _, before := range []bool{true, false} {
		in := ask()
		cancel := func() {
			for _, c := range p.a.Core.sentCalls() {
				p.a.Core.Cancel(c)
			}
			carry(t, p.a.Core, p.ma.Core)
		}
		if before {
			cancel()
		}
		commits := p.gb.commits
		p.d.Route(p.ma, in, 1)
		want := 1
		if before {
			want = 2 // it is passed on, and taken back
		}
		if got := p.gb.commits - commits; got != want {
			t.Errorf("cancelled before it is passed on: %v: %d commits at the target, want %d", before, got, want)
		}
		if !before {
			relayed(in).CancelCall()
		}
		if c := relayed(in).call; c.State != CallEnded || c.Result.Code != "canceled" {
			t.Errorf("cancelled before it is passed on: %v: it is in state %d, %q", before, c.State, c.Result.Code)
		}
	}
}

// What becomes of a relayed event later is told its sender.
func TestReturned(t *testing.T) {
	p := newPairing(t, nil, 1<<20)
	for i, tt := range []struct {
		gap  Gap
		code string
		data []byte
	}{
		{Gap{Nack: true, Code: "invalid", Message: "m", Data: []byte{1}}, "invalid", []byte{1}},
		{Gap{Nack: true, Code: "too_large", Data: []byte{1}}, "too_large", []byte{1}},
		{Gap{Dropped: true}, "queue_full", []byte{0xf6}},
		{Gap{Code: "too_large"}, "too_large", []byte{0xf6}},
		{Gap{Code: "closed"}, "peer_gone", []byte{0xf6}},
	} {
		n := uint64(i + 1)
		emit(t, p.a.Core, "c")
		tt.gap.Command, tt.gap.Origin = "c", Origin{Session: p.ma.ID, Number: n}
		commits := p.ga.commits
		p.d.Returned("b", tt.gap)
		if p.ga.commits != commits+1 {
			t.Errorf("%+v: the sender's side is not looked at", tt.gap)
		}
		want := []Gap{{From: n, To: n, Count: 1, Command: "c", Code: tt.code, Data: tt.data, Nack: true, Peer: "b"}}
		if diff := cmp.Diff(want, p.told()); diff != "" {
			t.Errorf("of %+v the sender is told (-want +got):\n%s", tt.gap, diff)
		}
	}
	p.d.Returned("b", Gap{Origin: Origin{Session: wire.ID{99}, Number: 1}}) // nobody is left to be told
	if got := p.told(); len(got) != 0 {
		t.Errorf("somebody else is told %+v", got)
	}
}
