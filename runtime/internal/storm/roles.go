//go:build linux

package storm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// An item is what the messages carry.
type item struct {
	From   uint32 `cbor:"f"`
	To     uint32 `cbor:"t"`
	Life   uint32 `cbor:"l"`
	Number uint64 `cbor:"n"`
	Fill   []byte `cbor:"x"`
}

// fill makes the payload of an item, of a size that follows from its numbers.
// Most are small, one in some hundreds fills several packets, one in some
// thousands more than a socket holds.
func (it *item) fill(largest int) {
	h := it.hash()
	switch {
	case h%4096 == 0:
		it.fillTo(int(h>>33) % (largest + 1))
	case h%256 == 1:
		it.fillTo(int(h>>33) % min(largest+1, 20<<10))
	default:
		it.fillTo(int(h>>33) % min(largest+1, 200))
	}
}

// fillTo makes the payload, of a given size, with bytes that follow from the
// numbers.
func (it *item) fillTo(size int) {
	h := it.hash()
	it.Fill = make([]byte, size)
	for i := range it.Fill {
		it.Fill[i] = byte(h>>8) + byte(i) + byte(i>>8)
	}
}

func (it *item) hash() uint64 {
	h := it.Number*0x9e3779b97f4a7c15 + uint64(it.From)*0xbf58476d1ce4e5b9 + uint64(it.Life)*0x94d049bb133111eb + uint64(it.To)
	h ^= h >> 31
	h *= 0xd6e8feb86659fd93
	return h ^ h>>32
}

// check fails if the payload is not the one that was sent. exact is its size; 0
// stands for the one that fill chooses.
func (it *item) check(largest, exact int) error {
	want := *it
	if exact > 0 {
		want.fillTo(exact)
	} else {
		want.fill(largest)
	}
	if string(want.Fill) != string(it.Fill) {
		return fmt.Errorf("item %d from %x: %d bytes that are not the %d which were sent", it.Number, it.From, len(it.Fill), len(want.Fill))
	}
	return nil
}

// patience bounds a step that ends soon unless something is broken.
const patience = 2 * time.Minute

// nameOf is the client name of a session.
func nameOf(session uint32) string { return "c" + strconv.Itoa(int(session>>16)) }

// A serverConfig says what a server of a storm does.
type serverConfig struct {
	Dir, Journal string
	Life         uint32
	Largest      int           // bytes of a payload
	Down         int           // every so many events of a client are answered with one; 0: none
	News         time.Duration // between two broadcasts, once told "begin"; 0: none
	NewsBytes    int           // of a broadcast's payload; 0: as others
	Limits       ipcio.Limits
	Descriptors  int // so many more than there are when it serves; 0: what the system gives
}

// burst is how many broadcasts a server makes at a time.
const burst = 32

// heap returns the bytes of what is in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what the first found to have finalizers, and what pools kept for one round
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// stats returns the number of goroutines, of descriptors and of bytes in use.
func stats() string {
	bytes := heap()
	open, _ := descriptors() // none is no number that it can have
	return fmt.Sprintf("%d %d %d", runtime.NumGoroutine(), len(open), bytes)
}

