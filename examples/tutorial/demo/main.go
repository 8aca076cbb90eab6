// Command demo runs the tutorial as separate processes, kills its server with
// SIGKILL in the middle and starts it again, while the client goes on sending.
// It ends with a line of counts made from what the processes printed, and with
// exit status 1 if a message is missing, out of order within one life of the
// server, or handled a second time without saying so.
//
//	go run ./examples/tutorial/demo
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ipcio/ipcio-go/examples/internal/proc"
)

func main() {
	length := flag.Duration("length", 10*time.Second, "how long to run")
	scale := flag.Float64("scale", 0.1, "scale of the tutorial's intervals, 7331 and 1338 ms")
	verbose := flag.Bool("verbose", false, "let the tutorial report every operation")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d := &demo{length: *length, scale: *scale, verbose: *verbose}
	if err := d.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// grace is how long a step that should take no time may take on a busy
// machine.
const grace = 30 * time.Second

type demo struct {
	length  time.Duration
	scale   float64
	verbose bool

	bin, sockets string // directories
	procs        []*proc.Process

	mu sync.Mutex // guards standard output
}

// say prints one line of one process, or of the demo itself.
func (d *demo) say(who, line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Printf("%-8s| %s\n", who, line)
}

func (d *demo) run(ctx context.Context) error {
	// Short, because the path of a unix socket holds about 100 bytes.
	tmp, err := os.MkdirTemp("", "ipcio")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	d.bin, d.sockets = tmp, tmp+"/s"
	if err := os.Mkdir(d.sockets, 0o700); err != nil {
		return err
	}
	defer func() {
		for _, p := range d.procs {
			p.Kill()
		}
	}()
	d.say("demo", "building the server and the client of examples/tutorial")
	if err := proc.Build(ctx, d.bin, "tutorial/server", "tutorial/client"); err != nil {
		return err
	}

	// Of the whole time, 2/5 before the server dies, 1/5 without it, 2/5 after.
	server, err := d.server(ctx, "server")
	if err != nil {
		return err
	}
	client, err := d.client(ctx)
	if err != nil {
		return err
	}
	if err := d.watch(ctx, d.length*2/5, server, client); err != nil {
		return err
	}

	// Just when a message has been handled. If its acknowledgement has not
	// left, the client sends it again, and the next server must say that it
	// may have been handled before.
	if err := next(ctx, server, "_request_command from"); err != nil {
		return err
	}
	server.Kill()
	before := len(parseSent(client.Lines()))
	d.say("demo", "killed the server (SIGKILL); the client goes on sending")
	if err := d.watch(ctx, d.length/5, client); err != nil {
		return err
	}
	away := len(parseSent(client.Lines())) - before
	d.say("demo", fmt.Sprintf("starting the server again; %d messages were sent meanwhile", away))
	again, err := d.server(ctx, "server 2")
	if err != nil {
		return err
	}
	if err := d.watch(ctx, d.length*2/5, again, client); err != nil {
		return err
	}

	d.say("demo", "ending: first the client, which waits until all it sent is handled, then the server")
	for _, p := range []*proc.Process{client, again} {
		if err := end(ctx, p); err != nil {
			return err
		}
	}
	sent := parseSent(client.Lines())
	lives := [][]handling{parseHandled(server.Lines()), parseHandled(again.Lines())}
	broken := audit(sent, lives)
	if len(lives[0]) == 0 || away == 0 {
		broken = append(broken, "nothing was sent before or after the server died: let it run longer")
	}
	d.say("demo", summary(sent, away, lives))
	if len(broken) > 0 {
		return fmt.Errorf("the promise is broken:\n\t%s", strings.Join(broken, "\n\t"))
	}
	d.say("demo", "nothing is missing, nothing is out of order, nothing was handled twice without saying so")
	return nil
}

// server starts the server and waits until it serves.
func (d *demo) server(ctx context.Context, who string) (*proc.Process, error) {
	return d.start(ctx, who, "server", "serving")
}

// client starts the client and waits until it is connected.
func (d *demo) client(ctx context.Context) (*proc.Process, error) {
	interval := func(ms float64) string {
		return time.Duration(ms * d.scale * float64(time.Millisecond)).String()
	}
	return d.start(ctx, "client", "client", "connected",
		"-number", "-example", interval(7331), "-other", interval(1338))
}

func (d *demo) start(ctx context.Context, who, program, ready string, args ...string) (*proc.Process, error) {
	args = append([]string{"-dir", d.sockets, fmt.Sprintf("-verbose=%t", d.verbose)}, args...)
	p, err := proc.Start(ctx, func(line string) { d.say(who, line) }, proc.Path(d.bin, program), args...)
	if err != nil {
		return nil, err
	}
	d.procs = append(d.procs, p)
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if _, err := p.Expect(ctx, ready); err != nil {
		return nil, fmt.Errorf("%s: %w", who, err)
	}
	return p, nil
}

// watch lets the processes run for a while. It is an error if one of them
// ends.
func (d *demo) watch(ctx context.Context, length time.Duration, procs ...*proc.Process) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, p := range procs {
		go func() {
			select {
			case <-p.Done():
				cancel(fmt.Errorf("a process ended by itself: %w", p.Wait(ctx)))
			case <-ctx.Done():
			}
		}()
	}
	select {
	case <-time.After(length):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// next waits until a process prints another line that contains text.
func next(ctx context.Context, p *proc.Process, text string) error {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	p.Skip()
	_, err := p.Expect(ctx, text)
	return err
}

// end interrupts a process and waits until it has ended.
func end(ctx context.Context, p *proc.Process) error {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if err := p.Interrupt(); err != nil {
		return err
	}
	return p.Wait(ctx)
}
