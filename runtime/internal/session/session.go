package session

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"github.com/ipcio/ipcio-go/runtime/internal/readrole"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// Errors of the sending methods. Nothing is stored when one is returned.
var (
	ErrQueueFull = errors.New("session: the queue is full")
	ErrNoSlot    = errors.New("session: as many calls are in flight as the other side takes")
	ErrBudget    = errors.New("session: the queues of all sessions are full")
	ErrEnded     = errors.New("session: given up")
	ErrExhausted = errors.New("session: there are no more numbers")
)

// A SizeError says that a message needs a larger frame than the other side
// takes.
type SizeError struct{ Size, Limit int }

func (e *SizeError) Error() string {
	return fmt.Sprintf("session: the message needs a frame of %d bytes, the limit is %d", e.Size, e.Limit)
}

// A ProtocolError says which rule the other side broke. The connection that
// carried the frame is to be ended.
type ProtocolError struct{ Reason string }

func (e *ProtocolError) Error() string { return "session: " + e.Reason }

func violation(format string, args ...any) error {
	return &ProtocolError{Reason: fmt.Sprintf(format, args...)}
}

// Policy says what a send does when the queue is full.
type Policy uint8

// The policies.
const (
	Refuse     Policy = iota // ErrQueueFull
	DropOldest               // give up the oldest messages that have not been written
)

// Config holds the bounds of one side of a session. The first six must be
// positive.
type Config struct {
	QueueFrames int // messages accepted and not done at the other side
	QueueBytes  int
	WhenFull    Policy

	WindowFrames int // messages the other side may have on their way to us
	WindowBytes  int
	Calls        int // calls in flight in one direction

	// Durable says that somebody keeps the events that this side sends: see
	// [Session.Restore].
	Durable bool

	// Deliveries is after how many deliveries an event is given up if the other
	// side dies each time before it is done. 0 means never.
	Deliveries int

	FrameBytes int // the largest frame the other side takes, until it has said so; 0: any

	// How far Settle may widen the window. It begins as above.
	MostWindowFrames int
	MostWindowBytes  int

	Queues  *Budget // bytes that wait for their acknowledgement, of all sessions; nil: no bound
	Windows *Budget // bytes by which windows were widened; nil: no bound
}

const (
	// ackEvery is how many frames may be done before they are acknowledged
	// without waiting for company.
	ackEvery = 256

	// replyFrames bounds the sequence R: more means that the other side does not
	// acknowledge.
	replyFrames = 16 << 10

	// mostOnTheWay bounds the numbers of S on their way, however large a window
	// the other side grants: a message that was given up, answered or refused is
	// not in the queue any more, but holds its number until it is acknowledged.
	mostOnTheWay = 64 << 10

	// mostCancels bounds what is kept of calls that were cancelled while their
	// frames were on their way.
	mostCancels = 1024
)

// A Session is one side of a session. See the package's doc.
type Session struct {
	cfg   Config
	life  uint64 // counts incarnations
	up    bool
	drain bool
	ended bool
	limit int // the largest frame the other side takes; 0: any

	out      [2]outbox // S, R
	stamp    uint64    // counts the entries made
	peerRx   window    // what the other side takes of S
	calls    map[wire.Ref]*Call
	waiting  int // calls in the table or the queue, cancelled ones included
	callsMax int

	rx       [2]uint64 // the last number accepted of S, R
	done     uint64    // the last number of S that is done
	started  uint64    // the last number of S that was taken by Next
	told     [2]uint64 // what was last acknowledged of S, R
	known    [2]uint64 // and what the other side said in the handshake that it knows of it
	untold   int       // bytes of S that are done and not acknowledged
	asked    uint64    // the other side wants to hear when this number of S is done
	inbox    ring[*Incoming]
	inBytes  int // of what is in the inbox or with a handler
	oldBytes int // the same, of earlier incarnations
	serving  map[wire.Ref]*Incoming
	running  *Incoming // what Next has returned that is not a call, and is not done

	floor     uint64 // up to this number of S this process has begun what there was in earlier incarnations
	floorDone uint64 // and done
	waits     bool   // a handler of an earlier incarnation runs still: see Succeed

	ackNow     bool
	ackRequest bool
	armed      bool // ActionAckLater was given and AckTimer not yet called
	cancels    []wire.Ref

	farewell bool // the other side has said goodbye since the last connection began
	spared   bool // the other side is the process that it was: see accuse

	// Of a durable session:
	stored          uint64 // the stamp up to which the keeper has everything
	unsent          uint64 // the first number that no process before has written with a message
	restored        bool   // no connection has been made in this process
	gone            *entry // see hole
	queued, granted int64  // what was added to the budgets

	knocks  bool // the other side is to be told of what it does not wait for
	knocker readrole.Knocker

	actions []Action
}

