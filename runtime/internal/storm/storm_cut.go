//go:build linux

package storm

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"time"
)

// CutStorm ends connections in every way there is, in one life of the server,
// while clients in other processes send: to the server, to each other, and are
// sent to.
type CutStorm struct {
	Losses    int // injected
	Processes int // with clients
	Clients   int // in each
	Seed      uint64
}

// Run runs the storm.
func (s CutStorm) Run(ctx context.Context) (_ *Ledger, err error) {
	c, ctx, err := newCrew(ctx, "cut")
	if err != nil {
		return nil, err
	}
	defer func() { err = c.end(err) }()
	front, err := newDir("front")
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(s.Seed, 1))
	var kinds [endings]int
	// Until all are connected for the first time nothing is cut.
	calm := 2 * s.Processes * s.Clients
	proxy, err := NewProxy(front, c.dir, func(n int) Plan {
		if n <= calm {
			return Forward
		}
		plan := RandomPlan(rng)
		kinds[plan.End]++
		return plan
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, proxy.Close(), os.RemoveAll(front)) }()

	f := &fleet{crew: c, largest: 64 << 10, down: 4, news: 20 * time.Millisecond, listening: true}
	if err := f.serve(ctx); err != nil {
		return nil, err
	}
	err = f.sail(ctx, s.Processes, clientsConfig{
		Dir: front, Count: s.Clients, Queue: 256, Calls: 32, Across: 16, Largest: f.largest, Seed: s.Seed,
	})
	if err != nil {
		return nil, err
	}
	ledger := newLedger(s.Seed)
	proxy.CutAll()
	for proxy.Losses() < s.Losses {
		if err := errors.Join(f.alive(), pause(ctx, 50*time.Millisecond)); err != nil {
			return nil, err
		}
	}
	injected := proxy.Losses()
	proxy.Calm()
	proxy.CutAll()
	_, losses, err := f.count(ctx)
	if err != nil {
		return nil, err
	}
	if err := f.land(ctx); err != nil {
		return nil, err
	}
	ledger.add("connections_lost", injected)
	ledger.add("sessions_resumed", losses)
	for end, name := range []string{Cut: "cut", HalfClose: "half_close", Reset: "reset", Blackhole: "blackhole"} {
		ledger.add("planned_"+name, kinds[end])
	}
	ledger.add("processes", s.Processes)
	ledger.add("clients", s.Processes*s.Clients)
	checker := NewChecker()
	if err := f.read(checker); err != nil {
		return nil, err
	}
	return ledger, ledger.judge(checker)
}

// RandomPlan returns a plan that ends the connection: within the handshake,
// within the first frames after it or far into the traffic, in one direction
// or in whichever comes first, byte by byte or slowly or neither.
func RandomPlan(rng *rand.Rand) Plan {
	budget := func() int64 {
		switch rng.IntN(8) {
		case 0:
			return rng.Int64N(400)
		case 1, 2, 3:
			return rng.Int64N(4 << 10)
		case 4, 5, 6:
			return rng.Int64N(32 << 10)
		default:
			return rng.Int64N(512 << 10)
		}
	}
	plan := Plan{Up: Half{Bytes: budget()}, Down: Half{Bytes: budget()}}
	switch rng.IntN(4) {
	case 0:
		plan.Up.Bytes = -1
	case 1:
		plan.Down.Bytes = -1
	}
	if plan.Up.Bytes < 0 {
		plan.Down.Bytes = min(plan.Down.Bytes, 16<<10) // less flows there
	}
	for _, h := range []*Half{&plan.Up, &plan.Down} {
		switch rng.IntN(16) {
		case 0:
			h.Chunk = 1
			if h.Bytes < 0 || h.Bytes > 8<<10 {
				h.Bytes = rng.Int64N(8 << 10)
			}
		case 1:
			h.Chunk = 1 + rng.IntN(100)
		case 2:
			h.Delay = time.Duration(rng.Int64N(int64(2 * time.Millisecond)))
		}
	}
	plan.End = Ending(rng.IntN(8))
	if plan.End >= endings {
		plan.End = Cut
	}
	plan.Hold = time.Duration(rng.Int64N(int64(20 * time.Millisecond)))
	if plan.End == Blackhole {
		plan.Hold *= 5
	}
	return plan
}
