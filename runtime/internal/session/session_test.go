package session

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

var wide = Config{
	QueueFrames: 1000, QueueBytes: 1 << 20, WindowFrames: 100, WindowBytes: 1 << 20, Calls: 10,
}

// connect makes a connection between two sides of a session.
func connect(t testing.TB, a, b *Session, resumed bool) {
	t.Helper()
	meet(t, a, b, resumed)
	a.Up()
	b.Up()
}

// meet does what comes before Up.
func meet(t testing.TB, a, b *Session, resumed bool) {
	t.Helper()
	hello := positions(a)
	if !resumed {
		hello.SRx, hello.RRx = 0, 0 // as a Member has it
	}
	if err := b.Adopt(hello, resumed); err != nil {
		t.Fatal(err)
	}
	if err := a.Adopt(positions(b), resumed); err != nil {
		t.Fatal(err)
	}
}

func positions(s *Session) Positions {
	p := s.Positions()
	p.FrameBytes = 1 << 20
	return p
}

func newPair(t testing.TB, a, b Config) (*Session, *Session) {
	t.Helper()
	x, y := New(a), New(b)
	connect(t, x, y, false)
	return x, y
}

// output returns the frames that s writes.
func output(t testing.TB, s *Session) []*wire.Frame {
	t.Helper()
	return parse(t, s.Output(nil, 1<<30, 1))
}

// carry delivers all that from writes, and fails on an error.
func carry(t testing.TB, from, to *Session) {
	t.Helper()
	deliver(t, to, output(t, from)...)
}

func deliver(t testing.TB, to *Session, frames ...*wire.Frame) {
	t.Helper()
	for _, f := range frames {
		if err := to.Receive(f, 1, clone); err != nil {
			t.Fatal(err)
		}
	}
}

func event(command string) *Message {
	return &Message{Kind: wire.KindEvent, Command: command, Payload: []byte{0xf6}}
}

func emit(t testing.TB, s *Session, commands ...string) {
	t.Helper()
	for _, c := range commands {
		if err := s.Emit(event(c)); err != nil {
			t.Fatal(err)
		}
	}
}

