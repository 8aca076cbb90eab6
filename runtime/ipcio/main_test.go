package ipcio_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// scale makes the heavy tests longer: -ipcio.scale=20 is for the night.
var scale = flag.Int("ipcio.scale", 1, "how many times longer the heavy tests run")

// roleVariable turns the test binary into one of the processes that a test
// needs beside its own.
const roleVariable = "IPCIO_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		playRole(role, os.Args[1:])
		return
	}
	goleak.VerifyTestMain(m)
}

// A process is the test binary in a role. What it prints is recorded line by
// line: a line is in the pipe when its write returned, whatever happens to the
// process then.
type process struct {
	t     testing.TB
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *recorder[string]
	ended chan struct{} // closed when all that it printed was read
}

// spawn starts a process. It ends when its standard input does, so that none
// outlives the test binary.
func spawn(t testing.TB, role string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0], args...), lines: newRecorder[string](), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), roleVariable+"="+role)
	p.cmd.Stderr = os.Stderr
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			p.lines.add(lines.Text())
		}
	}()
	t.Cleanup(p.kill)
	return p
}

// say writes a line to the process.
func (p *process) say(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

// expect waits for the first line with a prefix and returns the rest of it.
func (p *process) expect(prefix string) string {
	p.t.Helper()
	for n := 1; ; n++ {
		if rest, ok := strings.CutPrefix(p.lines.wait(p.t, n)[n-1], prefix); ok {
			return strings.TrimSpace(rest)
		}
	}
}

// kill ends the process as the kernel does, without a word, and reads what it
// had printed.
func (p *process) kill() {
	if p.cmd.ProcessState != nil {
		return
	}
	p.cmd.Process.Kill()
	p.stdin.Close()
	<-p.ended
	p.cmd.Wait() // it was killed: that is no news
}

// quit has the process end by itself.
func (p *process) quit() {
	p.t.Helper()
	p.stdin.Close()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatal("the process does not end")
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatal(err)
	}
}

// A player is what a role has: it prints, hears lines, and does not return
// before it is told to.
type player struct {
	args   []string
	printM sync.Mutex
	heard  *bufio.Scanner
}

func (p *player) print(format string, args ...any) {
	p.printM.Lock()
	defer p.printM.Unlock()
	fmt.Fprintf(os.Stdout, format+"\n", args...)
}

// hear returns the next line; false when there is none any more.
func (p *player) hear() (string, bool) {
	ok := p.heard.Scan()
	return p.heard.Text(), ok
}

func (p *player) check(err error) {
	if err != nil {
		p.print("failed %v", err)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// roles are the processes that tests start. All take the domain's directory
// as their first argument.
var roles = map[string]func(p *player){
	"tutorial-server": tutorialServer,
	"tutorial-client": tutorialClient,
	"counter":         counter,
	"callee":          callee,
	"greeter":         greeter,
}

func playRole(role string, args []string) {
	p := &player{args: args, heard: bufio.NewScanner(os.Stdin)}
	roles[role](p)
}

// counter is a server that prints what it handles: the events "n" with their
// sender, their number, and whether they may have been handled before. The
// call "n" replies with its number; the event or call "block" never returns by
// itself.
func counter(p *player) {
	s, err := ipcio.NewServer(ipcio.ServerConfig{Dir: p.args[0], Logger: quiet})
	p.check(err)
	note := func(_ context.Context, m *ipcio.Message) (any, error) {
		var n int
		if err := m.Decode(&n); err != nil {
			return nil, err
		}
		p.print("%s %s %d %t", m.Command(), m.From().Name(), n, m.Redelivered())
		return n, nil
	}
	p.check(s.On("n", note))
	p.check(s.On("ask", note))
	p.check(s.On("block", func(ctx context.Context, m *ipcio.Message) (any, error) {
		p.print("blocked")
		<-ctx.Done()
		return nil, ctx.Err()
	}))
	p.check(s.Start(context.Background()))
	p.print("ready")
	for {
		switch line, ok := p.hear(); {
		case !ok:
			p.check(s.Close())
			return
		case line == "shutdown":
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			p.check(s.Shutdown(ctx))
			cancel()
			p.print("down")
		}
	}
}

// callee is a client, named by its second argument, whose handler of the call
// "block" never returns by itself and whose handler of "exit" ends the
// process.
func callee(p *player) {
	c, err := ipcio.NewClient(ipcio.ClientConfig{Dir: p.args[0], Name: p.args[1], Logger: quiet})
	p.check(err)
	p.check(c.On("block", func(ctx context.Context, m *ipcio.Message) (any, error) {
		p.print("blocked")
		<-ctx.Done()
		return nil, ctx.Err()
	}))
	p.check(c.On("pid", func(context.Context, *ipcio.Message) (any, error) { return os.Getpid(), nil }))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p.check(c.Connect(ctx))
	p.print("ready")
	for _, ok := p.hear(); ok; _, ok = p.hear() {
	}
	p.check(c.Close())
}

// greeter is a client that emits its greeting and ends: Emit, then Shutdown,
// with nothing between them.
func greeter(p *player) {
	c, err := ipcio.NewClient(ipcio.ClientConfig{Dir: p.args[0], Name: p.args[1], Logger: quiet})
	p.check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p.check(c.Start())
	p.check(c.Emit(ctx, "greeting", p.args[1]))
	p.check(c.Shutdown(ctx))
}
