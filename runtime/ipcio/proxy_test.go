package ipcio_test

import (
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"testing"
)

// A proxy stands between clients and the server of a domain and cuts
// connections, after any number of bytes, in either direction.
type proxy struct {
	*domain // for the clients
	target  string
	ln      net.Listener
	running sync.WaitGroup

	mu     sync.Mutex
	rng    *rand.Rand
	every  int // a connection lasts up to so many bytes in each direction; 0: for ever
	conns  map[net.Conn]bool
	closed bool
	cuts   int
}

// newProxy returns a proxy in front of a domain. With every > 0 it cuts each
// connection after a random number of bytes below it, chosen by the seed.
func newProxy(t testing.TB, to *domain, every int, seed uint64) *proxy {
	t.Helper()
	return newDomain(t).proxy(to, every, seed)
}

// proxy is newProxy in the directory of d.
func (d *domain) proxy(to *domain, every int, seed uint64) *proxy {
	t := d.t
	t.Helper()
	p := &proxy{
		domain: d, target: to.path(), every: every, rng: rand.New(rand.NewPCG(seed, 0)), conns: make(map[net.Conn]bool),
	}
	var err error
	if p.ln, err = net.Listen("unix", filepath.Join(p.dir, "default.sock")); err != nil {
		t.Fatal(err)
	}
	p.running.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func (p *proxy) accept() {
	for {
		conn, err := p.ln.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", p.target)
		if err != nil {
			conn.Close() // nobody serves the domain at the moment
			continue
		}
		if !p.add(conn, server) {
			conn.Close()
			server.Close()
			return
		}
		p.running.Go(func() { p.forward(conn, server, p.budget()) })
		p.running.Go(func() { p.forward(server, conn, p.budget()) })
	}
}

func (p *proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = true
	}
	return !p.closed
}

// budget is how many bytes a direction of a connection carries; -1: any number.
func (p *proxy) budget() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.every == 0 {
		return -1
	}
	return p.rng.IntN(p.every)
}

// forward copies until an end of the connection, or until its budget is used
// up. What was copied arrives; the rest is lost.
func (p *proxy) forward(from, to net.Conn, budget int) {
	b := make([]byte, 32<<10)
	for budget != 0 {
		most := len(b)
		if budget > 0 {
			most = min(most, budget)
		}
		n, err := from.Read(b[:most])
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				break
			}
			if budget > 0 {
				budget -= n
			}
		}
		if err != nil {
			break
		}
	}
	from.Close()
	to.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	if budget == 0 {
		p.cuts++
	}
	delete(p.conns, from)
	delete(p.conns, to)
}

// cut ends all connections now.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
	p.cuts++
}

// calm lets all further connections last.
func (p *proxy) calm() {
	p.mu.Lock()
	p.every = 0
	p.mu.Unlock()
	p.cut()
}

// again opens a proxy that was closed. It does not cut anything.
func (p *proxy) again(to *domain) *proxy { return p.domain.proxy(to, 0, 0) }

func (p *proxy) cutCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cuts
}

func (p *proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.ln.Close()
	p.cut()
	p.running.Wait()
}
