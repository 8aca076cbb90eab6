package model

import "testing"

// This file is a model of its own: the domain lane, on which broadcasts travel.
// One client, one server, and a log that holds only so many broadcasts. The
// connection is made in one step, once HELLO has travelled; how that works is
// in the other model.

// Rules of broadcasts.
const (
	ownIsSkipped rule = 1 << iota
	ownIsNotSent
	expiredIsSkipped
	logGoesOnBehindReceived
	broadcastAckWhenDone
	broadcastWindow
	positionFromWelcome
	broadcastAckOnConnect
	newSessionBeginsAtTheEnd
	broadcastRuleCount = iota
)

var broadcastRuleTexts = [broadcastRuleCount]string{
	"11: a client gets a SKIP in the place of the broadcast it asked for",
	"11: a client does not get the broadcast that it asked for",
	"11: what fell out of the log is told by a SKIP",
	"10.1: on resumption the log goes on behind the last number that the client received",
	"7: a broadcast is acknowledged when it is done",
	"7: no more than a window of broadcasts is on its way",
	"10.2: in a new incarnation the client sets its position to b_pos",
	"4.4: each connection begins with a BROADCASTACK",
	"11: a session begins behind the last broadcast",
}

const (
	mostBroadcasts = 4
	logHolds       = 2 // broadcasts at least; more may expire at any time
)

type broadcastConfig struct {
	name                   string
	big                    bool
	broadcasts             int8
	own                    int8 // this one was asked for by the client; 0: none
	breaks, crashes, drops int8
	slow                   bool // a handler takes a step to return
	without                rule
}

func (c *broadcastConfig) has(r rule) bool { return c.without&r == 0 }

// A bframe is a broadcast, a SKIP of B, or a BROADCASTACK.
type bframe struct {
	from, to int8
	skip     bool
	count    int8
	which    int8 // identity of the broadcast, or of the first that is skipped
}

type bstate struct {
	// The server.
	life             int8
	first, last      int8                 // kept: first..last
	log              [mostBroadcasts]int8 // by number - 1: identity
	asked            int8                 // broadcasts so far, also of former lives
	session          int8                 // incarnation, 0: none
	pos, acked       int8
	serverUp, wanted bool // connected; a hello is on its way
	hello            struct{ rx, known int8 }

	// The client.
	clientUp             bool
	known                int8
	rx, done, told       int8
	ackNow               bool
	inboxed              int8
	inbox                [mostBroadcasts]bframe
	old                  int8 // of the inbox: of former incarnations
	running              bool
	down, up             int8
	downFrames, upFrames [2]bframe

	incarnations, breaks, crashes, drops int8

	// For the checks.
	handled [mostBroadcasts]bool // by identity - 1
	missed  [mostBroadcasts]bool // before the session, or with the server: it was told that it began anew
	bad     property
}

func (s *bstate) fail(p property) {
	if s.bad == 0 {
		s.bad = p
	}
}

func (c *broadcastConfig) system() *system[bstate] {
	return &system[bstate]{
		initial: bstate{life: 1, first: 1, breaks: c.breaks, crashes: c.crashes, drops: c.drops},
		next:    c.next, broken: c.broken, settled: c.settled,
	}
}

