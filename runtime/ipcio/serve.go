package ipcio

import (
	"sync/atomic"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A short handler runs on the goroutine that has read its message: waking
// another one would take several times as long as the handler. Meanwhile nobody
// reads the lane, so the role of its reader is lent out, and taken back from a
// handler that is not as short as it used to be: by the handler itself when it
// waits for something of this package, by a timer otherwise, and by the end of
// the lane.

const (
	// relieveAfter is how long a handler may keep the read role. A timer that
	// fires more often would cost every call something, and what it guards
	// against is rare: a handler that was always short.
	relieveAfter = 50 * time.Millisecond

	shortHandler = 100 * time.Microsecond // takes longer: not for the reader's goroutine

	paceMost   = 32 // of pace
	paceShort  = 4  // from here on a handler is taken to be short
	paceLong   = 8  // what one that was not costs
	paceCaught = 64 // what one costs that kept the read role

	// What there is to write while more frames are at hand waits for so many of
	// them, and so long for handlers, at most: so answers leave together.
	mostHeldFrames = 64
	mostHeld       = 100 * time.Microsecond
)

// pace says whether a handler has been short lately.
type pace struct{ points atomic.Int32 }

func (p *pace) isShort() bool { return p.points.Load() >= paceShort }

// took takes note of how long the handler took. Two at a time may lose a note.
func (p *pace) took(d time.Duration) {
	n := p.points.Load()
	switch {
	case d >= shortHandler:
		p.points.Store(max(n-paceLong, -paceMost))
	case n < paceMost:
		p.points.Store(n + 1)
	}
}

// caught takes note that the handler kept the read role from others.
func (p *pace) caught() { p.points.Store(max(p.points.Load()-paceCaught, -paceMost)) }

// A loan is the read role of a lane while a handler runs on its reader's
// goroutine. Whoever changes it from a loan to 0 has the role: the reader that
// lent it, or somebody who takes it over.
type loan struct {
	number  atomic.Uint64 // of the loan; 0: none
	seen    atomic.Uint64 // when the timer fired last
	watched atomic.Bool   // the timer is set
	last    uint64        // the reader's
	pace    atomic.Pointer[pace]
	timer   *time.Timer // guarded by the lane's mu
}

// A place is where a handler runs: on the goroutine of the reader of a lane, to
// which the read role is lent, or, the zero value, on one of its own.
type place struct {
	ln   *lane
	n    uint64 // the number of the loan
	hold bool   // the reader has the answer written
}

// relieve takes over the role from the handler that runs here.
func (p place) relieve() {
	if p.ln != nil {
		p.ln.take(p.n)
	}
}

// lend lends the role and returns the number of the loan. ok is false if the
// lane has ended: then nobody needs the role, and the reader has given it up.
func (ln *lane) lend(p *pace) (n uint64, ok bool) {
	o := &ln.loan
	o.pace.Store(p)
	o.last++
	n = o.last
	o.number.Store(n)
	if ln.dead.Load() {
		if o.number.CompareAndSwap(n, 0) {
			ln.owner.Done()
		}
		return n, false
	}
	if !o.watched.Load() && o.watched.CompareAndSwap(false, true) {
		ln.watchLoan()
	}
	return n, true
}

func (ln *lane) watchLoan() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	switch {
	case ln.err != nil:
	case ln.loan.timer == nil:
		ln.loan.timer = time.AfterFunc(relieveAfter, ln.patrol)
	default:
		ln.loan.timer.Reset(relieveAfter)
	}
}

// reclaim reports whether the role that was lent is the reader's again.
func (ln *lane) reclaim(n uint64) bool { return ln.loan.number.CompareAndSwap(n, 0) }

// patrol relieves a handler that has had the role since it last looked.
func (ln *lane) patrol() {
	o := &ln.loan
	n := o.number.Load()
	if n != 0 && n == o.seen.Load() {
		ln.take(n)
	}
	if before := o.seen.Swap(n); n != 0 || before != 0 {
		ln.watchLoan()
		return
	}
	o.watched.Store(false)
	if o.number.Load() != 0 && o.watched.CompareAndSwap(false, true) {
		ln.watchLoan() // it was lent meanwhile, by one who took us to be on watch
	}
}

