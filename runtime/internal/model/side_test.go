package model

// This file has the rules of one side of a session. Both sides have the same.

// A site is one side of one session of a world.
type site struct {
	*model
	w    *world
	k    int8 // session
	side int8
}

func (x site) end() *end                { return &x.w.links[x.k].ends[x.side] }
func (x site) leg(i id) *leg            { return &x.w.fates[i-1].leg[x.k] }
func (x site) fate(i id) *fate          { return &x.w.fates[i-1] }
func (m *model) ours(i id, x site) bool { return m.sender(i, x.k) == x.side }

// sender returns which side of session k sends message i there.
func (m *model) sender(i id, k int8) int8 {
	if p := m.msg(i); !p.relay {
		return p.from
	}
	if k == 0 {
		return client
	}
	return server
}

func sequence(k kind) int8 {
	switch k {
	case reply, fail, nack, nestedCall:
		return seqR
	}
	return seqS
}

// push queues an entry, without a number.
func (x site) push(seq int8, e entry) {
	o := &x.end().out[seq]
	if o.n == mostEntries {
		panic("mostEntries is too small")
	}
	o.e[o.n] = e
	o.n++
}

func (o *outbox) remove(i int8) {
	copy(o.e[i:], o.e[i+1:o.n])
	o.n--
	o.e[o.n] = entry{}
}

// sweep forgets what was given up before it had a number.
func (o *outbox) sweep() {
	for j := o.n - 1; j >= o.numbered; j-- {
		if o.e[j].kind == skip {
			o.remove(j)
		}
	}
}

// accept takes a message from the program.
func (m *model) accept(w *world, i id) {
	p := m.msg(i)
	x := site{m, w, p.session, p.from}
	x.fate(i).accepted = true
	x.send(i, 0)
}

// send queues a message, origin being its number in session 0 if it is
// relayed.
func (x site) send(i id, origin int8) {
	p := x.msg(i)
	e := entry{kind: event, m: i, origin: origin}
	if p.call {
		e.kind, e.origin = call, 0
		x.leg(i).state = 1
		if p.nested != 0 {
			e.kind = nestedCall
			if !x.has(nestedInR) {
				e.kind = call
			}
		}
	}
	seq := sequence(e.kind)
	o := &x.end().out[seq]
	if x.queue > 0 && seq == seqS && x.entries(o) >= x.queue {
		for j := o.numbered; j < o.n; j++ {
			if old := o.e[j]; old.kind != skip {
				o.remove(j)
				x.w.dropped[x.side]++
				o.lost++
				if old.kind == event {
					x.fate(old.m).gone = true
				} else {
					x.ended(old.m, x.neverSent(old.m))
				}
				break
			}
		}
		if x.entries(o) >= x.queue { // nothing to drop: refused
			x.fate(i).gone = true
			if p.call {
				x.ended(i, notSent)
			}
			return
		}
	}
	x.push(seq, e)
}

// entries counts what an outbox holds and has not given up.
func (x site) entries(o *outbox) (n int8) {
	for j := range o.n {
		if o.e[j].kind != skip {
			n++
		}
	}
	return n
}

func (x site) neverSent(i id) outcome {
	if x.leg(i).again || !x.has(lostIsNotUnknown) {
		return unknown
	}
	return notSent
}

// ended gives a call its outcome; what is left of it in the outbox is void.
func (x site) ended(i id, how outcome) {
	g := x.leg(i)
	if g.state == 3 {
		return
	}
	*g = leg{state: 3, outcome: how, ref: g.ref}
	x.voidCall(i)
	if x.msg(i).relay && x.side == server {
		x.relayOutcome(i, how)
		return
	}
	f := x.fate(i)
	switch {
	case how == okay && f.begun == 0:
		x.w.fail(lie)
	case (how == notSent || how == notHandled) && f.begun > 0:
		x.w.fail(lie)
	case how == unknown && !x.w.dirty:
		x.w.fail(causeless)
	}
}

func (x site) voidCall(i id) {
	for seq := range x.end().out {
		o := &x.end().out[seq]
		defer o.sweep()
		for j := range o.n {
			if e := &o.e[j]; e.m == i && (e.kind == call || e.kind == nestedCall) && (x.has(endedIsSkipped) || j >= o.numbered) {
				*e = entry{kind: skip}
			}
		}
	}
}

