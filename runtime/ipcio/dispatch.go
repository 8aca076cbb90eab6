package ipcio

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/ipcio/ipcio-go/runtime/codec"
	"github.com/ipcio/ipcio-go/runtime/internal/poison"
	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// handling is what a handler's ctx knows of the message it handles.
type handling struct {
	link    *link
	in      *session.Incoming
	at      place
	message Message // its zero value until the handler is found
}

type handlingKey struct{}

func handlingOf(ctx context.Context) *handling {
	h, _ := ctx.Value(handlingKey{}).(*handling)
	return h
}

// MessageFromContext returns the message that the handler with this ctx
// handles. So a typed handler can see [Message.Redelivered].
func MessageFromContext(ctx context.Context) (*Message, bool) {
	if h := handlingOf(ctx); h != nil {
		return &h.message, true
	}
	return nil, false
}

// isNested reports whether a call made with ctx goes to the very peer that
// waits for the call that ctx belongs to. to is as in a frame; server says
// whether this is a server's link.
func isNested(ctx context.Context, l *link, to *wire.Peer, server bool) bool {
	h := handlingOf(ctx)
	if h == nil || h.link != l || h.in.Kind != wire.KindCall {
		return false
	}
	from := h.in.Peer
	switch {
	case server, to == nil && from == nil:
		return true
	case to == nil || from == nil:
		return false
	case to.ID != (wire.ID{}):
		return to.ID == from.ID
	}
	return to.Name == from.Name
}

// runInbox handles what was received, in order, until nothing is left. It is
// the one place where events run, so they run one after another.
func (l *link) runInbox() {
	exited := true // by a handler that ended its goroutine, as testing.T.FailNow does
	defer func() {
		if exited {
			go l.runInbox()
		}
	}()
	for {
		l.mu.Lock()
		in := l.core.Next()
		if in == nil || l.ended {
			l.runner, exited = false, false
			l.unlock()
			return
		}
		if in.Kind != wire.KindSkip {
			l.ep.active.add(1)
		}
		if in.Kind == wire.KindCall && l.core.InboxEmpty() && !l.routed(in) {
			// Nothing is behind the call: this goroutine can be the one that serves it.
			l.runner, exited = false, false
			l.unlock()
			l.serveCall(in, place{})
			return
		}
		l.unlock()
		l.handle(in, place{})
	}
}

// handleInbox is handle for one who runs the inbox on a goroutine that has more
// to do.
func (l *link) handleInbox(in *session.Incoming, at place) {
	exited := true
	defer func() {
		if exited {
			go l.runInbox()
		}
	}()
	l.handle(in, at)
	exited = false
}

// routed reports whether a message is not for this process.
func (l *link) routed(in *session.Incoming) bool {
	return l.ep.route != nil && (in.Peer != nil || in.Kind == wire.KindBroadcast)
}

func (l *link) handle(in *session.Incoming, at place) {
	switch {
	case in.Kind == wire.KindSkip:
		if in.Count > 0 {
			l.gap(session.Gap{Count: in.Count, Code: in.Reason, From: in.Number, To: in.Number})
		}
		l.done(in)
	case l.routed(in):
		l.ep.route(l, in)
		if in.Kind != wire.KindCall { // a call is done when it is started
			l.done(in)
		}
		l.ep.active.add(-1)
	case in.Kind == wire.KindCall:
		go l.serveCall(in, place{})
	default:
		defer l.ep.active.add(-1)
		defer l.done(in)
		l.serveEvent(in, at)
	}
}

// serveNested starts a nested call, beside whatever is queued.
func (l *link) serveNested(in *session.Incoming) {
	if l.ep.route != nil && in.Peer != nil {
		l.ep.route(l, in)
		l.ep.active.add(-1)
		return
	}
	l.serveCall(in, place{})
}

func (l *link) done(in *session.Incoming) {
	l.mu.Lock()
	l.core.Done(in)
	l.unlock()
}

// serveEvent runs the handler of an event. Whatever happens, the event is done
// afterwards; what was refused is reported to its sender.
func (l *link) serveEvent(in *session.Incoming, at place) {
	select {
	case l.ep.slots <- struct{}{}:
		defer func() { <-l.ep.slots }()
	case <-l.ctx.Done():
		return
	}
	ctx := l.newHandlerContext(in, at)
	defer ctx.message.takeBack() // last: an error may hold what was lent
	err := error(errExited)
	defer func() {
		if err == nil {
			return
		}
		if f := l.failure(in, err); f.refused {
			l.mu.Lock()
			l.core.Nack(in, f.code, f.message, l.fitting(&f))
			l.unlock()
		}
	}()
	defer ctx.release()
	_, err = l.run(ctx)
}

