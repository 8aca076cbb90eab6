// Package lesson runs the programs of a lesson in its test: every failure
// ends the test, and every process ends with it.
package lesson

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ipcio/ipcio-go/examples/internal/proc"
)

// A Lesson is a set of built programs and a directory for their sockets.
type Lesson struct {
	Dir string // for -dir; private to the test

	t   *testing.T
	ctx context.Context
	bin string
}

// Build compiles the programs, named by their paths below examples/. All that
// the lesson does must be done in two minutes.
func Build(t *testing.T, programs ...string) *Lesson {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	l := &Lesson{t: t, ctx: ctx, bin: t.TempDir()}
	if err := proc.Build(ctx, l.bin, programs...); err != nil {
		t.Fatal(err)
	}
	// t.TempDir holds the test's name, and the path of a unix socket about 100
	// bytes.
	dir, err := os.MkdirTemp("", "ipcio")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l.Dir = dir
	return l
}

// Start runs a program, and kills it when the test ends. Its output is logged
// under label.
func (l *Lesson) Start(label, program string, args ...string) *Program {
	l.t.Helper()
	log := func(line string) { l.t.Logf("%-8s| %s", label, line) }
	p, err := proc.Start(l.ctx, log, proc.Path(l.bin, filepath.FromSlash(program)), args...)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(p.Kill)
	return &Program{Process: p, l: l, label: label}
}

// A Program is a process of a lesson.
type Program struct {
	*proc.Process
	l     *Lesson
	label string
}

// Expect waits for the next line of standard output that contains text and
// returns it.
func (p *Program) Expect(text string) string {
	p.l.t.Helper()
	line, err := p.Process.Expect(p.l.ctx, text)
	if err != nil {
		p.l.t.Fatalf("%s: %v", p.label, err)
	}
	return line
}

// Type writes a line to its standard input.
func (p *Program) Type(line string) {
	p.l.t.Helper()
	if err := p.Process.Type(line); err != nil {
		p.l.t.Fatalf("%s: %v", p.label, err)
	}
}

// Interrupt ends it as Ctrl-C does. It must end with exit status 0.
func (p *Program) Interrupt() {
	p.l.t.Helper()
	if err := p.Process.Interrupt(); err != nil {
		p.l.t.Fatalf("%s: %v", p.label, err)
	}
	p.Wait()
}

// Wait waits until it has ended, with exit status 0.
func (p *Program) Wait() {
	p.l.t.Helper()
	if err := p.Process.Wait(p.l.ctx); err != nil {
		p.l.t.Fatalf("%s: %v", p.label, err)
	}
}