// relayOutcome passes the outcome of the second leg on to the first.
func (x site) relayOutcome(i id, how outcome) {
	from := site{x.model, x.w, 0, server}
	in := from.find(i)
	if in == nil {
		return
	}
	if how == notSent {
		how = notHandled
	}
	from.answer(in, how)
}

// find returns the call that is served and carries message i, or nil.
func (x site) find(i id) *incoming {
	e := x.end()
	for j := range e.serving {
		if in := &e.serving[j]; in.m == i && !in.old {
			return in
		}
	}
	return nil
}

// answer queues the answer to a call that is served, and forgets it.
func (x site) answer(in *incoming, how outcome) {
	e := entry{kind: reply, m: in.m, ref: in.n}
	if how != okay {
		e.kind, e.count = fail, int8(how)
	}
	if in.kind == nestedCall {
		e.nested = 1
	}
	old := in.old
	*in = incoming{}
	if !old || !x.has(oldAnswersAreVoid) {
		seq := int8(seqR)
		if !x.has(answersBesideWindow) {
			seq = seqS
		}
		x.push(seq, e)
	}
}

// fits reports whether the window has room for the next number of S.
func (o *outbox) fits() bool { return o.cursor-1-o.acked < window }

// write yields the next frame: of R first, then of S as far as its window
// goes. It reports false if there is none.
func (x site) write() (frame, bool) {
	for _, seq := range [...]int8{seqR, seqS} {
		o := &x.end().out[seq]
		if seq == seqS && !o.fits() {
			continue
		}
		if o.cursor > o.last() && !x.number(seq) {
			continue
		}
		return x.writeAt(seq), true
	}
	return frame{}, false
}

// number gives the next number to what is first in the queue.
func (x site) number(seq int8) bool {
	o := &x.end().out[seq]
	if o.lost > 0 {
		copy(o.e[o.numbered+1:o.n+1], o.e[o.numbered:o.n])
		o.e[o.numbered] = entry{kind: skip, count: o.lost}
		o.n++
		o.numbered++
		o.lost = 0
		return true
	}
	if o.n == o.numbered {
		return false
	}
	o.numbered++
	if e := o.e[o.numbered-1]; e.kind == call || e.kind == nestedCall {
		g := x.leg(e.m)
		g.state, g.ref = 2, o.last()
	}
	return true
}

func (x site) writeAt(seq int8) frame {
	o := &x.end().out[seq]
	n := o.cursor
	e := &o.e[n-o.acked-1]
	o.cursor++
	e.fresh = false
	f := frame{kind: e.kind, n: n, m: e.m, ref: e.ref, more: e.nested}
	switch e.kind {
	case skip:
		f = frame{kind: skip, n: n, ref: seq, more: e.count}
		if !x.has(skipWhatWasDropped) && e.count > 0 {
			f = frame{} // the number is used up, and nothing says so
		}
	case fail:
		f.more += 2 * e.count
	case event, call, nestedCall:
		if f.more = 0; e.old {
			f.more = 1
		}
		if e.origin != 0 {
			f.ref = 0
		}
	}
	if !x.has(freeByAck) {
		x.acked(seq, n, false)
	}
	return f
}

// pending reports whether write has something.
func (x site) pending() bool {
	for seq := range x.end().out {
		o := &x.end().out[seq]
		if seq == seqS && !o.fits() {
			continue
		}
		if o.cursor <= o.last() || o.lost > 0 || o.n > o.numbered {
			return true
		}
	}
	return false
}

// mayAck reports whether an ACK may be written now: something is owed, and no
// NACK is left to be written before it.
func (x site) mayAck() bool {
	e := x.end()
	r := &e.out[seqR]
	written := r.cursor > r.last() && r.n == r.numbered || !x.has(nackBeforeAck)
	return written && (e.ackNow || x.ownDone() > e.told[seqS] || e.rx[seqR] > e.told[seqR])
}

