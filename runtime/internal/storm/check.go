//go:build linux

package storm

import (
	"fmt"
	"slices"
)

// mostViolations bounds what a Checker remembers; it counts all of them.
const mostViolations = 20

// A Checker compares what was accepted with what was handled, in time and
// memory linear in the number of flows, not of messages: within a flow it
// needs to know only how far things have come.
//
// The records of the receiver of a flow must be added in the order in which
// they were written, the journals of a server's lives in the order of the
// lives. Those of accepted messages may come at any time. A Checker is for one
// goroutine.
type Checker struct {
	flows   map[flowKey]*history
	calls   map[flowKey]map[uint64]*callHistory
	dead    map[uint32]bool   // sessions and names
	ends    map[uint32]End    // of the server's lives
	missed  map[uint32]uint64 // by session that was told
	counts  Counts
	details []string
}

// Counts sums up what a Checker has seen.
type Counts struct {
	Accepted    uint64 // messages, calls not among them
	Handled     uint64 // different messages
	Flagged     uint64 // of those, flagged although nobody had handled them before
	Redelivered uint64 // second and further handlings, in a later life and flagged
	Missed      uint64 // reported as gaps
	Abandoned   uint64 // accepted by a session that died, or for one, and not handled
	Calls       uint64
	Answered    uint64
	Unknown     uint64 // calls whose outcome was said to be unknown

	// Violations:
	Lost       uint64 // accepted, neither handled nor reported
	Duplicated uint64 // handled twice in one life of the server, or again without a flag
	Reordered  uint64
	Invented   uint64 // handled, never accepted
	Miscalled  uint64 // calls whose outcome is not what happened
}

// Violations is the number of broken promises.
func (c *Counts) Violations() uint64 {
	return c.Lost + c.Duplicated + c.Reordered + c.Invented + c.Miscalled
}

type flowKey struct {
	flow     Flow
	from, to uint32
	life     uint32 // of the server that sends; 0 for what clients send
}

// A history is how far one flow has come.
type history struct {
	accepted uint64 // the highest number
	handled  uint64 // the highest number, in any life
	distinct uint64 // how many different numbers
	life     uint32 // of the receiver, that was seen last
	inLife   uint64 // the highest number in that life
	least    uint64 // the lowest number in that life
	started  bool   // something was handled in that life
	skipped  bool   // numbers were passed over within a life
	jumped   bool   // numbers were passed over between two lives
}

type callHistory struct {
	handled uint64
	outcome Event // 0 while there is none
}

// An End is how a life of the server ended.
type End uint8

// The ends.
const (
	Killed   End = iota + 1 // what it had accepted for its clients is lost with it
	Shutdown                // everything was delivered to the clients that were connected
)

// NewChecker returns a Checker that has seen nothing.
func NewChecker() *Checker {
	return &Checker{
		flows: make(map[flowKey]*history), calls: make(map[flowKey]map[uint64]*callHistory),
		dead: make(map[uint32]bool), ends: make(map[uint32]End), missed: make(map[uint32]uint64),
	}
}

// Died says that the process of a session was killed: what it had accepted
// and what was on its way to it need not be handled. What is handled must be
// in order, without holes, all the same.
func (c *Checker) Died(session uint32) {
	c.dead[session] = true
	c.dead[NameOf(session)] = true
}

// Listens says that a session was there before the first broadcast in a life
// of the server: it is to have them all, also if it reports none.
func (c *Checker) Listens(session, life uint32) {
	c.flow(Record{Event: Handled, Flow: News, To: session, Life: life})
}

// Ended says how a life of the server ended.
func (c *Checker) Ended(life uint32, how End) { c.ends[life] = how }

// SessionOf numbers the sessions: a process that is started again under the
// same name has the next generation, from 1.
func SessionOf(name, generation int) uint32 { return uint32(name)<<16 | uint32(generation) }

// NameOf is the number of a session's name. What goes Across goes to a name,
// and Life is then the generation that handled it.
func NameOf(session uint32) uint32 { return session &^ 0xffff }