func (c *broadcastConfig) next(from *bstate, emit func(*bstate, step)) {
	var s bstate
	do := func(format string, a int8, f func()) {
		s = *from
		f()
		emit(&s, step{format: format, a: a})
	}
	if from.asked < c.broadcasts {
		do("broadcast %d", from.asked+1, func() {
			s.asked++
			s.last++
			s.log[s.last-1] = s.asked
			if s.session == 0 {
				s.missed[s.asked-1] = true
			}
			if s.asked == c.own {
				s.missed[s.asked-1] = true // it has it already
			}
		})
	}
	if from.last-from.first+1 > logHolds {
		do("broadcast number %d falls out of the log", from.first, func() { s.first++ })
	}
	if !from.clientUp && !from.wanted {
		do("client sends HELLO, received %d", from.rx, func() {
			s.wanted, s.hello.rx, s.hello.known = true, s.rx, s.known
		})
	}
	if from.wanted {
		do("server reads HELLO and the client its WELCOME", 0, func() { c.connect(&s) })
	}
	if from.serverUp && from.down < 2 {
		if f, ok := c.output(from); ok {
			do("server writes broadcast number %d", f.to, func() {
				s.pos = f.to
				if f != (bframe{}) {
					s.downFrames[s.down] = f
					s.down++
				}
			})
		}
	}
	if from.down > 0 && from.clientUp {
		do("client reads broadcast number %d", from.downFrames[0].to, func() {
			f := s.downFrames[0]
			s.downFrames[0], s.downFrames[1] = s.downFrames[1], bframe{}
			s.down--
			c.receive(&s, f)
		})
	}
	if from.inboxed > 0 && !from.running {
		do("client handles number %d", from.inbox[0].to, func() {
			c.handle(&s)
			if !c.slow || !s.running {
				c.returned(&s)
			}
		})
	}
	if from.running {
		do("client's handler returns", 0, func() { c.returned(&s) })
	}
	ackable := from.done
	if !c.has(broadcastAckWhenDone) {
		ackable = from.rx
	}
	if from.clientUp && from.up < 2 && (from.ackNow || ackable > from.told) {
		do("client acknowledges %d", ackable, func() {
			s.ackNow, s.told = false, ackable
			s.upFrames[s.up] = bframe{to: ackable}
			s.up++
		})
	}
	if from.up > 0 && from.serverUp {
		do("server reads the acknowledgement of %d", from.upFrames[0].to, func() {
			n := s.upFrames[0].to
			s.upFrames[0], s.upFrames[1] = s.upFrames[1], bframe{}
			s.up--
			if n > s.pos {
				s.fail(unjust)
			}
			s.acked = max(s.acked, n)
			for i := range s.acked {
				if which := s.log[i]; which > 0 && !s.handled[which-1] && !s.missed[which-1] && i+1 >= s.first {
					s.fail(lost)
				}
			}
		})
	}
	if from.breaks > 0 && (from.clientUp || from.wanted) {
		do("BREAK", 0, func() {
			s.breaks--
			s.disconnect()
		})
	}
	if from.drops > 0 && from.session != 0 && !from.serverUp {
		do("server gives the session up", 0, func() {
			s.drops--
			s.miss()
			s.session = 0
		})
	}
	if from.crashes > 0 {
		do("CRASH of the server", 0, func() {
			s.crashes--
			s.disconnect()
			s.miss()
			s.life++
			s.first, s.last, s.pos, s.acked, s.session = 1, 0, 0, 0, 0
			s.log = [mostBroadcasts]int8{}
		})
	}
}

// disconnect: what is on its way is lost.
func (s *bstate) disconnect() {
	s.clientUp, s.serverUp, s.wanted = false, false, false
	s.hello.rx, s.hello.known = 0, 0
	s.down, s.up, s.downFrames, s.upFrames = 0, 0, [2]bframe{}, [2]bframe{}
}

// miss: what the client has not received it never will; its next incarnation
// tells it so.
func (s *bstate) miss() {
	for i := range s.asked {
		s.missed[i] = true
	}
}

func (c *broadcastConfig) connect(s *bstate) {
	resumed := s.session != 0 && s.session == s.hello.known
	rx := s.hello.rx
	s.wanted, s.hello.rx, s.hello.known = false, 0, 0
	pos := s.last
	if resumed && c.has(logGoesOnBehindReceived) {
		pos = rx
	}
	if resumed && rx > s.last {
		s.fail(unjust)
		return
	}
	if !resumed {
		if s.session != 0 || s.known != 0 {
			s.miss()
		}
		if !c.has(newSessionBeginsAtTheEnd) {
			pos = 0
		}
		s.incarnations++
		s.session, s.acked = s.incarnations, pos
	}
	s.pos, s.acked = pos, min(s.acked, pos)
	if !resumed {
		s.known = s.session
		if c.has(positionFromWelcome) {
			s.rx, s.done, s.told = pos, pos, pos
		}
		s.old = s.inboxed
	}
	s.clientUp, s.serverUp, s.ackNow = true, true, c.has(broadcastAckOnConnect)
}

