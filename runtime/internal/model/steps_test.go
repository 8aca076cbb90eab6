package model

// This file has what may happen next in a world: each step is atomic.

func (m *model) system() *system[world] {
	return &system[world]{initial: m.initial(), next: m.next, broken: m.broken, settled: m.isSettled}
}

// A stepper emits the successors of a world.
type stepper struct {
	*model
	from *world
	to   world
	emit func(*world, step)
	k    int8 // session, -1: none
}

// do emits the world that f makes, unless f reports false.
func (s *stepper) do(why step, f func(w *world) bool) {
	s.doAs(func(w *world) (step, bool) { return why, f(w) })
}

func (s *stepper) doAs(f func(w *world) (step, bool)) {
	s.to = *s.from
	why, ok := f(&s.to)
	if !ok && s.to.bad == 0 {
		return
	}
	s.model.normalize(&s.to)
	if s.sessions > 1 {
		why.session = s.k + 1
	}
	s.emit(&s.to, why)
}

// normalize makes worlds equal that differ in nothing that matters.
func (m *model) normalize(w *world) {
	for k := range m.sessions {
		l := &w.links[k]
		for i := range l.conns {
			if c := &l.conns[i]; !c.used() {
				*c = conn{}
			}
		}
		// Of the attempts only their order matters.
		ranks := [mostConns + 1]int8{l.last}
		for i := range l.conns {
			ranks[i+1] = l.conns[i].attempt
		}
		rank := func(a int8) (n int8) {
			if a == 0 {
				return 0
			}
			n = 1
			for i, b := range ranks {
				if b == 0 || b >= a {
					continue
				}
				same := false
				for _, c := range ranks[:i] {
					same = same || c == b
				}
				if !same {
					n++
				}
			}
			return n
		}
		l.last = rank(l.last)
		for i := range l.conns {
			l.conns[i].attempt = rank(l.conns[i].attempt)
		}
	}
}

func (m *model) next(w *world, emit func(*world, step)) {
	s := &stepper{model: m, from: w, emit: emit}
	for k := range m.sessions {
		s.k = k
		s.program(k)
		s.clientConnects(k)
		s.serverReads(k)
		for side := range int8(2) {
			s.writes(k, side)
			s.handles(k, side)
		}
		s.breaks(k)
		s.ends(k)
	}
	s.k = -1
	s.serverEnds()
}

// program is what the program does unasked: it sends and it cancels.
func (s *stepper) program(k int8) {
	for i := range s.messages {
		i, p := id(i)+1, &s.messages[i]
		if p.session != k {
			continue
		}
		f := &s.from.fates[i-1]
		x := site{s.model, s.from, k, p.from}
		if !f.accepted && s.mayAccept(x, i) {
			s.do(step{format: "message %d is accepted", a: i}, func(w *world) bool { s.accept(w, i); return true })
		}
		if g := f.leg[k]; p.call && f.accepted && s.from.cancels > 0 && !g.canceled && (g.state == 1 || g.state == 2) {
			s.do(step{format: "call %d is cancelled", a: i}, func(w *world) bool {
				w.cancels--
				site{s.model, w, k, p.from}.cancel(i)
				return true
			})
		}
	}
}

func (s *stepper) mayAccept(x site, i id) bool {
	p, e := x.msg(i), x.end()
	switch {
	case !e.alive, x.side == server && (e.known == 0 || e.drain):
		return false
	case p.inside != 0:
		return e.running.m == p.inside
	case p.nested != 0:
		for j := range e.serving {
			if in := &e.serving[j]; in.m == p.nested && in.begun && !in.old {
				return true
			}
		}
		return false
	}
	for j := range i - 1 { // in the order of the program
		if q := &s.messages[j]; q.session == p.session && q.from == p.from && q.nested == 0 && q.inside == 0 && !s.from.fates[j].accepted {
			return false
		}
	}
	return true
}

