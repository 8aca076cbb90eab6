package session

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// The last number of a sequence is used, and none after it.
func TestNumbersRunOut(t *testing.T) {
	a, b := newPair(t, wide, wide)
	before := uint64(wire.MaxNumber - 1)
	a.out[wire.S].acked, a.out[wire.S].cursor = before, before+1
	b.rx[wire.S], b.done, b.started, b.told[wire.S] = before, before, before, before
	emit(t, a, "last")
	if err := a.Emit(event("one too many")); !errors.Is(err, ErrExhausted) {
		t.Errorf("emit behind the last number: %v", err)
	}
	if _, err := a.Call(&Message{Kind: wire.KindCall, Command: "c"}); !errors.Is(err, ErrExhausted) {
		t.Errorf("call behind the last number: %v", err)
	}
	frames := output(t, a)
	if frames[0].Number != wire.MaxNumber {
		t.Fatalf("the number is %d", frames[0].Number)
	}
	deliver(t, b, frames...)
	b.Done(next(t, b, "last"))
	b.AckTimer()
	carry(t, b, a)
	if a.Unacked() != 0 {
		t.Error("the last one is not acknowledged")
	}
	if err := a.Emit(event("one too many")); !errors.Is(err, ErrExhausted) {
		t.Errorf("emit when all numbers are acknowledged: %v", err)
	}
	if err := b.Receive(&wire.Frame{Kind: wire.KindEvent, Number: 1<<64 - 1, Command: "c"}, 1, clone); err == nil {
		t.Error("a number behind the last one is taken")
	}
	for _, f := range []*wire.Frame{
		{Kind: wire.KindAck, Number: 1<<64 - 1}, {Kind: wire.KindAck, To: 1<<64 - 1},
		{Kind: wire.KindSkip, Sequence: wire.S, From: 1<<64 - 1, To: 1<<64 - 1},
	} {
		if err := a.Receive(f, 1, clone); err == nil {
			t.Errorf("%+v is taken", f)
		}
	}
}

// An acknowledgement that goes back changes nothing but the window, which the
// latest one says.
func TestAckBackwards(t *testing.T) {
	a, _ := newPair(t, wide, wide)
	emit(t, a, "1", "2", "3")
	output(t, a)
	deliver(t, a, &wire.Frame{Kind: wire.KindAck, Number: 2, Frames: 100, Bytes: 1 << 20})
	deliver(t, a, &wire.Frame{Kind: wire.KindAck, Number: 1, Frames: 7, Bytes: 700})
	if o := &a.out[wire.S]; o.acked != 2 || o.flight.len() != 1 || a.Unacked() != 1 {
		t.Errorf("acknowledged is %d, %d are on their way", o.acked, o.flight.len())
	}
	if a.peerRx != (window{7, 700}) {
		t.Errorf("the window is %+v", a.peerRx)
	}
}

