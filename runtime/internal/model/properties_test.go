package model

// A property is something that must hold in every reachable state.
type property uint8

const (
	_ property = iota
	twice
	unflagged
	outOfOrder
	lost
	secondRun
	lie
	wrongAnswer
	causeless
	unclean
	unjust
	silent
	toldTwice
	flapping
	unasked
	twoHolders
	deaf
	robbed
	stolen
	forNothing
	wedge
)

var propertyTexts = [...]string{
	twice:       "a message is handled twice while neither the server nor the session ended",
	unflagged:   "a message is handled again and not flagged as redelivered",
	outOfOrder:  "a message is handled before one that was sent earlier",
	lost:        "a message is acknowledged and was not handled",
	secondRun:   "a call that may not be repeated is handled twice",
	lie:         "the outcome of a call is not true",
	wrongAnswer: "a call gets the answer of another one",
	causeless:   "the outcome of a call is unknown, and nothing ended that it was with",
	unclean:     "what a server handled before its orderly end is handled again",
	unjust:      "a side that keeps to the protocol is accused of breaking it",
	silent:      "a message was accepted, is not handled, and nobody is told",
	toldTwice:   "a sender is told more often that a message was refused than it was",
	flapping:    "an old connection that arrives late ends the one that replaced it",
	unasked:     "a message arrives at a client that asked for it itself, or that it is not for",
	twoHolders:  "two connected clients have the same name",
	deaf:        "a client is refused a name, and nobody has seen its holder alive since it asked",
	robbed:      "a client that is connected and answers loses its name",
	stolen:      "a client has taken the name of another user's",
	forNothing:  "a session is given up for a HELLO that is of no effect",
	wedge:       "nothing can settle any more",
}

func (p property) String() string { return propertyTexts[p] }