func (s *stepper) clientConnects(k int8) {
	t := net{s.model, s.from, k}
	l := t.link()
	if !l.ends[client].alive {
		return
	}
	on := func(w *world) net { return net{s.model, w, k} }
	if l.current < 0 {
		for i := range s.conns {
			if !l.conns[i].used() {
				s.do(step{format: "client sends HELLO of connection %d", a: i}, func(w *world) bool { on(w).connect(i); return true })
				break
			}
		}
		return
	}
	c := t.conn(l.current)
	down := func(why string) {
		s.do(step{format: why}, func(w *world) bool { on(w).clientDown(); return true })
	}
	switch {
	case c.welcomeSent:
		why := "client reads WELCOME of connection %d, a new incarnation"
		if c.welcome.resumed {
			why = "client reads WELCOME of connection %d, resumed"
		}
		s.do(step{format: why, a: l.current}, func(w *world) bool { return on(w).welcomed() })
	case !l.ready && !c.privateDialed && !c.domain[server]:
		down("client's domain lane ended before it was welcomed")
	case c.privateDialed && c.private.n[client] > 0:
		s.doAs(func(w *world) (step, bool) { return on(w).clientReads(), true })
	case c.privateDialed && !c.private.open[server]:
		down("client's private lane has ended")
	}
	if !l.ready {
		return
	}
	if !c.domain[server] && !l.draining[client] && s.has(bothLanes) {
		s.do(step{format: "client's domain lane has ended, the private one is read to its end"}, func(w *world) bool {
			w.links[k].draining[client] = true
			return true
		})
	}
	if l.draining[client] {
		s.do(step{format: "client waits no longer for the end of the private lane"}, func(w *world) bool {
			on(w).losesFarewell()
			on(w).clientDown()
			return true
		})
	}
	if !s.has(readToTheEnd) && !c.private.open[server] && t.at(client).pending() {
		down("client's write fails, and it reads no further")
	}
}

// losesFarewell: what a CLOSE that is on its way would have promised is void.
func (t net) losesFarewell() {
	l := t.link()
	if l.current < 0 {
		return
	}
	p := &t.conn(l.current).private
	for i := range p.n[client] {
		if p.q[client][i].kind == farewell {
			for j := range t.w.fates {
				t.w.fates[j].final = false
			}
			t.w.dirty = true
		}
	}
}

func (s *stepper) serverReads(k int8) {
	t := net{s.model, s.from, k}
	l := t.link()
	on := func(w *world) net { return net{s.model, w, k} }
	for i := range s.conns {
		c := t.conn(i)
		if c.helloSent {
			s.doAs(func(w *world) (step, bool) {
				why, ok := on(w).greet(i)
				why.a = i
				return why, ok
			})
		}
		switch p := &c.private; {
		case p.n[server] > 0:
			s.doAs(func(w *world) (step, bool) { return on(w).serverReads(i), true })
		case p.open[server] && !p.open[client]:
			s.do(step{format: "server's private lane %d has ended", a: i}, func(w *world) bool {
				if w.links[k].bound == i && w.links[k].boundR {
					on(w).serverDown()
				}
				w.links[k].conns[i].private.shut(server)
				return true
			})
		}
		if c.domain[server] && !c.domain[client] && !c.helloSent {
			switch {
			case l.bound != i || !l.boundR:
				s.do(step{format: "server's domain lane %d has ended", a: i}, func(w *world) bool {
					if w.links[k].bound == i {
						on(w).serverDown()
					}
					w.links[k].conns[i].domain[server] = false
					return true
				})
			case !l.draining[server] && s.has(bothLanes):
				s.do(step{format: "server's domain lane %d has ended, the private one is read to its end", a: i}, func(w *world) bool {
					w.links[k].draining[server] = true
					return true
				})
			}
		}
	}
	if l.draining[server] {
		s.do(step{format: "server waits no longer for the end of the private lane"}, func(w *world) bool {
			on(w).serverDown()
			return true
		})
	}
}

