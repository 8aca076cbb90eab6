package model

import "strings"

// A rule is one sentence of the protocol that can be switched off.
type rule uint64

const (
	ackWhenDone rule = 1 << iota
	freeByAck
	tellFirst
	largerAttempt
	fence
	discardAgain
	goOnBehindReceived
	answersBesideWindow
	callDoneWhenStarted
	forgetReceived
	oldNeverAcked
	laneByCookie
	readToTheEnd
	endedIsSkipped
	ackOnConnect
	sameIncarnation
	flagWhatWasWritten
	flagStays
	startedInFarewell
	doneInFarewell
	unknownWhenRestarted
	repeatBehind
	skipWhatWasDropped
	cancelAgain
	nackBeforeAck
	oldAnswersAreVoid
	bothLanes
	begunIsRemembered
	handlerIsWaitedFor
	attemptIsRemembered
	goOnBehindTaken
	windowOnNextConnection
	givenUpIsTold
	generationInAttempt
	newProcessIsFlagged
	incarnationIsKept
	numbersAreKept
	flushBeforeLeaving
	nestedInR
	lostIsNotUnknown
	againMayHaveRun
	refusedIsDone
	ruleCount = iota
)

// ruleTexts states each rule. The number is the section of PROTOCOL.md.
var ruleTexts = map[rule]string{
	ackWhenDone:            "6: what S carries is acknowledged when it is done, not when it was received",
	freeByAck:              "6: a sender keeps a frame until its number is acknowledged, not until it is written",
	tellFirst:              "4.1, 10.2: both sides tell their first number that is not acknowledged; a new incarnation begins there",
	largerAttempt:          "4.1: a HELLO whose attempt is not larger than the last one is of no effect",
	fence:                  "4.3: a new connection ends the former one, and what is unread of that is discarded",
	discardAgain:           "6: a number that was received before is discarded",
	goOnBehindReceived:     "10.1: on resumption a sender goes on behind what the other side received",
	answersBesideWindow:    "6: R has no window",
	callDoneWhenStarted:    "6: a call is done when its handler was started",
	forgetReceived:         "10.2: in a new incarnation both sides set what they received to what the other has not acknowledged",
	oldNeverAcked:          "10.2: what was received in a former incarnation is never acknowledged",
	laneByCookie:           "4.3: the private lane is known by its cookie, whatever its attempt",
	readToTheEnd:           "4.4: a side whose write fails reads what has arrived before it ends the connection",
	endedIsSkipped:         "10.2: the number of a call that has its outcome becomes a SKIP",
	ackOnConnect:           "4.4: each connection begins with an ACK from both sides, whether or not there is anything new",
	sameIncarnation:        "10: a session is resumed only if HELLO names the incarnation the server has",
	flagWhatWasWritten:     "10.2: what was ever written is flagged when it is written to a new incarnation",
	flagStays:              "10.2: CLOSE takes no flag away that a frame had before",
	startedInFarewell:      "13: CLOSE says what was started, and a running event was",
	doneInFarewell:         "13: CLOSE acknowledges what is done",
	unknownWhenRestarted:   "10.2: a call that was sent and has no answer ends with its outcome unknown",
	repeatBehind:           "10.2: a call that may be repeated and was acknowledged is sent again, with a new number",
	skipWhatWasDropped:     "9: the receiver is told by a SKIP of what was dropped",
	cancelAgain:            "8: CANCEL is repeated on the next connection",
	nackBeforeAck:          "7: a NACK is written before the ACK that covers its numbers",
	oldAnswersAreVoid:      "10.2: answers to calls of a former incarnation become SKIPs",
	bothLanes:              "4.4: if one lane ends, both sides end the other one",
	begunIsRemembered:      "10.3: a server remembers what it had begun of a session that it gave up, and does not take it again",
	handlerIsWaitedFor:     "10.3: an event whose handler outlives its session is not acknowledged before that handler has returned",
	attemptIsRemembered:    "10.3: a server remembers the last attempt of a session that it gave up",
	goOnBehindTaken:        "10.2: in a new incarnation a client begins behind what the server says it took",
	windowOnNextConnection: "7: what was received and not acknowledged is on its way also on the next connection",
	givenUpIsTold:          "9: what the server gives up comes back to its sender",
	generationInAttempt:    "4.1: attempts grow also from one process to the next that has the same token",
	newProcessIsFlagged:    "10: what was written to a process that is gone is flagged when it is written to the one that goes on with its session",
	incarnationIsKept:      "10: a process that goes on with a session names the incarnation that the one before had",
	numbersAreKept:         "10: a process that goes on with a session keeps the numbers of its messages",
	flushBeforeLeaving:     "13: a side that ends without haste waits until all it has sent is acknowledged",
	nestedInR:              "8: a call to the party that waits for its caller does not wait behind what is queued there",
	lostIsNotUnknown:       "8: the outcome of a call that was never written, or written to nobody, is not unknown",
	againMayHaveRun:        "10.2: a call that a former server may have handled never ends with the outcome that no handler was started",
	refusedIsDone:          "9: what was refused is done: it is not sent again, and not given up a second time",
}

// String returns the texts of the rules in r.
func (r rule) String() string {
	var texts []string
	for one := rule(1); one < 1<<ruleCount; one <<= 1 {
		if r&one != 0 {
			texts = append(texts, ruleTexts[one])
		}
	}
	return strings.Join(texts, "; ")
}
