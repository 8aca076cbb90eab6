//go:build linux

package storm

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// noticed is how long the silence of the other side may last before it is
// taken for lost: 15 seconds, counted in ticks of one.
const noticed = 16 * time.Second

// onTheWay is what the news of it may need on a busy machine to be measured.
const onTheWay = 2 * time.Second

// StopStorm stops processes for a while, as SIGSTOP does: the kernel goes on
// taking bytes for them, and no error tells of it. Whoever is stopped for
// longer than Noticed must be taken for lost, and everything goes on where it
// was when they run again.
type StopStorm struct {
	Stops     int           // of the server or of a process with clients
	Longest   time.Duration // of most of them; the least is 100 ms
	Long      int           // so many of the stops are of 20 s
	Processes int           // with clients
	Clients   int           // in each
	Seed      uint64
}

// Run runs the storm.
func (s StopStorm) Run(ctx context.Context) (_ *Ledger, err error) {
	c, ctx, err := newCrew(ctx, "stop")
	if err != nil {
		return nil, err
	}
	defer func() { err = c.end(err) }()
	const queues = 64 << 20
	f := &fleet{crew: c, largest: 64 << 10, down: 1, news: 5 * time.Millisecond, listening: true, limits: ipcio.Limits{QueueBytes: queues}}
	if err := f.serve(ctx); err != nil {
		return nil, err
	}
	err = f.sail(ctx, s.Processes, clientsConfig{Dir: c.dir, Count: s.Clients, Queue: 512, Calls: 32, Report: true, Pace: time.Millisecond, Seed: s.Seed})
	if err != nil {
		return nil, err
	}
	ledger := newLedger(s.Seed)
	rng := rand.New(rand.NewPCG(s.Seed, 3))
	var slowest time.Duration
	servers, most := 0, int64(0)
	for stop := range s.Stops {
		length := 100*time.Millisecond + time.Duration(rng.Int64N(int64(s.Longest-100*time.Millisecond)+1))
		long := stop < s.Long
		if long {
			length = 20 * time.Second
		}
		victim := f.server
		if stop%2 == 1 {
			victim = f.clients[rng.IntN(len(f.clients))]
		} else {
			servers++
		}
		at := time.Now()
		if err := victim.signal(syscall.SIGSTOP); err != nil {
			return nil, err
		}
		took, err := s.whileStopped(ctx, f, victim, at, long)
		if err != nil {
			return nil, err
		}
		slowest = max(slowest, took)
		if err := pause(ctx, time.Until(at.Add(length))); err != nil {
			return nil, err
		}
		if victim != f.server {
			heap, err := f.server.askNumbers(ctx, "heap", "heap", 1)
			if err != nil {
				return nil, err
			}
			most = max(most, heap[0])
		}
		if err := victim.signal(syscall.SIGCONT); err != nil {
			return nil, err
		}
		if err := errors.Join(pause(ctx, time.Duration(rng.Int64N(int64(100*time.Millisecond)))), f.alive()); err != nil {
			return nil, err
		}
	}
	if err := f.land(ctx); err != nil {
		return nil, err
	}
	// What one client may have in its queue, for each, and as much again for
	// everything else.
	if bound := int64(2 * queues); most > bound {
		return nil, fmt.Errorf("the server's heap was %d bytes while clients were stopped, more than %d", most, bound)
	}
	ledger.add("stops", s.Stops)
	ledger.add("of_the_server", servers)
	ledger.add("of_20_s", s.Long)
	if s.Long > 0 {
		ledger.add("slowest_to_be_noticed_ms", slowest.Milliseconds())
	}
	ledger.add("server_heap_mib", most>>20)
	ledger.add("clients", s.Processes*s.Clients)
	checker := NewChecker()
	if err := f.read(checker); err != nil {
		return nil, err
	}
	return ledger, ledger.judge(checker)
}