// take takes over the role that was lent, if it still is.
func (ln *lane) take(n uint64) {
	p := ln.loan.pace.Load()
	if !ln.loan.number.CompareAndSwap(n, 0) {
		return
	}
	p.caught()
	go ln.serve()
	ln.kick() // what was held back
}

// serve reads the private lane of a server, and runs short handlers between two
// frames. It has the read role, which owner counts.
func (ln *lane) serve() {
	for {
		if ln.held {
			if ln.heldFrames++; ln.heldFrames > mostHeldFrames || ln.heldFor > mostHeld || !ln.reader.Buffered() {
				ln.held, ln.heldFrames, ln.heldFor = false, 0, 0
				ln.flush()
			}
		}
		if err := ln.step(); err != nil {
			if ln.inbox {
				go ln.link.runInbox()
			}
			ln.end(err)
			ln.owner.Done()
			return
		}
		if ln.inbox {
			ln.inbox = false
			if !ln.serveInbox() {
				return
			}
		}
	}
}

// serveInbox handles what was received, in order, as far as it is for short
// handlers; goroutines do the rest. It reports whether the read role is still
// its caller's.
func (ln *lane) serveInbox() bool {
	l := ln.link
	for {
		l.mu.Lock()
		in := l.core.Next()
		if in == nil || l.ended {
			l.runner = false
			l.unlockRead(ln)
			return true
		}
		if in.Kind != wire.KindSkip {
			l.ep.active.add(1)
		}
		ours := in.Kind == wire.KindSkip || l.routed(in) // the handler is this package
		alone := l.core.InboxEmpty()
		if !ours && in.Kind == wire.KindCall && alone {
			l.runner = false
		}
		l.unlockRead(ln)
		if ours {
			l.handle(in, place{})
			continue
		}
		p := l.paceOf(in)
		switch {
		case in.Kind == wire.KindCall && alone && p.isShort():
			return ln.serveCallHere(in, p)
		case in.Kind == wire.KindCall:
			go l.serveCall(in, place{})
			if alone {
				return true
			}
		case p.isShort() && !ln.reader.Buffered(): // of many, some are read while others are handled
			if !ln.serveEventHere(in, p) {
				return false
			}
		default:
			go func() {
				l.handleInbox(in, place{})
				l.runInbox()
			}()
			return true
		}
	}
}

// serveCallHere runs the handler of a call while the role is lent.
func (ln *lane) serveCallHere(in *session.Incoming, p *pace) bool {
	hold := ln.reader.Buffered()
	n, lent := ln.lend(p)
	if !lent {
		ln.link.serveCall(in, place{})
		return false
	}
	defer ln.replaced(n)
	began := ln.link.ep.now()
	ln.link.serveCall(in, place{ln, n, hold})
	if !ln.reclaim(n) {
		if hold {
			ln.kick()
		}
		return false
	}
	if hold {
		ln.held = true
		ln.heldFor += time.Duration(ln.link.ep.now() - began)
	}
	return true
}

// replaced has another goroutine read if the handler has ended this one, in
// which case nobody has reclaimed the role.
func (ln *lane) replaced(n uint64) {
	if ln.reclaim(n) {
		go ln.serve()
		ln.kick()
	}
}

// serveEventHere runs the handler of an event while the role is lent. If that
// is taken over, this goroutine is the one that handles what follows.
func (ln *lane) serveEventHere(in *session.Incoming, p *pace) bool {
	n, lent := ln.lend(p)
	if lent {
		defer ln.replaced(n)
		ln.link.handleInbox(in, place{ln: ln, n: n})
		if ln.reclaim(n) {
			return true
		}
	} else {
		ln.link.handleInbox(in, place{})
	}
	ln.link.runInbox()
	return false
}

// paceOf returns the pace of the handler of a message.
func (l *link) paceOf(in *session.Incoming) *pace {
	if h := l.ep.registry.lookup(in.Command); h != nil {
		return &h.pace
	}
	return &l.ep.unhandled
}
