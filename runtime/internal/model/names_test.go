package model

import "testing"

// This file is a model of its own: who has a name. Several clients want the
// same one. Their processes are stopped and go on, or die; connections are lost
// at one end before the other. A session is no more here than what decides of
// its name, and a connection no more than its domain lane; the other model has
// the rest.

// Rules of names.
const (
	holderIsAsked rule = 1 << iota
	answerIsAwaited
	loserIsFenced
	usersAreApart
	lostHoldsNoName
	overtakenTakesNothing
	lookedUpAgain
	pingIsAnswered
	nameRuleCount = iota
)

var nameRuleTexts = [nameRuleCount]string{
	"4.3: nobody is refused a name before its holder was asked for a sign of life",
	"4.3: a holder that gives a sign of life keeps its name",
	"4.3: who loses its name loses its connection",
	"4.3: a name is not taken from another user",
	"4.3: a session without a connection does not keep its name from its user",
	"4.3: a HELLO that was overtaken takes no name",
	"4.3: who has the name is looked up again when the asking is over",
	"14: PING is answered with PONG",
}

const (
	mostClients = 3
	nobody      = -1
)

type nameConfig struct {
	name    string
	big     bool
	clients int8
	other   int8 // this client is another user's, from 1; 0: none

	breaks, stops, deaths, crashes, drops int8

	without rule
	code    *nameCode // to be compared with; nil when states are enumerated
}

func (c *nameConfig) has(r rule) bool { return c.without&r == 0 }

// A nconn is a domain lane. At most one frame of a kind is on its way.
type nconn struct {
	attempt              int8
	open                 [2]bool
	hello, welcome, deny bool // on its way
	ping, pong           bool

	// Its HELLO was read and waits until the holder of the name was asked.
	waits  bool
	holder int8 // who that was
	on     int8 // the holder's connection
	lived  bool // who has the name was heard since
}

// A nclient is a process that wants the name, and the session of it.
type nclient struct {
	dead, stopped bool
	conns         [2]nconn
	current       int8 // its connection, nobody: none
	connected     bool // it was welcomed there
	refused       bool // the last time

	// The server's session.
	exists bool
	bound  int8 // its connection
	last   int8 // attempt; also when the session was given up
}

type nstate struct {
	clients [mostClients]nclient
	holder  int8 // who has the name at the server

	breaks, stops, deaths, crashes, drops int8

	bad property
}

func (s *nstate) fail(p property) {
	if s.bad == 0 {
		s.bad = p
	}
}

func (c *nameConfig) system() *system[nstate] {
	s := nstate{holder: nobody, breaks: c.breaks, stops: c.stops, deaths: c.deaths, crashes: c.crashes, drops: c.drops}
	for i := range s.clients {
		s.clients[i].current, s.clients[i].bound = nobody, nobody
	}
	return &system[nstate]{initial: s, next: c.next, broken: c.broken, settled: c.settled}
}

// runs reports whether the process does what it is asked to.
func (k *nclient) runs() bool { return !k.dead && !k.stopped }

// there reports whether client i would answer on the connection that its session
// has.
func (s *nstate) there(i int8) bool {
	k := &s.clients[i]
	return k.runs() && k.bound != nobody && k.current == k.bound && k.conns[k.bound].open == [2]bool{true, true}
}

// shut closes one end. What it has not read is gone.
func (n *nconn) shut(side int) {
	n.open[side] = false
	if side == server {
		n.hello, n.pong = false, false
		n.forgetHello()
	} else {
		n.welcome, n.deny, n.ping = false, false, false
	}
	if n.open == [2]bool{} {
		*n = nconn{}
	}
}

func (c *nameConfig) next(from *nstate, emit func(*nstate, step)) {
	var s nstate
	do := func(format string, a, b int8, f func()) {
		s = *from
		if k := c.code; k != nil {
			k.live = k.seen == k.pick
			k.seen++
		}
		f()
		s.normalize()
		emit(&s, step{format: format, a: a, b: b})
	}
	for i := range c.clients {
		c.clientSteps(from, &s, i, do)
		c.serverSteps(from, &s, i, do)
	}
	if from.crashes > 0 {
		do("CRASH of the server", 0, 0, func() {
			s.crashes--
			s.holder = nobody
			if c.code != nil && c.code.live {
				c.code.restart()
			}
			for i := range s.clients {
				k := &s.clients[i]
				for j := range k.conns {
					k.conns[j].shut(server)
				}
				k.exists, k.bound, k.last = false, nobody, 0
			}
		})
	}
}

