package ipcio

import "time"

// A waiter is the Tag of a call that this process waits for.
type waiter struct {
	// wake has a token when there may be something new; its capacity is 1. Who
	// takes it looks at the fields below, so a token too many does no harm.
	wake chan struct{}

	deadline int64 // by the clock of the sessions; 0 if the caller's ctx has one

	// Guarded by link.mu:
	ended      bool  // the call has its outcome
	late       bool  // the deadline has passed
	lane       *lane // that the caller reads itself; nil if it does not
	next, prev *waiter
}

// mostSpare is how many waiters a link keeps for its next calls. They are the
// link's own, because a channel must not go from one bubble of testing/synctest
// to another.
const mostSpare = 16

// newWaiter returns a waiter. l.mu is held.
func (l *link) newWaiter() *waiter {
	w := l.spare
	if w == nil {
		return &waiter{wake: make(chan struct{}, 1)}
	}
	l.spare = w.next
	l.spares--
	w.next = nil
	return w
}

// recycle takes w back. The call has its outcome, so the session knows it no
// more, and it is in no list. l.mu is held.
func (l *link) recycle(w *waiter) {
	if l.spares == mostSpare || l.ended {
		return
	}
	select {
	case <-w.wake:
	default:
	}
	*w = waiter{wake: w.wake, next: l.spare}
	l.spare = w
	l.spares++
}

// look has whoever waits look again. link.mu is held.
func (w *waiter) look() {
	if w.lane != nil {
		w.lane.interrupt()
		return
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// patience is the list of the waiters whose only deadline is CallTimeout. It is
// the same for all, so they are in the order of their deadlines, and one timer
// serves them: it is set anew only when it fires. A timer for each call would
// cost more than all else that a call does here. Guarded by link.mu.
type patience struct {
	first, last *waiter
	timer       *time.Timer
	armed       bool
}

// await has w woken at its deadline. l.mu is held.
func (l *link) await(w *waiter) {
	p := &l.patience
	if p.first == w || w.prev != nil {
		return // it is there
	}
	w.prev = p.last
	if p.last == nil {
		p.first = w
	} else {
		p.last.next = w
	}
	p.last = w
	if !p.armed && !l.ended {
		l.arm(w.deadline)
	}
}

// arm sets the timer. l.mu is held.
func (l *link) arm(deadline int64) {
	p := &l.patience
	p.armed = true
	d := time.Duration(deadline - l.ep.now())
	if p.timer == nil {
		p.timer = time.AfterFunc(d, l.wakeLate)
		return
	}
	p.timer.Reset(d)
}

// wakeLate wakes those whose deadline has passed, when the timer fires.
func (l *link) wakeLate() {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &l.patience
	p.armed = false
	if l.ended {
		return
	}
	now := l.ep.now()
	for p.first != nil && p.first.deadline <= now {
		w := p.first
		l.forget(w)
		w.late = true
		w.look()
	}
	if p.first != nil {
		l.arm(p.first.deadline)
	}
}

// forget takes w off the list, if it is there. l.mu is held.
func (l *link) forget(w *waiter) {
	p := &l.patience
	switch {
	case w.prev != nil:
		w.prev.next = w.next
	case p.first == w:
		p.first = w.next
	default:
		return
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		p.last = w.prev
	}
	w.next, w.prev = nil, nil
}

func (p *patience) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}