type window struct{ frames, bytes uint64 }

// New returns one side of a new session.
func New(cfg Config) *Session {
	return &Session{
		cfg:      cfg,
		limit:    cfg.FrameBytes,
		callsMax: cfg.Calls,
		out:      [2]outbox{{cursor: 1, next: 1}, {cursor: 1, next: 1}},
	}
}

// ActionKind says what is to be done.
type ActionKind uint8

// The kinds of an Action.
const (
	ActionInbox    ActionKind = iota + 1 // Next has something
	ActionStart                          // start the handler of the nested call In, beside everything else
	ActionCancel                         // the caller of In does not wait any more
	ActionResolve                        // Call has its outcome: see Call.Result
	ActionRoom                           // a queue or a call's slot became free, or something was acknowledged
	ActionGap                            // tell the program of Gap
	ActionAckLater                       // call AckTimer in a while
	ActionDead                           // tell the program of Dead
	ActionForget                         // the keeper is not to keep the message with the number From any more
	ActionRenumber                       // the keeper is to add By to all numbers from From on

	ActionKnock // tell the other side, on the other lane, that there is something to read

	ActionFinished // the handler that ran when the session was given up has returned
)

// An Action is something for the caller to do.
type Action struct {
	Kind ActionKind
	In   *Incoming
	Call *Call
	Gap  *Gap
	Dead *Dead

	From, By uint64
}

// Gap reports messages that will not be handled.
type Gap struct {
	From, To uint64 // in this side's S if Nack, otherwise in the other side's
	Count    uint64
	Command  string
	Code     string // of the other side's nack, or the reason of a skip
	Message  string
	Data     []byte // of the other side's nack
	Dropped  bool   // by this side's policy
	Nack     bool   // the other side refused it
	Peer     string // the client that refused it, if not the other side itself
	Origin   Origin // whom it concerns, if the message was relayed
}

// Actions appends to a what is to be done since the last call.
func (s *Session) Actions(a []Action) []Action {
	a = append(a, s.actions...)
	clear(s.actions)
	if s.actions = s.actions[:0]; cap(s.actions) > fewActions {
		s.actions = nil
	}
	return a
}

// fewActions is how many a session keeps room for.
const fewActions = 8

func (s *Session) act(a Action) { s.actions = append(s.actions, a) }

func (s *Session) actGap(g Gap) { s.act(Action{Kind: ActionGap, Gap: &g}) }

// A Message is what a program sends.
type Message struct {
	Kind     wire.Kind // KindEvent, KindBroadcast or KindCall
	Peer     *wire.Peer
	Command  string
	Payload  []byte // kept until it is acknowledged, unless there is Own
	Deadline int64  // of a call; 0 means none
	Nested   bool   // a call that must not wait behind what is queued at the other side
	Flags    wire.Flags
	Origin   Origin
	Tag      any // of a call: kept in Call.Tag

	// Idempotent says that a call may be handled more than once: when the other
	// side was restarted while it was on its way it is sent again. It means
	// nothing for a nested one, whose caller is gone then.
	Idempotent bool

	// Own returns a copy of Payload to be kept, which is the caller's otherwise.
	// It is called when the message is accepted.
	Own func([]byte) []byte

	// Number and Mark are set by Emit in a durable session: what the keeper is to
	// store with the message, and what to tell [Session.Stored] when it has.
	Number, Mark uint64
}

// CallState says how far a call has come.
type CallState uint8

// The states of a Call.
const (
	CallQueued CallState = iota // never written
	CallSent                    // written, perhaps handled
	CallEnded                   // has its outcome
)