// ownDone is what an ACK says of the other side's S.
func (x site) ownDone() int8 {
	e := x.end()
	if !x.has(ackWhenDone) {
		return e.rx[seqS]
	}
	done := e.done
	if !x.has(callDoneWhenStarted) {
		for i := range e.serving {
			if in := &e.serving[i]; in.kind == call && in.begun && !in.old {
				done = min(done, in.n-1)
			}
		}
	}
	return done
}

func (x site) writeAck() frame {
	e := x.end()
	e.ackNow, e.told = false, [2]int8{x.ownDone(), e.rx[seqR]}
	return frame{kind: ack, n: e.told[seqS], ref: e.told[seqR]}
}

// acked frees the entries up to number n. Unless by is false, it is the other
// side that says so.
func (x site) acked(seq, n int8, by bool) {
	e := x.end()
	o := &e.out[seq]
	for o.acked < n {
		first := o.e[0]
		switch first.kind {
		case event:
			if f := x.fate(first.m); by && !f.finished && !f.gone && !(x.msg(first.m).relay && x.k == 0 && f.taken) {
				x.w.fail(lost)
			}
		case call:
			g := x.leg(first.m)
			g.kept = x.msg(first.m).repeatable
		}
		o.remove(0)
		o.numbered--
		o.acked++
	}
	o.cursor = max(o.cursor, o.acked+1)
}

// receive takes a frame of the private lane, and reports false if it breaks
// the protocol.
func (x site) receive(f frame) bool {
	e := x.end()
	switch f.kind {
	case ack:
		if f.n >= e.out[seqS].cursor || f.ref >= e.out[seqR].cursor {
			return false
		}
		x.acked(seqS, max(f.n, e.out[seqS].acked), true)
		x.acked(seqR, max(f.ref, e.out[seqR].acked), true)
		return true
	case cancel:
		for j := range e.serving {
			if in := &e.serving[j]; !in.old && in.m != 0 && in.n == f.n && (in.kind == nestedCall) == (f.more == 1) {
				in.canceled = true
				if x.relays(in.m) && in.begun {
					site{x.model, x.w, 1, server}.cancel(in.m)
				}
			}
		}
		return true
	}
	seq := sequence(f.kind)
	if f.kind == skip {
		seq = f.ref
	}
	if !x.has(answersBesideWindow) && (f.kind == reply || f.kind == fail) {
		seq = seqS
	}
	switch {
	case f.n <= e.rx[seq]:
		e.ackNow = true
		if x.has(discardAgain) {
			return true
		}
	case f.n > e.rx[seq]+1:
		return false
	default:
		e.rx[seq] = f.n
	}
	in := incoming{kind: f.kind, m: f.m, n: f.n}
	switch f.kind {
	case event, call:
		in.flagged = f.more == 1
		return x.enqueue(in)
	case skip:
		in.count = f.more
		return seq == seqR || x.enqueue(in)
	case nestedCall:
		x.begin(&in, x.serve(in))
	case reply, fail:
		x.resolve(f)
		return seq == seqR || x.enqueue(incoming{kind: skip, n: f.n})
	case nack:
		x.nacked(f)
	}
	return true
}

func (x site) relays(i id) bool { return x.msg(i).relay && x.k == 0 && x.side == server }

func (x site) enqueue(in incoming) bool {
	e := x.end()
	if e.rx[seqS]-e.done > window {
		return false
	}
	if e.inboxed == mostInbox {
		panic("mostInbox is too small")
	}
	if in.kind == call {
		x.serve(in)
	}
	e.inbox[e.inboxed] = in
	e.inboxed++
	return true
}

// serve notes a call that is to be answered.
func (x site) serve(in incoming) *incoming {
	e := x.end()
	for j := range e.serving {
		if e.serving[j].m == 0 {
			e.serving[j] = in
			return &e.serving[j]
		}
	}
	panic("mostServing is too small")
}

