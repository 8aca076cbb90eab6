package ipciotest_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
	"github.com/ipcio/ipcio-go/runtime/ipciotest"
)

func ok(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func nothing(context.Context, *ipcio.Message) (any, error) { return nil, nil }

// join starts the server, if it is not, and connects the client.
func join(t testing.TB, s *ipcio.Server, c *ipcio.Client) {
	t.Helper()
	if !s.Started() {
		ok(t, s.Start(t.Context()))
	}
	ok(t, c.Connect(t.Context()))
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := ipciotest.New(t)
		cfg := d.ClientConfig(ipcio.ClientConfig{})
		dial := cfg.Dial
		var mu sync.Mutex
		var all []time.Duration
		began := time.Now()
		cfg.Dial = func(ctx context.Context) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, time.Since(began))
			return dial(ctx)
		}
		c, err := ipcio.NewClient(cfg)
		ok(t, err)
		defer c.Close()
		ok(t, c.Start())
		time.Sleep(time.Hour)
		mu.Lock()
		tries := slices.Clone(all)
		mu.Unlock()
		first := slices.IndexFunc(tries, func(at time.Duration) bool { return at > 100*time.Millisecond })
		if first < 4 {
			t.Errorf("only %d tries in the first 100 ms: %v", first, tries[:first])
		}
		for i := 1; i < len(tries); i++ {
			const most = 375 * time.Millisecond // 250 and half of it as jitter
			if wait := tries[i] - tries[i-1]; wait < time.Millisecond || wait > most {
				t.Fatalf("the client waits %v before try %d", wait, i)
			}
		}
		if last := tries[len(tries)-1]; last < time.Hour-time.Second {
			t.Errorf("the client gave up after %v", last)
		}
		s := d.Server(ipcio.ServerConfig{})
		ok(t, s.Start(t.Context()))
		found := time.Now()
		ok(t, c.Connect(t.Context()))
		if took := time.Since(found); took > 375*time.Millisecond {
			t.Errorf("the server was found after %v", took)
		}
	})
}

func TestDefaultCallTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := ipciotest.New(t)
		s, c := d.Server(ipcio.ServerConfig{}), d.Client(ipcio.ClientConfig{Name: "c"})
		release := make(chan struct{})
		defer close(release)
		block := func(context.Context, *ipcio.Message) (any, error) {
			<-release
			return nil, nil
		}
		ok(t, s.On("block", block), c.On("block", block))
		join(t, s, c)
		for name, call := range map[string]func() (*ipcio.Message, error){
			"client":        func() (*ipcio.Message, error) { return c.Call(context.Background(), "block", nil) },
			"client to":     func() (*ipcio.Message, error) { return c.CallTo(context.Background(), "c", "block", nil) },
			"server":        func() (*ipcio.Message, error) { return s.Call(context.Background(), "c", "block", nil) },
			"to nobody yet": func() (*ipcio.Message, error) { d.Hang("c"); return s.Call(context.Background(), "c", "block", nil) },
		} {
			began := time.Now()
			_, err := call()
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != 30*time.Second {
				t.Errorf("%s: %v after %v, want a time-out after 30 s", name, err, took)
			}
		}
	})
}

func TestSilentPeerIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := ipciotest.New(t)
		type change struct {
			state ipcio.State
			at    time.Time
		}
		changes := make(chan change, 10)
		s := d.Server(ipcio.ServerConfig{})
		c := d.Client(ipcio.ClientConfig{Name: "c", OnStateChange: func(s ipcio.State) { changes <- change{s, time.Now()} }})
		join(t, s, c)
		<-changes // connecting
		<-changes // connected
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if len(changes) != 0 {
			t.Fatalf("an idle connection was lost: %v", (<-changes).state)
		}
		hung := time.Now()
		if !d.Hang("c") {
			t.Fatal("there is no connection to hang")
		}
		lost := <-changes
		if after := lost.at.Sub(hung); lost.state != ipcio.StateConnecting || after > 16*time.Second || after < 5*time.Second {
			t.Errorf("%v after %v, want to notice within 16 s", lost.state, after)
		}
		again := <-changes
		if after := again.at.Sub(lost.at); again.state != ipcio.StateConnected || after > time.Second {
			t.Errorf("%v after %v, want to be back at once", again.state, after)
		}
	})
}

