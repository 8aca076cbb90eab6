package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ipcio/ipcio-go/runtime/bench/payload"
)

// A job starts a worker, a process of this program; it is its last argument, as
// JSON. A worker writes one reply line when it is ready, then one reply line for
// each request line, and ends at the end of its standard input.
type job struct {
	Role string `json:"role"` // server, client
	Name string `json:"name"`
	Addr string `json:"addr"`
	Work string `json:"work"`
	Size int    `json:"size"`
	N    int    `json:"n"` // clients (w4, w5)

	Profile string `json:"profile,omitempty"` // directory for a CPU profile
}

type request struct {
	Cmd   string `json:"cmd"`
	MS    int    `json:"ms,omitempty"`    // run: how long
	Count int    `json:"count,omitempty"` // broadcast, arm, dial
}

type reply struct {
	Err        string `json:"err,omitempty"`
	Ops        int64  `json:"ops,omitempty"`
	WallNS     int64  `json:"wall,omitempty"`
	Mean       int64  `json:"mean,omitempty"`
	P50        int64  `json:"p50,omitempty"`
	P99        int64  `json:"p99,omitempty"`
	User       int64  `json:"user,omitempty"`
	Sys        int64  `json:"sys,omitempty"`
	T          int64  `json:"t,omitempty"` // a moment, CLOCK_MONOTONIC
	Received   int64  `json:"received,omitempty"`
	Disorder   int64  `json:"disorder,omitempty"`
	LastNS     int64  `json:"last,omitempty"`
	Subs       int    `json:"subs,omitempty"`
	RSS        int64  `json:"rss,omitempty"`
	Heap       int64  `json:"heap,omitempty"`
	Stack      int64  `json:"stack,omitempty"`
	Goroutines int    `json:"goroutines,omitempty"`
}

const inFlight = 64

// worker runs one worker over r and w until r ends.
func worker(j job, r io.Reader, w io.Writer) {
	out := json.NewEncoder(w)
	fail := func(err error) { out.Encode(reply{Err: err.Error()}) }
	c := contestants[j.Name]
	if c == nil {
		fail(fmt.Errorf("no contestant %q", j.Name))
		return
	}
	var do func(request) reply
	var err error
	if j.Role == "server" {
		do, err = serverWorker(c, j)
	} else {
		do, err = clientWorker(c, j)
	}
	if err != nil {
		fail(err)
		return
	}
	out.Encode(reply{})
	in := bufio.NewScanner(r)
	for in.Scan() {
		var q request
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			fail(err)
			return
		}
		out.Encode(do(q))
	}
}

func serverWorker(c Contestant, j job) (func(request) reply, error) {
	h := new(Hooks)
	s, err := c.Serve(j.Addr, h)
	if err != nil {
		return nil, err
	}
	small := payload.Sample(0)
	return func(q request) (r reply) {
		switch q.Cmd {
		case "stat":
			r.User, r.Sys = cpuNS()
			r.Received, r.Disorder, r.LastNS = h.received.Load(), h.disorder.Load(), h.lastNS.Load()
			r.Subs = s.Subscribers()
		case "mem":
			memStat(&r)
		case "broadcast":
			r.T = nowNS()
			for i := range q.Count {
				small.ID = uint64(i)
				if err := s.Broadcast(small.Clone()); err != nil {
					r.Err = err.Error()
					return r
				}
			}
			r.WallNS = nowNS() - r.T
		}
		return r
	}, nil
}

func clientWorker(c Contestant, j job) (func(request) reply, error) {
	switch j.Work {
	case "w1", "w2":
		return callWorker(c, j)
	case "w3":
		return emitWorker(c, j)
	case "w4":
		return watchWorker(c, j)
	case "w5":
		return idleWorker(c, j)
	case "w6":
		return connectWorker(c, j)
	}
	return nil, fmt.Errorf("no workload %q", j.Work)
}

func errReply(err error) reply { return reply{Err: err.Error()} }

func quantiles(r *reply, lat []int64) {
	if len(lat) == 0 {
		return
	}
	slices.Sort(lat)
	var sum int64
	for _, v := range lat {
		sum += v
	}
	r.Mean = sum / int64(len(lat))
	r.P50 = lat[len(lat)/2]
	r.P99 = lat[len(lat)*99/100]
}

// A batcher is a client that can do a whole window of calls at once (the limit).
type batcher interface {
	Batch(tmpl *payload.Command, window int) (func() error, error)
}

