// Command worker is a client of the lesson on job runners that is called: it
// runs the jobs that the daemon gives it. It shows
//
//   - a handler at a client, whose reply is the job's end;
//   - a union as a Go interface: one switch over its variants, with a default
//     for those that a later schema may add;
//   - ctx in a handler: it ends when the caller, in another process, cancels,
//     when its deadline passes, and when a new daemon follows one that died;
//   - a declared error, *WorkerBusyError, and an undeclared one that carries
//     data;
//   - OnStateChange, to introduce itself to every new daemon.
//
// What a job writes to its standard output becomes output of the worker.
//
//	go run ./examples/jobrunner/worker -name alpha -slots 2
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/ipcio/ipcio-go/generated/jobrunner"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

func main() {
	name := flag.String("name", "worker", "name of the worker, unique: lower-case letters, digits and '-'")
	slots := flag.Uint("slots", 1, "how many jobs it runs at once: 1 to 256")
	grace := flag.Duration("grace", time.Second, "how long a canceled process may take to end before it is killed")
	flag.Parse()
	if *slots < 1 || *slots > 256 {
		fmt.Fprintln(os.Stderr, "worker: -slots must be 1 to 256")
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	w := &worker{id: jobrunner.WorkerID(*name), slots: make(chan struct{}, *slots), grace: *grace}
	if err := w.work(ctx, ipcio.ClientConfig{Domain: "jobs", Name: *name}); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

type worker struct {
	id    jobrunner.WorkerID
	slots chan struct{} // holds one element for each job that runs
	grace time.Duration
}

// work takes jobs until ctx ends. The daemon then gives the unfinished ones to
// other workers.
func (w *worker) work(ctx context.Context, cfg ipcio.ClientConfig) error {
	if err := w.id.Validate(); err != nil {
		return err
	}
	connected := make(chan struct{}, 1)
	cfg.OnStateChange = func(s ipcio.State) {
		if s == ipcio.StateConnected {
			select {
			case connected <- struct{}{}:
			default: // one hello is due already
			}
		}
	}
	client, err := jobrunner.NewClient(cfg, jobrunner.ClientHandlers{
		WorkerRun: w.run,
		DaemonStopping: func(_ context.Context, p jobrunner.DaemonStoppingPayload) error {
			fmt.Println("the daemon is stopping: waiting for the next")
			return nil
		},
	})
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Connect(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	for {
		select {
		case <-connected:
			hello := jobrunner.WorkerHelloPayload{Worker: w.id, Slots: uint16(cap(w.slots))}
			if _, err := client.CallWorkerHello(ctx, hello); err != nil {
				// If the daemon died meanwhile, its successor gets a hello.
				fmt.Fprintln(os.Stderr, "worker:", err)
				continue
			}
			fmt.Println("ready as", w.id)
		case <-ctx.Done():
			return nil
		}
	}
}

// run handles worker.run: it returns when the job is over.
func (w *worker) run(ctx context.Context, p jobrunner.WorkerRunPayload) (jobrunner.WorkerRunReply, error) {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	default:
		return jobrunner.WorkerRunReply{}, &jobrunner.WorkerBusyError{}
	}
	within := "no limit"
	if deadline, ok := ctx.Deadline(); ok {
		within = "at most " + time.Until(deadline).Round(time.Second).String()
	}
	fmt.Printf("running %s: %s, %s\n", p.Job.ID, p.Job.Task.TaskKind(), within)
	pid, err := w.do(ctx, p.Job.Task)
	switch {
	case ctx.Err() != nil:
		fmt.Printf("stopped %s: %v\n", p.Job.ID, ctx.Err())
		err = ctx.Err()
	case err != nil:
		fmt.Printf("failed %s: %v\n", p.Job.ID, err)
	default:
		fmt.Printf("finished %s\n", p.Job.ID)
	}
	return jobrunner.WorkerRunReply{PID: pid}, err
}

// do runs a task and returns the process that did.
func (w *worker) do(ctx context.Context, task jobrunner.Task) (pid int32, err error) {
	switch t := task.(type) {
	case *jobrunner.ShellTask:
		return w.shell(ctx, t)
	case *jobrunner.TaskSleep:
		select {
		case <-time.After(t.Value):
			return int32(os.Getpid()), nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	default: // *jobrunner.ContainerTask, and *jobrunner.TaskUnknown of a later schema
		return 0, failed(-1, "this worker runs no task of the kind "+t.TaskKind())
	}
}

// shell runs a process. When ctx ends it is asked to end, and killed if it
// has not after w.grace.
func (w *worker) shell(ctx context.Context, t *jobrunner.ShellTask) (pid int32, err error) {
	cmd := exec.CommandContext(ctx, t.Argv[0], t.Argv[1:]...) // the schema says: not empty
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = w.grace
	cmd.Dir = t.GetDir()
	cmd.Env = os.Environ()
	for k, v := range t.Env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return 0, failed(int32(exit.ExitCode()), exit.String())
	}
	if err != nil {
		return 0, failed(-1, err.Error())
	}
	return int32(cmd.Process.Pid), nil
}

// failed returns the error that tells the daemon the result of a job. Any
// other error would reach it without its text: that stays in our log.
func failed(code int32, why string) error {
	extra, err := ipcio.NewAny(why)
	if err != nil {
		return err
	}
	result := jobrunner.JobResult{Code: code, Extra: extra}
	data, err := result.MarshalCBOR()
	if err != nil {
		return err
	}
	return &ipcio.RemoteError{Code: "job_failed", Message: why, Data: data}
}
