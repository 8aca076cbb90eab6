//go:build linux

package storm

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// roleVariable makes a process that has it in its environment play a role
// instead of what it usually does.
const roleVariable = "IPCIO_STORM_ROLE"

// roles are what processes of a storm do.
var roles = map[string]func(*player) error{
	"server":  serverRole,
	"clients": clientsRole,
	"churn":   churnRole,
	"starve":  starveRole,
}

// PlayRole plays the role that this process was started for, if any, and does
// not return then. A program that runs storms calls it first.
func PlayRole() {
	name := os.Getenv(roleVariable)
	if name == "" {
		return
	}
	role, ok := roles[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "storm: there is no role %q\n", name)
		os.Exit(2)
	}
	p := &player{heard: make(chan string), gone: make(chan struct{})}
	go p.listen() // ends with the process
	if err := role(p); err != nil {
		fmt.Fprintf(os.Stderr, "storm: %s: %v\n", name, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A player is a process in its role. It ends when its standard input does, so
// that none outlives the parent.
type player struct {
	heard chan string   // lines of standard input
	gone  chan struct{} // closed when there are none any more

	mu sync.Mutex // guards standard output
}

func (p *player) listen() {
	defer close(p.gone)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		p.heard <- lines.Text()
	}
}

// config reads what the parent wants.
func (p *player) config(v any) error { return json.Unmarshal([]byte(os.Args[1]), v) }

// say writes a line to the parent: it has it when say returns.
func (p *player) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Printf(format+"\n", args...)
}

// hear returns the next line of the parent; false if there is none any more.
func (p *player) hear() (string, bool) {
	select {
	case line := <-p.heard:
		return line, true
	case <-p.gone:
		return "", false
	}
}

// A process is one that a storm has started.
type process struct {
	role  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	ended chan struct{} // closed when it has ended and all its output is read
	err   error         // why it ended; set before ended is closed
	may   atomic.Bool   // it may end

	mu      sync.Mutex // guards the fields below
	lines   []line     // that nobody has waited for yet
	changed chan struct{}
	stderr  tail
}

// A line is one of standard output, with the time at which it came.
type line struct {
	text string
	at   time.Time
}

// start starts a process in a role.
func start(role string, config any) (*process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	arg, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	p := &process{role: role, cmd: exec.Command(exe, string(arg)), ended: make(chan struct{}), changed: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), roleVariable+"="+role)
	p.cmd.Stderr = &p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			p.mu.Lock()
			p.lines = append(p.lines, line{text: lines.Text(), at: time.Now()})
			close(p.changed)
			p.changed = make(chan struct{})
			p.mu.Unlock()
		}
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// expect waits for the next line that begins with prefix, passes it and all
// before it, and returns what follows the prefix.
func (p *process) expect(ctx context.Context, prefix string) (string, time.Time, error) {
	for ended := false; ; {
		p.mu.Lock()
		for i, l := range p.lines {
			if rest, ok := strings.CutPrefix(l.text, prefix); ok {
				p.lines = p.lines[i+1:]
				p.mu.Unlock()
				return strings.TrimSpace(rest), l.at, nil
			}
		}
		changed := p.changed
		p.mu.Unlock()
		if ended {
			return "", time.Time{}, fmt.Errorf("%s ended (%v) before it said %q; its last words:\n%s", p.role, p.err, prefix, p.stderr.String())
		}
		select {
		case <-changed:
		case <-p.ended:
			ended = true // and look once more, at what it said last
		case <-ctx.Done():
			return "", time.Time{}, fmt.Errorf("%s did not say %q: %w; its last words:\n%s", p.role, prefix, context.Cause(ctx), p.stderr.String())
		}
	}
}

// tell says a line.
func (p *process) tell(request string) error {
	if _, err := io.WriteString(p.stdin, request+"\n"); err != nil {
		return fmt.Errorf("tell %s to %s: %w; its last words:\n%s", p.role, request, err, p.stderr.String())
	}
	return nil
}

// ask says a line and waits for the answer.
func (p *process) ask(ctx context.Context, request, answer string) (string, error) {
	if err := p.tell(request); err != nil {
		return "", err
	}
	rest, _, err := p.expect(ctx, answer)
	return rest, err
}

// askNumbers is ask for an answer that consists of n numbers.
func (p *process) askNumbers(ctx context.Context, request, answer string, n int) ([]int64, error) {
	rest, err := p.ask(ctx, request, answer)
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(rest)
	if len(fields) != n {
		return nil, fmt.Errorf("%s answered %q to %s: want %d numbers", p.role, rest, request, n)
	}
	numbers := make([]int64, n)
	for i, f := range fields {
		if numbers[i], err = strconv.ParseInt(f, 10, 64); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}

// signal sends a signal.
func (p *process) signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// kill ends the process as the kernel does, without a word, and waits until
// it is gone.
func (p *process) kill() {
	p.may.Store(true)
	p.cmd.Process.Kill() // fails only if it has ended
	p.stdin.Close()
	<-p.ended
}

// quit has the process end by itself.
func (p *process) quit(ctx context.Context) error {
	p.may.Store(true)
	p.stdin.Close()
	select {
	case <-p.ended:
	case <-ctx.Done():
		return fmt.Errorf("%s does not end: %w; its last words:\n%s", p.role, context.Cause(ctx), p.stderr.String())
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w; its last words:\n%s", p.role, p.err, p.stderr.String())
	}
	return nil
}

// alive fails if the process has ended by itself.
func (p *process) alive() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s ended by itself (%v); its last words:\n%s", p.role, p.err, p.stderr.String())
	default:
		return nil
	}
}

// A tail keeps the last bytes that were written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailBytes = 8 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b...)
	if over := len(t.b) - tailBytes; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}

// A crew is the processes of one storm, and the directory that they share.
type crew struct {
	dir    string
	cancel context.CancelCauseFunc
	mu     sync.Mutex // guards procs
	procs  []*process
}

// newCrew also returns a ctx that ends when one of the processes ends that
// should not: what the storm waits for may never come then.
func newCrew(ctx context.Context, name string) (*crew, context.Context, error) {
	dir, err := newDir(name)
	if err != nil {
		return nil, nil, err
	}
	c := &crew{dir: dir}
	ctx, c.cancel = context.WithCancelCause(ctx)
	return c, ctx, nil
}

// start starts a process that ends with the crew.
func (c *crew) start(role string, config any) (*process, error) {
	p, err := start(role, config)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.procs = append(c.procs, p)
	go func() {
		<-p.ended
		if !p.may.Load() {
			c.cancel(p.alive())
		}
	}()
	return p, nil
}

// end kills what still runs. The directory goes, unless the storm has failed:
// then it is what there is to look at.
func (c *crew) end(err error) error {
	c.mu.Lock()
	procs := c.procs
	c.mu.Unlock()
	for _, p := range procs {
		p.kill()
	}
	c.cancel(nil)
	if err != nil {
		return fmt.Errorf("%w\njournals are in %s", err, c.dir)
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

// journal returns the path of a journal.
func (c *crew) journal(name string, n int) string {
	return fmt.Sprintf("%s/%s-%d.journal", c.dir, name, n)
}
