package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ipcio/ipcio-go/generated/jobrunner"
	"github.com/ipcio/ipcio-go/runtime/ipcio"
)

const (
	retryAfter = 500 * time.Millisecond // what a caller is told who finds the queue full
	busyPause  = 250 * time.Millisecond // before a worker that said it is busy is asked again
	keepEnded  = 1000                   // jobs that have ended and can still be looked up
)

// A job is what the daemon knows of one.
type job struct {
	jobrunner.Job
	timeout time.Duration
	stop    context.CancelFunc // ends the call of the worker; nil before the first
}

// A worker is one session of a worker process.
type worker struct {
	peer    *jobrunner.Peer
	id      jobrunner.WorkerID
	slots   int
	running int  // calls under way
	busy    bool // it said so a moment ago
}

// A runner gives queued jobs to workers.
type runner struct {
	srv   *jobrunner.Server
	limit uint
	ctx   context.Context // of the calls of workers; ended with mu held
	halt  context.CancelFunc
	calls sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	jobs    map[jobrunner.JobID]*job
	ended   []jobrunner.JobID // the oldest first
	queue   []*job            // the next first
	workers []*worker
}

func newRunner(limit uint) *runner {
	r := &runner{limit: limit, jobs: map[jobrunner.JobID]*job{}}
	r.ctx, r.halt = context.WithCancel(context.Background())
	return r
}

// close starts no more jobs, and ends those that run.
func (r *runner) close() {
	r.mu.Lock()
	r.halt()
	r.mu.Unlock()
	r.calls.Wait()
}

// submit queues a job. What the caller left out has the default of the schema;
// what the schema does not allow never comes here.
func (r *runner) submit(_ context.Context, _ *jobrunner.Peer, p jobrunner.JobSubmitPayload) (jobrunner.JobSubmitReply, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if uint(len(r.queue)) >= r.limit {
		return jobrunner.JobSubmitReply{}, &jobrunner.QueueFullError{Limit: uint32(r.limit), RetryAfter: retryAfter}
	}
	j := &job{
		Job: jobrunner.Job{
			ID:        newJobID(),
			Task:      p.Task,
			State:     jobrunner.JobStateQueued,
			Priority:  p.GetPriority(),
			Tags:      p.Tags,
			CreatedAt: time.Now(),
		},
		timeout: p.GetTimeout(),
	}
	r.jobs[j.ID] = j
	fmt.Println("new", &j.Job) // a field that the schema calls secret prints masked
	r.enqueue(j)
	reply := jobrunner.JobSubmitReply{Job: j.ID, Position: uint32(slices.Index(r.queue, j) + 1)}
	r.dispatch()
	return reply, nil
}

func (r *runner) get(_ context.Context, _ *jobrunner.Peer, p jobrunner.JobGetPayload) (jobrunner.Job, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.jobs[p.Job]
	if j == nil {
		return jobrunner.Job{}, &jobrunner.JobNotFoundError{Job: p.Job}
	}
	return j.Job, nil
}

// cancel ends a job, wherever it is. One that has ended stays as it is.
func (r *runner) cancel(_ context.Context, _ *jobrunner.Peer, p jobrunner.JobCancelPayload) (jobrunner.JobCancelReply, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.jobs[p.Job]
	if j == nil {
		return jobrunner.JobCancelReply{}, &jobrunner.JobNotFoundError{Job: p.Job}
	}
	switch j.State {
	case jobrunner.JobStateQueued:
		r.queue = slices.DeleteFunc(r.queue, func(q *job) bool { return q == j })
	case jobrunner.JobStateRunning:
		j.stop()
	default:
		return jobrunner.JobCancelReply{}, nil
	}
	why := "no reason given"
	if p.Reason != nil {
		why = *p.Reason
	}
	r.end(j, jobrunner.JobStateCanceled, failure(why))
	return jobrunner.JobCancelReply{}, nil
}

// hello takes a worker in. It says hello again whenever it has connected: to
// a new daemon, or to this one that knows its session.
func (r *runner) hello(_ context.Context, from *jobrunner.Peer, p jobrunner.WorkerHelloPayload) (jobrunner.WorkerHelloReply, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.workers, func(w *worker) bool { return w.peer.ID() == from.ID() })
	if i < 0 {
		i = len(r.workers)
		r.workers = append(r.workers, &worker{peer: from, id: p.Worker})
	}
	r.workers[i].slots = int(p.Slots)
	fmt.Printf("worker %s is here, slots: %d\n", p.Worker, p.Slots)
	r.dispatch()
	return jobrunner.WorkerHelloReply{}, nil
}

// enqueue puts a job behind those of its priority that are older. One that
// comes back from a worker so has its old place. r.mu is held.
func (r *runner) enqueue(j *job) {
	rank := func(j *job) int { return slices.Index(jobrunner.PriorityValues(), j.Priority) }
	r.queue = append(r.queue, j)
	slices.SortStableFunc(r.queue, func(a, b *job) int {
		return cmp.Or(cmp.Compare(rank(b), rank(a)), a.CreatedAt.Compare(b.CreatedAt))
	})
	r.move(j, jobrunner.JobStateQueued)
}

