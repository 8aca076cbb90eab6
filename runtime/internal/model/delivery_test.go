package model

import (
	"flag"
	"sync"
	"testing"
	"time"
)

var (
	big  = flag.Bool("model.big", false, "enumerate the larger configurations too")
	most = flag.Int("model.states", 20_000_000, "the most states of one configuration")
)

// Messages.
var (
	eventUp    = message{from: client}
	callUp     = message{from: client, call: true}
	repeatUp   = message{from: client, call: true, repeatable: true}
	eventDown  = message{from: server, later: true}
	callDown   = message{from: server, call: true, later: true}
	eventLater = message{from: client, later: true}
	callLater  = message{from: client, call: true, later: true}

	waitsForCancel  = message{from: client, call: true, forCancel: true}
	nestedDown      = message{from: server, call: true, nested: 1}
	nestedUp        = message{from: client, call: true, nested: 1}
	callInHandler   = message{from: client, call: true, inside: 1}
	nestedInHandler = message{from: server, call: true, nested: 2}
	callForThird    = message{from: client, call: true, waits: 3}
	refusedUp       = message{from: client, refused: true}
	refusedDown     = message{from: server, refused: true, later: true}

	eventToClient   = message{from: client, relay: true}
	refusedByClient = message{from: client, relay: true, refused: true}
	callToClient    = message{from: client, call: true, relay: true}
)

func program(messages ...message) []message { return messages }

