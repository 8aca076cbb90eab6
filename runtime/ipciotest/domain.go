package ipciotest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/ipcio/ipcio-go/runtime/internal/poison"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// TB is what a Domain needs of a [testing.TB].
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// A Domain is a place in memory where one server and any number of clients
// meet. Any number of goroutines may use it.
type Domain struct {
	t TB

	mu       sync.Mutex // guards the fields below
	listener *listener  // that accepts; nil while there is no server
	links    map[*link]bool
	clients  int // how many were given a name
	every    int
	rng      *rand.Rand
	cuts     int
}

// Faults says which connections are cut by themselves.
type Faults struct {
	// Seed chooses where. The same seed and the same order of connections give
	// the same cuts.
	Seed uint64

	// CutEvery is the bound of what a connection carries: each is cut after a
	// random number of bytes below it, counted in each direction of its own. 0
	// means that none is cut. A bound below some 500 bytes lets no client
	// complete its handshake.
	CutEvery int
}

// New returns a domain without a server and clients. What it makes is closed
// when the test ends. Unless t is a benchmark, New makes the use of memory show
// that is lent no longer, in the whole process and from then on: see the package.
func New(t TB) *Domain {
	if _, measures := t.(interface{ ReportMetric(n float64, unit string) }); !measures {
		poison.Enable()
	}
	return &Domain{t: t, links: make(map[*link]bool)}
}

// ServerConfig returns cfg for a server in this domain. Listener is replaced,
// Dir is not used; a nil Logger discards. Each result is for one server; a
// server that has ended may be followed by another.
func (d *Domain) ServerConfig(cfg ipcio.ServerConfig) ipcio.ServerConfig {
	cfg.Listener = &listener{d: d, conns: make(chan net.Conn), done: make(chan struct{})}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// ClientConfig returns cfg for a client in this domain. Dial is replaced, Dir
// is not used; a nil Logger discards, and an empty Name becomes "client-1",
// "client-2" and so on.
func (d *Domain) ClientConfig(cfg ipcio.ClientConfig) ipcio.ClientConfig {
	return d.ClientConfigAs(self(), cfg)
}

// ClientConfigAs is ClientConfig for a client that the server takes for the
// process with these credentials.
func (d *Domain) ClientConfigAs(as ipcio.Credentials, cfg ipcio.ClientConfig) ipcio.ClientConfig {
	if cfg.Name == "" {
		d.mu.Lock()
		d.clients++
		cfg.Name = fmt.Sprintf("client-%d", d.clients)
		d.mu.Unlock()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	name := cfg.Name
	cfg.Dial = func(ctx context.Context) (net.Conn, error) { return d.dial(ctx, name, as) }
	return cfg
}

func self() ipcio.Credentials {
	return ipcio.Credentials{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()), PID: int32(os.Getpid())}
}

// Server returns a server in this domain that is not started. It is closed
// when the test ends.
func (d *Domain) Server(cfg ipcio.ServerConfig) *ipcio.Server {
	d.t.Helper()
	s, err := ipcio.NewServer(d.ServerConfig(cfg))
	if err != nil {
		d.t.Fatalf("ipciotest: %v", err)
	}
	d.t.Cleanup(func() { s.Close() })
	return s
}

// Client returns a client in this domain that is not started. It is closed
// when the test ends.
func (d *Domain) Client(cfg ipcio.ClientConfig) *ipcio.Client {
	d.t.Helper()
	c, err := ipcio.NewClient(d.ClientConfig(cfg))
	if err != nil {
		d.t.Fatalf("ipciotest: %v", err)
	}
	d.t.Cleanup(func() { c.Close() })
	return c
}

// Cut ends the connections that the client of this name has now, as a crash of
// the other side would: both sides read what is in the buffers and then the
// end. It reports whether there were any. The client connects again by itself.
func (d *Domain) Cut(client string) bool {
	links := d.linksOf(client)
	for _, l := range links {
		l.cut()
	}
	return len(links) > 0
}

// Hang stops the connections that the client of this name has now, as the stop
// of a process would: what either side writes does not arrive, until the
// buffers are full and writes block, and nobody is told. It reports whether
// there were any. Connections that the client makes later are not affected.
func (d *Domain) Hang(client string) bool {
	links := d.linksOf(client)
	for _, l := range links {
		l.hang()
	}
	return len(links) > 0
}

func (d *Domain) linksOf(client string) []*link {
	d.mu.Lock()
	defer d.mu.Unlock()
	var links []*link
	for l := range d.links {
		if l.client == client {
			links = append(links, l)
		}
	}
	return links
}

// SetFaults replaces the faults of connections that are made from now on. The
// zero Faults let them last.
func (d *Domain) SetFaults(f Faults) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.every, d.rng = f.CutEvery, rand.New(rand.NewPCG(f.Seed, 0))
}

// Cuts returns how many connections were cut by Faults so far.
func (d *Domain) Cuts() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cuts
}

// dial connects a client to whoever accepts.
func (d *Domain) dial(ctx context.Context, client string, as ipcio.Credentials) (net.Conn, error) {
	d.mu.Lock()
	l := d.listener
	if l == nil {
		d.mu.Unlock()
		return nil, &net.OpError{Op: "dial", Net: "memory", Err: syscall.ECONNREFUSED}
	}
	link := newLink(d, client, as)
	if d.every > 0 {
		link.up.budget, link.down.budget = 1+d.rng.IntN(d.every), 1+d.rng.IntN(d.every)
	}
	d.links[link] = true
	d.mu.Unlock()

	var err error
	select {
	case l.conns <- link.server:
		return link.clientConn, nil
	case <-l.done:
		err = syscall.ECONNREFUSED
	case <-ctx.Done():
		err = ctx.Err()
	}
	link.cut()
	d.forget(link)
	return nil, &net.OpError{Op: "dial", Net: "memory", Err: err}
}

func (d *Domain) forget(l *link) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.links, l)
}

func (d *Domain) faulted() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cuts++
}

// A listener is what one server accepts from. It serves the domain from its
// first Accept to its Close.
type listener struct {
	d     *Domain
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// Accept waits for a client.
func (l *listener) Accept() (net.Conn, error) {
	if err := l.serve(); err != nil {
		return nil, err
	}
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) serve() error {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	select {
	case <-l.done:
		return net.ErrClosed
	default:
	}
	if l.d.listener != nil && l.d.listener != l {
		return fmt.Errorf("ipciotest: %w: close the other server first", ipcio.ErrDomainInUse)
	}
	l.d.listener = l
	return nil
}

// Close ends Accept; connections live on.
func (l *listener) Close() error {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	l.once.Do(func() { close(l.done) })
	if l.d.listener == l {
		l.d.listener = nil
	}
	return nil
}

// Addr returns an address that says where the server is.
func (l *listener) Addr() net.Addr { return address{} }

type address struct{}

func (address) Network() string { return "memory" }
func (address) String() string  { return "memory" }
