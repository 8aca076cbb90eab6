package ipcio

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/sock"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

const (
	writeBatch = 64 << 10    // bytes gathered for one write
	writeChunk = 256 << 10   // bytes of one write: what a slow peer must take within silenceMost
	farewell   = time.Second // what the other side has to take the last words

	tick         = time.Second // of the janitor
	silenceMost  = session.DeadAfter * tick
	controlBytes = 1 << 20
)

var (
	errSilent   = errors.New("the other side is silent")
	errStuck    = errors.New("the other side does not read")
	errFenced   = errors.New("another connection of the same session has taken over")
	errFarewell = errors.New("the other side said goodbye")
)

// A lane is one connection: a reader, which whoever holds the role runs, and a
// writer that exists only while there is something to write. It ends once, for
// the first reason given.
type lane struct {
	conn   net.Conn
	direct *sock.Writer // for flush
	isRaw  bool         // there is one
	reader *wire.Reader
	parser wire.Parser
	frame  wire.Frame      // the last one that was read, but for its payload
	told   *peerCommands   // what the other side says of its commands; the reader's until it is complete
	owner  *sync.WaitGroup // waits for the lane's goroutines

	// handle takes a frame of the session; the reader calls it.
	handle func(*wire.Frame) error

	// knocked is called by the reader when the other side knocks. nil if it does
	// not.
	knocked func()

	link *link // of a private lane

	sharing sharing // of a private lane of a client

	// Of a private lane of a server:
	serves     bool          // the reader runs short handlers: see serve
	inbox      bool          // the reader is to run the inbox
	held       bool          // the reader is to have what there is written
	heldFrames int           // how many it has read since
	heldFor    time.Duration // how long handlers ran since
	loan       loan

	// next appends what is to be written now. It is called by the writer alone,
	// never under mu.
	next func(b []byte) []byte

	// ended is called once, from a goroutine of the lane or of whoever ended it,
	// after the connection was closed.
	ended func(err error)

	dead      atomic.Bool   // it has ended
	heard     atomic.Bool   // something was read since the last tick
	pulse     session.Pulse // the janitor's
	writingAt atomic.Int64  // when the write under way began, in nanoseconds since began; 0: none
	began     time.Time

	mu          sync.Mutex    // guards the fields below; nothing else is locked under it
	control     []byte        // frames to be written before all others
	last        []byte        // frames to be written when nothing else is left
	writing     bool          // the writer runs
	again       bool          // and is to look once more before it ends
	rest        []byte        // the buffer of which flush could not write all; the writer's
	written     int           // how much of it flush has written
	closing     bool          // end when all is written
	interrupted bool          // the read deadline is in the past: see interrupt
	readUntil   time.Time     // the read deadline but for that; zero: none
	asked       chan struct{} // closed when a pong comes; nil if nobody waits for one
	err         error         // why it ended; nil while it lives
	done        chan struct{}
}

func newLane(conn net.Conn, reader *wire.Reader, owner *sync.WaitGroup) *lane {
	ln := &lane{conn: conn, reader: reader, owner: owner, began: time.Now(), done: make(chan struct{})}
	ln.direct, ln.isRaw = sock.NewWriter(conn)
	return ln
}

// kick has the writer look for something to write.
func (ln *lane) kick() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.kickLocked()
}

func (ln *lane) kickLocked() {
	ln.again = true
	if !ln.writing && ln.err == nil {
		ln.writing = true
		ln.owner.Go(ln.write)
	}
}

// flush is kick for a goroutine that has nothing better to do until what it has
// to say is written, because it waits for the answer, or is the answer: it
// writes itself what the socket takes at once, which saves waking the writer.
// The writer does the rest. So flush never waits.
func (ln *lane) flush() {
	ln.mu.Lock()
	if !ln.isRaw || ln.writing || ln.err != nil {
		ln.kickLocked()
		ln.mu.Unlock()
		return
	}
	ln.writing = true
	ln.mu.Unlock()
	buf := getWriteBuffer()
	defer putWriteBuffer(buf)
	for range flushRounds {
		if !ln.round(buf, ln.writeNow) {
			return
		}
	}
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.err == nil {
		ln.owner.Go(ln.write)
	}
}

// flushRounds is how often flush looks for something to write: once for its own,
// and once more, usually to find nothing. What others send meanwhile must not
// keep a caller from its deadline.
const flushRounds = 2

