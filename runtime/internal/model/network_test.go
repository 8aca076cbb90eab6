package model

// This file has the rules of connections: how they are made, lost and replaced.

// A net is one session's connections.
type net struct {
	*model
	w *world
	k int8
}

func (t net) link() *link       { return &t.w.links[t.k] }
func (t net) at(side int8) site { return site{t.model, t.w, t.k, side} }
func (t net) conn(i int8) *conn { return &t.link().conns[i] }
func (l *link) exists() bool    { return l.ends[server].alive }
func (c *conn) used() bool {
	return c.domain[0] || c.domain[1] || c.private.open[0] || c.private.open[1]
}
func (n *lane) room(to, most int8) bool { return !n.open[to] || n.n[to] < most }

// put has a frame travel to a side. To an end that is closed it is lost.
func (n *lane) put(to int8, f frame) {
	if !n.open[to] {
		return
	}
	if n.n[to] == mostOnLane {
		panic("mostOnLane is too small")
	}
	n.q[to][n.n[to]] = f
	n.n[to]++
}

func (n *lane) take(to int8) frame {
	f := n.q[to][0]
	copy(n.q[to][:], n.q[to][1:n.n[to]])
	n.n[to]--
	n.q[to][n.n[to]] = frame{}
	return f
}

// shut closes a side's end. What it has not read is gone.
func (n *lane) shut(side int8) {
	n.open[side] = false
	n.q[side], n.n[side] = [mostOnLane]frame{}, 0
}

// closeEnd closes both lanes of a side.
func (c *conn) closeEnd(side int8) {
	c.domain[side] = false
	if side == server {
		c.helloSent, c.hello = false, position{}
	} else {
		c.welcomeSent, c.welcome = false, position{}
	}
	c.private.shut(side)
}

// connect is the first step of a connection: HELLO of the domain lane.
func (t net) connect(i int8) {
	l := t.link()
	most := l.last
	for j := range l.conns {
		most = max(most, l.conns[j].attempt)
	}
	c := t.conn(i)
	*c = conn{attempt: most + 1, domain: [2]bool{true, true}, helloSent: true, hello: t.at(client).position()}
	c.hello.instance = t.deaths - t.w.deaths
	if !t.has(generationInAttempt) && t.deaths > t.w.deaths {
		c.attempt = 1
	}
	if !t.has(tellFirst) {
		c.hello.first = [2]int8{1, 1}
	}
	l.current, l.ready, l.draining[client] = i, false, false
}

// greet is what the server does with the HELLO of a domain lane.
func (t net) greet(i int8) (step, bool) {
	l, c := t.link(), t.conn(i)
	h := c.hello
	c.helloSent, c.hello = false, position{}
	if t.w.draining {
		c.closeEnd(server)
		return step{format: "server closes connection %d: it is shutting down"}, true
	}
	if t.has(largerAttempt) && c.attempt <= l.last {
		c.closeEnd(server)
		return step{format: "server closes connection %d: its HELLO was overtaken"}, true
	}
	l.last = c.attempt
	if !l.exists() {
		e := newEnd()
		if t.has(begunIsRemembered) {
			e.floor, e.floorDone = l.grave.started, l.grave.done
			e.waits = e.floor > e.floorDone
		}
		if !t.has(handlerIsWaitedFor) {
			e.floorDone, e.waits = e.floor, false
		}
		l.grave.done, l.grave.started = 0, 0
		l.ends[server] = e
	}
	if old := l.bound; old >= 0 {
		if t.conn(old).attempt > c.attempt {
			t.w.fail(flapping)
		}
		t.unbind()
		if t.has(fence) {
			t.conn(old).closeEnd(server)
		}
	}
	x := t.at(server)
	e := x.end()
	resumed := e.known != 0 && (h.incarnation == e.known || !t.has(sameIncarnation))
	if resumed && h.instance != e.instance {
		x.peerRestarted()
	}
	e.instance = h.instance
	if !x.adopt(h, resumed) {
		t.w.fail(unjust)
		return step{}, false
	}
	if !resumed {
		t.w.incarnations++
		e.known = t.w.incarnations
	}
	l.bound, l.boundR, l.draining[server] = i, false, false
	if c.domain[client] {
		c.welcomeSent, c.welcome = true, x.position()
		c.welcome.resumed = resumed
	}
	if resumed {
		return step{format: "server reads HELLO of connection %d, resumes"}, true
	}
	return step{format: "server reads HELLO of connection %d, begins an incarnation"}, true
}

