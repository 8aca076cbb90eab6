package session

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

var (
	faultsShare = flag.Float64("faults.share", 0.001, "how much of its figure each test of a fault reaches: 1 is all, see make faults")
	faultsSeed  = flag.Uint64("faults.seed", 1, "the first seed of the tests of faults")
)

// schedules plays as many random schedules as the share of the figure says. Each
// has a seed of its own, which plays it again.
func schedules(t *testing.T, figure int, play func(*rand.Rand) error) {
	t.Helper()
	n := max(1, int(*faultsShare*float64(figure)))
	for i := range uint64(n) {
		if err := play(rand.New(rand.NewPCG(*faultsSeed+i, 5))); err != nil {
			t.Fatalf("%v; again with -run '^%s$' -faults.seed=%d -faults.share=0", err, t.Name(), *faultsSeed+i)
		}
	}
	t.Logf("ledger: schedules=%d seed=%d", n, *faultsSeed)
}

// Two processes of one user and one of another want the same name, with hellos,
// welcomes and second lanes that come late, twice or never, and connections that
// are lost. Never do two have it; a hello that was overtaken changes nothing;
// what another user has is never taken.
func TestFaultNames(t *testing.T) {
	won, taken, stale := 0, 0, 0
	schedules(t, 1_000_000, func(rng *rand.Rand) error {
		w := newNameWorld(rng)
		for range 40 {
			if err := w.step(); err != nil {
				return err
			}
		}
		won, taken, stale = won+w.won, taken+w.taken, stale+w.stale
		return nil
	})
	if won == 0 || taken == 0 || stale == 0 {
		t.Errorf("the name was had %d times, refused %d times; %d hellos were overtaken", won, taken, stale)
	}
	t.Logf("ledger: connected=%d refused=%d overtaken=%d", won, taken, stale)
}

type nameWorld struct {
	rng               *rand.Rand
	d                 *Domain
	now               int64
	claimants         [3]claimant
	mail              []func() error // on its way, in no order
	won, taken, stale int
}

type claimant struct {
	c   *Client
	uid uint32
}

func newNameWorld(rng *rand.Rand) *nameWorld {
	w := &nameWorld{rng: rng, now: 1, d: newTestDomain(func(c *DomainConfig) { c.Clients, c.ClientsPerUID, c.Keep = 10, 10, 40 })}
	for i := range w.claimants {
		w.claimants[i] = claimant{&Client{Core: New(wide), Token: wire.ID{byte(i + 1)}, Name: "n", FrameBytes: 1 << 20}, testUID + uint32(i/2)}
	}
	return w
}

func (w *nameWorld) step() error {
	w.now++
	switch n := w.rng.IntN(10); {
	case n < 4:
		p := &w.claimants[w.rng.IntN(len(w.claimants))]
		h := p.c.Hello()
		w.mail = append(w.mail, func() error { return w.hello(p, h) })
	case n < 8 && len(w.mail) > 0:
		i := w.rng.IntN(len(w.mail))
		arrives := w.mail[i]
		if w.rng.IntN(8) > 0 { // else it comes once more
			w.mail = append(w.mail[:i], w.mail[i+1:]...)
		}
		if err := arrives(); err != nil {
			return err
		}
	case n < 9: // a connection is lost
		if m := w.d.ByName("n"); m != nil {
			m.Lost(w.now)
		}
	default: // time passes, and who is away for long is given up
		w.now += w.rng.Int64N(60)
		for _, m := range w.d.Members() {
			if _, late := w.d.Watch(m, w.now); late {
				m.Lost(w.now)
			}
		}
	}
	return w.check()
}