// serverRole serves the domain. It says "ready"; told "shutdown", it delivers
// what it has, says "down" and ends.
func serverRole(p *player) error {
	var cfg serverConfig
	if err := p.config(&cfg); err != nil {
		return err
	}
	journal, err := OpenJournal(cfg.Journal)
	if err != nil {
		return err
	}
	defer journal.Close()
	failed := newFailure()
	s, err := ipcio.NewServer(ipcio.ServerConfig{
		Dir: cfg.Dir, Logger: warnings(), Limits: cfg.Limits,
		OnGap: func(g ipcio.Gap) {
			number, err := strconv.Atoi(strings.TrimPrefix(g.Client, "c"))
			failed.set(err)
			failed.set(journal.Write(Record{Event: Missed, To: SessionOf(number, 1), Life: cfg.Life, Count: g.Count}))
		},
	})
	if err != nil {
		return err
	}
	defer s.Close()

	var sent sync.Map // uint32, a session -> *uint64, how many events it was sent
	note := func(flow Flow, m *ipcio.Message) (*item, error) {
		var it item
		if err := m.Decode(&it); err != nil {
			return nil, err
		}
		if err := it.check(cfg.Largest, 0); err != nil {
			return nil, err
		}
		if name := nameOf(it.From); m.From().Name() != name {
			return nil, fmt.Errorf("item %d from %x came from %q", it.Number, it.From, m.From().Name())
		}
		return &it, journal.Write(Record{Event: Handled, Flow: flow, From: it.From, Life: cfg.Life, Number: it.Number, Flagged: m.Redelivered()})
	}
	err = errors.Join(
		s.On("up", func(ctx context.Context, m *ipcio.Message) (any, error) {
			it, err := note(Up, m)
			if err != nil {
				failed.set(err)
				return nil, err
			}
			if cfg.Down == 0 || it.Number%uint64(cfg.Down) != 0 {
				return nil, nil
			}
			// Events of one client are handled one at a time, so its count is ours.
			v, _ := sent.LoadOrStore(it.From, new(uint64))
			count := v.(*uint64)
			down := &item{To: it.From, Life: cfg.Life, Number: *count + 1}
			down.fill(cfg.Largest)
			switch err := m.From().Emit(ctx, "down", down); {
			case err == nil:
				*count++
				failed.set(journal.Write(Record{Event: Accepted, Flow: Down, To: it.From, Life: cfg.Life, Number: *count}))
			case !errors.Is(err, ipcio.ErrQueueFull) && !errors.Is(err, ipcio.ErrPeerGone) && !errors.Is(err, context.Canceled):
				failed.set(err) // ctx ends with the session, when its client was killed
			}
			return nil, nil
		}),
		s.On("call", func(_ context.Context, m *ipcio.Message) (any, error) {
			it, err := note(Calls, m)
			if err != nil {
				failed.set(err)
				return nil, err
			}
			return it, nil
		}),
		s.On("block", func(ctx context.Context, m *ipcio.Message) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}),
		s.Start(context.Background()),
	)
	if err != nil {
		return err
	}
	if cfg.Descriptors > 0 {
		if err := allowDescriptors(cfg.Descriptors); err != nil {
			return err
		}
	}
	p.say("ready")

	quit := make(chan struct{})
	begin := make(chan struct{})
	told := uint64(0) // broadcasts; of the goroutine that makes them
	broadcast := func() error {
		it := &item{Life: cfg.Life, Number: told + 1}
		if it.fill(cfg.Largest); cfg.NewsBytes > 0 {
			it.fillTo(cfg.NewsBytes)
		}
		if err := s.Broadcast(context.Background(), "news", it); err != nil {
			return err
		}
		told++
		return journal.Write(Record{Event: Accepted, Flow: News, Life: cfg.Life, Number: told})
	}
	var news sync.WaitGroup
	if cfg.News > 0 {
		news.Go(func() {
			select {
			case <-begin:
			case <-quit:
				return
			}
			ticker := time.NewTicker(cfg.News)
			defer ticker.Stop()
			for {
				select {
				case <-ticker.C:
					failed.set(broadcast())
				case <-quit:
					return
				}
			}
		})
	}
	defer news.Wait()
	for {
		select {
		case err := <-failed.first:
			return err
		case line := <-p.heard:
			switch line {
			case "clients":
				kept, connected := 0, 0
				for _, c := range s.Clients() {
					kept++
					if c.Connected {
						connected++
					}
				}
				p.say("clients %d %d", kept, connected)
			case "heap":
				p.say("heap %d", heap())
			case "stats":
				p.say("stats %s", stats())
			case "plenty":
				if err := setDescriptorLimit(plenty); err != nil {
					return err
				}
				p.say("plenty")
			case "begin":
				close(begin)
			case "burst": // of a server that does not broadcast by itself
				for range burst {
					if err := broadcast(); err != nil {
						return err
					}
				}
				p.say("burst %d", told)
			case "shutdown":
				close(quit)
				news.Wait()
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				if err := s.Shutdown(ctx); err != nil {
					return err
				}
				select {
				case err := <-failed.first:
					return err
				default:
				}
				p.say("down")
				return nil
			}
		case <-p.gone:
			return nil
		}
	}
}

// warnings goes to standard error.
func warnings() *slog.Logger { return slog.Default() }

// A failure keeps the first error that is set.
type failure struct{ first chan error }

func newFailure() *failure { return &failure{first: make(chan error, 1)} }

func (f *failure) set(err error) {
	if err == nil {
		return
	}
	select {
	case f.first <- err:
	default:
	}
}

// A clientsConfig says what a process with clients does.
type clientsConfig struct {
	Dir, Journal string
	First, Count int // the clients' numbers
	Generation   int
	All          int           // how many clients there are in all, numbered from 0
	Largest      int           // bytes of a payload
	NewsBytes    int           // of a broadcast's payload; 0: as others
	Queue        int           // frames of the queue
	Silent       bool          // send nothing
	Many         bool          // so many clients that a directory of all for each is too much to ask for
	NoWait       bool          // do not wait until they are connected
	Pace         time.Duration // between two events of one client; 0: as fast as they are taken
	Calls        int           // every so many events a call; 0: none
	Across       int           // every so many events one to the next client; 0: none
	Report       bool          // say "lost" and "back" with the name of a client
	Seed         uint64
}

