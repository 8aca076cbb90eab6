package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/ipcio/ipcio-go/generated/jobrunner"
)

// submit queues a job.
func submit(ctx context.Context, args []string) error {
	var p jobrunner.JobSubmitPayload
	flags := flag.NewFlagSet("cli submit", flag.ExitOnError)
	// A flag that is not given leaves its field nil: the schema has the default.
	flags.Func("priority", fmt.Sprintf("one of %v (default %v)", jobrunner.PriorityValues(), p.GetPriority()), func(s string) error {
		v, err := jobrunner.ParsePriority(s)
		p.Priority = &v
		return err
	})
	flags.Func("timeout", fmt.Sprintf("how long the job may run (default %v)", p.GetTimeout()), func(s string) error {
		v, err := time.ParseDuration(s)
		p.Timeout = &v
		return err
	})
	flags.Func("tag", "a tag; may be repeated", func(s string) error {
		p.Tags = append(p.Tags, jobrunner.Tag(s))
		return nil
	})
	patient := flags.Bool("patient", false, "try again while the queue is full")
	flags.Parse(args) // exits if they are wrong
	var err error
	if p.Task, err = parseTask(flags.Args()); err != nil {
		return err
	}

	client, err := connect(ctx, jobrunner.ClientHandlers{})
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		reply, err := client.CallJobSubmit(ctx, p)
		if err == nil {
			fmt.Printf("job %s, place in the queue: %d, priority: %s, timeout: %v\n",
				reply.Job, reply.Position, p.GetPriority(), p.GetTimeout())
			return nil
		}
		full, ok := errors.AsType[*jobrunner.QueueFullError](err)
		if !ok || !*patient {
			return err
		}
		fmt.Printf("the queue is full, trying again in %v\n", full.RetryAfter)
		select {
		case <-time.After(full.RetryAfter):
		case <-ctx.Done():
			return err
		}
	}
}

// parseTask makes one variant of the union Task. It does not check what the
// schema checks.
func parseTask(args []string) (jobrunner.Task, error) {
	if len(args) == 0 {
		return nil, errUsage
	}
	kind, args := args[0], args[1:]
	switch {
	case kind == "shell":
		return &jobrunner.ShellTask{Argv: args}, nil
	case kind == "sleep" && len(args) == 1:
		d, err := time.ParseDuration(args[0])
		return &jobrunner.TaskSleep{Value: d}, err
	case kind == "container" && len(args) == 1:
		t := &jobrunner.ContainerTask{Image: args[0]}
		if token, ok := os.LookupEnv("REGISTRY_TOKEN"); ok {
			t.RegistryToken = &token
		}
		return t, nil
	}
	return nil, errUsage
}

// parseJob returns the job that the first argument names.
func parseJob(args []string, most int) (jobrunner.JobID, error) {
	if len(args) == 0 || len(args) > most {
		return jobrunner.JobID{}, errUsage
	}
	return jobrunner.ParseJobID(args[0])
}

// get shows a job.
func get(ctx context.Context, args []string) error {
	id, err := parseJob(args, 1)
	if err != nil {
		return err
	}
	client, err := connect(ctx, jobrunner.ClientHandlers{})
	if err != nil {
		return err
	}
	defer client.Close()
	job, err := client.CallJobGet(ctx, jobrunner.JobGetPayload{Job: id})
	if err != nil {
		return err
	}
	fmt.Printf("job %s is %s, task: %s, priority: %s, tags: %v\n", job.ID, job.State, job.Task.TaskKind(), job.Priority, job.Tags)
	if job.Result == nil {
		return nil
	}
	fmt.Printf("code: %d\n", job.Result.Code)
	if job.Result.Extra != nil { // of any type: the schema does not say
		why, err := job.Result.Extra.Value()
		if err != nil {
			return err
		}
		fmt.Printf("why: %v\n", why)
	}
	return nil
}

// cancelJob ends a job.
func cancelJob(ctx context.Context, args []string) error {
	id, err := parseJob(args, 2)
	if err != nil {
		return err
	}
	p := jobrunner.JobCancelPayload{Job: id}
	if len(args) == 2 {
		p.Reason = &args[1]
	}
	client, err := connect(ctx, jobrunner.ClientHandlers{})
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.CallJobCancel(ctx, p)
	return err
}

// watch shows all changes until ctx ends, or those of one job until it has
// ended.
func watch(ctx context.Context, args []string) error {
	var only jobrunner.JobID // zero is all
	if len(args) > 0 {
		var err error
		if only, err = parseJob(args, 1); err != nil {
			return err
		}
	}
	ctx, done := context.WithCancel(ctx)
	defer done()
	show := func(id jobrunner.JobID, state jobrunner.JobState) {
		if only != (jobrunner.JobID{}) && id != only || ctx.Err() != nil {
			return
		}
		fmt.Printf("job %s is %s\n", id, state)
		switch state {
		case jobrunner.JobStateDone, jobrunner.JobStateFailed, jobrunner.JobStateCanceled:
			if id == only {
				done()
			}
		}
	}
	client, err := connect(ctx, jobrunner.ClientHandlers{
		JobChanged: func(_ context.Context, p jobrunner.JobChangedPayload) error {
			show(p.Job, p.State)
			return nil
		},
		DaemonStopping: func(_ context.Context, p jobrunner.DaemonStoppingPayload) error {
			fmt.Printf("the daemon is stopping, within %v\n", p.Grace)
			done()
			return nil
		},
	})
	if err != nil {
		return err
	}
	defer client.Close()
	fmt.Println("watching")
	if only != (jobrunner.JobID{}) {
		// Asked after the broadcasts come in: so no change is missed, though
		// one may be shown twice.
		job, err := client.CallJobGet(ctx, jobrunner.JobGetPayload{Job: only})
		if err != nil && ctx.Err() == nil {
			return err
		}
		if err == nil {
			show(job.ID, job.State)
		}
	}
	<-ctx.Done()
	return nil
}
