//go:build linux

package storm

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// A fleet is the server of a storm, in all its lives, and the processes with
// its clients.
type fleet struct {
	*crew
	largest     int // bytes of a payload
	down        int // every so many events the server answers with one
	news        time.Duration
	bytes       int // of a broadcast's payload; 0: as others
	limits      ipcio.Limits
	listening   bool // the server broadcasts, and not before all clients are there
	descriptors int  // so many more than a server has when it serves; 0: what the system gives

	server  *process // nil while there is none
	life    uint32
	ends    map[uint32]End
	clients []*process
	// What there is to read; nothing is removed.
	journals  []string
	died      []uint32
	listeners []uint32 // there before the server was told to broadcast
}

// launch starts the next life of the server and does not wait for it.
func (f *fleet) launch() error {
	f.life++
	path := f.journal("server", int(f.life))
	p, err := f.start("server", serverConfig{
		Dir: f.dir, Journal: path, Life: f.life, Largest: f.largest, Down: f.down, News: f.news, NewsBytes: f.bytes, Limits: f.limits, Descriptors: f.descriptors,
	})
	if err != nil {
		return err
	}
	f.server = p
	f.journals = append(f.journals, path)
	return nil
}

// serve starts the next life of the server and waits until it serves.
func (f *fleet) serve(ctx context.Context) error {
	if err := f.launch(); err != nil {
		return err
	}
	return f.ready(ctx, f.server)
}

func (f *fleet) ready(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, _, err := p.expect(ctx, "ready")
	return err
}

// killServer ends the server's life.
func (f *fleet) killServer() {
	f.server.kill()
	f.end1(Killed)
}

func (f *fleet) end1(how End) {
	if f.ends == nil {
		f.ends = make(map[uint32]End)
	}
	f.ends[f.life] = how
	f.server = nil
}

// sail starts processes with clients, numbered through, and lets them send
// when all are connected.
func (f *fleet) sail(ctx context.Context, processes int, cfg clientsConfig) error {
	cfg.All = processes * cfg.Count
	cfg.Generation, cfg.Largest, cfg.NewsBytes = 1, f.largest, f.bytes
	for i := range processes {
		cfg.First = i * cfg.Count
		p, err := f.startClients(cfg)
		if err != nil {
			return err
		}
		f.clients = append(f.clients, p)
	}
	for _, p := range f.clients {
		if err := f.ready(ctx, p); err != nil {
			return err
		}
	}
	for _, p := range f.clients {
		if err := p.tell("go"); err != nil {
			return err
		}
	}
	if f.news > 0 {
		return f.server.tell("begin")
	}
	return nil
}

func (f *fleet) startClients(cfg clientsConfig) (*process, error) {
	cfg.Journal = f.journal("clients", len(f.journals))
	f.journals = append(f.journals, cfg.Journal)
	if f.listening {
		for i := range cfg.Count {
			f.listeners = append(f.listeners, SessionOf(cfg.First+i, cfg.Generation))
		}
	}
	return f.start("clients", cfg)
}

// alive fails if a process has ended by itself.
func (f *fleet) alive() error {
	var errs []error
	for _, p := range f.clients {
		errs = append(errs, p.alive())
	}
	if f.server != nil {
		errs = append(errs, f.server.alive())
	}
	return errors.Join(errs...)
}

// count asks the clients how many messages were accepted and how many
// connections were lost.
func (f *fleet) count(ctx context.Context) (accepted, losses int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, p := range f.clients {
		n, err := p.askNumbers(ctx, "count", "count", 2)
		if err != nil {
			return 0, 0, err
		}
		accepted += n[0]
		losses += n[1]
	}
	return accepted, losses, nil
}

// await waits until so many messages were accepted.
func (f *fleet) await(ctx context.Context, messages int64) error {
	for {
		switch accepted, _, err := f.count(ctx); {
		case err != nil:
			return err
		case accepted >= messages:
			return nil
		}
		if err := errors.Join(f.alive(), pause(ctx, 100*time.Millisecond)); err != nil {
			return err
		}
	}
}

// land ends the storm in order: the clients send no more and wait until all is
// done, the server delivers what it has, then all end. It returns nothing but
// what went wrong.
func (f *fleet) land(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	if err := f.each(func(p *process) error {
		_, err := p.ask(ctx, "stop", "stopped")
		return err
	}); err != nil {
		return err
	}
	f.server.may.Store(true)
	if _, err := f.server.ask(ctx, "shutdown", "down"); err != nil {
		return err
	}
	server := f.server
	f.end1(Shutdown)
	if err := server.quit(ctx); err != nil {
		return err
	}
	return f.each(func(p *process) error {
		p.may.Store(true)
		if _, err := p.ask(ctx, "quit", "bye"); err != nil {
			return err
		}
		return p.quit(ctx)
	})
}

// each calls do for all processes with clients at the same time.
func (f *fleet) each(do func(*process) error) error {
	var all sync.WaitGroup
	errs := make([]error, len(f.clients))
	for i, p := range f.clients {
		all.Go(func() { errs[i] = do(p) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// read gives a checker all that the processes have reported, in the order of
// the lives.
func (f *fleet) read(c *Checker) error {
	for life, how := range f.ends {
		c.Ended(life, how)
	}
	for _, session := range f.died {
		c.Died(session)
	}
	for _, session := range f.listeners {
		c.Listens(session, 1)
	}
	for _, path := range f.journals {
		if err := ReadJournal(path, c.Add); err != nil {
			return err
		}
	}
	return nil
}

// burst has the server broadcast, and waits until all clients of some
// processes have handled it.
func (f *fleet) burst(ctx context.Context, readers []*process) (total int64, err error) {
	n, err := f.server.askNumbers(ctx, "burst", "burst", 1)
	if err != nil {
		return 0, err
	}
	for _, p := range readers {
		for {
			got, err := p.askNumbers(ctx, "news", "news", 1)
			if err != nil {
				return 0, err
			}
			if got[0] >= n[0] {
				break
			}
			if err := pause(ctx, time.Millisecond); err != nil {
				return 0, err
			}
		}
	}
	return n[0], nil
}