// Add takes a record.
func (c *Checker) Add(r Record) {
	switch {
	case r.Event == Missed:
		session := r.To
		if session == 0 {
			session = r.From
		}
		c.missed[session] += r.Count
		c.counts.Missed += r.Count
	case r.Flow == Calls:
		c.addCall(r)
	case r.Event == Accepted:
		h := c.flow(r)
		if r.Number > h.accepted {
			h.accepted = r.Number
		}
	case r.Event == Handled:
		c.addHandled(r)
	default:
		c.violation(&c.counts.Invented, "%v: %s in flow %s means nothing", r, r.Event, r.Flow)
	}
}

func (c *Checker) flow(r Record) *history {
	k := flowKey{flow: r.Flow, from: r.From, to: r.To}
	if r.Flow == Down || r.Flow == News {
		k.life = r.Life
	}
	if r.Flow == News && r.Event == Accepted {
		k.to = 0 // a broadcast is accepted once, for all
	}
	h := c.flows[k]
	if h == nil {
		h = &history{}
		c.flows[k] = h
	}
	return h
}

func (c *Checker) addHandled(r Record) {
	h := c.flow(r)
	if r.Number == 0 {
		c.violation(&c.counts.Invented, "%+v: messages are numbered from 1", r)
		return
	}
	if !h.started || r.Life != h.life {
		if h.started && r.Life < h.life {
			c.violation(&c.counts.Reordered, "%s from %x to %x: number %d was handled in life %d after life %d had begun", r.Flow, r.From, r.To, r.Number, r.Life, h.life)
		}
		// A life begins where the one before has come to, or earlier.
		if r.Number > h.handled+1 {
			h.jumped = true
		}
		h.life, h.started, h.least, h.inLife = r.Life, true, r.Number, r.Number
		c.take(h, r)
		return
	}
	switch {
	case r.Number == h.inLife+1:
	case r.Number > h.inLife:
		h.skipped = true
	case r.Number < h.least:
		c.violation(&c.counts.Reordered, "%s from %x to %x: number %d was handled after %d in life %d", r.Flow, r.From, r.To, r.Number, h.inLife, r.Life)
		return
	case h.skipped:
		// It may be one that was passed over or one that was there: wrong both ways.
		c.violation(&c.counts.Reordered, "%s from %x to %x: number %d was handled after %d in life %d", r.Flow, r.From, r.To, r.Number, h.inLife, r.Life)
		return
	default:
		c.violation(&c.counts.Duplicated, "%s from %x to %x: number %d was handled twice in life %d", r.Flow, r.From, r.To, r.Number, r.Life)
		return
	}
	h.inLife = r.Number
	c.take(h, r)
}

// take counts a handling that is in its place within its life.
func (c *Checker) take(h *history, r Record) {
	if r.Number > h.handled {
		h.handled = r.Number
		h.distinct++
		if r.Flagged {
			c.counts.Flagged++
		}
		return
	}
	if !r.Flagged {
		c.violation(&c.counts.Duplicated, "%s from %x to %x: number %d was handled again in life %d without saying so", r.Flow, r.From, r.To, r.Number, r.Life)
		return
	}
	c.counts.Redelivered++
}

func (c *Checker) addCall(r Record) {
	k := flowKey{flow: r.Flow, from: r.From, to: r.To}
	if c.calls[k] == nil {
		c.calls[k] = make(map[uint64]*callHistory)
	}
	h := c.calls[k][r.Number]
	if h == nil {
		h = &callHistory{}
		c.calls[k][r.Number] = h
	}
	switch r.Event {
	case Handled:
		h.handled++
	case Answered, NotHandled, Unknown:
		if h.outcome != 0 {
			c.violation(&c.counts.Miscalled, "call %d from %x ended twice: %s, then %s", r.Number, r.From, h.outcome, r.Event)
			return
		}
		h.outcome = r.Event
	default:
		c.violation(&c.counts.Miscalled, "call %d from %x: %s means nothing", r.Number, r.From, r.Event)
	}
}

