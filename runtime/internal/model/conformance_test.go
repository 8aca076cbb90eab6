package model

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

var (
	walks    = flag.Int("model.walks", 1500, "random histories of the code that the model must be able to follow")
	walkSeed = flag.Uint64("model.seed", 1, "the first of their seeds")
)

// A walk is one history of two sides of package session, and of the model
// beside it. What is written must be the same, and so must be what each side
// knows afterwards.
type walk struct {
	rng  *rand.Rand
	m    *model
	w    world
	real [2]*session.Session
	call map[id]*session.Call

	lane    [2][]frame // on their way to a side, in the model
	bytes   [2][][]byte
	event   [2]*session.Incoming // whose handler runs
	serving [2]map[id]*session.Incoming
	left    *session.Incoming // of the session that was given up
	former  *session.Session
	log     []string
	seen    map[string]int
}

// A departure is what a walk panics with when code and model differ.
type departure string

func (k *walk) failf(format string, args ...any) {
	panic(departure(strings.Join(k.log, "\n") + "\n" + fmt.Sprintf(format, args...)))
}

func (k *walk) logf(format string, args ...any) { k.log = append(k.log, fmt.Sprintf(format, args...)) }

func (k *walk) site(side int8) site { return site{k.m, &k.w, 0, side} }

func newSession() *session.Session {
	return session.New(session.Config{
		QueueFrames: 100, QueueBytes: 1 << 20, WindowFrames: window, WindowBytes: 1 << 20, Calls: 100,
	})
}

func positions(s *session.Session) session.Positions {
	p := s.Positions()
	p.FrameBytes = 1 << 20
	return p
}

// The messages of a walk are drawn from these.
var menu = []message{eventUp, callUp, repeatUp, refusedUp, eventDown, callDown, refusedDown, eventLater, callLater}

func newWalk(seed uint64, without rule) *walk {
	k := &walk{seen: map[string]int{}, rng: rand.New(rand.NewPCG(seed, 0)), call: map[id]*session.Call{}}
	c := &config{slow: true, without: without}
	for range mostMessages {
		p := menu[k.rng.IntN(len(menu))]
		p.later = true
		c.messages = append(c.messages, p)
	}
	if c.messages[0].call && k.rng.IntN(2) == 0 {
		c.messages[1] = message{from: 1 - c.messages[0].from, call: true, nested: 1}
	}
	k.m = newModel(c)
	k.w = k.m.initial()
	k.w.dirty = true // calls may end unknown: a walk ends servers all the time
	for side := range k.real {
		k.real[side] = newSession()
		k.serving[side] = map[id]*session.Incoming{}
	}
	return k
}

// describe tells of a frame of the model what can be compared.
func describe(f frame) string {
	switch f.kind {
	case event, call, nestedCall:
		return fmt.Sprint(kindNames[f.kind], " ", f.n, " m", f.m, " flagged ", f.more == 1)
	case reply:
		return fmt.Sprint("REPLY ", f.n, " to ", f.ref, " nested ", f.more&1)
	case fail:
		return fmt.Sprint("FAIL ", f.n, " to ", f.ref, " nested ", f.more&1, " outcome ", f.more/2)
	case nack:
		return fmt.Sprint("NACK ", f.n, " of ", f.ref, " m", f.m)
	case skip:
		return fmt.Sprint("SKIP ", f.ref, " ", f.n, " count ", f.more)
	case cancel:
		return fmt.Sprint("CANCEL ", f.n, " nested ", f.more)
	case ack:
		return fmt.Sprint("ACK ", f.n, " ", f.ref)
	}
	return "?"
}

