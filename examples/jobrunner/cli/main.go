// Command cli is the client of the lesson on job runners that calls. It shows
//
//   - typed errors: errors.AsType finds the *JobNotFoundError that the daemon
//     returned, or the *QueueFullError that says when to try again;
//   - validation: what the schema forbids fails here, before anything is sent,
//     and says which rule of which field it breaks;
//   - defaults: an optional field that is left out, and what that means;
//   - a deadline for all that the program does;
//   - a broadcast that is watched.
//
// See -help for what it can do.
//
//	go run ./examples/jobrunner/cli submit -priority high shell echo hello
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ipcio/ipcio-go/generated/jobrunner"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

const usage = `usage: cli [-within 10s] COMMAND

  submit [flags] sleep DURATION
  submit [flags] shell COMMAND [ARGUMENT]...
  submit [flags] container IMAGE     with $REGISTRY_TOKEN, if it is set
  get JOB                            show a job
  cancel JOB [REASON]                end a job
  watch [JOB]                        show what changes, or until the job has ended
`

// errUsage says that the arguments are wrong.
var errUsage = errors.New("see cli -help")

func main() {
	within := flag.Duration("within", 10*time.Second, "how long all but watch may take")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage, "\nflags:\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *within, flag.Args()); err != nil {
		explain(err)
		os.Exit(1)
	}
}

func run(ctx context.Context, within time.Duration, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	command, args := args[0], args[1:]
	if command == "watch" {
		return watch(ctx, args)
	}
	// Every call below has this deadline, which its handler sees as well.
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	switch command {
	case "submit":
		return submit(ctx, args)
	case "get":
		return get(ctx, args)
	case "cancel":
		return cancelJob(ctx, args)
	}
	return fmt.Errorf("there is no command %q: %w", command, errUsage)
}

// connect returns a connected client with a random name.
func connect(ctx context.Context, h jobrunner.ClientHandlers) (*jobrunner.Client, error) {
	client, err := jobrunner.NewClient(ipcio.ClientConfig{Domain: "jobs"}, h)
	if err != nil {
		return nil, err
	}
	if err := client.Connect(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("the daemon does not answer: %w", err)
	}
	return client, nil
}

// explain tells the user what went wrong, and what can be done about it.
func explain(err error) {
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, "cli: "+format+"\n", args...) }
	if notFound, ok := errors.AsType[*jobrunner.JobNotFoundError](err); ok {
		say("there is no job %s", notFound.Job)
		return
	}
	if full, ok := errors.AsType[*jobrunner.QueueFullError](err); ok {
		say("the queue is full, with %d jobs: try again in %v, or submit with -patient", full.Limit, full.RetryAfter)
		return
	}
	if invalid, ok := errors.AsType[*ipcio.ValidationError](err); ok {
		for _, v := range invalid.Violations {
			say("not valid: %v", v)
		}
		return
	}
	say("%v", err)
}
