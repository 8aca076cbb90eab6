package session

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// asked returns how often s has asked for something of each kind since the last
// call.
func asked(s *Session) map[ActionKind]int {
	n := map[ActionKind]int{}
	for _, a := range s.Actions(nil) {
		n[a.Kind]++
	}
	return n
}

func TestRingEdges(t *testing.T) {
	var r ring[*int]
	x := new(int)
	for range 65 {
		r.push(x)
	}
	if len(r.items) != 128 {
		t.Fatalf("65 entries take %d", len(r.items))
	}
	for r.n > 16 {
		r.pop()
	}
	if len(r.items) != 128 {
		t.Errorf("an eighth is used, and it has shrunk to %d", len(r.items))
	}
	if r.pop(); len(r.items) != 64 {
		t.Errorf("less than an eighth of 128 is used, and it is %d", len(r.items))
	}
	for r.n > 1 {
		r.pop()
	}
	if len(r.items) != 64 {
		t.Errorf("it has shrunk to %d", len(r.items))
	}
	if r.pop(); r.items != nil || r.head != 0 {
		t.Errorf("it is empty and has %d", len(r.items))
	}
	for range 16 {
		r.push(x)
	}
	for r.n > 0 {
		r.pop()
	}
	if len(r.items) != 16 {
		t.Errorf("a small one that is empty has %d", len(r.items))
	}
	for i, p := range r.items {
		if p != nil {
			t.Fatalf("what was taken is kept at %d", i)
		}
	}
}

func TestSweepEdges(t *testing.T) {
	for _, tt := range []struct {
		queued, void int
		swept        bool
	}{
		{64, 64, false},
		{65, 64, false},
		{65, 65, true},
		{130, 65, false}, // half
		{131, 66, true},
		{130, 66, true},
	} {
		var o outbox
		for i := range tt.queued {
			e := &entry{size: 1, frame: wire.Frame{Payload: []byte{1}}}
			o.push(e)
			if i < tt.void {
				if o.void(e); e.frame.Payload != nil || e.call != nil {
					t.Fatal("what was given up keeps its payload")
				}
			}
		}
		o.sweep()
		want := tt.queued
		if tt.swept {
			want -= tt.void
		}
		if o.queue.len() != want || o.frames != tt.queued-tt.void || o.bytes != o.frames {
			t.Errorf("%d of %d were given up: %d are left, %d of them count", tt.void, tt.queued, o.queue.len(), o.frames)
		}
	}
}

// An acknowledgement may come before a frame is written on this connection.
func TestAckOfWhatIsNotWritten(t *testing.T) {
	o := outbox{cursor: 1}
	for range 3 {
		e := &entry{size: 10}
		o.push(e)
		o.flight.push(o.queue.pop())
	}
	o.ack(1)
	if o.flightBytes != 0 || o.cursor != 2 || o.acked != 1 {
		t.Errorf("%d bytes are on their way, %d is next", o.flightBytes, o.cursor)
	}
	o.cursor, o.flightBytes = 3, 10
	o.ack(2)
	if o.flightBytes != 0 || o.cursor != 3 {
		t.Errorf("%d bytes are on their way, %d is next", o.flightBytes, o.cursor)
	}
}

// No more than asked for is written, but for the frame that is begun.
func TestOutputEdges(t *testing.T) {
	a, _ := newPair(t, wide, wide)
	output(t, a)
	emit(t, a, "c", "c", "c")
	one := wire.Size(&wire.Frame{Kind: wire.KindEvent, Number: 1, Command: "c", Payload: []byte{0xf6}})
	if n := len(a.Output(nil, 1, 1)); n > one || n == 0 {
		t.Errorf("%d bytes are written, a frame has %d", n, one)
	} else if m := len(a.Output(nil, n, 1)); m != n {
		t.Errorf("%d bytes are asked for and %d written", n, m)
	}

	// Nothing is written by a side that is not connected.
	emit(t, a, "c")
	a.Down()
	if a.HasOutput() || len(a.Output(nil, 1<<20, 1)) != 0 || a.up {
		t.Error("a side that is not connected writes")
	}

	// Control frames keep to the limit as well.
	a, b := newPair(t, wide, wide)
	c := call(t, a, "c")
	carry(t, a, b)
	a.Cancel(c)
	a.RequestAck()
	if got := kinds(parse(t, a.Output(nil, 0, 1))); slices.Contains(got, wire.KindCancel) || slices.Contains(got, wire.KindAckRequest) {
		t.Errorf("with no room there are frames of kinds %v", got)
	}
	if !a.HasOutput() {
		t.Error("there is nothing more to write")
	}
	if got := kinds(output(t, a)); !slices.Equal(got, []wire.Kind{wire.KindCancel, wire.KindAckRequest}) {
		t.Errorf("kinds %v are written", got)
	}
	if a.HasOutput() {
		t.Error("there is still something to write")
	}

	// Nobody is asked for the acknowledgement of nothing.
	a, _ = newPair(t, wide, wide)
	output(t, a)
	a.RequestAck()
	if got := output(t, a); len(got) != 0 {
		t.Errorf("kinds %v are written", kinds(got))
	}
	a.pushR(&wire.Frame{Kind: wire.KindNack, From: 1, To: 1, Command: "c", Payload: []byte{0xf6}})
	a.RequestAck()
	if got := kinds(output(t, a)); !slices.Equal(got, []wire.Kind{wire.KindNack, wire.KindAckRequest}) {
		t.Errorf("kinds %v are written", got)
	}
}

