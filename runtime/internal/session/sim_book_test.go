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

	lastS   map[[2]int]int // by sender and life: the last message of S that was begun
	dropped [2]int         // given up by DropOldest, by sender
	missed  [2]int         // told to the receiver, by sender
	changed bool           // the server's session was not the same all the time
}

// A sent is one message that was accepted.
type sent struct {
	id      int
	from    int
	life    int // of the server's session when it was accepted
	call    bool
	nested  bool
	padding int
	handle  *Call

	begun    []beginning
	finished bool // a handler returned
	gone     bool // its sender was told that it will not be handled
	refused  int  // how often a handler refused it, in an incarnation that goes on
	told     int  // how often its sender was told so
	canceled bool
	ended    bool
	result   Result
	final    bool // a server that said goodbye has done it
	orphan   bool // its sender is no more
}

// A beginning is one time that a handler was started.
type beginning struct {
	life    int
	flagged bool
}

func (m *sent) command() string { return fmt.Sprintf("c%d", m.id) }
func (m *sent) payload() []byte { return payloadOf(m.id, m.padding) }

func (m *sent) String() string {
	kind := "event"
	if m.call {
		kind = "call"
	}
	if m.nested {
		kind = "nested call"
	}
	return fmt.Sprintf("%s %d of side %d, begun %v, ended %v %q outcome %d", kind, m.id, m.from, m.begun, m.ended, m.result.Code, m.result.Outcome)
}

