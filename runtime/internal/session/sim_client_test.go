package session

import (
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A simClient is one process of a client. What it decides about sessions is
// [Client]; the rest stands for the runtime's connecting goroutine and its
// janitor.
type simClient struct {
	w     *world
	party *party
	uid   uint32
	cl    *Client
	side  *side

	state           int // 0: not connected, 1: waits for the domain lane, 2: for the private lane, 3: connected, 4: ended
	began           int64
	retryAt         int64
	domain, private *lane
	leaving         bool // ends when all is done

	event *Incoming // the broadcast whose handler runs
	timer bool

	base     uint64 // the position of B when the incarnation began
	heard    uint64 // broadcasts since then that were handled, told of, or its own
	lastNum  uint64
	restarts int
}

func (w *world) newClient(name string, uid uint32) *simClient {
	src := w.src
	w.processes++
	c := &simClient{w: w, party: &party{name: name, alive: true}, uid: uid}
	policy := Policy(src.intn(2))
	cfg := Config{
		QueueFrames: 1 + src.intn(16), QueueBytes: 300 + src.intn(8000), WhenFull: policy,
		WindowFrames: 1 + src.intn(8), WindowBytes: 200 + src.intn(3000), Calls: 1 + src.intn(6), FrameBytes: 1 << 20,
	}
	frame := 1 << 20
	if src.intn(6) == 0 {
		frame = LeastFrameBytes
	}
	c.side = &side{w: w, owner: c.party, core: New(cfg), client: c, blocked: policy == Refuse && src.intn(2) == 0}
	c.cl = &Client{Core: c.side.core, Token: w.draw(), Name: name, FrameBytes: frame}
	w.clients = append(w.clients, c)
	w.logf("client %s of user %d: %+v, frames of %d", name, uid, cfg, frame)
	return c
}

// shake begins to connect.
func (c *simClient) shake() {
	w := c.w
	if c.state != 0 || w.now < c.retryAt || !w.server.listens {
		return
	}
	hello := c.cl.Hello()
	ln, far := w.connect()
	w.server.accept(far, c.uid)
	w.logf("%v says hello: %d, positions %d %d %d %d %d", c.party, hello.Attempt, hello.SFirst, hello.RFirst, hello.SRx, hello.RRx, hello.BRx)
	c.sendHello(ln, hello)
	c.domain, c.state, c.began = ln, 1, w.now
	ln.greet = c.welcomed
	ln.ended = func() { c.lost(ln) }
}

func (c *simClient) sendHello(ln *lane, h *wire.Hello) {
	frame, err := wire.AppendHello(nil, h)
	if err != nil {
		c.w.failf("hello: %v", err)
	}
	ln.send(frame)
	if c.w.src.intn(8) > 0 {
		ln.write()
	}
}

// welcomed takes the answer on the domain lane.
func (c *simClient) welcomed(content []byte) {
	w := c.w
	welcome, refuse, err := wire.ParseAnswerToHello(content)
	switch {
	case err != nil:
		w.failf("the answer to hello: %v", err)
	case refuse != nil:
		w.logf("%v is refused: %s", c.party, refuse.Code)
		if refuse.Code == "invalid" {
			w.failf("%v is refused: %s", c.party, refuse.Message)
		}
		c.retryAt = w.now + second
		c.domain.end()
		return
	}
	if err := c.adopt(welcome); err != nil {
		w.failf("%v cannot adopt %+v: %v", c.party, welcome, err)
	}
	c.domain.role = roleDomain
	c.domain.receive = c.receiveDomain
	if !w.server.listens {
		c.domain.end()
		return
	}
	ln, far := w.connect()
	w.server.accept(far, c.uid)
	hello := c.cl.HelloPrivate(welcome)
	if w.src.intn(40) == 0 { // somebody who knows the token and not the cookie
		forged := *hello
		forged.Cookie = make([]byte, 16)
		spy, far := w.connect()
		w.server.accept(far, c.uid)
		spy.greet = func(content []byte) {
			if _, refuse, err := wire.ParseAnswerToHello(content); err != nil || refuse == nil {
				w.failf("a private lane with a wrong cookie is welcome")
			}
			w.reach(wrongCookie)
			spy.end()
		}
		c.sendHello(spy, &forged)
	}
	c.sendHello(ln, hello)
	c.private, c.state = ln, 2
	ln.greet = c.welcomedPrivate
	ln.ended = func() { c.lost(ln) }
}

func (c *simClient) adopt(welcome *wire.Welcome) error {
	w := c.w
	before := c.side.core.out[wire.S]
	restarted, err := c.cl.Adopt(welcome)
	if err != nil {
		return err
	}
	switch {
	case welcome.Resumed:
		w.reach(resumed)
		if before.acked < welcome.SRx {
			w.reach(resumedBehindRx)
		}
		if o := &c.side.core.out[wire.S]; o.cursor <= o.last() {
			w.reach(resendsOnResume)
			if o.queue.len() > 0 {
				w.reach(newBehindResent)
			}
		}
	default:
		c.base, c.heard, c.lastNum = welcome.BPos, 0, welcome.BPos
		if restarted {
			c.restarts++
			w.reach(newIncarnation)
			if welcome.SRx > before.acked {
				w.reach(begunIsNotTakenAgain)
			}
		}
	}
	w.logf("%v adopts, resumed %v, rx %d", c.party, welcome.Resumed, welcome.SRx)
	c.side.pump()
	return nil
}

// welcomedPrivate takes the answer on the private lane.
func (c *simClient) welcomedPrivate(content []byte) {
	_, refuse, err := wire.ParseAnswerToHello(content)
	switch {
	case err != nil:
		c.w.failf("the answer to hello: %v", err)
	case refuse != nil:
		c.w.reach(privateRefused)
		c.private.end()
		return
	}
	c.w.logf("%v is connected", c.party)
	c.w.reach(privateWelcomed)
	c.state = 3
	ln := c.private
	ln.role, ln.side, ln.next, ln.receive = rolePrivate, c.side, c.side.private, c.receivePrivate
	c.domain.next = func() []byte { return c.cl.Broadcasts.Output(nil) }
	c.cl.Up()
	if c.side.core.ackNow && !c.side.core.owesAck() {
		c.w.reach(ackRepeated)
	}
	c.side.pump()
}

// lost is called when a lane has ended.
func (c *simClient) lost(ln *lane) {
	switch {
	case ln == c.domain && c.state == 3 && c.private.open:
		c.w.reach(domainLaneLost)
		c.private.drain()
	case ln == c.domain, ln == c.private:
		if ln == c.private && c.state == 3 {
			c.w.reach(privateLaneLost)
		}
		if c.state != 4 {
			c.state = 0
		}
		domain, private := c.domain, c.private
		c.domain, c.private = nil, nil
		c.cl.Core.Down()
		c.side.pump()
		for _, other := range []*lane{domain, private} {
			if other != nil {
				other.end()
			}
		}
	}
}

func (c *simClient) receivePrivate(f *wire.Frame) bool {
	if f.Kind != wire.KindClose {
		return c.side.receive(f)
	}
	w := c.w
	if err := c.cl.Core.Closed(f.From, f.To); err != nil {
		w.logf("%v: %v", c.party, err) // forged
		return false
	}
	w.reach(serverGoodbye)
	o := &c.side.core.out[wire.S]
	for i := range o.flight.len() {
		if e := o.flight.at(i); e.fresh && e.call != nil {
			w.reach(callNotStarted)
		}
	}
	c.cl.Core.Down()
	c.side.pump()
	if life := w.byes[c.private.pipe]; life != 0 {
		w.book.cleanEnd(c.party, life)
	}
	return false
}

func (c *simClient) receiveDomain(f *wire.Frame) bool {
	b := &c.cl.Broadcasts
	if f.Kind == wire.KindSkip && f.Code == "" && f.Sequence == wire.B {
		c.w.reach(ownBroadcastSkipped)
	}
	_, err := b.Receive(f, clone)
	if err == nil && f.Kind == wire.KindBroadcast {
		c.w.reach(seqB)
	}
	if err != nil {
		c.w.reach(violationEndsLane)
	}
	return err == nil
}

// nextBroadcast begins what is next on the domain lane.
func (c *simClient) nextBroadcast() {
	if c.event != nil {
		return
	}
	in := c.cl.Broadcasts.Next()
	if in == nil {
		return
	}
	current := in.life == c.cl.Broadcasts.life
	if current {
		if in.Number <= c.lastNum {
			c.w.failf("%v handles broadcast %d after %d", c.party, in.Number, c.lastNum)
		}
		c.lastNum = in.Number
	}
	if in.Kind == wire.KindSkip {
		switch in.Reason {
		case "expired":
			c.w.reach(broadcastsExpired)
		case "too_large":
			c.w.reach(broadcastTooLarge)
		}
		if current {
			c.heard += in.Count
			if in.Reason == "" {
				c.heard++
			}
		}
		c.doneBroadcast(in)
		return
	}
	if current {
		c.heard++
	}
	c.w.book.heard(c, in)
	c.event = in
}

func (c *simClient) finishBroadcast() {
	if in := c.event; in != nil {
		c.event = nil
		c.doneBroadcast(in)
	}
}

func (c *simClient) doneBroadcast(in *Incoming) {
	if c.cl.Broadcasts.Done(in) {
		c.timer = true
	}
}

func (c *simClient) fireTimer() {
	if c.timer {
		c.timer = false
		c.cl.Broadcasts.AckTimer()
	}
	c.side.fireTimer()
}

// tick is the janitor's work.
func (c *simClient) tick() {
	if c.state == 1 || c.state == 2 {
		if c.w.now-c.began > 5*second {
			for _, ln := range []*lane{c.domain, c.private} {
				if ln != nil {
					ln.end()
				}
			}
		}
	}
}

// crash ends the process without a word.
func (c *simClient) crash() {
	c.w.reach(clientCrash)
	c.w.logf("%v dies", c.party)
	domain, private := c.domain, c.private
	c.die()
	for _, ln := range []*lane{domain, private} {
		if ln != nil {
			ln.cut()
		}
	}
}

func (c *simClient) die() {
	c.state = 4
	c.party.alive = false
	c.domain, c.private = nil, nil
	c.w.book.died(c.side)
}

// close ends the process in order, now or when all is done.
func (c *simClient) close(flush bool) {
	if flush && !c.leaving {
		c.leaving = true
		c.side.leftAt = c.side.core.Mark()
		c.side.mark()
		c.side.pump()
		return
	}
	if len(c.side.marks) > 0 && flush {
		return
	}
	w := c.w
	w.logf("%v says goodbye", c.party)
	domain, private, connected := c.domain, c.private, c.state == 3
	if flush {
		w.reach(clientShutdown)
		w.book.flushed(c.side)
	} else {
		w.reach(clientClose)
	}
	done, started := c.cl.Core.Farewell()
	c.side.waiting = nil
	c.cl.Core.End("closed", "closed")
	c.side.pump()
	w.book.ended(c.side)
	c.die()
	if private != nil && !connected {
		private.ended = nil
		private.end()
	} else if private != nil {
		private.next = nil
		private.last, private.closing = wire.Append(nil, &wire.Frame{Kind: wire.KindClose, Code: "closed", From: done, To: started}), true
		private.ended = nil
		private.write()
		private.write()
		private.end()
	}
	if domain != nil {
		domain.end()
	}
}