// writes: a side writes one frame, if its lane has room.
func (s *stepper) writes(k, side int8) {
	l := &s.from.links[k]
	i := l.current
	if side == server {
		i = l.bound
	}
	if x := (site{s.model, s.from, k, side}); !x.end().up || i < 0 || !l.conns[i].private.room(1-side, s.lane) {
		return
	}
	send := func(text [2]string, f func(x site) (frame, bool)) {
		s.doAs(func(w *world) (step, bool) {
			frame, ok := f(site{s.model, w, k, side})
			if !ok {
				return step{}, false
			}
			if frame.kind != 0 {
				w.links[k].conns[i].private.put(1-side, frame)
			}
			if text[side] == "" {
				return step{format: writeTexts[side][frame.kind], a: frame.n, b: frame.m}, true
			}
			return step{format: text[side], a: frame.n, b: frame.ref}, true
		})
	}
	x := site{s.model, s.from, k, side}
	if x.pending() {
		send([2]string{}, site.write)
	}
	if x.mayAck() {
		send([2]string{"client acknowledges S %d, R %d", "server acknowledges S %d, R %d"}, func(x site) (frame, bool) { return x.writeAck(), true })
	}
	for j := range s.messages {
		m := id(j) + 1
		g := s.from.fates[j].leg[k]
		if !g.toCancel || s.sender(m, k) != side {
			continue
		}
		send([2]string{"client writes CANCEL", "server writes CANCEL"}, func(x site) (frame, bool) {
			x.leg(m).toCancel = false
			return frame{kind: cancel, n: g.ref, more: nestedBit(x.seqOfCall(m))}, true
		})
	}
}

func nestedBit(seq int8) int8 { return seq }

var writeTexts [2][len(kindNames)]string

func init() {
	for side, name := range []string{"client", "server"} {
		for k, text := range kindNames {
			writeTexts[side][k] = name + " writes " + text + " %d, message %d"
		}
	}
}

// handles: a side begins what it received, and its handlers return.
func (s *stepper) handles(k, side int8) {
	x := site{s.model, s.from, k, side}
	names := [2]string{"client", "server"}
	on := func(w *world) site { return site{s.model, w, k, side} }
	e := x.end()
	if e.inboxed > 0 {
		s.do(step{format: names[side] + " handles %d, message %d", a: e.inbox[0].n, b: e.inbox[0].m}, func(w *world) bool { return on(w).next() })
	}
	if left := s.from.links[k].left.m; side == server && left != 0 && x.mayReturn(left, nil) {
		s.do(step{format: "server's handler of message %d, of a session given up, returns", a: left}, func(w *world) bool {
			net{s.model, w, k}.leftReturned()
			return true
		})
	}
	if e.running.m != 0 && x.mayReturn(e.running.m, nil) {
		s.do(step{format: names[side] + "'s handler of message %d returns", a: e.running.m}, func(w *world) bool { on(w).returned(); return true })
	}
	for j := range e.serving {
		if in := &e.serving[j]; in.begun && (!x.relays(in.m) || in.old) && x.mayReturn(in.m, in) {
			s.do(step{format: names[side] + "'s handler of call %d returns", a: in.m}, func(w *world) bool {
				on(w).callReturns(&on(w).end().serving[j])
				return true
			})
		}
	}
}

// breaks: a lane is lost.
func (s *stepper) breaks(k int8) {
	if s.from.breaks == 0 {
		return
	}
	l := &s.from.links[k]
	lose := func(why string, f func(t net)) {
		s.do(step{format: why}, func(w *world) bool {
			w.breaks--
			t := net{s.model, w, k}
			t.losesFarewell()
			f(t)
			return true
		})
	}
	if l.current >= 0 {
		lose("BREAK: client loses its connection", net.clientDown)
		if c := &l.conns[l.current]; c.helloSent || c.private.n[server] > 0 {
			lose("BREAK: client loses its connection, and what it had written is lost", func(t net) {
				c := t.conn(t.link().current)
				c.helloSent, c.hello = false, position{}
				c.private.q[server], c.private.n[server] = [mostOnLane]frame{}, 0
				t.clientDown()
			})
		}
		if s.lanes && l.ready && l.conns[l.current].domain[client] {
			lose("BREAK: client loses the domain lane", func(t net) {
				t.conn(t.link().current).domain[client] = false
				t.link().draining[client] = s.has(bothLanes)
			})
		}
	}
	if l.bound >= 0 {
		lose("BREAK: server loses the connection", net.serverDown)
		if c := &l.conns[l.bound]; c.welcomeSent || c.private.n[client] > 0 {
			lose("BREAK: server loses the connection, and what it had written is lost", func(t net) {
				c := t.conn(t.link().bound)
				c.welcomeSent, c.welcome = false, position{}
				c.private.q[client], c.private.n[client] = [mostOnLane]frame{}, 0
				t.serverDown()
			})
		}
		if s.lanes && l.boundR && l.conns[l.bound].domain[server] {
			lose("BREAK: server loses the domain lane", func(t net) {
				t.conn(t.link().bound).domain[server] = false
				t.link().draining[server] = s.has(bothLanes)
			})
		}
	}
}

