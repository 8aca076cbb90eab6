package session

import (
	"errors"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A point is something that a history can come to. They are noted by the
// simulator, which sees what goes into a session and what comes out, so that
// the code of production has none of it.
type point int

// The points.
const (
	privateWelcomed point = iota
	wrongCookie
	privateRefused
	domainLaneLost
	privateLaneLost
	seqS
	seqR
	seqB
	ownBroadcastSkipped
	resendsOnResume
	resentSameNumber
	numberAgain
	violationEndsLane
	forged
	ackOfDone
	callDoneAtStart
	ackByTimer
	ackHalfWindow
	windowFull
	replyBesideFullWindow
	windowWidened
	bothSidesResend
	lateHello
	privateLate
	staleHello
	fenced
	fencedUnread
	cutConnection
	cutLosesBytes
	resumed
	resumedBehindRx
	ackRepeated
	newIncarnation
	sameServerNewIncarnation
	redelivered
	backlogGivenUp
	newBehindResent
	skipOfDropped
	skipOfCall
	skipOfR
	skipReceived
	refusedSend
	blockedSend
	blockedAccepted
	waitGivenUp
	droppedOldest
	tooLargeSend
	givenUpLarger
	eventRefused
	nackReceived
	broadcastRelayed
	broadcastsExpired
	broadcastTooLarge
	broadcastWindowFull
	broadcastBurst
	callQueuedOverLoss
	answerOverLoss
	callOutcomeUnknown
	callRepeated
	callNotStarted
	answeredCallSkipped
	deadlineBeforeSent
	deadlineBeforeHandler
	deadlineRecounted
	noSlot
	tooManyCalls
	cancelQueued
	cancelLost
	cancelSent
	cancelReachesQueue
	cancelReachesCallee
	nestedCall
	relayedArrived
	relayedAnswer
	relayedReturned
	relayToItself
	routeRefused
	routeUnknown
	routeQueueFull
	routePeerGone
	sessionExpired
	tombstoneUsed
	begunIsNotTakenAgain
	successorWaits
	handlerOutlivesSession
	budgetSend
	holderAsked
	holderAnswers
	holderSilent
	nameTakenOver
	nameTaken
	nameOfAnother
	pinged
	silentIsDead
	clientCrash
	clientClose
	clientShutdown
	flushPassed
	serverCrash
	serverShutdown
	serverGoodbye
	cleanRestart
	readAfterFailedWrite
	callWithoutHandler

	points // how many there are
)

// rules are those of the protocol, in the order in which its document has
// them, with the points that show each at work.
var rules = []struct {
	rule   string
	points map[point]string
}{
	{"two lanes, the private one with the cookie of the other", map[point]string{
		privateWelcomed: "both lanes were welcomed", wrongCookie: "a wrong cookie was refused", privateRefused: "a private lane came too late",
	}},
	{"if one lane ends, so does the other", map[point]string{
		domainLaneLost: "the domain lane was lost first", privateLaneLost: "the private lane was lost first",
	}},
	{"the sequences S, R and B", map[point]string{
		seqS: "a frame of S", seqR: "a frame of R", seqB: "a broadcast",
	}},
	{"everyone has the same numbers of B", map[point]string{ownBroadcastSkipped: "a client's own broadcast was a skip"}},
	{"a frame is kept until its number is acknowledged", map[point]string{
		resendsOnResume: "what was lost was there to be written again", resentSameNumber: "it was written with the same number",
	}},
	{"a number that came before is discarded, a hole ends the connection", map[point]string{
		numberAgain: "a number came again", violationEndsLane: "a rule was broken", forged: "a frame was forged",
	}},
	{"S is acknowledged when done, calls when started, R when received", map[point]string{
		ackOfDone: "an acknowledgement of what was done", callDoneAtStart: "a call was acknowledged before its answer",
		ackByTimer: "one after a while", ackHalfWindow: "one after half a window",
	}},
	{"the window bounds S and not R", map[point]string{
		windowFull: "a window was full", replyBesideFullWindow: "R passed a full window", windowWidened: "a window grew",
	}},
	{"both sides write again at the same time", map[point]string{bothSidesResend: "both had lost something"}},
	{"HELLO in time, then the private lane in time", map[point]string{
		lateHello: "a hello was late", privateLate: "a private lane was late",
	}},
	{"a hello that was overtaken is ignored, a former connection fenced", map[point]string{
		staleHello: "a hello was overtaken", fenced: "a connection was replaced", fencedUnread: "one with unread bytes",
	}},
	{"resumed: each goes on behind what the other received", map[point]string{
		cutConnection: "a connection was lost", cutLosesBytes: "with bytes on their way", resumed: "an incarnation went on",
		resumedBehindRx: "behind what was not acknowledged", ackRepeated: "an acknowledgement with nothing new",
	}},
	{"a new incarnation: what was written comes again, flagged", map[point]string{
		newIncarnation: "another server", sameServerNewIncarnation: "the same server", redelivered: "a message was handled again",
		backlogGivenUp: "a client gave up a backlog",
	}},
	{"what is new waits behind what is written again", map[point]string{newBehindResent: "it did"}},
	{"what was given up is a skip", map[point]string{
		skipOfDropped: "of what was dropped", skipOfCall: "of a call that ended", skipOfR: "of an answer nobody waits for",
		skipReceived: "a skip was handled",
	}},
	{"a full queue refuses, waits, or drops the oldest", map[point]string{
		refusedSend: "refused", blockedSend: "waited", blockedAccepted: "was accepted after it had waited", waitGivenUp: "waited in vain",
		droppedOldest: "dropped",
		tooLargeSend:  "a message was too large", givenUpLarger: "what was queued was too large for another server",
	}},
	{"an event whose handler fails is done and refused", map[point]string{
		eventRefused: "one was refused", nackReceived: "its sender was told",
	}},
	{"broadcasts: one ring, a cursor for each client", map[point]string{
		broadcastRelayed: "a client's broadcast", broadcastsExpired: "some fell out of the ring", broadcastTooLarge: "one was too large for one client",
		broadcastWindowFull: "its window was full", broadcastBurst: "more than a window at once",
	}},
	{"calls across a lost connection and a restart", map[point]string{
		callQueuedOverLoss: "one that was not written", answerOverLoss: "an answer that waited", callOutcomeUnknown: "one whose outcome is unknown",
		callRepeated: "an idempotent one was made again", callNotStarted: "one that was not started", answeredCallSkipped: "one that had its answer",
	}},
	{"deadlines travel as what is left", map[point]string{
		deadlineBeforeSent: "one passed in the queue", deadlineBeforeHandler: "one passed before the handler was started",
		deadlineRecounted: "one was counted again when the call was written again",
	}},
	{"a cancelled call frees its caller, not its slot", map[point]string{
		noSlot: "no slot was free", cancelQueued: "cancelled in the queue", cancelLost: "cancelled when it was lost", cancelSent: "cancelled on its way",
		cancelReachesQueue: "the cancel found it in the inbox", cancelReachesCallee: "the cancel reached a handler", nestedCall: "a nested call",
		tooManyCalls: "the callee refused one too many",
	}},
	{"from client to client", map[point]string{
		relayedArrived: "a message arrived", relayedAnswer: "an answer came back", relayedReturned: "one was given up later",
		relayToItself: "to the sender itself", routeRefused: "refused by the server", routeUnknown: "no such client",
		routeQueueFull: "the other's queue was full", routePeerGone: "the other's session was given up",
	}},
	{"a session is kept, then given up; what it had begun is remembered", map[point]string{
		sessionExpired: "one expired", tombstoneUsed: "a client came back", begunIsNotTakenAgain: "it learnt what had been begun",
		successorWaits: "a handler still ran", handlerOutlivesSession: "that handler returned", budgetSend: "the budget of all queues was used up",
	}},
	{"names pass on", map[point]string{
		holderAsked: "a holder was asked", holderAnswers: "it answered", holderSilent: "it did not", nameTakenOver: "a name passed on",
		nameTaken: "a name was taken", nameOfAnother: "by another user",
	}},
	{"silence", map[point]string{pinged: "a silent lane was asked", silentIsDead: "one was dead"}},
	{"ends", map[point]string{
		clientCrash: "a client died", clientClose: "one left at once", clientShutdown: "one left when all was done", flushPassed: "a flush ended",
		serverCrash: "a server died", serverShutdown: "one said goodbye", serverGoodbye: "a client heard it", cleanRestart: "nothing was running then",
		readAfterFailedWrite: "a write failed before the last words were read",
	}},
	{"what nobody handles is answered", map[point]string{callWithoutHandler: "a call"}},
}

func (w *world) reach(p point) { w.reached[p]++ }

// covers notes what a session has written. written was its next number.
func (w *world) covers(s *side, written uint64, b []byte) {
	o := &s.core.out[wire.S]
	waits := o.queue.len() > 0 && !s.core.fits(o, o.queue.at(0))
	if waits {
		w.reach(windowFull)
	}
	var p wire.Parser
	for len(b) > 0 {
		content, used, err := wire.Split(b, 1<<24)
		var f wire.Frame
		if err == nil && used > 0 {
			err = p.Parse(content, &f)
		}
		if err != nil || used == 0 {
			w.failf("%v wrote something that is no frame: %v", s, err)
		}
		if limit := s.core.Limit(); len(content) > limit {
			w.failf("%v wrote %d bytes, the limit of the other side is %d: %s", s, len(content), limit, describeFrame(&f))
		}
		b = b[used:]
		seq, ok := f.InSequence()
		switch {
		case ok && seq == wire.S:
			w.reach(seqS)
			if s.again(f.Number) {
				w.reach(resentSameNumber)
				if f.Kind == wire.KindCall && f.Timeout > 0 {
					w.reach(deadlineRecounted)
				}
			}
		case ok:
			w.reach(seqR)
			if waits {
				w.reach(replyBesideFullWindow)
			}
			if f.Kind == wire.KindCall {
				w.reach(nestedCall)
			}
		case f.Kind == wire.KindSkip && f.Sequence == wire.R:
			w.reach(skipOfR)
		case f.Kind == wire.KindSkip && f.Count > 0:
			s.again(f.To)
			w.reach(skipOfDropped)
		case f.Kind == wire.KindSkip:
			w.reach(skipOfCall)
			if s.again(f.To) {
				w.reach(answeredCallSkipped)
			}
		case f.Kind == wire.KindAck:
			if f.Number > s.ackedTo {
				w.reach(ackOfDone)
				if len(s.core.serving) > 0 {
					w.reach(callDoneAtStart)
				}
				if most := s.core.cfg.WindowFrames; most > 1 && f.Number-s.ackedTo >= uint64(most/2) {
					w.reach(ackHalfWindow)
				}
			}
			s.ackedTo = f.Number
			if f.Frames > s.window && s.window > 0 {
				w.reach(windowWidened)
			}
			s.window = f.Frames
		}
	}
}

// again reports whether number n of S was written before.
func (s *side) again(n uint64) bool {
	before := n <= s.writtenTo
	s.writtenTo = max(s.writtenTo, n)
	return before
}

// received notes what a session made of a frame. before is what it was.
func (w *world) received(s *side, before *Session, f *wire.Frame, err error) {
	if err != nil {
		if _, ok := errors.AsType[*ProtocolError](err); !ok {
			w.failf("%v: %v", s, err)
		}
		w.logf("%v: %v", s, err)
		w.reach(violationEndsLane)
		if f.Number < 1<<39 && f.To < 1<<39 && f.Sequence != wire.B && f.Kind != wire.KindAnswer {
			w.failf("%v: %v, and nobody forged %s", s, err, describeFrame(f))
		}
		return
	}
	if seq, ok := f.InSequence(); ok && f.Number <= before.rx[seq] {
		w.reach(numberAgain)
	}
	if f.Kind == wire.KindCancel {
		for i := range s.core.inbox.len() {
			if in := s.core.inbox.at(i); in.Ref == f.Ref && in.canceled {
				w.reach(cancelReachesQueue)
			}
		}
	}
}

// ends notes how a call has ended.
func (w *world) ends(s *side, m *sent, r *Result) {
	switch {
	case r.OK && m.relayed():
		w.reach(relayedAnswer)
	case r.Code == "outcome_unknown" && !r.Remote:
		w.reach(callOutcomeUnknown)
	case r.Code == "timeout" && !r.Remote:
		w.reach(deadlineBeforeSent)
	case r.Code == "unavailable":
		w.reach(tooManyCalls)
	}
	if r.OK && m.idempotent && len(m.begun) > 1 {
		w.reach(callRepeated)
	}
	if r.OK && s.client != nil {
		if m.handle.Ref != 0 && s.client.cl.Attempt > m.attempt && m.attempt > 0 {
			w.reach(answerOverLoss)
		}
		if m.unconnected && len(m.begun) == 1 {
			w.reach(callQueuedOverLoss)
		}
	}
}
