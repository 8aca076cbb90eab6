//go:build linux

package storm

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// ClientsStorm kills processes with clients, again and again, and starts them
// again under the same names, while others stay and send to them. Now and then
// the server dies within the same moment.
type ClientsStorm struct {
	Kills     int // of a process with clients
	Both      int // of them so many together with the server
	Processes int // with clients that are killed
	Clients   int // in each, and in the one that stays
	Life      time.Duration
	Seed      uint64
}

// Run runs the storm.
func (s ClientsStorm) Run(ctx context.Context) (_ *Ledger, err error) {
	c, ctx, err := newCrew(ctx, "clients")
	if err != nil {
		return nil, err
	}
	defer func() { err = c.end(err) }()
	f := &fleet{crew: c, largest: 64 << 10, down: 4}
	if err := f.serve(ctx); err != nil {
		return nil, err
	}
	cfg := clientsConfig{Dir: c.dir, Count: s.Clients, Queue: 512, Calls: 32, Across: 8, Largest: f.largest, Seed: s.Seed}
	if s.Both > 0 {
		cfg.Across = 0 // what a dead server had taken over for another client is lost with it
	}
	if err := f.sail(ctx, s.Processes+1, cfg); err != nil {
		return nil, err
	}
	cfg.All = (s.Processes + 1) * s.Clients
	ledger := newLedger(s.Seed)
	rng := rand.New(rand.NewPCG(s.Seed, 2))
	generations := make([]int, s.Processes+1)
	for i := range generations {
		generations[i] = 1
	}
	both := 0
	for kill := range s.Kills {
		if err := pause(ctx, time.Duration(rng.Int64N(int64(s.Life)))); err != nil {
			return nil, err
		}
		if err := f.alive(); err != nil {
			return nil, err
		}
		victim := 1 + rng.IntN(s.Processes) // the first process stays
		with := both < s.Both && rng.IntN(s.Kills-kill) < s.Both-both
		serverFirst := rng.IntN(2) == 0
		if with && serverFirst {
			f.killServer()
		}
		f.clients[victim].kill()
		for i := range s.Clients {
			f.died = append(f.died, SessionOf(victim*s.Clients+i, generations[victim]))
		}
		if with {
			both++
			if !serverFirst {
				f.killServer()
			}
			if err := f.serve(ctx); err != nil {
				return nil, err
			}
		}
		generations[victim]++
		cfg.First, cfg.Generation = victim*s.Clients, generations[victim]
		p, err := f.startClients(cfg)
		if err != nil {
			return nil, err
		}
		f.clients[victim] = p
		if err := f.ready(ctx, p); err != nil {
			return nil, err
		}
		if err := p.tell("go"); err != nil {
			return nil, err
		}
	}
	// Nothing is left of the dead: as many sessions as clients, all connected.
	kept, err := f.server.askNumbers(ctx, "clients", "clients", 2)
	if err != nil {
		return nil, err
	}
	if want := int64(cfg.All); kept[0] != want || kept[1] != want {
		return nil, fmt.Errorf("the server keeps %d sessions, %d of them connected: want %d", kept[0], kept[1], want)
	}
	if err := f.land(ctx); err != nil {
		return nil, err
	}
	if f.life > 1 && s.Both == 0 {
		return nil, errors.New("the server was killed although nobody asked for it")
	}
	ledger.add("clients_killed", s.Kills*s.Clients)
	ledger.add("processes_killed", s.Kills)
	ledger.add("with_the_server", both)
	ledger.add("clients", cfg.All)
	checker := NewChecker()
	if err := f.read(checker); err != nil {
		return nil, err
	}
	return ledger, ledger.judge(checker)
}
