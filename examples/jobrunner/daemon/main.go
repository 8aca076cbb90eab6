// Command daemon is the server of the lesson on job runners: it queues jobs
// and gives each to a worker. It shows
//
//   - calls in both directions: the CLI calls the daemon, and the daemon calls
//     its workers with the same kind of method;
//   - declared errors as Go types: a handler returns a *QueueFullError with
//     its fields, and the caller gets one;
//   - the ctx of a call as the life of a job: its deadline is the job's
//     timeout, and to cancel it ends the worker's handler in another process;
//   - what a lost peer means: the job of a worker that died goes to another;
//   - a broadcast, job.changed, to whoever wants to know.
//
// The jobs are in memory and end with the daemon. Start it, workers and the
// CLI in this order or any other:
//
//	go run ./examples/jobrunner/daemon
//	go run ./examples/jobrunner/worker -name alpha
//	go run ./examples/jobrunner/cli submit sleep 3s
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ipcio/ipcio-go/generated/jobrunner"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

// grace is how long the daemon takes at most to end.
const grace = 5 * time.Second

func main() {
	queue := flag.Uint("queue", 100, "how many jobs may wait for a worker: at most 10000")
	keep := flag.Duration("keep", 10*time.Second, "how long a worker that is not connected may take to come back")
	flag.Parse()
	if *queue > 10_000 {
		fmt.Fprintln(os.Stderr, "daemon: -queue must be at most 10000")
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg := ipcio.ServerConfig{Domain: "jobs", Limits: ipcio.Limits{SessionKeep: *keep}}
	if err := serve(ctx, cfg, *queue); err != nil {
		fmt.Fprintln(os.Stderr, "daemon:", err)
		os.Exit(1)
	}
}

// serve runs jobs until ctx ends.
func serve(ctx context.Context, cfg ipcio.ServerConfig, queue uint) error {
	r := newRunner(queue)
	srv, err := jobrunner.NewServer(cfg, jobrunner.ServerHandlers{
		JobSubmit:   r.submit,
		JobGet:      r.get,
		JobCancel:   r.cancel,
		WorkerHello: r.hello,
	})
	if err != nil {
		return err
	}
	defer srv.Close()
	r.srv = srv
	if err := srv.Start(ctx); err != nil {
		return err
	}
	fmt.Println("serving", srv.Addr())

	<-ctx.Done()
	r.close()
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := srv.BroadcastDaemonStopping(ctx, jobrunner.DaemonStoppingPayload{Grace: grace}); err != nil {
		return err
	}
	return srv.Shutdown(ctx)
}