// hello arrives at the server.
func (w *nameWorld) hello(p *claimant, h *wire.Hello) error {
	before := w.d.ByName("n")
	var had Member
	if before != nil {
		had = *before
	}
	if holder := w.d.Holder(h, p.uid); holder != nil && holder.lanes > 0 && w.rng.IntN(2) == 0 {
		holder.Lost(w.now) // it was asked whether it lives, and did not answer
		had = *holder
	}
	m, rival, err := w.d.Claim(h, wire.Peer{UID: p.uid}, w.now)
	if err != nil {
		if errors.Is(err, ErrStale) {
			w.stale++
		} else {
			w.taken++
		}
		if after := w.d.ByName("n"); after != before || after != nil && (after.lanes != had.lanes || after.attempt != had.attempt) {
			return fmt.Errorf("a hello was not welcome (%w), and changed who has the name", err)
		}
		return nil
	}
	if before != nil && before.uid() != p.uid {
		return fmt.Errorf("user %d has taken the name of user %d", p.uid, before.uid())
	}
	if rival != nil && had.lanes > 0 {
		return fmt.Errorf("the name was taken from one that is connected")
	}
	if h.Attempt <= m.attempt {
		return fmt.Errorf("attempt %d was taken after %d", h.Attempt, m.attempt)
	}
	welcome, err := m.Welcome(h, w.now)
	if err != nil {
		return err
	}
	w.mail = append(w.mail, func() error {
		if h.Attempt != p.c.Attempt {
			return nil // the client has given this connection up
		}
		if _, err := p.c.Adopt(welcome); err != nil {
			return err
		}
		private := p.c.HelloPrivate(welcome)
		w.mail = append(w.mail, func() error {
			if !m.WelcomePrivate(private, w.now) {
				return nil
			}
			w.won++
			if m.attempt != h.Attempt {
				return fmt.Errorf("the second lane of attempt %d was welcome to attempt %d", h.Attempt, m.attempt)
			}
			return nil
		})
		return nil
	})
	return nil
}

func (w *nameWorld) check() error {
	holders := 0
	for _, m := range w.d.Members() {
		if m.lanes == 0 {
			continue
		}
		if holders++; m != w.d.ByName("n") {
			return fmt.Errorf("session %x is connected, and has not the name", m.Token[:1])
		}
	}
	if holders > 1 {
		return fmt.Errorf("%d sessions with one name are connected", holders)
	}
	return nil
}

// Calls are cancelled, or their deadline passes, at any step of their way, while
// connections are lost and the server is replaced, with a word or without. Each
// ends once; what is said of it is true: one that was not sent or not handled
// never ran, and none that may not runs twice.
func TestFaultCalls(t *testing.T) {
	var ended [5]int
	schedules(t, 1_000_000, func(rng *rand.Rand) error {
		w := &callWorld{rng: rng, now: 1, client: New(wide), ended: &ended}
		w.serve()
		for range 10 + rng.IntN(30) {
			if err := w.step(); err != nil {
				return err
			}
		}
		return w.settle()
	})
	names := [5]string{4: "answered", wire.OutcomeNotSent: "not_sent", wire.OutcomeNotHandled: "not_handled", wire.OutcomeHandled: "handled", wire.OutcomeUnknown: "unknown"}
	done := ""
	for i, n := range ended {
		if n == 0 {
			t.Errorf("no call was %s", names[i])
		}
		done += fmt.Sprintf(" %s=%d", names[i], n)
	}
	t.Log("ledger:" + done)
}

type callWorld struct {
	rng            *rand.Rand
	now            int64
	client, server *Session
	up             bool
	known          bool // the server has a session that the client knows
	toServer       []*wire.Frame
	toClient       []*wire.Frame
	parser         wire.Parser
	calls          []*callRecord
	serving        []*Incoming
	ended          *[5]int
}

type callRecord struct {
	call       *Call
	idempotent bool
	deadline   int64
	canceled   bool
	ends, runs int
}

func (w *callWorld) serve() {
	w.server, w.known, w.serving = New(wide), false, nil
}

func (w *callWorld) step() error {
	w.now++
	switch n := w.rng.IntN(20); {
	case n < 3 && len(w.calls) < 4:
		r := &callRecord{idempotent: w.rng.IntN(3) == 0}
		if w.rng.IntN(2) == 0 {
			r.deadline = w.now + w.rng.Int64N(20)
		}
		c, err := w.client.Call(&Message{
			Kind: wire.KindCall, Command: "c", Payload: []byte{byte(len(w.calls))}, Deadline: r.deadline, Idempotent: r.idempotent, Tag: r,
		})
		if err != nil {
			return err
		}
		r.call = c
		w.calls = append(w.calls, r)
	case n < 6 && !w.up:
		return w.connect()
	case n < 8:
		w.write()
	case n < 11 && len(w.toServer) > 0:
		if err := w.server.Receive(w.toServer[0], w.now, clone); err != nil {
			return fmt.Errorf("the server: %w", err)
		}
		w.toServer = w.toServer[1:]
	case n < 13 && len(w.toClient) > 0:
		if err := w.client.Receive(w.toClient[0], w.now, clone); err != nil {
			return fmt.Errorf("the client: %w", err)
		}
		w.toClient = w.toClient[1:]
	case n < 16:
		w.handle()
	case n == 16 && len(w.calls) > 0:
		r := w.calls[w.rng.IntN(len(w.calls))]
		r.canceled = true
		w.client.Cancel(r.call)
	case n == 17:
		w.down()
	case n == 18 && w.rng.IntN(3) == 0:
		if w.up && w.rng.IntN(2) == 0 { // it says goodbye: what it has not begun never was
			w.server.Drain()
			if err := w.client.Closed(w.server.Farewell()); err != nil {
				return err
			}
		}
		w.down()
		w.serve()
	default:
		w.now += 5
	}
	for _, r := range w.calls { // whoever waited has gone
		if r.deadline > 0 && r.deadline <= w.now && !r.canceled {
			r.canceled = true
			w.client.Cancel(r.call)
		}
	}
	return w.pump()
}

