// Package longtest counts what a test does that may run for hours, and tells it
// when its time is over.
//
// What was counted is logged every few seconds, as the lines that
// runtime/internal/ledger adds up, and the rest when the test ends or somebody
// interrupts it. So a run that ends early, even one that is killed, has said
// what it did.
package longtest

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"testing"
	"time"
)

// interval is how often the counts are logged.
const interval = 10 * time.Second

// A Run is one run of a long test. Its methods may be called concurrently.
type Run struct {
	t     testing.TB
	begun time.Time
	limit time.Duration

	mu     sync.Mutex // guards the fields below
	keys   []string   // of counts, in the order of their first use
	counts map[string]int64
}

// Begin begins a run that is to end after limit; 0 means no limit. The counts
// are logged until the test ends. An interrupt ends the process, as ever, but
// the counts are logged first.
func Begin(t testing.TB, limit time.Duration) *Run {
	t.Helper()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	t.Cleanup(func() { signal.Stop(interrupted) })
	return begin(t, limit, interrupted, os.Exit)
}

func begin(t testing.TB, limit time.Duration, interrupted <-chan os.Signal, exit func(int)) *Run {
	r := &Run{t: t, begun: time.Now(), limit: limit, counts: map[string]int64{}}
	var reporter sync.WaitGroup
	done := make(chan struct{})
	reporter.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				r.report()
			case <-interrupted:
				r.report()
				exit(130) // as a shell says it
			case <-done:
				return
			}
		}
	})
	t.Cleanup(func() {
		close(done)
		reporter.Wait()
		r.report()
	})
	return r
}

// Over reports whether nothing new is to begin, because the time is over.
func (r *Run) Over() bool { return r.limit > 0 && time.Since(r.begun) >= r.limit }

// Add counts n more of what key says, a word of letters and hyphens.
func (r *Run) Add(key string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.counts[key]; !ok {
		r.keys = append(r.keys, key)
	}
	r.counts[key] += int64(n)
}

// Note logs a text about the run, such as its first seed, once.
func (r *Run) Note(key, text string) {
	r.t.Helper()
	r.t.Logf("ledger: %s=%q", key, text)
}

// Fail fails the test, because of a fault that again shows once more.
func (r *Run) Fail(again string, err error) {
	r.t.Helper()
	r.t.Errorf("%s: %v", again, err)
	first, _, _ := strings.Cut(err.Error(), "\n")
	r.Note("failure", again+": "+first)
}

// report logs what was counted since the last time. Keys that were used keep
// their places, so that a count of 0 is said as well.
func (r *Run) report() {
	r.mu.Lock()
	defer r.mu.Unlock()
	var line strings.Builder
	for _, key := range r.keys {
		fmt.Fprintf(&line, " %s=%d", key, r.counts[key])
		r.counts[key] = 0
	}
	if line.Len() > 0 {
		r.t.Logf("ledger:%s", line.String())
	}
}