// dispatch gives the next jobs to the workers that have room. r.mu is held.
func (r *runner) dispatch() {
	for len(r.queue) > 0 && r.ctx.Err() == nil {
		w := r.free()
		if w == nil {
			return
		}
		j := r.queue[0]
		r.queue = slices.Delete(r.queue, 0, 1)
		w.running++
		// The schema has no timeout in worker.run: that of the job is the
		// call's deadline, which its handler sees.
		ctx, stop := context.WithTimeout(r.ctx, j.timeout)
		j.stop = stop
		fmt.Printf("job %s goes to %s\n", j.ID, w.id)
		r.move(j, jobrunner.JobStateRunning)
		order := jobrunner.WorkerRunPayload{Job: j.Job}
		r.calls.Go(func() {
			defer stop()
			_, err := w.peer.CallWorkerRun(ctx, order)
			r.ran(j, w, err)
		})
	}
}

// free returns the connected worker with the fewest jobs that has room, or
// nil, and forgets those whose session is over. r.mu is held.
func (r *runner) free() *worker {
	connected := map[string]bool{}
	for _, c := range r.srv.Clients() {
		connected[c.ID] = c.Connected
	}
	var best *worker
	r.workers = slices.DeleteFunc(r.workers, func(w *worker) bool {
		here, known := connected[w.peer.ID()]
		if here && !w.busy && w.running < w.slots && (best == nil || w.running < best.running) {
			best = w
		}
		return !known
	})
	return best
}

// ran takes in how the call of a worker ended.
func (r *runner) ran(j *job, w *worker, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.running--
	_, busy := errors.AsType[*jobrunner.WorkerBusyError](err)
	gone := errors.Is(err, ipcio.ErrPeerGone)
	switch {
	case busy:
		// The worker counts for itself: here a job that was canceled is over
		// at once, there its process may take a while to end.
		fmt.Printf("worker %s is busy\n", w.id)
		w.busy = true
		time.AfterFunc(busyPause, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			w.busy = false
			r.dispatch()
		})
	case gone:
		fmt.Printf("worker %s is gone\n", w.id)
	}
	switch {
	case j.State != jobrunner.JobStateRunning: // canceled meanwhile, and told
	case r.ctx.Err() != nil: // the daemon ends
	case busy:
		r.enqueue(j)
	case gone:
		// Nobody knows how far it came: a job may run more than once. For a job
		// that must not, fail unless ipcio.OutcomeOf(err) says that it never began.
		r.enqueue(j)
	case err == nil:
		r.end(j, jobrunner.JobStateDone, &jobrunner.JobResult{})
	default:
		r.end(j, jobrunner.JobStateFailed, resultOf(err, j.timeout))
	}
	r.dispatch()
}

// resultOf returns the result of a job whose worker answered with an error.
func resultOf(err error, timeout time.Duration) *jobrunner.JobResult {
	if errors.Is(err, context.DeadlineExceeded) {
		return failure(fmt.Sprintf("not done within %v", timeout))
	}
	if remote, ok := errors.AsType[*ipcio.RemoteError](err); ok {
		var result jobrunner.JobResult // a worker sends one along
		if remote.Data.Decode(&result) == nil {
			return &result
		}
	}
	return failure(err.Error())
}

// failure is the result of a job that has no exit status to tell.
func failure(why string) *jobrunner.JobResult {
	extra, err := ipcio.NewAny(why)
	if err != nil {
		extra = nil // what is not UTF-8 cannot be told
	}
	return &jobrunner.JobResult{Code: -1, Extra: extra}
}

// end moves a job to its last state, and forgets the oldest of those that
// ended if they are too many. r.mu is held.
func (r *runner) end(j *job, state jobrunner.JobState, result *jobrunner.JobResult) {
	j.Result, j.FinishedAt = result, new(time.Now())
	r.ended = append(r.ended, j.ID)
	if len(r.ended) > keepEnded {
		delete(r.jobs, r.ended[0])
		r.ended = slices.Delete(r.ended, 0, 1)
	}
	r.move(j, state)
}

// move tells all clients that a job has another state. r.mu is held, so they
// hear of the changes in their order; a broadcast waits for nobody.
func (r *runner) move(j *job, state jobrunner.JobState) {
	j.State = state
	fmt.Printf("job %s is %s\n", j.ID, state)
	err := r.srv.BroadcastJobChanged(r.ctx, jobrunner.JobChangedPayload{Job: j.ID, State: state})
	if err != nil && r.ctx.Err() == nil {
		fmt.Println("nobody heard of it:", err)
	}
}

// newJobID returns a random UUID, version 4 of RFC 9562.
func newJobID() (id jobrunner.JobID) {
	rand.Read(id[:]) // never fails
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}