// R that was lost is written again before an acknowledgement is.
func TestAckWaitsForLostAnswers(t *testing.T) {
	a, b := newPair(t, wide, wide)
	emit(t, a, "1", "2")
	carry(t, a, b)
	for _, why := range []string{"x", "y"} {
		in := b.Next()
		b.Nack(in, why, "", nil)
		b.Done(in)
	}
	output(t, b) // lost
	a.Down()
	b.Down()
	connect(t, a, b, true)
	output(t, a)
	b.ackNow = false
	if !b.HasOutput() {
		t.Error("what was lost is not to be written again")
	}
	b.ackNow = true
	if got := kinds(parse(t, b.Output(nil, 1, 1))); !slices.Equal(got, []wire.Kind{wire.KindNack}) {
		t.Errorf("kinds %v are written", got)
	}
	b.ackNow = false
	if !b.HasOutput() {
		t.Error("the other one is not to be written again")
	}
	b.ackNow = true
	if got := kinds(output(t, b)); !slices.Equal(got, []wire.Kind{wire.KindNack, wire.KindAck}) {
		t.Errorf("kinds %v are written", got)
	}
	if b.AckTimer() || b.owesAck() {
		t.Error("what is acknowledged is to be acknowledged again")
	}
}

// In a new incarnation R begins behind what the other side counts as received.
func TestAnswersOfANewIncarnationGoOn(t *testing.T) {
	a, _ := newPair(t, wide, wide)
	for _, why := range []string{"x", "y"} {
		a.NackNumber(1, "", "c", why, "", nil)
	}
	output(t, a)
	p := positions(New(wide))
	p.RRx = 1
	if err := a.Adopt(p, false); err != nil {
		t.Fatal(err)
	}
	a.Up()
	frames := output(t, a)
	if frames[0].Kind != wire.KindSkip || frames[0].From != 2 {
		t.Errorf("first comes %+v", frames[0])
	}
}

func TestWindowEdges(t *testing.T) {
	a, _ := newPair(t, wide, wide)
	size := sizeOf(event("c"))
	a.peerRx = window{10, uint64(2 * size)}
	output(t, a)
	emit(t, a, "c", "c", "c")
	if n := len(output(t, a)); n != 2 {
		t.Errorf("%d frames are written, the window has room for 2", n)
	}
	// What has no room has no number: it can be taken back.
	c := call(t, a, "c")
	output(t, a)
	if a.HasOutput() || c.State != CallQueued || a.out[wire.S].last() != 2 {
		t.Errorf("the call is in state %d, the last number is %d", c.State, a.out[wire.S].last())
	}
	// Nor is there room for word of what was dropped.
	a.peerRx.frames = 2
	a.out[wire.S].lost = 1
	if a.HasOutput() || len(output(t, a)) != 0 || a.out[wire.S].last() != 2 {
		t.Error("a skip is written beyond the window")
	}

	// A message that its keeper does not have is not written, room or not.
	cfg := wide
	cfg.Durable = true
	d, _ := newPair(t, cfg, wide)
	output(t, d)
	m := event("c")
	if err := d.Emit(m); err != nil {
		t.Fatal(err)
	}
	if d.HasOutput() || len(output(t, d)) != 0 || d.out[wire.S].last() != 0 {
		t.Error("a message is written that is not stored")
	}
	d.Stored(m.Mark, false)
	if !d.HasOutput() {
		t.Error("a message that is stored is not to be written")
	}
	d.peerRx = window{}
	output(t, d)
	m = event("c")
	if err := d.Emit(m); err != nil {
		t.Fatal(err)
	}
	d.Stored(m.Mark, false)
	if d.HasOutput() {
		t.Error("a message that has no room is to be written")
	}
}