// A Call is one outgoing call.
type Call struct {
	Ref      wire.Ref // its name on the wire, from CallSent on
	State    CallState
	Command  string
	Tag      any // the caller's
	Result   Result
	canceled bool
	nested   bool
	entry    *entry // nil once it is acknowledged

	kept   *entry // of an idempotent call that is acknowledged: to be sent again
	repeat bool   // idempotent, and not nested
	again  bool   // an earlier incarnation may have handled it
}

// notSent is the outcome of a call that will never be written again and is not
// known to have arrived.
func (c *Call) notSent() wire.Outcome {
	if c.again {
		return wire.OutcomeUnknown
	}
	return wire.OutcomeNotSent
}

// A Result is the outcome of a call.
type Result struct {
	OK      bool
	Payload []byte // the reply, or what a failure carries; the caller's to keep
	Code    string // of a failure
	Message string
	Outcome wire.Outcome
	Remote  bool // the failure was received, not made here
}

// Emit accepts an event or a broadcast request.
func (s *Session) Emit(m *Message) error {
	if err := s.admit(m); err != nil {
		return err
	}
	if err := s.room(sizeOf(m)); err != nil {
		return err
	}
	e := s.out[wire.S].entry()
	e.set(m)
	e.durable = s.cfg.Durable
	s.push(wire.S, e)
	if e.durable {
		m.Number, m.Mark = e.number, e.stamp
	}
	return nil
}

// admit says why a message cannot be accepted whatever the queue holds.
func (s *Session) admit(m *Message) error {
	size := wire.MaxOverhead + len(m.Command) + len(m.Payload)
	o := &s.out[sequenceOf(m.Nested)]
	switch {
	case s.ended:
		return ErrEnded
	case s.limit > 0 && size > s.limit:
		return &SizeError{size, s.limit}
	case !s.cfg.Queues.fits(int64(size)):
		return ErrBudget
	case o.last()+uint64(o.queue.len()) >= wire.MaxNumber:
		return ErrExhausted
	}
	return nil
}

// Quiet reports whether nothing of the other side is expected: every call has
// its answer, also those that were cancelled, and everything is acknowledged.
func (s *Session) Quiet() bool {
	for i := range s.out {
		if s.out[i].flight.len() > 0 || s.out[i].queue.len() > 0 {
			return false
		}
	}
	return s.waiting == 0
}

// Limit returns the largest frame that the other side takes.
func (s *Session) Limit() int {
	if s.limit == 0 {
		return math.MaxInt
	}
	return s.limit
}

func (s *Session) push(seq wire.Sequence, e *entry) {
	s.stamp++
	e.stamp = s.stamp
	o := &s.out[seq]
	if s.cfg.Durable && seq == wire.S {
		e.number = o.next
		o.next++
	}
	o.push(e)
}

// Call accepts a call. A nested one travels in R and is bounded by the number
// of calls alone.
func (s *Session) Call(m *Message) (*Call, error) {
	if err := s.admit(m); err != nil {
		return nil, err
	}
	if s.waiting >= s.callsMax {
		return nil, ErrNoSlot
	}
	seq := sequenceOf(m.Nested)
	if !m.Nested {
		if err := s.room(sizeOf(m)); err != nil {
			return nil, err
		}
	}
	e := s.out[seq].entry()
	e.set(m)
	if m.Nested {
		e.frame.Flags |= wire.Nested
	}
	e.call = &Call{Command: m.Command, Tag: m.Tag, nested: m.Nested, entry: e, repeat: m.Idempotent && !m.Nested}
	s.push(seq, e)
	s.waiting++
	return e.call, nil
}

// sizeOf returns the size of a message's entry.
func sizeOf(m *Message) int {
	return wire.Size(&wire.Frame{Command: m.Command, Payload: m.Payload})
}

// set makes e the entry of a message.
func (e *entry) set(m *Message) {
	payload := m.Payload
	if m.Own != nil {
		payload = m.Own(payload)
	}
	e.frame.Kind, e.frame.Flags, e.frame.Peer = m.Kind, m.Flags, m.Peer
	e.frame.Command, e.frame.Payload = m.Command, payload
	e.deadline, e.origin = m.Deadline, m.Origin
	e.size = sizeOf(m)
}