var configs = []config{
	{name: "both directions, crash, break", messages: program(eventUp, eventDown), crashes: 1, breaks: 1},
	{name: "event, call, crash, two breaks", big: true, messages: program(eventUp, callUp), crashes: 1, breaks: 2},
	{name: "event, call, two crashes, break", big: true, messages: program(eventUp, callUp), crashes: 2, breaks: 1},
	{name: "event, call, event from the server, crash, break", big: true, messages: program(eventUp, callUp, eventDown), crashes: 1, breaks: 1},
	{name: "three events, a window of two, two breaks", messages: program(eventUp, eventUp, eventUp), breaks: 2},
	{name: "three events from the server, two breaks", messages: program(eventDown, eventDown, eventDown), breaks: 2},
	{name: "call from the server, crash, two breaks", big: true, messages: program(callDown, eventUp), crashes: 1, breaks: 2},
	{name: "calls both ways, break", messages: program(callUp, callDown), crashes: 1, breaks: 1},
	{name: "calls that may be repeated, two crashes, break", big: true, messages: program(repeatUp, eventUp), crashes: 2, breaks: 1},
	{name: "three classes of calls, crash, break", big: true, messages: program(callUp, repeatUp, eventUp), crashes: 1, breaks: 1},
	{name: "call cancelled, crash, two breaks", big: true, messages: program(callUp), cancels: 1, crashes: 1, breaks: 2},
	{name: "two calls, one cancelled, crash, break", big: true, messages: program(callUp, callUp), cancels: 1, crashes: 1, breaks: 1},
	{name: "handler that waits for its cancel, two breaks", messages: program(waitsForCancel), cancels: 1, breaks: 2},
	{name: "calls cancelled on both sides, break", big: true, messages: program(callUp, callDown), cancels: 2, breaks: 1},
	{name: "nested call from the server, crash, break", messages: program(callUp, nestedDown), crashes: 1, breaks: 1},
	{name: "nested call from the client, crash, break", messages: program(callDown, nestedUp), crashes: 1, breaks: 1},
	{name: "call in an event's handler, beside a full window", messages: program(eventDown, callInHandler, eventDown, eventDown), breaks: 1, slow: true},
	{name: "nested call beside a full window", messages: program(eventDown, callInHandler, nestedInHandler, eventDown, eventDown), breaks: 1},
	{name: "call that waits for its sender's third message", messages: program(callForThird, eventUp, eventUp), crashes: 1, breaks: 1},
	{name: "refused event, crash, two breaks", big: true, messages: program(refusedUp, eventUp), crashes: 1, breaks: 2},
	{name: "refused event from the server, crash, two breaks", messages: program(refusedDown), crashes: 1, breaks: 2},
	{name: "orderly restart, break", messages: program(eventUp, callUp), shutdowns: 1, breaks: 1, slow: true},
	{name: "orderly restart, crash, break", messages: program(eventUp, callUp), shutdowns: 1, crashes: 1, breaks: 1, slow: true},
	{name: "orderly restart, event from the server, break", messages: program(eventUp, eventDown), shutdowns: 1, breaks: 1},
	{name: "two orderly restarts, three messages", messages: program(eventUp, callUp, eventUp), shutdowns: 2, slow: true},
	{name: "orderly restart, calls from the server, break", big: true, messages: program(callDown, callUp), shutdowns: 1, breaks: 1},
	{name: "orderly restart, a call that may be repeated, crash, cancel", messages: program(repeatUp, callUp), shutdowns: 1, crashes: 1, cancels: 1},
	{name: "restart in haste, crash, break", messages: program(eventUp, callUp), shutdowns: 1, crashes: 1, breaks: 1, slow: true, hasty: true},
	{name: "session given up, two breaks", messages: program(eventUp, eventDown), drops: 1, breaks: 2},
	{name: "session given up, calls, two breaks", big: true, messages: program(callUp, eventUp, callDown), drops: 1, breaks: 2},
	{name: "session given up twice, crash, three breaks", big: true, messages: program(eventUp), drops: 2, crashes: 1, breaks: 3},
	{name: "lanes break one by one", messages: program(eventUp, eventDown), breaks: 2, lanes: true},
	{name: "lanes break one by one, call, crash", messages: program(callUp), breaks: 2, crashes: 1, lanes: true},
	{name: "lanes break one by one, orderly restart", messages: program(eventUp), breaks: 1, shutdowns: 1, lanes: true, slow: true},
	{name: "oldest dropped, a queue of two, break", messages: program(eventLater, eventLater, eventLater, eventLater), queue: 2, breaks: 1},
	{name: "oldest dropped, calls, crash", messages: program(callLater, eventLater, callLater), queue: 1, crashes: 1},
	{name: "oldest dropped at the server, two breaks", messages: program(eventDown, eventDown, eventDown), queue: 1, breaks: 2},
	{name: "client leaves when all is done, break", messages: program(eventUp, callUp, eventDown), leaves: 1, breaks: 1},
	{name: "client leaves in haste, calls both ways, break", big: true, messages: program(callUp, callDown, eventDown), leaves: 1, breaks: 1, hasty: true},
	{name: "client leaves, crash, break", messages: program(eventUp, eventDown), leaves: 1, crashes: 1, breaks: 1},
	{name: "client dies, its queue lives", messages: program(eventUp, eventUp), deaths: 1, breaks: 1},
	{name: "client dies twice, crash", messages: program(eventUp, eventUp), deaths: 2, crashes: 1},
	{name: "client dies, events and calls both ways, break", big: true, messages: program(eventUp, callUp, eventDown), deaths: 1, breaks: 1},
	{name: "client dies, session given up, break", messages: program(eventUp), deaths: 1, drops: 1, breaks: 1, slow: true},
	{name: "event to another client, a break", messages: program(eventToClient), sessions: 2, conns: 1, breaks: 1},
	{name: "event to another client, crash", messages: program(eventToClient), sessions: 2, conns: 1, crashes: 1},
	{name: "refused event to another client, break", messages: program(refusedByClient), sessions: 2, conns: 1, breaks: 1},
	{name: "refused event to another client that is given up", messages: program(refusedByClient), sessions: 2, conns: 1, breaks: 1, drops: 1, lane: 1},
	{name: "event to another client that is given up", big: true, messages: program(eventToClient), sessions: 2, conns: 1, breaks: 1, drops: 1},
	{name: "call to another client, a break", big: true, messages: program(callToClient), sessions: 2, conns: 1, breaks: 1},
	{name: "call to another client, crash", big: true, messages: program(callToClient), sessions: 2, conns: 1, crashes: 1},
	{name: "call to another client, cancelled", big: true, messages: program(callToClient), sessions: 2, conns: 1, cancels: 1, breaks: 1},
	{name: "call to another client, given up or gone", big: true, messages: program(callToClient), sessions: 2, conns: 1, breaks: 1, drops: 1},
	{name: "call from the server, crash, break", messages: program(callDown), crashes: 1, breaks: 1},
	{name: "event, call, crash, break", messages: program(eventUp, callUp), crashes: 1, breaks: 1},
	{name: "a call that may be repeated, crash, break", messages: program(repeatUp), crashes: 1, breaks: 1},
	{name: "three classes of calls, crash", messages: program(callUp, repeatUp, eventUp), crashes: 1},
	{name: "call cancelled, crash, break", messages: program(callUp), cancels: 1, crashes: 1, breaks: 1},
	{name: "call from the server cancelled, break", messages: program(callDown), cancels: 1, breaks: 1},
	{name: "refused event, crash, break", messages: program(refusedUp, eventUp), crashes: 1, breaks: 1},
	{name: "session given up, calls, break", messages: program(callUp, callDown), drops: 1, breaks: 1},
	{name: "session given up twice, two breaks", messages: program(eventUp), drops: 2, breaks: 2, slow: true},
	{name: "client leaves in haste, calls both ways", messages: program(callUp, callDown), leaves: 1, hasty: true},
	{name: "client dies, calls both ways", messages: program(eventUp, callUp, callDown), deaths: 1},
	{name: "orderly restart, calls from the server", messages: program(callDown, callUp), shutdowns: 1},
	{name: "event to another client, session given up", messages: program(eventToClient), sessions: 2, conns: 1, breaks: 1, drops: 1, lane: 1},
	{name: "call to another client", messages: program(callToClient), sessions: 2, conns: 1},
	{name: "call to another client, crash, one frame at a time", messages: program(callToClient), sessions: 2, conns: 1, crashes: 1, lane: 1},
	{name: "call to another client, cancelled, one frame at a time", messages: program(callToClient), sessions: 2, conns: 1, cancels: 1, lane: 1},
	{name: "both directions, two crashes, three breaks", big: true, messages: program(eventUp, eventDown), crashes: 2, breaks: 3},
	{name: "two calls, event from the server, two crashes, break", big: true, messages: program(callUp, callUp, eventDown), crashes: 2, breaks: 1},
	{name: "call to another client that leaves", messages: program(callToClient), sessions: 2, conns: 1, leaves: 1, hasty: true},
}