func callWorker(c Contestant, j job) (func(request) reply, error) {
	cl, err := c.Dial(j.Addr)
	if err != nil {
		return nil, err
	}
	tmpl := payload.Sample(j.Size)
	base := tmpl.Digest() - tmpl.ID
	callers := 1
	if j.Work == "w2" {
		callers = inFlight
		if b, ok := cl.(batcher); ok {
			return batchWorker(b, tmpl)
		}
	}
	fns := make([]func(uint64) (uint64, error), callers)
	for i := range fns {
		if fns[i], err = cl.Caller(tmpl); err != nil {
			return nil, err
		}
	}
	var next uint64
	lats := make([][]int64, callers)
	for i := range lats {
		lats[i] = make([]int64, 0, 1<<21/callers)
	}
	loop := func(i int, id uint64, end time.Time) error {
		fn, lat := fns[i], lats[i][:0]
		t := time.Now()
		for t.Before(end) {
			got, err := fn(id)
			if err != nil {
				return err
			}
			if got != base+id {
				return fmt.Errorf("wrong digest: got %d, want %d", got, base+id)
			}
			id++
			u := time.Now()
			lat = append(lat, int64(u.Sub(t)))
			t = u
		}
		lats[i] = lat
		return nil
	}
	return func(q request) (r reply) {
		runtime.GC()
		u0, s0 := cpuNS()
		t0 := time.Now()
		end := t0.Add(time.Duration(q.MS) * time.Millisecond)
		if callers == 1 {
			if err := loop(0, next, end); err != nil {
				return errReply(err)
			}
		} else {
			var wg sync.WaitGroup
			var once sync.Once
			var first error
			for i := range callers {
				wg.Go(func() {
					if err := loop(i, uint64(i)<<32+next, end); err != nil {
						once.Do(func() { first = err })
					}
				})
			}
			wg.Wait()
			if first != nil {
				return errReply(first)
			}
		}
		r.WallNS = int64(time.Since(t0))
		u1, s1 := cpuNS()
		r.User, r.Sys = u1-u0, s1-s0
		var all []int64
		for _, l := range lats {
			all = append(all, l...)
		}
		r.Ops = int64(len(all))
		next += uint64(r.Ops)
		quantiles(&r, all)
		return r
	}, nil
}

func batchWorker(b batcher, tmpl *payload.Command) (func(request) reply, error) {
	fn, err := b.Batch(tmpl, inFlight)
	if err != nil {
		return nil, err
	}
	return func(q request) (r reply) {
		u0, s0 := cpuNS()
		t0 := time.Now()
		for time.Since(t0) < time.Duration(q.MS)*time.Millisecond {
			if err := fn(); err != nil {
				return errReply(err)
			}
			r.Ops += inFlight
		}
		r.WallNS = int64(time.Since(t0))
		u1, s1 := cpuNS()
		r.User, r.Sys = u1-u0, s1-s0
		return r
	}, nil
}

func emitWorker(c Contestant, j job) (func(request) reply, error) {
	cl, err := c.Dial(j.Addr)
	if err != nil {
		return nil, err
	}
	emit, done, err := cl.Emitter(payload.Sample(j.Size))
	if err != nil {
		return nil, err
	}
	return func(q request) (r reply) {
		u0, s0 := cpuNS()
		r.T = nowNS()
		t0 := time.Now()
		d := time.Duration(q.MS) * time.Millisecond
		var id uint64
		for {
			last := id&63 == 63 && time.Since(t0) > d
			if err := emit(id, last); err != nil {
				return errReply(err)
			}
			id++
			if last {
				break
			}
		}
		if err := done(); err != nil {
			return errReply(err)
		}
		r.Ops = int64(id)
		u1, s1 := cpuNS()
		r.User, r.Sys = u1-u0, s1-s0
		return r
	}, nil
}

func watchWorker(c Contestant, j job) (func(request) reply, error) {
	var got, target, lastNS atomic.Int64
	reached := make(chan struct{}, 1)
	onEvent := func(uint64) {
		if n := got.Add(1); n == target.Load() {
			lastNS.Store(nowNS())
			reached <- struct{}{}
		}
	}
	for range j.N {
		cl, err := c.Dial(j.Addr)
		if err != nil {
			return nil, err
		}
		if err := cl.Subscribe(onEvent); err != nil {
			return nil, err
		}
		keep = append(keep, cl)
	}
	return func(q request) (r reply) {
		switch q.Cmd {
		case "arm":
			got.Store(0)
			target.Store(int64(q.Count))
			r.User, r.Sys = cpuNS()
		case "wait":
			select {
			case <-reached:
			case <-time.After(20 * time.Second):
				return errReply(fmt.Errorf("got %d of %d broadcasts", got.Load(), target.Load()))
			}
			r.T = lastNS.Load()
			r.Received = got.Load()
			r.User, r.Sys = cpuNS()
		}
		return r
	}, nil
}

