package ipcio_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

func TestCloseInEveryState(t *testing.T) {
	d := newDomain(t)
	closeAll := func(what string, closers ...func() error) {
		t.Helper()
		promptly(t, what, func() {
			var all sync.WaitGroup
			for _, f := range closers {
				for range 3 {
					all.Go(func() { ok(t, f()) })
				}
			}
			all.Wait()
		})
	}
	newServer := func() *ipcio.Server {
		s, err := ipcio.NewServer(ipcio.ServerConfig{Dir: d.dir, Logger: quiet})
		ok(t, err)
		return s
	}
	s := newServer()
	closeAll("Close of a server before Start", s.Close)
	if err := s.Start(d.ctx()); !errors.Is(err, ipcio.ErrClosed) {
		t.Error(err)
	}
	s = newServer()
	closeAll("Shutdown of a server before Start", func() error { return s.Shutdown(d.ctx()) })
	ok(t, s.Wait())
	c := d.client(ipcio.ClientConfig{})
	closeAll("Close of a client before Start", c.Close)
	c = d.client(ipcio.ClientConfig{})
	closeAll("Shutdown of a client before Start", func() error { return c.Shutdown(d.ctx()) })
	c = d.client(ipcio.ClientConfig{})
	ok(t, c.Start())
	closeAll("Close of a client that looks for a server", c.Close)
	s, c = d.serve(), d.join("c")
	closeAll("Close of both at once", c.Close, s.Close)
	if got := d.files(); len(got) != 0 {
		t.Errorf("left behind: %q", got)
	}
}

// Start and Close at once: whoever wins, nothing is left.
func TestStartAndCloseAtOnce(t *testing.T) {
	d := newDomain(t)
	for range 50 * *threads {
		s, err := ipcio.NewServer(ipcio.ServerConfig{Dir: d.dir, Logger: quiet})
		ok(t, err)
		c := d.client(ipcio.ClientConfig{})
		var all sync.WaitGroup
		all.Go(func() {
			if err := s.Start(d.ctx()); err != nil && !errors.Is(err, ipcio.ErrClosed) {
				t.Error(err)
			}
		})
		all.Go(func() { ok(t, s.Close()) })
		all.Go(func() {
			if err := c.Connect(d.ctx()); err != nil && !errors.Is(err, ipcio.ErrClosed) {
				t.Error(err)
			}
		})
		all.Go(func() { ok(t, c.Close()) })
		promptly(t, "all of them", all.Wait)
		ok(t, s.Wait())
	}
	if got := d.files(); len(got) != 0 {
		t.Errorf("left behind: %q", got)
	}
}

// Close ends the ctx of handlers, and does not wait for those that ignore it.
func TestCloseDoesNotWaitForHandlers(t *testing.T) {
	d := newDomain(t)
	started, release := make(chan context.Context, 1), make(chan struct{})
	defer close(release)
	stubborn := func(ctx context.Context, _ *ipcio.Message) (any, error) {
		started <- ctx
		<-release
		return nil, nil
	}
	s := d.serve(func(s *ipcio.Server) { handle(t, s, "x", stubborn) })
	c := d.join("c", func(c *ipcio.Client) { handle(t, c, "x", stubborn) })
	ok(t, s.Emit(d.ctx(), "c", "x", nil))
	ctx := receive(t, "the client's handler", started)
	promptly(t, "Close of the client", func() { ok(t, c.Close()) })
	if !errors.Is(context.Cause(ctx), ipcio.ErrClosed) {
		t.Errorf("the ctx of the client's handler: %v", context.Cause(ctx))
	}
	c2 := d.join("c2")
	ok(t, c2.Emit(d.ctx(), "x", nil))
	ctx = receive(t, "the server's handler", started)
	promptly(t, "Close of the server", func() { ok(t, s.Close()) })
	if !errors.Is(context.Cause(ctx), ipcio.ErrClosed) {
		t.Errorf("the ctx of the server's handler: %v", context.Cause(ctx))
	}
}