// mutants switch rules off: each must be found. The configuration is the
// smallest that shows it.
var mutants = []struct {
	without rule
	found   property
	config
}{
	{ackWhenDone, lost, config{messages: program(eventUp), crashes: 1}},
	{freeByAck, unjust, config{messages: program(eventUp), breaks: 1}},
	{tellFirst, unjust, config{messages: program(eventUp, eventUp), crashes: 1}},
	{largerAttempt, flapping, config{messages: program(eventUp), breaks: 1}},
	{fence, unjust, config{messages: program(eventUp), breaks: 2}},
	{goOnBehindReceived, unjust, config{messages: program(eventUp), breaks: 1}},
	{answersBesideWindow, wedge, config{messages: program(eventDown, callInHandler, eventDown, eventDown)}},
	{callDoneWhenStarted, wedge, config{messages: program(callForThird, eventUp, eventUp)}},
	{forgetReceived, unjust, config{messages: program(eventDown), crashes: 1}},
	{oldNeverAcked, unjust, config{messages: program(eventDown), crashes: 1}},
	{laneByCookie, wedge, config{messages: program(eventUp)}},
	{readToTheEnd, unclean, config{messages: program(eventUp, eventUp, eventUp), shutdowns: 1}},
	{endedIsSkipped, secondRun, config{messages: program(callUp), crashes: 1}},
	{ackOnConnect, wedge, config{messages: program(eventUp), breaks: 1}},
	{sameIncarnation, unjust, config{messages: program(eventDown), crashes: 1, breaks: 1}},
	{flagWhatWasWritten, unflagged, config{messages: program(eventUp), crashes: 1}},
	{flagStays, unflagged, config{messages: program(eventUp), crashes: 1, shutdowns: 1}},
	{startedInFarewell, unflagged, config{messages: program(eventUp), shutdowns: 1, slow: true, hasty: true}},
	{doneInFarewell, unclean, config{messages: program(eventUp), shutdowns: 1}},
	{unknownWhenRestarted, secondRun, config{messages: program(callUp), crashes: 1}},
	{repeatBehind, wedge, config{messages: program(repeatUp), crashes: 1}},
	{skipWhatWasDropped, unjust, config{messages: program(eventLater, eventLater, eventLater), queue: 1}},
	{cancelAgain, wedge, config{messages: program(waitsForCancel), cancels: 1, breaks: 1}},
	{nackBeforeAck, silent, config{messages: program(refusedByClient), sessions: 2, conns: 1}},
	{oldAnswersAreVoid, wrongAnswer, config{messages: program(callDown, callDown), crashes: 1}},
	{bothLanes, wedge, config{messages: program(eventUp), breaks: 1, lanes: true}},
	{begunIsRemembered, twice, config{messages: program(eventUp), breaks: 1, drops: 1}},
	{handlerIsWaitedFor, lost, config{messages: program(eventUp), breaks: 1, drops: 1, slow: true}},
	{goOnBehindTaken, unjust, config{messages: program(eventUp), breaks: 1, drops: 1}},
	{windowOnNextConnection, lost, config{messages: program(eventUp), breaks: 1}},
	{givenUpIsTold, silent, config{messages: program(eventToClient), sessions: 2, conns: 1, breaks: 1, drops: 1}},
	{generationInAttempt, wedge, config{messages: program(eventUp), deaths: 1}},
	{newProcessIsFlagged, unflagged, config{messages: program(eventDown), deaths: 1}},
	{numbersAreKept, unjust, config{messages: program(eventUp, eventUp), deaths: 1}},
	{flushBeforeLeaving, silent, config{messages: program(eventUp), leaves: 1}},
	{nestedInR, wedge, config{messages: program(eventDown, callInHandler, nestedInHandler)}},
	{lostIsNotUnknown, causeless, config{messages: program(callUp), cancels: 1}},
	{againMayHaveRun, lie, config{messages: program(repeatUp), crashes: 1, cancels: 1}},
	{refusedIsDone, toldTwice, config{messages: program(refusedByClient), sessions: 2, conns: 1, breaks: 1, drops: 1, lane: 1}},
}

