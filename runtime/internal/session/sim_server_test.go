package session

import (
	"errors"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A simServer is one life of the server. What it decides about sessions is
// [Domain]; the rest stands for what the runtime's server does with
// connections.
type simServer struct {
	w       *world
	party   *party
	dom     *Domain
	cfg     DomainConfig
	lanes   []*lane // its ends of all connections
	listens bool
	drains  bool
}

// A seat is what the server keeps for a member: the Owner of a Member.
type seat struct {
	side            *side
	domain, private *lane
}

func (w *world) newServer() {
	src := w.src
	w.life++
	sv := &simServer{w: w, party: &party{server: true, life: w.life, alive: true}, listens: true}
	w.server = sv
	session := Config{
		QueueFrames: 1 + src.intn(16), QueueBytes: 300 + src.intn(8000), WhenFull: Policy(src.intn(2)),
		WindowFrames: 1 + src.intn(8), WindowBytes: 200 + src.intn(3000), Calls: 1 + src.intn(6), FrameBytes: 1 << 20,
		MostWindowFrames: 1 + src.intn(40), MostWindowBytes: 200 + src.intn(9000),
		Queues: NewBudget(int64(2000 + src.intn(60000))), Windows: NewBudget(int64(src.intn(20000))),
	}
	sv.cfg = DomainConfig{
		Session: session, FrameBytes: 1 << 20, Clients: 16, ClientsPerUID: 16, UID: 1,
		Grace: 4 * second, Keep: []int64{2 * second, 10 * second, 120 * second}[src.intn(3)], Tombstones: 64,
		RingBytes: 300 + src.intn(20000), RingAge: []int64{3 * second, 60 * second}[src.intn(2)],
		Draw: w.draw, Open: sv.open, Published: func() {},
	}
	if src.intn(6) == 0 {
		sv.cfg.FrameBytes = LeastFrameBytes
	}
	if src.intn(8) == 0 {
		sv.cfg.Tombstones = 1
	}
	if src.intn(8) == 0 {
		sv.cfg.RingBytes = 1 << 20
	}
	sv.dom = NewDomain(sv.cfg)
	w.logf("server %d: %+v", w.life, sv.cfg.Session)
}

func (sv *simServer) open(m *Member) {
	s := &side{w: sv.w, owner: sv.party, core: m.Core, member: m}
	sv.w.sides = append(sv.w.sides, s)
	m.Guard, m.Owner = s, &seat{side: s}
	if m.Core.floor > 0 {
		sv.w.reach(tombstoneUsed)
	}
	if m.Core.waits {
		sv.w.reach(successorWaits)
	}
}

// accept takes a connection that is to say hello.
func (sv *simServer) accept(ln *lane, uid uint32) {
	ln.uid = uid
	ln.greet = func(content []byte) {
		hello, err := wire.ParseHello(content)
		if err != nil {
			sv.w.failf("hello: %v", err)
		}
		if hello.Lane == wire.LaneDomain {
			sv.domainHello(ln, hello, uid)
		} else {
			sv.privateHello(ln, hello, uid)
		}
	}
}

func (sv *simServer) refuse(ln *lane, code, message string) {
	ln.control = nil
	ln.next, ln.ended = nil, nil
	ln.receive = func(*wire.Frame) bool { return false }
	ln.last, ln.closing = wire.AppendRefuse(nil, &wire.Refuse{Code: code, Message: message}), true
	ln.write()
}

// domainHello asks the holder of the name for a sign of life, if there is one
// to be asked.
func (sv *simServer) domainHello(ln *lane, h *wire.Hello, uid uint32) {
	if m := sv.dom.Holder(h, uid); m != nil {
		held := m.Owner.(*seat)
		holder := held.private
		if holder == nil {
			holder = held.domain
		}
		if holder != nil && holder.open {
			sv.w.reach(holderAsked)
			ln.role, ln.hello, ln.holder, ln.asked = roleAsking, h, holder, sv.w.now
			holder.ponged = false
			holder.sendFrame(&wire.Frame{Kind: wire.KindPing})
			return
		}
	}
	sv.claim(ln, h, uid)
}

// heardOf goes on with a lane whose holder has answered, ended, or not answered
// for three seconds.
func (sv *simServer) heardOf(ln *lane, uid uint32) {
	holder := ln.holder
	switch {
	case !ln.open || ln.role != roleAsking:
		return
	case holder.ponged:
		sv.w.reach(holderAnswers)
	case !holder.open:
	case sv.w.now-ln.asked > 3*second:
		sv.w.reach(holderSilent)
		holder.end()
	default:
		return
	}
	ln.role = roleGreeting
	ln.holder = nil
	sv.claim(ln, ln.hello, uid)
}

func (sv *simServer) claim(ln *lane, h *wire.Hello, uid uint32) {
	w := sv.w
	m, rival, err := sv.dom.Claim(h, wire.Peer{UID: uid}, w.now)
	if rival != nil {
		w.reach(nameTakenOver)
		sv.end(rival)
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		if r.Code == "name_taken" {
			if other := sv.dom.ByName(h.Name); other.uid() != uid {
				w.reach(nameOfAnother)
			} else {
				w.reach(nameTaken)
			}
		}
		sv.refuse(ln, r.Code, r.Message)
		return
	}
	if err != nil {
		w.reach(staleHello)
		ln.end()
		return
	}
	st := m.Owner.(*seat)
	unread := st.private != nil && st.private.open && len(st.private.pipe.to[serverEnd].bytes) > 0
	resendsBoth := m.Core.out[wire.S].flight.len() > 0
	known := m.incarnation != (wire.ID{})
	welcome, err := m.Welcome(h, w.now)
	if errors.Is(err, ErrStale) {
		w.reach(staleHello)
		ln.end()
		return
	}
	domain, private := st.domain, st.private
	st.domain, st.private = nil, nil
	if err != nil {
		w.failf("the hello of %s cannot be welcomed: %v", h.Name, err)
	}
	frame, err := wire.AppendWelcome(nil, welcome)
	if err != nil {
		w.failf("welcome: %v", err)
	}
	if !welcome.Resumed {
		st.side.lives++
		w.book.newIncarnation(m)
		if known {
			w.reach(sameServerNewIncarnation)
		}
	} else if resendsBoth && h.SFirst <= m.Core.rx[wire.S] {
		w.reach(bothSidesResend)
	}
	w.logf("%s is welcome at server %d, resumed %v, rx %d", h.Name, w.life, welcome.Resumed, welcome.SRx)
	ln.role = roleDomain
	st.domain = ln
	ln.receive = func(f *wire.Frame) bool { return sv.receiveDomain(m, f) }
	ln.next = func() []byte {
		if st.private == nil {
			return nil
		}
		b := m.Output(nil, 1+w.src.intn(3000))
		if m.cursor.pos-m.cursor.acked >= BroadcastFrames {
			w.reach(broadcastWindowFull)
		}
		return b
	}
	ln.ended = func() {
		if st.domain == ln && st.private != nil && st.private.open {
			st.private.drain()
			return
		}
		sv.down(m, ln)
	}
	ln.send(frame)
	st.side.pump()
	for _, old := range []*lane{domain, private} {
		if old != nil {
			w.reach(fenced)
			if unread {
				w.reach(fencedUnread)
			}
			old.end()
		}
	}
}

func (sv *simServer) privateHello(ln *lane, h *wire.Hello, uid uint32) {
	m := sv.dom.ByToken(wire.ID(h.Token), uid)
	if m == nil {
		sv.refuse(ln, "denied", "")
		return
	}
	st := m.Owner.(*seat)
	if st.domain == nil || !m.WelcomePrivate(h, sv.w.now) {
		sv.refuse(ln, "denied", "")
		return
	}
	frame, err := wire.AppendWelcome(nil, &wire.Welcome{Version: wire.Version})
	if err != nil {
		sv.w.failf("welcome: %v", err)
	}
	ln.role, ln.side = rolePrivate, st.side
	st.private = ln
	ln.send(frame)
	ln.next, ln.receive = st.side.private, func(f *wire.Frame) bool { return sv.receivePrivate(m, f) }
	ln.ended = func() { sv.down(m, ln) }
	st.side.pump()
}

// down is called when a lane has ended.
func (sv *simServer) down(m *Member, ln *lane) {
	st := m.Owner.(*seat)
	if ln != st.domain && ln != st.private {
		return
	}
	m.Lost(sv.w.now)
	domain, private := st.domain, st.private
	st.domain, st.private = nil, nil
	st.side.pump()
	for _, other := range []*lane{domain, private} {
		if other != nil {
			other.end()
		}
	}
}

func (sv *simServer) receiveDomain(m *Member, f *wire.Frame) bool {
	if f.Kind != wire.KindBroadcastAck {
		sv.w.reach(violationEndsLane)
		return false
	}
	if err := m.Ack(f.Number); err != nil {
		sv.w.reach(violationEndsLane)
		if f.Number < 1<<39 {
			sv.w.failf("%s: %v, and nobody forged it", m.Name, err)
		}
		return false
	}
	return true
}

func (sv *simServer) receivePrivate(m *Member, f *wire.Frame) bool {
	if f.Kind != wire.KindClose {
		return m.Owner.(*seat).side.receive(f)
	}
	if err := m.Core.Closed(f.From, f.To); err != nil {
		sv.w.logf("%v", err) // forged
		return false
	}
	sv.dom.Remove(m)
	sv.end(m)
	return false
}

// end ends the session of a member that was given up.
func (sv *simServer) end(m *Member) {
	st := m.Owner.(*seat)
	sv.w.logf("server %d gives %s up", sv.w.life, m.Name)
	st.side.waiting = nil
	m.Core.End("peer_gone", "gone")
	domain, private := st.domain, st.private
	st.domain, st.private = nil, nil
	st.side.pump()
	sv.w.book.ended(st.side)
	for _, ln := range []*lane{domain, private} {
		if ln != nil {
			ln.end()
		}
	}
}

// tick is the janitor's work.
func (sv *simServer) tick() {
	for _, m := range sv.dom.Members() {
		expired, late := sv.dom.Watch(m, sv.w.now)
		st := m.Owner.(*seat)
		switch {
		case expired:
			sv.w.reach(sessionExpired)
			sv.end(m)
		case late && st.private == nil && st.domain != nil:
			sv.w.reach(privateLate)
			st.domain.end()
		}
	}
	sv.dom.Expire(sv.w.now)
	d := sv.dom
	users := map[uint32]int{}
	for _, m := range d.Members() {
		users[m.uid()]++
		if d.ids[m.ID] != m || d.names[m.Name] != m {
			sv.w.failf("%s is not found by its id and its name", m.Name)
		}
	}
	for uid, n := range users {
		if d.perUID[uid] != n {
			sv.w.failf("user %d has %d sessions, counted are %d", uid, n, d.perUID[uid])
		}
	}
	if len(d.perUID) != len(users) || len(d.ids) != len(d.tokens) || len(d.names) != len(d.tokens) {
		sv.w.failf("%d users, %d ids, %d names, %d sessions: counted are %d users", len(users), len(d.ids), len(d.names), len(d.tokens), len(d.perUID))
	}
	if n := len(sv.dom.tombs.at); n > sv.cfg.Tombstones || sv.dom.tombs.oldest.len() > sv.cfg.Tombstones {
		sv.w.failf("%d tombstones are kept", n)
	}
}

// forgets reports whether the server remembers so few sessions that something
// may be handled twice in its life.
func (sv *simServer) forgets() bool { return sv.cfg.Tombstones == 1 }

// check looks at the bounds of the domain.
func (sv *simServer) check() {
	d, w := sv.dom, sv.w
	if held := d.log.held(); d.log.entries.len() > 1 && held > int64(sv.cfg.RingBytes) {
		w.failf("the ring holds %d bytes", held)
	}
	var queued, granted int64
	for _, s := range w.sides {
		if s.member != nil && s.owner == sv.party {
			queued += s.core.queued
			granted += s.core.granted
			if got := int64(s.core.QueuedBytes()); got != s.core.queued {
				w.failf("%v holds %d bytes, the budget knows of %d", s, got, s.core.queued)
			}
		}
	}
	if q := sv.cfg.Session.Queues.Used(); q != queued {
		w.failf("the queues hold %d bytes, the budget says %d", queued, q)
	}
	if g := sv.cfg.Session.Windows; g.Used() != granted || granted > g.most {
		w.failf("the windows were widened by %d bytes, the budget of %d says %d", granted, g.most, g.Used())
	}
}

// shutdown begins to end in order.
func (sv *simServer) shutdown() {
	sv.w.logf("server %d drains", sv.w.life)
	sv.drains = true
	for _, m := range sv.dom.Seal() {
		m.Core.Drain()
		m.Owner.(*seat).side.pump()
	}
}

// goodbye ends in order, with handlers running or not.
func (sv *simServer) goodbye() {
	w := sv.w
	w.logf("server %d says goodbye", w.life)
	members := sv.dom.Seal()
	for _, m := range members {
		st := m.Owner.(*seat)
		m.Core.Drain()
		done, started := m.Core.Farewell()
		if ln := st.private; ln != nil && ln.open {
			for range 100 {
				size := len(ln.pipe.to[clientEnd].bytes)
				ln.write()
				if len(ln.pipe.to[clientEnd].bytes) == size {
					break
				}
			}
			ln.last, ln.closing = wire.Append(nil, &wire.Frame{Kind: wire.KindClose, Code: "closed", From: done, To: started}), true
			ln.next = nil
			if ln.drainBy == 0 && len(ln.pipe.to[clientEnd].bytes) <= full && !ln.pipe.to[clientEnd].fin && st.side.event == nil && !m.Core.waits && !sv.forgets() {
				w.byes[ln.pipe] = w.life
			}
			ln.ended = nil
			ln.write()
			ln.end()
		}
	}
	w.reach(serverShutdown)
	sv.gone()
}

// crash ends without a word.
func (sv *simServer) crash() {
	sv.w.reach(serverCrash)
	sv.w.logf("server %d dies", sv.w.life)
	sv.gone()
}

func (sv *simServer) gone() {
	w := sv.w
	sv.listens = false
	sv.party.alive = false
	for _, ln := range sv.lanes {
		ln.ended = nil
		if _, bye := w.byes[ln.pipe]; bye {
			ln.end()
		} else {
			ln.cut()
		}
	}
	for _, s := range w.sides {
		if s.owner == sv.party {
			w.book.died(s)
		}
	}
	kept := w.sides[:0]
	for _, s := range w.sides {
		if s.owner != sv.party {
			kept = append(kept, s)
		}
	}
	w.sides = kept
	w.nextLife = w.now + int64(w.src.intn(3))*second
}
