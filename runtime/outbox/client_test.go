package outbox

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

var quiet = slog.New(slog.DiscardHandler)

// in is an outbox in the memory of a test.
type in struct{ dir *memory }

func (o in) Open(domain, client string, stored func(uint64, error)) (ipcio.OutboxLog, error) {
	return openLog(o.dir, config{synced: true, segmentBytes: 4 << 20, domain: domain, client: client, stored: stored})
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func socketDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "ipcio") // short: it is a part of a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// A list is what a handler has noted.
type list struct {
	mu    sync.Mutex
	items []string
	more  chan struct{}
}

func newList() *list { return &list{more: make(chan struct{}, 1)} }

func (l *list) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = append(l.items, s)
	select {
	case l.more <- struct{}{}:
	default:
	}
}

func (l *list) wait(t *testing.T, want ...string) {
	t.Helper()
	ctx := within(t)
	for {
		l.mu.Lock()
		got := slices.Clone(l.items)
		l.mu.Unlock()
		if len(got) >= len(want) {
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			return
		}
		select {
		case <-l.more:
		case <-ctx.Done():
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

func (l *list) note(_ context.Context, m *ipcio.Message) (any, error) {
	var s string
	err := m.Decode(&s)
	if m.Redelivered() {
		s += " again"
	}
	l.add(s)
	return s, err
}

func serve(t *testing.T, dir string, handlers map[string]ipcio.HandlerFunc) *ipcio.Server {
	t.Helper()
	s, err := ipcio.NewServer(ipcio.ServerConfig{Dir: dir, Logger: quiet})
	for command, h := range handlers {
		err = errors.Join(err, s.On(command, h))
	}
	if err = errors.Join(err, s.Start(within(t))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func client(t *testing.T, cfg ipcio.ClientConfig, handlers map[string]ipcio.HandlerFunc) *ipcio.Client {
	t.Helper()
	cfg.Name, cfg.Logger = "c", quiet
	c, err := ipcio.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	for command, h := range handlers {
		if err := c.On(command, h); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// The next process of a client gets what the server had sent to the former one
// and does not know to be handled: events and broadcasts, flagged. What the
// former one was asked has an unknown outcome; what it had sent is not sent
// again.
func TestNextProcess(t *testing.T) {
	dir := socketDir(t)
	up := newList()
	s := serve(t, dir, map[string]ipcio.HandlerFunc{"up": up.note})
	first := newList()
	release := make(chan struct{})
	stuck := func(ctx context.Context, m *ipcio.Message) (any, error) {
		r, err := first.note(ctx, m)
		<-release
		return r, err
	}
	box := newMemory()
	one := client(t, ipcio.ClientConfig{Dir: dir, Outbox: in{box}}, map[string]ipcio.HandlerFunc{
		"down": stuck, "news": stuck, "ask": stuck,
	})
	ctx := within(t)
	for _, err := range []error{one.Connect(ctx), one.Emit(ctx, "up", "1"), one.Emit(ctx, "up", "2")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	up.wait(t, "1", "2")
	asked := make(chan error, 1)
	go func() {
		_, err := s.Call(ctx, "c", "ask", "question")
		asked <- err
	}()
	first.wait(t, "question")
	if err := errors.Join(s.Emit(ctx, "c", "down", "a"), s.Emit(ctx, "c", "down", "b")); err != nil {
		t.Fatal(err)
	}
	first.wait(t, "question", "a")
	if err := s.Broadcast(ctx, "news", "n"); err != nil {
		t.Fatal(err)
	}
	first.wait(t, "question", "a", "n")

	// As if it were killed: the next one finds what is in the files at this
	// moment, and the server hears nothing more of this one.
	killed := box.copy()
	downs, news, asks := newList(), newList(), newList()
	two := client(t, ipcio.ClientConfig{Dir: dir, Outbox: in{killed}}, map[string]ipcio.HandlerFunc{
		"down": downs.note, "news": news.note, "ask": asks.note,
	})
	if err := errors.Join(two.Emit(ctx, "up", "3"), two.Connect(ctx)); err != nil {
		t.Fatal(err)
	}
	downs.wait(t, "a again", "b again")
	news.wait(t, "n again")
	up.wait(t, "1", "2", "3")
	if err := <-asked; !errors.Is(err, ipcio.ErrOutcomeUnknown) || ipcio.OutcomeOf(err) != ipcio.OutcomeUnknown {
		t.Errorf("the call: %v, outcome %v", err, ipcio.OutcomeOf(err))
	}
	if r, err := s.Call(ctx, "c", "ask", "another"); err != nil {
		t.Error(err)
	} else if v, _ := r.Value(); v != "another" {
		t.Errorf("the reply is %v", v)
	}
	if err := errors.Join(s.Emit(ctx, "c", "down", "c"), s.Broadcast(ctx, "news", "m"), two.Flush(ctx)); err != nil {
		t.Fatal(err)
	}
	downs.wait(t, "a again", "b again", "c")
	news.wait(t, "n again", "m")
	asks.wait(t, "another")
	close(release)
}

// A process accepts a message under a number that the server received a call of
// the former process with, is told so when it connects, and is killed when the
// disk first says that there is a connection. The next process sends the message
// all the same: the change of its number is on the disk before.
func TestKilledAfterRenumber(t *testing.T) {
	dir := socketDir(t)
	up := newList()
	serve(t, dir, map[string]ipcio.HandlerFunc{"up": up.note, "ask": up.note})
	box := newMemory()
	one := client(t, ipcio.ClientConfig{Dir: dir, Outbox: in{box}}, nil)
	ctx := within(t)
	if err := errors.Join(one.Connect(ctx), one.Emit(ctx, "up", "1")); err != nil {
		t.Fatal(err)
	}
	box = box.copy()
	if _, err := one.Call(ctx, "ask", "question"); err != nil {
		t.Fatal(err)
	}
	up.wait(t, "1", "question")

	two := client(t, ipcio.ClientConfig{Dir: dir, Outbox: in{box}}, nil)
	if err := two.Emit(ctx, "up", "2"); err != nil {
		t.Fatal(err)
	}
	alive, kill := context.WithCancel(ctx)
	defer kill()
	var killed *memory
	box.mu.Lock()
	box.fail = func(string, int) error {
		if killed == nil {
			now := box.copyLocked()
			for name, f := range now.files {
				if c := parseSegment(f.data); name == segmentName(2) && c.count > 0 && c.state.Connected {
					killed = now
				}
			}
		}
		if killed != nil {
			kill()
			return errPower
		}
		return nil
	}
	box.mu.Unlock()
	if err := two.Connect(alive); err == nil {
		t.Fatal("the process was not killed")
	}
	two.Close()

	three := client(t, ipcio.ClientConfig{Dir: dir, Outbox: in{killed}}, nil)
	if err := errors.Join(three.Connect(ctx), three.Flush(ctx)); err != nil {
		t.Fatal(err)
	}
	up.wait(t, "1", "question", "2")
}

// An event is with a server that lives while its client is started again and
// again, each time after the server has given the session up. No server has died
// of the event, so it is no dead letter, though one that had would make it one.
func TestNextProcessAtTheSameServer(t *testing.T) {
	dir := socketDir(t)
	got := newList()
	release := make(chan struct{})
	let := sync.OnceFunc(func() { close(release) })
	defer let()
	serve(t, dir, map[string]ipcio.HandlerFunc{"up": func(ctx context.Context, m *ipcio.Message) (any, error) {
		got.note(ctx, m)
		<-release
		return nil, nil
	}})
	gaps := make(chan ipcio.Gap, 10)
	next := func(box *memory) *ipcio.Client {
		return client(t, ipcio.ClientConfig{Dir: dir, Outbox: in{box}, MaxDeliveries: 1, OnGap: func(g ipcio.Gap) { gaps <- g }}, nil)
	}
	ctx, box := within(t), newMemory()
	c := next(box)
	if err := errors.Join(c.Emit(ctx, "up", "slow"), c.Connect(ctx)); err != nil {
		t.Fatal(err)
	}
	got.wait(t, "slow")
	for range 5 {
		box = box.copy()                                      // what is there if it is killed now
		other := client(t, ipcio.ClientConfig{Dir: dir}, nil) // takes the name, and the server gives the session up
		if err := errors.Join(c.Close(), other.Connect(ctx), other.Close()); err != nil {
			t.Fatal(err)
		}
		c = next(box)
		if err := c.Connect(ctx); err != nil {
			t.Fatal(err)
		}
		select {
		case g := <-gaps:
			if g.Reason != ipcio.GapRestarted { // what is given up is told before
				t.Fatalf("gap %+v", g)
			}
		case <-ctx.Done():
			t.Fatal("the server has begun no other session")
		}
	}
	let()
	if err := c.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	got.wait(t, "slow")
}

// A client that is closed with messages in its outbox leaves them to its next
// process. A server that lives through it handles each of them once.
func TestCloseLeavesTheRest(t *testing.T) {
	dir := socketDir(t)
	got := newList()
	release := make(chan struct{})
	var once sync.Once
	serve(t, dir, map[string]ipcio.HandlerFunc{"up": func(ctx context.Context, m *ipcio.Message) (any, error) {
		var s string
		err := m.Decode(&s)
		got.add(s)
		once.Do(func() { <-release })
		return nil, err
	}})
	box, ctx := newMemory(), within(t)
	gaps := make(chan ipcio.Gap, 10)
	one := client(t, ipcio.ClientConfig{Dir: dir, Outbox: in{box}, OnGap: func(g ipcio.Gap) { gaps <- g }}, nil)
	if err := one.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"1", "2", "3"} {
		if err := one.Emit(ctx, "up", s); err != nil {
			t.Fatal(err)
		}
	}
	got.wait(t, "1")
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	if err := one.Emit(ctx, "up", "late"); !errors.Is(err, ipcio.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	two := client(t, ipcio.ClientConfig{Dir: dir, Outbox: in{box}}, nil)
	if err := errors.Join(two.Emit(ctx, "up", "4"), two.Connect(ctx)); err != nil {
		t.Fatal(err)
	}
	close(release)
	if err := two.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	got.wait(t, "1", "2", "3", "4")
	select {
	case g := <-gaps:
		t.Errorf("what stays in the outbox is no gap: %+v", g)
	default:
	}
}

// A full disk: Emit says so at once and stores nothing; when there is room
// again it goes on, and what was accepted is handled, in order, once.
func TestEmitToAFullDisk(t *testing.T) {
	dir := socketDir(t)
	got := newList()
	serve(t, dir, map[string]ipcio.HandlerFunc{"up": got.note})
	box := newMemory()
	c := client(t, ipcio.ClientConfig{Dir: dir, Outbox: in{box}}, nil)
	ctx := within(t)
	full := func(is bool) {
		box.mu.Lock()
		defer box.mu.Unlock()
		box.fail = func(op string, _ int) error {
			if is && op == "write" {
				return &shortError{syscall.ENOSPC, 50}
			}
			return nil
		}
	}
	for range 2 { // not connected, then connected
		if err := c.Emit(ctx, "up", "kept"); err != nil {
			t.Fatal(err)
		}
		full(true)
		err := c.Emit(ctx, "up", "refused")
		if !errors.Is(err, ipcio.ErrQueueFull) || ipcio.OutcomeOf(err) != ipcio.OutcomeNotSent {
			t.Errorf("%v, outcome %v", err, ipcio.OutcomeOf(err))
		}
		full(false)
		if err := errors.Join(c.Emit(ctx, "up", "kept too"), c.Connect(ctx)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	got.wait(t, "kept", "kept too", "kept", "kept too")
}

// A disk that fails: later Emits fail, what was accepted before is delivered
// all the same, and calls go on.
func TestEmitToABrokenDisk(t *testing.T) {
	dir := socketDir(t)
	got := newList()
	box := newMemory()
	c := client(t, ipcio.ClientConfig{Dir: dir, Outbox: in{box}}, nil)
	ctx := within(t)
	s := serve(t, dir, map[string]ipcio.HandlerFunc{"up": got.note, "ask": got.note})
	if err := c.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.Emit(ctx, "up", "before"); err != nil {
		t.Fatal(err)
	}
	box.mu.Lock()
	box.fail = func(op string, _ int) error {
		if op == "sync" {
			return syscall.EIO
		}
		return nil
	}
	box.mu.Unlock()
	for range 2 {
		if err := c.Emit(ctx, "up", "after"); !errors.Is(err, ErrFailed) || ipcio.OutcomeOf(err) != ipcio.OutcomeUnknown {
			t.Errorf("%v, outcome %v", err, ipcio.OutcomeOf(err))
		}
	}
	if _, err := c.Call(ctx, "ask", "question"); err != nil {
		t.Error(err)
	}
	got.wait(t, "before", "question")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// Another connection is possible: the disk says that everything may have been
	// written to one.
	serve(t, dir, map[string]ipcio.HandlerFunc{"ask": got.note})
	if _, err := c.Call(ctx, "ask", "another"); err != nil {
		t.Error(err)
	}
}

// Emit waits no longer than its ctx for a disk that takes its time. It cannot
// say then what becomes of the message.
func TestEmitToASlowDisk(t *testing.T) {
	box := newMemory()
	c := client(t, ipcio.ClientConfig{Dir: socketDir(t), Outbox: in{box}}, nil)
	goOn, waits := make(chan struct{}), make(chan struct{}, 1)
	box.mu.Lock()
	box.fail = func(op string, _ int) error {
		if op == "sync" {
			select {
			case waits <- struct{}{}:
			default:
			}
			<-goOn
		}
		return nil
	}
	box.mu.Unlock()
	ctx, cancel := context.WithCancel(within(t))
	result := make(chan error, 1)
	go func() { result <- c.Emit(ctx, "up", "slow") }()
	<-waits
	cancel()
	err := <-result
	if !errors.Is(err, context.Canceled) || !errors.Is(err, ipcio.ErrOutcomeUnknown) || ipcio.OutcomeOf(err) != ipcio.OutcomeUnknown {
		t.Errorf("%v, outcome %v", err, ipcio.OutcomeOf(err))
	}
	close(goOn)
}

// What cannot be opened says why, and leaves it as it was.
func TestOpenRefused(t *testing.T) {
	dir := socketDir(t)
	box := filepath.Join(t.TempDir(), "box")
	base := ipcio.ClientConfig{Dir: dir, Name: "c", Logger: quiet, Outbox: DurableSync(box)}
	c, err := ipcio.NewClient(base)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ipcio.NewClient(base); !errors.Is(err, ErrInUse) {
		t.Errorf("a second one: %v", err)
	}
	if err := c.Emit(within(t), "up", "x"); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*ipcio.ClientConfig){
		"another client": func(cfg *ipcio.ClientConfig) { cfg.Name = "d" },
		"another domain": func(cfg *ipcio.ClientConfig) { cfg.Domain = "other" },
	} {
		cfg := base
		change(&cfg)
		if _, err := ipcio.NewClient(cfg); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v", what, err)
		}
	}
	nameless := base
	nameless.Name = ""
	if _, err := ipcio.NewClient(nameless); err == nil {
		t.Error("a client without a name")
	}
	none := base
	none.Outbox = DurableSync(filepath.Join(box, "no", "where"))
	if _, err := ipcio.NewClient(none); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a parent: %v", err)
	}
	if err := os.Chmod(box, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := ipcio.NewClient(base); err == nil {
		t.Error("a directory that is open to others")
	}
	if err := os.Chmod(box, 0o700); err != nil {
		t.Fatal(err)
	}
	again, err := ipcio.NewClient(base)
	if err != nil {
		t.Fatal(err)
	}
	got := newList()
	serve(t, dir, map[string]ipcio.HandlerFunc{"up": got.note})
	if err := errors.Join(again.Connect(within(t)), again.Shutdown(within(t))); err != nil {
		t.Fatal(err)
	}
	got.wait(t, "x")
}

// Damage is a gap.
func TestGapDamaged(t *testing.T) {
	box := newMemory()
	c := client(t, ipcio.ClientConfig{Dir: socketDir(t), Outbox: in{box}}, nil)
	if err := errors.Join(c.Emit(within(t), "up", "x"), c.Close()); err != nil {
		t.Fatal(err)
	}
	box.files[segmentName(1)].data[recordsBegin+20] ^= 1
	gaps := make(chan ipcio.Gap, 1)
	client(t, ipcio.ClientConfig{Dir: socketDir(t), Outbox: in{box}, OnGap: func(g ipcio.Gap) { gaps <- g }}, nil)
	if g := <-gaps; g.Reason != ipcio.GapDamaged || g.Err == nil {
		t.Errorf("gap %+v", g)
	}
}

// BenchmarkEmit measures what an Emit waits for: one at a time, and many at
// once, which share an fsync.
func BenchmarkEmit(b *testing.B) {
	for _, mode := range []struct {
		name string
		open func(string) *Outbox
	}{{"sync", DurableSync}, {"process", DurableProcess}} {
		for _, senders := range []int{1, 64} {
			b.Run(mode.name+map[int]string{1: "/alone", 64: "/64 at once"}[senders], func(b *testing.B) {
				sockets, err := os.MkdirTemp("", "ipcio")
				if err != nil {
					b.Fatal(err)
				}
				defer os.RemoveAll(sockets)
				s, err := ipcio.NewServer(ipcio.ServerConfig{Dir: sockets, Logger: quiet})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				c, err := ipcio.NewClient(ipcio.ClientConfig{
					Dir: sockets, Name: "c", Logger: quiet, Outbox: mode.open(filepath.Join(b.TempDir(), "box")),
					Queue: ipcio.QueueConfig{WhenFull: ipcio.Block},
				})
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				ctx := context.Background()
				nothing := func(context.Context, *ipcio.Message) (any, error) { return nil, nil }
				if err := errors.Join(s.On("up", nothing), s.Start(ctx), c.Connect(ctx)); err != nil {
					b.Fatal(err)
				}
				payload := make([]byte, 100)
				b.ReportAllocs()
				b.SetParallelism(senders)
				if senders == 1 {
					for b.Loop() {
						if err := c.Emit(ctx, "up", payload); err != nil {
							b.Fatal(err)
						}
					}
					return
				}
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := c.Emit(ctx, "up", payload); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
	}
}