// errBlocked says that the writer has the rest of what flush had to write.
var errBlocked = errors.New("the socket is full")

// writeNow writes b as far as the socket takes it; the writer gets b for the
// rest, and with it the buffer.
func (ln *lane) writeNow(b []byte) error {
	n, err := ln.direct.TryWrite(b)
	if err != nil || n == len(b) {
		return err
	}
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.err != nil {
		return ln.err
	}
	ln.rest, ln.written = b, n
	ln.owner.Go(ln.write) // flush is the writer, so there is no other
	return errBlocked
}

// put is the first send of a lane, for a goroutine that calls flush when it may.
func (ln *lane) put(frames []byte) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.control = append(ln.control, frames...)
}

// send has frames written before all others. It reports false if too much
// waits already.
func (ln *lane) send(frames []byte) bool {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if len(ln.control) > 0 && len(ln.control)+len(frames) > controlBytes {
		return false
	}
	ln.control = append(ln.control, frames...)
	ln.kickLocked()
	return true
}

var writeBuffers = sync.Pool{New: func() any { return new([]byte) }}

func getWriteBuffer() *[]byte { return writeBuffers.Get().(*[]byte) }

func putWriteBuffer(buf *[]byte) {
	if cap(*buf) > 4*writeBatch {
		wire.PutBuffer(*buf)
		*buf = nil
	}
	writeBuffers.Put(buf)
}

// write is the writer: it ends when nothing is left.
func (ln *lane) write() {
	buf := getWriteBuffer()
	defer putWriteBuffer(buf)
	if rest := ln.rest; rest != nil {
		ln.rest = nil
		wire.PutBuffer(*buf)
		*buf = rest
		if !ln.wrote(ln.writeAll(rest[ln.written:])) {
			return
		}
	}
	for ln.round(buf, ln.writeAll) {
	}
}

// round writes once what there is to write. It reports whether to go on: not if
// nothing is left, or somebody else is the writer now, or the lane ends.
func (ln *lane) round(buf *[]byte, write func([]byte) error) bool {
	ln.mu.Lock()
	ln.again = false
	b := append((*buf)[:0], ln.control...)
	ln.control = nil
	ln.mu.Unlock()

	b = ln.next(b)
	if len(b) == 0 {
		b = ln.takeLast(b)
	}
	if cap(b) != cap(*buf) { // it was too small
		wire.PutBuffer(*buf)
	}
	*buf = b
	if len(b) > 0 {
		err := write(b)
		if err == errBlocked {
			*buf = nil // it is the writer's
		}
		return ln.wrote(err)
	}
	ln.mu.Lock()
	more := ln.again && ln.err == nil
	closing := !more && ln.closing && ln.err == nil
	ln.writing = more
	ln.mu.Unlock()
	if closing {
		ln.end(errFarewell)
	}
	return more
}

// wrote sees to what a write has returned, and reports whether to go on.
func (ln *lane) wrote(err error) bool {
	switch {
	case err == nil:
		return true
	case err == errBlocked:
	case sock.DisconnectError(err):
		ln.drain() // and no writer runs again: writing stays true
	default:
		ln.end(err)
	}
	return false
}

func (ln *lane) takeLast(b []byte) []byte {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	b = append(b, ln.last...)
	ln.last = nil
	return b
}

