//go:build linux

package storm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// ackPause is between two looks at what nothing announces.
const ackPause = 20 * time.Millisecond

// DescriptorStorm takes the descriptors away from a server that accepts and
// from a client that connects, and gives them back.
type DescriptorStorm struct {
	Clients int // that want to connect to a server that has none left
	Watch   time.Duration
	Seed    uint64
}

// Run runs the storm.
func (s DescriptorStorm) Run(ctx context.Context) (_ *Ledger, err error) {
	c, ctx, err := newCrew(ctx, "fds")
	if err != nil {
		return nil, err
	}
	defer func() { err = c.end(err) }()
	ledger := newLedger(s.Seed)
	const spare = 3 // one client and half of another
	f := &fleet{crew: c, descriptors: spare, limits: ipcio.Limits{HandshakeTimeout: time.Second}}
	if err := f.serve(ctx); err != nil {
		return nil, err
	}
	crowd, err := f.startClients(clientsConfig{Dir: c.dir, Count: s.Clients, Generation: 1, All: s.Clients, Silent: true, NoWait: true})
	if err != nil {
		return nil, err
	}
	f.clients = append(f.clients, crowd)
	if err := f.ready(ctx, crowd); err != nil {
		return nil, err
	}
	used, err := cpu(f.server)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := errors.Join(pause(ctx, s.Watch), f.alive()); err != nil {
		return nil, err
	}
	n, err := f.server.askNumbers(ctx, "clients", "clients", 2)
	if err != nil {
		return nil, err
	}
	if n[1] >= int64(s.Clients) {
		return nil, fmt.Errorf("all %d clients are connected: nothing was scarce", n[1])
	}
	now, err := cpu(f.server)
	if err != nil {
		return nil, err
	}
	// Of one processor. A loop that tries to accept for ever takes all of it.
	share := float64(now-used) / float64(time.Since(began))
	ledger.add("clients", s.Clients)
	ledger.add("connected_meanwhile", n[1])
	ledger.add("server_cpu_percent", int(share*100))
	if share > 0.5 {
		return ledger, fmt.Errorf("the server used %d %% of a processor while it had no descriptors", int(share*100))
	}
	if _, err := f.server.ask(ctx, "plenty", "plenty"); err != nil {
		return nil, err
	}
	took, err := f.allConnected(ctx, s.Clients)
	if err != nil {
		return ledger, err
	}
	ledger.add("all_connected_after_ms", took.Milliseconds())

	// And a client that cannot make a socket.
	starved, err := c.start("starve", starveConfig{Dir: c.dir})
	if err != nil {
		return nil, err
	}
	if _, _, err := starved.expect(ctx, "starved"); err != nil {
		return nil, err
	}
	began = time.Now()
	if _, err := starved.ask(ctx, "plenty", "connected"); err != nil {
		return nil, err
	}
	ledger.add("starved_client_connected_after_ms", time.Since(began).Milliseconds())
	ledger.done()
	return ledger, errors.Join(starved.quit(ctx), f.land(ctx))
}

// allConnected waits until the server has so many clients that are connected,
// and returns how long that took.
func (f *fleet) allConnected(ctx context.Context, n int) (time.Duration, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		counts, err := f.server.askNumbers(ctx, "clients", "clients", 2)
		if err != nil {
			return 0, err
		}
		if counts[1] == int64(n) {
			return time.Since(began), nil
		}
		if err := errors.Join(f.alive(), pause(ctx, ackPause)); err != nil {
			return 0, fmt.Errorf("%d of %d clients are connected: %w", counts[1], n, err)
		}
	}
}

// cpu returns how long a process has used processors.
func cpu(p *process) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The second field is the program's name, in parentheses, with whatever in it.
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	var ticks int64
	for _, i := range []int{11, 12} { // utime, stime
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil // USER_HZ is 100 everywhere
}

type starveConfig struct{ Dir string }

// starveRole is a client without a descriptor for its connection. It says
// "starved" when it was seen to fail, and told "plenty", "connected".
func starveRole(p *player) error {
	var cfg starveConfig
	if err := p.config(&cfg); err != nil {
		return err
	}
	c, err := ipcio.NewClient(ipcio.ClientConfig{Dir: cfg.Dir, Name: "starved", Logger: warnings()})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := allowDescriptors(0); err != nil {
		return err
	}
	short, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	if err := c.Connect(short); err == nil || c.Connected() {
		return errors.New("it connected without a descriptor")
	}
	p.say("starved")
	if _, ok := p.hear(); !ok {
		return errors.New("nobody gave it descriptors")
	}
	if err := setDescriptorLimit(plenty); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Connect(ctx); err != nil {
		return err
	}
	p.say("connected")
	for _, ok := p.hear(); ok; _, ok = p.hear() {
	}
	return c.Close()
}

// ReturnStorm kills the server of very many clients and starts it again: all
// of them come at once.
type ReturnStorm struct {
	Clients  int
	Restarts int
	Seed     uint64
}

// Run runs the storm.
func (s ReturnStorm) Run(ctx context.Context) (_ *Ledger, err error) {
	c, ctx, err := newCrew(ctx, "return")
	if err != nil {
		return nil, err
	}
	defer func() { err = c.end(err) }()
	ledger := newLedger(s.Seed)
	f := &fleet{crew: c, limits: ipcio.Limits{Clients: s.Clients}, largest: 64}
	if err := f.serve(ctx); err != nil {
		return nil, err
	}
	const each = 1000
	for first := 0; first < s.Clients; first += each {
		p, err := f.startClients(clientsConfig{Dir: c.dir, First: first, Count: min(each, s.Clients-first), Generation: 1, All: s.Clients, Silent: true, Many: true})
		if err != nil {
			return nil, err
		}
		f.clients = append(f.clients, p)
	}
	for _, p := range f.clients {
		if err := f.ready(ctx, p); err != nil {
			return nil, err
		}
	}
	if _, err := f.allConnected(ctx, s.Clients); err != nil {
		return nil, err
	}
	var slowest time.Duration
	for range s.Restarts {
		f.killServer()
		if err := f.serve(ctx); err != nil {
			return nil, err
		}
		took, err := f.allConnected(ctx, s.Clients)
		if err != nil {
			return nil, err
		}
		slowest = max(slowest, took)
	}
	ledger.add("clients", s.Clients)
	ledger.add("restarts", s.Restarts)
	ledger.add("gave_up", 0)
	ledger.add("slowest_all_back_ms", slowest.Milliseconds())
	ledger.done()
	return ledger, f.land(ctx)
}