// room makes room in S for one more message of the given size.
func (s *Session) room(size int) error {
	o := &s.out[wire.S]
	full := func() bool {
		return o.frames >= s.cfg.QueueFrames || o.bytes+o.kept > 0 && o.bytes+o.kept+size > s.cfg.QueueBytes
	}
	if !full() {
		return nil
	}
	o.sweep()
	if s.cfg.WhenFull != DropOldest {
		return ErrQueueFull
	}
	for full() && o.queue.len() > 0 && !s.held(o.queue.at(0)) {
		if e := o.queue.pop(); !e.skip {
			s.drop(e)
		}
	}
	if full() {
		return ErrQueueFull
	}
	return nil
}

// drop gives up a queued entry by the policy DropOldest.
func (s *Session) drop(e *entry) {
	o := &s.out[wire.S]
	o.lost++
	if c := e.call; c != nil {
		s.end(c, Result{Code: "queue_full", Message: "dropped to make room", Outcome: c.notSent()})
		return
	}
	s.actGap(Gap{Count: 1, Command: e.frame.Command, Dropped: true, Origin: e.origin})
	s.forget(e, e.number)
	o.void(e)
}

// Cancel says that nobody waits for c any more. It returns what that means for
// the call: OutcomeNotSent if it never will be sent.
func (s *Session) Cancel(c *Call) wire.Outcome {
	switch {
	case c.State == CallEnded:
		return c.Result.Outcome
	case s.unreceived(c):
		s.end(c, Result{Code: "canceled", Message: "cancelled before it was sent", Outcome: c.notSent()})
		s.out[sequenceOf(c.nested)].sweep()
		return c.Result.Outcome
	case !c.canceled:
		c.canceled = true
		if len(s.cancels) < mostCancels {
			s.cancels = append(s.cancels, c.Ref)
		}
	}
	return wire.OutcomeUnknown
}

// unreceived reports whether the other side has not seen the call and will not
// unless it is written again: it waits in the queue, or the connection that
// carried it was lost before it arrived.
func (s *Session) unreceived(c *Call) bool {
	return c.State == CallQueued ||
		c.State == CallSent && c.entry != nil && c.Ref.Number() >= s.out[sequenceOf(c.nested)].cursor
}

func sequenceOf(nested bool) wire.Sequence {
	if nested {
		return wire.R
	}
	return wire.S
}

// end gives a call its outcome.
func (s *Session) end(c *Call, r Result) {
	if c.State == CallEnded {
		return
	}
	if c.State == CallSent {
		delete(s.calls, c.Ref)
	}
	c.State, c.Result = CallEnded, r
	if e := c.kept; e != nil {
		c.kept = nil
		s.out[wire.S].kept -= e.size
	}
	if e := c.entry; e != nil {
		// Never written again: what has its outcome must not run a second time.
		c.entry = nil
		s.out[sequenceOf(c.nested)].void(e)
	}
	s.waiting--
	s.act(Action{Kind: ActionResolve, Call: c})
	s.act(Action{Kind: ActionRoom})
}

// Reply answers an incoming call.
func (s *Session) Reply(in *Incoming, payload []byte) {
	s.answer(in, wire.Frame{Kind: wire.KindReply, Payload: payload})
}

// Fail answers an incoming call with a failure. A nil data is null.
func (s *Session) Fail(in *Incoming, code, message string, outcome wire.Outcome, data []byte) {
	if data == nil {
		data = []byte{0xf6}
	}
	f := wire.Frame{
		Kind: wire.KindFail, Code: clip(code, wire.MaxCode), Message: clip(message, s.mostMessage()),
		Outcome: outcome, Payload: data,
	}
	if wire.Size(&f) > s.Limit() {
		f.Payload = []byte{0xf6}
	}
	s.answer(in, f)
}

// mostMessage returns how long the text in a frame may be: even the smallest
// frames have room for it.
func (s *Session) mostMessage() int {
	const others = wire.MaxOverhead + wire.MaxCode + wire.MaxCommand + wire.MaxName
	return min(wire.MaxMessage, max(s.Limit()-others, 0))
}

