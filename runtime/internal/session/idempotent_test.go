package session

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

func callAgain(t *testing.T, s *Session, command string, nested bool) *Call {
	t.Helper()
	c, err := s.Call(&Message{Kind: wire.KindCall, Command: command, Payload: []byte{0xf6}, Idempotent: true, Nested: nested})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// An idempotent call that was on its way when the other side was restarted is
// sent again and flagged, whether it had been acknowledged or not; others end.
func TestIdempotentCallAcrossRestart(t *testing.T) {
	a, b := newPair(t, wide, wide)
	acknowledged := callAgain(t, a, "acknowledged", false)
	carry(t, a, b)
	b.Done(next(t, b, "acknowledged"))
	b.AckTimer()
	carry(t, b, a)
	if acknowledged.entry != nil {
		t.Fatal("the call is not acknowledged")
	}
	flying := callAgain(t, a, "flying", false)
	nested := callAgain(t, a, "nested", true)
	once := call(t, a, "once")
	carry(t, a, b)
	waiting := callAgain(t, a, "waiting", false)

	b = New(wide)
	connect(t, a, b, false)
	carry(t, a, b)
	unknown := Result{Code: "outcome_unknown", Outcome: wire.OutcomeUnknown}
	wantCall(t, once, unknown)
	wantCall(t, nested, unknown)
	for _, want := range []struct {
		command     string
		redelivered bool
		call        *Call
	}{{"flying", true, flying}, {"waiting", false, waiting}, {"acknowledged", true, acknowledged}} {
		in := b.Next()
		for in.Kind == wire.KindSkip {
			b.Done(in)
			in = b.Next()
		}
		if in.Command != want.command || in.Flags&wire.Redelivered != 0 != want.redelivered {
			t.Fatalf("next is %q with flags %b, want %q, redelivered %v", in.Command, in.Flags, want.command, want.redelivered)
		}
		b.Reply(in, []byte{1})
		b.Done(in)
		carry(t, b, a)
		wantCall(t, want.call, Result{OK: true, Payload: []byte{1}, Remote: true})
	}
	if n := a.QueuedBytes(); n != 0 && a.Unacked() == 0 {
		t.Errorf("%d bytes are kept after all calls ended", n)
	}
}

// It stays idempotent: a second restart has it sent a third time.
func TestIdempotentCallAcrossManyRestarts(t *testing.T) {
	a, b := newPair(t, wide, wide)
	c := callAgain(t, a, "c", false)
	for range 3 {
		carry(t, a, b)
		for in := b.Next(); in != nil; in = b.Next() {
			b.Done(in)
		}
		b.AckTimer()
		carry(t, b, a)
		b = New(wide)
		connect(t, a, b, false)
	}
	carry(t, a, b)
	if diff := cmp.Diff([]string{"c*"}, handled(b)); diff != "" {
		t.Error(diff)
	}
	if c.State != CallSent {
		t.Errorf("the call is in state %d", c.State)
	}
}

// What may have been handled is never said not to have been sent.
func TestIdempotentCallThatIsNotSentAgain(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(a *Session, c *Call)
	}{
		{"cancelled", func(a *Session, c *Call) { a.Cancel(c) }},
		{"given up", func(a *Session, c *Call) { a.End("peer_gone", "") }},
		{"expired", func(a *Session, c *Call) { c.entry.deadline = 1; a.Output(nil, 1<<20, 2) }},
		{"too large", func(a *Session, c *Call) {
			p := positions(New(wide))
			p.FrameBytes = 1
			if err := a.Adopt(p, false); err != nil {
				t.Error(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := newPair(t, wide, wide)
			c := callAgain(t, a, "c", false)
			carry(t, a, b)
			b.Done(next(t, b, "c"))
			b.AckTimer()
			carry(t, b, a)
			connect(t, a, New(wide), false)
			if c.State != CallQueued {
				t.Fatalf("the call is in state %d", c.State)
			}
			tt.end(a, c)
			if c.State != CallEnded || c.Result.Outcome != wire.OutcomeUnknown {
				t.Errorf("state %d, outcome %d, want ended and unknown", c.State, c.Result.Outcome)
			}
		})
	}
}

// What is kept to be sent again counts as queued.
func TestIdempotentCallsAreBounded(t *testing.T) {
	cfg := wide
	cfg.QueueBytes = 10_000
	a, b := newPair(t, cfg, wide)
	big := &Message{Kind: wire.KindCall, Command: "c", Payload: make([]byte, 4000), Idempotent: true}
	big.Payload[0] = 0xf6
	for range 2 {
		if _, err := a.Call(big); err != nil {
			t.Fatal(err)
		}
		carry(t, a, b)
		b.Done(b.Next())
		b.AckTimer()
		carry(t, b, a)
	}
	if a.Unacked() != 0 || a.QueuedBytes() < 8000 {
		t.Fatalf("%d unacknowledged, %d bytes queued", a.Unacked(), a.QueuedBytes())
	}
	if _, err := a.Call(big); !errors.Is(err, ErrQueueFull) {
		t.Errorf("a call beyond the limit: %v", err)
	}
}

// A call that is sent again and then refused may have been handled by the
// former server: the refusal says nothing of that.
func TestIdempotentCallThatIsRefusedLater(t *testing.T) {
	for _, acknowledged := range []bool{false, true} {
		a, b := newPair(t, wide, wide)
		again := callAgain(t, a, "again", false)
		carry(t, a, b)
		b.Done(next(t, b, "again"))
		if acknowledged {
			b.AckTimer()
			carry(t, b, a)
		}

		b = New(wide)
		connect(t, a, b, false)
		first := callAgain(t, a, "first time", false)
		carry(t, a, b)
		for range 2 {
			in := b.Next()
			b.Fail(in, "unavailable", "", wire.OutcomeNotHandled, nil)
			b.Done(in)
		}
		carry(t, b, a)
		wantCall(t, again, Result{Code: "unavailable", Outcome: wire.OutcomeUnknown, Payload: []byte{0xf6}, Remote: true})
		wantCall(t, first, Result{Code: "unavailable", Outcome: wire.OutcomeNotHandled, Payload: []byte{0xf6}, Remote: true})
	}
}