func (w *callWorld) frames(b []byte) (frames []*wire.Frame) {
	for len(b) > 0 {
		content, used, err := wire.Split(b, 1<<30)
		f := new(wire.Frame)
		if err != nil || used == 0 || w.parser.Parse(content, f) != nil {
			panic(fmt.Sprintf("%x is no frame", b))
		}
		f.Payload = clone(f.Payload)
		frames, b = append(frames, f), b[used:]
	}
	return frames
}

func (w *callWorld) write() {
	if !w.up {
		return
	}
	w.toServer = append(w.toServer, w.frames(w.client.Output(nil, 1+w.rng.IntN(100), w.now))...)
	w.toClient = append(w.toClient, w.frames(w.server.Output(nil, 1+w.rng.IntN(100), w.now))...)
}

func (w *callWorld) down() {
	if w.up {
		w.client.Down()
		w.server.Down()
	}
	w.up, w.toServer, w.toClient = false, nil, nil
}

func (w *callWorld) connect() error {
	hello := positions(w.client)
	resumed := w.known
	if !resumed { // as a Member does it
		hello.SRx, hello.RRx = 0, 0
		w.server.Forget()
	}
	if err := w.server.Adopt(hello, resumed); err != nil {
		return fmt.Errorf("the server: %w", err)
	}
	w.known = false
	if w.rng.IntN(10) == 0 {
		if resumed {
			w.known = true
		}
		return nil // the welcome is lost
	}
	if err := w.client.Adopt(positions(w.server), resumed); err != nil {
		return fmt.Errorf("the client: %w", err)
	}
	w.known, w.up = true, true
	w.server.Up()
	w.client.Up()
	return nil
}

func (w *callWorld) handle() {
	if in := w.server.Next(); in != nil {
		switch {
		case in.Kind != wire.KindCall:
			w.server.Done(in)
		case in.Canceled():
			w.server.Fail(in, "canceled", "", wire.OutcomeNotHandled, nil)
		default:
			w.calls[in.Payload[0]].runs++
			w.serving = append(w.serving, in)
		}
	}
	if len(w.serving) > 0 && w.rng.IntN(2) == 0 {
		in := w.serving[0]
		w.serving = w.serving[1:]
		if w.rng.IntN(3) == 0 {
			w.server.Fail(in, "failed", "", wire.OutcomeHandled, nil)
		} else {
			w.server.Reply(in, in.Payload)
		}
	}
}

// pump looks at what has ended.
func (w *callWorld) pump() error {
	w.server.Actions(nil)
	for _, a := range w.client.Actions(nil) {
		if a.Kind != ActionResolve {
			continue
		}
		r := a.Call.Tag.(*callRecord)
		result := a.Call.Result
		outcome := 4
		if !result.OK {
			outcome = int(result.Outcome)
		}
		w.ended[outcome]++
		r.ends++
		switch {
		case r.ends > 1:
			return fmt.Errorf("a call ended %d times", r.ends)
		case result.OK && r.runs == 0, !result.OK && result.Outcome == wire.OutcomeHandled && r.runs == 0:
			return fmt.Errorf("a call that never ran ended with %+v", result)
		}
	}
	for i, r := range w.calls {
		switch {
		case r.runs > 1 && !r.idempotent:
			return fmt.Errorf("call %d ran %d times", i, r.runs)
		case r.ends > 0 && r.runs > 0 && !r.call.Result.OK && (r.call.Result.Outcome == wire.OutcomeNotSent || r.call.Result.Outcome == wire.OutcomeNotHandled):
			return fmt.Errorf("call %d ran, and ended with %+v", i, r.call.Result)
		}
	}
	return nil
}

