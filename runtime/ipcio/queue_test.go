package ipcio_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

func TestQueueRefuse(t *testing.T) {
	for _, test := range []struct {
		name  string
		queue ipcio.QueueConfig
		data  any
		fits  int
		limit string
	}{
		{"by count", ipcio.QueueConfig{Frames: 10}, 1, 10, "10 messages"},
		{"by bytes", ipcio.QueueConfig{Bytes: 10_000}, make([]byte, 2000), 4, "10000 bytes"},
		{"one always fits", ipcio.QueueConfig{Bytes: 100}, make([]byte, 2000), 1, "100 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDomain(t)
			seen := newRecorder[any]()
			c := d.client(ipcio.ClientConfig{Name: "c", Queue: test.queue})
			for range test.fits {
				ok(t, c.Emit(d.ctx(), "n", test.data))
			}
			for what, err := range map[string]error{
				"Emit":      c.Emit(d.ctx(), "n", test.data),
				"EmitTo":    c.EmitTo(d.ctx(), "b", "n", test.data),
				"Broadcast": c.Broadcast(d.ctx(), "n", test.data),
				"Call":      failed(t)(c.Call(d.ctx(), "n", test.data)),
			} {
				wantOutcome(t, what, err, ipcio.ErrQueueFull, ipcio.OutcomeNotSent)
				if !strings.Contains(err.Error(), test.limit) {
					t.Errorf("%s: the error does not name the limit %q: %v", what, test.limit, err)
				}
			}
			d.serve(func(s *ipcio.Server) { handle(t, s, "n", record(seen)) })
			ok(t, c.Connect(d.ctx()), c.Flush(d.ctx()))
			if got := len(seen.all()); got != test.fits {
				t.Errorf("%d were handled, %d were accepted", got, test.fits)
			}
			ok(t, c.Emit(d.ctx(), "n", test.data)) // there is room again
		})
	}
}