// modelled is the same of a frame of the code.
func (k *walk) modelled(f *wire.Frame) frame {
	var m id
	fmt.Sscanf(f.Command, "m%d", &m)
	bit := func(b bool) int8 {
		if b {
			return 1
		}
		return 0
	}
	g := frame{n: int8(f.Number), m: m}
	switch f.Kind {
	case wire.KindEvent, wire.KindCall:
		g.kind = event
		if f.Kind == wire.KindCall {
			g.kind = call
			if f.Flags&wire.Nested != 0 {
				g.kind = nestedCall
			}
		}
		g.more = bit(f.Flags&wire.Redelivered != 0)
	case wire.KindReply:
		g.kind, g.ref, g.more = reply, int8(f.Ref.Number()), bit(f.Ref.Nested())
	case wire.KindFail:
		g.kind, g.ref, g.more = fail, int8(f.Ref.Number()), bit(f.Ref.Nested())+2*int8(outcomeOf(f.Outcome))
	case wire.KindNack:
		g.kind, g.ref = nack, int8(f.From)
		if f.From != f.To {
			k.failf("a run of refusals: the walk refuses too fast")
		}
	case wire.KindSkip:
		g = frame{kind: skip, n: int8(f.To), ref: int8(f.Sequence), more: int8(f.Count)}
	case wire.KindCancel:
		g = frame{kind: cancel, n: int8(f.Ref.Number()), more: bit(f.Ref.Nested())}
	case wire.KindAck:
		g = frame{kind: ack, n: int8(f.Number), ref: int8(f.To)}
	default:
		k.failf("a frame of kind %d", f.Kind)
	}
	return g
}

func outcomeOf(o wire.Outcome) outcome {
	switch o {
	case wire.OutcomeUnknown:
		return unknown
	case wire.OutcomeNotSent:
		return notSent
	case wire.OutcomeNotHandled:
		return notHandled
	}
	return none
}

// step does one thing on both.
func (k *walk) step() {
	side := int8(k.rng.IntN(2))
	up := k.w.links[0].ends[client].up
	switch op := k.rng.IntN(100); {
	case op < 12:
		k.accept(side)
	case op < 32 && up:
		k.write(side)
	case op < 52 && up:
		k.read(side)
	case op < 60:
		k.next(side)
	case op < 67:
		k.eventReturns(side)
	case op < 73:
		k.callReturns(side)
	case op < 83:
		k.cancel()
	case op < 87:
		k.real[side].AckTimer()
	case op < 95 && !up:
		k.connect(k.rng.IntN(4) > 0)
	case op < 96 && up:
		k.logf("cut")
		k.cut()
	case op < 97 && k.rng.IntN(2) == 0:
		k.endServer()
	case op < 98 && !up && k.rng.IntN(2) == 0:
		k.drop()
	}
	k.compare()
}

func (k *walk) accept(side int8) {
	s := &stepper{model: k.m, from: &k.w}
	for i := range k.m.messages {
		m := id(i) + 1
		p := k.m.msg(m)
		if p.from != side || k.w.fates[i].accepted || !s.mayAccept(k.site(side), m) {
			continue
		}
		k.logf("accept m%d %+v", m, *p)
		k.m.accept(&k.w, m)
		out := &session.Message{
			Kind: wire.KindEvent, Command: fmt.Sprint("m", m), Payload: []byte{0xf6}, Nested: p.nested != 0, Idempotent: p.repeatable, Tag: m,
		}
		var err error
		if p.call {
			out.Kind = wire.KindCall
			k.call[m], err = k.real[side].Call(out)
		} else {
			err = k.real[side].Emit(out)
		}
		if err != nil {
			k.failf("m%d: %v", m, err)
		}
		return
	}
}

// write has the code write one frame, and an ACK if it wants to. The model must
// be able to write the same.
func (k *walk) write(side int8) {
	b := k.real[side].Output(nil, 1, 0)
	x := k.site(side)
	reader := wire.NewReader(bytes.NewReader(b), 1<<20)
	var parser wire.Parser
	for {
		content, err := reader.Next()
		if err != nil {
			return
		}
		var f wire.Frame
		if err := parser.Parse(content, &f); err != nil {
			k.failf("side %d: %v", side, err)
		}
		if f.Kind == wire.KindAckRequest {
			continue
		}
		got := k.modelled(&f)
		var want frame
		ok := true
		switch got.kind {
		case ack:
			if ok = x.mayAck(); ok {
				want = x.writeAck()
			}
		case cancel:
			ok, want = false, got
			for i := range k.m.messages {
				m := id(i) + 1
				if g := x.leg(m); k.m.msg(m).from == side && g.toCancel && g.ref == got.n && nestedBit(x.seqOfCall(m)) == got.more {
					g.toCancel, ok = false, true
				}
			}
		default:
			want, ok = x.write()
		}
		k.seen[kindNames[got.kind]]++
		k.logf("side %d writes %s", side, describe(got))
		if !ok || describe(want) != describe(got) {
			k.failf("the code writes %q, the model %v %q", describe(got), ok, describe(want))
		}
		k.lane[1-side] = append(k.lane[1-side], want)
		k.bytes[1-side] = append(k.bytes[1-side], slices.Clone(content))
	}
}