var keep []Client // so that nothing connected is collected

func idleWorker(c Contestant, j job) (func(request) reply, error) {
	tmpl := payload.Sample(0)
	return func(q request) (r reply) {
		var mu sync.Mutex
		var wg sync.WaitGroup
		var first error
		for w := range 4 {
			wg.Go(func() {
				for i := w; i < q.Count; i += 4 {
					cl, err := c.Dial(j.Addr)
					if err == nil {
						err = oneCall(cl, tmpl)
					}
					mu.Lock()
					if err != nil && first == nil {
						first = err
					}
					keep = append(keep, cl)
					mu.Unlock()
					if err != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		if first != nil {
			return errReply(first)
		}
		return r
	}, nil
}

func oneCall(cl Client, tmpl *payload.Command) error {
	fn, err := cl.Caller(tmpl)
	if err != nil {
		return err
	}
	_, err = fn(1)
	return err
}

func connectWorker(c Contestant, j job) (func(request) reply, error) {
	tmpl := payload.Sample(0)
	return func(q request) (r reply) {
		u0, s0 := cpuNS()
		t0 := time.Now()
		for time.Since(t0) < time.Duration(q.MS)*time.Millisecond {
			cl, err := c.Dial(j.Addr)
			if err != nil {
				return errReply(err)
			}
			if err := oneCall(cl, tmpl); err != nil {
				return errReply(err)
			}
			if err := cl.Close(); err != nil {
				return errReply(err)
			}
			r.Ops++
		}
		r.WallNS = int64(time.Since(t0))
		u1, s1 := cpuNS()
		r.User, r.Sys = u1-u0, s1-s0
		return r
	}, nil
}

// ---- the orchestrator's side ----

type proc struct {
	in   io.WriteCloser
	out  *bufio.Scanner
	wait func()
	kill func()
	errs *strings.Builder
}

// start runs a worker: this program again, or (inproc) goroutines.
func start(j job, inproc bool) (*proc, error) {
	arg, _ := json.Marshal(j)
	p := &proc{wait: func() {}, kill: func() {}, errs: new(strings.Builder)}
	var rd io.Reader
	if inproc {
		ir, iw := io.Pipe()
		or, ow := io.Pipe()
		p.in, rd = iw, or
		done := make(chan struct{})
		go func() { worker(j, ir, ow); ow.Close(); close(done) }()
		p.wait = func() { <-done }
	} else {
		exe, err := os.Executable()
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(exe, "worker", string(arg))
		if *straceFlag == j.Role {
			cmd = exec.Command("strace", append([]string{"-c", "-f", "-S", "calls", "-o", *straceOut, "--"}, cmd.Args...)...)
		}
		cmd.Stderr = p.errs
		if p.in, err = cmd.StdinPipe(); err != nil {
			return nil, err
		}
		if rd, err = cmd.StdoutPipe(); err != nil {
			return nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		p.kill = func() { cmd.Process.Signal(syscall.SIGQUIT) }
		p.wait = func() {
			t := time.AfterFunc(3*time.Second, func() { cmd.Process.Kill() })
			cmd.Wait()
			t.Stop()
		}
	}
	p.out = bufio.NewScanner(rd)
	if _, err := p.read(); err != nil {
		p.close()
		return nil, fmt.Errorf("%s: %w", j.Role, err)
	}
	return p, nil
}

func (p *proc) read() (reply, error) {
	var r reply
	// A stack that loses a message must not stop the whole run.
	hung := time.AfterFunc(30*time.Second, p.kill)
	defer hung.Stop()
	if !p.out.Scan() {
		e := p.errs.String()
		if len(e) > 600 {
			e = e[:600]
		}
		return r, fmt.Errorf("worker ended: %s", e)
	}
	if err := json.Unmarshal(p.out.Bytes(), &r); err != nil {
		return r, err
	}
	if r.Err != "" {
		if r.Err == ErrNA.Error() {
			return r, ErrNA
		}
		return r, errors.New(r.Err)
	}
	return r, nil
}

func (p *proc) ask(q request) (reply, error) {
	b, _ := json.Marshal(q)
	if _, err := p.in.Write(append(b, '\n')); err != nil {
		return reply{}, err
	}
	return p.read()
}

func (p *proc) close() {
	p.in.Close()
	p.wait()
}
