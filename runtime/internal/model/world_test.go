package model

// The sizes of a state. Reaching one of them is a mistake in a configuration,
// and panics.
const (
	mostMessages = 5
	mostEntries  = 6
	mostInbox    = 6
	mostServing  = 3
	mostOnLane   = 5
	mostSessions = 2
	mostConns    = 2
)

// window is how many numbers of S may be on their way.
const window = 2

// The sides of a session.
const (
	client = 0
	server = 1
)

// The sequences.
const (
	seqS = 0
	seqR = 1
)

// An id names a message of the program, from 1; 0 is none.
type id = int8

// A message is what the program sends, once.
type message struct {
	session    int8 // in which it is sent
	from       int8 // side
	call       bool
	repeatable bool // a call that may be repeated
	nested     id   // made by the handler of this call, to its caller; the handler waits for the answer
	inside     id   // a call made by the handler of this event, which waits for the answer
	later      bool // accepted at any time, rather than at the beginning
	refused    bool // the handler of the event refuses it
	waits      id   // the handler returns only when this message is handled
	forCancel  bool // the handler of the call returns only when it is cancelled
	relay      bool // from the client of session 0 to the one of session 1
}

// A config is what is enumerated.
type config struct {
	name     string
	big      bool // for make model
	messages []message
	sessions int8 // 0 means 1
	conns    int8 // connections at a time, 0 means 2
	lane     int8 // frames on a lane at a time, 0 means 2

	// Budgets of faults.
	breaks, crashes, shutdowns, drops, cancels, leaves, deaths int8
	lanes                                                      bool // lanes break one by one
	hasty                                                      bool // a shutdown or a leave does not wait
	slow                                                       bool // an event's handler takes a step to return
	queue                                                      int8 // DropOldest: how many messages S takes; 0: no limit

	without rule // mutants
}

func (c *config) has(r rule) bool { return c.without&r == 0 }

// The kinds of frames and entries.
type kind int8

const (
	_ kind = iota
	event
	call
	nestedCall
	reply
	fail // not handled
	nack
	skip
	cancel
	ack
	farewell
	hello // of the private lane
	welcome
)

var kindNames = [...]string{"", "EVENT", "CALL", "nested CALL", "REPLY", "FAIL", "NACK", "SKIP", "CANCEL", "ACK", "CLOSE", "HELLO", "WELCOME"}

// A frame is what travels.
type frame struct {
	kind kind
	n    int8 // number; of an ACK and of CLOSE: done; of a CANCEL: nothing
	m    id   // the message it carries, answers or refuses: the payload
	ref  int8 // of answers: the call's number; of a NACK: the event's; of a SKIP: the sequence; of an ACK: received of R; of CLOSE: started
	more int8 // redelivered; of a SKIP: the count; of answers and CANCEL: the call was nested
}

// An entry is one frame of an outbox.
type entry struct {
	kind   kind
	m      id
	ref    int8
	nested int8 // of answers
	old    bool // written in a former incarnation
	fresh  bool // not started by the server it was written to
	count  int8 // of a skip
	origin int8 // of a relayed event: its number in session 0
}

// An outbox has numbers acked+1 … acked+numbered, then what waits for one.
type outbox struct {
	acked, cursor, numbered, n int8
	lost                       int8 // dropped since the last number was given
	e                          [mostEntries]entry
}

func (o *outbox) last() int8 { return o.acked + o.numbered }

// An incoming is a message that was received and is not done, or not answered.
type incoming struct {
	kind     kind
	m        id
	n        int8
	flagged  bool
	old      bool // of a former incarnation
	begun    bool
	canceled bool
	count    int8
}

// An end is one side of one session.
type end struct {
	alive         bool
	up            bool
	known         int8 // incarnation, 0: none
	drain         bool
	ackNow        bool
	done, started int8
	rx, told      [2]int8
	out           [2]outbox
	inboxed       int8
	inbox         [mostInbox]incoming
	running       incoming // the event whose handler runs
	serving       [mostServing]incoming
	missed        int8 // told by skips
	floor         int8 // what was begun of the other side's S in incarnations before
	floorDone     int8 // and done
	waits         bool // for a handler of an incarnation before
	restored      bool // the client's process is new and was not connected yet
	instance      int8 // the client's process, as the server knows it
}