// clientsRole runs clients. It says "ready" when they are connected. Told
// "stop", it sends no more, waits until all it has sent is done and says
// "stopped" with the number of events that were accepted and of connections
// that were lost; told "quit", it ends.
func clientsRole(p *player) error {
	var cfg clientsConfig
	if err := p.config(&cfg); err != nil {
		return err
	}
	journal, err := OpenJournal(cfg.Journal)
	if err != nil {
		return err
	}
	defer journal.Close()
	l := &load{cfg: cfg, journal: journal, failed: newFailure(), stop: make(chan struct{}), say: p.say}
	defer l.close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for i := range cfg.Count {
		if err := l.add(ctx, cfg.First+i); err != nil {
			return err
		}
	}
	p.say("ready")
	for {
		select {
		case err := <-l.failed.first:
			return err
		case line := <-p.heard:
			switch line {
			case "go":
				l.begin()
			case "news":
				least := uint64(math.MaxUint64)
				for _, lc := range l.clients {
					least = min(least, lc.news.Load())
				}
				p.say("news %d", least)
			case "count":
				p.say("count %d %d", l.accepted.Load(), l.losses.Load())
			case "stop":
				close(l.stop)
				if err := l.finish(); err != nil {
					return err
				}
				p.say("stopped %d %d", l.accepted.Load(), l.losses.Load())
			case "quit":
				err := l.close()
				select {
				case first := <-l.failed.first:
					err = first
				default:
				}
				if err != nil {
					return err
				}
				p.say("bye")
				return nil
			}
		case <-p.gone:
			return nil
		}
	}
}

// A load is the clients of one process.
type load struct {
	cfg     clientsConfig
	journal *Journal
	failed  *failure
	say     func(string, ...any)
	clients []*loadClient
	stop    chan struct{} // closed when nothing more is to be sent
	senders sync.WaitGroup

	accepted, losses atomic.Int64
}

type loadClient struct {
	*ipcio.Client
	session uint32
	news    atomic.Uint64 // the last broadcast that was handled
	met     bool          // it was connected once; OnStateChange's
}

// add makes and connects a client.
func (l *load) add(ctx context.Context, number int) error {
	lc := &loadClient{session: SessionOf(number, l.cfg.Generation)}
	c, err := ipcio.NewClient(ipcio.ClientConfig{
		Name: nameOf(lc.session), Dir: l.cfg.Dir, Logger: warnings(), CallTimeout: patience,
		Queue: ipcio.QueueConfig{Frames: l.cfg.Queue, WhenFull: ipcio.Block},
		OnStateChange: func(s ipcio.State) {
			what := "back"
			switch {
			case s == ipcio.StateConnected:
				lc.met = true
			case s == ipcio.StateConnecting && lc.met:
				l.losses.Add(1)
				what = "lost"
			default:
				return
			}
			if l.cfg.Report {
				l.say("%s %s", what, nameOf(lc.session))
			}
		},
		OnGap: func(g ipcio.Gap) {
			if g.Reason != ipcio.GapRestarted {
				l.failed.set(l.journal.Write(Record{Event: Missed, From: lc.session, Count: g.Count}))
			}
		},
	})
	if err != nil {
		return err
	}
	lc.Client = c
	l.clients = append(l.clients, lc)
	handle := func(flow Flow) ipcio.HandlerFunc {
		return func(_ context.Context, m *ipcio.Message) (any, error) {
			var it item
			exact := 0
			if flow == News {
				exact = l.cfg.NewsBytes
			}
			if err := errors.Join(m.Decode(&it), it.check(l.cfg.Largest, exact)); err != nil {
				l.failed.set(err)
				return nil, err
			}
			r := Record{Event: Handled, Flow: flow, From: it.From, To: lc.session, Life: it.Life, Number: it.Number, Flagged: m.Redelivered()}
			if flow == Across {
				r.To, r.Life = NameOf(lc.session), uint32(l.cfg.Generation)
			}
			err := l.journal.Write(r)
			l.failed.set(err)
			if flow == News {
				lc.news.Store(it.Number)
			}
			return nil, err
		}
	}
	err = errors.Join(c.On("down", handle(Down)), c.On("news", handle(News)), c.On("across", handle(Across)))
	if err != nil {
		return err
	}
	// Not Connect: it stops when a name is taken, as it is until the server has
	// seen that whoever had it was killed.
	if err := c.Start(); err != nil || l.cfg.NoWait {
		return err
	}
	return c.Connect(ctx)
}