// serveCall runs the handler of a call and answers it.
func (l *link) serveCall(in *session.Incoming, at place) {
	defer l.ep.active.add(-1)
	select {
	case l.ep.slots <- struct{}{}:
		defer func() { <-l.ep.slots }()
	default:
		l.answer(in, at.hold, nil, &RemoteError{Code: CodeUnavailable, Message: "too many handlers run", outcome: OutcomeNotHandled})
		return
	}
	if in.Deadline != 0 && in.Deadline <= l.ep.now() {
		l.answer(in, at.hold, nil, &RemoteError{Code: CodeTimeout, Message: "the deadline passed before the handler was started", outcome: OutcomeNotHandled})
		return
	}
	ctx := l.newHandlerContext(in, at)
	defer ctx.message.takeBack()
	defer ctx.release()
	l.mu.Lock()
	in.Tag = ctx
	canceled := in.Canceled()
	l.mu.Unlock()
	if canceled {
		ctx.CancelCall()
	}
	var reply []byte
	err := error(errExited)
	defer func() { l.answer(in, at.hold, reply, err) }()
	reply, err = l.run(ctx)
}

// answer sends the outcome of an incoming call; with hold it is only queued.
func (l *link) answer(in *session.Incoming, hold bool, reply []byte, err error) {
	if err == nil && len(reply) == 0 {
		reply = []byte{cborNull}
	}
	var f failure
	if err != nil {
		f = l.failure(in, err)
	}
	l.mu.Lock()
	if err == nil {
		l.core.Reply(in, reply)
	} else {
		l.core.Fail(in, f.code, f.message, f.outcome, l.fitting(&f))
	}
	if hold {
		l.unlockWith(nil, nil)
	} else {
		l.unlockFlush()
	}
}

// fitting returns the data of a failure; nil if it is not one item or makes the
// frame too large. l.mu is held.
func (l *link) fitting(f *failure) []byte {
	size := wire.MaxOverhead + wire.MaxCommand + len(f.code) + len(f.message) + len(f.data)
	if size > l.core.Limit() || codec.WellFormed(f.data) != nil {
		return nil
	}
	return f.data
}

// run finds the handler of a message and runs it. A panic is an error.
func (l *link) run(ctx *handlerContext) (reply []byte, err error) {
	in := ctx.in
	h := l.ep.registry.lookup(in.Command)
	if h == nil {
		return nil, errNoHandler
	}
	spec := l.ep.specs[in.Command]
	if spec == nil && l.ep.declared {
		return nil, errNoHandler
	}
	if spec != nil {
		if why := l.ep.mayHandle(spec, in); why != "" {
			return nil, &RemoteError{Code: CodeDenied, Message: why, outcome: OutcomeNotHandled}
		}
	}
	if err := l.checkPayload(spec, h, in.Payload); err != nil {
		return nil, &payloadError{err: err}
	}
	m := &ctx.message
	lent, poisoned := poison.Lend(in.Payload)
	*m = Message{
		command: in.Command, from: l.peerOf(in), raw: lent, poisoned: poisoned,
		call: in.Kind == wire.KindCall, redelivered: in.Flags&wire.Redelivered != 0,
	}
	if l.ep.log.verbose {
		l.ep.log.op("handle", "command", in.Command, "from", m.from.label(), "call", m.call, "redelivered", m.redelivered)
	}
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{value: p, stack: debug.Stack()}
		}
	}()
	began := l.ep.now()
	reply, err = h.run(ctx, m, nil)
	h.pace.took(time.Duration(l.ep.now() - began))
	if e, ok := errors.AsType[*payloadError](err); err != nil && (!ok || e.message != m) {
		return nil, &handlerError{err}
	}
	if err == nil && m.call && !h.typed && spec != nil && spec.Reply != nil {
		if err := spec.Reply.Check(reply); err != nil {
			return nil, fmt.Errorf("ipcio: the reply of the handler of %q: %w", in.Command, err)
		}
	}
	return reply, err
}

// peerOf returns who sent a message.
func (l *link) peerOf(in *session.Incoming) Peer {
	if in.Peer == nil {
		return Peer{l.self.Load()}
	}
	return Peer{&peer{
		link: l, to: &wire.Peer{ID: in.Peer.ID}, name: in.Peer.Name, id: in.Peer.ID, known: true,
		creds: Credentials{UID: in.Peer.UID, GID: in.Peer.GID, PID: in.Peer.PID},
	}}
}

var errNoHandler = &RemoteError{Code: CodeUnknownCommand, outcome: OutcomeNotHandled}

// checkPayload sees to it that a dynamic handler gets one well-formed item,
// and of a declared command only what its schema allows. Generated code
// checks what it decodes.
func (l *link) checkPayload(spec *CommandSpec, h *handler, payload []byte) error {
	switch {
	case h.typed:
		return nil
	case spec != nil && spec.Payload != nil:
		return spec.Payload.Check(payload)
	}
	return codec.WellFormed(payload)
}

