//go:build linux

package storm

import (
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Ending is how a Proxy ends a connection whose budget is used up.
type Ending uint8

// The endings. What was forwarded before arrives; the rest is lost.
const (
	Cut       Ending = iota // both sides are closed at once
	HalfClose               // one side reads the end, the other direction goes on for Plan.Hold
	Reset                   // nothing is read for Plan.Hold, then both are closed: whoever wrote meanwhile is reset
	Blackhole               // as Reset, but whoever writes meanwhile is taken from, and it is thrown away
	endings
)

// A Half is what a Proxy does to one direction of a connection.
type Half struct {
	Bytes int64         // the connection ends after so many; less than 0: never
	Chunk int           // bytes of one write; 0: as they come
	Delay time.Duration // before each write
}

// A Plan is what a Proxy does to one connection.
type Plan struct {
	Up, Down Half // towards the server, towards the client
	End      Ending
	Hold     time.Duration
}

// Forward is the plan of a connection that nothing happens to.
var Forward = Plan{Up: Half{Bytes: -1}, Down: Half{Bytes: -1}}

// A Proxy stands between clients and the server of a domain, on a socket of
// its own, and does to their connections what plans say.
type Proxy struct {
	listener *net.UnixListener
	target   string
	choose   func(n int) Plan
	running  sync.WaitGroup
	losses   atomic.Int64
	quit     chan struct{} // closed by Close

	mu     sync.Mutex // guards the fields below
	conns  map[*net.UnixConn]bool
	calm   bool
	closed bool
}

// socketName is that of the domain "default".
const socketName = "default.sock"

// NewProxy opens a proxy for clients in the directory dir, in front of the
// domain "default" in the directory of the server. choose is called with the
// number of each connection, from 1, one call at a time; nil stands for
// Forward.
func NewProxy(dir, server string, choose func(n int) Plan) (*Proxy, error) {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, socketName), Net: "unix"})
	if err != nil {
		return nil, err
	}
	if choose == nil {
		choose = func(int) Plan { return Forward }
	}
	p := &Proxy{
		listener: listener, target: filepath.Join(server, socketName), choose: choose,
		quit: make(chan struct{}), conns: make(map[*net.UnixConn]bool),
	}
	p.running.Go(p.accept)
	return p, nil
}

// Losses returns how many connections the proxy has ended by itself, with
// those that ended for good reason not among them.
func (p *Proxy) Losses() int { return int(p.losses.Load()) }

// Calm lets all connections from now on last.
func (p *Proxy) Calm() {
	p.mu.Lock()
	p.calm = true
	p.mu.Unlock()
}

// CutAll cuts all connections there are.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.losses.Add(int64(len(p.conns) / 2))
	for c := range p.conns {
		c.Close()
	}
}

// Close cuts all connections, removes the socket and waits until all
// goroutines have ended.
func (p *Proxy) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	close(p.quit)
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	err := p.listener.Close()
	p.running.Wait()
	return err
}

func (p *Proxy) accept() {
	for n := 1; ; {
		client, err := p.listener.AcceptUnix()
		if err != nil {
			return
		}
		server, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: p.target, Net: "unix"})
		if err != nil {
			client.Close() // nobody serves the domain at the moment
			continue
		}
		p.mu.Lock()
		closed, calm := p.closed, p.calm
		if !closed {
			p.conns[client], p.conns[server] = true, true
		}
		p.mu.Unlock()
		if closed {
			client.Close()
			server.Close()
			return
		}
		plan := Forward
		if !calm {
			plan = p.choose(n)
		}
		n++
		p.running.Go(func() { p.run(plan, client, server) })
	}
}

// run carries one connection to its end.
func (p *Proxy) run(plan Plan, client, server *net.UnixConn) {
	over := make(chan direction, 2) // what has come to its end, in which direction
	var halves sync.WaitGroup
	stop := make(chan struct{}) // closed when nothing more is to be forwarded
	forward := func(d direction) {
		halves.Go(func() {
			d.spent = p.forward(d, stop)
			over <- d
		})
	}
	forward(direction{half: plan.Up, from: client, to: server})
	forward(direction{half: plan.Down, from: server, to: client})
	first := <-over
	if first.spent {
		p.losses.Add(1)
		p.finish(plan, first, stop)
	}
	client.Close()
	server.Close()
	halves.Wait()
	p.mu.Lock()
	delete(p.conns, client)
	delete(p.conns, server)
	p.mu.Unlock()
}

type direction struct {
	half     Half
	from, to *net.UnixConn
	spent    bool // the budget, and not the connection, has come to its end
}

// forward copies until the connection ends, and reports false, or until its
// budget is used up.
func (p *Proxy) forward(d direction, stop <-chan struct{}) bool {
	size := 32 << 10
	if d.half.Chunk > 0 {
		size = min(size, d.half.Chunk)
	}
	b := make([]byte, size)
	for left := d.half.Bytes; left != 0; {
		most := len(b)
		if left > 0 {
			most = int(min(int64(most), left))
		}
		n, err := d.from.Read(b[:most])
		select {
		case <-stop:
			return false
		default:
		}
		if n > 0 && d.half.Delay > 0 && !p.pause(d.half.Delay) {
			return false
		}
		if n > 0 {
			if _, err := d.to.Write(b[:n]); err != nil {
				return false
			}
			if left > 0 {
				left -= int64(n)
			}
		}
		if err != nil {
			return false
		}
	}
	return true
}

// finish does what comes between the last byte that is forwarded and the end.
func (p *Proxy) finish(plan Plan, d direction, stop chan struct{}) {
	switch plan.End {
	case HalfClose:
		d.to.CloseWrite() // fails only if it has ended by itself
		p.pause(plan.Hold)
	case Reset:
		close(stop)
		// The other direction may be reading: it has to let go of what it gets.
		for _, c := range []*net.UnixConn{d.from, d.to} {
			c.SetReadDeadline(time.Unix(1, 0))
		}
		p.pause(plan.Hold)
	case Blackhole:
		close(stop)
		var sinks sync.WaitGroup
		for _, c := range []*net.UnixConn{d.from, d.to} {
			c.SetReadDeadline(time.Now().Add(plan.Hold))
			sinks.Go(func() {
				b := make([]byte, 4<<10)
				for {
					if _, err := c.Read(b); err != nil {
						return
					}
				}
			})
		}
		sinks.Wait()
	}
}

// pause waits, and reports false if the proxy is closed meanwhile.
func (p *Proxy) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.quit:
		return false
	}
}

// newDir makes a directory for sockets that only this user can enter. Its path
// is short: that of a socket holds about 100 bytes.
func newDir(name string) (string, error) {
	dir, err := os.MkdirTemp("", "ipcio-"+name)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o700)
}