func TestEmitThenShutdownDelivers(t *testing.T) {
	d := newDomain(t)
	seen := newRecorder[any]()
	d.serve(func(s *ipcio.Server) {
		handle(t, s, "last.words", record(seen))
		handle(t, s, "greeting", record(seen))
	})
	n := 200 * *scale
	for i := range n {
		c := d.client(ipcio.ClientConfig{})
		ok(t, c.Start(), c.Emit(d.ctx(), "last.words", i), c.Shutdown(d.ctx()))
		if got := seen.all(); len(got) != i+1 || got[i] != int64(i) {
			t.Fatalf("round %d: %v", i, got[max(0, len(got)-3):])
		}
	}
	// As processes that live for one message.
	for i := range 3 {
		spawn(t, "greeter", d.dir, fmt.Sprint("greeter", i)).quit()
	}
	for i, got := range seen.wait(t, n+3)[n:] {
		if want := fmt.Sprint("greeter", i); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

// The server's last events are delivered to connected clients.
func TestServerEmitThenShutdownDelivers(t *testing.T) {
	d := newDomain(t)
	seen := newRecorder[any]()
	for i := range 20 * *scale {
		s := d.serve()
		c := d.join("c", func(c *ipcio.Client) { handle(t, c, "n", record(seen)) })
		ok(t, s.Emit(d.ctx(), "c", "n", 2*i), s.Broadcast(d.ctx(), "n", 2*i+1), s.Shutdown(d.ctx()))
		seen.wait(t, 2*i+2)
		ok(t, c.Close())
	}
}

// Nothing is left of what has ended or never began: no goroutine (TestMain
// looks), no descriptor, no file.
func TestNothingIsLeft(t *testing.T) {
	d := newDomain(t)
	long := d.dir + "/" + strings.Repeat("d", 100)
	open := d.dir + "/open"
	ok(t, os.Mkdir(open, 0o755), os.Chmod(open, 0o755))
	for _, test := range []struct {
		name string
		run  func(i int)
		n    int
	}{
		{"a whole life", func(int) {
			s, c := d.serve(), d.join("c")
			failed(t)(c.Call(d.ctx(), "x", nil))
			ok(t, c.Close(), s.Close())
		}, 20},
		{"a path that is too long", func(int) {
			if _, err := ipcio.NewServer(ipcio.ServerConfig{Dir: long}); err == nil || !strings.Contains(err.Error(), "107") {
				t.Errorf("a path that is too long: %v", err)
			}
			if _, err := ipcio.NewClient(ipcio.ClientConfig{Dir: long}); err == nil {
				t.Error("a path that is too long")
			}
		}, 20},
		{"a directory that is open to others", func(int) {
			s, err := ipcio.NewServer(ipcio.ServerConfig{Dir: open, Logger: quiet})
			ok(t, err)
			if err := s.Start(d.ctx()); err == nil {
				t.Error("it is accepted")
			}
			if s.Started() {
				t.Error("it says that it is started")
			}
		}, 20},
		{"a domain in use", func(int) {
			s := d.serve()
			other, err := ipcio.NewServer(ipcio.ServerConfig{Dir: d.dir, Logger: quiet})
			ok(t, err)
			if err := other.Start(d.ctx()); !errors.Is(err, ipcio.ErrDomainInUse) {
				t.Error(err)
			}
			ok(t, s.Close())
			ok(t, other.Start(d.ctx()), other.Close()) // a failed Start is no end
		}, 10},
		{"an ended ctx", func(int) {
			s, err := ipcio.NewServer(ipcio.ServerConfig{Dir: d.dir, Logger: quiet})
			ok(t, err)
			if err := s.Start(expired()); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}, 10},
		{"names that are taken", func(int) {
			s, c := d.serve(), d.join("c")
			for range 10 {
				other := d.client(ipcio.ClientConfig{Name: "c"})
				if err := other.Connect(d.ctx()); !errors.Is(err, ipcio.ErrNameTaken) {
					t.Error(err)
				}
				ok(t, other.Close())
			}
			ok(t, c.Close(), s.Close())
		}, 3},
		{"a listener of the program's own", func(i int) {
			l, err := net.Listen("unix", fmt.Sprintf("%s/own%d.sock", d.dir, i))
			ok(t, err)
			s, err := ipcio.NewServer(ipcio.ServerConfig{Listener: l, Logger: quiet})
			ok(t, err)
			if i%2 == 0 {
				ok(t, s.Start(d.ctx()))
			}
			ok(t, s.Close())
			if err := l.Close(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the listener was open after Close of the server: %v", err)
			}
		}, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			before, goroutines := descriptors(t), runtime.NumGoroutine()
			for i := range test.n {
				test.run(i)
			}
			eventually(t, "the descriptors are closed", func() bool { return descriptors(t) <= before })
			eventually(t, "the goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines })
			if got := d.files(); len(got) != 1 || got[0] != "open" {
				t.Errorf("left behind: %q", got)
			}
		})
	}
}

func TestNothingIsLeftOfAThousandClients(t *testing.T) {
	d := newDomain(t)
	s := d.serve(func(s *ipcio.Server) { handle(t, s, "echo", echo) })
	before, goroutines := descriptors(t), runtime.NumGoroutine()
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 250 * *scale {
				c := d.client(ipcio.ClientConfig{})
				if err := c.Connect(d.ctx()); err != nil {
					t.Error(err)
					return
				}
				switch i % 3 {
				case 0:
					if _, err := c.Call(d.ctx(), "echo", g); err != nil {
						t.Error(err)
					}
				case 1:
					if err := c.Emit(d.ctx(), "echo", g); err != nil {
						t.Error(err)
					}
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	eventually(t, "the sessions have ended", func() bool { return len(s.Clients()) == 0 })
	eventually(t, "the descriptors are closed", func() bool { return descriptors(t) <= before })
	eventually(t, "the goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines })
}