// whileStopped looks at the others while one process is stopped: the clients
// of the rest go on, and in a long stop they notice.
func (s StopStorm) whileStopped(ctx context.Context, f *fleet, victim *process, at time.Time, long bool) (time.Duration, error) {
	limit, cancel := context.WithDeadline(ctx, at.Add(noticed+onTheWay))
	defer cancel()
	if victim == f.server {
		if !long {
			return 0, nil
		}
		var slowest time.Duration
		for _, p := range f.clients {
			for left := s.Clients; left > 0; {
				_, when, err := p.expect(limit, "lost")
				if err != nil {
					return 0, fmt.Errorf("the server is stopped and not all clients notice: %w", err)
				}
				if when.After(at) { // and not of a stop before
					slowest = max(slowest, when.Sub(at))
					left--
				}
			}
		}
		return slowest, nil
	}
	for _, p := range f.clients {
		if p == victim {
			continue
		}
		before, err := p.askNumbers(limit, "count", "count", 2)
		if err != nil {
			return 0, err
		}
		for after := before; after[0] == before[0]; {
			if err := pause(limit, 5*time.Millisecond); err != nil {
				return 0, fmt.Errorf("clients beside those that are stopped do not go on: %w", err)
			}
			if after, err = p.askNumbers(limit, "count", "count", 2); err != nil {
				return 0, err
			}
		}
	}
	if !long {
		return 0, nil
	}
	rest := int64((s.Processes - 1) * s.Clients)
	for {
		n, err := f.server.askNumbers(limit, "clients", "clients", 2)
		if err != nil {
			return 0, fmt.Errorf("clients are stopped and the server does not notice: %w", err)
		}
		if n[1] == rest {
			return time.Since(at), nil
		}
		if err := pause(limit, 20*time.Millisecond); err != nil {
			return 0, fmt.Errorf("clients are stopped and the server has %d connected instead of %d: %w", n[1], rest, err)
		}
	}
}

// BroadcastStorm broadcasts to many clients, some of which are stopped: what
// is kept for those is one ring, the others get everything, and the stopped
// ones are told what they have missed.
type BroadcastStorm struct {
	Clients  int // that read
	Stopped  int // that do not
	Messages int
	Bytes    int // of each
	Ring     int // bytes that the server keeps: a fraction of the messages
	Seed     uint64
}

// Run runs the storm.
func (s BroadcastStorm) Run(ctx context.Context) (_ *Ledger, err error) {
	c, ctx, err := newCrew(ctx, "news")
	if err != nil {
		return nil, err
	}
	defer func() { err = c.end(err) }()
	f := &fleet{crew: c, largest: 200, listening: true, bytes: s.Bytes, limits: ipcio.Limits{RingBytes: s.Ring}}
	if err := f.serve(ctx); err != nil {
		return nil, err
	}
	cfg := clientsConfig{Dir: c.dir, Silent: true, Largest: f.largest, NewsBytes: f.bytes, Generation: 1, All: s.Clients + s.Stopped}
	const each = 250 // clients of a process
	for first := 0; first < cfg.All; first += cfg.Count {
		if cfg.First, cfg.Count = first, min(each, s.Clients-first); first >= s.Clients {
			cfg.Count = s.Stopped // in the last one
		}
		p, err := f.startClients(cfg)
		if err != nil {
			return nil, err
		}
		f.clients = append(f.clients, p)
		if err := f.ready(ctx, p); err != nil {
			return nil, err
		}
	}
	ledger := newLedger(s.Seed)
	before, err := f.server.askNumbers(ctx, "heap", "heap", 1)
	if err != nil {
		return nil, err
	}
	stopped := f.clients[len(f.clients)-1]
	if err := stopped.signal(syscall.SIGSTOP); err != nil {
		return nil, err
	}
	// As fast as those that read can, and no faster: whoever is left behind by
	// more than the ring has a gap, and they are to have none.
	for total := int64(0); total < int64(s.Messages); {
		if total, err = f.burst(ctx, f.clients[:len(f.clients)-1]); err != nil {
			return nil, err
		}
	}
	after, err := f.server.askNumbers(ctx, "heap", "heap", 1)
	if err != nil {
		return nil, err
	}
	if err := stopped.signal(syscall.SIGCONT); err != nil {
		return nil, err
	}
	if err := f.land(ctx); err != nil {
		return nil, err
	}
	growth := after[0] - before[0]
	// The ring, and for each client what is on its way to it: a write's batch.
	if bound := int64(s.Ring) + int64(cfg.All)*(256<<10); growth > bound {
		return nil, fmt.Errorf("the server's heap grew by %d bytes, more than %d", growth, bound)
	}
	ledger.add("clients", s.Clients)
	ledger.add("stopped", s.Stopped)
	ledger.add("ring_bytes", s.Ring)
	ledger.add("heap_growth_bytes", max(growth, 0))
	checker := NewChecker()
	if err := f.read(checker); err != nil {
		return nil, err
	}
	err = ledger.judge(checker)
	// Who read all the time must have missed nothing, also nothing reported.
	for session, n := range checker.missed {
		if int(session>>16) < s.Clients {
			err = errors.Join(err, fmt.Errorf("client %x, which was not stopped, missed %d broadcasts", session, n))
		}
	}
	if checker.counts.Missed == 0 {
		err = errors.Join(err, errors.New("those that were stopped missed nothing: the ring was not bounded, or the storm too short"))
	}
	return ledger, err
}
