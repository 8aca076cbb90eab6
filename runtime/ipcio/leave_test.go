package ipcio

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A held listener hands out connections that are made here, and does something
// first when it is closed.
type heldListener struct {
	conns   chan net.Conn
	closing func() // may be nil
	once    sync.Once
}

func (l *heldListener) Accept() (net.Conn, error) {
	if conn, ok := <-l.conns; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (l *heldListener) Close() error {
	l.once.Do(func() {
		if l.closing != nil {
			l.closing()
		}
		close(l.conns)
	})
	return nil
}

func (l *heldListener) Addr() net.Addr { return &net.UnixAddr{Name: "held", Net: "unix"} }

// A heldConn is the server's end of a connection. It does something first when
// it is closed.
type heldConn struct {
	net.Conn
	closing func() // may be nil
	once    sync.Once
}

func (c *heldConn) Credentials() (Credentials, error) { return Credentials{}, nil }

func (c *heldConn) Close() error {
	c.once.Do(func() {
		if c.closing != nil {
			c.closing()
		}
	})
	return c.Conn.Close()
}

// An end is the client's end of one.
type heldEnd struct {
	t      *testing.T
	conn   net.Conn
	reader *wire.Reader
}

func newHeld(t *testing.T, closing func()) (*heldConn, *heldEnd) {
	theirs, ours := net.Pipe()
	t.Cleanup(func() { ours.Close() })
	if err := ours.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &heldConn{Conn: theirs, closing: closing}, &heldEnd{t: t, conn: ours, reader: wire.NewReader(ours, defaultFrameBytes)}
}

func (e *heldEnd) send(h *wire.Hello) {
	e.t.Helper()
	frame, err := wire.AppendHello(nil, h)
	if err == nil {
		_, err = e.conn.Write(frame)
	}
	if err != nil && !errors.Is(err, io.ErrClosedPipe) {
		e.t.Error(err)
	}
}

// answer returns the welcome to a hello; nil if it was not welcome.
func (e *heldEnd) answer() *wire.Welcome {
	content, err := e.reader.Next()
	if err != nil {
		return nil
	}
	w, _, err := wire.ParseAnswerToHello(content)
	if err != nil {
		e.t.Error(err)
	}
	return w
}

func domainHello() *wire.Hello {
	return &wire.Hello{
		Version: wire.Version, Lane: wire.LaneDomain, Token: []byte("0123456789abcdef"), Attempt: 1, Name: "held",
		FrameBytes: defaultFrameBytes, Frames: 64, Bytes: 1 << 20, Calls: 16,
	}
}

func privateHello(w *wire.Welcome) *wire.Hello {
	return &wire.Hello{Version: wire.Version, Lane: wire.LanePrivate, Token: domainHello().Token, Attempt: 1, Cookie: w.Cookie}
}

func heldServer(t *testing.T, listener *heldListener) *Server {
	t.Helper()
	s, err := NewServer(ServerConfig{
		Listener: listener, Logger: slog.New(slog.DiscardHandler), Access: func(Credentials) error { return nil },
	})
	if err == nil {
		err = s.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// A private lane whose hello the server takes just after the farewell of its
// session is not welcome: the client would write calls there, and never learn
// that they were not started.
func TestNoLaneIsWelcomeAfterTheFarewell(t *testing.T) {
	listener := &heldListener{conns: make(chan net.Conn)}
	s := heldServer(t, listener)
	private, end := newHeld(t, nil)
	var welcome *wire.Welcome
	var reached, accepted bool
	domain, domainEnd := newHeld(t, func() {
		// The farewell has seen that there is no private lane; the session is not
		// given up yet.
		reached = true
		refused := make(chan struct{})
		go func() {
			defer close(refused)
			if err := s.welcomePrivate(private, wire.NewReader(private, defaultFrameBytes), privateHello(welcome), Credentials{}); err != nil {
				private.Close()
			}
		}()
		accepted = end.answer() != nil
		end.conn.Close()
		<-refused
	})
	listener.conns <- domain
	domainEnd.send(domainHello())
	if welcome = domainEnd.answer(); welcome == nil {
		t.Fatal("the domain lane is not welcome")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !reached || accepted {
		t.Errorf("the end was reached: %v; the private lane was welcomed: %v", reached, accepted)
	}
}

// The same for a domain lane, which nobody would close later.
func TestNoSessionIsWelcomeAfterTheFarewell(t *testing.T) {
	s := heldServer(t, &heldListener{conns: make(chan net.Conn)})
	h := domainHello()
	m, _, err := s.domain.Claim(h, wire.Peer{}, s.ep.now())
	if err != nil {
		t.Fatal(err)
	}
	m.Owner.(*serverSession).farewell()
	again := *h
	again.Attempt++
	conn, end := newHeld(t, nil)
	welcomed := make(chan *wire.Welcome, 1)
	go func() {
		welcomed <- end.answer()
		end.conn.Close()
	}()
	err = s.welcomeDomain(conn, wire.NewReader(conn, defaultFrameBytes), &again, Credentials{})
	conn.Close()
	if w := <-welcomed; err == nil || w != nil {
		t.Errorf("%v %+v", err, w)
	}
}

// A connection that Close finds before its hello does not become a lane: it
// would be closed without a farewell.
func TestCloseAndAHelloAtTheSameTime(t *testing.T) {
	domain, domainEnd := newHeld(t, nil)
	private, end := newHeld(t, nil)
	listener := &heldListener{conns: make(chan net.Conn)}
	var welcome *wire.Welcome
	var reached, accepted bool
	listener.closing = func() { // Close has seen which connections have not said hello
		reached = true
		end.send(privateHello(welcome))
		accepted = end.answer() != nil
	}
	s := heldServer(t, listener)
	listener.conns <- domain
	domainEnd.send(domainHello())
	if welcome = domainEnd.answer(); welcome == nil {
		t.Fatal("the domain lane is not welcome")
	}
	listener.conns <- private
	for greeting := 0; greeting == 0; runtime.Gosched() {
		s.mu.Lock()
		greeting = len(s.hellos)
		s.mu.Unlock()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !reached || accepted {
		t.Errorf("the end was reached: %v; the private lane was welcomed: %v", reached, accepted)
	}
}

// A client that is being closed does not begin a connection, which would end
// without its farewell: the server would wait for it to come back.
func TestClosingClientBindsNoLanes(t *testing.T) {
	c, err := NewClient(ClientConfig{Dir: t.TempDir(), Name: "held", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.link.mu.Lock()
	c.link.leave()
	c.link.mu.Unlock()
	domain, domainEnd := newHeld(t, nil)
	private, privateEnd := newHeld(t, nil)
	lane := func(conn net.Conn) *lane {
		return newLane(conn, wire.NewReader(conn, defaultFrameBytes), &c.ep.owned)
	}
	if _, err := c.bind(lane(domain), lane(private)); !errors.Is(err, ErrClosed) {
		t.Errorf("bind: %v", err)
	}
	for _, end := range []*heldEnd{domainEnd, privateEnd} {
		if _, err := end.reader.Next(); err != io.EOF {
			t.Errorf("the connection ended with %v", err)
		}
	}
}
