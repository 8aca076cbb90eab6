package session

import (
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// The network of the simulation: streams of bytes that arrive late, in pieces,
// or not at all. It stands for the sockets, and for the goroutines that read
// and write them.

const (
	millisecond = int64(1e6)
	second      = int64(1e9)
)

// The ends of a pipe.
const (
	clientEnd = 0
	serverEnd = 1
)

// A pipe is one connection.
type pipe struct{ to [2]stream }

// A stream is what is on its way to one end of a pipe.
type stream struct {
	bytes []byte
	from  int64 // nothing arrives before: delay, or a peer that is stopped
	fin   bool  // nothing will follow: the other end is closed
}

// full is how many bytes a stream takes before its writer has to wait.
const full = 32 << 10

type role uint8

const (
	roleGreeting role = iota // the server has no hello yet; the client waits for the welcome of its domain lane
	roleAsking               // the server waits for the holder of a name
	roleDomain
	rolePrivate
)

// A lane is one end of a pipe.
type lane struct {
	w      *world
	pipe   *pipe
	peer   *lane
	side   *side // of a private lane
	at     int
	role   role
	open   bool
	made   int64
	buf    []byte // received, not yet a frame
	parser wire.Parser

	pulse   Pulse
	heard   bool
	drainBy int64 // ends then; 0: not yet

	control []byte // written before all else
	last    []byte // written when nothing else is left; then the lane is closed
	closing bool

	next    func() []byte            // what is to be written
	receive func(f *wire.Frame) bool // takes a frame; false ends the lane
	greet   func(content []byte)     // takes the first frame; nil once there was one
	ended   func()

	hello  *wire.Hello // of a lane that asks
	holder *lane       // the lane that is asked for a sign of life
	asked  int64       // when
	uid    uint32
	ponged bool
}

// connect makes a connection and returns its ends.
func (w *world) connect() (client, server *lane) {
	p := new(pipe)
	client = &lane{w: w, pipe: p, at: clientEnd, open: true, made: w.now}
	server = &lane{w: w, pipe: p, at: serverEnd, open: true, made: w.now}
	client.peer, server.peer = server, client
	if w.src.intn(4) == 0 {
		p.to[serverEnd].from = w.now + int64(w.src.intn(400))*millisecond
		p.to[clientEnd].from = w.now + int64(w.src.intn(400))*millisecond
	}
	w.lanes = append(w.lanes, client, server)
	w.server.lanes = append(w.server.lanes, server)
	return client, server
}

// end closes the lane.
func (ln *lane) end() {
	if !ln.open {
		return
	}
	ln.open = false
	ln.control, ln.last = nil, nil
	ln.pipe.to[ln.at].bytes = nil
	ln.pipe.to[1-ln.at].fin = true
	if ln.ended != nil {
		ln.ended()
	}
}

// drain has the lane read to its end before it is closed.
func (ln *lane) drain() {
	if ln.open && ln.drainBy == 0 {
		ln.drainBy = ln.w.now + second
	}
}

// cut loses the connection at this end: what it has sent arrives in part, the
// other end learns of it late.
func (ln *lane) cut() {
	if !ln.open {
		return
	}
	out := &ln.pipe.to[1-ln.at]
	ln.w.reach(cutConnection)
	if keep := ln.w.src.intn(len(out.bytes) + 1); ln.w.src.intn(2) == 0 && keep < len(out.bytes) {
		out.bytes = out.bytes[:keep]
		ln.w.reach(cutLosesBytes)
	}
	ln.end()
}

func (ln *lane) send(frames []byte) { ln.control = append(ln.control, frames...) }

func (ln *lane) sendFrame(f *wire.Frame) { ln.send(wire.Append(nil, f)) }

// write hands what is next to the connection.
func (ln *lane) write() {
	out := &ln.pipe.to[1-ln.at]
	if !ln.open || ln.drainBy != 0 && ln.pipe.to[ln.at].fin || len(out.bytes) > full {
		return
	}
	b := ln.control
	ln.control = nil
	if ln.next != nil {
		b = append(b, ln.next()...)
	}
	closed := false
	if len(b) == 0 && ln.closing {
		b, ln.last, closed = ln.last, nil, true
	}
	if len(b) > 0 && ln.pipe.to[ln.at].fin {
		ln.drain() // the write fails: what came last is still to be read
		if ln.pipe.to[ln.at].bytes != nil {
			ln.w.reach(readAfterFailedWrite)
		}
		return
	}
	out.bytes = append(out.bytes, b...)
	if closed {
		ln.end()
	}
}

// read takes some of what has arrived.
func (ln *lane) read() {
	in := &ln.pipe.to[ln.at]
	if !ln.open || ln.w.now < in.from || ln.role == roleAsking {
		return
	}
	if len(in.bytes) == 0 {
		if in.fin {
			ln.end()
		}
		return
	}
	n := len(in.bytes)
	switch ln.w.src.intn(8) {
	case 0:
		n = 1
	case 1:
		n = 1 + ln.w.src.intn(n)
	case 2, 3, 4, 5, 6:
		n = ln.oneFrame(in.bytes)
	}
	ln.take(n)
}

// oneFrame returns how many bytes complete one frame.
func (ln *lane) oneFrame(b []byte) int {
	joined := b
	if len(ln.buf) > 0 {
		joined = append(append([]byte(nil), ln.buf...), b...)
	}
	if _, used, err := wire.Split(joined, 1<<24); err == nil && used > len(ln.buf) {
		return used - len(ln.buf)
	}
	return len(b)
}

func (ln *lane) take(n int) {
	in := &ln.pipe.to[ln.at]
	ln.buf = append(ln.buf, in.bytes[:n]...)
	if in.bytes = in.bytes[n:]; len(in.bytes) == 0 {
		in.bytes = nil
	}
	for ln.open && ln.role != roleAsking {
		content, used, err := wire.Split(ln.buf, 1<<24)
		if err != nil {
			ln.w.failf("what arrives is no frame: %v", err)
		}
		if used == 0 {
			return
		}
		frame := append([]byte(nil), content...)
		ln.buf = ln.buf[used:]
		ln.heard = true
		ln.frame(frame)
	}
}

func (ln *lane) frame(content []byte) {
	if greet := ln.greet; greet != nil {
		ln.greet = nil
		greet(content)
		return
	}
	var f wire.Frame
	if err := ln.parser.Parse(content, &f); err != nil {
		ln.w.failf("a frame cannot be parsed: %v", err)
	}
	ln.w.stats.frames++
	if ln.w.trace != nil && f.Kind != wire.KindPing && f.Kind != wire.KindPong {
		ln.w.logf("end %d of %p role %d reads %s", ln.at, ln.pipe, ln.role, describeFrame(&f))
	}
	switch f.Kind {
	case wire.KindPing:
		ln.sendFrame(&wire.Frame{Kind: wire.KindPong})
	case wire.KindPong:
		ln.ponged = true
	default:
		if !ln.receive(&f) {
			ln.end()
		}
	}
}

// tick is the janitor's work, once a second.
func (ln *lane) tick() {
	w := ln.w
	switch {
	case !ln.open:
		return
	case ln.drainBy != 0 && w.now >= ln.drainBy:
		ln.end()
		return
	case ln.role == roleAsking:
		return
	case ln.role == roleGreeting:
		patience := 2 * second
		if ln.at == clientEnd {
			patience = 5 * second
		}
		if w.now-ln.made > patience {
			w.reach(lateHello)
			ln.end()
		}
		return
	}
	ping, dead := ln.pulse.Tick(ln.heard)
	ln.heard = false
	switch {
	case dead:
		w.reach(silentIsDead)
		ln.end()
	case ping:
		w.reach(pinged)
		ln.sendFrame(&wire.Frame{Kind: wire.KindPing})
	}
}