func (s *Session) answer(in *Incoming, f wire.Frame) {
	if in.answered || in.Kind != wire.KindCall {
		return
	}
	in.answered = true
	if in.life != s.life {
		return // its caller is gone
	}
	delete(s.serving, in.Ref)
	f.Ref = in.Ref
	if size := wire.Size(&f); size > s.Limit() && f.Kind == wire.KindReply {
		f = wire.Frame{
			Kind: wire.KindFail, Ref: in.Ref, Code: "too_large", Outcome: wire.OutcomeHandled, Payload: []byte{0xf6},
			Message: fmt.Sprintf("the reply needs a frame of %d bytes, the limit is %d", size, s.Limit()),
		}
	}
	if o := &s.out[wire.R]; o.frames > 0 && o.bytes+wire.Size(&f) > s.cfg.QueueBytes && f.Kind == wire.KindReply {
		f = wire.Frame{
			Kind: wire.KindFail, Ref: in.Ref, Code: "unavailable", Outcome: wire.OutcomeHandled, Payload: []byte{0xf6},
			Message: fmt.Sprintf("the reply does not fit into the queue of %d bytes", s.cfg.QueueBytes),
		}
	}
	s.pushR(&f)
}

// Nack tells the other side that its message n of S, which asked for command,
// was refused. A nil data is null.
func (s *Session) Nack(in *Incoming, code, message string, data []byte) {
	if in.life == s.life {
		s.NackNumber(in.Number, "", in.Command, code, message, data)
	}
}

// NackFor is Nack in the name of the client that in was meant for.
func (s *Session) NackFor(in *Incoming, peer, code, message string) {
	if in.life == s.life {
		s.NackNumber(in.Number, peer, in.Command, code, message, nil)
	}
}

// NackNumber is Nack for a message that is no longer at hand. peer is the
// client that refused it, "" for this side.
func (s *Session) NackNumber(n uint64, peer, command, code, message string, data []byte) {
	code, message = clip(code, wire.MaxCode), clip(message, s.mostMessage())
	if data == nil || wire.MaxOverhead+wire.MaxName+len(command)+len(code)+len(message)+len(data) > s.Limit() {
		data = []byte{0xf6}
	}
	o := &s.out[wire.R]
	if o.queue.len() > 0 {
		// One frame tells of a run of refusals.
		f := &o.queue.at(o.queue.len() - 1).frame
		if f.Kind == wire.KindNack && f.To+1 == n && f.Code == code && f.Command == command && f.Message == message && nameOf(f.Peer) == peer && bytes.Equal(f.Payload, data) {
			f.To = n
			return
		}
	}
	f := &wire.Frame{Kind: wire.KindNack, From: n, To: n, Command: command, Code: code, Message: message, Payload: data}
	if peer != "" {
		f.Peer = &wire.Peer{Name: peer}
	}
	s.pushR(f)
}

func nameOf(p *wire.Peer) string {
	if p == nil {
		return ""
	}
	return p.Name
}

func (s *Session) pushR(f *wire.Frame) {
	e := s.out[wire.R].entry()
	e.frame, e.size = *f, wire.Size(f)
	s.push(wire.R, e)
}

// clip cuts a text to at most limit bytes, at a rune's boundary.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && s[limit]&0xc0 == 0x80 {
		limit--
	}
	return s[:limit]
}

// QueuedBytes returns the size of what was accepted and is not acknowledged, or
// kept because it may have to be sent again.
func (s *Session) QueuedBytes() int {
	return s.out[wire.S].bytes + s.out[wire.S].kept + s.out[wire.R].bytes
}

// InboxBytes returns the size of the payloads that were received and are not
// done.
func (s *Session) InboxBytes() int { return s.inBytes + s.oldBytes }

// Pressed reports whether more than half of the window is used.
func (s *Session) Pressed() bool {
	return s.rx[wire.S]-s.done > uint64(s.cfg.WindowFrames/2) || s.inBytes > s.cfg.WindowBytes/2
}

// Window returns how much the other side may have on its way.
func (s *Session) Window() (frames, bytes int) { return s.cfg.WindowFrames, s.cfg.WindowBytes }

// Widen grants the other side a larger window.
func (s *Session) Widen(frames, bytes int) {
	s.cfg.WindowFrames = max(s.cfg.WindowFrames, frames)
	s.cfg.WindowBytes = max(s.cfg.WindowBytes, bytes)
	s.ackNow = true
}

// Life counts the incarnations: what came in another one has no effect on
// this.
func (s *Session) Life() uint64 { return s.life }