// resolve matches an answer with its call by the number, as a program would;
// the message is what it answers in truth.
func (x site) resolve(f frame) {
	for i := range x.messages {
		m := id(i) + 1
		p := x.msg(m)
		if !p.call || !x.ours(m, x) || p.session != x.k && !p.relay {
			continue
		}
		g := x.leg(m)
		if g.state != 2 || g.ref != f.ref || (p.nested != 0 && x.has(nestedInR)) != (f.more&1 == 1) {
			continue
		}
		if m != f.m {
			x.w.fail(wrongAnswer)
		}
		how := okay
		if f.kind == fail {
			how = outcome(f.more / 2)
		}
		if how == notHandled && g.again && x.has(againMayHaveRun) {
			how = unknown
		}
		x.ended(m, how)
		return
	}
}

// nacked takes the other side's word that it refused an event.
func (x site) nacked(f frame) {
	o := &x.end().out[seqS]
	if f.ref > o.acked && f.ref <= o.last() {
		e := &o.e[f.ref-o.acked-1]
		was := *e
		if x.has(refusedIsDone) {
			*e = entry{kind: skip}
		}
		if was.origin != 0 {
			site{x.model, x.w, 0, server}.pushNack(was.origin, was.m)
			return
		}
	}
	p, to := x.msg(f.m), x.fate(f.m)
	if p.relay && x.k != 0 {
		return
	}
	reasons := to.begun
	if p.relay {
		reasons = to.passed
	}
	if to.told < 2 { // as far as the others are counted
		to.told++
	}
	if to.told > reasons {
		x.w.fail(toldTwice)
	}
}

func (x site) pushNack(number int8, i id) { x.push(seqR, entry{kind: nack, m: i, ref: number}) }

// next begins what is first in the inbox. It reports false if that must wait.
func (x site) next() bool {
	e := x.end()
	if e.inboxed == 0 || e.drain || e.waits || e.running.m != 0 {
		return false
	}
	in := e.inbox[0]
	copy(e.inbox[:], e.inbox[1:e.inboxed])
	e.inboxed--
	e.inbox[e.inboxed] = incoming{}
	if !in.old {
		e.started = in.n
	}
	switch in.kind {
	case skip:
		e.missed += in.count
		x.isDone(&in)
	case call:
		served := x.find(in.m)
		if served == nil {
			return true // its caller is gone
		}
		x.isDone(&in)
		if served.canceled {
			x.answer(served, notHandled)
			return true
		}
		x.begin(&in, served)
	case event:
		if x.relays(in.m) {
			x.relay(&in)
			x.isDone(&in)
			return true
		}
		x.begin(&in, nil)
		e.running = in
		if !x.slow && x.mayReturn(in.m, nil) {
			x.returned()
		}
	}
	return true
}

// begin is where a handler is started.
func (x site) begin(in, served *incoming) {
	if served != nil {
		served.begun = true
		if x.relays(in.m) {
			x.relay(in)
			return
		}
	}
	p, f := x.msg(in.m), x.fate(in.m)
	switch {
	case f.final:
		x.w.fail(unclean)
	case f.begun > 0 && f.era == x.w.era[x.side] && !(in.flagged && (p.repeatable || p.relay && x.w.era[server] > 1)):
		x.w.fail(twice)
	case p.call && f.begun > 0 && !p.repeatable:
		x.w.fail(secondRun)
	case f.begun > 0 && !in.flagged:
		x.w.fail(unflagged)
	}
	if how := f.leg[p.session].outcome; how == notSent || how == notHandled {
		x.w.fail(lie)
	}
	if p.nested == 0 {
		x.checkOrder(in)
	}
	f.begun, f.era = min(f.begun+1, 2), x.w.era[x.side]
	if in.old {
		f.era-- // it belongs to the incarnation it was received in
	}
	if p.call {
		f.finished = true // started is done
	}
}

// checkOrder looks at what the same sender had sent before and after.
func (x site) checkOrder(in *incoming) {
	if in.old {
		return // what a former incarnation left comes first, whatever comes again
	}
	p := x.msg(in.m)
	for i := range x.messages {
		other := id(i) + 1
		q, f := x.msg(other), x.fate(other)
		if q.session != p.session || q.from != p.from || q.relay != p.relay || q.nested != 0 || !f.accepted || q.repeatable && f.leg[q.session].again {
			continue
		}
		before := f.begun == 0 && !f.gone && !f.finished && f.leg[q.session].outcome == none && !f.leg[q.session].canceled
		if other < in.m && before || other > in.m && f.begun > 0 && f.era == x.w.era[x.side] && !x.leg(in.m).again {
			x.w.fail(outOfOrder)
		}
	}
}

