//go:build linux

package storm

import (
	"context"
	"math/rand/v2"
	"time"
)

// ServerStorm kills the server, again and again, while clients in other
// processes send. The zero value of a field is not a default: set all.
type ServerStorm struct {
	Kills     int
	Messages  int64 // goes on after the last kill until so many were accepted
	Processes int   // with clients
	Clients   int   // in each
	Life      time.Duration
	Seed      uint64
}

// Run runs the storm. The ledger is there also if the error says that a
// promise was broken.
func (s ServerStorm) Run(ctx context.Context) (_ *Ledger, err error) {
	c, ctx, err := newCrew(ctx, "kill")
	if err != nil {
		return nil, err
	}
	defer func() { err = c.end(err) }()
	f := &fleet{crew: c, largest: 64 << 10, down: 4}
	if err := f.serve(ctx); err != nil {
		return nil, err
	}
	err = f.sail(ctx, s.Processes, clientsConfig{
		Dir: c.dir, Count: s.Clients, Queue: 1024, Calls: 64, Largest: f.largest, Seed: s.Seed,
	})
	if err != nil {
		return nil, err
	}
	ledger := newLedger(s.Seed)
	rng := rand.New(rand.NewPCG(s.Seed, 0))
	early := 0
	for kill := range s.Kills {
		if kill%16 == 15 {
			// Before it serves, too: where it stands then is up to the machine.
			if err := f.launch(); err != nil {
				return nil, err
			}
			early++
			if err := pause(ctx, time.Duration(rng.Int64N(int64(20*time.Millisecond)))); err != nil {
				return nil, err
			}
			f.killServer()
			continue
		}
		if f.server == nil {
			if err := f.serve(ctx); err != nil {
				return nil, err
			}
		}
		if err := pause(ctx, time.Duration(rng.Int64N(int64(s.Life)))); err != nil {
			return nil, err
		}
		if err := f.alive(); err != nil {
			return nil, err
		}
		f.killServer()
	}
	if f.server == nil {
		if err := f.serve(ctx); err != nil {
			return nil, err
		}
	}
	if err := f.await(ctx, s.Messages); err != nil {
		return nil, err
	}
	if err := f.land(ctx); err != nil {
		return nil, err
	}
	ledger.add("kills", s.Kills)
	ledger.add("kills_while_starting", early)
	ledger.add("processes", s.Processes)
	ledger.add("clients", s.Processes*s.Clients)
	checker := NewChecker()
	if err := f.read(checker); err != nil {
		return nil, err
	}
	return ledger, ledger.judge(checker)
}

// pause lets the storm go on for a while.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