func (w *callWorld) settle() error {
	for range 200 {
		if !w.up {
			if err := w.connect(); err != nil {
				return err
			}
		}
		w.write()
		for ; len(w.toServer) > 0; w.toServer = w.toServer[1:] {
			if err := w.server.Receive(w.toServer[0], w.now, clone); err != nil {
				return err
			}
		}
		for ; len(w.toClient) > 0; w.toClient = w.toClient[1:] {
			if err := w.client.Receive(w.toClient[0], w.now, clone); err != nil {
				return err
			}
		}
		w.handle()
		w.server.AckTimer()
		w.client.AckTimer()
		if err := w.pump(); err != nil {
			return err
		}
		if w.client.waiting == 0 && len(w.serving) == 0 {
			break
		}
	}
	for i, r := range w.calls {
		if r.ends != 1 {
			return fmt.Errorf("call %d ended %d times", i, r.ends)
		}
	}
	return nil
}

// Acknowledgements of the past, the future and of what is there, in any order:
// one that cannot be ends the connection, any other frees what it says and
// nothing more, once.
func TestFaultAcks(t *testing.T) {
	n := max(1000, int(*faultsShare*100_000_000))
	rng := rand.New(rand.NewPCG(*faultsSeed, 6))
	cfg := Config{QueueFrames: 64, QueueBytes: 1 << 20, WindowFrames: 32, WindowBytes: 1 << 16, Calls: 10}
	s := New(cfg)
	peer := Positions{SFirst: 1, RFirst: 1, Frames: 32, Bytes: 1 << 16, Calls: 10, FrameBytes: 1 << 16}
	if err := s.Adopt(peer, false); err != nil {
		t.Fatal(err)
	}
	s.Up()
	refused, freed, m := 0, uint64(0), event("n")
	var buffer []byte
	f := new(wire.Frame)
	for i := range n {
		o := &s.out[wire.S]
		if o.frames < 16 {
			for s.Emit(m) == nil {
			}
		}
		if i%8 == 0 {
			buffer = s.Output(buffer[:0], 200, 1)
		}
		before, sent := o.acked, o.cursor-1
		number := func(near uint64) uint64 {
			switch rng.Uint32() % 16 {
			case 0:
				return rng.Uint64()
			case 1:
				return wire.MaxNumber
			case 2:
				return 0
			default:
				return near + rng.Uint64N(8) - 4
			}
		}
		*f = wire.Frame{Kind: wire.KindAck, Number: number(before), Frames: rng.Uint64N(64), Bytes: rng.Uint64N(1 << 16)}
		if rng.Uint32()%8 == 0 {
			f.To = number(0)
		}
		err := s.Receive(f, 1, clone)
		possible := f.Number <= sent && f.To == 0
		switch {
		case (err == nil) != possible:
			t.Fatalf("acknowledgement %d of number %d and %d of R, acknowledged are %d and sent %d: %v", i, f.Number, f.To, before, sent, err)
		case err == nil && o.acked != max(before, f.Number), o.acked < before:
			t.Fatalf("acknowledgement %d of number %d after %d: %d is acknowledged", i, f.Number, before, o.acked)
		case o.frames < 0 || o.bytes < 0 || o.flightBytes < 0 || o.frames > cfg.QueueFrames || o.frames != o.flight.len()+o.queue.len():
			t.Fatalf("%d frames of %d bytes are counted after acknowledgement %d", o.frames, o.bytes, i)
		}
		freed += o.acked - before
		if err != nil { // the connection ends, and the next one resumes
			refused++
			before = o.acked
			s.Down()
			peer.SRx = before + rng.Uint64N(o.last()-before+1)
			if err := s.Adopt(peer, true); err != nil {
				t.Fatal(err)
			}
			s.Up()
		}
		if i%64 == 0 {
			s.Actions(nil)
		}
	}
	if refused == 0 || freed == 0 {
		t.Errorf("%d were refused, %d messages acknowledged", refused, freed)
	}
	t.Logf("ledger: acknowledgements=%d refused=%d freed=%d seed=%d", n, refused, freed, *faultsSeed)
}