// A session whose client does not come back is kept for 120 s, then given up:
// calls and queued events end, and nobody has the name.
func TestSessionIsKeptForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := ipciotest.New(t)
		gaps := make(chan ipcio.Gap, 10)
		s := d.Server(ipcio.ServerConfig{OnGap: func(g ipcio.Gap) { gaps <- g }})
		c := d.Client(ipcio.ClientConfig{Name: "c"})
		join(t, s, c)
		began := time.Now()
		d.Hang("c")
		ok(t, c.Close()) // it says goodbye, and nobody hears it
		for s.Clients()[0].Connected {
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took > 16*time.Second+time.Second {
			t.Errorf("the server noticed after %v", took)
		}
		down := time.Now()
		ok(t, s.Emit(t.Context(), "c", "queued", nil))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := s.Call(ctx, "c", "waits", nil)
		if kept := time.Since(down); kept < 119*time.Second || kept > 122*time.Second {
			t.Errorf("the session was kept for %v, want 120 s", kept)
		}
		if !errors.Is(err, ipcio.ErrPeerGone) || ipcio.OutcomeOf(err) != ipcio.OutcomeNotSent {
			t.Errorf("the call that waited: %v, outcome %v", err, ipcio.OutcomeOf(err))
		}
		want := ipcio.Gap{Reason: ipcio.GapGivenUp, Client: "c", Count: 1, Commands: []string{"queued"}}
		got := <-gaps
		got.From, got.To = 0, 0
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("gap (-want +got):\n%s", diff)
		}
		if err := s.Emit(t.Context(), "c", "x", nil); !errors.Is(err, ipcio.ErrUnknownClient) || len(s.Clients()) != 0 {
			t.Errorf("afterwards: %v, %v", err, s.Clients())
		}
	})
}

// What is done is acknowledged within 100 ms, also if nothing else is sent.
func TestAckTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := ipciotest.New(t)
		s := d.Server(ipcio.ServerConfig{})
		c := d.Client(ipcio.ClientConfig{Queue: ipcio.QueueConfig{Frames: 1}})
		ok(t, s.On("n", nothing))
		join(t, s, c)
		time.Sleep(time.Second) // what the handshake owes is done
		ok(t, c.Emit(t.Context(), "n", 1))
		synctest.Wait()
		if err := c.Emit(t.Context(), "n", 2); !errors.Is(err, ipcio.ErrQueueFull) {
			t.Errorf("before the acknowledgement: %v, want ErrQueueFull", err)
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		ok(t, c.Emit(t.Context(), "n", 3))
		// Flush does not wait for the timer.
		began := time.Now()
		ok(t, c.Flush(t.Context()))
		if took := time.Since(began); took != 0 {
			t.Errorf("Flush took %v", took)
		}
	})
}

func TestHandshakeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := ipciotest.New(t)
		s := d.Server(ipcio.ServerConfig{})
		ok(t, s.Start(t.Context()))
		synctest.Wait()
		conn, err := d.ClientConfig(ipcio.ClientConfig{}).Dial(t.Context())
		ok(t, err)
		began := time.Now()
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("the server speaks first")
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("a silent connection is closed after %v, want 2 s", took)
		}
		ok(t, conn.Close())
	})
}

// The holder of a name that does not answer loses it after 3 s, to a process
// of the same user.
func TestNameOfAHangingClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := ipciotest.New(t)
		s, first := d.Server(ipcio.ServerConfig{}), d.Client(ipcio.ClientConfig{Name: "c"})
		join(t, s, first)
		began := time.Now()
		d.Hang("c")
		second := d.Client(ipcio.ClientConfig{Name: "c"})
		ok(t, second.Connect(t.Context()))
		if took := time.Since(began); took < 3*time.Second || took > 4*time.Second {
			t.Errorf("the name was taken over after %v, want 3 s", took)
		}
		ok(t, first.Close())
		if !second.Connected() {
			t.Error("the end of the former holder has disconnected its successor")
		}
	})
}

func TestRefusedClientTriesAgainEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := ipciotest.New(t)
		var tries atomic.Int32
		s := d.Server(ipcio.ServerConfig{Access: func(ipcio.Credentials) error {
			tries.Add(1)
			return errors.New("closed")
		}})
		ok(t, s.Start(t.Context()))
		synctest.Wait()
		c := d.Client(ipcio.ClientConfig{})
		if err := c.Connect(t.Context()); !errors.Is(err, ipcio.ErrDenied) || c.Started() {
			t.Errorf("Connect: %v", err)
		}
		if n := tries.Swap(0); n != 1 {
			t.Errorf("Connect tried %d times", n)
		}
		ok(t, c.Start())
		time.Sleep(time.Minute)
		if n := tries.Load(); n < 40 || n > 61 {
			t.Errorf("Start tried %d times in a minute", n)
		}
	})
}
