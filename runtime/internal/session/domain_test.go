package session

import (
	"errors"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A plainGuard is the Guard of a test that runs on one goroutine.
type plainGuard struct{}

func (plainGuard) Lock()   {}
func (plainGuard) Unlock() {}
func (plainGuard) Commit() {}

func newTestDomain(change func(*DomainConfig)) *Domain {
	ids := 0
	cfg := DomainConfig{
		Session: wide, FrameBytes: 1 << 20, Clients: 3, ClientsPerUID: 2, UID: 1, Grace: 10, Keep: 100, Tombstones: 2,
		RingBytes: 1 << 20, RingAge: 1000,
		Draw:      func() wire.ID { ids++; return wire.ID{byte(ids >> 8), byte(ids), 0xff} },
		Open:      func(m *Member) { m.Guard = plainGuard{} },
		Published: func() {},
	}
	if change != nil {
		change(&cfg)
	}
	return NewDomain(cfg)
}

func testClient(name string, token byte) *Client {
	return &Client{Core: New(wide), Token: wire.ID{token}, Name: name, FrameBytes: 1 << 20}
}

const testUID = 7

// claim says hello for c and must get what want says.
func claim(t *testing.T, d *Domain, h *wire.Hello, want error) (m, rival *Member) {
	t.Helper()
	m, rival, err := d.Claim(h, wire.Peer{UID: testUID}, 1)
	switch wanted, ok := errors.AsType[*Refusal](want); {
	case ok:
		if got, ok := errors.AsType[*Refusal](err); !ok || got.Code != wanted.Code {
			t.Fatalf("claim: %v, want %v", err, want)
		}
	case !errors.Is(err, want):
		t.Fatalf("claim: %v, want %v", err, want)
	}
	return m, rival
}

// join connects c.
func join(t *testing.T, d *Domain, c *Client) *Member {
	t.Helper()
	h := c.Hello()
	m, _ := claim(t, d, h, nil)
	w, err := m.Welcome(h, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Adopt(w); err != nil {
		t.Fatal(err)
	}
	if !m.WelcomePrivate(c.HelloPrivate(w), 1) {
		t.Fatal("the private lane is not welcome")
	}
	c.Up()
	return m
}

func refused(code string) error { return &Refusal{Code: code} }

func TestClaimLimits(t *testing.T) {
	d := newTestDomain(nil)
	join(t, d, testClient("a", 1))
	join(t, d, testClient("b", 2))
	claim(t, d, testClient("c", 3).Hello(), refused("unavailable")) // of one user
	own := testClient("c", 3).Hello()
	if _, _, err := d.Claim(own, wire.Peer{UID: 1}, 1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Claim(testClient("d", 4).Hello(), wire.Peer{UID: 1}, 1); err == nil {
		t.Error("one more than all are welcome")
	}
	// Whoever takes the place of another one is not one more.
	b := d.ByName("b")
	b.Lost(2)
	if m, rival := claim(t, d, testClient("b", 5).Hello(), nil); rival != b || d.ByName("b") != m || len(d.Members()) != 3 {
		t.Errorf("the rival is %p, want %p; %d members", rival, b, len(d.Members()))
	}
	d.Remove(d.ByName("a"))
	claim(t, d, testClient("e", 6).Hello(), nil)
}

func TestClaimOfWhatIsAnothers(t *testing.T) {
	d := newTestDomain(nil)
	a := testClient("a", 1)
	join(t, d, a)
	for _, tt := range []struct {
		name  string
		uid   uint32
		hello *wire.Hello
		want  string
	}{
		{"token of another user", 8, a.Hello(), "denied"},
		{"token with another name", testUID, (&Client{Core: New(wide), Token: a.Token, Name: "x", Attempt: 9}).Hello(), "denied"},
		{"name that is connected", testUID, testClient("a", 2).Hello(), "name_taken"},
		{"name of another user", 8, testClient("a", 2).Hello(), "name_taken"},
	} {
		if tt.name == "name of another user" {
			d.ByName("a").Lost(2)
		}
		_, _, err := d.Claim(tt.hello, wire.Peer{UID: tt.uid}, 1)
		if r, ok := errors.AsType[*Refusal](err); !ok || r.Code != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	d.Remove(d.ByName("a"))
	if _, _, err := d.Claim(a.Hello(), wire.Peer{UID: 8}, 1); err == nil {
		t.Error("what is remembered of a session is another user's to claim")
	}
	d.Seal()
	claim(t, d, a.Hello(), ErrStale)
}

// A hello that was overtaken changes nothing: it makes no session, and takes no
// name from whoever has it now.
func TestStaleHelloIgnored(t *testing.T) {
	d := newTestDomain(nil)
	a := testClient("a", 1)
	late := a.Hello()
	m := join(t, d, a)
	if _, err := m.Welcome(late, 1); !errors.Is(err, ErrStale) {
		t.Errorf("a hello that was claimed and overtaken before it was welcomed: %v", err)
	}
	if !m.Connected() {
		t.Error("it has ended the connection")
	}
	claim(t, d, late, ErrStale)
	if d.Holder(late, testUID) != nil {
		t.Error("the holder of a name is to be asked because of it")
	}
	m.Lost(2)
	b := testClient("a", 2)
	_, rival := claim(t, d, b.Hello(), nil)
	if rival != m || !rival.gone {
		t.Fatalf("the rival is %p, want %p, given up", rival, m)
	}
	claim(t, d, late, ErrStale)
	if h := d.Holder(a.Hello(), testUID); h == nil || h.Token != b.Token {
		t.Error("the holder of a name is not asked for one that is in time")
	}
	if n := len(d.Members()); n != 1 {
		t.Errorf("there are %d members", n)
	}
}

// What was begun in a session that was given up is not begun in the next, and
// not acknowledged as long as its handler runs.
func TestSuccessorWaitsForTheHandlerBeforeIt(t *testing.T) {
	d := newTestDomain(nil)
	c := testClient("c", 1)
	m := join(t, d, c)
	emit(t, c.Core, "1", "2", "3")
	carry(t, c.Core, m.Core)
	m.Core.Done(next(t, m.Core, "1"))
	running := next(t, m.Core, "2")
	c.Core.Down()
	m.Lost(2)
	d.Remove(m)
	m.Core.End("peer_gone", "gone")

	n := join(t, d, c)
	carry(t, c.Core, n.Core)
	if in := n.Core.Next(); in != nil {
		t.Fatalf("%q is begun while the handler of 2 runs", in.Command)
	}
	carry(t, n.Core, c.Core)
	if got := c.Core.out[wire.S].acked; got != 1 {
		t.Errorf("acknowledged is %d while the handler of 2 runs", got)
	}
	m.Core.Actions(nil)
	m.Core.Done(running)
	if a := m.Core.Actions(nil); len(a) != 1 || a[0].Kind != ActionFinished {
		t.Fatalf("the actions are %+v", a)
	}
	d.Finished(m)
	carry(t, n.Core, c.Core)
	if got := c.Core.out[wire.S].acked; got != 2 {
		t.Errorf("acknowledged is %d after the handler of 2 has returned", got)
	}
	n.Core.Done(next(t, n.Core, "3"))

	// The handler may as well return before the client comes back.
	emit(t, c.Core, "4", "5")
	carry(t, c.Core, n.Core)
	running = next(t, n.Core, "4")
	c.Core.Down()
	n.Lost(2)
	d.Remove(n)
	n.Core.End("peer_gone", "gone")
	n.Core.Done(running)
	d.Finished(n)
	o := join(t, d, c)
	carry(t, c.Core, o.Core)
	next(t, o.Core, "5")
}

// A client that does not name the incarnation that the server has begins a new
// one. What the server has begun is not begun again, the rest comes again.
func TestNewIncarnationOfASessionThatIsThere(t *testing.T) {
	d := newTestDomain(nil)
	c := testClient("c", 1)
	m := join(t, d, c)
	emit(t, c.Core, "1", "2", "3")
	carry(t, c.Core, m.Core)
	m.Core.Done(next(t, m.Core, "1"))
	running := next(t, m.Core, "2")
	c.Core.Down()
	c.incarnation = make([]byte, 16)
	if again := join(t, d, c); again != m {
		t.Fatal("another session was made")
	}
	carry(t, c.Core, m.Core)
	if in := m.Core.Next(); in != nil {
		t.Fatalf("%q is begun while the handler of 2 runs", in.Command)
	}
	m.Core.Done(running)
	if got := next(t, m.Core, "3"); got.Flags&wire.Redelivered == 0 {
		t.Error("3 is not flagged")
	}
	if m.Core.done != 2 || m.Core.InboxBytes() != 1 {
		t.Errorf("done is %d, the inbox has %d bytes", m.Core.done, m.Core.InboxBytes())
	}
}

// An idempotent call whose number is not taken again is called under another
// one.
func TestIdempotentCallAfterItsSessionWasGivenUp(t *testing.T) {
	d := newTestDomain(nil)
	c := testClient("c", 1)
	m := join(t, d, c)
	again := callAgain(t, c.Core, "again", false)
	once := call(t, c.Core, "once")
	carry(t, c.Core, m.Core)
	next(t, m.Core, "again")
	next(t, m.Core, "once")
	c.Core.Down()
	d.Remove(m)
	n := join(t, d, c)
	wantCall(t, once, Result{Code: "outcome_unknown", Outcome: wire.OutcomeUnknown})
	carry(t, c.Core, n.Core)
	in := next(t, n.Core, "again")
	if in.Flags&wire.Redelivered == 0 {
		t.Error("it is not flagged")
	}
	n.Core.Reply(in, []byte{1})
	carry(t, n.Core, c.Core)
	wantCall(t, again, Result{OK: true, Payload: []byte{1}, Remote: true})
	if c.Core.Unacked() != 0 || c.Core.QueuedBytes() != 0 {
		t.Errorf("%d messages and %d bytes are kept", c.Core.Unacked(), c.Core.QueuedBytes())
	}
}

func TestTombstonesAreBounded(t *testing.T) {
	d := newTestDomain(func(c *DomainConfig) { c.UID = testUID })
	clients := []*Client{testClient("a", 1), testClient("b", 2), testClient("c", 3)}
	for _, c := range clients {
		m := join(t, d, c)
		emit(t, c.Core, "1")
		carry(t, c.Core, m.Core)
		handled(m.Core)
		c.Core.Down()
		d.Remove(m)
		if d.Remove(m) {
			t.Error("it is given up twice")
		}
	}
	if n := len(d.tombs.at); n != 2 || d.tombs.oldest.len() != 2 {
		t.Errorf("%d tombstones are kept", n)
	}
	for i, want := range []int{1, 0, 0} { // the oldest is forgotten
		m := join(t, d, clients[i])
		carry(t, clients[i].Core, m.Core)
		if got := handled(m.Core); len(got) != want {
			t.Errorf("client %d: handled is %v", i, got)
		}
	}
	if len(d.tombs.at) != 0 {
		t.Error("a tombstone of a session that goes on is left")
	}
}

func TestWatch(t *testing.T) {
	d := newTestDomain(nil) // Grace 10, Keep 100
	m := join(t, d, testClient("a", 1))
	check := func(m *Member, now int64, expired, late bool) {
		t.Helper()
		if e, l := d.Watch(m, now); e != expired || l != late {
			t.Errorf("at %d: expired %v, late %v", now, e, l)
		}
	}
	check(m, 1000, false, false)
	m.Lost(1000)
	check(m, 1100, false, false)
	check(m, 1101, true, false)
	check(m, 1102, false, false) // once

	c := testClient("b", 2)
	h := c.Hello()
	m, _ = claim(t, d, h, nil)
	check(m, 11, false, false)
	if _, err := m.Welcome(h, 20); err != nil {
		t.Fatal(err)
	}
	check(m, 30, false, false)
	check(m, 31, false, true)
	m.Lost(31)
	check(m, 41, false, false)
	check(m, 42, true, false) // it never had both lanes
}

func TestPrivateLaneNeedsTheCookie(t *testing.T) {
	d := newTestDomain(nil)
	c := testClient("c", 1)
	h := c.Hello()
	m, _ := claim(t, d, h, nil)
	w, err := m.Welcome(h, 1)
	if err != nil {
		t.Fatal(err)
	}
	private := c.HelloPrivate(w)
	wrong := *private
	wrong.Cookie = make([]byte, 16)
	if m.WelcomePrivate(&wrong, 1) {
		t.Error("welcome with a wrong cookie")
	}
	if !m.WelcomePrivate(private, 1) || m.WelcomePrivate(private, 1) {
		t.Error("a cookie is good for one lane")
	}
	if d.ByToken(c.Token, testUID) != m || d.ByToken(c.Token, 8) != nil || d.ByToken(wire.ID{9}, testUID) != nil {
		t.Error("a session is found by its secret and its user")
	}
	m.Lost(2)
	if m.WelcomePrivate(private, 2) {
		t.Error("welcome without a domain lane")
	}
}

// Positions that cannot be end the connection and change nothing.
func TestWelcomeThatCannotBe(t *testing.T) {
	d := newTestDomain(nil)
	c := testClient("c", 1)
	m := join(t, d, c)
	c.Core.Down()
	for name, change := range map[string]func(*wire.Hello){
		"a broadcast that never was":        func(h *wire.Hello) { h.BRx = 5 },
		"an event that never was":           func(h *wire.Hello) { h.SRx = 5 },
		"an acknowledgement that never was": func(h *wire.Hello) { h.SFirst = 5 },
	} {
		h := c.Hello()
		change(h)
		if _, err := m.Welcome(h, 1); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	h := c.Hello()
	w, err := m.Welcome(h, 1)
	if err != nil || !w.Resumed {
		t.Fatalf("%+v, %v: the incarnation is lost", w, err)
	}
	for name, change := range map[string]func(*wire.Welcome){
		"no epoch":                   func(w *wire.Welcome) { w.Epoch = nil },
		"no incarnation":             func(w *wire.Welcome) { w.Incarnation = nil },
		"no cookie":                  func(w *wire.Welcome) { w.Cookie = nil },
		"small frames":               func(w *wire.Welcome) { w.FrameBytes = LeastFrameBytes - 1 },
		"no frames":                  func(w *wire.Welcome) { w.Frames = 0 },
		"no bytes":                   func(w *wire.Welcome) { w.Bytes = 0 },
		"no calls":                   func(w *wire.Welcome) { w.Calls = 0 },
		"numbers that were not sent": func(w *wire.Welcome) { w.SRx = 5 },
		"the same, of R":             func(w *wire.Welcome) { w.RRx = 5 },
		"the same, not resumed":      func(w *wire.Welcome) { w.SRx, w.Resumed = 5, false },
		"the same of R, not resumed": func(w *wire.Welcome) { w.RRx, w.Resumed = 5, false },
		"numbers that never came":    func(w *wire.Welcome) { w.SFirst = 5 },
		"the same of R, that came":   func(w *wire.Welcome) { w.RFirst = 5 },
	} {
		bad := *w
		change(&bad)
		if _, err := c.Adopt(&bad); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
	if _, err := testClient("x", 9).Adopt(w); err == nil {
		t.Error("an incarnation is resumed that the client never knew")
	}
	bad := *w
	bad.FrameBytes = LeastFrameBytes
	if restarted, err := c.Adopt(&bad); restarted || err != nil {
		t.Errorf("restarted %v, %v", restarted, err)
	}
}

func TestPulse(t *testing.T) {
	var p Pulse
	p.Tick(true)
	for tick := 1; tick <= 2*DeadAfter; tick++ {
		ping, dead := p.Tick(false)
		if want := tick == 5 || tick == 10; ping != want {
			t.Errorf("after %d ticks: ping %v", tick, ping)
		}
		if want := tick >= 15; dead != want {
			t.Errorf("after %d ticks: dead %v", tick, dead)
		}
	}
	p.Tick(true)
	if ping, dead := p.Tick(false); ping || dead {
		t.Error("it does not begin anew")
	}
}

func TestBudgets(t *testing.T) {
	cfg := wide
	cfg.Queues = NewBudget(1000)
	cfg.WindowFrames, cfg.WindowBytes, cfg.MostWindowFrames, cfg.MostWindowBytes = 4, 1000, 100, 10_000
	cfg.Windows = NewBudget(2500)
	a, b := New(cfg), New(cfg)
	for _, s := range []*Session{a, b} {
		if err := s.Emit(event("1")); err != nil {
			t.Fatal(err)
		}
		s.Settle()
	}
	sum := a.QueuedBytes() + b.QueuedBytes()
	if got := cfg.Queues.Used(); got != int64(sum) {
		t.Errorf("the queues hold %d bytes, the budget says %d", sum, got)
	}
	if err := a.Emit(&Message{Kind: wire.KindEvent, Command: "x", Payload: make([]byte, 1000-sum-wire.MaxOverhead)}); !errors.Is(err, ErrBudget) {
		t.Errorf("an event beyond the budget: %v", err)
	}
	if err := a.Emit(&Message{Kind: wire.KindEvent, Command: "x", Payload: make([]byte, 1000-sum-wire.MaxOverhead-1)}); err != nil {
		t.Errorf("an event that just fits: %v", err)
	}
	a.Settle()
	a.End("closed", "")
	b.End("closed", "")
	a.Settle()
	b.Settle()
	if got := cfg.Queues.Used(); got != 0 {
		t.Errorf("%d bytes are left when all sessions have ended", got)
	}

	// A window that is filled is widened as long as the budget lasts.
	x, y := newPair(t, wide, cfg)
	emit(t, x, "1", "2", "3")
	carry(t, x, y)
	y.Settle()
	if f, n := y.Window(); f != 8 || n != 2000 || cfg.Windows.Used() != 1000 {
		t.Errorf("the window is %d frames and %d bytes, the budget %d", f, n, cfg.Windows.Used())
	}
	y.Settle() // it is not filled any more
	emit(t, x, "4", "5")
	carry(t, y, x)
	carry(t, x, y)
	y.Settle()
	if f, n := y.Window(); f != 8 || n != 2000 {
		t.Errorf("the window is %d frames and %d bytes beyond the budget", f, n)
	}
	y.End("closed", "")
	y.Settle()
	if got := cfg.Windows.Used(); got != 0 {
		t.Errorf("%d bytes of windows are left", got)
	}
}

// A text that is too long for the other side's frames is cut, not sent: the
// frame would end the connection, each time.
func TestFailureFitsIntoTheSmallestFrame(t *testing.T) {
	a, b := New(wide), New(wide)
	if err := a.Adopt(positions(b), false); err != nil {
		t.Fatal(err)
	}
	p := a.Positions()
	p.FrameBytes = LeastFrameBytes
	if err := b.Adopt(p, false); err != nil {
		t.Fatal(err)
	}
	a.Up()
	b.Up()
	long := string(make([]byte, wire.MaxMessage))
	c := call(t, a, "c")
	emit(t, a, "e")
	carry(t, a, b)
	b.Fail(next(t, b, "c"), "code", long, wire.OutcomeHandled, make([]byte, 3000))
	b.Nack(next(t, b, "e"), "code", long, make([]byte, 3000))
	for rest := b.Output(nil, 1<<20, 1); len(rest) > 0; {
		_, used, err := wire.Split(rest, LeastFrameBytes)
		if err != nil || used == 0 {
			t.Fatalf("a frame does not fit: %v", err)
		}
		deliver(t, a, parse(t, rest[:used])...)
		rest = rest[used:]
	}
	if c.State != CallEnded || len(c.Result.Message) < 3000 {
		t.Errorf("state %d, %d bytes of message", c.State, len(c.Result.Message))
	}
}