func (ln *lane) writeAll(b []byte) error {
	for len(b) > 0 {
		ln.writingAt.Store(int64(time.Since(ln.began)) + 1)
		n, err := ln.conn.Write(b[:min(len(b), writeChunk)])
		ln.writingAt.Store(0)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// read is the standing reader: it hands every frame to handle until the lane
// ends. A frame's payload is valid until handle returns.
func (ln *lane) read() {
	for {
		if err := ln.step(); err != nil {
			ln.end(err)
			return
		}
	}
}

// step reads one frame and sees to it. All that a reader needs is in the lane,
// so that the role can be passed on between two frames.
func (ln *lane) step() error {
	f := &ln.frame
	content, err := ln.reader.Next()
	if err != nil {
		return err
	}
	ln.heard.Store(true)
	if err := ln.parser.Parse(content, f); err != nil {
		return err
	}
	err = ln.dispatch(f)
	f.Payload = nil // it is the buffer's
	if err != nil {
		return err
	}
	if ln.shared() && !ln.reader.Buffered() && ln.retire(false) {
		return errRested
	}
	return nil
}

func (ln *lane) dispatch(f *wire.Frame) error {
	switch {
	case f.Kind == wire.KindPing:
		ln.send(wire.Append(nil, &wire.Frame{Kind: wire.KindPong}))
		return nil
	case f.Kind == wire.KindPong:
		ln.answered()
		return nil
	case f.Kind == wire.KindKnock && ln.knocked != nil:
		ln.knocked()
		return nil
	case f.Kind&wire.Ignorable != 0 && f.Kind != wire.KindCommands:
		return nil
	}
	return ln.handle(f)
}

// watch is called by the janitor once a tick: it asks a silent peer for a sign
// of life, and ends the lane if there is none or if a write makes no progress.
func (ln *lane) watch() {
	if at := ln.writingAt.Load(); at != 0 && time.Since(ln.began)-time.Duration(at) > silenceMost {
		ln.end(errStuck)
		return
	}
	switch ping, dead := ln.pulse.Tick(ln.heard.Swap(false)); {
	case dead:
		ln.end(errSilent)
	case ping:
		ln.send(wire.Append(nil, &wire.Frame{Kind: wire.KindPing}))
	}
}

// sendNow is send for one who has nothing better to do than to write.
func (ln *lane) sendNow(frame *wire.Frame) {
	ln.mu.Lock()
	ln.control = wire.Append(ln.control, frame)
	ln.mu.Unlock()
	ln.flush()
}

// ask asks the other side for a sign of life. The channel is closed when it
// comes.
func (ln *lane) ask() <-chan struct{} {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.asked == nil {
		ln.asked = make(chan struct{})
	}
	ln.control = wire.Append(ln.control, &wire.Frame{Kind: wire.KindPing})
	ln.kickLocked()
	return ln.asked
}

func (ln *lane) answered() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.asked != nil {
		close(ln.asked)
		ln.asked = nil
	}
}

// drain ends the lane when what the other side has sent is read. It is for a
// lane whose other side is going away: its last words, which say how far our
// messages have come, may still be in the socket, also when a write has failed
// already or the other lane has ended. If only that lane was lost and the other
// side is still there, it reads our end and goes as well, at once: behind its
// last words there is nothing that it would wait for.
func (ln *lane) drain() {
	ln.mu.Lock()
	ln.readUntil = time.Now().Add(farewell)
	if !ln.interrupted {
		ln.conn.SetReadDeadline(ln.readUntil) // fails only if the lane has ended
	}
	ln.mu.Unlock()
	ln.rouse()
	if half, ok := ln.conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite() // fails only if the other side has gone
	}
}

// end closes the connection. The first reason counts.
func (ln *lane) end(err error) {
	ln.mu.Lock()
	if ln.err != nil {
		ln.mu.Unlock()
		return
	}
	ln.err = err
	ln.control = nil
	if ln.loan.timer != nil {
		ln.loan.timer.Stop()
	}
	ln.mu.Unlock()
	ln.conn.Close()
	ln.dead.Store(true)
	if n := ln.loan.number.Load(); n != 0 && ln.loan.number.CompareAndSwap(n, 0) {
		ln.owner.Done() // nobody is needed to read any more
	}
	close(ln.done)
	if ln.ended != nil {
		ln.ended(err)
	}
}

// finish writes what is left, then frames, and ends the lane; at once if the
// other side does not take them within a moment.
func (ln *lane) finish(frames []byte) {
	ln.mu.Lock()
	ln.last, ln.closing = frames, true
	ln.mu.Unlock()
	ln.flush()
	select {
	case <-ln.done:
		return
	default:
	}
	late := time.NewTimer(farewell)
	defer late.Stop()
	select {
	case <-ln.done:
	case <-late.C:
		ln.end(errFarewell)
	}
}

// ordinary reports whether a lane that ended with err needs no mention: the
// other side went away, or we did. A deadline is that of drain.
func ordinary(err error) bool {
	return err == nil || errors.Is(err, errFarewell) || errors.Is(err, errFenced) ||
		errors.Is(err, os.ErrDeadlineExceeded) || sock.DisconnectError(err)
}

// reason returns why the lane ended, nil while it lives.
func (ln *lane) reason() error {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	return ln.err
}