func TestDeadlineEdges(t *testing.T) {
	a, b := newPair(t, wide, wide)
	send := func(deadline int64) *Call {
		t.Helper()
		c, err := a.Call(&Message{Kind: wire.KindCall, Command: "c", Payload: []byte{0xf6}, Deadline: deadline})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, tt := range []struct{ deadline, timeout int64 }{{0, 0}, {101, 1}, {150, 50}} {
		send(tt.deadline)
		frames := parse(t, a.Output(nil, 1<<20, 100))
		f := frames[len(frames)-1]
		if f.Kind == wire.KindAck {
			f = frames[len(frames)-2]
		}
		if f.Kind != wire.KindCall || f.Timeout != tt.timeout {
			t.Errorf("of deadline %d at 100 the frame is %+v", tt.deadline, f)
		}
		if err := b.Receive(f, 1000, clone); err != nil {
			t.Fatal(err)
		}
		want := int64(0)
		if tt.timeout > 0 {
			want = 1000 + tt.timeout
		}
		if in := b.Next(); in.Deadline != want {
			t.Errorf("a timeout of %d that is received at 1000 ends at %d", tt.timeout, in.Deadline)
		}
	}
	c := send(100)
	if a.Output(nil, 1<<20, 100); c.State != CallEnded || c.Result.Code != "timeout" {
		t.Errorf("at its deadline a call that was not sent is in state %d, %q", c.State, c.Result.Code)
	}
	if got := deadline(&wire.Frame{Timeout: math.MaxInt64}, 5); got != math.MaxInt64 {
		t.Errorf("the longest timeout ends at %d", got)
	}
}

func TestAckRequestEdges(t *testing.T) {
	for _, tt := range []struct {
		name    string
		done    int // of two events
		nested  bool
		number  uint64
		atOnce  bool
		atTwo   bool // when both are done
		waiting bool // ackNow before
	}{
		{name: "not done yet", number: 2, atTwo: true},
		{name: "done", done: 2, number: 2, atOnce: true},
		{name: "a part is done", done: 1, number: 1, atOnce: true},
		{name: "R was received", nested: true, number: 2, atOnce: true, atTwo: true},
		{name: "nothing changes what is due", number: 2, waiting: true, atOnce: true, atTwo: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := newPair(t, wide, wide)
			output(t, b)
			emit(t, a, "1", "2")
			if tt.nested {
				a.NackNumber(9, "", "c", "x", "", nil)
			}
			carry(t, a, b)
			for range tt.done {
				b.Done(b.Next())
			}
			b.ackNow = tt.waiting
			deliver(t, b, &wire.Frame{Kind: wire.KindAckRequest, Number: tt.number})
			if b.ackNow != tt.atOnce {
				t.Errorf("acknowledged at once: %v", b.ackNow)
			}
			b.Output(nil, 1<<20, 1)
			for range 2 - tt.done {
				if in := b.Next(); in != nil {
					b.Done(in)
				}
			}
			if b.ackNow != tt.atTwo && tt.done < 2 && tt.number == 2 {
				t.Errorf("acknowledged when both are done: %v", b.ackNow)
			}
		})
	}
}

// Each acknowledgement that is owed is asked for once.
func TestAckLaterIsAskedOnce(t *testing.T) {
	a, b := newPair(t, wide, wide)
	output(t, b)
	asked(b)
	emit(t, a, "1", "2", "3")
	carry(t, a, b)
	if n := asked(b); n[ActionInbox] != 3 || n[ActionAckLater] != 0 {
		t.Errorf("three events arrive: %v", n)
	}
	if b.InboxEmpty() {
		t.Error("the inbox is said to be empty")
	}
	b.Done(b.Next())
	b.Done(b.Next())
	if n := asked(b); n[ActionAckLater] != 1 {
		t.Errorf("two are done: %v", n)
	}
	if !b.AckTimer() {
		t.Error("nothing is to be written")
	}
	b.Done(b.Next())
	if n := asked(b); n[ActionAckLater] != 0 {
		t.Errorf("an acknowledgement is due, and one is asked for: %v", n)
	}
	if !b.InboxEmpty() {
		t.Error("the inbox is said not to be empty")
	}
	b.Down()
	if b.AckTimer() {
		t.Error("there is something to write on no connection")
	}
	if !b.ackNow {
		t.Error("it is forgotten")
	}
}

