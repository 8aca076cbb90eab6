package session

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

func TestWhenAcknowledgementsLeave(t *testing.T) {
	sized := func(n int) *Message { return &Message{Kind: wire.KindEvent, Command: "c", Payload: make([]byte, n)} }
	for _, tt := range []struct {
		name   string
		frames int // of the window
		bytes  int
		send   []int // sizes of payloads
		done   int   // how many of them
		asked  bool
		want   bool // an acknowledgement leaves at once
	}{
		{name: "nothing is done", frames: 8, bytes: 10_000, send: []int{10}, want: false},
		{name: "less than half of the frames", frames: 8, bytes: 10_000, send: []int{1, 1, 1}, done: 3, want: false},
		{name: "half of the frames", frames: 8, bytes: 10_000, send: []int{1, 1, 1, 1}, done: 4, want: true},
		{name: "half of the bytes", frames: 8, bytes: 10_000, send: []int{2500, 2500}, done: 2, want: false},
		{name: "more than half of the bytes", frames: 8, bytes: 10_000, send: []int{2500, 2501}, done: 2, want: true},
		{name: "asked for, done", frames: 8, bytes: 10_000, send: []int{1}, done: 1, asked: true, want: true},
		{name: "asked for, not all done", frames: 8, bytes: 10_000, send: []int{1, 1}, done: 1, asked: true, want: false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := wide
			cfg.WindowFrames, cfg.WindowBytes = tt.frames, tt.bytes
			a, b := newPair(t, wide, cfg)
			output(t, b) // the acknowledgement that begins a connection
			for i, n := range tt.send {
				if err := a.Emit(sized(n)); err != nil {
					t.Fatal(err)
				}
				if tt.asked && i == len(tt.send)-1 {
					a.RequestAck()
				}
				carry(t, a, b)
				if i < tt.done {
					b.Done(b.Next()) // each before the next one arrives
				}
			}
			frames := output(t, b)
			if got := len(frames) == 1 && frames[0].Kind == wire.KindAck; got != tt.want {
				t.Errorf("acknowledged at once: %v, want %v", got, tt.want)
			}
			if tt.want || tt.done == 0 {
				return
			}
			if !b.AckTimer() {
				t.Fatal("the timer has nothing to write")
			}
			if f := output(t, b)[0]; f.Number != uint64(tt.done) {
				t.Errorf("the timer acknowledges %d, want %d", f.Number, tt.done)
			}
		})
	}
	t.Run("with whatever is written anyway", func(t *testing.T) {
		a, b := newPair(t, wide, wide)
		output(t, b)
		emit(t, a, "1")
		carry(t, a, b)
		handled(b)
		emit(t, b, "2")
		if diff := cmp.Diff([]wire.Kind{wire.KindEvent, wire.KindAck}, kinds(output(t, b))); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("asked for before it is done", func(t *testing.T) {
		a, b := newPair(t, wide, wide)
		output(t, b)
		emit(t, a, "1", "2")
		a.RequestAck()
		carry(t, a, b)
		b.Done(b.Next())
		if frames := output(t, b); len(frames) > 0 {
			t.Errorf("written is %v before all is done", kinds(frames))
		}
		b.Done(b.Next())
		if frames := output(t, b); len(frames) != 1 || frames[0].Number != 2 {
			t.Errorf("written is %+v", frames)
		}
	})
}

func TestDoneTwice(t *testing.T) {
	a, b := newPair(t, wide, wide)
	emit(t, a, "1", "2")
	carry(t, a, b)
	first := next(t, b, "1")
	b.Done(first)
	b.Done(next(t, b, "2"))
	b.Done(first)
	if done, _ := b.Farewell(); done != 2 || b.InboxBytes() != 0 {
		t.Errorf("done is %d, the inbox has %d bytes", done, b.InboxBytes())
	}
}

func TestQueueLimits(t *testing.T) {
	size := wire.Size(&wire.Frame{Command: "c", Payload: []byte{0xf6}})
	for _, tt := range []struct {
		name          string
		frames, bytes int
		fit           int
	}{
		{"frames", 3, 1 << 20, 3},
		{"bytes", 100, 2*size + 1, 2},
		{"one always fits", 100, 1, 1},
	} {
		cfg := wide
		cfg.QueueFrames, cfg.QueueBytes = tt.frames, tt.bytes
		t.Run(tt.name+" refuse", func(t *testing.T) {
			s := New(cfg)
			for range tt.fit {
				emit(t, s, "c")
			}
			queued := s.QueuedBytes()
			if err := s.Emit(event("c")); !errors.Is(err, ErrQueueFull) {
				t.Errorf("one more than fits: %v", err)
			}
			if _, err := s.Call(&Message{Command: "c"}); !errors.Is(err, ErrQueueFull) {
				t.Errorf("a call more than fits: %v", err)
			}
			if s.QueuedBytes() != queued || len(s.Actions(nil)) > 0 {
				t.Error("a refused message left something behind")
			}
		})
		t.Run(tt.name+" drop oldest", func(t *testing.T) {
			cfg.WhenFull = DropOldest
			s, b := New(cfg), New(wide)
			for i := range tt.fit + 2 {
				emit(t, s, fmt.Sprint(i))
			}
			if diff := cmp.Diff([]string{"1 0 ", "1 1 "}, gaps(s)); diff != "" {
				t.Error(diff)
			}
			connect(t, s, b, false)
			carry(t, s, b)
			want := []string{"2 dropped"}
			for i := range tt.fit {
				want = append(want, fmt.Sprint(i+2))
			}
			if diff := cmp.Diff(want, handled(b)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What the other side may have is not dropped, and neither is room made for
// what does not fit anyway.
func TestDropOldestSparesWhatIsOnItsWay(t *testing.T) {
	cfg := wide
	cfg.QueueFrames, cfg.WhenFull = 2, DropOldest
	a, b := newPair(t, cfg, wide)
	emit(t, a, "1", "2")
	carry(t, a, b)
	if err := a.Emit(event("3")); !errors.Is(err, ErrQueueFull) {
		t.Errorf("got %v with a queue that is all on its way", err)
	}
	if got := gaps(a); len(got) > 0 {
		t.Errorf("gaps %v", got)
	}
}

func TestDroppedCallEnds(t *testing.T) {
	cfg := wide
	cfg.QueueFrames, cfg.WhenFull = 1, DropOldest
	a := New(cfg)
	c := call(t, a, "old")
	emit(t, a, "new")
	wantCall(t, c, Result{Code: "queue_full", Outcome: wire.OutcomeNotSent})
}

// Word of dropped messages survives that many calls are cancelled in the same
// queue.
func TestDroppedAmongCancelled(t *testing.T) {
	cfg := wide
	cfg.QueueFrames, cfg.WhenFull, cfg.Calls = 200, DropOldest, 1000
	a, b := New(cfg), New(wide)
	for range 201 {
		emit(t, a, "old") // one is dropped
	}
	for range 190 {
		a.Cancel(call(t, a, "c"))
	}
	dropped := len(gaps(a))
	connect(t, a, b, false)
	if f := output(t, a)[0]; f.Kind != wire.KindSkip || f.Count != uint64(dropped) {
		t.Errorf("first is %+v, want word of %d", f, dropped)
	}
}

func TestCancelledCallsDoNotFillMemory(t *testing.T) {
	a := New(wide)
	emit(t, a, "stays")
	for range 100_000 {
		a.Cancel(call(t, a, "c"))
		a.Actions(nil)
	}
	if n := len(a.out[wire.S].queue.items); n > 1024 {
		t.Errorf("the queue has %d slots for one message", n)
	}
}

func TestCallLimit(t *testing.T) {
	few := wide
	few.Calls = 2
	a, b := newPair(t, wide, few)
	first := call(t, a, "1")
	call(t, a, "2")
	if _, err := a.Call(&Message{Command: "3"}); !errors.Is(err, ErrNoSlot) {
		t.Fatalf("got %v with as many calls as the other side takes", err)
	}
	carry(t, a, b)
	// A cancelled call keeps its slot: its handler may run.
	a.Cancel(first)
	if _, err := a.Call(&Message{Command: "3"}); !errors.Is(err, ErrNoSlot) {
		t.Errorf("got %v after a cancel", err)
	}
	next(t, b, "1")
	b.Reply(next(t, b, "2"), []byte{1})
	carry(t, b, a)
	call(t, a, "3")
}

func TestBacklogIsHandledAndCounted(t *testing.T) {
	cfg := wide
	cfg.WindowFrames = 2
	a, b := newPair(t, cfg, wide)
	payload := func(kind wire.Kind, command string) *Message {
		return &Message{Kind: kind, Command: command, Payload: make([]byte, 100)}
	}
	if err := b.Emit(payload(wire.KindEvent, "event")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Call(payload(wire.KindCall, "call")); err != nil {
		t.Fatal(err)
	}
	carry(t, b, a)
	if n := a.InboxBytes(); n != 200 {
		t.Fatalf("the inbox has %d bytes", n)
	}
	connect(t, a, New(wide), false) // the server is another one now
	if n := a.InboxBytes(); n != 100 {
		t.Errorf("the inbox has %d bytes, its call has no caller any more", n)
	}
	if diff := cmp.Diff([]string{"event"}, handled(a)); diff != "" {
		t.Error(diff)
	}
	if n := a.InboxBytes(); n != 0 {
		t.Errorf("the empty inbox has %d bytes", n)
	}
}

func TestBacklogIsBounded(t *testing.T) {
	cfg := wide
	cfg.WindowFrames = 2
	a := New(cfg)
	received, reported := 0, 0
	for range 20 {
		b := New(wide)
		connect(t, a, b, false)
		emit(t, b, "1", "2")
		carry(t, b, a)
		received += 2
		if n := a.inbox.len(); n > 5*cfg.WindowFrames {
			t.Fatalf("the inbox holds %d messages", n)
		}
		for _, g := range a.Actions(nil) {
			if g.Kind == ActionGap {
				reported += int(g.Gap.Count)
			}
		}
	}
	if n := reported + len(handled(a)); n != received {
		t.Errorf("of %d messages %d were handled or reported", received, n)
	}
}

// Replies that pile up while the other side is away are not held against it
// when it comes back.
func TestRepliesPileUp(t *testing.T) {
	a, b := newPair(t, wide, wide)
	for n := range uint64(replyFrames + 10) {
		b.NackNumber(2*n+1, "", "c", "unknown_client", "no such client", nil)
	}
	frames := output(t, b)
	deliver(t, a, frames...)
	a.Down() // its acknowledgement is lost
	b.Down()
	connect(t, a, b, true)
	emit(t, a, "1")
	carry(t, a, b)
	if diff := cmp.Diff([]string{"1"}, handled(b)); diff != "" {
		t.Error(diff)
	}
}

func TestOtherSideThatNeverAcknowledges(t *testing.T) {
	a, b := newPair(t, wide, wide)
	for n := range uint64(replyFrames + 1) {
		b.NackNumber(2*n+1, "", "c", "unknown_client", "no such client", nil)
	}
	emit(t, a, "1")
	err := b.Receive(output(t, a)[0], 1, clone)
	if _, ok := errors.AsType[*ProtocolError](err); !ok {
		t.Errorf("got %v with %d frames that are not acknowledged", err, replyFrames+1)
	}
}

func TestNacksOfARunAreOne(t *testing.T) {
	a, b := newPair(t, wide, wide)
	emit(t, a, "c", "c", "d", "d")
	carry(t, a, b)
	for in := b.Next(); in != nil; in = b.Next() {
		b.Nack(in, "invalid", "because", nil)
		b.Done(in)
	}
	carry(t, b, a)
	if diff := cmp.Diff([]string{"2 c invalid", "2 d invalid"}, gaps(a)); diff != "" {
		t.Error(diff)
	}
}

func TestLongTextsAreCut(t *testing.T) {
	a, b := newPair(t, wide, wide)
	c := call(t, a, "c")
	carry(t, a, b)
	b.Fail(next(t, b, "c"), strings.Repeat("x", wire.MaxCode-1)+"é", strings.Repeat("é", wire.MaxMessage), wire.OutcomeHandled, nil)
	carry(t, b, a)
	if r := c.Result; r.Code != strings.Repeat("x", wire.MaxCode-1) || r.Message != strings.Repeat("é", wire.MaxMessage/2) {
		t.Errorf("the code has %d bytes, the message %d", len(r.Code), len(r.Message))
	}
}

func TestReplyThatDoesNotFit(t *testing.T) {
	small := wide
	small.QueueBytes = 1000
	a, b := newPair(t, wide, small)
	first, second := call(t, a, "1"), call(t, a, "2")
	carry(t, a, b)
	b.Reply(next(t, b, "1"), make([]byte, 5000)) // one always fits
	b.Reply(next(t, b, "2"), make([]byte, 1000))
	carry(t, b, a)
	if !first.Result.OK {
		t.Errorf("the first reply: %+v", first.Result)
	}
	wantCall(t, second, Result{Code: "unavailable", Outcome: wire.OutcomeHandled, Payload: []byte{0xf6}, Remote: true})
}

func TestSmallerFrameLimit(t *testing.T) {
	a, b := New(wide), New(wide)
	large := make([]byte, 1000)
	if err := a.Emit(&Message{Kind: wire.KindEvent, Command: "large event", Payload: large}); err != nil {
		t.Fatal(err)
	}
	queued, err := a.Call(&Message{Kind: wire.KindCall, Command: "large call", Payload: large})
	if err != nil {
		t.Fatal(err)
	}
	emit(t, a, "small")
	p := positions(b)
	p.FrameBytes = 900
	if err := a.Adopt(p, false); err != nil {
		t.Fatal(err)
	}
	a.Up()
	if diff := cmp.Diff([]string{"1 large event too_large"}, gaps(a)); diff != "" {
		t.Error(diff)
	}
	wantCall(t, queued, Result{Code: "too_large", Outcome: wire.OutcomeNotSent})
	frames := output(t, a)
	if len(frames) != 1 || frames[0].Command != "small" || a.QueuedBytes() != wire.Size(&wire.Frame{Command: "small", Payload: []byte{0xf6}}) {
		t.Errorf("written is %v, %d bytes are queued", kinds(frames), a.QueuedBytes())
	}
}

func TestEnd(t *testing.T) {
	a, b := newPair(t, wide, wide)
	emit(t, a, "sent")
	sent := call(t, a, "sent call")
	carry(t, a, b)
	output(t, a)
	emit(t, a, "queued")
	queued := call(t, a, "queued call")
	serving := call(t, b, "serving")
	carry(t, b, a)
	in := next(t, a, "serving")
	a.Actions(nil)
	a.End("peer_gone", "gone")
	wantCall(t, sent, Result{Code: "peer_gone", Outcome: wire.OutcomeUnknown})
	wantCall(t, queued, Result{Code: "peer_gone", Outcome: wire.OutcomeNotSent})
	if !in.Canceled() {
		t.Error("the handler is not told")
	}
	if diff := cmp.Diff([]string{"1 sent peer_gone", "1 queued peer_gone"}, gaps(a)); diff != "" {
		t.Error(diff)
	}
	a.Reply(in, []byte{1})
	if a.HasOutput() || a.QueuedBytes() != 0 || a.InboxBytes() != 0 || a.Serving() != 0 || a.Unacked() != 0 {
		t.Error("something is left")
	}
	if serving.State != CallSent {
		t.Errorf("the other side's call is in state %d", serving.State)
	}
}

func TestEndWhileAnEventIsHandled(t *testing.T) {
	a, b := newPair(t, wide, wide)
	emit(t, a, "1", "2")
	carry(t, a, b)
	in := next(t, b, "1")
	b.End("closed", "closed")
	b.Done(in)
	if n := b.InboxBytes(); n != 0 {
		t.Errorf("the inbox has %d bytes", n)
	}
}

func TestFlush(t *testing.T) {
	a, b := newPair(t, wide, wide)
	emit(t, a, "1")
	mark := a.Mark()
	emit(t, a, "2")
	carry(t, a, b)
	if a.Passed(mark) {
		t.Fatal("passed before anything is done")
	}
	b.Done(next(t, b, "1"))
	b.AckTimer()
	carry(t, b, a)
	if !a.Passed(mark) {
		t.Error("not passed, though all that came before it is done")
	}
	if a.Passed(a.Mark()) {
		t.Error("passed with an event that is not done")
	}
}

func TestWidenedWindow(t *testing.T) {
	cfg := wide
	cfg.WindowFrames = 2
	a, b := newPair(t, wide, cfg)
	emit(t, a, "1", "2", "3", "4")
	carry(t, a, b)
	if !b.Pressed() || b.rx[wire.S] != 2 {
		t.Fatalf("received are %d through a window of 2, pressed %v", b.rx[wire.S], b.Pressed())
	}
	b.Widen(3, 1)
	if frames, bytes := b.Window(); frames != 3 || bytes != cfg.WindowBytes {
		t.Errorf("the window is %d frames and %d bytes", frames, bytes)
	}
	carry(t, b, a)
	carry(t, a, b)
	if b.rx[wire.S] != 3 {
		t.Errorf("received are %d through a window of 3", b.rx[wire.S])
	}
}