func (k *walk) read(side int8) {
	if len(k.lane[side]) == 0 {
		return
	}
	f := k.lane[side][0]
	k.lane[side] = k.lane[side][1:]
	var parser wire.Parser
	var g wire.Frame
	if err := parser.Parse(k.bytes[side][0], &g); err != nil {
		k.failf("%v", err)
	}
	k.bytes[side] = k.bytes[side][1:]
	k.logf("side %d reads %s", side, describe(f))
	err := k.real[side].Receive(&g, 0, slices.Clone[[]byte])
	if ok := k.site(side).receive(f); !ok || err != nil {
		k.failf("side %d: the code says %v, the model %v", side, err, ok)
	}
}

func (k *walk) next(side int8) {
	x := k.site(side)
	e := x.end()
	if e.running.m != 0 || e.inboxed == 0 || k.event[side] != nil {
		return
	}
	in := k.real[side].Next()
	var front incoming
	for e.inboxed > 0 {
		front = e.inbox[0]
		canceled := false
		if served := x.find(front.m); front.kind == call && served != nil {
			canceled = served.canceled
		}
		if !x.next() {
			front = incoming{}
			break
		}
		if !canceled {
			break
		}
		front = incoming{} // it was answered, and the code goes on to the next
	}
	switch {
	case in == nil && front.kind == 0:
		return
	case in == nil || front.kind == 0 || int8(in.Number) != front.n || in.Kind != wire.KindSkip && in.Command != fmt.Sprint("m", front.m):
		k.failf("side %d begins %+v, the model %+v", side, in, front)
	case (in.Flags&wire.Redelivered != 0) != front.flagged:
		k.failf("side %d begins %+v, in the model it is flagged: %v", side, in, front.flagged)
	}
	k.logf("side %d begins number %d, m%d", side, in.Number, front.m)
	switch in.Kind {
	case wire.KindSkip:
		k.real[side].Done(in)
	case wire.KindEvent:
		k.event[side] = in
	case wire.KindCall:
		k.serving[side][front.m] = in
	}
}

func (k *walk) eventReturns(side int8) {
	if side == server && k.left != nil && k.rng.IntN(2) == 0 {
		k.logf("the handler of the session that was given up returns")
		k.former.Done(k.left)
		k.former.Actions(nil)
		net{k.m, &k.w, 0}.leftReturned()
		k.real[server].Release()
		k.left = nil
		return
	}
	in := k.event[side]
	if in == nil {
		return
	}
	m := k.site(side).end().running.m
	k.logf("side %d's handler of m%d returns", side, m)
	if k.m.msg(m).refused {
		k.real[side].Nack(in, "refused", fmt.Sprint(in.Number), nil) // another text for each: no runs
	}
	k.real[side].Done(in)
	k.site(side).returned()
	k.event[side] = nil
}

func (k *walk) callReturns(side int8) {
	e := k.site(side).end()
	for j := range e.serving {
		served := &e.serving[j]
		in := k.serving[side][served.m]
		if !served.begun || in == nil || !k.site(side).mayReturn(served.m, served) {
			continue
		}
		k.logf("side %d's handler of call m%d returns", side, served.m)
		delete(k.serving[side], served.m)
		k.real[side].Reply(in, []byte{0xf6})
		k.site(side).callReturns(served)
		return
	}
}

