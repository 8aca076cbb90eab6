package session

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// What was accepted under a larger limit than the other side has on the next
// connection is given up, each kind in its own way; what fits stays.
func TestGivenUpAsTooLarge(t *testing.T) {
	const limit = 4096
	large := make([]byte, limit)
	cfg := wide
	cfg.Durable = true
	a, b := newPair(t, cfg, wide)
	event := func(size int) *Message {
		t.Helper()
		m := &Message{Kind: wire.KindEvent, Command: "e", Payload: make([]byte, size)}
		if err := a.Emit(m); err != nil {
			t.Fatal(err)
		}
		a.Stored(m.Mark, false)
		return m
	}
	ask := func() *Call {
		t.Helper()
		c, err := a.Call(&Message{Kind: wire.KindCall, Command: "c", Payload: large})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for range 3 {
		call(t, b, "q")
	}
	emit(t, b, "refused")
	carry(t, b, a)
	fits := event(1)
	overhead := sizeOf(fits) - 1
	exact := event(limit - overhead)
	gone := event(limit - overhead + 1)
	sent := ask()
	frames := output(t, a)
	fresh := ask()
	output(t, a)
	queued := ask()
	deliver(t, b, frames...) // all but the fresh call
	a.Reply(next(t, a, "q"), large)
	a.Fail(next(t, a, "q"), "x", strings.Repeat("m", 4000), wire.OutcomeHandled, large)
	a.Reply(next(t, a, "q"), []byte{1})
	in := next(t, a, "refused")
	a.Nack(in, "y", strings.Repeat("m", 4000), large)
	a.Done(in)
	bytes := a.QueuedBytes()

	a.out[wire.S].flight.at(int(fresh.Ref.Number()) - 1).fresh = true
	a.Down()
	asked(a)
	a.out[wire.R].rewind(1)
	a.limit = limit
	a.giveUpLarger(limit)

	wantCall(t, sent, Result{Code: "too_large", Outcome: wire.OutcomeUnknown})
	wantCall(t, fresh, Result{Code: "too_large", Outcome: wire.OutcomeNotSent})
	wantCall(t, queued, Result{Code: "too_large", Outcome: wire.OutcomeNotSent})
	var told []string
	var forgotten []uint64
	for _, act := range a.Actions(nil) {
		switch act.Kind {
		case ActionGap:
			told = append(told, act.Gap.Command+" "+act.Gap.Code)
		case ActionForget:
			forgotten = append(forgotten, act.From)
		}
	}
	if diff := cmp.Diff([]string{"e too_large"}, told); diff != "" {
		t.Errorf("reported (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]uint64{gone.Number}, forgotten); diff != "" {
		t.Errorf("forgotten (-want +got):\n%s", diff)
	}
	left := 0
	for _, v := range viewOf(a) {
		if !v.Hole {
			left++
		}
	}
	if left != 2 {
		t.Errorf("%d messages are left, want those with numbers %d and %d", left, fits.Number, exact.Number)
	}
	a.Up()
	var kindsOfR []string
	for _, f := range output(t, a) {
		if size := wire.Size(f); size > limit+16 {
			t.Errorf("a frame of kind %d has %d bytes", f.Kind, size)
		}
		switch f.Kind {
		case wire.KindReply:
			kindsOfR = append(kindsOfR, "reply")
		case wire.KindFail:
			kindsOfR = append(kindsOfR, "fail "+f.Code)
			if !slices.Equal(f.Payload, []byte{0xf6}) || f.Outcome != wire.OutcomeHandled {
				t.Errorf("a failure has %d bytes, outcome %d", len(f.Payload), f.Outcome)
			}
		case wire.KindNack:
			kindsOfR = append(kindsOfR, "nack "+f.Code)
			if !slices.Equal(f.Payload, []byte{0xf6}) {
				t.Errorf("a nack has %d bytes", len(f.Payload))
			}
		}
	}
	if diff := cmp.Diff([]string{"fail too_large", "fail x", "reply", "nack y"}, kindsOfR); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	sum := 0
	for seq := range a.out {
		o := &a.out[seq]
		for i := range o.flight.len() {
			if e := o.flight.at(i); !e.skip {
				sum += e.size
			}
		}
	}
	if got := a.QueuedBytes(); got != sum || got >= bytes {
		t.Errorf("%d bytes are counted, %d are there, %d were", got, sum, bytes)
	}
}

// An answer is replaced when it has no room, and only then.
func TestAnswerEdges(t *testing.T) {
	reply := func(size int) *wire.Frame {
		return &wire.Frame{Kind: wire.KindReply, Ref: wire.RefOf(1, false), Payload: make([]byte, size)}
	}
	serving := func(s *Session) *Incoming {
		return &Incoming{Kind: wire.KindCall, Ref: wire.RefOf(1, false), life: s.life}
	}
	size := wire.Size(reply(100))
	for _, tt := range []struct {
		limit, queue, waiting int
		code                  string
	}{
		{limit: size, queue: 1 << 20},
		{limit: size - 1, queue: 1 << 20, code: "too_large"},
		{limit: 1 << 20, queue: 1},
		{limit: 1 << 20, queue: size + 10, waiting: 10},
		{limit: 1 << 20, queue: size + 9, waiting: 10, code: "unavailable"},
	} {
		cfg := wide
		cfg.QueueBytes = tt.queue
		s := New(cfg)
		s.limit = tt.limit
		if tt.waiting > 0 {
			s.out[wire.R].push(&entry{size: tt.waiting})
		}
		s.Reply(serving(s), make([]byte, 100))
		f := s.out[wire.R].queue.at(s.out[wire.R].queue.len() - 1).frame
		if f.Code != tt.code || (f.Kind == wire.KindReply) != (tt.code == "") {
			t.Errorf("limit %d, queue of %d with %d: kind %d, %q", tt.limit, tt.queue, tt.waiting, f.Kind, f.Code)
		}
	}

	// The payload of a nack goes before the nack does.
	const command, code, message = "c", "x", "m"
	full := wire.MaxOverhead + wire.MaxName + len(command) + len(code) + len(message) + 5000
	for _, tt := range []struct{ limit, want int }{{full, 5000}, {full - 1, 1}} {
		s := New(wide)
		s.limit = tt.limit
		s.NackNumber(1, "", command, code, message, make([]byte, 5000))
		if got := len(s.out[wire.R].queue.at(0).frame.Payload); got != tt.want {
			t.Errorf("with a limit of %d, %d is the least: the payload has %d bytes", tt.limit, full, got)
		}
	}
}

func TestClipEdges(t *testing.T) {
	for _, tt := range []struct {
		text  string
		limit int
		want  string
	}{
		{"", 0, ""}, {"ab", 2, "ab"}, {"abc", 2, "ab"}, {"aé", 2, "a"}, {"aé", 3, "aé"}, {"é", 1, ""}, {"\x80\x80", 1, ""}, {"日本", 5, "日"},
	} {
		if got := clip(tt.text, tt.limit); got != tt.want {
			t.Errorf("%q at %d bytes is %q, want %q", tt.text, tt.limit, got, tt.want)
		}
	}
}

// A backlog of exactly the bound is kept.
func TestBacklogEdges(t *testing.T) {
	const windows = 4
	for _, tt := range []struct {
		frames, bytes int
		kept          bool
	}{
		{windows * 3, 1, true}, {windows*3 + 1, 1, false},
		{4, 100, true}, {5, 80, true}, {4, 101, false},
	} {
		cfg := wide
		cfg.WindowFrames, cfg.WindowBytes = 3, 100
		s := New(cfg)
		for n := range tt.frames {
			in := &Incoming{Kind: wire.KindEvent, Number: uint64(n) + 1, Payload: make([]byte, tt.bytes), size: tt.bytes}
			s.inBytes += tt.bytes
			s.inbox.push(in)
		}
		s.life++
		s.keepBacklog()
		if kept := s.inbox.len() == tt.frames; kept != tt.kept {
			t.Errorf("%d events of %d bytes: kept %v", tt.frames, tt.bytes, kept)
		}
		want := 0
		if tt.kept {
			want = tt.frames * tt.bytes
		}
		if s.InboxBytes() != want || s.inBytes != 0 {
			t.Errorf("%d events of %d bytes: %d are counted", tt.frames, tt.bytes, s.InboxBytes())
		}
	}
	// What is forgotten is not counted either.
	a, b := newPair(t, wide, wide)
	emit(t, a, "1", "2")
	carry(t, a, b)
	if b.Forget(); b.inBytes != 0 || b.oldBytes != 0 || !b.InboxEmpty() {
		t.Errorf("%d bytes are counted of what was forgotten", b.InboxBytes())
	}
}

// Calls that were made in the handler of a call end with it.
func TestNestedEndsWithItsCaller(t *testing.T) {
	for _, written := range []bool{true, false} {
		a, b := newPair(t, wide, wide)
		call(t, a, "outer")
		carry(t, a, b)
		next(t, b, "outer")
		c, err := b.Call(&Message{Kind: wire.KindCall, Command: "nested", Payload: []byte{0xf6}, Nested: true})
		if err != nil {
			t.Fatal(err)
		}
		want := Result{Code: "peer_gone", Outcome: wire.OutcomeNotSent}
		if written {
			carry(t, b, a)
			want = Result{Code: "outcome_unknown", Outcome: wire.OutcomeUnknown}
		}
		reply := &Incoming{Kind: wire.KindCall, Ref: wire.RefOf(1, false), life: b.life}
		b.Reply(reply, []byte{1})
		if written {
			output(t, b)
		}
		connect(t, b, New(wide), false)
		wantCall(t, c, want)
		if n := b.out[wire.R].frames; n != 0 {
			t.Errorf("written %v: %d answers are left", written, n)
		}
		for _, f := range output(t, b) {
			if f.Kind == wire.KindReply {
				t.Errorf("written %v: an answer to a former call is written", written)
			}
		}
	}
}

// Of a backlog of broadcasts, one is kept however large it is.
func TestLargeBroadcastIsKept(t *testing.T) {
	for _, tt := range []struct {
		sizes []int
		kept  bool
	}{
		{[]int{BroadcastBytes + 1}, true},
		{[]int{BroadcastBytes / 2, BroadcastBytes / 2}, true},
		{[]int{BroadcastBytes/2 + 1, BroadcastBytes / 2}, false},
	} {
		var r Broadcasts
		hear(t, &r, tt.sizes...)
		r.Restart(9)
		in := r.Next()
		if kept := in.Kind == wire.KindBroadcast; kept != tt.kept {
			t.Errorf("of %v bytes: kept %v", tt.sizes, kept)
		}
	}
}

// What a member keeps of its connection.
func TestMemberEdges(t *testing.T) {
	d := newTestDomain(nil)
	c := testClient("c", 1)
	m := join(t, d, c)
	if !m.Connected() || m.cookie != (wire.ID{}) || m.Since() != 1 {
		t.Errorf("connected %v since %d, a cookie is left: %v", m.Connected(), m.Since(), m.cookie)
	}
	output(t, m.Core)

	// A hello that is no later than the last one is overtaken.
	h := c.Hello()
	h.Attempt = m.attempt
	if _, err := m.Welcome(h, 2); err != ErrStale {
		t.Errorf("the same attempt again: %v", err)
	}
	if !m.Connected() {
		t.Error("and the connection is lost")
	}

	// A later one ends the connection that there is.
	emit(t, m.Core, "e")
	h = c.Hello()
	w, err := m.Welcome(h, 7)
	if err != nil {
		t.Fatal(err)
	}
	if m.Connected() || m.Core.HasOutput() || m.Since() != 7 {
		t.Errorf("connected %v since %d", m.Connected(), m.Since())
	}
	private := c.HelloPrivate(w)
	wrong := *private
	wrong.Cookie = make([]byte, 16)
	if m.WelcomePrivate(&wrong, 8) {
		t.Error("a private lane without the cookie is welcome")
	}
	if !m.WelcomePrivate(private, 8) || m.Since() != 8 {
		t.Error("the private lane is not welcome")
	}
	if m.WelcomePrivate(private, 9) {
		t.Error("a second private lane is welcome")
	}
	if m.Lost(10); m.Connected() || m.Core.HasOutput() || m.Since() != 10 {
		t.Errorf("lost, and connected %v since %d", m.Connected(), m.Since())
	}
	if m.WelcomePrivate(private, 11) || m.WelcomePrivate(&wrong, 11) {
		t.Error("a private lane without its domain lane is welcome")
	}
	h = c.Hello()
	w, err = m.Welcome(h, 12)
	if err != nil {
		t.Fatal(err)
	}
	m.cookie = wire.ID{}
	if m.WelcomePrivate(&wrong, 12) {
		t.Error("a private lane is welcome that none is awaited of")
	}
	m.cookie = wire.ID(w.Cookie)
	m.gone = true
	if m.WelcomePrivate(c.HelloPrivate(w), 12) {
		t.Error("a private lane of a session that was given up is welcome")
	}
}

// Another process of a client that goes on with the session is told apart from
// one that has come back.
func TestMemberOfTheNextProcess(t *testing.T) {
	for _, next := range []bool{false, true} {
		d := newTestDomain(nil)
		c := testClient("c", 1)
		c.Succeed(nil, nil, wire.ID{5})
		c.FrameBytes = LeastFrameBytes
		m := join(t, d, c)
		output(t, m.Core)
		for n, size := range []int{10, 10, 5000} {
			d.Publish(&wire.Frame{Kind: wire.KindBroadcast, Command: "b", Payload: make([]byte, size)}, wire.ID{}, int64(n))
		}
		if got := kinds(parse(t, m.Output(nil, 1<<20))); len(got) != 3 || got[2] != wire.KindSkip {
			t.Errorf("kinds %v are written, the last one is too large", got)
		}
		if err := m.Ack(1); err != nil || m.Acked() != 1 {
			t.Fatal(err, m.Acked())
		}
		asked := call(t, m.Core, "q")
		output(t, m.Core)
		m.Lost(3)
		if next {
			c.Succeed(c.incarnation, nil, wire.ID{6})
		}
		h := c.Hello()
		h.SRx, h.BRx = 1, 2
		w, err := m.Welcome(h, 4)
		if err != nil {
			t.Fatal(err)
		}
		bPos, state, flags := uint64(2), CallSent, []wire.Flags{}
		if next {
			bPos, state, flags = 1, CallEnded, append(flags, wire.Redelivered)
		}
		if m.Acked() != 1 {
			t.Errorf("the next process: %v: broadcast %d counts as acknowledged", next, m.Acked())
		}
		if !w.Resumed || w.BPos != bPos || asked.State != state || m.instance != wire.ID(h.Instance) {
			t.Errorf("the next process: %v: resumed %v, behind broadcast %d, the call is in state %d", next, w.Resumed, w.BPos, asked.State)
		}
		got := []wire.Flags{}
		for _, f := range parse(t, m.Output(nil, 1<<20)) {
			if f.Kind == wire.KindBroadcast {
				got = append(got, f.Flags)
			}
		}
		if !slices.Equal(got, flags) {
			t.Errorf("the next process: %v: flags %v", next, got)
		}
	}
}
