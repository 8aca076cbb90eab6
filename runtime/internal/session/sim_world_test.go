package session

import (
	"fmt"
	"slices"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// The simulator runs a server and up to twelve clients over a network that
// loses connections, in virtual time and on one goroutine, so that a seed is a
// history. [Domain], [Member], [Client], [Session], [Log], [Broadcasts],
// [Pulse] and package wire are those of production; sockets, goroutines,
// handlers and the program are played.

// A source makes the choices of a history.
type source interface {
	intn(n int) int // 0 ≤ result < n
	more() bool     // false when the history is to come to its end
}

// A world is one history.
type world struct {
	src      source
	now      int64
	ticked   int64 // the last second that the janitors have seen
	server   *simServer
	life     int
	nextLife int64 // when a server that has ended is followed by another
	clients  []*simClient
	sides    []*side // of servers that live; those of clients are theirs
	lanes    []*lane
	names    []string
	byes     map[*pipe]int // of connections whose last frame to the client is a farewell: the life of its server
	unposted map[*sent]bool
	book     book
	ids      uint64
	settling bool

	processes int
	stats     stats
	reached   [points]uint32
	trace     []string
}

// stats is how much happened in a history.
type stats struct {
	seeds, steps, accepted, handled, frames, cuts, serverCrashes, serverShutdowns, clientEnds int
}

// failure is what a world panics with when a promise is broken.
type failure string

func (w *world) failf(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

func (w *world) logf(format string, args ...any) {
	if w.trace != nil {
		w.trace = append(w.trace, fmt.Sprintf("%d.%03d ", w.now/second, w.now%second/millisecond)+fmt.Sprintf(format, args...))
	}
}

// draw returns an identifier that no other is equal to.
func (w *world) draw() (id wire.ID) {
	w.ids++
	id[0] = 1
	for i := range 8 {
		id[15-i] = byte(w.ids >> (8 * i))
	}
	return id
}

func newWorld(src source, traced bool) *world {
	w := &world{src: src, now: second, byes: map[*pipe]int{}, unposted: map[*sent]bool{}}
	if traced {
		w.trace = []string{}
	}
	w.book.w = w
	w.newServer()
	n := 1 + src.intn(3)
	if src.intn(4) == 0 {
		n = 1 + src.intn(12)
	}
	for i := range n {
		w.names = append(w.names, fmt.Sprintf("n%d", i))
		w.newClient(w.names[i], 1)
	}
	return w
}

// run plays the history, then lets everything come to rest.
func (w *world) run() {
	for w.src.more() {
		w.stats.steps++
		w.step()
		w.check()
	}
	w.settle()
}

// anySide returns a side of the world.
func (w *world) anySide() *side {
	i := w.src.intn(len(w.clients) + len(w.sides))
	if i < len(w.clients) {
		if c := w.clients[i]; c.state != 4 {
			return c.side
		}
		return nil
	}
	return w.sides[i-len(w.clients)]
}

// step does one thing that could happen next.
func (w *world) step() {
	w.now += int64(w.src.intn(30)) * millisecond
	w.resolve()
	op := w.src.intn(1000)
	switch {
	case op < 300: // lanes
		if ln := w.anyLane(); ln != nil {
			if w.src.intn(2) == 0 {
				ln.write()
			} else {
				ln.read()
			}
		}
	case op < 420:
		for range 3 {
			if ln := w.anyLane(); ln != nil {
				ln.write()
			}
			if ln := w.anyLane(); ln != nil {
				ln.read()
			}
		}
	case op < 470:
		w.clients[w.src.intn(len(w.clients))].shake()
	case op < 620:
		if s := w.anySide(); s != nil {
			s.send()
		}
	case op < 720:
		if s := w.anySide(); s != nil {
			s.next()
		}
	case op < 770:
		if s := w.anySide(); s != nil {
			s.finishEvent(w.src.intn(4) == 0)
		}
	case op < 820:
		if s := w.anySide(); s != nil {
			s.answerCall()
		}
	case op < 840:
		if s := w.anySide(); s != nil {
			s.cancel()
		}
	case op < 855:
		if s := w.anySide(); s != nil {
			if s.client != nil {
				s.client.fireTimer()
			} else {
				s.fireTimer()
			}
		}
	case op < 865:
		if s := w.anySide(); s != nil {
			s.mark()
			s.pump()
		}
	case op < 890:
		c := w.clients[w.src.intn(len(w.clients))]
		if c.state != 4 {
			c.nextBroadcast()
			if w.src.intn(2) == 0 {
				c.finishBroadcast()
			}
		}
	case op < 905:
		w.publish()
	case op < 930:
		if ln := w.anyLane(); ln != nil {
			ln.cut()
			w.stats.cuts++
		}
	case op < 936: // nothing arrives for a while
		if ln := w.anyLane(); ln != nil {
			ln.pipe.to[w.src.intn(2)].from = w.now + int64(w.src.intn(25))*second
		}
	case op < 950:
		w.wait(1 + w.src.intn(6))
	case op < 952:
		w.wait(1 + w.src.intn(150))
	case op < 960:
		w.forge()
	case op < 972:
		w.newComer()
	case op < 978:
		w.endClient()
	case op < 984:
		w.endServer()
	default:
		w.exchange(1 + w.src.intn(3))
	}
	w.tick()
}

// anyLane returns an open lane, often of those that are in use.
func (w *world) anyLane() *lane {
	if len(w.lanes) > 40 || len(w.lanes) > 0 && !w.lanes[0].open {
		w.lanes = slices.DeleteFunc(w.lanes, func(ln *lane) bool { return !ln.open })
	}
	if len(w.lanes) == 0 {
		return nil
	}
	ln := w.lanes[w.src.intn(len(w.lanes))]
	if !ln.open {
		return nil
	}
	return ln
}

// exchange lets everybody write and read for some rounds.
func (w *world) exchange(rounds int) {
	for range rounds {
		for i := 0; i < len(w.lanes); i++ { // some are made meanwhile
			w.lanes[i].write()
		}
		for i := 0; i < len(w.lanes); i++ {
			if ln := w.lanes[i]; ln.open {
				if in := &ln.pipe.to[ln.at]; w.now >= in.from && len(in.bytes) > 0 && ln.role != roleAsking {
					ln.take(len(in.bytes))
				} else {
					ln.read()
				}
			}
		}
		w.resolve()
	}
}

// wait lets seconds pass.
func (w *world) wait(seconds int) {
	for range seconds {
		w.now += second
		w.tick()
		if w.src.intn(8) > 0 {
			w.exchange(1)
		}
	}
}

// tick has the janitors look once a second.
func (w *world) tick() {
	for w.now/second > w.ticked {
		w.ticked++
		for i := 0; i < len(w.lanes); i++ {
			w.lanes[i].tick()
		}
		for _, c := range w.clients {
			c.tick()
		}
		for _, s := range w.allSides() {
			s.giveUp()
		}
		if w.server.party.alive {
			w.server.tick()
		}
	}
	if !w.server.party.alive && w.now >= w.nextLife {
		w.newServer()
	}
}

// resolve goes on with hellos whose name has a holder.
func (w *world) resolve() {
	for _, ln := range w.server.lanes {
		if ln.role == roleAsking {
			w.server.heardOf(ln, ln.uid)
		}
	}
	if len(w.server.lanes) > 60 {
		w.server.lanes = slices.DeleteFunc(w.server.lanes, func(ln *lane) bool { return !ln.open })
	}
	for _, c := range w.clients {
		if c.leaving && c.state != 4 {
			c.close(true)
		}
	}
}

// publish has the server broadcast; now and then more than a window.
func (w *world) publish() {
	if !w.server.party.alive {
		return
	}
	n := 1
	if w.server.cfg.RingBytes > 1<<19 && w.src.intn(20) == 0 {
		n = BroadcastFrames + w.src.intn(200)
	}
	for range n {
		m := w.book.message(&side{w: w, owner: w.server.party}, false, w.src.intn(100))
		m.all = true
		w.server.dom.Publish(&wire.Frame{Kind: wire.KindBroadcast, Command: m.command(), Payload: m.payload()}, wire.ID{}, w.now)
	}
	if n > 1 {
		w.reach(broadcastBurst)
	}
}

// forge has somebody write what breaks the rules: the connection ends, and
// nothing is lost.
func (w *world) forge() {
	ln := w.anyLane()
	if ln == nil || ln.role != rolePrivate && ln.role != roleDomain {
		return
	}
	out := &ln.pipe.to[1-ln.at]
	if out.fin || ln.pipe.to[ln.at].fin || ln.drainBy != 0 || ln.control != nil {
		return
	}
	if s := ln.peer.side; s != nil && s.core.rx[wire.S] > 0 && w.src.intn(2) == 0 {
		w.logf("number 1 is written again to %v", s)
		out.bytes = wire.Append(out.bytes, &wire.Frame{Kind: wire.KindEvent, Number: 1, Command: "again", Payload: []byte{0xf6}})
		return
	}
	far := uint64(1) << 40
	frames := []*wire.Frame{
		{Kind: wire.KindEvent, Number: far, Command: "forged", Payload: []byte{0xf6}},
		{Kind: wire.KindReply, Number: far, Ref: 2, Payload: []byte{0xf6}},
		{Kind: wire.KindAck, Number: far},
		{Kind: wire.KindAck, To: far},
		{Kind: wire.KindSkip, Sequence: wire.S, From: far, To: far},
		{Kind: wire.KindSkip, Sequence: wire.R, From: far, To: far},
		{Kind: wire.KindSkip, Sequence: wire.B, From: far, To: far},
		{Kind: wire.KindBroadcastAck, Number: far},
		{Kind: wire.KindAnswer, Number: 1, Payload: []byte{0xf6}},
		{Kind: wire.KindClose, From: far, To: far, Code: "forged"},
		{Kind: wire.KindClose, From: 1, Code: "forged"},
	}
	n := len(frames)
	if ln.role == roleDomain {
		n -= 2 // CLOSE from the server ends the domain lane, which is no news
	}
	f := frames[w.src.intn(n)]
	w.logf("forged at end %d: %s", ln.at, describeFrame(f))
	w.reach(forged)
	out.bytes = wire.Append(out.bytes, f)
	ln.end()
}

// newComer starts a client: in the place of one that has ended, or with a name
// that somebody has.
func (w *world) newComer() {
	if len(w.clients) > 14 {
		w.clients = slices.DeleteFunc(w.clients, func(c *simClient) bool { return c.state == 4 })
	}
	alive := 0
	for _, c := range w.clients {
		if c.state != 4 {
			alive++
		}
	}
	if alive >= 12 {
		return
	}
	name, uid := w.names[w.src.intn(len(w.names))], uint32(1)
	if w.src.intn(10) == 0 {
		uid = 2
	}
	w.newClient(name, uid)
}

func (w *world) endClient() {
	c := w.clients[w.src.intn(len(w.clients))]
	if c.state == 4 {
		return
	}
	w.stats.clientEnds++
	switch w.src.intn(3) {
	case 0:
		c.crash()
	case 1:
		c.close(false)
	default:
		c.close(true)
	}
}

func (w *world) endServer() {
	sv := w.server
	if !sv.party.alive {
		return
	}
	switch how := w.src.intn(4); {
	case how == 0:
		w.stats.serverCrashes++
		sv.crash()
	case how == 1 && !sv.drains:
		sv.shutdown()
	case how > 1 && (sv.drains || w.src.intn(3) == 0):
		w.stats.serverShutdowns++
		sv.goodbye()
	}
}

// settle lets everything come to rest and checks that it does: whatever
// happened, sides that live and talk leave nothing behind.
func (w *world) settle() {
	w.logf("settle")
	w.settling = true
	if w.server.party.alive && w.server.drains {
		w.server.crash()
	}
	// Of those that have the same name, one remains.
	seen := map[string]bool{}
	for _, c := range slices.Clone(w.clients) {
		if c.state != 4 && (seen[c.party.name] || c.leaving) {
			c.crash()
		}
		if c.state != 4 {
			seen[c.party.name] = true
		}
	}
	for round := range 1500 {
		for _, c := range w.clients {
			c.retryAt = min(c.retryAt, w.now+second)
			c.shake()
		}
		w.exchange(2)
		for _, s := range w.allSides() {
			s.next()
			s.finishEvent(false)
			s.answerCall()
			s.fireTimer()
		}
		for _, c := range w.clients {
			if c.state != 4 {
				for c.finishBroadcast(); c.cl.Broadcasts.inbox.len() > 0; c.finishBroadcast() {
					c.nextBroadcast()
				}
				c.fireTimer()
			}
		}
		w.resolve()
		w.check()
		w.now += 100 * millisecond
		if round > 30 && round%10 == 0 && !w.allConnected() {
			w.now += second // holders of names that have died are given up in time
		}
		w.tick()
		if round > 4 && w.atRest() {
			w.book.settled()
			return
		}
	}
	text := ""
	for _, s := range w.allSides() {
		if !s.atRest() {
			text += "\n" + s.describe()
		}
	}
	for _, c := range w.clients {
		text += fmt.Sprintf("\n%v state %d, broadcasts received %d, done %d, told %d", c.party, c.state, c.cl.Broadcasts.rx, c.cl.Broadcasts.done, c.cl.Broadcasts.told)
	}
	w.failf("nothing comes to rest: server alive %v%s", w.server.party.alive, text)
}

func (w *world) allSides() []*side {
	sides := slices.Clone(w.sides)
	for _, c := range w.clients {
		if c.state != 4 {
			sides = append(sides, c.side)
		}
	}
	return sides
}

func (w *world) allConnected() bool {
	for _, c := range w.clients {
		if c.state != 4 && c.state != 3 {
			return false
		}
	}
	return true
}

func (w *world) atRest() bool {
	if !w.server.party.alive || !w.allConnected() {
		return false
	}
	living := 0
	for _, c := range w.clients {
		if c.state == 4 {
			continue
		}
		living++
		b := &c.cl.Broadcasts
		if !c.side.atRest() || c.event != nil || b.inbox.len() > 0 || b.rx != w.server.dom.Last() || b.done != b.told {
			return false
		}
	}
	members := w.server.dom.Members()
	for _, m := range members {
		if !m.Owner.(*seat).side.atRest() || m.Acked() != w.server.dom.Last() {
			return false
		}
	}
	return len(members) == living // those of clients that died are given up
}

// check looks at what must hold at every moment.
func (w *world) check() {
	w.server.checkIf()
	for _, s := range w.sides {
		s.checkIf()
	}
	for _, c := range w.clients {
		if c.state != 4 {
			c.side.checkIf()
			c.check()
		}
	}
}

func (sv *simServer) checkIf() {
	if sv.party.alive {
		sv.check()
	}
}

func (c *simClient) check() {
	b := &c.cl.Broadcasts
	if n := b.inbox.len(); n < 50 {
		bytes := 0
		for i := range n {
			if in := b.inbox.at(i); in.life == b.life {
				bytes += in.size
			}
		}
		if bytes != b.inBytes {
			c.w.failf("%v holds %d bytes of broadcasts, counted are %d", c.party, bytes, b.inBytes)
		}
	}
	if b.inbox.len() > 2*BroadcastFrames+1 || b.inBytes > BroadcastBytes+64<<10 {
		c.w.failf("%v holds %d broadcasts of %d bytes", c.party, b.inbox.len(), b.inBytes)
	}
}

func (s *side) checkIf() {
	if !s.dirty {
		return
	}
	s.dirty = false
	s.checkBooks()
	s.marks = slices.DeleteFunc(s.marks, func(mark uint64) bool {
		if !s.core.Passed(mark) {
			return false
		}
		s.w.reach(flushPassed)
		s.w.book.passed(s, mark)
		return true
	})
}
