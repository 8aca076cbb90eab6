package ipciotest

import (
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// bufferSize is what one direction of a connection holds, as a socket's buffer
// does.
const bufferSize = 64 << 10

// A link is one connection: two pipes, and a conn at either end.
type link struct {
	d                  *Domain
	client             string
	up, down           *pipe
	clientConn, server *conn
}

func newLink(d *Domain, client string, as ipcio.Credentials) *link {
	l := &link{d: d, client: client, up: newPipe(), down: newPipe()}
	l.clientConn = &conn{link: l, in: l.down, out: l.up, peer: self()}
	l.server = &conn{link: l, in: l.up, out: l.down, peer: as}
	return l
}

// cut ends both directions for both sides. What is in the buffers can be read.
func (l *link) cut() {
	l.up.change(func(p *pipe) { p.writerGone, p.readerGone = true, true })
	l.down.change(func(p *pipe) { p.writerGone, p.readerGone = true, true })
}

func (l *link) hang() {
	l.up.change(func(p *pipe) { p.hung = true })
	l.down.change(func(p *pipe) { p.hung = true })
}

// A pipe is one direction of a connection. A condition, and not a channel of
// bytes, because deadlines and the far end wake whoever waits, too; and in a
// synctest bubble waiting for it lets time pass.
type pipe struct {
	mu     sync.Mutex // guards the fields below
	wake   *sync.Cond
	buf    []byte
	budget int // what it carries until it is cut; 0: any number of bytes

	writerGone, readerGone bool // the far end has closed, or the connection was cut
	hung                   bool // nothing arrives any more

	writeEnd, readEnd deadline
}

// A deadline is the state of one end of a pipe.
type deadline struct {
	closed bool // by its own conn
	at     time.Time
	timer  *time.Timer
}

func newPipe() *pipe {
	p := new(pipe)
	p.wake = sync.NewCond(&p.mu)
	return p
}

func (p *pipe) change(f func(*pipe)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
	p.wake.Broadcast()
}

// check says why an end cannot go on, or nil.
func (e *deadline) check() error {
	switch {
	case e.closed:
		return net.ErrClosed
	case !e.at.IsZero() && !time.Now().Before(e.at):
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if err := p.readEnd.check(); err != nil {
			return 0, err
		}
		switch {
		case len(b) == 0:
			return 0, nil
		case p.hung: // whatever there is does not arrive
		case len(p.buf) > 0:
			n := copy(b, p.buf)
			p.buf = p.buf[n:]
			if len(p.buf) == 0 {
				p.buf = nil
			}
			p.wake.Broadcast()
			return n, nil
		case p.writerGone:
			return 0, io.EOF
		}
		p.wake.Wait()
	}
}

// write reports cut if its budget was used up.
func (p *pipe) write(b []byte) (n int, cut bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if err := p.writeEnd.check(); err != nil {
			return n, false, err
		}
		switch room := bufferSize - len(p.buf); {
		case p.readerGone && !p.hung:
			return n, false, io.ErrClosedPipe
		case len(b) == 0:
			return n, false, nil
		case room > 0:
			take := min(room, len(b))
			if p.budget > 0 {
				take = min(take, p.budget)
			}
			p.buf = append(p.buf, b[:take]...)
			b = b[take:]
			n += take
			p.wake.Broadcast()
			if p.budget > 0 {
				if p.budget -= take; p.budget == 0 {
					return n, true, io.ErrClosedPipe
				}
			}
			continue
		}
		p.wake.Wait()
	}
}

// setDeadline sets the deadline of one of the pipe's ends.
func (p *pipe) setDeadline(e *deadline, at time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.closed {
		return net.ErrClosed
	}
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
	e.at = at
	if wait := time.Until(at); !at.IsZero() && wait > 0 {
		e.timer = time.AfterFunc(wait, func() { p.change(func(*pipe) {}) })
	}
	p.wake.Broadcast()
	return nil
}

func (p *pipe) closeEnd(e *deadline) {
	e.closed = true
	if e.timer != nil {
		e.timer.Stop()
	}
}

// A conn is one end of a link. Like a socket's, its far end reads what was
// written before the Close.
type conn struct {
	link    *link
	in, out *pipe
	peer    ipcio.Credentials
}

// Credentials returns those of the process at the other end.
func (c *conn) Credentials() (ipcio.Credentials, error) { return c.peer, nil }

func (c *conn) Read(b []byte) (int, error) { return c.in.read(b) }

func (c *conn) Write(b []byte) (int, error) {
	n, cut, err := c.out.write(b)
	if cut {
		c.link.d.faulted()
		c.link.cut()
	}
	return n, err
}

func (c *conn) Close() error {
	c.in.change(func(p *pipe) {
		p.closeEnd(&p.readEnd)
		p.readerGone = true
	})
	c.out.change(func(p *pipe) {
		p.closeEnd(&p.writeEnd)
		p.writerGone = true
	})
	c.link.d.forget(c.link)
	return nil
}

func (c *conn) SetReadDeadline(t time.Time) error  { return c.in.setDeadline(&c.in.readEnd, t) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.out.setDeadline(&c.out.writeEnd, t) }

func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *conn) LocalAddr() net.Addr  { return address{} }
func (c *conn) RemoteAddr() net.Addr { return address{} }