// Finish compares the totals and returns them. Details returns what is wrong
// in words.
func (c *Checker) Finish() Counts {
	open := make(map[uint32]uint64) // what was not handled, by the session that must have been told
	where := make(map[uint32][]string)
	slack := make(map[uint32]uint64) // what may have been told beside it, because the other side died
	for k, h := range c.flows {
		if k.flow == News && k.to == 0 {
			c.counts.Accepted += h.accepted
			continue
		}
		told := k.from
		if k.flow == Down || k.flow == News {
			told = k.to
		}
		dead := c.dead[k.from] || c.dead[k.to] || k.life != 0 && c.ends[k.life] != Shutdown
		if k.flow == News {
			if all := c.flows[flowKey{flow: News, from: k.from, life: k.life}]; all != nil {
				h.accepted = all.accepted
			}
		} else {
			c.counts.Accepted += h.accepted
		}
		c.counts.Handled += h.distinct
		if h.handled > h.accepted {
			// A process that is killed between acceptance and report has reported
			// one less.
			if !dead || h.handled > h.accepted+1 {
				c.violation(&c.counts.Invented, "%s from %x to %x: number %d was handled, the last accepted is %d", k.flow, k.from, k.to, h.handled, h.accepted)
			}
			h.accepted = h.handled
		}
		left := h.accepted - h.distinct
		relayed := k.flow == Across && !c.dead[k.from]
		if relayed {
			// What one that was killed had handled and not acknowledged is reported
			// as well: nobody can know.
			slack[told] += h.distinct
		}
		switch {
		case !dead, relayed:
			open[told] += left
			if left > 0 {
				where[told] = append(where[told], fmt.Sprintf("%s from %x to %x: %d of %d, the last was %d", k.flow, k.from, k.to, h.distinct, h.accepted, h.handled))
			}
		case k.flow == News:
			slack[told] += left
		default:
			c.counts.Abandoned += left
			slack[told] += left
		}
		if dead && k.flow != News && h.skipped {
			c.violation(&c.counts.Lost, "%s from %x to %x: %d of %d were handled, with a hole between them", k.flow, k.from, k.to, h.distinct, h.handled)
		}
	}
	for session, n := range open {
		told := c.missed[session]
		switch {
		case n > told:
			c.counts.Lost += n - told - 1 // violation counts one
			c.violation(&c.counts.Lost, "session %x: %d messages were not handled, gaps were reported for %d; handled were: %q", session, n, told, where[session])
		case n+slack[session] < told:
			c.violation(&c.counts.Invented, "session %x: %d messages were not handled, gaps were reported for %d; another %d may have been", session, n, told, slack[session])
		}
	}
	for k, calls := range c.calls {
		for n, h := range calls {
			c.counts.Calls++
			switch h.outcome {
			case Answered:
				c.counts.Answered++
			case Unknown:
				c.counts.Unknown++
			}
			switch {
			case h.handled > 1:
				c.violation(&c.counts.Miscalled, "call %d from %x ran %d times", n, k.from, h.handled)
			case h.outcome == Answered && h.handled == 0:
				c.violation(&c.counts.Miscalled, "call %d from %x was answered and did not run", n, k.from)
			case h.outcome == NotHandled && h.handled > 0:
				c.violation(&c.counts.Miscalled, "call %d from %x is said not to have run, but it did", n, k.from)
			case h.outcome == 0 && !c.dead[k.from]:
				c.violation(&c.counts.Miscalled, "call %d from %x never ended", n, k.from)
			}
		}
	}
	slices.Sort(c.details)
	return c.counts
}

// Details returns the first violations in words.
func (c *Checker) Details() []string { return c.details }

func (c *Checker) violation(count *uint64, format string, args ...any) {
	*count++
	if len(c.details) < mostViolations {
		c.details = append(c.details, fmt.Sprintf(format, args...))
	}
}