func TestAnswersAreAcknowledgedInTime(t *testing.T) {
	a, _ := newPair(t, wide, wide)
	output(t, a)
	for n := uint64(1); n <= ackEvery; n++ {
		deliver(t, a, &wire.Frame{Kind: wire.KindSkip, Sequence: wire.R, From: n, To: n})
		if a.HasOutput() != (n == ackEvery) {
			t.Fatalf("%d answers are received, to be acknowledged: %v", n, a.HasOutput())
		}
	}
}

func TestAcknowledgementsAndRoom(t *testing.T) {
	a, _ := newPair(t, wide, wide)
	emit(t, a, "1", "2")
	output(t, a)
	asked(a)
	for i, room := range []int{1, 0} {
		deliver(t, a, &wire.Frame{Kind: wire.KindAck, Number: 1, Frames: 9, Bytes: 9})
		if n := asked(a); n[ActionRoom] != room {
			t.Errorf("acknowledgement %d: %v", i, n)
		}
	}
	err := a.Closed(1, 7)
	if err == nil || !strings.Contains(err.Error(), "1 and 7, 2 were sent") {
		t.Errorf("a farewell that cannot be: %v", err)
	}
	if err := a.Closed(1, 2); err != nil {
		t.Fatal(err)
	}
	if n := asked(a); n[ActionRoom] != 1 {
		t.Errorf("a farewell: %v", n)
	}
	a.Down()
	asked(a)
	if a.Up(); asked(a)[ActionRoom] != 1 {
		t.Error("a new connection tells nobody that there may be room")
	}
	p := positions(New(wide))
	p.SFirst = 9
	if err := a.Adopt(p, true); err == nil || !strings.Contains(err.Error(), "number 8 of sequence 0") {
		t.Errorf("positions that cannot be: %v", err)
	}
}

func TestReceiveEdges(t *testing.T) {
	// As many answers as may wait, and one frame more than the window.
	a, b := newPair(t, wide, wide)
	for n := range uint64(replyFrames) {
		b.NackNumber(2*n+1, "", "c", "x", "", nil)
	}
	emit(t, a, "1")
	if err := b.Receive(output(t, a)[0], 1, clone); err != nil {
		t.Errorf("%d answers wait: %v", replyFrames, err)
	}

	cfg := wide
	cfg.WindowBytes = 100
	_, b = newPair(t, wide, cfg)
	e := func(n uint64, size int) *wire.Frame {
		return &wire.Frame{Kind: wire.KindEvent, Number: n, Command: "c", Payload: make([]byte, size)}
	}
	deliver(t, b, e(1, 100), e(2, 1))
	if err := b.Receive(e(3, 1), 1, clone); err == nil {
		t.Error("more than the window is taken")
	}
}

// Calls beyond twice what a side takes are answered, not begun.
func TestServingEdges(t *testing.T) {
	cfg := wide
	cfg.Calls = 1
	for _, tt := range []struct{ calls, begun int }{{2, 2}, {3, 2}, {4, 2}} {
		a, b := newPair(t, wide, cfg)
		a.callsMax = 10
		for range tt.calls {
			call(t, a, "c")
		}
		carry(t, a, b)
		begun := 0
		for in := b.Next(); in != nil; in = b.Next() {
			begun++
		}
		failed := 0
		for _, f := range output(t, b) {
			if f.Kind == wire.KindFail {
				failed++
				if f.Code != "unavailable" || f.Outcome != wire.OutcomeNotHandled {
					t.Errorf("answered with %q, outcome %d", f.Code, f.Outcome)
				}
			}
		}
		if begun != tt.begun || failed != tt.calls-tt.begun {
			t.Errorf("of %d calls %d are begun, %d answered", tt.calls, begun, failed)
		}
	}
}

func TestAnsweredOnce(t *testing.T) {
	a, b := newPair(t, wide, wide)
	call(t, a, "c")
	emit(t, a, "e")
	carry(t, a, b)
	output(t, b)
	in := next(t, b, "c")
	b.Reply(in, []byte{1})
	b.Reply(in, []byte{2})
	b.Fail(in, "x", "", wire.OutcomeHandled, nil)
	ev := next(t, b, "e")
	b.Reply(ev, []byte{3})
	if got := kinds(output(t, b)); !slices.Equal(got, []wire.Kind{wire.KindReply, wire.KindAck}) {
		t.Errorf("kinds %v are written", got)
	}
	b.Done(ev)
	c := call(t, a, "c")
	waiting := a.waiting
	a.end(c, Result{Code: "x"})
	a.end(c, Result{Code: "y"})
	if c.Result.Code != "x" || a.waiting != waiting-1 || c.entry != nil || c.kept != nil {
		t.Errorf("%+v ends, %d wait", c, a.waiting)
	}
	if n := asked(a); n[ActionResolve] != 1 || n[ActionRoom] == 0 {
		t.Errorf("a call ends: %v", n)
	}
}