func call(t testing.TB, s *Session, command string) *Call {
	t.Helper()
	c, err := s.Call(&Message{Kind: wire.KindCall, Command: command, Payload: []byte{0xf6}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// next returns what is next at s, which must be the command.
func next(t testing.TB, s *Session, command string) *Incoming {
	t.Helper()
	in := s.Next()
	if in == nil || in.Command != command {
		t.Fatalf("next is %+v, want %q", in, command)
	}
	return in
}

// handled has all that is in the inbox of s handled and returns the commands,
// with a star if they were redelivered.
func handled(s *Session) []string {
	out := []string{}
	for in := s.Next(); in != nil; in = s.Next() {
		switch {
		case in.Kind == wire.KindSkip:
			out = append(out, fmt.Sprintf("%d %s", in.Count, in.Reason))
		case in.Flags&wire.Redelivered != 0:
			out = append(out, in.Command+"*")
		default:
			out = append(out, in.Command)
		}
		s.Done(in)
	}
	return out
}

// gaps returns the gaps that s reported since the last call, in short.
func gaps(s *Session) []string {
	out := []string{}
	for _, a := range s.Actions(nil) {
		if a.Kind == ActionGap {
			out = append(out, fmt.Sprintf("%d %s %s", a.Gap.Count, a.Gap.Command, a.Gap.Code))
		}
	}
	return out
}

func kinds(frames []*wire.Frame) []wire.Kind {
	out := []wire.Kind{}
	for _, f := range frames {
		out = append(out, f.Kind)
	}
	return out
}

func wantCall(t testing.TB, c *Call, want Result) {
	t.Helper()
	if c.State != CallEnded {
		t.Fatalf("the call has no outcome, want %+v", want)
	}
	if diff := cmp.Diff(want, c.Result, cmpopts.IgnoreFields(Result{}, "Message")); diff != "" {
		t.Error(diff)
	}
}

// Replies must pass a full window: a handler that waits for one is what fills
// it.
func TestReplyNotBehindWindow(t *testing.T) {
	narrow := wide
	narrow.WindowFrames = 2
	a, b := newPair(t, narrow, wide)
	emit(t, b, "1", "2", "3", "4")
	carry(t, b, a)
	next(t, a, "1") // its handler calls b and does not return before the reply
	c := call(t, a, "question")
	carry(t, a, b)
	b.Reply(next(t, b, "question"), []byte{1})
	carry(t, b, a)
	wantCall(t, c, Result{OK: true, Payload: []byte{1}, Remote: true})
	if n := a.rx[wire.S]; n != 2 {
		t.Errorf("%d events were received through a window of 2", n)
	}
}

// The reply has arrived, the acknowledgement of the call has not, the server
// dies: the next one must not run the call again.
func TestAnsweredCallIsNotSentAgain(t *testing.T) {
	a, b := newPair(t, wide, wide)
	c := call(t, a, "pay")
	carry(t, a, b)
	b.Reply(next(t, b, "pay"), []byte{1})
	for _, f := range output(t, b) {
		if f.Kind == wire.KindReply {
			deliver(t, a, f)
		}
	}
	wantCall(t, c, Result{OK: true, Payload: []byte{1}, Remote: true})
	a.Down()
	b = New(wide)
	connect(t, a, b, false)
	carry(t, a, b)
	if diff := cmp.Diff([]string{"0 "}, handled(b)); diff != "" {
		t.Errorf("the next server handled: %s", diff)
	}
}

func TestCallAcrossRestart(t *testing.T) {
	a, b := newPair(t, wide, wide)
	sent := call(t, a, "sent")
	carry(t, a, b)
	a.Down()
	queued := call(t, a, "queued")
	b = New(wide)
	connect(t, a, b, false)
	wantCall(t, sent, Result{Code: "outcome_unknown", Outcome: wire.OutcomeUnknown})
	carry(t, a, b)
	if diff := cmp.Diff([]string{"0 ", "queued"}, handled(b)); diff != "" {
		t.Error(diff)
	}
	if queued.State != CallSent {
		t.Errorf("the call that waited is in state %d", queued.State)
	}
}

// What the farewell says decides what comes again and how.
func TestFarewell(t *testing.T) {
	a, b := newPair(t, wide, wide)
	emit(t, a, "done")
	answered := call(t, a, "started call")
	emit(t, a, "started", "waiting")
	waiting := call(t, a, "waiting call")
	carry(t, a, b)
	b.Done(next(t, b, "done"))
	next(t, b, "started call")
	next(t, b, "started")
	b.Drain()
	if in := b.Next(); in != nil {
		t.Fatalf("%q is begun by a side that drains", in.Command)
	}
	done, started := b.Farewell()
	if err := a.Closed(done, started); err != nil {
		t.Fatal(err)
	}
	a.Down()
	b = New(wide)
	connect(t, a, b, false)
	wantCall(t, answered, Result{Code: "outcome_unknown", Outcome: wire.OutcomeUnknown})
	carry(t, a, b)
	if diff := cmp.Diff([]string{"started*", "waiting", "waiting call"}, handled(b)); diff != "" {
		t.Error(diff)
	}
	if waiting.State != CallSent {
		t.Errorf("the call that was not started is in state %d", waiting.State)
	}

	// A server that is gone before it was sent anything changes nothing.
	a, b = newPair(t, wide, wide)
	emit(t, a, "never begun")
	again := call(t, a, "call never begun")
	carry(t, a, b)
	if err := a.Closed(b.Farewell()); err != nil {
		t.Fatal(err)
	}
	a.Down()
	meet(t, a, New(wide), false)
	b = New(wide)
	connect(t, a, b, false)
	carry(t, a, b)
	if diff := cmp.Diff([]string{"never begun", "call never begun"}, handled(b)); diff != "" {
		t.Error(diff)
	}
	if again.State != CallSent {
		t.Errorf("the call is in state %d", again.State)
	}

	// Once flagged, always flagged: the second server never began it, but the
	// first did.
	emit(t, a, "two lives")
	carry(t, a, b)
	a.Down()
	c := New(wide) // b died
	connect(t, a, c, false)
	carry(t, a, c)
	if err := a.Closed(c.Farewell()); err != nil {
		t.Fatal(err)
	}
	a.Down()
	d := New(wide)
	connect(t, a, d, false)
	carry(t, a, d)
	if got := handled(d); !slices.Contains(got, "two lives*") {
		t.Errorf("after a death and an orderly end: %v", got)
	}
}

func TestResumeWritesOnlyWhatWasNotReceived(t *testing.T) {
	a, b := newPair(t, wide, wide)
	emit(t, a, "1", "2", "3")
	frames := output(t, a)
	deliver(t, b, frames[0])
	a.Down()
	b.Down()
	emit(t, a, "4")
	connect(t, a, b, true)
	carry(t, a, b)
	if diff := cmp.Diff([]string{"1", "2", "3", "4"}, handled(b)); diff != "" {
		t.Error(diff)
	}
}

// An acknowledgement that was lost with a connection comes again at once, with
// nothing new to acknowledge.
func TestLostAckIsRepeated(t *testing.T) {
	a, b := newPair(t, wide, wide)
	emit(t, a, "1")
	carry(t, a, b)
	handled(b)
	b.AckTimer()
	output(t, b) // lost
	a.Down()
	b.Down()
	connect(t, a, b, true)
	carry(t, b, a)
	if n := a.Unacked(); n != 0 {
		t.Errorf("%d messages are not acknowledged", n)
	}
}

// What comes again is not handled again, and acknowledged at once: the sender
// would not send it had it heard the first time.
func TestDuplicates(t *testing.T) {
	a, b := newPair(t, wide, wide)
	emit(t, a, "1")
	c := call(t, b, "2")
	frames := output(t, a)
	deliver(t, b, frames...)
	handled(b)
	carry(t, b, a)
	a.Reply(next(t, a, "2"), []byte{1})
	reply := output(t, a)
	deliver(t, b, reply...)
	wantCall(t, c, Result{OK: true, Payload: []byte{1}, Remote: true})
	for _, f := range []*wire.Frame{frames[0], reply[0], {Kind: wire.KindSkip, Sequence: wire.S, From: 1, To: 1}} {
		output(t, b)
		deliver(t, b, f)
		if diff := cmp.Diff([]wire.Kind{wire.KindAck}, kinds(output(t, b))); diff != "" {
			t.Errorf("after kind %d came again: %s", f.Kind, diff)
		}
		if got := handled(b); len(got) > 0 {
			t.Errorf("handled again: %v", got)
		}
	}
}

func TestCancel(t *testing.T) {
	canceled := Result{Code: "canceled", Outcome: wire.OutcomeNotSent}
	t.Run("queued", func(t *testing.T) {
		a, b := New(wide), New(wide)
		c := call(t, a, "x")
		if o := a.Cancel(c); o != wire.OutcomeNotSent {
			t.Errorf("outcome %d", o)
		}
		wantCall(t, c, canceled)
		connect(t, a, b, false)
		carry(t, a, b)
		if got := handled(b); len(got) != 0 {
			t.Errorf("handled is %v", got)
		}
	})
	t.Run("sent", func(t *testing.T) {
		a, b := newPair(t, wide, wide)
		c := call(t, a, "x")
		carry(t, a, b)
		if o := a.Cancel(c); o != wire.OutcomeUnknown {
			t.Errorf("outcome %d", o)
		}
		carry(t, a, b)
		if got := handled(b); len(got) != 0 {
			t.Errorf("handled is %v", got)
		}
		carry(t, b, a)
		wantCall(t, c, Result{Code: "canceled", Outcome: wire.OutcomeNotHandled, Payload: []byte{0xf6}, Remote: true})
	})
	t.Run("lost on its way", func(t *testing.T) {
		a, b := newPair(t, wide, wide)
		c := call(t, a, "x")
		output(t, a) // lost
		if o := a.Cancel(c); o != wire.OutcomeUnknown {
			t.Errorf("outcome %d", o)
		}
		a.Down()
		b.Down()
		connect(t, a, b, true)
		wantCall(t, c, canceled)
		carry(t, a, b)
		if diff := cmp.Diff([]string{"0 "}, handled(b)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("lost, before it is sent again", func(t *testing.T) {
		a, b := newPair(t, wide, wide)
		c := call(t, a, "x")
		output(t, a) // lost
		a.Down()
		b.Down()
		meet(t, a, b, true)
		if o := a.Cancel(c); o != wire.OutcomeNotSent {
			t.Errorf("outcome %d", o)
		}
		wantCall(t, c, canceled)
	})
	t.Run("the cancel is lost", func(t *testing.T) {
		a, b := newPair(t, wide, wide)
		c := call(t, a, "x")
		carry(t, a, b)
		in := next(t, b, "x")
		a.Cancel(c)
		output(t, a) // lost
		a.Down()
		b.Down()
		connect(t, a, b, true)
		b.Actions(nil)
		carry(t, a, b)
		if !in.Canceled() || !slices.ContainsFunc(b.Actions(nil), func(x Action) bool { return x.Kind == ActionCancel && x.In == in }) {
			t.Error("the handler is not told after the connection was resumed")
		}
	})
	t.Run("ended", func(t *testing.T) {
		a, b := newPair(t, wide, wide)
		c := call(t, a, "x")
		carry(t, a, b)
		b.Fail(next(t, b, "x"), "no", "", wire.OutcomeHandled, nil)
		carry(t, b, a)
		if o := a.Cancel(c); o != wire.OutcomeHandled {
			t.Errorf("outcome %d", o)
		}
	})
}

func TestNested(t *testing.T) {
	few := wide
	few.Calls, few.WindowFrames = 2, 1 // which does not count for R
	a, b := newPair(t, wide, few)
	emit(t, a, "first")
	carry(t, a, b)
	next(t, b, "first") // does not return
	b.Actions(nil)
	a.callsMax = 100 // more than b takes
	var calls []*Call
	for range 5 {
		c, err := a.Call(&Message{Kind: wire.KindCall, Command: "n", Payload: []byte{0xf6}, Nested: true})
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, c)
	}
	carry(t, a, b)
	var started []*Incoming
	for _, x := range b.Actions(nil) {
		if x.Kind == ActionStart {
			started = append(started, x.In)
		}
	}
	if len(started) != 4 {
		t.Fatalf("%d nested calls are started beside an event, want twice the limit of 2", len(started))
	}
	for i, in := range started {
		b.Reply(in, []byte{byte(i)})
	}
	carry(t, b, a)
	for i, c := range calls[:4] {
		wantCall(t, c, Result{OK: true, Payload: []byte{byte(i)}, Remote: true})
	}
	wantCall(t, calls[4], Result{Code: "unavailable", Outcome: wire.OutcomeNotHandled, Payload: []byte{0xf6}, Remote: true})
}

func TestTimeout(t *testing.T) {
	a, b := New(wide), New(wide)
	message := func(deadline int64) *Message {
		return &Message{Kind: wire.KindCall, Command: "c", Payload: []byte{0xf6}, Deadline: deadline}
	}
	late, err := a.Call(message(50))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Call(message(150)); err != nil {
		t.Fatal(err)
	}
	connect(t, a, b, false)
	frames := parse(t, a.Output(nil, 1<<20, 100))
	wantCall(t, late, Result{Code: "timeout", Outcome: wire.OutcomeNotSent})
	if frames[0].Kind != wire.KindCall || frames[0].Number != 1 || frames[0].Timeout != 50 {
		t.Fatalf("written is %+v, want number 1 with what is left of 150 at 100", frames[0])
	}
	// It is lost and written again when less is left, and late: then at least 1.
	for _, tt := range []struct{ now, want int64 }{{120, 30}, {200, 1}} {
		a.Down()
		b.Down()
		connect(t, a, b, true)
		if f := parse(t, a.Output(nil, 1<<20, tt.now))[0]; f.Timeout != tt.want {
			t.Errorf("at %d the timeout is %d, want %d", tt.now, f.Timeout, tt.want)
		}
	}
	if err := b.Receive(frames[0], 1000, clone); err != nil {
		t.Fatal(err)
	}
	if in := next(t, b, "c"); in.Deadline != 1050 {
		t.Errorf("the deadline of a call received at 1000 with 50 left is %d", in.Deadline)
	}
}