func TestQueueBlock(t *testing.T) {
	d := newDomain(t)
	seen := newRecorder[any]()
	c := d.client(ipcio.ClientConfig{Name: "c", Queue: ipcio.QueueConfig{Frames: 10, WhenFull: ipcio.Block}})
	for i := range 10 {
		ok(t, c.Emit(d.ctx(), "n", i))
	}
	wantOutcome(t, "an emit that waits", c.Emit(within(t, 50*time.Millisecond), "n", 0), context.DeadlineExceeded, ipcio.OutcomeNotSent)
	ctx, cancel := context.WithCancel(d.ctx())
	waiting := make(chan error, 1)
	go func() { waiting <- c.Emit(ctx, "n", 0) }()
	cancel()
	wantOutcome(t, "an emit that is cancelled", receive(t, "its end", waiting), context.Canceled, ipcio.OutcomeNotSent)
	const n = 500
	sent := make(chan error, 1)
	go func() {
		for i := range n - 10 {
			if err := c.Emit(d.ctx(), "n", 10+i); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	d.serve(func(s *ipcio.Server) { handle(t, s, "n", record(seen)) })
	ok(t, c.Connect(d.ctx()), receive(t, "the sender", sent), c.Flush(d.ctx()))
	wantCount(t, seen.all(), n)
	// Close ends the wait, too.
	full := d.client(ipcio.ClientConfig{Name: "full", Queue: ipcio.QueueConfig{Frames: 1, WhenFull: ipcio.Block}})
	ok(t, full.Emit(d.ctx(), "n", 0))
	go func() { waiting <- full.Emit(d.ctx(), "n", 0) }()
	ok(t, full.Close())
	wantOutcome(t, "an emit whose client is closed", receive(t, "its end", waiting), ipcio.ErrClosed, ipcio.OutcomeNotSent)
}

// What DropOldest gives up is reported, one for one, to both sides.
func TestQueueDropOldest(t *testing.T) {
	for _, n := range []int{11, 100, 20_000} {
		d := newDomain(t)
		const keep = 10
		sender, receiver, seen := newRecorder[ipcio.Gap](), newRecorder[ipcio.Gap](), newRecorder[any]()
		c := d.client(ipcio.ClientConfig{
			Name: "c", OnGap: sender.add, Queue: ipcio.QueueConfig{Frames: keep, WhenFull: ipcio.DropOldest},
		})
		call := make(chan error, 1)
		go func() { _, err := c.Call(d.ctx(), "call", nil); call <- err }()
		eventually(t, "the call is the oldest", func() bool { return c.Flush(expired()) != nil })
		for i := range n {
			ok(t, c.Emit(d.ctx(), "n", i))
		}
		wantOutcome(t, "a call that was dropped", receive(t, "its end", call), ipcio.ErrQueueFull, ipcio.OutcomeNotSent)
		d.serveWith(ipcio.ServerConfig{OnGap: receiver.add}, func(s *ipcio.Server) { handle(t, s, "n", record(seen)) })
		ok(t, c.Connect(d.ctx()), c.Flush(d.ctx()))
		got := seen.all()
		if len(got) != keep || got[0] != int64(n-keep) || got[keep-1] != int64(n-1) {
			t.Errorf("of %d: %v", n, got)
		}
		count := func(r *recorder[ipcio.Gap]) (total int) {
			for _, g := range r.all() {
				if g.Reason != ipcio.GapDropped {
					t.Errorf("gap %+v", g)
				}
				total += int(g.Count)
			}
			return total
		}
		// Reports come from a goroutine of their own, on either side.
		eventually(t, "all reports have come", func() bool { return count(sender) >= n-keep && count(receiver) >= n-keep+1 })
		if got := count(sender); got != n-keep {
			t.Errorf("of %d: %d are reported to the sender, want %d", n, got, n-keep)
		}
		if got, want := count(receiver), n-keep+1; got != want { // the call too
			t.Errorf("of %d: %d are reported to the receiver, want %d", n, got, want)
		}
		if g := sender.all()[0]; !slices.Equal(g.Commands, []string{"n"}) {
			t.Errorf("gap %+v", g)
		}
	}
}

// The queue of a client that is away is bounded at the server, by the same
// policies, and what is relayed comes back to its sender.
func TestQueueAtTheServer(t *testing.T) {
	d := newDomain(t)
	p := newProxy(t, d, 0, seed)
	s := d.serveWith(ipcio.ServerConfig{Queue: ipcio.QueueConfig{Frames: 5}})
	seen := newRecorder[any]()
	away := p.client(ipcio.ClientConfig{Name: "away"})
	handle(t, away, "n", record(seen))
	ok(t, away.Connect(d.ctx()))
	gaps := newRecorder[ipcio.Gap]()
	other := d.client(ipcio.ClientConfig{Name: "other", OnGap: gaps.add})
	ok(t, other.Connect(d.ctx()))
	p.close()
	for i := range 3 {
		ok(t, s.Emit(d.ctx(), "away", "n", i))
	}
	for i := range 4 {
		ok(t, other.EmitTo(d.ctx(), "away", "n", 3+i))
	}
	ok(t, other.Flush(d.ctx()))
	wantOutcome(t, "the server's own", s.Emit(d.ctx(), "away", "n", 9), ipcio.ErrQueueFull, ipcio.OutcomeNotSent)
	refused := 0
	for refused < 2 {
		refused = 0
		for _, g := range gaps.wait(t, 1) {
			if g.Reason != ipcio.GapRefused || !errors.Is(g.Err, ipcio.ErrQueueFull) {
				t.Errorf("gap %+v", g)
			}
			refused += int(g.Count)
		}
	}
	err := failed(t)(other.CallTo(d.ctx(), "away", "n", 9))
	wantOutcome(t, "a relayed call", err, ipcio.ErrQueueFull, ipcio.OutcomeNotHandled)
	p.again(d)
	wantCount(t, seen.wait(t, 5), 5)
}

// Sent = handled + reported, when a client ends with a full queue.
func TestGivenUpIsReported(t *testing.T) {
	d := newDomain(t)
	for _, n := range []int{1, 4096} {
		gaps := newRecorder[ipcio.Gap]()
		c := d.client(ipcio.ClientConfig{OnGap: gaps.add})
		for i := range n {
			ok(t, c.Emit(d.ctx(), "n", i))
		}
		ok(t, c.Close())
		total := func() (total int) {
			for _, g := range gaps.all() {
				if g.Reason != ipcio.GapGivenUp || !slices.Equal(g.Commands, []string{"n"}) {
					t.Fatalf("gap %+v", g)
				}
				total += int(g.Count)
			}
			return total
		}
		eventually(t, "all reports have come", func() bool { return total() >= n })
		if total() != n {
			t.Errorf("%d reported, %d sent", total(), n)
		}
	}
	// At the server: the client's session is given up with messages in its queue.
	gaps := newRecorder[ipcio.Gap]()
	p := newProxy(t, d, 0, seed)
	s := d.serveWith(ipcio.ServerConfig{OnGap: gaps.add, Limits: ipcio.Limits{SessionKeep: 50 * time.Millisecond}})
	gone := p.client(ipcio.ClientConfig{Name: "gone"})
	ok(t, gone.Connect(d.ctx()))
	handle(t, gone, "n", echo)
	p.close()
	eventually(t, "the server has noticed", func() bool {
		return !slices.ContainsFunc(s.Clients(), func(c ipcio.ClientInfo) bool { return c.Connected })
	})
	if err := s.Emit(d.ctx(), "gone", "n", 1); err == nil {
		g := gaps.wait(t, 1)[0]
		if diff := cmp.Diff(ipcio.Gap{Reason: ipcio.GapGivenUp, Client: "gone", Count: 1, Commands: []string{"n"}}, g); diff != "" {
			t.Errorf("gap (-want +got):\n%s", diff)
		}
	} else if !errors.Is(err, ipcio.ErrUnknownClient) {
		t.Error(err)
	}
}

// What was queued before the server's limit was known, and is larger, is
// reported; what is behind it arrives.
func TestTooLargeForTheServerThatCame(t *testing.T) {
	d := newDomain(t)
	gaps, seen := newRecorder[ipcio.Gap](), newRecorder[any]()
	c := d.client(ipcio.ClientConfig{Name: "c", OnGap: gaps.add})
	ok(t,
		c.Emit(d.ctx(), "n", 0),
		c.Emit(d.ctx(), "large", make([]byte, 100<<10)),
		c.Emit(d.ctx(), "n", 1))
	call := make(chan error, 1)
	go func() { _, err := c.Call(d.ctx(), "large", make([]byte, 100<<10)); call <- err }()
	d.serveWith(ipcio.ServerConfig{Limits: ipcio.Limits{FrameBytes: 64 << 10}}, func(s *ipcio.Server) {
		handle(t, s, "n", record(seen))
		handle(t, s, "large", echo)
	})
	ok(t, c.Connect(d.ctx()))
	wantCount(t, seen.wait(t, 2), 2)
	g := gaps.wait(t, 1)[0]
	if g.Reason != ipcio.GapTooLarge || g.Count != 1 || !slices.Equal(g.Commands, []string{"large"}) {
		t.Errorf("gap %+v", g)
	}
	wantOutcome(t, "the call", receive(t, "its outcome", call), ipcio.ErrTooLarge, ipcio.OutcomeNotSent)
	wantOutcome(t, "an emit afterwards", c.Emit(d.ctx(), "large", make([]byte, 100<<10)), ipcio.ErrTooLarge, ipcio.OutcomeNotSent)
}

// A slow OnGap loses no report: those that wait for it are added up.
func TestSlowOnGap(t *testing.T) {
	d := newDomain(t)
	release := make(chan struct{})
	gaps := newRecorder[ipcio.Gap]()
	c := d.client(ipcio.ClientConfig{
		Queue: ipcio.QueueConfig{Frames: 10, WhenFull: ipcio.DropOldest},
		OnGap: func(g ipcio.Gap) {
			<-release
			gaps.add(g)
		},
	})
	const n = 20_000
	for i := range n {
		ok(t, c.Emit(d.ctx(), []string{"even", "odd"}[i%2], i))
	}
	close(release)
	total := func() (total int) {
		for _, g := range gaps.all() {
			total += int(g.Count)
		}
		return total
	}
	eventually(t, "all reports have come", func() bool { return total() >= n-10 })
	got := gaps.all()
	if last := got[len(got)-1]; total() != n-10 || len(got) > 5000 || len(last.Commands) != 2 {
		t.Errorf("%d of %d are reported, by %d reports, the last of them %+v", total(), n-10, len(got), last)
	}
}