// ends: a session is given up, or its client leaves or dies.
func (s *stepper) ends(k int8) {
	l := &s.from.links[k]
	on := func(w *world) net { return net{s.model, w, k} }
	c := &l.ends[client]
	if l.exists() && l.bound < 0 && !s.from.draining && (s.from.drops > 0 || !c.alive) {
		s.do(step{format: "server gives the session up"}, func(w *world) bool {
			if w.links[k].ends[client].alive {
				w.drops--
			}
			on(w).dropSession()
			return true
		})
	}
	if !c.alive {
		return
	}
	if s.from.leaves > 0 && (s.hasty || !s.has(flushBeforeLeaving) || s.flushed(c)) {
		s.do(step{format: "client leaves"}, func(w *world) bool {
			w.leaves--
			on(w).leave()
			return true
		})
	}
	if s.from.deaths > 0 {
		s.do(step{format: "client dies, and another process takes over its queue"}, func(w *world) bool {
			w.deaths--
			on(w).die()
			return true
		})
	}
}

func (s *stepper) flushed(e *end) bool {
	x := site{s.model, s.from, 0, client}
	for seq := range e.out {
		if x.entries(&e.out[seq]) > 0 {
			return false
		}
	}
	return true
}

// leave: the client says goodbye.
func (t net) leave() {
	l := t.link()
	x := t.at(client)
	for i := range t.messages {
		if p, f := &t.messages[i], &t.w.fates[i]; !t.hasty && p.session == t.k && p.from == client && !p.call && f.accepted && !f.finished && !f.taken && !f.gone {
			t.w.fail(silent)
		}
	}
	if l.ready {
		e := x.end()
		t.conn(l.current).private.put(server, frame{kind: farewell, n: e.done, ref: e.started})
	}
	t.w.dirty = true
	t.clientDown()
	x.gaveUp()
	l.ends[client] = end{}
	t.orphans(client)
	t.forgetRefusals()
}

// die: the client's process ends and another one goes on with its queue.
func (t net) die() {
	l := t.link()
	t.losesFarewell()
	t.clientDown()
	t.w.dirty = true
	t.w.era[client]++
	e := newEnd()
	e.known, e.restored = l.ends[client].known, true
	if !t.has(incarnationIsKept) {
		e.known = 0
	}
	was := l.ends[client].out[seqS]
	o := &e.out[seqS]
	o.acked, o.cursor = was.acked, was.acked+1
	for j := range was.n {
		f := was.e[j]
		switch {
		case f.kind == event:
		case j < was.numbered:
			f = entry{kind: skip}
		default:
			continue
		}
		o.e[o.n] = f
		if o.n++; j < was.numbered {
			o.numbered++
		}
	}
	if !t.has(numbersAreKept) {
		o.acked, o.cursor, o.numbered = 0, 1, 0
		o.sweep()
	}
	l.ends[client] = e
	for i := range t.messages {
		p, f := &t.messages[i], &t.w.fates[i]
		if g := &f.leg[t.k]; p.call && p.session == t.k && p.from == client && f.accepted && g.state != 3 {
			*g = leg{state: 3, outcome: unknown}
		}
	}
	t.forgetRefusals()
}

// forgetRefusals: the numbers that NACKs on their way would name mean nothing
// any more.
func (t net) forgetRefusals() {
	for i := range t.messages {
		if p := &t.messages[i]; p.session == t.k || p.relay {
			t.w.fates[i].refused = false
		}
	}
}

// serverEnds: the server dies, or ends in order.
func (s *stepper) serverEnds() {
	if s.from.crashes > 0 {
		s.do(step{format: "CRASH of the server"}, func(w *world) bool {
			w.crashes--
			w.dirty = true
			s.replaceServer(w)
			return true
		})
	}
	if s.from.shutdowns > 0 && !s.from.draining {
		s.do(step{format: "server begins to shut down"}, func(w *world) bool {
			w.shutdowns--
			w.draining = true
			for k := range s.sessions {
				w.links[k].ends[server].drain = true
			}
			return true
		})
	}
	if s.from.draining && (s.hasty || s.idle()) {
		s.do(step{format: "server says goodbye and ends"}, func(w *world) bool {
			for k := range s.sessions {
				net{s.model, w, k}.goodbye()
			}
			s.replaceServer(w)
			return true
		})
	}
}

