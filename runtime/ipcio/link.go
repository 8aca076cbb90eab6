package ipcio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A link is one side of one session at work: the state machine, the lanes that
// carry it at the moment, and the goroutines that do what it asks for.
type link struct {
	ep     *endpoint
	ctx    context.Context // of the handlers of this session; ends when the session is given up
	cancel context.CancelCauseFunc
	onGap  func(Gap)            // never nil
	self   atomic.Pointer[peer] // the other side itself

	member *session.Member // what the server knows of the client at the other side; nil at a client
	domain *session.Domain // the same

	// dead is told of messages that were delivered too often. It is nil at a
	// server.
	dead func(session.Dead)

	knock func() // has the client read the private lane; nil at a client

	keeper *keeper // nil unless there is an outbox

	own func([]byte) []byte // copies what the session keeps; called with mu held

	mu       sync.Mutex // guards the fields below; a lane's lock may be taken under it
	payloads payloads
	core     *session.Session
	private  *lane // nil while there is no connection

	// What the other side says of its schema.
	fingerprint  string        // of its whole protocol; "" if it has none
	theirs       *peerCommands // of its commands; nil if it did not say. Not changed once it is here
	told, warned bool          // it was reported for this connection; and for this fingerprint

	leaving  bool // the last words are chosen: see leave
	ended    bool
	deadPeer error         // what a send returns once the session is given up
	runner   bool          // a goroutine runs the inbox
	room     chan struct{} // closed when a send that did not fit may try again; nil if nobody waits
	ackTimer *time.Timer
	patience patience // of calls without a deadline of their own
	spare    *waiter  // waiters for the next calls
	spares   int
}

func newLink(ep *endpoint, core *session.Session) *link {
	l := &link{ep: ep, core: core, deadPeer: ErrPeerGone}
	l.own = func(b []byte) []byte { return l.payloads.keep(b, core.Unacked() == 0) }
	l.ctx, l.cancel = context.WithCancelCause(ep.base)
	return l
}

// Lock, Unlock and Commit make a link a [session.Guard].
func (l *link) Lock()   { l.mu.Lock() }
func (l *link) Unlock() { l.mu.Unlock() }
func (l *link) Commit() { l.unlock() }

// unlock carries out what the session asks for, releases l.mu, and has the
// writer look if there is something to write. Every change of the session ends
// with it.
func (l *link) unlock() { l.unlockWith((*lane).kick, nil) }

// unlockFlush is unlock for one who waits for what is to be written: see
// [lane.flush].
func (l *link) unlockFlush() { l.unlockWith((*lane).flush, nil) }

// unlockRead is unlock for the reader of ln, to which it leaves what a reader
// that serves can do.
func (l *link) unlockRead(ln *lane) { l.unlockWith((*lane).kick, ln) }

// unlockWith is unlock. have has the writer look, unless it is nil. reader is
// the lane of the goroutine that calls, if it is a lane's reader.
func (l *link) unlockWith(have func(*lane), reader *lane) {
	serves := reader != nil && reader.serves
	var later []func()
	var few [4]session.Action
	for _, a := range l.core.Actions(few[:0]) {
		switch a.Kind {
		case session.ActionInbox:
			if !l.runner && !l.ended {
				l.runner = true
				if serves {
					reader.inbox = true
				} else {
					go l.runInbox()
				}
			}
		case session.ActionStart:
			l.ep.active.add(1) // here, so that Shutdown does not miss it
			go l.serveNested(a.In)
		case session.ActionCancel:
			if c, ok := a.In.Tag.(canceler); ok {
				later = append(later, c.CancelCall)
			}
		case session.ActionResolve:
			switch w := a.Call.Tag.(type) {
			case *waiter:
				w.ended = true
				if w.lane == nil || w.lane != reader { // the leader itself sees it
					w.look()
				}
			case *session.Relayed:
				later = append(later, resolve(w, a.Call))
			}
		case session.ActionRoom:
			if l.room != nil {
				close(l.room)
				l.room = nil
			}
		case session.ActionGap:
			later = append(later, l.tell(a.Gap))
		case session.ActionAckLater:
			l.ackLater()
		case session.ActionDead:
			later = append(later, l.bury(a.Dead))
		case session.ActionForget, session.ActionRenumber:
			l.keeper.carryOut(a)
		case session.ActionKnock:
			later = append(later, l.knock)
		case session.ActionFinished:
			if l.domain != nil {
				later = append(later, func() { l.domain.Finished(l.member) })
			}
		}
	}
	if l.keeper != nil {
		l.keeper.follow(l.core)
	}
	l.core.Settle()
	if l.payloads.size > 0 && l.core.Unacked() == 0 {
		l.payloads = payloads{} // an idle link is to hold nothing
	}
	l.listen()
	var writer *lane
	if l.private != nil && l.core.HasOutput() {
		writer = l.private
	}
	l.mu.Unlock()
	switch {
	case writer == nil:
	case serves && writer == reader:
		reader.held = true
	case have != nil:
		have(writer)
	}
	for _, f := range later {
		f()
	}
}