// output is what the server writes next.
func (c *broadcastConfig) output(s *bstate) (bframe, bool) {
	if s.pos >= s.last || s.pos-s.acked >= window && c.has(broadcastWindow) {
		return bframe{}, false
	}
	if s.pos+1 < s.first {
		if !c.has(expiredIsSkipped) {
			return bframe{from: s.first, to: s.first, which: s.log[s.first-1]}, true
		}
		return bframe{from: s.pos + 1, to: s.first - 1, skip: true, count: s.first - 1 - s.pos, which: s.log[s.pos]}, true
	}
	n := s.pos + 1
	which := s.log[n-1]
	if which != c.own || !c.has(ownIsNotSent) {
		return bframe{from: n, to: n, which: which}, true
	}
	if !c.has(ownIsSkipped) {
		if n == s.last {
			return bframe{}, false
		}
		return bframe{from: n + 1, to: n + 1, which: s.log[n]}, true
	}
	return bframe{from: n, to: n, skip: true}, true
}

func (c *broadcastConfig) receive(s *bstate, f bframe) {
	switch {
	case f.to <= s.rx:
		s.ackNow = true
		return
	case f.from > s.rx+1, s.inboxed-s.old >= window && !f.skip:
		s.fail(unjust)
		return
	}
	s.rx = f.to
	s.inbox[s.inboxed] = f
	s.inboxed++
}

func (c *broadcastConfig) handle(s *bstate) {
	f := s.inbox[0]
	if f.skip {
		for i := range f.count {
			s.missed[f.which-1+i] = true // it is told
		}
		return
	}
	switch {
	case f.which == c.own:
		s.fail(unasked)
	case s.handled[f.which-1]:
		s.fail(twice)
	}
	for i := f.which; i < s.asked; i++ {
		if s.handled[i] {
			s.fail(outOfOrder)
		}
	}
	s.handled[f.which-1] = true
	s.running = true
}

func (c *broadcastConfig) returned(s *bstate) {
	f := s.inbox[0]
	copy(s.inbox[:], s.inbox[1:s.inboxed])
	s.inboxed--
	s.inbox[s.inboxed] = bframe{}
	if s.old > 0 {
		s.old--
	} else {
		s.done = f.to
	}
	s.running = false
}

func (c *broadcastConfig) settled(s *bstate) bool {
	return s.clientUp && s.serverUp && s.asked == c.broadcasts && s.pos == s.last && s.acked == s.last &&
		s.inboxed == 0 && s.down == 0 && s.up == 0 && !s.ackNow
}

func (c *broadcastConfig) broken(s *bstate) property {
	if s.bad != 0 || !c.settled(s) {
		return s.bad
	}
	for i := range s.asked {
		if !s.handled[i] && !s.missed[i] {
			return silent
		}
	}
	return 0
}

var broadcastConfigs = []broadcastConfig{
	{name: "break", broadcasts: 3, breaks: 1},
	{name: "own, two breaks", broadcasts: 3, own: 2, breaks: 2},
	{name: "own, crash, break", broadcasts: 3, own: 1, breaks: 1, crashes: 1, slow: true},
	{name: "expired, two breaks", broadcasts: 4, breaks: 2, slow: true},
	{name: "given up, two breaks", broadcasts: 3, own: 3, breaks: 2, drops: 1},
	{name: "everything", broadcasts: 4, own: 3, breaks: 2, crashes: 1, drops: 1, slow: true},
	{name: "everything, twice", big: true, broadcasts: 4, own: 2, breaks: 4, crashes: 2, drops: 2, slow: true},
}

func TestBroadcasts(t *testing.T) {
	enumerate(t, len(broadcastConfigs), func(i int) (string, bool, func() *verdict) {
		c := broadcastConfigs[i]
		return c.name, c.big, func() *verdict { return explore(c.system(), *most) }
	})
}

var broadcastMutants = [broadcastRuleCount]struct {
	found property
	broadcastConfig
}{
	{unjust, broadcastConfig{broadcasts: 2, own: 1}},
	{unasked, broadcastConfig{broadcasts: 1, own: 1}},
	{unjust, broadcastConfig{broadcasts: 4, breaks: 1}},
	{wedge, broadcastConfig{broadcasts: 1, breaks: 1}},
	{lost, broadcastConfig{broadcasts: 1}},
	{unjust, broadcastConfig{broadcasts: 4, slow: true}},
	{unjust, broadcastConfig{broadcasts: 2, crashes: 1}},
	{wedge, broadcastConfig{broadcasts: 1, breaks: 1}},
	{twice, broadcastConfig{broadcasts: 1, breaks: 1, drops: 1}},
}

func TestBroadcastMutants(t *testing.T) {
	for i, m := range broadcastMutants {
		t.Run(broadcastRuleTexts[i], func(t *testing.T) {
			t.Parallel()
			c := m.broadcastConfig
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