// unbind takes the connection off the server's session.
func (t net) unbind() {
	l := t.link()
	l.bound, l.boundR, l.draining[server] = -1, false, false
	l.ends[server].up = false
}

// serverDown ends the connection of the server's session.
func (t net) serverDown() {
	if i := t.link().bound; i >= 0 {
		t.unbind()
		t.conn(i).closeEnd(server)
	}
}

// clientDown ends the client's connection, or its attempt.
func (t net) clientDown() {
	l := t.link()
	if i := l.current; i >= 0 {
		l.current, l.ready, l.draining[client] = -1, false, false
		l.ends[client].up = false
		t.conn(i).closeEnd(client)
	}
}

// welcomed is what the client does with the WELCOME of a domain lane: it goes
// on with the private lane.
func (t net) welcomed() bool {
	c := t.conn(t.link().current)
	p := c.welcome
	c.welcomeSent, c.welcome = false, position{}
	x := t.at(client)
	if !x.adopt(p, p.resumed) {
		t.w.fail(unjust)
		return false
	}
	x.end().known = p.incarnation
	c.privateDialed = true
	c.private.open = [2]bool{true, true}
	c.private.put(server, frame{kind: hello})
	return true
}

// serverReads takes one frame from connection i's private lane.
func (t net) serverReads(i int8) step {
	l, c := t.link(), t.conn(i)
	f := c.private.take(server)
	if f.kind == hello {
		if l.bound != i || l.boundR || !t.has(laneByCookie) && c.attempt <= l.last {
			c.private.shut(server)
			return step{format: "server refuses the private lane of connection %d", a: i}
		}
		l.boundR, c.greeted = true, true
		c.private.put(client, frame{kind: welcome})
		t.at(server).connected()
		return step{format: "server reads HELLO of private lane %d", a: i}
	}
	if f.kind == farewell {
		if !t.at(server).closed(f) {
			t.w.fail(unjust)
		}
		t.dropSession()
		return step{format: "server reads CLOSE"}
	}
	return t.reads(server, f)
}

func (t net) reads(side int8, f frame) step {
	if !t.at(side).receive(f) {
		t.w.fail(unjust)
	}
	return step{format: readTexts[side][f.kind], a: f.n, b: f.m}
}

var readTexts [2][len(kindNames)]string

func init() {
	for side, name := range []string{"client", "server"} {
		for k, text := range kindNames {
			format := " %d, message %d"
			switch kind(k) {
			case ack:
				format = " up to %d"
			case cancel, hello, welcome:
				format = ""
			}
			readTexts[side][k] = name + " reads " + text + format
		}
	}
}

// clientReads takes one frame from the client's private lane.
func (t net) clientReads() step {
	l := t.link()
	c := t.conn(l.current)
	f := c.private.take(client)
	switch f.kind {
	case welcome:
		l.ready = true
		t.at(client).connected()
		return step{format: "client is connected"}
	case farewell:
		if !t.at(client).closed(f) {
			t.w.fail(unjust)
		}
		t.clientDown()
		return step{format: "client reads CLOSE, done %d, started %d", a: f.n, b: f.ref}
	}
	return t.reads(client, f)
}

// dropSession: the server gives the session up.
func (t net) dropSession() {
	l := t.link()
	t.w.dirty = true
	t.at(server).gaveUp()
	t.serverDown()
	e := &l.ends[server]
	if e.running.m != 0 {
		l.left = e.running
	}
	l.grave.done, l.grave.started = e.done, e.started
	*e = newEnd()
	e.alive = false
	if !t.has(attemptIsRemembered) {
		l.last = 0
	}
	t.orphans(server)
	for i := range t.messages {
		if p := &t.messages[i]; p.session == t.k || p.relay {
			t.w.fates[i].refused = p.relay && t.k == 1 && t.w.fates[i].refused
		}
	}
}

// leftReturned: the handler that outlived its session has returned.
func (t net) leftReturned() {
	l := t.link()
	t.w.fates[l.left.m-1].finished = true
	l.left = incoming{}
	if l.exists() {
		t.at(server).release()
	} else {
		l.grave.done = l.grave.started
	}
}

// orphans: a side is no more, nor are the messages it had not sent with
// success.
func (t net) orphans(side int8) {
	for i := range t.messages {
		p, f := &t.messages[i], &t.w.fates[i]
		if p.session == t.k && p.from == side && f.accepted && !(p.relay && side == server) {
			f.gone = f.gone || !f.finished
			if g := &f.leg[t.k]; p.call && g.state != 3 {
				*g = leg{state: 3, outcome: unknown}
			}
		}
	}
}