func (l *load) begin() {
	if l.cfg.Silent {
		return
	}
	for i, lc := range l.clients {
		rng := rand.New(rand.NewPCG(l.cfg.Seed, uint64(l.cfg.First+i)))
		l.senders.Go(func() { l.failed.set(l.send(lc, rng)) })
	}
}

// send sends until it is told to stop.
func (l *load) send(lc *loadClient, rng *rand.Rand) error {
	ctx := context.Background()
	var calls sync.WaitGroup
	defer calls.Wait()
	slots := make(chan struct{}, 8) // calls at a time
	var ups, called, across uint64
	var pace <-chan time.Time
	if l.cfg.Pace > 0 {
		ticker := time.NewTicker(l.cfg.Pace)
		defer ticker.Stop()
		pace = ticker.C
	}
	next := SessionOf((int(lc.session>>16)+1)%l.cfg.All, 0)
	one := func(every int) bool { return every > 0 && rng.IntN(every) == 0 }
	for {
		if pace != nil {
			select {
			case <-pace:
			case <-l.stop:
				return nil
			}
		}
		select {
		case <-l.stop:
			return nil
		default:
		}
		up := &item{From: lc.session, Number: ups + 1}
		up.fill(l.cfg.Largest)
		if err := lc.Emit(ctx, "up", up); err != nil {
			return err
		}
		ups++
		l.accepted.Add(1)
		if err := l.journal.Write(Record{Event: Accepted, Flow: Up, From: lc.session, Number: ups}); err != nil {
			return err
		}
		if one(l.cfg.Across) && l.cfg.All > 1 {
			it := &item{From: lc.session, To: next, Number: across + 1}
			it.fill(l.cfg.Largest)
			if err := lc.EmitTo(ctx, nameOf(next), "across", it); err != nil {
				return err
			}
			across++
			l.accepted.Add(1)
			if err := l.journal.Write(Record{Event: Accepted, Flow: Across, From: lc.session, To: next, Number: across}); err != nil {
				return err
			}
		}
		if one(l.cfg.Calls) {
			select {
			case slots <- struct{}{}:
				called++
				number := called
				calls.Go(func() {
					defer func() { <-slots }()
					l.failed.set(l.call(ctx, lc, number))
				})
			default: // enough of them are under way
			}
		}
	}
}

// call makes one call and reports how it ended.
func (l *load) call(ctx context.Context, lc *loadClient, number uint64) error {
	it := &item{From: lc.session, Number: number}
	it.fill(l.cfg.Largest)
	r := Record{Flow: Calls, From: lc.session, Number: number}
	reply, err := lc.Call(ctx, "call", it)
	switch {
	case err == nil:
		var got item
		if err := reply.Decode(&got); err != nil {
			return err
		}
		if got.Number != number || got.From != lc.session || string(got.Fill) != string(it.Fill) {
			return fmt.Errorf("call %d of %x was answered with %d of %x", number, lc.session, got.Number, got.From)
		}
		r.Event = Answered
	case ipcio.OutcomeOf(err) == ipcio.OutcomeUnknown:
		r.Event = Unknown
	case ipcio.OutcomeOf(err) == ipcio.OutcomeNotSent, ipcio.OutcomeOf(err) == ipcio.OutcomeNotHandled:
		r.Event = NotHandled
	default:
		return fmt.Errorf("call %d of %x: %w", number, lc.session, err)
	}
	return l.journal.Write(r)
}

// finish waits until all that was sent is done.
func (l *load) finish() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l.senders.Wait() // each send that waits for room gets it as the server handles
	for _, lc := range l.clients {
		if err := lc.Flush(ctx); err != nil {
			return fmt.Errorf("%s: %w", lc.Name(), err)
		}
		if l.cfg.Many {
			continue
		}
		// The answer comes on the other lane: a server that shuts down delivers
		// broadcasts to those that are connected, and half a connection is none.
		if _, err := lc.Discover(ctx); err != nil {
			return fmt.Errorf("%s: %w", lc.Name(), err)
		}
	}
	return nil
}

func (l *load) close() error {
	var all sync.WaitGroup
	errs := make([]error, len(l.clients))
	for i, lc := range l.clients {
		all.Go(func() { errs[i] = lc.Close() })
	}
	all.Wait()
	return errors.Join(errs...)
}