// resolve, tell and bury are what unlock does later. They are functions so that
// it allocates nothing else.
func resolve(r *session.Relayed, c *session.Call) func() { return func() { r.Resolve(c) } }
func (l *link) tell(g *session.Gap) func()               { return func() { l.gap(*g) } }
func (l *link) bury(d *session.Dead) func()              { return func() { l.dead(*d) } }

func (l *link) ackLater() {
	if l.ackTimer == nil {
		l.ackTimer = time.AfterFunc(ackDelay, func() {
			l.mu.Lock()
			l.core.AckTimer()
			l.unlock()
		})
		return
	}
	l.ackTimer.Reset(ackDelay)
}

// output is what the writer of a private lane writes next.
func (l *link) output(ln *lane, b []byte) []byte {
	l.mu.Lock()
	if l.private == ln {
		b = l.core.Output(b, writeBatch, l.ep.now())
	}
	l.unlock()
	return b
}

// receive takes a frame that the reader of a private lane has read. A frame of
// a lane that has been replaced is dropped: what it carried will come again.
func (l *link) receive(ln *lane, f *wire.Frame) error {
	l.mu.Lock()
	if l.private != ln || l.ended {
		l.mu.Unlock()
		return errFenced
	}
	if ln.shared() {
		ln.took(f.Kind)
	}
	err := l.core.Receive(f, l.ep.now(), slices.Clone[[]byte])
	l.unlockRead(ln)
	return err
}

// leave begins the end of the session in order and returns the lane that is to
// carry the last words, nil if there is none, and the words. From now on nothing
// of the other side is begun and no lane is bound: it would end without them, and
// the other side take what it wrote there for handled, perhaps. l.mu is held.
func (l *link) leave() (private *lane, words []byte) {
	l.leaving = true
	l.core.Drain()
	done, started := l.core.Farewell()
	return l.private, wire.Append(nil, &wire.Frame{Kind: wire.KindClose, Code: CodeClosed, From: done, To: started})
}

// end gives the session up. Calls end with err, what was queued is reported.
func (l *link) end(code string, err error) {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return
	}
	l.ended = true
	l.deadPeer = err
	if l.keeper != nil {
		l.keeper.save(l.core, false)
	}
	l.core.End(code, trimPrefix(err).Error())
	if l.ackTimer != nil {
		l.ackTimer.Stop()
	}
	l.patience.stop()
	private := l.private
	l.private = nil
	l.unlock()
	l.cancel(err)
	if private != nil {
		private.end(errFarewell)
	}
}

// gap tells the program, or the sender of a relayed message, what will not be
// handled.
func (l *link) gap(g session.Gap) {
	if g.Origin != (session.Origin{}) {
		if l.domain != nil {
			l.domain.Returned(l.member.Name, g)
		}
		return
	}
	out := Gap{Client: g.Peer, From: g.From, To: g.To, Count: g.Count}
	if g.Command != "" {
		out.Commands = []string{g.Command}
	}
	switch {
	case g.Dropped, g.Code == "dropped":
		out.Reason = GapDropped
	case g.Nack:
		out.Reason = GapRefused
		remote := &RemoteError{Code: g.Code, Message: g.Message, outcome: OutcomeNotHandled}
		if len(g.Data) > 0 && g.Data[0] != cborNull {
			remote.Data = Any(g.Data)
		}
		out.Err = l.refused(g.Command, l.refuser(g.Peer), remote)
	case g.Code == "too_large":
		out.Reason = GapTooLarge
		out.Err = ErrTooLarge
	case g.Code == "expired":
		out.Reason = GapExpired
	default:
		out.Reason = GapGivenUp
	}
	l.onGap(out)
}

