//go:build linux

package storm

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// Whoever takes the socket away leaves a server that nobody can reach: it says
// so and ends, and the next one serves the clients that have been waiting.
func TestSocketTakenAway(t *testing.T) {
	for _, tt := range []struct {
		name string
		take func(dir, socket string) error
		give func(dir, socket string) error // makes room for the next server
		want error                          // what Wait returns is this; nil: any
	}{
		{name: "deleted", take: func(_, socket string) error { return os.Remove(socket) }, want: fs.ErrNotExist},
		{
			name: "replaced by a file",
			take: func(_, socket string) error {
				return errors.Join(os.Remove(socket), os.WriteFile(socket, nil, 0o600))
			},
			give: func(_, socket string) error { return os.Remove(socket) },
		},
		{
			name: "replaced by a socket",
			take: func(_, socket string) error {
				ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket + "2", Net: "unix"})
				if err != nil {
					return err
				}
				ln.SetUnlinkOnClose(false)
				return errors.Join(os.Rename(socket+"2", socket), ln.Close())
			},
		},
		{
			name: "moved with its directory",
			take: func(dir, _ string) error { return os.Rename(dir, dir+"-moved") },
			give: func(dir, _ string) error { return os.Rename(dir+"-moved", dir) },
			want: fs.ErrNotExist,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			base, err := newDir("taken")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(base)
			dir := filepath.Join(base, "d")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			socket := filepath.Join(dir, socketName)
			handled := make(chan int, 8)
			serve := func() *ipcio.Server {
				t.Helper()
				s, err := ipcio.NewServer(ipcio.ServerConfig{Dir: dir, Logger: silent})
				if err != nil {
					t.Fatal(err)
				}
				err = errors.Join(
					s.On("n", func(_ context.Context, m *ipcio.Message) (any, error) {
						var n int
						err := m.Decode(&n)
						handled <- n
						return nil, err
					}),
					s.Start(ctx),
				)
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			first := serve()
			defer first.Close()
			c, err := ipcio.NewClient(ipcio.ClientConfig{Dir: dir, Name: "c", Logger: silent})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := errors.Join(c.Connect(ctx), c.Emit(ctx, "n", 1), c.Flush(ctx)); err != nil {
				t.Fatal(err)
			}
			if err := tt.take(dir, socket); err != nil {
				t.Fatal(err)
			}
			why := first.Wait()
			if why == nil || tt.want != nil && !errors.Is(why, tt.want) {
				t.Errorf("the server ended with %v, want one that is %v", why, tt.want)
			}
			if err := c.Emit(ctx, "n", 2); err != nil {
				t.Error(err)
			}
			if tt.give != nil {
				if err := tt.give(dir, socket); err != nil {
					t.Fatal(err)
				}
			}
			second := serve()
			if err := errors.Join(c.Flush(ctx), c.Shutdown(ctx), second.Shutdown(ctx)); err != nil {
				t.Error(err)
			}
			if close(handled); len(handled) != 2 || <-handled != 1 || <-handled != 2 {
				t.Error("not both events were handled, once each")
			}
		})
	}
}

// A faultyConn breaks as sockets do, and as they hardly ever do: it reads and
// writes a few bytes at a time, and now and then it fails with some of them
// written.
type faultyConn struct {
	net.Conn
	faults *faults
}

type faults struct {
	mu     sync.Mutex // guards the fields below
	rng    *rand.Rand
	calm   bool
	broken int
}

// next chooses how many of n bytes go, and how it ends.
func (f *faults) next(n int) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calm || n == 0 {
		return n, nil
	}
	var err error
	if f.rng.IntN(50) == 0 {
		all := []error{syscall.ENOBUFS, syscall.EPIPE, syscall.ECONNRESET, syscall.ENOMEM, syscall.EIO}
		err = &net.OpError{Op: "write", Net: "unix", Err: os.NewSyscallError("write", all[f.rng.IntN(len(all))])}
		f.broken++
	}
	return f.rng.IntN(n + 1), err
}

func (c *faultyConn) Read(b []byte) (int, error) {
	n, err := c.faults.next(len(b))
	if err != nil {
		return 0, err // what has arrived is lost with the connection
	}
	return c.Conn.Read(b[:max(n, min(1, len(b)))])
}

// CloseWrite is there because the connections of a domain have it.
func (c *faultyConn) CloseWrite() error { return c.Conn.(*net.UnixConn).CloseWrite() }

func (c *faultyConn) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, fault := c.faults.next(len(b) - done)
		n, err := c.Conn.Write(b[done : done+n])
		done += n
		if err = errors.Join(fault, err); err != nil {
			return done, err
		}
	}
	return done, nil
}

// Errors and pieces of every size, at the client's side: nothing is lost, and
// nothing comes twice.
func TestFaultySystemCalls(t *testing.T) {
	const n = 8000
	for seed := range uint64(2) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		dir, err := newDir("faulty")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		s, err := ipcio.NewServer(ipcio.ServerConfig{Dir: dir, Logger: silent, Queue: ipcio.QueueConfig{Frames: 2 * n}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var up, down []int // of one handler each
		note := func(list *[]int) ipcio.HandlerFunc {
			return func(ctx context.Context, m *ipcio.Message) (any, error) {
				var got int
				if err := m.Decode(&got); err != nil {
					return nil, err
				}
				*list = append(*list, got)
				if list == &up {
					return nil, m.From().Emit(ctx, "down", got)
				}
				return nil, nil
			}
		}
		if err := errors.Join(s.On("up", note(&up)), s.Start(ctx)); err != nil {
			t.Fatal(err)
		}
		f := &faults{rng: rand.New(rand.NewPCG(seed, 4))}
		c, err := ipcio.NewClient(ipcio.ClientConfig{
			Name: "c", Logger: silent, Queue: ipcio.QueueConfig{WhenFull: ipcio.Block},
			Dial: func(ctx context.Context) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, "unix", s.Addr())
				if err != nil {
					return nil, err
				}
				return &faultyConn{Conn: conn, faults: f}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := errors.Join(c.On("down", note(&down)), c.Start()); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if err := c.Emit(ctx, "up", i); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		f.mu.Lock()
		f.calm = true
		broken := f.broken
		f.mu.Unlock()
		// The answer says that both lanes are there: a server that shuts down
		// delivers to those that are connected.
		if _, err := c.Discover(ctx); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Shutdown(ctx), c.Shutdown(ctx)); err != nil {
			t.Fatal(err)
		}
		for _, list := range [][]int{up, down} {
			if len(list) != n {
				t.Fatalf("seed %d: %d of %d were handled", seed, len(list), n)
			}
			for i, got := range list {
				if got != i {
					t.Fatalf("seed %d: number %d was handled in the place of %d", seed, got, i)
				}
			}
		}
		if broken < 3 {
			t.Errorf("seed %d: only %d errors: nothing was shown", seed, broken)
		}
		t.Logf("ledger: seed=%d broken=%d", seed, broken)
	}
}