// handlerError marks the error of a handler that ran, so that what it got from
// elsewhere and returns is not taken for a refusal of its own message.
type handlerError struct{ err error }

func (e *handlerError) Error() string { return e.err.Error() }
func (e *handlerError) Unwrap() error { return e.err }

// panicError is what a handler's panic becomes.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// errExited is the outcome of a handler that ended its goroutine. It is told
// like a panic.
var errExited = &panicError{value: "the handler called runtime.Goexit"}

// A failure is what the other side is told of an error.
type failure struct {
	code, message string
	outcome       wire.Outcome
	data          []byte
	refused       bool // the sender of an event is told too
}

// failure decides what the other side is told of the error of a handler. The
// text of an error that was not meant for it stays in the log.
func (l *link) failure(in *session.Incoming, err error) failure {
	_, ran := err.(*handlerError)
	if e, ok := errors.AsType[*payloadError](err); ok && !ran {
		l.ep.log.op("refuse", "command", in.Command, "reason", e)
		f := failure{code: CodeInvalid, message: e.Error(), outcome: wire.OutcomeNotHandled, refused: true}
		if invalid := codec.Invalid(in.Command, e.err); invalid != nil {
			f.data = appendRefusal(nil, invalid, l.ep.specs[in.Command])
		}
		return f
	}
	if e, ok := declaredBy(err); ok && in.Kind == wire.KindCall {
		data, encodeErr := encodeDeclared(e)
		if encodeErr == nil {
			l.ep.log.op("handler failed as declared", "command", in.Command, "name", e.ErrorName(), "error", err)
			return failure{code: e.ErrorName(), message: e.Error(), data: data, outcome: wire.OutcomeHandled}
		}
		err = fmt.Errorf("the error %s of the handler of %q cannot be encoded: %w", e.ErrorName(), in.Command, encodeErr)
	}
	if e, ok := errors.AsType[*RemoteError](err); ok {
		f := failure{code: e.Code, message: e.Message, data: slices.Clone(e.Data), outcome: wire.OutcomeHandled}
		switch {
		case e == errNoHandler:
			l.ep.log.op("no handler", "command", in.Command)
			f.message = fmt.Sprintf("no handler for %q", in.Command)
			f.outcome, f.refused = wire.OutcomeNotHandled, true
		case e.outcome == OutcomeNotHandled && !ran:
			l.ep.log.op("refuse", "command", in.Command, "reason", e.Message)
			f.outcome, f.refused = wire.OutcomeNotHandled, true
		case in.Kind != wire.KindCall:
			l.ep.log.warn("event handler failed", "command", in.Command, "error", err)
		}
		return f
	}
	if in.Kind == wire.KindCall {
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return failure{code: CodeTimeout, message: "the handler gave up at its deadline", outcome: wire.OutcomeHandled}
		case errors.Is(err, context.Canceled):
			return failure{code: CodeCanceled, message: "the handler was cancelled", outcome: wire.OutcomeHandled}
		}
	}
	id := randomID()
	incident := fmt.Sprintf("%x", id[:4])
	attrs := []any{"command", in.Command, "incident", incident, "error", err}
	f := failure{code: CodeInternal, message: "incident " + incident, outcome: wire.OutcomeHandled}
	if p, ok := errors.AsType[*panicError](err); ok {
		l.ep.log.warn("handler panicked", append(attrs, "stack", string(p.stack))...)
		f.refused = true
	} else {
		l.ep.log.warn("handler failed", attrs...)
	}
	return f
}

// serveBroadcast runs the handler of a broadcast.
func (l *link) serveBroadcast(in *session.Incoming) {
	select {
	case l.ep.slots <- struct{}{}:
		defer func() { <-l.ep.slots }()
	case <-l.ctx.Done():
		return
	}
	ctx := l.newHandlerContext(in, place{})
	defer ctx.message.takeBack()
	err := error(errExited)
	defer func() {
		if err != nil {
			l.failure(in, err) // reported here only: a broadcast is refused by nobody
			l.unreadBroadcast(in, err)
		}
	}()
	defer ctx.release()
	_, err = l.run(ctx)
}

// unreadBroadcast tells the program of a broadcast that it has a handler for
// and whose payload is not what this side declares.
func (l *link) unreadBroadcast(in *session.Incoming, err error) {
	if _, ran := err.(*handlerError); ran {
		return
	}
	e, ok := errors.AsType[*payloadError](err)
	if !ok {
		return
	}
	peer := ""
	if in.Peer != nil {
		peer = in.Peer.Name
	}
	reason := e.err
	if invalid := codec.Invalid(in.Command, reason); invalid != nil {
		reason = invalid
	}
	l.onGap(Gap{
		Reason: GapUnreadable, Client: peer, From: in.Number, To: in.Number, Count: 1,
		Commands: []string{in.Command}, Err: l.unread(in.Command, peer, reason),
	})
}
