package ipciotest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
	"github.com/ipcio/ipcio-go/runtime/ipciotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Events and calls, both ways, over connections that are cut all the time, for
// many seeds: exactly once and in order.
func TestFaults(t *testing.T) {
	for _, every := range []int{800, 4_000, 20_000} {
		for seed := range uint64(8) {
			t.Run(fmt.Sprintf("within %d bytes, seed %d", every, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { testFaults(t, ipciotest.Faults{Seed: seed, CutEvery: every}) })
			})
		}
	}
}

func testFaults(t *testing.T, faults ipciotest.Faults) {
	const n = 300
	d := ipciotest.New(t)
	queue := ipcio.QueueConfig{WhenFull: ipcio.Block}
	gap := func(g ipcio.Gap) { t.Errorf("gap %+v", g) }
	s := d.Server(ipcio.ServerConfig{Queue: queue, OnGap: gap})
	c := d.Client(ipcio.ClientConfig{Name: "c", Queue: queue, OnGap: gap})
	done := make(chan string, 4)
	counter := func(name string) ipcio.HandlerFunc {
		next := 0
		return func(_ context.Context, m *ipcio.Message) (any, error) {
			var got int
			if err := m.Decode(&got); err != nil || got != next || m.Redelivered() {
				t.Errorf("%s: got %d %v (redelivered %t), want %d", name, got, err, m.Redelivered(), next)
			}
			if next++; next == n {
				done <- name
			}
			return got, nil
		}
	}
	ok(t, s.On("up", counter("up")), s.On("call", counter("call")), c.On("down", counter("down")), c.On("news", counter("news")))
	join(t, s, c)
	d.SetFaults(faults)
	d.Cut("c")
	var senders sync.WaitGroup
	send := func(f func(i int) error) {
		senders.Go(func() {
			for i := range n {
				if err := f(i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	send(func(i int) error { return c.Emit(t.Context(), "up", i) })
	send(func(i int) error { return s.Emit(t.Context(), "c", "down", i) })
	send(func(i int) error { return s.Broadcast(t.Context(), "news", i) })
	send(func(i int) error {
		m, err := c.Call(t.Context(), "call", i)
		if err != nil {
			return err
		}
		var got int
		if err := m.Decode(&got); err != nil || got != i {
			return fmt.Errorf("call %d was answered with %d: %w", i, got, err)
		}
		return nil
	})
	senders.Wait()
	for range 4 {
		<-done
	}
	d.SetFaults(ipciotest.Faults{})
	d.Cut("c")
	// A client that goes while it is cut off cannot say what it has handled: the
	// server would have to report that. So it comes back first.
	synctest.Wait()
	ok(t, c.Connect(t.Context()), c.Shutdown(t.Context()), s.Shutdown(t.Context()))
	if d.Cuts() == 0 {
		t.Error("nothing was cut: nothing was shown")
	}
}

func TestCutAndHangSayWhetherThereWasAnything(t *testing.T) {
	d := ipciotest.New(t)
	s, c := d.Server(ipcio.ServerConfig{}), d.Client(ipcio.ClientConfig{Name: "c"})
	if d.Cut("c") || d.Hang("c") {
		t.Error("a client that is not connected was cut")
	}
	join(t, s, c)
	if !d.Hang("c") || !d.Cut("c") {
		t.Error("a connected client was not cut")
	}
}

func TestServersFollowEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := ipciotest.New(t)
		c := d.Client(ipcio.ClientConfig{})
		ok(t, c.Emit(t.Context(), "n", 1))
		for range 3 {
			s := d.Server(ipcio.ServerConfig{})
			ok(t, s.On("n", nothing))
			join(t, s, c)
			ok(t, c.Emit(t.Context(), "n", 1), c.Flush(t.Context()))
			rival := d.Server(ipcio.ServerConfig{})
			ok(t, rival.Start(t.Context()))
			if err := rival.Wait(); !errors.Is(err, ipcio.ErrDomainInUse) {
				t.Errorf("a second server: %v", err)
			}
			ok(t, c.Emit(t.Context(), "n", 1), c.Flush(t.Context()), s.Close())
		}
	})
}

func TestCredentials(t *testing.T) {
	d := ipciotest.New(t)
	s := d.Server(ipcio.ServerConfig{Access: func(c ipcio.Credentials) error {
		if c.UID != 1000 {
			return errors.New("only uid 1000 may")
		}
		return nil
	}})
	ok(t, s.Start(t.Context()))
	as := func(c ipcio.Credentials) *ipcio.Client {
		client, err := ipcio.NewClient(d.ClientConfigAs(c, ipcio.ClientConfig{}))
		ok(t, err)
		t.Cleanup(func() { client.Close() })
		return client
	}
	if err := as(ipcio.Credentials{UID: 1001}).Connect(t.Context()); !errors.Is(err, ipcio.ErrDenied) {
		t.Errorf("uid 1001: %v, want ErrDenied", err)
	}
	want := ipcio.Credentials{UID: 1000, GID: 7, PID: 42}
	ok(t, as(want).Connect(t.Context()))
	if got := s.Clients(); len(got) != 1 || got[0].Credentials != want || got[0].Name == "" {
		t.Errorf("clients %+v", got)
	}
}

// Only a process of the same user can succeed a client to its name.
func TestNameOfAnotherUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := ipciotest.New(t)
		s := d.Server(ipcio.ServerConfig{Access: func(ipcio.Credentials) error { return nil }})
		holder := d.Client(ipcio.ClientConfig{Name: "c"})
		join(t, s, holder)
		other, err := ipcio.NewClient(d.ClientConfigAs(ipcio.Credentials{UID: 12345}, ipcio.ClientConfig{Name: "c"}))
		ok(t, err)
		defer other.Close()
		for _, state := range []string{"up", "hanging", "down"} {
			switch state {
			case "hanging":
				d.Hang("c")
			case "down":
				ok(t, holder.Close()) // its farewell is not heard
				time.Sleep(time.Minute)
			}
			if err := other.Connect(t.Context()); !errors.Is(err, ipcio.ErrNameTaken) {
				t.Errorf("the holder is %s: %v, want ErrNameTaken", state, err)
			}
		}
	})
}

