package outbox_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
	"github.com/ipcio/ipcio-go/runtime/outbox"
)

var (
	kills = flag.Int("outbox.kills", 15, "how often TestStormDurable kills the client")
	seed  = flag.Uint64("outbox.seed", rand.Uint64(), "of TestStormDurable")
)

// patience bounds every wait. It is reached only when a test fails.
const patience = 30 * time.Second

// roleVariable turns the test binary into a process of its own.
const roleVariable = "IPCIO_OUTBOX_ROLE"

func TestMain(m *testing.M) {
	roles := map[string]func([]string) error{"client": clientRole, "server": serverRole}
	if role := os.Getenv(roleVariable); role != "" {
		go func() { // the process ends with the one that started it
			io.Copy(io.Discard, os.Stdin)
			os.Exit(3)
		}()
		if err := roles[role](os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, role, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{}
}

func spawn(t testing.TB, role string, args ...any) *process {
	t.Helper()
	p := &process{ended: make(chan struct{})}
	var texts []string
	for _, a := range args {
		texts = append(texts, fmt.Sprint(a))
	}
	p.cmd = exec.Command(os.Args[0], texts...)
	p.cmd.Env = append(os.Environ(), roleVariable+"="+role)
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err == nil {
		p.stdin = in
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait() // how it ended is looked at by whoever expects something
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.ended
	p.stdin.Close()
}

// A journal is a file that keeps what was written to it whatever happens to the
// process: a line is there when write returned.
type journal struct{ file *os.File }

func openJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return &journal{f}, err
}

func (j *journal) write(format string, args ...any) error {
	_, err := fmt.Fprintf(j.file, format+"\n", args...)
	return err
}

func readJournal(t testing.TB, path string, f func(line string)) {
	t.Helper()
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		f(lines.Text())
	}
}

// An id names one message: by which process it was emitted, on which of its
// streams, and its number there. The messages of a stream are emitted one after
// another.
type id struct{ process, stream, n int }

func (i id) String() string { return fmt.Sprintf("%d %d %d", i.process, i.stream, i.n) }

const streams = 3

func open(dir, box, mode string, cfg ipcio.ClientConfig) (*ipcio.Client, error) {
	cfg.Dir, cfg.Name, cfg.Logger = dir, "spooler", slog.New(slog.DiscardHandler)
	cfg.Queue = ipcio.QueueConfig{WhenFull: ipcio.Block}
	cfg.Outbox = outbox.DurableSync(box)
	if mode == "process" {
		cfg.Outbox = outbox.DurableProcess(box)
	}
	return ipcio.NewClient(cfg)
}

// clientRole emits until it is killed. What Emit has accepted is in its journal
// afterwards.
func clientRole(args []string) error {
	dir, box, mode := args[0], args[1], args[2]
	number, err := strconv.Atoi(args[4])
	if err != nil {
		return err
	}
	j, err := openJournal(args[3])
	if err != nil {
		return err
	}
	deliveries, err := strconv.Atoi(args[5])
	if err != nil {
		return err
	}
	gap := make(chan ipcio.Gap, 1)
	c, err := open(dir, box, mode, ipcio.ClientConfig{MaxDeliveries: deliveries, OnGap: func(g ipcio.Gap) {
		if g.Reason != ipcio.GapRestarted && g.Reason != ipcio.GapDamaged {
			select {
			case gap <- g:
			default:
			}
		}
	}})
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	ctx := context.Background()
	failed := make(chan error, streams+1)
	for stream := range streams {
		go func() {
			for n := 1; ; n++ {
				i := id{number, stream, n}
				if err := c.Emit(ctx, "n", i.String()); err != nil {
					failed <- err
					return
				}
				if err := j.write("%s", i); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	go func() { // calls take numbers and are not stored
		for {
			short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			c.Call(short, "ask", 1) // its outcome does not matter here
			cancel()
		}
	}()
	select {
	case err := <-failed:
		return err
	case g := <-gap:
		return fmt.Errorf("gap %+v", g)
	}
}

// serverRole handles until it is killed. What it handles is in its journal
// before its handler returns. A "poison" ends the process.
func serverRole(args []string) error {
	j, err := openJournal(args[1])
	if err != nil {
		return err
	}
	s, err := ipcio.NewServer(ipcio.ServerConfig{Dir: args[0], Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	note := func(_ context.Context, m *ipcio.Message) (any, error) {
		var text string
		if err := m.Decode(&text); err != nil {
			return nil, err
		}
		return nil, j.write("%s %t %d", text, m.Redelivered(), os.Getpid())
	}
	err = errors.Join(
		s.On("n", note),
		s.On("poison", func(ctx context.Context, m *ipcio.Message) (any, error) {
			note(ctx, m)
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}),
		s.On("ask", func(context.Context, *ipcio.Message) (any, error) { return 1, nil }),
	)
	if err == nil {
		err = s.Start(context.Background())
	}
	if err != nil {
		return err
	}
	return s.Wait()
}

// A storm is what TestStormDurable has at hand.
type storm struct {
	t             *testing.T
	dir, box      string
	mode          string
	deliveries    int    // of its clients
	accepted, log string // journals
	server        *process
}

func newStorm(t *testing.T, mode string) *storm {
	dir := t.TempDir()
	short, err := os.MkdirTemp("", "ipcio") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	return &storm{t: t, dir: short, box: filepath.Join(dir, "outbox"), mode: mode, accepted: filepath.Join(dir, "accepted"), log: filepath.Join(dir, "handled")}
}

func (s *storm) emit(process int) *process {
	return spawn(s.t, "client", s.dir, s.box, s.mode, s.accepted, process, s.deliveries)
}

func (s *storm) serve() { s.server = spawn(s.t, "server", s.dir, s.log) }

// TestStormDurable kills the client again and again while it emits; now and
// then the server within a few milliseconds of it, or the server alone. What
// Emit accepted is handled; twice only by different servers, and then the
// second says so; and in order. Nothing is a dead letter: no more servers end
// than an event may be delivered to, of which it cannot be told whether it was
// the event that killed them.
func TestStormDurable(t *testing.T) {
	for _, mode := range []string{"sync", "process"} {
		t.Run(mode, func(t *testing.T) {
			t.Logf("-outbox.seed=%d", *seed)
			rnd := rand.New(rand.NewPCG(*seed, 1))
			s := newStorm(t, mode)
			s.serve()
			n := (*kills + 1) / 2
			s.deliveries = n + 1 // the server is killed once in each round at most
			both, alone := 0, 0
			for i := range n {
				before := size(s.accepted)
				c := s.emit(i + 1)
				most := time.Duration(rnd.IntN(60)) * time.Millisecond
				switch rnd.IntN(4) {
				case 0: // killed wherever it is, perhaps while it opens the outbox
					<-time.After(most)
				default:
					s.await(c, before+rnd.Int64N(2000))
				}
				switch rnd.IntN(4) {
				case 0:
					both++
					first, second := c, s.server
					if rnd.IntN(2) == 0 {
						first, second = second, first
					}
					first.kill()
					<-time.After(time.Duration(rnd.IntN(10)) * time.Millisecond)
					second.kill()
					s.serve()
				case 1:
					alone++
					s.server.kill()
					s.serve()
					s.await(c, size(s.accepted)+rnd.Int64N(1000))
					c.kill()
				default:
					c.kill()
				}
			}
			s.drain()
			r := s.check()
			if _, err := os.Stat(s.box); err != nil {
				t.Error(err)
			}
			t.Logf("ledger: mode=%s client_kills=%d of_them_with_the_server=%d server_kills=%d accepted=%d handled=%d again=%d lost=%d",
				mode, n, both, both+alone, r.accepted, r.handled, r.again, r.lost)
		})
	}
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// await waits until the client has accepted so much, or has ended.
func (s *storm) await(c *process, bytes int64) {
	s.t.Helper()
	late := time.After(patience)
	for size(s.accepted) < bytes {
		select {
		case <-time.After(time.Millisecond):
		case <-c.ended:
			s.t.Fatalf("the client has ended by itself: %v", c.cmd.ProcessState)
		case <-late:
			s.t.Fatalf("the client has accepted %d bytes, want %d", size(s.accepted), bytes)
		}
	}
}

// drain has a last process send what is left.
func (s *storm) drain() {
	s.t.Helper()
	c, err := open(s.dir, s.box, s.mode, ipcio.ClientConfig{MaxDeliveries: s.deliveries, OnGap: func(g ipcio.Gap) {
		if g.Reason != ipcio.GapRestarted {
			s.t.Errorf("gap %+v", g)
		}
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := errors.Join(c.Connect(ctx), c.Shutdown(ctx)); err != nil {
		s.t.Fatal(err)
	}
}

type result struct{ accepted, handled, again, lost int }

// check reads the journals.
func (s *storm) check() (r result) {
	s.t.Helper()
	handled := make(map[id]int)
	inLife := make(map[int]map[id]bool)
	last := make(map[[2]int]id) // of a server's life and a stream
	readJournal(s.t, s.log, func(line string) {
		var i id
		var again bool
		var pid int
		if _, err := fmt.Sscanf(line, "%d %d %d %t %d", &i.process, &i.stream, &i.n, &again, &pid); err != nil {
			s.t.Fatalf("%q: %v", line, err)
		}
		r.handled++
		if inLife[pid] == nil {
			inLife[pid] = make(map[id]bool)
		}
		before := last[[2]int{pid, i.stream}]
		switch {
		case inLife[pid][i]:
			s.t.Errorf("message %v is handled twice by one server", i)
		case handled[i] > 0 && !again:
			s.t.Errorf("message %v is handled again and does not say so", i)
		case i.process < before.process || i.process == before.process && i.n < before.n:
			s.t.Errorf("message %v is handled after %v by one server", i, before)
		}
		if handled[i] > 0 {
			r.again++
		}
		handled[i]++
		inLife[pid][i] = true
		last[[2]int{pid, i.stream}] = i
	})
	readJournal(s.t, s.accepted, func(line string) {
		var i id
		if _, err := fmt.Sscanf(line, "%d %d %d", &i.process, &i.stream, &i.n); err != nil {
			s.t.Fatalf("%q: %v", line, err)
		}
		r.accepted++
		if handled[i] == 0 {
			if r.lost++; r.lost <= 10 {
				s.t.Errorf("message %v was accepted and never handled", i)
			}
		}
	})
	if r.accepted == 0 {
		s.t.Error("nothing was accepted")
	}
	return r
}

// A message that kills the server each time is delivered five times and then
// given to OnDeadLetter; the others are handled.
func TestPoisonStopsAfter5(t *testing.T) {
	s := newStorm(t, "sync")
	letters := make(chan ipcio.DeadLetter, 10)
	c, err := open(s.dir, s.box, "sync", ipcio.ClientConfig{
		OnDeadLetter: func(d ipcio.DeadLetter) { letters <- d },
		OnGap: func(g ipcio.Gap) {
			if g.Reason != ipcio.GapRestarted {
				t.Errorf("gap %+v", g)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for n := 1; n <= 20; n++ {
		command := "n"
		if n == 10 {
			command = "poison"
		}
		if err := c.Emit(ctx, command, id{1, 0, n}.String()); err != nil {
			t.Fatal(err)
		}
	}
	var deaths atomic.Int32
	stop := make(chan struct{})
	var serving sync.WaitGroup
	s.serve()
	first := s.server
	serving.Go(func() {
		for p := first; ; p = s.server {
			select {
			case <-p.ended:
				deaths.Add(1)
				s.serve()
			case <-stop:
				return
			}
		}
	})
	defer serving.Wait()
	defer close(stop)
	if err := errors.Join(c.Connect(ctx), c.Flush(ctx)); err != nil {
		t.Fatal(err)
	}
	select {
	case d := <-letters:
		var text string
		if err := d.Payload.Decode(&text); err != nil || text != "1 0 10" || d.Command != "poison" || d.Deliveries != 5 {
			t.Errorf("dead letter %+v %q %v", d, text, err)
		}
	case <-ctx.Done():
		t.Fatal("no dead letter")
	}
	if n := deaths.Load(); n != 5 {
		t.Errorf("the server died %d times", n)
	}
	times := make(map[int]int)
	readJournal(t, s.log, func(line string) {
		var i id
		fmt.Sscanf(line, "%d %d %d", &i.process, &i.stream, &i.n)
		times[i.n]++
	})
	for n := 1; n <= 20; n++ {
		if want := map[bool]int{true: 5, false: times[n]}[n == 10]; times[n] == 0 || times[n] != want {
			t.Errorf("message %d was handled %d times", n, times[n])
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	next, err := outbox.DurableSync(s.box).Open("default", "spooler", func(uint64, error) {})
	if err != nil {
		t.Fatal(err)
	}
	if held := next.Recovered(); len(held.Messages) > 0 || len(held.Damage) > 0 {
		t.Errorf("the outbox holds %d messages, damage %v", len(held.Messages), held.Damage)
	}
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
}
