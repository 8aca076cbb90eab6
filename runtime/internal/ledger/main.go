// Command ledger runs a long test and enters what it did into
// runtime/RELIABILITY.md.
//
//	ledger -name "Name of the section" [-repeat "make target"] -- command [argument…]
//
// The output of the command appears as it comes. Lines of it that contain
//
//	ledger: key=value key="value with spaces"…
//
// say what was done. Integers under the same key are added up; of other values
// each is listed once. The key failure stands for one fault that was found, and
// its value should tell how to see it again:
//
//	ledger: failure="seed 17: a value changed"
//
// A test prints such lines with t.Logf, and go test needs -v to show them.
//
// A row is added whether the command succeeds or fails, also if it is
// interrupted: then the signal goes to the command and to what it started, which
// have 30 seconds to end.
// A command that succeeds and says nothing of what it did is an error, and no
// row is added. The exit status is that of the command; 1 if it succeeded but
// no row could be written; 2 if ledger was called wrongly.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("ledger", flag.ContinueOnError)
	flags.SetOutput(stderr)
	name := flags.String("name", "", "the section of the file that gets the row")
	repeat := flags.String("repeat", "", "what to type to do it again (default: the command)")
	file := flags.String("file", "runtime/RELIABILITY.md", "the file that gets the row")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	command := flags.Args()
	if *name == "" || strings.ContainsAny(*name, "\n\r") || len(command) == 0 {
		fmt.Fprintln(stderr, `ledger: say what is run: ledger -name "Name of the section" -- command [argument…]`)
		return 2
	}
	if _, err := os.Stat(*file); err != nil {
		fmt.Fprintf(stderr, "ledger: %v: run it at the top of the repository\n", err)
		return 2
	}
	if *repeat == "" {
		*repeat = strings.Join(command, " ")
	}

	r := &row{start: time.Now().UTC(), commit: commit(*file), machine: machine(), repeat: *repeat}
	status, err := execute(command, &r.done, stdout, stderr)
	r.took = time.Since(r.start)
	if err != nil {
		r.end = err.Error()
	}
	if err == nil && r.done.empty() {
		fmt.Fprintln(stderr, "ledger: the command printed no line with \"ledger: key=value\": there is nothing to enter")
		return 1
	}
	fmt.Fprintf(stderr, "ledger: %s: %s\n", *name, r)
	if err := enter(*file, *name, r.String()); err != nil {
		fmt.Fprintf(stderr, "ledger: the row above is not in %s: %v\n", *file, err)
		return max(status, 1)
	}
	return status
}

// grace is how long a command may take to end after a signal.
const grace = 30 * time.Second

// execute runs a command and reads what it says of itself. The error says how
// it ended, if not well.
func execute(command []string, done *tally, stdout, stderr io.Writer) (status int, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	inGroup(cmd)
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	cmd.WaitDelay = grace
	out, errs := &scanner{to: stdout, line: done.line}, &scanner{to: stderr, line: done.line}
	cmd.Stdout, cmd.Stderr = out, errs
	err = cmd.Run()
	if ctx.Err() != nil && cmd.Process != nil {
		killGroup(cmd.Process) // what is left of it after the grace
	}
	out.end()
	errs.end()
	switch {
	case err == nil:
		return 0, nil
	case ctx.Err() != nil:
		return 130, errors.New("interrupted")
	case cmd.ProcessState != nil && cmd.ProcessState.ExitCode() > 0:
		return cmd.ProcessState.ExitCode(), err
	}
	return 1, err
}