// spare are rules that back each other up: without one of them everything
// still holds.
var spare = []rule{discardAgain, attemptIsRemembered, incarnationIsKept}

func TestDelivery(t *testing.T) {
	enumerate(t, len(configs), func(i int) (string, bool, func() *verdict) {
		c := configs[i]
		return c.name, c.big, func() *verdict { return explore(newModel(&c).system(), *most) }
	})
}

// enumerate runs n configurations, the big ones only if the flag asks for
// them, and says how much that was.
func enumerate(t *testing.T, n int, config func(i int) (name string, big bool, run func() *verdict)) {
	var mu sync.Mutex
	var sum verdict
	began := time.Now()
	t.Run("of", func(t *testing.T) {
		for i := range n {
			name, large, run := config(i)
			if large && !*big {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if raceEnabled {
					t.Skip("nothing here runs concurrently, and the race detector makes it ten times slower")
				}
				began := time.Now()
				v := run()
				switch {
				case v.property != 0:
					t.Fatal(v)
				case v.bounded:
					t.Fatalf("it has more than %d states: -model.states", *most)
				case v.settled == 0:
					t.Fatal("nothing ever settles: the configuration says nothing")
				}
				t.Logf("%v, %v", v, time.Since(began).Round(time.Millisecond))
				mu.Lock()
				defer mu.Unlock()
				sum.states, sum.transitions = sum.states+v.states, sum.transitions+v.transitions
				sum.settled++
			})
		}
	})
	t.Logf("ledger: configurations=%d states=%d transitions=%d seconds=%d", sum.settled, sum.states, sum.transitions, int(time.Since(began).Seconds()))
}

func TestMutants(t *testing.T) {
	var covered rule
	for _, r := range spare {
		covered |= r
	}
	for _, m := range mutants {
		covered |= m.without
		t.Run(m.without.String(), func(t *testing.T) {
			t.Parallel()
			c := m.config
			if v := explore(newModel(&c).system(), *most); v.property != 0 {
				t.Fatalf("with the rule: %v", v)
			}
			c.without = m.without
			v := explore(newModel(&c).system(), *most)
			t.Logf("without it: %v", v)
			if v.property != m.found {
				t.Fatalf("the rule was switched off and %q is not what was found", m.found)
			}
		})
	}
	for r := rule(1); r < 1<<ruleCount; r <<= 1 {
		if ruleTexts[r] == "" {
			t.Errorf("rule %#x has no text", r)
		}
		if covered&r == 0 {
			t.Errorf("no mutant shows what this rule is for: %v", r)
		}
	}
}

func TestSpareRules(t *testing.T) {
	for _, r := range spare {
		t.Run(r.String(), func(t *testing.T) {
			t.Parallel()
			for _, c := range []config{
				{messages: program(eventUp, eventDown), breaks: 1, crashes: 1},
				{messages: program(eventUp, callUp), breaks: 2, drops: 1, slow: true},
				{messages: program(eventUp, eventDown), deaths: 1, breaks: 1},
			} {
				c.without = r
				if v := explore(newModel(&c).system(), *most); v.property != 0 {
					t.Errorf("%v", v)
				}
			}
		})
	}
}
