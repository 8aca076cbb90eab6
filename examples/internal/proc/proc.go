// Package proc builds the programs of a lesson and runs them as processes of
// their own, for the tests and for the demo.
package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

const examples = "github.com/ipcio/ipcio-go/examples/"

// Build compiles programs into dir. Each is named by its path below examples/,
// such as "tutorial/server", and becomes a file with the last element as its
// name: see [Path]. The working directory must lie in this module.
func Build(ctx context.Context, dir string, programs ...string) error {
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	for _, p := range programs {
		args = append(args, examples+p)
	}
	if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// Path returns where Build put a program.
func Path(dir, program string) string {
	p := filepath.Join(dir, filepath.Base(program))
	if runtime.GOOS == "windows" {
		p += ".exe"
	}
	return p
}

// A Process is a running program, whose output is read line by line. Its
// methods may be called concurrently.
type Process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	cancel context.CancelFunc
	done   chan struct{} // closed when it has ended and all its output is read
	err    error         // why it ended; set before done is closed

	mu      sync.Mutex // guards the fields below
	lines   []string   // of standard output
	next    int        // the first line that Expect has not passed
	changed chan struct{}
}

// Start runs the program at path. onLine, if not nil, gets every line of its
// standard output and standard error, without the line's end. Calls for one
// stream come one at a time. The process is killed when ctx ends.
func Start(ctx context.Context, onLine func(line string), path string, args ...string) (*Process, error) {
	if onLine == nil {
		onLine = func(string) {}
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &Process{
		cmd:     exec.CommandContext(ctx, path, args...),
		cancel:  cancel,
		done:    make(chan struct{}),
		changed: make(chan struct{}),
	}
	stdout := &lineWriter{line: func(s string) { p.add(s); onLine(s) }}
	stderr := &lineWriter{line: onLine}
	p.cmd.Stdout, p.cmd.Stderr = stdout, stderr
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		cancel()
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	go func() {
		defer cancel()
		p.err = p.cmd.Wait()
		stdout.flush()
		stderr.flush()
		close(p.done)
	}()
	return p, nil
}

func (p *Process) add(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, line)
	close(p.changed)
	p.changed = make(chan struct{})
}

// Lines returns what the process has written to its standard output so far.
func (p *Process) Lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines[:len(p.lines):len(p.lines)]
}

// Expect waits for the next line of standard output that contains text and
// returns it. The lines up to it are passed: the next Expect looks behind it.
// It fails when ctx or the process ends first; the error has the lines that
// it looked at.
func (p *Process) Expect(ctx context.Context, text string) (string, error) {
	for ended := false; ; {
		p.mu.Lock()
		for i, line := range p.lines[p.next:] {
			if strings.Contains(line, text) {
				p.next += i + 1
				p.mu.Unlock()
				return line, nil
			}
		}
		seen, changed := strings.Join(p.lines[p.next:], "\n"), p.changed
		p.mu.Unlock()
		if ended {
			return "", fmt.Errorf("no line contains %q before the process ended; lines:\n%s", text, seen)
		}
		select {
		case <-changed:
		case <-p.done:
			ended = true // and look once more, at what it wrote last
		case <-ctx.Done():
			return "", fmt.Errorf("no line contains %q: %w; lines:\n%s", text, context.Cause(ctx), seen)
		}
	}
}

// Skip passes all lines so far: the next Expect looks at what comes.
func (p *Process) Skip() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = len(p.lines)
}

// Type writes a line to the process's standard input.
func (p *Process) Type(line string) error {
	_, err := io.WriteString(p.stdin, line+"\n")
	return err
}

// CloseInput ends the process's standard input.
func (p *Process) CloseInput() error { return p.stdin.Close() }

// Interrupt asks the process to end, as Ctrl-C does.
func (p *Process) Interrupt() error { return p.cmd.Process.Signal(os.Interrupt) }

// Kill ends the process at once, as kill -9 does, and waits until its output
// is read.
func (p *Process) Kill() {
	p.cancel()
	<-p.done
}

// Wait waits until the process has ended by itself or by Interrupt, and
// returns an error if its exit status is not 0 or ctx ended first.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return errors.New(filepath.Base(p.cmd.Path) + " has not ended: " + context.Cause(ctx).Error())
	}
}

// Done is closed when the process has ended and its output is read.
func (p *Process) Done() <-chan struct{} { return p.done }

// lineWriter calls line for every line written to it.
type lineWriter struct {
	line func(string)
	rest []byte
}

func (w *lineWriter) Write(b []byte) (int, error) {
	w.rest = append(w.rest, b...)
	for {
		line, rest, ok := bytes.Cut(w.rest, []byte("\n"))
		if !ok {
			return len(b), nil
		}
		w.line(string(line))
		w.rest = rest
	}
}

// flush gives line what came after the last line's end.
func (w *lineWriter) flush() {
	if len(w.rest) > 0 {
		w.line(string(w.rest))
		w.rest = nil
	}
}