func (k *walk) cancel() {
	m := id(k.rng.IntN(len(k.m.messages))) + 1
	c := k.call[m]
	if c == nil || k.site(k.m.msg(m).from).leg(m).state == 3 {
		return
	}
	side := k.m.msg(m).from
	k.logf("call m%d is cancelled", m)
	k.real[side].Cancel(c)
	k.site(side).cancel(m)
}

func (k *walk) cut() {
	for side := range int8(2) {
		k.real[side].Down()
		k.site(side).end().up = false
		k.lane[side], k.bytes[side] = nil, nil
	}
}

// connect makes a connection; with complete false, the WELCOME is lost.
func (k *walk) connect(complete bool) {
	l := &k.w.links[0]
	hello, realHello := k.site(client).position(), positions(k.real[client])
	s := &l.ends[server]
	if !l.exists() {
		e := newEnd()
		e.floor, e.floorDone = l.grave.started, l.grave.done
		e.waits = e.floor > e.floorDone
		k.real[server] = newSession()
		k.real[server].Succeed(uint64(l.grave.done), uint64(l.grave.started))
		l.grave.done, l.grave.started = 0, 0
		*s = e
	}
	resumed := s.known != 0 && s.known == hello.incarnation
	k.seen[fmt.Sprint("resumed ", resumed)]++
	k.logf("connect, resumed %v, complete %v", resumed, complete)
	if !resumed {
		realHello.SRx, realHello.RRx = 0, 0
		k.real[server].Forget()
	}
	k.adopt(server, hello, realHello, resumed)
	if !resumed {
		k.w.incarnations++
		s.known = k.w.incarnations
	}
	if !complete {
		return
	}
	welcome, realWelcome := k.site(server).position(), positions(k.real[server])
	k.adopt(client, welcome, realWelcome, resumed)
	l.ends[client].known = s.known
	for side := range int8(2) {
		k.real[side].Up()
		k.site(side).connected()
	}
}

func (k *walk) adopt(side int8, p position, q session.Positions, resumed bool) {
	ok := k.site(side).adopt(p, resumed)
	if err := k.real[side].Adopt(q, resumed); err != nil || !ok {
		k.failf("side %d adopts %+v: the code says %v, the model %v", side, p, err, ok)
	}
}

// endServer ends the server's process: at once, or with a farewell that is
// heard.
func (k *walk) endServer() {
	if k.w.links[0].ends[client].up && k.rng.IntN(2) == 0 {
		for len(k.lane[client]) > 0 {
			k.read(client)
		}
		done, started := k.real[server].Farewell()
		k.seen["farewell"]++
		k.logf("farewell, done %d, started %d", done, started)
		err := k.real[client].Closed(done, started)
		if ok := k.site(client).closed(frame{kind: farewell, n: int8(done), ref: int8(started)}); err != nil || !ok {
			k.failf("a farewell: the code says %v, the model %v", err, ok)
		}
	}
	k.logf("the server ends")
	k.cut()
	k.forgetServer()
	(&stepper{model: k.m}).replaceServer(&k.w)
	k.left = nil
	k.real[server] = newSession()
}

// forgetServer: the calls that the server made have nobody who waits for them.
func (k *walk) forgetServer() {
	for i := range k.m.messages {
		if k.m.messages[i].from == server {
			delete(k.call, id(i)+1)
		}
	}
	k.event[server], k.serving[server] = nil, map[id]*session.Incoming{}
}

func (k *walk) drop() {
	l := &k.w.links[0]
	if !l.exists() || l.ends[server].known == 0 || k.left != nil {
		return
	}
	k.seen["given up"]++
	k.logf("the server gives the session up")
	s := k.real[server]
	s.Drain()
	if done, started := s.Farewell(); int8(done) != l.ends[server].done || int8(started) != l.ends[server].started {
		k.failf("given up at %d and %d, in the model at %d and %d", done, started, l.ends[server].done, l.ends[server].started)
	}
	s.End("peer_gone", "gone")
	s.Actions(nil)
	k.left, k.former = k.event[server], s
	k.forgetServer()
	net{k.m, &k.w, 0}.dropSession()
	k.real[server] = newSession()
}