// normalize makes states equal that differ in nothing that matters: of the
// attempts that is their order.
func (s *nstate) normalize() {
	for i := range s.clients {
		k := &s.clients[i]
		a, b, last := k.conns[0].attempt, k.conns[1].attempt, k.last
		rank := func(n int8) (r int8) {
			if n == 0 {
				return 0
			}
			seen := [3]int8{}
			for j, m := range [3]int8{a, b, last} {
				if m > 0 && m < n && m != seen[0] && m != seen[1] {
					r++
				}
				seen[j] = m
			}
			return r + 1
		}
		k.conns[0].attempt, k.conns[1].attempt, k.last = rank(a), rank(b), rank(last)
	}
}

func (c *nameConfig) clientSteps(from, s *nstate, i int8, do func(string, int8, int8, func())) {
	k, was := &s.clients[i], &from.clients[i]
	switch {
	case was.dead:
		return
	case was.stopped:
		do("client %d goes on", i, 0, func() { k.stopped = false })
		return
	}
	if was.current == nobody {
		for j := range was.conns {
			if was.conns[j] == (nconn{}) {
				do("client %d sends HELLO on connection %d", i, int8(j), func() {
					most := max(k.last, k.conns[0].attempt, k.conns[1].attempt)
					k.conns[j] = nconn{attempt: most + 1, open: [2]bool{true, true}, hello: true}
					k.current, k.refused = int8(j), false
					if c.code != nil && c.code.live {
						c.code.attempt[i]++
						c.code.attempts[i][j] = c.code.attempt[i]
					}
				})
				break
			}
		}
	} else {
		n := &was.conns[was.current]
		switch {
		case n.ping && c.has(pingIsAnswered):
			do("client %d reads PING and writes PONG", i, 0, func() {
				n := &k.conns[k.current]
				n.ping = false
				n.pong = n.open[server]
			})
		case n.welcome:
			do("client %d is welcome", i, 0, func() { k.conns[k.current].welcome, k.connected = false, true })
		case n.deny:
			do("client %d is refused", i, 0, func() {
				k.refused = true
				k.down()
			})
		case !n.open[server]:
			do("client %d finds its connection ended", i, 0, func() { k.down() })
		}
		if from.breaks > 0 {
			do("BREAK: client %d loses its connection", i, 0, func() {
				s.breaks--
				k.down()
			})
		}
	}
	if from.stops > 0 {
		do("STOP of client %d", i, 0, func() {
			s.stops--
			k.stopped = true
		})
	}
	if from.deaths > 0 {
		do("DEATH of client %d", i, 0, func() {
			s.deaths--
			k.down()
			k.dead, k.stopped, k.refused = true, false, false
		})
	}
}

// down: the client has no connection any more.
func (k *nclient) down() {
	if k.current != nobody {
		k.conns[k.current].shut(client)
	}
	k.current, k.connected = nobody, false
}

func (c *nameConfig) serverSteps(from, s *nstate, i int8, do func(string, int8, int8, func())) {
	k, was := &s.clients[i], &from.clients[i]
	for j := range was.conns {
		n := &was.conns[j]
		if n.hello {
			do("server reads HELLO of client %d on connection %d", i, int8(j), func() {
				k.conns[j].hello = false
				c.greet(s, i, int8(j))
			})
		}
		if n.pong {
			do("server reads PONG of client %d on connection %d", i, int8(j), func() {
				k.conns[j].pong = false
				c.overFor(s, i, int8(j))
			})
		}
		if n.open[server] && !n.open[client] && !n.hello && !n.pong && !n.waits {
			do("server finds connection %d of client %d ended", int8(j), i, func() {
				c.lose(s, i, int8(j))
				c.overFor(s, i, int8(j))
			})
		}
	}
	for j := range was.conns {
		n := &was.conns[j]
		// 3 s are more than a process that runs needs to answer.
		if h := n.holder; n.waits && !n.lived && (!from.there(h) || !c.has(pingIsAnswered)) {
			do("server has waited for client %d's sign of life, for client %d", h, i, func() {
				if !c.has(loserIsFenced) {
					c.claim(s, i, int8(j))
					return
				}
				on := k.conns[j].on
				c.evict(s, h, on)
				c.overFor(s, h, on)
			})
		}
	}
	if was.bound != nobody && from.breaks > 0 {
		do("BREAK: server loses client %d", i, 0, func() {
			s.breaks--
			j := k.bound
			c.lose(s, i, j)
			c.overFor(s, i, j)
		})
	}
	if was.exists && was.bound == nobody && from.drops > 0 {
		do("server gives the session of client %d up", i, 0, func() {
			s.drops--
			s.giveUp(i)
			c.removes(i)
		})
	}
}