// hostile feeds a session with what the bytes say, as a peer might that keeps
// no rule but those of frames, and looks at the bounds.
func hostile(t testing.TB, b []byte) {
	next := func() uint64 {
		if len(b) == 0 {
			return 0
		}
		v := b[0]
		b = b[1:]
		return uint64(v)
	}
	cfg := Config{QueueFrames: 8, QueueBytes: 4000, WhenFull: Policy(next() % 2), WindowFrames: 4, WindowBytes: 600, Calls: 2}
	s := New(cfg)
	peer := Positions{SFirst: 1, RFirst: 1, Frames: next() % 8, Bytes: next() * 16, Calls: next() % 4, FrameBytes: 1 << 16}
	if err := s.Adopt(peer, false); err != nil {
		t.Fatal(err)
	}
	s.Up()
	near := func(n uint64) uint64 { // around n, or far from it
		switch v := next(); {
		case v < 200:
			return n + v%5 - 2
		case v < 220:
			return 0
		case v < 240:
			return wire.MaxNumber
		default:
			return n + v<<20
		}
	}
	var running *Incoming
	var serving []*Incoming
	var calls []*Call
	for len(b) > 0 {
		rx, acked := s.rx, [2]uint64{s.out[wire.S].acked, s.out[wire.R].acked}
		f := &wire.Frame{Number: near(s.rx[next()%2] + 1), Command: "c", Payload: make([]byte, next())}
		switch next() % 16 {
		case 0, 1:
			f.Kind = wire.KindEvent
		case 2, 3:
			f.Kind, f.Flags = wire.KindCall, wire.Flags(next()%4)
			f.Timeout = int64(near(0))
		case 4:
			f.Kind, f.Ref = wire.KindReply, wire.Ref(near(2))
		case 5:
			f.Kind, f.Ref, f.Outcome = wire.KindFail, wire.Ref(near(2)), wire.Outcome(next()%4)
		case 6:
			f.Kind, f.From, f.To = wire.KindNack, near(s.out[wire.S].acked), near(s.out[wire.S].last())
		case 7:
			f.Kind, f.Sequence, f.From, f.To, f.Count = wire.KindSkip, wire.Sequence(next()%3), near(s.rx[0]), near(s.rx[0]+1), next()
		case 8, 9:
			f.Kind, f.Number, f.To, f.Frames, f.Bytes = wire.KindAck, near(s.out[wire.S].cursor), near(s.out[wire.R].cursor), near(4), near(500)
		case 10:
			f.Kind, f.Ref = wire.KindCancel, wire.Ref(near(2))
		case 11:
			f.Kind = wire.KindAckRequest
		case 12:
			f = nil
			if s.Emit(&Message{Kind: wire.KindEvent, Command: "e", Payload: make([]byte, next())}) == nil {
				s.Output(nil, 1<<16, 1)
			}
		case 13:
			f = nil
			if c, err := s.Call(&Message{Kind: wire.KindCall, Command: "k", Payload: []byte{1}, Nested: next()%2 == 0, Idempotent: next()%2 == 0}); err == nil {
				calls = append(calls, c)
			}
			if len(calls) > 0 && next()%3 == 0 {
				s.Cancel(calls[next()%uint64(len(calls))])
			}
		case 14:
			f = nil
			s.Down()
			p := Positions{
				SFirst: near(s.rx[0] + 1), RFirst: near(s.rx[1] + 1), SRx: near(s.out[wire.S].last()), RRx: near(s.out[wire.R].last()),
				Frames: near(4), Bytes: near(500), Calls: next() % 4, FrameBytes: LeastFrameBytes,
			}
			if s.Adopt(p, next()%4 > 0) == nil {
				rx, acked = s.rx, [2]uint64{s.out[wire.S].acked, s.out[wire.R].acked}
			}
			s.Up()
		case 15:
			f = nil
			if err := s.Closed(near(s.out[wire.S].acked), near(s.out[wire.S].last())); err == nil {
				acked[0] = s.out[wire.S].acked
			}
		}
		if f != nil {
			if err := s.Receive(f, 1, clone); err != nil {
				if _, ok := errors.AsType[*ProtocolError](err); !ok {
					t.Fatalf("%+v: %v", f, err)
				}
			}
		}
		if running == nil {
			if in := s.Next(); in != nil && in.Kind == wire.KindCall {
				serving = append(serving, in)
			} else {
				running = in
			}
		} else if next()%2 == 0 {
			s.Done(running)
			running = nil
		}
		for _, a := range s.Actions(nil) {
			if a.Kind == ActionStart {
				serving = append(serving, a.In)
			}
		}
		if len(serving) > 0 && next()%2 == 0 {
			s.Reply(serving[0], []byte{1})
			serving = serving[1:]
		}
		s.Output(nil, int(next())*16, 1)
		for seq := range rx {
			if s.rx[seq] < rx[seq] || s.out[seq].acked < acked[seq] {
				t.Fatalf("sequence %d goes back: received %d, was %d; acknowledged %d, was %d", seq, s.rx[seq], rx[seq], s.out[seq].acked, acked[seq])
			}
			if o := &s.out[seq]; o.cursor <= o.acked || o.cursor > o.last()+1 || o.bytes < 0 || o.frames < 0 || o.kept < 0 {
				t.Fatalf("sequence %d: %+v", seq, *o)
			}
		}
		// A window beyond what is allowed ends the connection with what was just
		// received; what former incarnations left is bounded by windows too.
		if n := s.inbox.len(); n > 6*(cfg.WindowFrames+1) || s.inBytes < 0 || s.oldBytes < 0 || s.inBytes > cfg.WindowBytes+2*256 {
			t.Fatalf("%d messages, %d and %d bytes are received and not done", n, s.inBytes, s.oldBytes)
		}
		if o := &s.out[wire.S]; o.frames > cfg.QueueFrames+cfg.Calls || s.waiting < 0 || s.waiting > 8 {
			t.Fatalf("%d messages and %d calls wait", o.frames, s.waiting)
		}
		if n := len(s.serving); n > 2*cfg.Calls+cfg.WindowFrames+1 {
			t.Fatalf("%d calls are served", n)
		}
	}
	s.End("closed", "")
	for _, c := range calls {
		if c.State != CallEnded {
			t.Fatal("a call has no outcome when the session has ended")
		}
	}
	if s.QueuedBytes() != 0 || s.Unacked() != 0 || s.Serving() != 0 || s.waiting != 0 {
		t.Fatalf("%d bytes, %d messages, %d calls are left", s.QueuedBytes(), s.Unacked(), s.waiting)
	}
}

func TestHostilePeer(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 2))
		b := make([]byte, 50+r.IntN(1500))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		hostile(t, b)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// FuzzHostilePeer has the fuzzer choose what the other side does: floods of
// acknowledgements, numbers from anywhere, positions that cannot be.
func FuzzHostilePeer(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		b := make([]byte, 300)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) <= 4096 {
			hostile(t, b)
		}
	})
}