// message opens the page of a message that is about to be accepted.
func (b *book) message(s *side, call, nested bool, padding int) *sent {
	m := &sent{id: len(b.messages), from: s.who, life: b.w.life, call: call, nested: nested, padding: padding}
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

func (b *book) find(s *side, id int) *sent {
	if id < 0 || id >= len(b.messages) || b.messages[id].from == s.who {
		b.w.failf("side %d got message %d, which the other one never sent", s.who, id)
	}
	return b.messages[id]
}

// started records that a handler begins.
func (b *book) started(s *side, in *Incoming) {
	m := b.find(s, idOf(in.Payload))
	b.w.logf("%d side %d begins %v, flags %d", b.w.now, s.who, m, in.Flags)
	flagged := in.Flags&wire.Redelivered != 0
	switch {
	case m.call != (in.Kind == wire.KindCall), in.Command != m.command(), len(in.Payload) != len(m.payload()):
		b.w.failf("%v arrived as something else", m)
	case m.gone:
		b.w.failf("%v is handled and was given up", m)
	case m.final:
		b.w.failf("%v is handled again after an orderly end", m)
	case m.ended && (m.result.Outcome == wire.OutcomeNotSent || m.result.Outcome == wire.OutcomeNotHandled):
		b.w.failf("%v is handled", m)
	case m.ended && m.result.Remote && len(m.begun) > 0:
		b.w.failf("%v is handled again after its answer", m)
	case m.from == server && len(m.begun) > 0:
		b.w.failf("%v is handled twice by the client, which lives", m)
	case len(m.begun) > 0 && !flagged:
		b.w.failf("%v is handled again and not flagged", m)
	}
	for _, before := range m.begun {
		if before.life == b.w.life {
			b.w.failf("%v is handled twice in one life", m)
		}
	}
	if !m.nested {
		// Between lives the client still handles what it had received, in order.
		key := [2]int{m.from, b.w.life}
		if m.from == server {
			key[1] = 0
		}
		if b.lastS == nil {
			b.lastS = map[[2]int]int{}
		}
		if last, ok := b.lastS[key]; ok && last >= m.id {
			b.w.failf("%v is begun after message %d", m, last)
		}
		b.lastS[key] = m.id
	}
	m.begun = append(m.begun, beginning{b.w.life, flagged})
	if m.call {
		m.finished = true // started is done
	}
}

func (b *book) finished(s *side, in *Incoming, refused bool) {
	m := b.find(s, idOf(in.Payload))
	m.finished = true
	if refused {
		m.refused++
	}
}

// resolved records the outcome of a call.
func (b *book) resolved(s *side, c *Call) {
	m := c.Tag.(*sent)
	b.w.logf("%d side %d: %v has the outcome %d %q", b.w.now, s.who, m, c.Result.Outcome, c.Result.Code)
	switch r := &c.Result; {
	case m.ended:
		b.w.failf("%v ends a second time", m)
	case r.OK && len(m.begun) != 1:
		b.w.failf("%v has its reply, its handler ran %d times", m, len(m.begun))
	case (r.OK || r.Code == "internal") && idOf(r.Payload) != m.id:
		b.w.failf("%v has the answer of call %d", m, idOf(r.Payload))
	case !r.OK && (r.Outcome == wire.OutcomeNotSent || r.Outcome == wire.OutcomeNotHandled) && len(m.begun) > 0:
		b.w.failf("%v was handled and ends with outcome %d", m, r.Outcome)
	case !r.OK && r.Outcome == wire.OutcomeHandled && len(m.begun) == 0:
		b.w.failf("%v was never handled and ends with outcome Handled", m)
	}
	m.ended, m.result = true, c.Result
	if !c.Result.OK && c.Result.Code == "queue_full" {
		b.dropped[m.from]++
	}
}

// gap records what a side is told of messages that will not be handled.
func (b *book) gap(s *side, g *Gap) {
	b.w.logf("%d side %d: gap %+v", b.w.now, s.who, *g)
	if g.Code == "backlog" {
		if s.who == server {
			b.w.failf("the server gave up a backlog of %d that its client counts on", g.Count)
		}
		return
	}
	var id int
	if _, err := fmt.Sscanf(g.Command, "c%d", &id); err != nil || g.Count != 1 {
		b.w.failf("a gap that tells of no message: %+v", g)
	}
	m := b.messages[id]
	switch {
	case m.from != s.who:
		b.w.failf("side %d is told of %v", s.who, m)
	case g.Nack:
		if m.told++; m.told > len(m.begun) {
			b.w.failf("%v is reported as refused too often", m)
		}
		return
	case g.Dropped && len(m.begun) > 0:
		b.w.failf("%v was dropped and handled", m)
	case m.gone:
		b.w.failf("%v is given up twice", m)
	}
	if g.Dropped {
		b.dropped[m.from]++
		m.gone = true
	}
	m.told++
}

// skipped records what a side is told of messages that the other gave up.
func (b *book) skipped(s *side, in *Incoming) {
	b.missed[1-s.who] += int(in.Count)
}

// newIncarnation: refusals that were on their way are lost with the numbers
// that they named.
func (b *book) newIncarnation() {
	for _, m := range b.messages {
		m.refused = 0
	}
}

// serverReplaced: what the former server had accepted is gone with it.
func (b *book) serverReplaced() {
	b.changed = true
	for _, m := range b.messages {
		if m.from == server {
			m.orphan = true
		}
	}
}

// ended: a side that gave the session up has an outcome for every call and has
// told of every message.
func (b *book) ended(who int) {
	for _, m := range b.messages {
		if m.from != who || m.orphan || m.gone {
			continue
		}
		if m.call && !m.ended {
			b.w.failf("%v has no outcome when the session is given up", m)
		}
		if !m.call && !m.finished && m.told == 0 {
			b.w.failf("nobody is told of %v when the session is given up", m)
		}
	}
}

// cleanEnd: the client has heard the farewell of a server that had no handler
// running. What that server began, no other will handle.
func (b *book) cleanEnd(life int) {
	for _, m := range b.messages {
		for _, at := range m.begun {
			if m.from == client && at.life == life {
				m.final = true
			}
		}
	}
}

// passed: a flush of what was accepted before message upTo ended.
func (b *book) passed(s *side, upTo int) {
	for _, m := range b.messages[:upTo] {
		if m.from == s.who && !m.orphan && !m.gone && !m.finished && !m.ended && !m.canceled {
			b.w.failf("a flush ended and %v is not done", m)
		}
	}
}

// waiting returns a call of s that has no outcome, or nil.
func (b *book) waiting(s *side) *sent {
	if len(b.messages) == 0 {
		return nil
	}
	for i, first := 0, b.w.src.intn(len(b.messages)); i < len(b.messages); i++ {
		m := b.messages[(first+i)%len(b.messages)]
		if m.call && m.from == s.who && !m.ended && !m.orphan && !m.canceled {
			return m
		}
	}
	return nil
}

// settled checks the sums when everything has come to rest.
func (b *book) settled() {
	for _, m := range b.messages {
		switch {
		case m.orphan:
			continue
		case m.call && !m.ended:
			b.w.failf("%v never ends", m)
		case m.call && m.result.OK && len(m.begun) != 1:
			b.w.failf("%v has its reply, its handler ran %d times", m, len(m.begun))
		case !m.call && !m.gone && !m.finished:
			b.w.failf("%v was accepted, never handled and never reported", m)
		case m.refused > m.told:
			b.w.failf("%v was refused %d times, its sender was told of %d", m, m.refused, m.told)
		}
	}
	for from := range b.dropped {
		got, want := b.missed[from], b.dropped[from]
		if !b.changed && got != want || from == client && got < want {
			b.w.failf("side %d dropped %d messages, the other one was told of %d", from, want, got)
		}
	}
}