// A connection in memory keeps what the runtime relies on a socket for.
func TestConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := ipciotest.New(t)
		l := d.ServerConfig(ipcio.ServerConfig{}).Listener
		dial := d.ClientConfig(ipcio.ClientConfig{Name: "c"}).Dial
		if _, err := dial(t.Context()); err == nil {
			t.Fatal("there is nobody to connect to")
		}
		pair := func() (client, server net.Conn) {
			t.Helper()
			accepted := make(chan net.Conn)
			go func() {
				conn, err := l.Accept()
				if err != nil {
					t.Error(err)
				}
				accepted <- conn
			}()
			synctest.Wait()
			client, err := dial(t.Context())
			ok(t, err)
			return client, <-accepted
		}
		a, b := pair()
		// Far more than the buffer, while the other side reads.
		sent := bytes.Repeat([]byte("0123456789"), 100_000)
		go func() {
			if n, err := a.Write(sent); n != len(sent) || err != nil {
				t.Errorf("wrote %d: %v", n, err)
			}
			a.Close()
		}()
		got, err := io.ReadAll(b) // also what was written before the Close
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes arrived: %v", len(got), err)
		}
		if _, err := b.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("a write to a closed connection: %v", err)
		}
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a read of one's own closed connection: %v", err)
		}
		if err := a.SetDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a deadline of a closed connection: %v", err)
		}
		ok(t, b.Close())

		a, b = pair()
		began := time.Now()
		ok(t, a.SetReadDeadline(began.Add(time.Minute)), a.SetWriteDeadline(began.Add(2*time.Minute)))
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("a read with a deadline: %v after %v", err, time.Since(began))
		}
		if n, err := a.Write(sent); !errors.Is(err, os.ErrDeadlineExceeded) || n != 64<<10 || time.Since(began) != 2*time.Minute {
			t.Errorf("a write with a deadline: %d, %v after %v", n, err, time.Since(began))
		}
		ok(t, a.SetDeadline(time.Time{}))
		blocked := make(chan error)
		go func() {
			_, err := a.Read(make([]byte, 1))
			blocked <- err
		}()
		synctest.Wait()
		ok(t, a.Close())
		if err := <-blocked; !errors.Is(err, net.ErrClosed) {
			t.Errorf("a read during Close: %v", err)
		}
		ok(t, b.Close(), l.Close())
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close: %v", err)
		}
	})
}
