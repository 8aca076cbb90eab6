package readrole

import (
	"fmt"
	"testing"
)

const (
	callers = 2
	stream  = 8 // the most frames on their way
)

type frame uint8

const (
	none frame = iota
	ack
	event
	answer // and above: of caller answer-answer … in the order of the callers
)

// bounds are how often the environment does something.
type bounds struct{ calls, events, emits, cancels int8 }

type caller uint8

const (
	idle caller = iota
	leads
	follows
)

// state is everything: a client, its server, and both lanes between them.
type state struct {
	role   Role
	caller [callers]caller
	own    [callers]bool // the caller's call is answered, and it has not left yet
	open   [callers]int8 // calls that are not answered, as the client knows
	emits  int8          // events of the client that are not acknowledged

	sent    [callers]int8 // calls on their way to the server
	serving [callers]int8
	heard   int8 // events of the client that the server has not acknowledged
	knocker Knocker

	private [stream]frame
	knocks  int8
	left    bounds
}

// A mutant is the protocol with something left out.
type mutant struct {
	name string

	forgetKnock   bool // one that comes while somebody reads
	knockIsSpent  bool // without another answer
	anyFrame      bool // reading may end behind any frame
	ghosts        bool // calls that were given up do not count
	unacked       bool // messages that are not acknowledged do not count
	onlyOneKnock  bool // an answer does not make the server knock again
	countsKnocks  bool // a knock while nobody reads leaves the answer before it
	keepOnLeaving bool // a caller that gives up spends the knock
}

var mutants = []mutant{
	{name: "a knock while somebody reads is forgotten", forgetKnock: true},
	{name: "a knock is spent at once", knockIsSpent: true},
	{name: "reading ends behind any frame", anyFrame: true},
	{name: "calls that were given up are forgotten", ghosts: true},
	{name: "acknowledgements are not waited for", unacked: true},
	{name: "the server knocks once", onlyOneKnock: true},
	{name: "the woken reader may park at once", countsKnocks: true},
	{name: "a caller that gives up spends the knock", keepOnLeaving: true},
}

func (s *state) quiet(m *mutant) bool {
	for i := range s.open {
		if n := s.open[i]; n > 1 || n > 0 && (!m.ghosts || s.caller[i] != idle && !s.own[i]) {
			return false
		}
	}
	return s.emits == 0 || m.unacked
}

func (s *state) push(f frame) bool {
	for i := range s.private {
		if s.private[i] == none {
			s.private[i] = f
			return true
		}
	}
	return false
}

// end is what happens at a moment at which reading could end.
func (s *state) end(m *mutant, f func(quiet bool)) {
	before := s.role
	if m.anyFrame {
		s.role.answer = true
	}
	f(s.quiet(m))
	if m.knockIsSpent && before.want && !s.role.want {
		s.role.answer = before.answer
	}
}

func (s *state) leave(m *mutant, i int) {
	s.caller[i], s.own[i] = idle, false
	s.end(m, func(quiet bool) { s.role.Leave(quiet) })
}

// speak writes something that nobody asked for.
func (s *state) speak() bool {
	if !s.push(event) {
		return false
	}
	var serving int8
	for _, n := range s.serving {
		serving += n
	}
	if s.knocker.Spoke(int(serving)) {
		s.knocks++
	}
	return true
}