// lose: the server's end of a connection is closed.
func (c *nameConfig) lose(s *nstate, i, j int8) {
	k := &s.clients[i]
	if k.bound == j {
		k.bound = nobody
		c.lost(i)
	}
	k.conns[j].shut(server)
}

// evict: the server ends a connection for another client's sake.
func (c *nameConfig) evict(s *nstate, i, j int8) {
	if s.there(i) {
		s.fail(robbed)
	}
	c.lose(s, i, j)
}

func (s *nstate) giveUp(i int8) {
	k := &s.clients[i]
	k.exists = false
	if s.holder == i {
		s.holder = nobody
	}
}

func (n *nconn) forgetHello() { n.waits, n.holder, n.on, n.lived = false, 0, 0, false }

// overFor: those who wait for a sign of life on this connection wait no longer.
func (c *nameConfig) overFor(s *nstate, h, on int8) {
	for i := range s.clients {
		for j := range s.clients[i].conns {
			if n := &s.clients[i].conns[j]; n.waits && n.holder == h && n.on == on {
				n.lived = n.lived || s.clients[h].bound == on
				c.claim(s, int8(i), int8(j))
			}
		}
	}
}

func (c *nameConfig) apart(i, j int8) bool {
	return c.has(usersAreApart) && (i+1 == c.other) != (j+1 == c.other)
}

// greet is what the server does with a HELLO.
func (c *nameConfig) greet(s *nstate, i, j int8) {
	k := &s.clients[i]
	n := &k.conns[j]
	n.waits = true
	overtaken := n.attempt <= k.last
	h := s.holder
	if h == nobody || h == i || c.apart(h, i) || overtaken && c.has(overtakenTakesNothing) {
		c.asks(i, j, nobody)
		c.claim(s, i, j)
		return
	}
	c.asks(i, j, h)
	if s.clients[h].bound == nobody || !c.has(holderIsAsked) {
		c.claim(s, i, j)
		return
	}
	n.holder, n.on = h, s.clients[h].bound
	if !c.has(answerIsAwaited) {
		c.evict(s, h, n.on)
		c.claim(s, i, j)
		return
	}
	if asked := &s.clients[h].conns[n.on]; asked.open[client] {
		asked.ping = true
	}
}

// claim decides of the name, now that the holder was asked if that was
// necessary.
func (c *nameConfig) claim(s *nstate, i, j int8) {
	k := &s.clients[i]
	n := &k.conns[j]
	asked, lived := n.holder, n.lived
	n.forgetHello()
	overtaken := n.attempt <= k.last
	if overtaken && c.has(overtakenTakesNothing) {
		c.decides(i, j, "stale", nobody)
		n.shut(server)
		return
	}
	rival := int8(nobody)
	if h := s.holder; h != nobody && h != i {
		up := s.clients[h].bound != nobody
		switch {
		case c.apart(h, i):
			c.decides(i, j, "name_taken", nobody)
			c.deny(n)
			return
		case !c.has(lookedUpAgain) && h != asked, !c.has(loserIsFenced) && !lived:
			// Taken from whoever has it, as was decided before.
		case up, !c.has(lostHoldsNoName):
			if !lived && !s.there(h) && (h == asked || !up || !c.has(holderIsAsked)) {
				s.fail(deaf)
			}
			c.decides(i, j, "name_taken", nobody)
			c.deny(n)
			return
		}
		switch {
		case (h+1 == c.other) != (i+1 == c.other):
			s.fail(stolen)
		case overtaken:
			s.fail(forNothing)
		}
		rival = h
	}
	if overtaken {
		c.decides(i, j, "stale", rival)
		n.shut(server)
	} else {
		c.decides(i, j, "", rival)
	}
	if rival != nobody {
		if b := s.clients[rival].bound; b != nobody && c.has(loserIsFenced) {
			c.evict(s, rival, b)
		}
		s.giveUp(rival)
	}
	if overtaken {
		return
	}
	k.last, k.exists, s.holder = n.attempt, true, i
	old := k.bound
	k.bound = j
	if old != nobody {
		c.lose(s, i, old)
	}
	n.welcome = n.open[client]
	for o := range s.clients {
		for j := range s.clients[o].conns {
			w := &s.clients[o].conns[j]
			w.lived = w.waits // who has the name has just been heard
		}
	}
	if old != nobody {
		c.overFor(s, i, old)
	}
}