// isDone says that a message of S is done.
func (x site) isDone(in *incoming) {
	if !in.old || !x.has(oldNeverAcked) {
		x.end().done = in.n
	}
}

// mayReturn reports whether a handler has what it waits for.
func (x site) mayReturn(i id, in *incoming) bool {
	p := x.msg(i)
	if in != nil && in.old {
		return true // its ctx has ended
	}
	if p.waits != 0 && x.fate(p.waits).begun == 0 {
		return false
	}
	if p.forCancel && in != nil && !in.canceled {
		return false
	}
	for j := range x.messages {
		q, f := &x.messages[j], &x.w.fates[j]
		if (q.nested == i || q.inside == i) && x.fate(i).begun == 1 && f.leg[q.session].outcome == none && !f.gone {
			return false
		}
	}
	return true
}

// returned: the handler of the event that runs has returned.
func (x site) returned() {
	e := x.end()
	in := e.running
	e.running = incoming{}
	f := x.fate(in.m)
	f.finished = true
	if x.msg(in.m).refused && !in.old {
		x.pushNack(in.n, in.m)
		f.refused = true
	}
	x.isDone(&in)
	if in.old {
		x.release()
	}
}

// callReturns: the handler of a call has returned.
func (x site) callReturns(in *incoming) {
	x.answer(in, okay)
}

// relay takes a message that a client sent to another one. The server has it
// from here on.
func (x site) relay(in *incoming) {
	to := site{x.model, x.w, 1, server}
	f := x.fate(in.m)
	f.passed = min(f.passed+1, 2)
	if !to.end().alive || to.end().known == 0 {
		if in.kind == event {
			x.pushNack(in.n, in.m)
			f.refused, f.taken = true, true
		} else if served := x.find(in.m); served != nil {
			x.answer(served, notHandled)
		}
		return
	}
	if in.kind == event {
		to.sendRelayed(in)
		f.taken = true
		return
	}
	to.sendRelayed(in)
	if served := x.find(in.m); served != nil && served.canceled {
		to.cancel(in.m)
	}
}

func (x site) sendRelayed(in *incoming) {
	origin := in.n
	if in.old {
		origin = 0
	}
	x.w.fates[in.m-1].leg[1] = leg{}
	x.send(in.m, origin)
	if in.flagged {
		o := &x.end().out[seqS]
		if o.n > 0 && o.e[o.n-1].m == in.m {
			o.e[o.n-1].old = true
		}
	}
}

// cancel says that nobody waits for a call any more.
func (x site) cancel(i id) {
	g := x.leg(i)
	switch {
	case g.state == 3:
	case x.unreceived(i):
		x.ended(i, x.neverSent(i))
	default:
		g.canceled, g.toCancel = true, true
	}
}

// unreceived reports whether the other side will never see a call unless it is
// written again.
func (x site) unreceived(i id) bool {
	g := x.leg(i)
	o := &x.end().out[x.seqOfCall(i)]
	return g.state == 1 || g.state == 2 && g.ref > o.acked && g.ref >= o.cursor
}

func (x site) seqOfCall(i id) int8 {
	if x.msg(i).nested != 0 && x.has(nestedInR) {
		return seqR
	}
	return seqS
}

// position is what a side tells in the handshake.
func (x site) position() position {
	e := x.end()
	return position{
		first: [2]int8{e.out[seqS].acked + 1, e.out[seqR].acked + 1}, rx: e.rx, incarnation: e.known,
	}
}

