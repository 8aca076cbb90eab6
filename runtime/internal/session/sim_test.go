package session

import (
	"fmt"
	"slices"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// The simulator runs two sides of one session over a network that loses
// connections, in virtual time and on one goroutine, so that a seed is a
// history. Side 0 is the client, which lives as long as the history; side 1 is
// the server, which is restarted, gives the session up, or says goodbye.
//
// Connections are made as the runtime makes them, step by step, and each step
// may be the last. What is sent travels as bytes, through package wire.

const (
	client = 0
	server = 1
)

// A source makes the choices of a history.
type source interface {
	intn(n int) int // 0 ≤ result < n
	more() bool     // false when the history is to come to its end
}

// A world is one history.
type world struct {
	src   source
	now   int64
	sides [2]*side
	life  int // of the server's session, from 1; a restart and a session given up begin the next
	book  book
	trace []string // what happened, for the report of a failure

	incarnations int    // drawn so far
	known        [2]int // the incarnation each side believes in; 0: none
	shaking      handshake
}

// A conn is one connection of the private lane, seen from each of its ends.
type conn struct {
	queue [2][][]byte // frames on their way to the side
	open  [2]bool     // the side has not closed its end
	bye   int         // the life of the server that had done all it began when it said goodbye, which is the last frame to the client; 0: none
}

// A handshake is how far the client's next connection has come.
type handshake struct {
	step        int // 0: not begun
	hello       Positions
	welcome     Positions
	incarnation int
	resumed     bool
	conn        *conn
}

// failure is what a world panics with when a promise is broken.
type failure string

func (w *world) failf(format string, args ...any) {
	panic(failure(fmt.Sprintf(format, args...)))
}

func (w *world) logf(format string, args ...any) {
	if w.trace != nil {
		w.trace = append(w.trace, fmt.Sprintf(format, args...))
	}
}

func newWorld(src source, traced bool) *world {
	w := &world{src: src, life: 1, now: 1}
	if traced {
		w.trace = []string{}
	}
	w.book.w = w
	for who := range w.sides {
		cfg := Config{
			QueueFrames: 1 + src.intn(16), QueueBytes: 300 + src.intn(8000), WhenFull: Policy(src.intn(2)),
			WindowFrames: 1 + src.intn(8), WindowBytes: 200 + src.intn(3000), Calls: 1 + src.intn(6),
		}
		w.sides[who] = &side{w: w, who: who, cfg: cfg, core: New(cfg)}
		w.logf("side %d: %+v", who, cfg)
	}
	return w
}

// run plays the history, then lets everything come to rest.
func (w *world) run() {
	for w.src.more() {
		w.step()
		w.check()
	}
	w.settle()
}

// step does one thing that could happen next.
func (w *world) step() {
	w.now += int64(w.src.intn(20))
	s := w.sides[w.src.intn(2)]
	switch op := w.src.intn(100); {
	case op < 20:
		s.send()
	case op < 36:
		s.write(1 + w.src.intn(2500))
	case op < 56:
		s.read()
	case op < 66:
		s.next()
	case op < 73:
		s.finishEvent(w.src.intn(4) == 0)
	case op < 80:
		s.answerCall()
	case op < 83:
		s.cancel()
	case op < 85:
		s.fireTimer()
	case op < 87:
		s.mark()
	case op < 88:
		s.core.Widen(1+w.src.intn(12), w.src.intn(4000))
		s.pump()
	case op < 96:
		w.shake()
	case op < 97 && w.src.intn(2) == 0:
		w.cut(s)
	case op < 98:
		w.failHandshake()
	case op < 99:
		w.endServer(w.src.intn(4))
	}
}

// shake takes the next step of the client's next connection. The order is the
// runtime's: hello and welcome on the domain lane, then both on the private
// one.
func (w *world) shake() {
	c, s, h := w.sides[client], w.sides[server], &w.shaking
	switch h.step {
	case 0:
		if c.conn != nil || s.core.drain {
			return
		}
		*h = handshake{step: 1, hello: c.positions(), incarnation: w.known[client]}
	case 1: // the hello arrives and fences what is left of the former connection
		if s.core.drain {
			w.failHandshake()
			return
		}
		if s.conn != nil {
			s.down()
		}
		if h.resumed = h.incarnation != 0 && h.incarnation == w.known[server]; !h.resumed {
			h.hello.SRx, h.hello.RRx = 0, 0
		}
		if err := s.core.Adopt(h.hello, h.resumed); err != nil {
			w.failf("the server cannot adopt %+v: %v", h.hello, err)
		}
		s.pump()
		if !h.resumed {
			w.incarnations++
			w.known[server] = w.incarnations
			w.book.newIncarnation()
		}
		h.welcome, h.incarnation, h.step = s.positions(), w.known[server], 2
	case 2: // the welcome arrives
		if err := c.core.Adopt(h.welcome, h.resumed); err != nil {
			w.failf("the client cannot adopt %+v: %v", h.welcome, err)
		}
		w.known[client], h.step = h.incarnation, 3
		c.pump()
	case 3: // the private lane's hello arrives
		if w.known[server] != h.incarnation || s.core.drain {
			w.failHandshake()
			return
		}
		h.conn = &conn{open: [2]bool{true, true}}
		s.up(h.conn)
		h.step = 4
	case 4:
		c.up(h.conn)
		w.shaking = handshake{}
	}
	w.logf("%d handshake step %d, resumed %v, incarnations %v", w.now, h.step, h.resumed, w.known)
}

// failHandshake loses the connection that is being made.
func (w *world) failHandshake() {
	if c := w.shaking.conn; c != nil {
		c.open[client] = false
		c.queue[client] = nil
	}
	w.shaking = handshake{}
}

// cut ends s's end of the connection. What is on its way from s may arrive in
// part; what is on its way to s is lost.
func (w *world) cut(s *side) {
	if s.conn == nil {
		return
	}
	w.logf("%d cut by side %d", w.now, s.who)
	out := &s.conn.queue[1-s.who]
	if keep := w.src.intn(len(*out) + 1); keep < len(*out) {
		*out = (*out)[:keep]
		s.conn.bye = 0
	}
	s.down()
}

// endServer ends the life of the server's session in one of four ways.
func (w *world) endServer(how int) {
	s := w.sides[server]
	switch how {
	case 0: // it dies
		w.logf("%d the server dies", w.now)
		if s.conn != nil {
			w.cut(s)
		}
	case 1: // it gives up a session whose client is away
		if s.conn != nil || w.known[server] == 0 {
			return
		}
		w.logf("%d the server gives the session up", w.now)
		s.core.End("peer_gone", "gone")
		s.pump()
		w.book.ended(server)
	case 2: // it begins to shut down
		w.logf("%d the server drains", w.now)
		s.core.Drain()
		return
	case 3: // it says goodbye, with handlers running or not
		w.logf("%d the server says goodbye", w.now)
		s.core.Drain()
		w.sayGoodbye(s)
	}
	w.failHandshake()
	w.life++
	w.known[server] = 0
	w.sides[server] = &side{w: w, who: server, cfg: s.cfg, core: New(s.cfg)}
	w.book.serverReplaced()
}

func (w *world) sayGoodbye(s *side) {
	if s.conn == nil {
		return
	}
	done, started := s.core.Farewell()
	if c := s.conn; c.open[client] {
		s.write(1 << 20) // what is left goes first
		c.queue[client] = append(c.queue[client], wire.Append(nil, &wire.Frame{Kind: wire.KindClose, Code: "closed", From: done, To: started}))
		if s.event == nil {
			c.bye = w.life
		}
	}
	if s.conn != nil {
		s.down()
	}
}

// settle lets everything come to rest and checks that it does: whatever
// happened, two sides that live and talk leave nothing behind.
func (w *world) settle() {
	w.logf("%d settle", w.now)
	if w.sides[server].core.drain {
		w.endServer(0)
	}
	for range 3000 {
		for w.sides[client].conn == nil || w.sides[server].conn != w.sides[client].conn {
			if c := w.sides[client]; c.conn != nil {
				if len(c.conn.queue[client]) == 0 {
					c.down()
					continue
				}
				c.read()
				continue
			}
			w.shake()
		}
		for _, s := range w.sides {
			s.write(1 << 20)
		}
		for _, s := range w.sides {
			for s.conn != nil && len(s.conn.queue[s.who]) > 0 {
				s.read()
			}
			s.next()
			s.finishEvent(false)
			s.answerCall()
			s.fireTimer()
			w.check()
		}
		w.now += 100
		if w.sides[client].atRest() && w.sides[server].atRest() {
			w.book.settled()
			return
		}
	}
	w.failf("nothing comes to rest: client %s, server %s", w.sides[client].describe(), w.sides[server].describe())
}

// check looks at what must hold at every moment.
func (w *world) check() {
	for _, s := range w.sides {
		s.checkBooks()
	}
	for _, s := range w.sides {
		s.marks = slices.DeleteFunc(s.marks, func(m mark) bool {
			if !s.core.Passed(m.mark) {
				return false
			}
			w.book.passed(s, m.upTo)
			return true
		})
	}
}