// canceler is the Tag of an incoming call that something can be cancelled for.
type canceler interface{ CancelCall() }

// post accepts an event or a broadcast request. It waits for room only if the
// queue's policy is Block.
func (l *link) post(ctx context.Context, verb string, m *session.Message, to string) error {
	fail := func(err error) error {
		return &sendError{verb: verb, command: m.Command, to: to, outcome: OutcomeNotSent, err: err}
	}
	if err := context.Cause(ctx); err != nil && ctx.Err() != nil {
		return fail(ctx.Err())
	}
	for {
		l.mu.Lock()
		err := l.core.Emit(m)
		var room chan struct{}
		var storing chan error
		switch {
		case err == nil && l.keeper != nil:
			storing = l.keeper.append(m)
		case err == nil:
		case l.mayBlock(ctx, err):
			room = l.awaitRoom()
		case errors.Is(err, session.ErrQueueFull):
			l.core.RequestAck() // what is done already may make room for the next one
		}
		if room == nil {
			err = l.public(err)
		}
		l.unlock()
		switch {
		case storing != nil:
			outcome, err := l.awaitStored(ctx, storing)
			if err != nil {
				return &sendError{verb: verb, command: m.Command, to: to, outcome: outcome, err: err}
			}
			return nil
		case err == nil:
			return nil
		case room == nil:
			return fail(err)
		}
		select {
		case <-room:
		case <-ctx.Done():
			return fail(fmt.Errorf("%w while the queue was full: %w", ctx.Err(), ErrQueueFull))
		}
	}
}

// mayBlock reports whether a send that got err may wait for room.
func (l *link) mayBlock(ctx context.Context, err error) bool {
	return errors.Is(err, session.ErrQueueFull) && l.ep.queue.WhenFull == Block && handlingOf(ctx) == nil
}

// awaitRoom returns a channel that is closed when it is worth trying again.
func (l *link) awaitRoom() chan struct{} {
	l.core.RequestAck()
	if l.room == nil {
		l.room = make(chan struct{})
	}
	return l.room
}

// public turns an error of the session into ours. l.mu is held.
func (l *link) public(err error) error {
	if err == nil {
		return nil // the usual case, which is not to allocate
	}
	var size *session.SizeError
	switch {
	case errors.Is(err, session.ErrQueueFull):
		return fmt.Errorf("%d messages or %d bytes wait: %w", l.ep.queue.Frames, l.ep.queue.Bytes, ErrQueueFull)
	case errors.Is(err, session.ErrBudget):
		return fmt.Errorf("the queues of all clients hold %d bytes: %w", l.ep.queues.Used(), ErrQueueFull)
	case errors.Is(err, session.ErrEnded):
		return l.deadPeer
	case errors.As(err, &size):
		return fmt.Errorf("the message needs a frame of %d bytes, the limit is %d: %w", size.Size, size.Limit, ErrTooLarge)
	}
	return err
}