func (c *nameConfig) deny(n *nconn) {
	n.deny = n.open[client]
	n.shut(server)
}

func (c *nameConfig) settled(s *nstate) bool {
	connected, alive := 0, 0
	for i := range c.clients {
		k := &s.clients[i]
		if k.stopped {
			return false
		}
		for j := range k.conns {
			if n := &k.conns[j]; *n != (nconn{}) && (int8(j) != k.current || n.hello || n.welcome || n.deny || n.ping || n.pong || n.open != [2]bool{true, true}) {
				return false
			}
		}
		switch {
		case k.dead:
			continue
		case k.connected && k.bound == k.current && s.holder == i:
			connected++
		case !k.refused || k.current != nobody:
			return false
		}
		alive++
	}
	return connected == min(alive, 1)
}

func (c *nameConfig) broken(s *nstate) property {
	up := 0
	for i := range c.clients {
		if s.clients[i].bound != nobody {
			up++
		}
	}
	if s.bad == 0 && up > 1 {
		return twoHolders
	}
	return s.bad
}

var nameConfigs = []nameConfig{
	{name: "two clients, a stop, a break", clients: 2, stops: 1, breaks: 1},
	{name: "two clients, two stops, a break", clients: 2, stops: 2, breaks: 1},
	{name: "two clients, a death, a break", clients: 2, deaths: 1, breaks: 1, drops: 1},
	{name: "two users, a stop, a break", clients: 2, other: 2, stops: 1, breaks: 1, drops: 1},
	{name: "two clients, a stop, the server dies", clients: 2, stops: 1, breaks: 1, crashes: 1, drops: 1},
	{name: "three clients, a stop", clients: 3, stops: 1},
	{name: "three clients, one of another user, a death", clients: 3, other: 3, deaths: 1, drops: 1},
	{name: "three clients, a stop, a break", big: true, clients: 3, stops: 1, breaks: 1},
	{name: "three clients, two stops, a break", big: true, clients: 3, stops: 2, breaks: 1, drops: 1},
	{name: "two clients, everything twice", big: true, clients: 2, stops: 2, breaks: 2, deaths: 1, crashes: 1, drops: 1},
}

// Of several clients that want one name, one has it: the one that had it as long
// as it lives, and no longer.
func TestNames(t *testing.T) {
	enumerate(t, len(nameConfigs), func(i int) (string, bool, func() *verdict) {
		c := nameConfigs[i]
		return c.name, c.big, func() *verdict { return explore(c.system(), *most) }
	})
}

var nameMutants = [nameRuleCount]struct {
	found property
	nameConfig
}{
	{deaf, nameConfig{clients: 2, stops: 1}},
	{robbed, nameConfig{clients: 2}},
	{twoHolders, nameConfig{clients: 2, stops: 1}},
	{stolen, nameConfig{clients: 2, other: 2, breaks: 1, drops: 1}},
	{deaf, nameConfig{clients: 2, breaks: 1}},
	{forNothing, nameConfig{clients: 2, stops: 1, breaks: 2}},
	{robbed, nameConfig{clients: 3, stops: 1}},
	{robbed, nameConfig{clients: 2}},
}

func TestNameMutants(t *testing.T) {
	for i, m := range nameMutants {
		t.Run(nameRuleTexts[i], func(t *testing.T) {
			t.Parallel()
			c := m.nameConfig
			if v := explore(c.system(), *most); v.property != 0 {
				t.Fatalf("with the rule: %v", v)
			}
			c.without = 1 << i
			v := explore(c.system(), *most)
			t.Logf("without it: %v", v)
			if v.property != m.found {
				t.Fatalf("the rule was switched off and %q is not what was found", m.found)
			}
		})
	}
}