func TestLimitEdges(t *testing.T) {
	if n := New(wide).Limit(); n != math.MaxInt {
		t.Errorf("without a limit it is %d", n)
	}
	a, b := newPair(t, wide, wide)
	m := event("c")
	size := wire.MaxOverhead + len(m.Command) + len(m.Payload)
	if a.limit = size; a.Emit(m) != nil {
		t.Error("a message of the largest size is not taken")
	}
	a.limit = size - 1
	var tooLarge *SizeError
	if err := a.Emit(m); !errors.As(err, &tooLarge) || tooLarge.Size != size || tooLarge.Limit != size-1 {
		t.Errorf("one that is larger: %v", err)
	}
	a.limit = 0
	call(t, a, "c")
	carry(t, a, b)
	b.Done(next(t, b, "c"))
	in := next(t, b, "c")
	f := wire.Frame{Kind: wire.KindFail, Outcome: wire.OutcomeHandled, Code: "x", Payload: make([]byte, 5000)}
	b.limit = wire.Size(&f)
	b.Fail(in, "x", "", wire.OutcomeHandled, f.Payload)
	if got := b.out[wire.R].queue.at(0).frame.Payload; len(got) != 5000 {
		t.Errorf("a failure of the largest size loses its payload: %d bytes", len(got))
	}

	cfg := wide
	cfg.QueueBytes = 2 * sizeOf(event("c"))
	s := New(cfg)
	emit(t, s, "c", "c")
	if err := s.Emit(event("c")); !errors.Is(err, ErrQueueFull) {
		t.Errorf("a third one: %v", err)
	}
}

// No more cancels are kept than the bound says.
func TestCancelsAreBounded(t *testing.T) {
	cfg := wide
	cfg.QueueFrames, cfg.Calls = 2*mostCancels, 2*mostCancels
	a, b := New(cfg), New(cfg)
	b.cfg.WindowFrames = 2 * mostCancels
	connect(t, a, b, false)
	var calls []*Call
	for range mostCancels + 1 {
		calls = append(calls, call(t, a, "c"))
	}
	carry(t, a, b)
	for _, c := range calls {
		a.Cancel(c)
	}
	if len(a.cancels) != mostCancels {
		t.Errorf("%d are kept", len(a.cancels))
	}
	a.Down()
	b.Down()
	connect(t, a, b, true)
	if len(a.cancels) != mostCancels {
		t.Errorf("%d are kept for the next connection", len(a.cancels))
	}
	written := 0
	for _, f := range output(t, a) {
		if f.Kind == wire.KindCancel {
			written++
		}
	}
	if written != mostCancels {
		t.Errorf("%d are written", written)
	}
	a.cancels = append(a.cancels, 1)
	a.End("x", "")
	if len(a.cancels) != 0 {
		t.Errorf("%d are kept of a session that is given up", len(a.cancels))
	}
}