// call sends a call and waits for its outcome. The reply is the caller's own.
func (l *link) call(ctx context.Context, m *session.Message, to string) ([]byte, error) {
	fail := func(outcome Outcome, err error) error {
		return &sendError{verb: "call", command: m.Command, to: to, outcome: outcome, err: err}
	}
	if err := ctx.Err(); err != nil {
		return nil, fail(OutcomeNotSent, err)
	}
	if h := handlingOf(ctx); h != nil {
		h.at.relieve() // the handler is going to take a while
	}
	deadline, bounded := ctx.Deadline()
	if bounded {
		m.Deadline = l.ep.at(deadline)
	} else {
		m.Deadline = l.ep.now() + int64(l.ep.callTimeout)
	}

	var w *waiter
	var c *session.Call
	for {
		l.mu.Lock()
		if w == nil {
			w = l.newWaiter()
			m.Kind, m.Tag = wire.KindCall, w
			if !bounded {
				w.deadline = m.Deadline
			}
		}
		if w.deadline != 0 && !w.late {
			l.await(w)
		}
		var err error
		c, err = l.core.Call(m)
		var room chan struct{}
		if errors.Is(err, session.ErrNoSlot) || err != nil && l.mayBlock(ctx, err) {
			room = l.awaitRoom()
		} else if err != nil {
			err = l.public(err)
			l.forget(w)
		}
		var leads *lane
		if err == nil {
			leads = l.mayLead(w)
		}
		l.unlockFlush()
		if err == nil {
			if leads != nil {
				leads.lead(ctx)
			}
			break
		}
		if room == nil {
			return nil, fail(OutcomeNotSent, err)
		}
		select {
		case <-room:
			continue
		case <-w.wake:
		case <-ctx.Done():
		}
		l.mu.Lock()
		l.forget(w)
		err = l.whyLate(ctx, w)
		l.mu.Unlock()
		if err != nil {
			return nil, fail(OutcomeNotSent, fmt.Errorf("%w while it waited to be sent: %w", err, ErrQueueFull))
		}
	}

	for {
		l.mu.Lock()
		switch why := l.whyLate(ctx, w); {
		case w.ended: // also if it is late: the outcome came first
			l.forget(w)
			l.recycle(w)
			l.mu.Unlock()
			return l.outcome(m, to, &c.Result)
		case why != nil:
			l.forget(w)
			outcome := l.core.Cancel(c)
			l.unlock()
			return nil, fail(Outcome(outcome), why)
		}
		l.mu.Unlock()
		select {
		case <-w.wake:
		case <-ctx.Done():
		}
	}
}

// whyLate returns why a call's caller does not wait any more, nil if it does.
// l.mu is held.
func (l *link) whyLate(ctx context.Context, w *waiter) error {
	switch {
	case w.late:
		return fmt.Errorf("%w: no answer within CallTimeout, which is %v", context.DeadlineExceeded, l.ep.callTimeout)
	case ctx.Err() != nil:
		return whyEnded(ctx)
	}
	return nil
}

// whyEnded returns why ctx has ended: its error, with the reason if this
// package gave it one.
func whyEnded(ctx context.Context) error {
	if cause := context.Cause(ctx); errors.Is(cause, ctx.Err()) {
		return cause
	}
	return ctx.Err()
}

// outcome turns the result of a call into what its caller gets.
func (l *link) outcome(m *session.Message, to string, r *session.Result) ([]byte, error) {
	if r.OK {
		return r.Payload, nil
	}
	outcome := Outcome(r.Outcome)
	if r.Remote {
		remote := &RemoteError{Code: r.Code, Message: r.Message, outcome: outcome}
		if len(r.Payload) > 0 && r.Payload[0] != cborNull {
			remote.Data = Any(r.Payload)
		}
		return nil, &sendError{verb: "call", command: m.Command, to: to, outcome: outcome, err: l.remoteError(m.Command, to, remote)}
	}
	var err error
	switch r.Code {
	case CodeQueueFull:
		err = fmt.Errorf("dropped to make room for newer messages: %w", ErrQueueFull)
	case CodeTimeout:
		err = context.DeadlineExceeded
	case CodeTooLarge:
		err = fmt.Errorf("%s: %w", r.Message, ErrTooLarge)
	case CodeOutcomeUnknown:
		err = fmt.Errorf("%s: %w", r.Message, ErrOutcomeUnknown)
	case CodeClosed:
		err = ErrClosed
	default:
		err = ErrPeerGone
		if outcome == OutcomeUnknown {
			err = errors.Join(ErrPeerGone, ErrOutcomeUnknown)
		}
	}
	return nil, &sendError{verb: "call", command: m.Command, to: to, outcome: outcome, err: err}
}

const (
	cborNull     = 0xf6
	cborEmptyMap = 0xa0
)

// flush waits until everything that was accepted before is done at the other
// side.
func (l *link) flush(ctx context.Context) error {
	if h := handlingOf(ctx); h != nil {
		h.at.relieve()
	}
	l.mu.Lock()
	mark := l.core.Mark()
	for {
		if l.core.Passed(mark) {
			l.mu.Unlock()
			return nil
		}
		if l.ended {
			err := l.deadPeer
			l.mu.Unlock()
			return err
		}
		waiting := l.core.Unacked()
		room := l.awaitRoom()
		l.unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return fmt.Errorf("ipcio: %w while %d messages were not done", ctx.Err(), waiting)
		}
		l.mu.Lock()
	}
}