// next visits every state that can follow.
func (s state) next(m *mutant, visit func(what string, t state)) {
	try := func(what string, f func(t *state) bool) {
		t := s
		if f(&t) {
			visit(what, t)
		}
	}
	for i := range callers {
		try(fmt.Sprint("call ", i), func(t *state) bool {
			if t.left.calls == 0 || t.caller[i] != idle {
				return false
			}
			t.left.calls--
			t.open[i]++
			t.sent[i]++
			t.caller[i] = follows
			if t.role.Lead() {
				t.caller[i] = leads
			}
			return true
		})
		try(fmt.Sprint("give up ", i), func(t *state) bool {
			if t.left.cancels == 0 || t.caller[i] == idle || t.own[i] {
				return false
			}
			t.left.cancels--
			if t.caller[i] == leads {
				if m.keepOnLeaving {
					t.role.want = false
				}
				t.leave(m, i)
			}
			t.caller[i] = idle
			return true
		})
		try(fmt.Sprint("leave ", i), func(t *state) bool {
			if t.caller[i] != leads || !t.own[i] {
				return false
			}
			t.leave(m, i)
			return true
		})
		try(fmt.Sprint("the server reads call ", i), func(t *state) bool {
			if t.sent[i] == 0 {
				return false
			}
			t.sent[i]--
			t.serving[i]++
			return true
		})
		try(fmt.Sprint("the server answers ", i), func(t *state) bool {
			if t.serving[i] == 0 || !t.push(answer+frame(i)) {
				return false
			}
			t.serving[i]--
			if !m.onlyOneKnock || t.left.calls > 1 {
				t.knocker.Answered()
			}
			return true
		})
	}
	try("the client emits", func(t *state) bool {
		if t.left.emits == 0 {
			return false
		}
		t.left.emits--
		t.emits++
		t.heard++
		if !m.unacked {
			t.role.Listen()
		}
		return true
	})
	try("the server acknowledges", func(t *state) bool {
		if t.heard == 0 || !t.push(ack) {
			return false
		}
		t.heard--
		return true
	})
	try("the server speaks", func(t *state) bool {
		if t.left.events == 0 {
			return false
		}
		t.left.events--
		return t.speak()
	})
	try("the knock arrives", func(t *state) bool {
		if t.knocks == 0 {
			return false
		}
		t.knocks--
		before := t.role
		t.role.Knock()
		if m.forgetKnock && before.holder != Nobody {
			t.role = before
		}
		if m.countsKnocks && before.holder == Nobody {
			t.role.answer = before.answer
		}
		return true
	})
	try("rest", func(t *state) bool {
		if t.role.Holder() != Standing {
			return false
		}
		t.end(m, func(quiet bool) { t.role.Rest(quiet) })
		return true
	})
	try("read", func(t *state) bool {
		f := t.private[0]
		if t.role.Holder() == Nobody || f == none {
			return false
		}
		copy(t.private[:], t.private[1:])
		t.private[stream-1] = none
		switch f {
		case ack:
			t.emits--
		case event:
			t.role.Took(false)
		default:
			i := f - answer
			t.role.Took(true)
			t.open[i]--
			switch {
			case t.open[i] > 0 || t.caller[i] == idle: // of a call that was given up
			case t.caller[i] == leads:
				t.own[i] = true
			default:
				t.caller[i] = idle
			}
		}
		return true
	})
}

// wrong says what must not be.
func (s *state) wrong() string {
	if s.role.Holder() == Nobody {
		for _, c := range s.caller {
			if c != idle {
				return "a caller waits and nobody reads"
			}
		}
		if s.emits > 0 {
			return "an acknowledgement is to come and nobody reads"
		}
		for _, f := range s.private {
			if f >= event && s.knocks == 0 {
				return "something waits to be read, nobody reads, and no knock is on its way"
			}
		}
	}
	if s.role.Holder() == Caller && s.caller[0] != leads && s.caller[1] != leads {
		return "a caller has the role and none leads"
	}
	return ""
}

// explore visits all states and returns how many there are, and how one comes
// to a wrong one, if there is one.
func explore(m *mutant, b bounds) (states int, wrong string) {
	type step struct {
		before int
		what   string
	}
	seen := map[state]bool{{left: b}: true}
	queue, steps := []state{{left: b}}, []step{{}}
	for at := 0; at < len(queue) && wrong == ""; at++ {
		queue[at].next(m, func(what string, t state) {
			if seen[t] || wrong != "" {
				return
			}
			seen[t] = true
			queue, steps = append(queue, t), append(steps, step{at, what})
			if why := t.wrong(); why != "" {
				for i := len(steps) - 1; i > 0; i = steps[i].before {
					wrong = "\n\t" + steps[i].what + wrong
				}
				wrong = why + ":" + wrong
			}
		})
	}
	return len(seen), wrong
}

var worlds = []bounds{
	{calls: 3, events: 2, cancels: 1, emits: 1},
	{calls: 4, events: 2, cancels: 2},
	{calls: 3, events: 3, cancels: 1},
}

func TestModel(t *testing.T) {
	for _, b := range worlds {
		states, wrong := explore(&mutant{}, b)
		if wrong != "" {
			t.Errorf("%+v: %s", b, wrong)
		}
		t.Logf("%+v: %d states", b, states)
	}
}

// Each rule is needed: the model finds out if one is left out.
func TestModelFindsMutants(t *testing.T) {
	for _, m := range mutants {
		found := false
		for _, b := range worlds {
			_, wrong := explore(&m, b)
			found = found || wrong != ""
		}
		if !found {
			t.Errorf("%s: all is well", m.name)
		}
	}
}