// adopt takes what the other side told. It reports false if that cannot be.
func (x site) adopt(p position, resumed bool) bool {
	e := x.end()
	if resumed && e.restored {
		if p.rx[seqS] > e.out[seqS].last() {
			return false // a kept queue has all that was written
		}
		x.rejoin(p)
	} else if resumed {
		for seq := range e.out {
			if p.rx[seq] > e.out[seq].last() || x.has(tellFirst) && p.first[seq] > e.rx[seq]+1 {
				return false
			}
		}
	} else {
		if x.side == server {
			p.rx = [2]int8{} // of an incarnation that is over
			x.forget()
		}
		for seq := range e.out {
			if p.rx[seq] > e.out[seq].last() {
				return false
			}
		}
		x.restart(p)
		if !x.has(goOnBehindTaken) {
			p.rx = [2]int8{}
		}
	}
	e.restored = false
	if resumed {
		x.acked(seqR, max(p.rx[seqR], e.out[seqR].acked), true)
	}
	for seq := range e.out {
		o := &e.out[seq]
		o.cursor = max(p.rx[seq], o.acked) + 1
		if !x.has(goOnBehindReceived) {
			o.cursor = o.acked + 1
		}
	}
	if !x.has(windowOnNextConnection) && e.out[seqS].acked < p.rx[seqS] {
		x.acked(seqS, p.rx[seqS], true)
	}
	return true
}

// rejoin: the process is new, and goes on with the session of the one before.
func (x site) rejoin(p position) {
	e := x.end()
	r := &e.out[seqR]
	r.acked, r.cursor = p.rx[seqR], p.rx[seqR]+1
	e.rx = [2]int8{p.first[seqS] - 1, p.first[seqR] - 1}
	e.done, e.started, e.told = e.rx[seqS], e.rx[seqS], e.rx
}

// peerRestarted: the process at the other side is new, and goes on with the
// session.
func (x site) peerRestarted() {
	e := x.end()
	for i := range x.messages {
		if m := id(i) + 1; x.msg(m).call && x.ours(m, x) && (x.msg(m).session == x.k || x.msg(m).relay) {
			x.restartCall(m, 0)
		}
	}
	for seq := range e.out {
		o := &e.out[seq]
		for j := o.n - 1; j >= 0; j-- {
			f := &o.e[j]
			switch {
			case f.kind == skip:
			case seq == seqS:
				f.old = f.old || j < o.numbered && !f.fresh && x.has(newProcessIsFlagged)
			case f.kind == nestedCall:
				x.ended(f.m, notSent)
			case f.kind != nack:
				*f = entry{kind: skip}
			}
		}
		o.sweep()
	}
	for j := range e.serving {
		e.serving[j].canceled = e.serving[j].m != 0
	}
}

// forget: the session goes on in a new incarnation. What was received and not
// begun comes again.
func (x site) forget() {
	e := x.end()
	e.inbox, e.inboxed = [mostInbox]incoming{}, 0
	if e.waits {
		return
	}
	e.floor = max(e.floor, e.started)
	e.floorDone, e.waits = e.floor, e.running.m != 0
	if e.waits {
		e.floorDone = e.done
	}
}

// release: the handler that is waited for has returned.
func (x site) release() {
	e := x.end()
	if !e.waits {
		return
	}
	e.waits, e.floorDone = false, e.floor
	if e.rx[seqS] >= e.floor {
		e.done = max(e.done, e.floor)
	}
	e.ackNow = true
}