func TestEndEdges(t *testing.T) {
	a, b := newPair(t, wide, wide)
	emit(t, a, "1", "2")
	lost := call(t, a, "lost")
	call(t, b, "arrived")
	carry(t, b, a)
	frames := output(t, a)
	deliver(t, b, frames[0])
	next(t, a, "arrived")
	b.Done(next(t, b, "1"))
	b.AckTimer()
	carry(t, b, a)
	a.Down()
	b.Down()
	connect(t, a, b, true) // the second event and the call have not arrived
	asked(a)
	a.End("x", "m")
	var got []Gap
	n := map[ActionKind]int{}
	for _, act := range a.Actions(nil) {
		if n[act.Kind]++; act.Kind == ActionGap {
			got = append(got, *act.Gap)
		}
	}
	want := []Gap{{From: 2, To: 2, Count: 1, Command: "2", Code: "x", Message: "m"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reported (-want +got):\n%s", diff)
	}
	wantCall(t, lost, Result{Code: "x", Outcome: wire.OutcomeNotSent})
	s := New(wide)
	if s.End("x", ""); asked(s)[ActionRoom] != 1 {
		t.Error("who waits for room is not told that there will be none")
	}
	if n[ActionCancel] != 1 || n[ActionRoom] == 0 {
		t.Errorf("asked for: %v", n)
	}
}

// An event whose handler runs holds the next incarnation up, and only that one.
func TestWhatHoldsUp(t *testing.T) {
	a, b := newPair(t, wide, wide)
	emit(t, a, "1", "2", "3")
	carry(t, a, b)
	b.Done(next(t, b, "1"))
	in := next(t, b, "2")
	b.Forget()
	if !b.waits || b.floor != 2 || b.floorDone != 1 {
		t.Errorf("waits %v, begun %d, done %d", b.waits, b.floor, b.floorDone)
	}
	if b.InboxBytes() != len(in.Payload) {
		t.Errorf("%d bytes are counted", b.InboxBytes())
	}
	meet(t, a, b, false)
	if got := b.Positions(); got.SRx != 2 || b.done != 1 {
		t.Errorf("received %d, done %d", got.SRx, b.done)
	}
	b.Done(&Incoming{life: in.life}) // not the one that is waited for
	if !b.waits {
		t.Error("it waits no longer")
	}
	asked(b)
	b.Done(in)
	if b.waits || b.done != 2 || asked(b)[ActionInbox] != 1 {
		t.Errorf("when its handler has returned: waits %v, done %d", b.waits, b.done)
	}
	b.ackNow = false
	if b.Release(); b.ackNow || asked(b)[ActionInbox] != 0 {
		t.Error("nothing was waited for, and something is to be done")
	}

	// With no handler at work nothing waits.
	a, b = newPair(t, wide, wide)
	emit(t, a, "1")
	carry(t, a, b)
	b.Done(next(t, b, "1"))
	if b.Forget(); b.waits || b.floor != 1 || b.floorDone != 1 {
		t.Errorf("waits %v, begun %d, done %d", b.waits, b.floor, b.floorDone)
	}
}

// A new incarnation begins with nothing owed and nothing asked.
func TestRestartForgets(t *testing.T) {
	cfg := wide
	cfg.WindowBytes = 100
	a, b := newPair(t, wide, cfg)
	if err := a.Emit(&Message{Kind: wire.KindEvent, Command: "c", Payload: make([]byte, 50)}); err != nil {
		t.Fatal(err)
	}
	carry(t, a, b)
	deliver(t, b, &wire.Frame{Kind: wire.KindAckRequest, Number: 9})
	b.Done(b.Next())
	b.AckTimer()
	output(t, b)
	if b.told[wire.S] != 1 {
		t.Fatalf("acknowledged is %d", b.told[wire.S])
	}
	connect(t, b, New(wide), false)
	output(t, b)
	if b.AckTimer() || b.untold != 0 || b.asked != 0 || b.told != [2]uint64{b.done, b.rx[wire.R]} {
		t.Errorf("told %v, done %d, not told %d bytes, asked %d", b.told, b.done, b.untold, b.asked)
	}
}

// What a side is told of many calls comes in the order in which they were made.
func TestCallsEndInOrder(t *testing.T) {
	cfg := wide
	cfg.Calls = 50
	a, b := newPair(t, cfg, cfg)
	for range 50 {
		call(t, a, "c")
	}
	carry(t, a, b)
	var begun []uint64
	for in := b.Next(); in != nil; in = b.Next() {
		begun = append(begun, in.Number)
	}
	asked(b)
	connect(t, a, New(cfg), false)
	var ended []uint64
	for _, act := range a.Actions(nil) {
		if act.Kind == ActionResolve {
			ended = append(ended, act.Call.Ref.Number())
		}
	}
	if len(ended) != 50 || !slices.IsSorted(ended) {
		t.Errorf("calls end in the order %v", ended)
	}
	connect(t, b, New(cfg), false)
	var canceled []uint64
	for _, act := range b.Actions(nil) {
		if act.Kind == ActionCancel {
			canceled = append(canceled, act.In.Number)
		}
	}
	if !slices.Equal(begun, canceled) {
		t.Errorf("handlers are told in the order %v", canceled)
	}
}

// A side that goes on with a session after its process ended has no use for the
// answers to its former calls, but must hear what of its events was refused.
func TestPeerRestarted(t *testing.T) {
	a, b := newPair(t, wide, wide)
	emit(t, a, "1")
	call(t, a, "asked")
	call(t, a, "running")
	fromB := call(t, b, "fromB")
	nested, err := b.Call(&Message{Kind: wire.KindCall, Command: "nested", Payload: []byte{0xf6}, Nested: true})
	if err != nil {
		t.Fatal(err)
	}
	carry(t, a, b)
	carry(t, b, a)
	ev := next(t, b, "1")
	b.Nack(ev, "x", "", nil)
	b.Done(ev)
	b.Reply(next(t, b, "asked"), []byte{1})
	running := next(t, b, "running")
	asked(b)
	b.Down()
	b.PeerRestarted()
	wantCall(t, fromB, Result{Code: "outcome_unknown", Outcome: wire.OutcomeUnknown})
	wantCall(t, nested, Result{Code: "outcome_unknown", Outcome: wire.OutcomeUnknown})
	if n := asked(b); n[ActionCancel] != 1 || !running.Canceled() {
		t.Errorf("asked for %v, cancelled %v", n, running.Canceled())
	}
	p := b.Positions()
	if err := b.Adopt(Positions{SFirst: 2, RFirst: 1, SRx: p.SFirst - 1, RRx: 1, Frames: 9, Bytes: 1 << 20, Calls: 9, FrameBytes: 1 << 20}, true); err != nil {
		t.Fatal(err)
	}
	b.Up()
	var got []wire.Kind
	for _, f := range output(t, b) {
		if f.Kind == wire.KindNack || f.Kind == wire.KindReply || f.Kind == wire.KindFail {
			got = append(got, f.Kind)
		}
	}
	if !slices.Equal(got, []wire.Kind{wire.KindNack}) {
		t.Errorf("of what waited, kinds %v are written", got)
	}
}

// Much that was given up while it waited does not fill memory.
func TestRestartsSweep(t *testing.T) {
	for name, restart := range map[string]func(s *Session){
		"the other process": func(s *Session) { s.PeerRestarted() },
		"a new incarnation": func(s *Session) { s.restart(Positions{SFirst: 1, RFirst: 1}) },
	} {
		s, _ := newPair(t, wide, wide)
		for n := range uint64(200) {
			s.answer(&Incoming{Kind: wire.KindCall, Ref: wire.RefOf(n+1, false), life: s.life}, wire.Frame{Kind: wire.KindReply, Payload: []byte{1}})
		}
		if restart(s); s.out[wire.R].queue.len() != 0 {
			t.Errorf("%s: %d answers are left", name, s.out[wire.R].queue.len())
		}
	}
	// Nor do calls that are cancelled, or messages that make room for others.
	cfg := wide
	cfg.Calls = 1000
	s := New(cfg)
	s.callsMax = 1000
	for range 200 {
		s.Cancel(call(t, s, "c"))
	}
	if n := s.out[wire.S].queue.len(); n > 70 {
		t.Errorf("%d cancelled calls are kept", n)
	}
	cfg.QueueFrames = 100
	s = New(cfg)
	emit(t, s, "c")
	for range 3 {
		emit(t, s, slices.Repeat([]string{"c"}, 99)...)
		for i := 1; i < s.out[wire.S].queue.len(); i++ {
			s.out[wire.S].void(s.out[wire.S].queue.at(i))
		}
	}
	emit(t, s, slices.Repeat([]string{"c"}, 99)...)
	if err := s.Emit(event("c")); !errors.Is(err, ErrQueueFull) {
		t.Errorf("one more: %v", err)
	}
	if n := s.out[wire.S].queue.len(); n != 100 {
		t.Errorf("%d entries are in a queue of 100", n)
	}
}

// Entries are used again, but not kept without bound, nor when nothing waits.
func TestEntriesAreUsedAgain(t *testing.T) {
	cfg := wide
	cfg.QueueFrames, cfg.WindowFrames = 2*mostFree, 2*mostFree
	a, b := newPair(t, wide, cfg)
	a.cfg = cfg
	emit(t, a, slices.Repeat([]string{"c"}, mostFree+2)...)
	o := &a.out[wire.S]
	first := o.queue.at(0)
	carry(t, a, b)
	ack := func(n uint64) {
		t.Helper()
		deliver(t, a, &wire.Frame{Kind: wire.KindAck, Number: n, Frames: 1 << 10, Bytes: 1 << 20})
	}
	ack(1)
	if len(o.free) != 1 || o.free[0] != first || first.frame.Payload != nil || first.size != 0 {
		t.Errorf("%d entries are kept, the first is %+v", len(o.free), first)
	}
	ack(mostFree + 1)
	if len(o.free) != mostFree {
		t.Errorf("%d entries are kept, the bound is %d", len(o.free), mostFree)
	}
	last := o.free[mostFree-1]
	emit(t, a, "d")
	if got := o.queue.at(0); got != last || got.frame.Command != "d" || len(o.free) != mostFree-1 {
		t.Errorf("the next message has another entry, %d are left", len(o.free))
	}
	carry(t, a, b)
	if ack(mostFree + 3); o.free != nil {
		t.Errorf("nothing waits, and %d entries are kept", len(o.free))
	}

	// One that is given up is not: it may stand for several numbers. Nor is one of
	// a call that may have to be sent again.
	emit(t, a, "1", "2")
	again := callAgain(t, a, "call", false)
	emit(t, a, "3")
	o.void(o.queue.at(0))
	kept := again.entry
	output(t, a)
	if ack(o.cursor - 2); len(o.free) != 1 || o.free[0] == kept || again.kept != kept {
		t.Errorf("%d entries are kept", len(o.free))
	}
}

// Actions are handed out once, and what they hold is let go.
func TestActionsEdges(t *testing.T) {
	for n, kept := range map[int]bool{fewActions: true, fewActions + 1: false} {
		s := New(wide)
		s.actions = make([]Action, 0, n)
		s.act(Action{Kind: ActionResolve, Call: new(Call)})
		held := s.actions
		if got := s.Actions(nil); len(got) != 1 || len(s.actions) != 0 || held[0].Call != nil {
			t.Errorf("%d actions are handed out, the call is kept: %v", len(got), held[0].Call != nil)
		}
		if (s.actions != nil) != kept {
			t.Errorf("room for %d is kept: %v", n, s.actions != nil)
		}
	}
}

func TestOwnedPayload(t *testing.T) {
	s := New(wide)
	lent := []byte{1}
	m := &Message{Kind: wire.KindEvent, Command: "c", Payload: lent, Own: clone}
	if err := s.Emit(m); err != nil {
		t.Fatal(err)
	}
	lent[0] = 2
	if got := s.out[wire.S].queue.at(0).frame.Payload; !slices.Equal(got, []byte{1}) {
		t.Errorf("the payload is %v", got)
	}
}

func TestCallEndsEdges(t *testing.T) {
	a, b := newPair(t, wide, wide)
	asked(a)
	a.Cancel(call(t, a, "queued"))
	if n := asked(a); n[ActionRoom] != 1 || n[ActionResolve] != 1 {
		t.Errorf("a call is taken back: %v", n)
	}
	c := callAgain(t, a, "c", false)
	carry(t, a, b)
	in := next(t, b, "c")
	b.AckTimer()
	carry(t, b, a)
	if c.kept == nil || a.out[wire.S].kept == 0 {
		t.Fatal("an acknowledged call that may be sent again is not kept")
	}
	b.Reply(in, []byte{1})
	carry(t, b, a)
	if c.kept != nil || a.out[wire.S].kept != 0 {
		t.Error("a call that has its reply is kept")
	}

	// A cancel that was not written yet is not written twice.
	c = call(t, a, "late")
	carry(t, a, b)
	a.Cancel(c)
	a.Down()
	b.Down()
	connect(t, a, b, true)
	written := 0
	for _, f := range output(t, a) {
		if f.Kind == wire.KindCancel {
			written++
		}
	}
	if written != 1 {
		t.Errorf("%d cancels are written", written)
	}

	// Where both sides know the same there is nothing to say.
	s := New(wide)
	if err := s.Adopt(Positions{SFirst: 5, RFirst: 7, Frames: 9, Bytes: 9, Calls: 9, FrameBytes: 1 << 20}, false); err != nil {
		t.Fatal(err)
	}
	if s.Up(); s.HasOutput() {
		t.Error("a new incarnation begins with an acknowledgement of nothing new")
	}
}

// A new incarnation of a member gets what is broadcast from then on.
func TestMemberOfANewIncarnation(t *testing.T) {
	d := newTestDomain(nil)
	c := testClient("c", 1)
	m := join(t, d, c)
	for range 2 {
		d.Publish(&wire.Frame{Kind: wire.KindBroadcast, Command: "b", Payload: []byte{1}}, wire.ID{}, 1)
	}
	m.Lost(2)
	c.incarnation = nil
	w, err := m.Welcome(c.Hello(), 3)
	if err != nil || w.Resumed || w.BPos != 2 || m.Acked() != 2 || len(m.Output(nil, 1<<20)) != 0 {
		t.Errorf("%+v, acknowledged %d: %v", w, m.Acked(), err)
	}
}