// idle reports whether the server's handlers have returned, and all that it
// sent to clients that are connected is acknowledged.
func (s *stepper) idle() bool {
	for k := range s.sessions {
		l := &s.from.links[k]
		x := site{s.model, s.from, k, server}
		e := x.end()
		if e.running.m != 0 || l.left.m != 0 {
			return false
		}
		for j := range e.serving {
			if in := &e.serving[j]; in.begun && !x.relays(in.m) {
				return false
			}
		}
		if l.boundR && !s.flushed(e) {
			return false
		}
	}
	return true
}

// goodbye writes CLOSE to a client that is connected.
func (t net) goodbye() {
	l := t.link()
	e := &l.ends[server]
	if !l.boundR {
		t.w.dirty = true
		return
	}
	f := frame{kind: farewell, n: e.done, ref: e.started}
	if !t.has(startedInFarewell) && e.running.m != 0 {
		f.ref = e.done
	}
	t.conn(l.bound).private.put(client, f)
	heard := l.current == l.bound && l.ready && !l.draining[client] && !l.draining[server] && t.conn(l.bound).domain[server]
	for i := range t.messages {
		p, g := &t.messages[i], &t.w.fates[i]
		if p.session != t.k || p.from != client || p.relay || !heard || g.begun == 0 || g.era != t.w.era[server] {
			continue
		}
		g.final = e.running.m != id(i)+1 && l.left.m != id(i)+1 && (!p.call || g.leg[t.k].state == 3)
	}
	if !heard || t.hasty || t.sessions > 1 {
		t.w.dirty = true
	}
}

// replaceServer: the process is gone and another one listens.
func (s *stepper) replaceServer(w *world) {
	w.draining = false
	w.era[client]++
	w.era[server]++
	for k := range s.sessions {
		t := net{s.model, w, k}
		l := t.link()
		l.bound, l.boundR, l.draining[server], l.last = -1, false, false, 0
		l.left, l.grave.done, l.grave.started = incoming{}, 0, 0
		for i := range l.conns {
			t.conn(int8(i)).closeEnd(server)
		}
		l.ends[server] = newEnd()
		l.ends[server].alive = false
		t.orphans(server)
		t.forgetRefusals()
	}
	for i := range s.messages {
		if p, f := &s.messages[i], &w.fates[i]; p.relay {
			f.leg[1] = leg{}
			if f.taken && !f.finished {
				f.gone = !p.call // the sender is told that the server was restarted
			}
		}
	}
}

// isSettled reports whether nothing is left to do.
func (m *model) isSettled(w *world) bool {
	if w.draining {
		return false
	}
	for k := range m.sessions {
		l := &w.links[k]
		if !l.ends[client].alive {
			if l.exists() || l.bound >= 0 || l.left.m != 0 {
				return false
			}
			continue
		}
		if !l.ready || !l.boundR || l.left.m != 0 || l.current != l.bound || l.draining != [2]bool{} {
			return false
		}
		c := &l.conns[l.current]
		if c.domain != [2]bool{true, true} || c.private.n != [2]int8{} {
			return false
		}
		for side := range int8(2) {
			x := site{m, w, k, side}
			e := x.end()
			if e.inboxed > 0 || e.running.m != 0 || e.serving != [mostServing]incoming{} || x.mayAck() {
				return false
			}
			for seq := range e.out {
				if o := &e.out[seq]; o.n > 0 || o.lost > 0 {
					return false
				}
			}
		}
	}
	for i := range m.messages {
		for k := range m.sessions {
			if g := w.fates[i].leg[k]; g.state == 1 || g.state == 2 {
				return false
			}
		}
	}
	return true
}

// broken returns what does not hold.
func (m *model) broken(w *world) property {
	if w.bad != 0 || !m.isSettled(w) {
		return w.bad
	}
	for i := range m.messages {
		p, f := &m.messages[i], &w.fates[i]
		if !p.call && f.accepted && !f.finished && !f.gone && f.told == 0 || f.refused && f.told == 0 && !f.gone {
			return silent
		}
	}
	for side := range w.dropped {
		if w.era == [2]int8{1, 1} && m.sessions == 1 && w.links[0].ends[1-side].missed != w.dropped[side] {
			return silent
		}
	}
	return 0
}