// compare looks at what both sides know.
func (k *walk) compare() {
	if k.w.bad != 0 {
		k.failf("%v", k.w.bad)
	}
	for side := range int8(2) {
		for _, a := range k.real[side].Actions(nil) {
			if a.Kind == session.ActionStart {
				var m id
				fmt.Sscanf(a.In.Command, "m%d", &m)
				k.serving[side][m] = a.In
			}
		}
		e := k.site(side).end()
		if !e.alive {
			continue
		}
		p, q := k.site(side).position(), k.real[side].Positions()
		if want := [4]int8{p.first[0], p.first[1], p.rx[0], p.rx[1]}; want != [4]int8{int8(q.SFirst), int8(q.RFirst), int8(q.SRx), int8(q.RRx)} {
			k.failf("side %d is at %+v, in the model at %v", side, q, want)
		}
		if done, started := k.real[side].Farewell(); int8(done) != e.done || int8(started) != e.started {
			k.failf("side %d has done %d and started %d, in the model %d and %d", side, done, started, e.done, e.started)
		}
	}
	for m, c := range k.call {
		g := k.site(k.m.msg(m).from).leg(m)
		how := none
		if c.State == session.CallEnded {
			if how = outcomeOf(c.Result.Outcome); c.Result.OK {
				how = okay
			}
		}
		if (c.State == session.CallEnded) != (g.state == 3) || how != g.outcome {
			k.failf("call m%d: state %d, outcome %d %q; in the model state %d, outcome %d", m, c.State, how, c.Result.Code, g.state, g.outcome)
		}
	}
}

// run walks, and returns where code and model part.
func (k *walk) run() (apart departure) {
	defer func() {
		if p := recover(); p != nil {
			d, ours := p.(departure)
			if !ours {
				panic(p)
			}
			apart = d
		}
	}()
	for range 300 {
		k.step()
	}
	return ""
}

// The model takes every step that the code takes.
func TestCodeConformsToTheModel(t *testing.T) {
	if raceEnabled {
		t.Skip("nothing here runs concurrently")
	}
	seen := map[string]int{}
	for i := range *walks {
		seed := *walkSeed + uint64(i)
		k := newWalk(seed, 0)
		if apart := k.run(); apart != "" {
			t.Fatalf("-model.walks=1 -model.seed=%d\n%s", seed, apart)
		}
		for what, n := range k.seen {
			seen[what] += n
		}
		for _, c := range k.call {
			if c.State == session.CallEnded {
				seen[fmt.Sprint("outcome ", c.Result.OK, c.Result.Outcome)]++
			}
		}
	}
	t.Logf("%v", seen)
	for _, what := range []string{
		"EVENT", "CALL", "nested CALL", "REPLY", "FAIL", "NACK", "SKIP", "CANCEL", "ACK", "resumed true", "resumed false", "given up", "farewell",
	} {
		if seen[what] < 10 && *walks >= 1000 {
			t.Errorf("%q happened %d times in %d walks", what, seen[what], *walks)
		}
	}
	t.Logf("ledger: walks=%d steps=%d seed=%d", *walks, 300**walks, *walkSeed)
}

// Where the model is made to break a rule, the code does not follow.
func TestCodeDoesNotConformToMutants(t *testing.T) {
	if raceEnabled {
		t.Skip("nothing here runs concurrently")
	}
	for _, r := range []rule{
		ackWhenDone, freeByAck, goOnBehindReceived, callDoneWhenStarted, forgetReceived, oldNeverAcked, endedIsSkipped, ackOnConnect,
		flagWhatWasWritten, flagStays, doneInFarewell, unknownWhenRestarted, repeatBehind, cancelAgain, oldAnswersAreVoid, windowOnNextConnection,
		goOnBehindTaken, nestedInR, lostIsNotUnknown, answersBesideWindow, refusedIsDone,
	} {
		t.Run(r.String(), func(t *testing.T) {
			for i := range *walks {
				if apart := newWalk(*walkSeed+uint64(i), r).run(); apart != "" {
					return
				}
			}
			t.Errorf("%d walks show no difference", *walks)
		})
	}
}
