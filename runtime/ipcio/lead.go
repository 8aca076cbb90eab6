package ipcio

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/readrole"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// The private lane of a client is read by a caller that waits for its reply, if
// nobody else reads; by the standing reader otherwise. Package readrole says when
// and why; here are the goroutines. All of it needs a server that knocks; without
// one the standing reader never rests.

// errRested says that whoever read the lane has given up the read role.
var errRested = errors.New("the lane is read by somebody else now, or by nobody")

// A sharing is what a client's private lane needs for its readers to take turns.
// Guarded by link.mu, but for what is said of a field.
type sharing struct {
	role   readrole.Role
	leader *waiter       // who reads, if it is a caller
	led    uint64        // counts leaders
	seen   uint64        // the same, when the janitor looked last
	park   chan struct{} // has a token when the standing reader is to go on; capacity 1. nil if the readers do not take turns
}

// share has the readers of a client's private lane take turns.
func (ln *lane) share() { ln.sharing.park = make(chan struct{}, 1) }

func (ln *lane) shared() bool { return ln.sharing.park != nil }

// stand is the standing reader of a lane that is shared.
func (ln *lane) stand() {
	for {
		err := ln.step()
		switch {
		case err == nil:
		case err == errRested:
			select {
			case <-ln.sharing.park:
			case <-ln.done:
				return
			}
		case ln.resume(err): // it was meant for a caller that read before
		default:
			ln.end(err)
			return
		}
	}
}

// lead has a caller read until its call has its outcome or it gives up. The
// lane may end meanwhile.
func (ln *lane) lead(ctx context.Context) {
	if ctx.Done() != nil {
		defer context.AfterFunc(ctx, ln.interrupt)()
	}
	for {
		err := ln.step()
		switch {
		case err == nil:
		case err == errRested:
			return
		case ln.resume(err):
			if ln.retire(ctx.Err() != nil) {
				return
			}
		default:
			ln.end(err)
			ln.abandon()
			return
		}
	}
}

// retire gives up the read role if its holder does not need it: a caller whose
// call has its outcome, or that waits no more, and the standing reader when
// nobody needs to read. gaveUp says that the ctx of the caller who reads has ended.
func (ln *lane) retire(gaveUp bool) bool {
	l, s := ln.link, &ln.sharing
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.private != ln {
		return false // it is about to end
	}
	if s.leader == nil {
		return s.role.Rest(l.core.Quiet())
	}
	if !s.leader.ended && !s.leader.late && !gaveUp {
		return false
	}
	s.leader.lane, s.leader = nil, nil
	if s.role.Leave(l.core.Quiet()) {
		ln.wakeStanding()
	}
	return true
}

// abandon is retire when the lane has ended.
func (ln *lane) abandon() {
	ln.link.mu.Lock()
	defer ln.link.mu.Unlock()
	if w := ln.sharing.leader; w != nil {
		w.lane, ln.sharing.leader = nil, nil
	}
}

// mayLead makes the caller of w, whose call was just made, the reader of the
// private lane, if nobody reads it, and returns the lane. l.mu is held.
func (l *link) mayLead(w *waiter) *lane {
	ln := l.private
	if ln == nil || !ln.shared() || !ln.sharing.role.Lead() {
		return nil
	}
	ln.sharing.leader, w.lane = w, ln
	ln.sharing.led++
	return ln
}

// listen has the private lane read if anything of the other side is expected.
// l.mu is held.
func (l *link) listen() {
	ln := l.private
	if ln != nil && ln.shared() && ln.sharing.role.Holder() == readrole.Nobody && !l.core.Quiet() && ln.sharing.role.Listen() {
		ln.wakeStanding()
	}
}

// rouse has the standing reader read, now or when the caller who reads is done,
// because there may be something that nobody waits for.
func (ln *lane) rouse() {
	if ln.link == nil || !ln.shared() {
		return
	}
	ln.link.mu.Lock()
	defer ln.link.mu.Unlock()
	ln.rouseLocked()
}

func (ln *lane) rouseLocked() {
	if ln.sharing.role.Knock() {
		ln.wakeStanding()
	}
}

// rouseIdle is rouse for a lane that nobody has read for a while: the other side
// may ask for a sign of life. The janitor calls it.
func (ln *lane) rouseIdle() {
	if !ln.shared() {
		return
	}
	ln.link.mu.Lock()
	defer ln.link.mu.Unlock()
	s := &ln.sharing
	if s.role.Holder() == readrole.Nobody && s.led == s.seen {
		ln.rouseLocked()
	}
	s.seen = s.led
}

// wakeStanding wakes the standing reader, which has the role already. There is
// room for the token: it parks once for each.
func (ln *lane) wakeStanding() { ln.sharing.park <- struct{}{} }

// took takes note of a frame for the read role. l.mu is held.
func (ln *lane) took(kind wire.Kind) {
	if kind != wire.KindAck {
		ln.sharing.role.Took(kind == wire.KindReply || kind == wire.KindFail)
	}
}

// interrupt ends the read under way, or the next one, so that whoever reads
// looks whether it still has to.
func (ln *lane) interrupt() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.err == nil {
		ln.interrupted = true
		ln.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// resume reports whether err is an interruption. If so reading can go on.
func (ln *lane) resume(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if !ln.interrupted || ln.err != nil {
		return false
	}
	ln.interrupted = false
	return ln.conn.SetReadDeadline(ln.readUntil) == nil
}