// restart begins a new incarnation.
func (x site) restart(p position) {
	e := x.end()
	if x.has(forgetReceived) {
		first := [2]int8{p.first[seqS] - 1, p.first[seqR] - 1}
		if !x.has(tellFirst) {
			first = [2]int8{}
		}
		e.rx = [2]int8{max(first[seqS], e.floor), first[seqR]}
		e.done, e.started = e.rx[seqS], e.rx[seqS]
		if e.waits {
			e.done = max(first[seqS], e.floorDone)
		}
		e.told = [2]int8{e.done, e.rx[seqR]}
	}
	for i := range x.messages {
		m := id(i) + 1
		if q := x.msg(m); q.call && x.ours(m, x) && (q.session == x.k || q.relay) {
			x.restartCall(m, p.rx[seqS])
		}
		if x.k == x.msg(m).session || x.msg(m).relay {
			x.fate(m).refused = false // the number that a NACK would name means nothing now
		}
		if f := x.fate(m); x.side == client && e.known != 0 && x.k == 0 && f.taken && !f.finished && !x.msg(m).call {
			f.gone = true // the program is told that a server or a session has ended, and that this may be the result
		}
	}
	s := &e.out[seqS]
	for j := range s.numbered {
		if f := &s.e[j]; f.kind != skip && x.has(flagWhatWasWritten) {
			f.old = f.old || !f.fresh
		}
	}
	r := &e.out[seqR]
	defer r.sweep()
	for j := r.n - 1; j >= 0; j-- { // backwards, because a call that ends is swept out
		f := &r.e[j]
		if f.kind == nestedCall {
			x.ended(f.m, notSent)
		} else if x.has(oldAnswersAreVoid) {
			*f = entry{kind: skip}
		}
	}
	for j := range e.serving {
		if e.serving[j].m == 0 {
			continue
		}
		e.serving[j].old, e.serving[j].canceled = true, true
		if !e.serving[j].begun {
			e.serving[j] = incoming{}
		}
	}
	e.running.old = e.running.m != 0
	kept := e.inbox
	e.inbox, e.inboxed = [mostInbox]incoming{}, 0
	for _, in := range kept {
		if in.kind != 0 && in.kind != call {
			in.old = true
			e.inbox[e.inboxed] = in
			e.inboxed++
		}
	}
}

// restartCall: the other side that a call may have been with is gone, or has
// begun what is up to number taken.
func (x site) restartCall(i id, taken int8) {
	g := x.leg(i)
	if g.state != 2 {
		return
	}
	o := &x.end().out[x.seqOfCall(i)]
	if g.ref > o.acked && g.ref <= o.last() && o.e[g.ref-o.acked-1].fresh {
		return
	}
	switch {
	case !x.msg(i).repeatable || g.canceled:
		if x.has(unknownWhenRestarted) {
			x.ended(i, unknown)
		}
	case g.ref > max(o.acked, taken):
		g.again = true // written again with its number
	case x.has(repeatBehind):
		x.voidCall(i)
		g.again, g.kept, g.state = true, false, 1
		x.push(seqS, entry{kind: call, m: i, old: true})
	}
}

// connected begins a connection.
func (x site) connected() {
	e := x.end()
	e.up = true
	if x.has(ackOnConnect) {
		e.ackNow = true
	}
	for i := range x.messages {
		m := id(i) + 1
		if q := x.msg(m); !q.call || !x.ours(m, x) || q.session != x.k && !q.relay {
			continue
		}
		switch g := x.leg(m); {
		case g.state != 2 || !g.canceled:
		case x.unreceived(m):
			x.ended(m, x.neverSent(m))
		case x.has(cancelAgain):
			g.toCancel = true
		}
	}
}

// closed takes the other side's farewell.
func (x site) closed(f frame) bool {
	o := &x.end().out[seqS]
	done, started := f.n, f.ref
	if done >= o.cursor || started >= o.cursor || done > started {
		return false
	}
	if x.has(doneInFarewell) {
		x.acked(seqS, max(done, o.acked), true)
	}
	for n := max(started, o.acked) + 1; n <= o.last(); n++ {
		e := &o.e[n-o.acked-1]
		e.fresh = !e.old || !x.has(flagStays)
		if !x.has(flagStays) {
			e.old = false
		}
	}
	return true
}

// gaveUp ends a side: its calls end, what was not acknowledged is reported.
func (x site) gaveUp() {
	e := x.end()
	for i := range x.messages {
		m := id(i) + 1
		q, g := x.msg(m), x.leg(m)
		if !q.call || !x.ours(m, x) || q.session != x.k && !q.relay || g.state == 0 || g.state == 3 {
			continue
		}
		if x.unreceived(m) {
			x.ended(m, x.neverSent(m))
		} else {
			x.ended(m, unknown)
		}
	}
	o := &e.out[seqS]
	for j := range o.n {
		if o.e[j].kind != event {
			continue
		}
		f := x.fate(o.e[j].m)
		if o.e[j].origin != 0 {
			if x.has(givenUpIsTold) {
				site{x.model, x.w, 0, server}.pushNack(o.e[j].origin, o.e[j].m)
			}
			f.refused = true
			continue
		}
		if x.has(givenUpIsTold) {
			f.gone = true
		}
	}
}
