package session

import (
	"fmt"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A book records what became of every message of a world and complains when a
// promise is broken.
type book struct {
	w        *world
	messages []*sent // by id
	last     map[orderKey]int
}

// What is handled under one key is handled in the order sent.
type orderKey struct {
	from, at *party
	core     *Session // of a client: its incarnations are told apart
	life     uint64
}

// A sent is one message that was accepted.
type sent struct {
	id         int
	side       *side
	from       *party
	target     string // the name of another client; "" is the other side
	all        bool   // a broadcast
	call       bool
	nested     bool
	idempotent bool
	padding    int
	handle     *Call
	stamp      uint64 // the mark that tells of it, once it is accepted

	begun    []beginning // at the other side; for what the server passes on, that it did
	arrived  []beginning // at another client
	finished bool        // a handler returned, or it was passed on
	gone     bool        // its sender was told that it will not be handled
	refused  int         // how often a handler refused it, in an incarnation that goes on
	told     int         // how often its sender was told so
	denied   int         // of those, how often it never reached its target
	canceled bool
	ended    bool
	result   Result
	final    bool // a server that said goodbye has done it
	orphan   bool // its sender is no more

	attempt     uint64 // of the client's last hello when it was sent
	unconnected bool
	through     *Member // of the sender, when the server passed it on last
	incarnation wire.ID // of that
}

// A beginning is one time that a handler was started.
type beginning struct {
	at      *party
	flagged bool
}

func (b beginning) String() string { return b.at.String() }

func (m *sent) command() string { return fmt.Sprintf("c%d", m.id) }
func (m *sent) payload() []byte { return payloadOf(m.id, m.padding) }

// relayed reports whether the message goes to another client.
func (m *sent) relayed() bool { return m.target != "" }

// ran returns how often a handler was started for the message.
func (m *sent) ran() int {
	if m.relayed() {
		return len(m.arrived)
	}
	return len(m.begun)
}

// arrivedBefore reports whether a further arrival at p must be flagged. Of two
// processes that have the name one after the other, the first may still handle
// what it received unflagged when the second one has handled it flagged.
func (m *sent) arrivedBefore(p *party) bool {
	for _, before := range m.arrived {
		if before.at == p || !before.flagged {
			return true
		}
	}
	return false
}

func (m *sent) String() string {
	kind := "event"
	switch {
	case m.nested:
		kind = "nested call"
	case m.call:
		kind = "call"
	case m.all:
		kind = "broadcast"
	}
	return fmt.Sprintf("%s %d of %v to %q, begun %v arrived %v, ended %v %q outcome %d", kind, m.id, m.from, m.target, m.begun, m.arrived, m.ended, m.result.Code, m.result.Outcome)
}

// message opens the page of a message that is about to be accepted.
func (b *book) message(s *side, call bool, padding int) *sent {
	m := &sent{id: len(b.messages), side: s, from: s.owner, call: call, padding: padding}
	b.messages = append(b.messages, m)
	return m
}

// forget closes the page of a message that was refused. Its sender knows.
func (b *book) forget(m *sent) {
	if m.ended {
		b.w.failf("%v was refused and has an outcome", m)
	}
	m.gone, m.ended = true, true
	m.result = Result{Outcome: wire.OutcomeNotSent}
}

func (b *book) find(in *Incoming) *sent {
	id := idOf(in.Payload)
	if id < 0 || id >= len(b.messages) {
		b.w.failf("message %d was never sent", id)
	}
	m := b.messages[id]
	if m.call != (in.Kind == wire.KindCall) || in.Command != m.command() || len(in.Payload) != len(m.payload()) {
		b.w.failf("%v arrived as something else", m)
	}
	return m
}

// inOrder complains if a message is begun after one that was sent later.
func (b *book) inOrder(m *sent, key orderKey, flagged bool) {
	if m.nested || m.idempotent && flagged {
		return // the one waits behind nothing, the other is sent a second time, behind all
	}
	if b.last == nil {
		b.last = map[orderKey]int{}
	}
	if last, ok := b.last[key]; ok && last > m.id && !(flagged && b.w.server.forgets()) {
		b.w.failf("%v is begun after message %d", m, last)
	}
	b.last[key] = m.id
}

// leg checks that a message may be begun at the other side of its sender.
func (b *book) leg(s *side, m *sent, in *Incoming) {
	flagged := in.Flags&wire.Redelivered != 0
	again := len(m.begun) > 0
	switch {
	case m.gone:
		b.w.failf("%v is handled and was given up", m)
	case m.final && (m.ended || !m.idempotent):
		b.w.failf("%v is handled again after an orderly end", m)
	case m.ended && (m.result.Outcome == wire.OutcomeNotSent || m.result.Outcome == wire.OutcomeNotHandled):
		b.w.failf("%v is handled", m)
	case m.ended && m.result.Remote && again:
		b.w.failf("%v is handled again after its answer", m)
	case m.from.server && again:
		b.w.failf("%v is handled twice by a client that lives", m)
	case again && !flagged:
		b.w.failf("%v is handled again and not flagged", m)
	case again && m.call && !m.idempotent:
		b.w.failf("%v is called again", m)
	}
	for _, before := range m.begun {
		if before.at == s.owner && !b.w.server.forgets() && !m.idempotent {
			b.w.failf("%v is handled twice in one life", m)
		}
	}
	if again {
		b.w.reach(redelivered)
	}
	key := orderKey{from: m.from, at: s.owner}
	if m.from.server {
		key.core, key.life = s.core, in.life
	}
	b.inOrder(m, key, flagged)
	m.begun = append(m.begun, beginning{s.owner, flagged})
}

// started records that a handler begins.
func (b *book) started(s *side, in *Incoming) {
	m := b.find(in)
	b.w.logf("%v begins %v, flags %d", s, m, in.Flags)
	b.w.stats.handled++
	if s.client == nil || m.from.server {
		if m.relayed() || m.all || m.from.server == s.owner.server {
			b.w.failf("%v gets %v", s, m)
		}
		b.leg(s, m, in)
		if m.call {
			m.finished = true // started is done
		}
		return
	}
	// It came from another client.
	s.seen = in.Peer
	flagged := in.Flags&wire.Redelivered != 0
	switch {
	case !m.relayed() || in.Peer == nil || in.Peer.Name != m.from.name:
		b.w.failf("%v gets %v from %v", s, m, in.Peer)
	case m.target != s.owner.name:
		b.w.failf("%v gets %v", s, m)
	case len(m.arrived) >= len(m.begun)-m.denied:
		b.w.failf("%v arrives, and was passed on %d times, refused %d", m, len(m.begun), m.denied)
	case !flagged && m.arrivedBefore(s.owner):
		b.w.failf("%v arrives again and is not flagged", m)
	case m.ended && (m.result.Outcome == wire.OutcomeNotSent || m.result.Outcome == wire.OutcomeNotHandled):
		b.w.failf("%v is handled", m)
	case m.ended && m.result.OK && len(m.arrived) > 0:
		b.w.failf("%v is handled again after its answer", m)
	}
	b.w.reach(relayedArrived)
	b.inOrder(m, orderKey{from: m.from, at: s.owner, core: s.core, life: in.life}, flagged)
	m.arrived = append(m.arrived, beginning{s.owner, flagged})
}

// routed records that the server passes a message on, or tries to.
func (b *book) routed(s *side, in *Incoming) {
	m := b.find(in)
	b.w.logf("%v passes on %v, flags %d", s, m, in.Flags)
	if !m.relayed() && !m.all {
		b.w.failf("%v passes on %v", s, m)
	}
	b.leg(s, m, in)
	m.finished = true
	m.through, m.incarnation = s.member, s.member.incarnation
	if m.all {
		b.w.reach(broadcastRelayed)
	}
}

// heard records that a client handles a broadcast.
func (b *book) heard(c *simClient, in *Incoming) {
	m := b.find(in)
	b.w.logf("%v hears %v, flags %d", c.party, m, in.Flags)
	b.w.stats.handled++
	times := 0
	for _, before := range m.arrived {
		if before.at == c.party {
			times++
		}
	}
	flagged := in.Flags&wire.Redelivered != 0
	switch {
	case !m.all || m.from == c.party:
		b.w.failf("%v hears %v", c.party, m)
	case !m.from.server && times >= len(m.begun), m.from.server && times > 0:
		b.w.failf("%v hears %v more often than it was sent", c.party, m)
	case times > 0 && !flagged:
		b.w.failf("%v hears %v again, and it is not flagged", c.party, m)
	}
	m.arrived = append(m.arrived, beginning{c.party, flagged})
}

func (b *book) finished(s *side, in *Incoming, refused bool) {
	m := b.find(in)
	m.finished = true
	if refused && !m.relayed() {
		m.refused++
	}
}

// resolved records the outcome of a call.
func (b *book) resolved(s *side, c *Call) {
	m := c.Tag.(*sent)
	r := &c.Result
	b.w.logf("%v: %v has the outcome %d %q", s, m, r.Outcome, r.Code)
	ran := m.ran()
	switch {
	case m.ended:
		b.w.failf("%v ends a second time", m)
	case r.OK && (ran == 0 || ran > 1 && !m.idempotent):
		b.w.failf("%v has its reply, its handler ran %d times", m, ran)
	case (r.OK || r.Code == "internal" && len(r.Payload) > 1) && idOf(r.Payload) != m.id:
		b.w.failf("%v has the answer of call %d", m, idOf(r.Payload))
	case !r.OK && (r.Outcome == wire.OutcomeNotSent || r.Outcome == wire.OutcomeNotHandled) && ran > 0:
		b.w.failf("%v was handled and ends with outcome %d", m, r.Outcome)
	case !r.OK && r.Outcome == wire.OutcomeHandled && ran == 0:
		b.w.failf("%v was never handled and ends with outcome Handled", m)
	case !r.OK && r.Outcome == wire.OutcomeNotSent && r.Remote:
		b.w.failf("%v: the other side says that it was not sent", m)
	}
	m.ended, m.result = true, *r
	b.w.ends(s, m, r)
}

// gap records what a side is told of messages that will not be handled.
func (b *book) gap(s *side, g *Gap) {
	b.w.logf("%v: gap %+v", s, *g)
	if g.Code == "backlog" {
		if s.client == nil {
			b.w.failf("the server gave up a backlog of %d that its client counts on", g.Count)
		}
		b.w.reach(backlogGivenUp)
		s.owner.missed = true
		return
	}
	var id int
	if _, err := fmt.Sscanf(g.Command, "c%d", &id); err != nil || g.Count != 1 {
		b.w.failf("a gap that tells of no message: %+v", g)
	}
	m := b.messages[id]
	switch {
	case m.side != s:
		b.w.failf("%v is told of %v", s, m)
	case g.Nack:
		if m.told++; m.told > len(m.begun) {
			b.w.failf("%v is reported as refused too often", m)
		}
		switch g.Code {
		case "unknown_client", "queue_full", "too_large":
			if m.denied++; len(m.arrived) > len(m.begun)-m.denied {
				b.w.failf("%v arrived, and is reported as %s", m, g.Code)
			}
		}
		if g.Code == "invalid" {
			b.w.reach(nackReceived)
		}
		return
	case g.Dropped && len(m.begun) > 0:
		b.w.failf("%v was dropped and handled", m)
	case m.gone:
		b.w.failf("%v is given up twice", m)
	}
	if g.Dropped {
		b.w.reach(droppedOldest)
		m.gone = true
	}
	if g.Code == "too_large" {
		b.w.reach(givenUpLarger)
	}
	m.told++
}

// newIncarnation: refusals that were on their way to a client are lost with the
// numbers that they named.
func (b *book) newIncarnation(m *Member) {
	for _, x := range b.messages {
		x.refused = 0
	}
}

// died: what its sender had accepted is gone with it.
func (b *book) died(s *side) {
	for _, m := range b.messages {
		if m.side == s || m.from == s.owner {
			m.orphan = true
		}
	}
}

// ended: a side that gave its session up has an outcome for every call and has
// told of every message.
func (b *book) ended(s *side) {
	for _, m := range b.messages {
		if m.side != s || m.orphan || m.gone || m.all && m.from.server {
			continue
		}
		if m.call && !m.ended && m.handle != nil {
			b.w.failf("%v has no outcome when the session is given up", m)
		}
		if !m.call && !m.finished && m.told == 0 && m.stamp != 0 {
			b.w.failf("nobody is told of %v when the session is given up", m)
		}
		m.orphan = true // it has its outcome
	}
}

// flushed: a client has said goodbye after everything was done.
func (b *book) flushed(s *side) {
	for _, m := range b.messages {
		if m.undone(s, s.leftAt) {
			b.w.failf("%v is not done when its sender has shut down", m)
		}
	}
}

// cleanEnd: a client has heard the farewell of a server that had no handler
// running for it. What that server began of it, no other will handle.
func (b *book) cleanEnd(p *party, life int) {
	b.w.reach(cleanRestart)
	for _, m := range b.messages {
		for _, at := range m.begun {
			if m.from == p && at.at.life == life {
				m.final = true
			}
		}
	}
}

// passed: a flush of what was accepted before mark ended.
func (b *book) passed(s *side, mark uint64) {
	for _, m := range b.messages {
		if m.undone(s, mark) {
			b.w.failf("a flush ended and %v is not done", m)
		}
	}
}

// undone reports whether s accepted the message before mark, and nothing was
// made of it yet.
func (m *sent) undone(s *side, mark uint64) bool {
	if m.handle != nil && m.handle.again {
		return false // it was begun once already
	}
	return m.side == s && m.stamp != 0 && m.stamp <= mark && !m.orphan && !m.gone && !m.finished && !m.ended && !m.canceled && m.told == 0
}

// waiting returns a call of s that has no outcome, or nil.
func (b *book) waiting(s *side) *sent {
	if len(b.messages) == 0 {
		return nil
	}
	for i, first := 0, b.w.src.intn(len(b.messages)); i < len(b.messages); i++ {
		m := b.messages[(first+i)%len(b.messages)]
		if m.call && m.side == s && !m.ended && !m.orphan && !m.canceled && m.handle != nil {
			return m
		}
	}
	return nil
}

// settled checks the sums when everything has come to rest.
func (b *book) settled() {
	for _, m := range b.messages {
		if m.orphan || m.gone {
			continue
		}
		missed := false
		if m.from.server || m.relayed() {
			for _, c := range b.w.clients {
				missed = missed || c.party.missed
			}
		}
		switch {
		case m.all && m.from.server:
		case m.call && !m.ended:
			b.w.failf("%v never ends", m)
		case m.call:
		case !m.finished && m.told == 0 && !missed:
			b.w.failf("%v was accepted, never handled and never reported", m)
		case m.refused > m.told:
			b.w.failf("%v was refused %d times, its sender was told of %d", m, m.refused, m.told)
		case m.relayed() && m.told == 0 && len(m.arrived) == 0 && !missed &&
			!m.through.gone && m.through.domain == b.w.server.dom && m.through.incarnation == m.incarnation:
			b.w.failf("%v was passed on, never arrived and was never reported", m)
		}
	}
	for _, c := range b.w.clients {
		if c.state != 3 {
			continue
		}
		if got, want := c.heard, b.w.server.dom.Last()-c.base; got != want {
			b.w.failf("%v handled, or was told of, %d broadcasts of %d", c.party, got, want)
		}
		st := b.w.server.dom.ByName(c.party.name).Owner.(*seat)
		if c.restarts == 0 && st.side.lives == 1 {
			for _, x := range [][2]*side{{c.side, st.side}, {st.side, c.side}} {
				if x[0].dropped != x[1].told {
					b.w.failf("%v dropped %d messages, %v was told of %d", x[0], x[0].dropped, x[1], x[1].told)
				}
			}
		}
	}
}
