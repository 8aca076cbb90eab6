//go:build linux

package storm

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// LeakStorm has one process connect and close clients, and cancel calls, again
// and again, and compares what both sides hold before and after.
type LeakStorm struct {
	Connects int
	Cancels  int
	Workers  int // at a time
	Seed     uint64
}

// remembered is of how many sessions that are gone a server knows how far they
// had come.
const remembered = 65536

// leastKept is by how much a heap may differ that has not grown.
const leastKept = 1 << 20

// Run runs the storm.
func (s LeakStorm) Run(ctx context.Context) (_ *Ledger, err error) {
	c, ctx, err := newCrew(ctx, "leak")
	if err != nil {
		return nil, err
	}
	defer func() { err = c.end(err) }()
	f := &fleet{crew: c}
	if err := f.serve(ctx); err != nil {
		return nil, err
	}
	p, err := c.start("churn", churnConfig{Dir: c.dir, Workers: s.Workers})
	if err != nil {
		return nil, err
	}
	if err := f.ready(ctx, p); err != nil {
		return nil, err
	}
	ledger := newLedger(s.Seed)
	// What is made once and kept, such as buffers and the threads' own, is there
	// after a tenth; what the server remembers of sessions that are gone, when
	// that is full.
	warm := max(s.Connects/10, 1000)
	if s.Connects > remembered {
		warm = remembered + remembered/4 // some are closed before they have a session
	}
	if err := s.round(ctx, p, warm, max(s.Cancels/10, 1000)); err != nil {
		return nil, err
	}
	before, err := s.stats(ctx, f.server, p, nil)
	if err != nil {
		return nil, err
	}
	if err := s.round(ctx, p, s.Connects, s.Cancels); err != nil {
		return nil, err
	}
	after, err := s.stats(ctx, f.server, p, before)
	if err != nil {
		return nil, err
	}
	ledger.add("connects_before", warm)
	ledger.add("connects", s.Connects)
	ledger.add("cancelled_calls", s.Cancels)
	for i, side := range []string{"server", "client"} {
		for j, what := range []string{"goroutines", "descriptors", "heap_bytes"} {
			grown := after[i][j] - before[i][j]
			ledger.add(side+"_"+what+"_grown", grown)
			bound := int64(0)
			if j == 2 {
				bound = leastKept
			}
			if grown > bound {
				err = errors.Join(err, fmt.Errorf("the %s's %s grew from %d to %d", side, what, before[i][j], after[i][j]))
			}
		}
	}
	ledger.done()
	return ledger, errors.Join(err, p.quit(ctx))
}

func (s LeakStorm) round(ctx context.Context, p *process, connects, cancels int) error {
	if _, err := p.ask(ctx, "connects "+strconv.Itoa(connects), "done"); err != nil {
		return err
	}
	_, err := p.ask(ctx, "cancels "+strconv.Itoa(cancels), "done")
	return err
}

// stats asks both sides what they hold. What a closed connection leaves ends
// within moments at the other side: it waits until that has come down to what
// there was before.
func (s LeakStorm) stats(ctx context.Context, server, client *process, before [][]int64) ([][]int64, error) {
	wait, cancel := context.WithTimeout(ctx, patience/4)
	defer cancel()
	var last [][]int64
	for {
		var now [][]int64
		for _, p := range []*process{server, client} {
			n, err := p.askNumbers(ctx, "stats", "stats", 3)
			if err != nil {
				return nil, err
			}
			now = append(now, n)
		}
		reference := before
		if reference == nil {
			reference = last // it must stand still
		}
		settled := reference != nil
		for i := range now {
			for j := 0; settled && j < 2; j++ {
				settled = now[i][j] <= reference[i][j]
			}
		}
		if settled {
			return now, nil
		}
		last = now
		if err := pause(wait, ackPause); err != nil {
			return now, ctx.Err() // as it is: too much
		}
	}
}

type churnConfig struct {
	Dir     string
	Workers int
}

// churnRole connects and closes clients, and cancels calls, as often as it is
// told.
func churnRole(p *player) error {
	var cfg churnConfig
	if err := p.config(&cfg); err != nil {
		return err
	}
	steady, err := ipcio.NewClient(ipcio.ClientConfig{Dir: cfg.Dir, Name: "steady", Logger: warnings()})
	if err != nil {
		return err
	}
	defer steady.Close()
	ctx := context.Background()
	if err := steady.Connect(ctx); err != nil {
		return err
	}
	p.say("ready")
	for {
		line, ok := p.hear()
		if !ok {
			return steady.Close()
		}
		what, number, _ := strings.Cut(line, " ")
		n, _ := strconv.Atoi(number)
		var err error
		switch what {
		case "stats":
			p.say("stats %s", stats())
			continue
		case "connects":
			err = atATime(cfg.Workers, n, func(worker, i int) error { return comeAndGo(ctx, cfg.Dir, worker, i) })
		case "cancels":
			err = atATime(cfg.Workers, n, func(_, i int) error { return callAndCancel(ctx, steady, i) })
		}
		if err != nil {
			return err
		}
		p.say("done")
	}
}

// atATime calls do n times, from so many goroutines.
func atATime(workers, n int, do func(worker, i int) error) error {
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		all.Go(func() {
			for {
				i := int(next.Add(1))
				if i > n {
					return
				}
				if errs[w] = do(w, i); errs[w] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// comeAndGo connects a client and closes it, in one of the ways there are.
func comeAndGo(ctx context.Context, dir string, worker, i int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// A name is used again at once: what has it lives no longer.
	c, err := ipcio.NewClient(ipcio.ClientConfig{Dir: dir, Name: "w" + strconv.Itoa(worker), Logger: warnings()})
	if err != nil {
		return err
	}
	if i%16 == 0 {
		// Closed while it connects.
		err := c.Start()
		return errors.Join(err, c.Close())
	}
	for {
		if err = c.Connect(ctx); !errors.Is(err, ipcio.ErrNameTaken) {
			break
		}
		// Whoever was closed while it connected may live at the server for a moment.
		if err := pause(ctx, ackPause); err != nil {
			return err
		}
	}
	if err != nil {
		return errors.Join(err, c.Close())
	}
	if i%2 == 0 {
		if _, err := c.Call(ctx, "unheard", nil); !errors.Is(err, ipcio.ErrNoHandler) {
			return errors.Join(fmt.Errorf("a call that nobody handles ended with: %w", err), c.Close())
		}
	}
	return c.Close()
}

// callAndCancel calls a handler that waits, and cancels the call at once, or
// when it had time to begin.
func callAndCancel(ctx context.Context, c *ipcio.Client, i int) error {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		_, err := c.Call(ctx, "block", nil)
		ended <- err
	}()
	if i%2 == 0 {
		if err := c.Flush(ctx); err != nil { // a call is done when its handler was started
			cancel()
			<-ended
			return err
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		return fmt.Errorf("a call that was cancelled ended with: %w", err)
	}
	return nil
}