// A position is what a side tells in the handshake.
type position struct {
	first, rx   [2]int8
	incarnation int8
	resumed     bool
	instance    int8 // the client's process
}

// A lane has two ends and frames on their way to each.
type lane struct {
	open [2]bool
	n    [2]int8
	q    [2][mostOnLane]frame
}

// A conn is a pair of lanes. The domain lane carries only the handshake here.
type conn struct {
	attempt       int8
	domain        [2]bool // open
	helloSent     bool    // and not read
	welcomeSent   bool
	hello         position
	welcome       position
	private       lane
	privateDialed bool
	greeted       bool // the server took the private lane
}

// A link is one session with its connections.
type link struct {
	ends     [2]end
	conns    [mostConns]conn
	current  int8 // the client's connection, -1: none
	ready    bool // both lanes are there for the client
	bound    int8 // the server's
	boundR   bool // its private lane is bound too
	draining [2]bool
	last     int8                         // attempt
	left     incoming                     // the event whose handler runs though its session was given up
	grave    struct{ done, started int8 } // of the session that was given up last
}

// The outcomes of a call.
type outcome int8

const (
	none outcome = iota
	okay
	unknown
	notSent
	notHandled
)

// A leg is a call in one session, as its sender there sees it.
type leg struct {
	state    int8 // 0: not accepted, 1: queued, 2: sent, 3: ended
	ref      int8
	canceled bool
	toCancel bool // CANCEL is to be written
	again    bool // a former incarnation may have handled it
	kept     bool // acknowledged and waiting, in case it must be repeated
	outcome  outcome
}

// A fate is what becomes of a message. All but the legs is for the checks.
type fate struct {
	accepted bool
	leg      [mostSessions]leg
	begun    int8 // times
	era      int8 // of the last time
	finished bool // a handler returned
	taken    bool // the server has it in the queue for another client, or refused it
	gone     bool // its sender is no more, or was told that it will not be handled
	refused  bool // in this incarnation
	told     int8 // how often its sender was, of that
	passed   int8 // how often the server passed it on, or refused to
	final    bool // handled before an orderly end
}

// A world is one state.
type world struct {
	links [mostSessions]link
	fates [mostMessages]fate

	incarnations int8
	era          [2]int8 // of each side as a handler: counts what a message may be handled again after
	dirty        bool    // something ended that a call may have been with
	draining     bool    // the server shuts down
	dropped      [2]int8

	breaks, crashes, shutdowns, drops, cancels, leaves, deaths int8

	bad property
}

func (w *world) fail(p property) {
	if w.bad == 0 {
		w.bad = p
	}
}

// A model is a config at work.
type model struct {
	*config
}

func newModel(c *config) *model {
	if c.sessions == 0 {
		c.sessions = 1
	}
	if c.conns == 0 {
		c.conns = 2
	}
	if c.lane == 0 {
		c.lane = 2
	}
	if len(c.messages) > mostMessages || c.conns > mostConns || c.lane >= mostOnLane || c.sessions > mostSessions {
		panic("the configuration is larger than a state")
	}
	return &model{config: c}
}

func (m *model) msg(i id) *message { return &m.messages[i-1] }

func (m *model) initial() world {
	w := world{
		era: [2]int8{1, 1}, breaks: m.breaks, crashes: m.crashes, shutdowns: m.shutdowns,
		drops: m.drops, cancels: m.cancels, leaves: m.leaves, deaths: m.deaths,
	}
	for k := range m.sessions {
		l := &w.links[k]
		l.current, l.bound = -1, -1
		l.ends[client] = newEnd()
	}
	for i := range m.messages {
		if p := &m.messages[i]; p.from == client && !p.later && p.nested == 0 && p.inside == 0 {
			m.accept(&w, id(i)+1)
		}
	}
	return w
}

func newEnd() end {
	e := end{alive: true}
	e.out[seqS].cursor, e.out[seqR].cursor = 1, 1
	return e
}
