//go:build linux || darwin || freebsd

package sock

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// raceTime is how long each race runs. With -race.time=10m it is a soak.
var raceTime = flag.Duration("race.time", 1500*time.Millisecond, "how long starters race for a domain, per race test")

const starters = 8

// TestRaceGoroutines and TestRaceProcesses let many starters fight for one domain, where each owner closes at once and so
// unlinks the lock file under the others' hands. At any time at most one may own it, and the owner is the one reached.
func TestRaceGoroutines(t *testing.T) {
	dir := tempDir(t)
	until := time.Now().Add(*raceTime)
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex // guards total
		total int
	)
	for range starters {
		wg.Go(func() {
			r := racer{dir: dir, domain: "x", marker: filepath.Join(dir, "marker"), until: until}
			if err := r.run(t.Context()); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			total += r.owned
		})
	}
	wg.Wait()
	afterRace(t, dir, total)
}

func TestRaceProcesses(t *testing.T) {
	dir := tempDir(t)
	until := time.Now().Add(*raceTime)
	args := []string{dir, "x", filepath.Join(dir, "marker"), strconv.FormatInt(until.UnixMilli(), 10)}
	var racers []*child
	for range starters {
		racers = append(racers, startChild(t, "race", args))
	}
	time.Sleep(time.Until(until))
	total := 0
	for _, r := range racers {
		var owned int
		r.result(t, &owned)
		total += owned
	}
	afterRace(t, dir, total)
}

func afterRace(t *testing.T, dir string, total int) {
	t.Helper()
	t.Logf("ledger: owners=%d", total)
	if total < starters {
		t.Errorf("only %d owners: too few to prove anything", total)
	}
	if left := entries(t, dir); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

// TestRaceAfterCrash starts many servers over what a killed one left: exactly one comes up.
func TestRaceAfterCrash(t *testing.T) {
	rounds := 0
	for until := time.Now().Add(*raceTime); rounds == 0 || time.Now().Before(until); rounds++ {
		dir := tempDir(t)
		crashed(t, dir, "x")
		var (
			wg        sync.WaitGroup
			start     = make(chan struct{})
			listeners [starters]*Listener
			errs      [starters]error
		)
		for i := range starters {
			wg.Go(func() {
				<-start
				listeners[i], errs[i] = Listen(t.Context(), dir, "x")
			})
		}
		close(start)
		wg.Wait()
		var owner *Listener
		for i, l := range listeners {
			switch {
			case l == nil && !errors.Is(errs[i], ErrInUse):
				t.Fatalf("round %d: %v", rounds, errs[i])
			case l != nil && owner != nil:
				t.Fatalf("round %d: two owners", rounds)
			case l != nil:
				owner = l
			}
		}
		if owner == nil {
			t.Fatalf("round %d: no owner", rounds)
		}
		serves(t, owner, dir, "x")
		must(t, owner.Close())
		if left := entries(t, dir); len(left) != 0 {
			t.Fatalf("round %d: left %v", rounds, left)
		}
	}
	t.Logf("ledger: rounds=%d starters=%d", rounds, rounds*starters)
}

// crashed leaves what a killed server leaves: an unlocked lock file and a socket on which nobody listens.
func crashed(t *testing.T, dir, domain string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(dir, domain+lockSuffix), nil, 0o600))
	deadSocket(t, filepath.Join(dir, domain+socketSuffix))
}

// TestLockOfAnUnlinkedFileDoesNotCount plays the one interleaving that makes removing a lock file dangerous, step by step:
// a starter opens the file, its holder removes it, another starter makes a new one.
func TestLockOfAnUnlinkedFileDoesNotCount(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	root, err := openDir(dir)
	must(t, err)
	defer root.Close()

	first, err := acquire(t.Context(), root, "x.lock")
	must(t, err)
	late, err := openLockFile(root, "x.lock")
	must(t, err)
	defer late.Close()
	// A child of the process between fork and exec has the holder's descriptor too. It must not keep the lock.
	inherited, err := syscall.Dup(int(first.file.Fd()))
	must(t, err)
	defer syscall.Close(inherited)
	must(t, first.release())
	second, err := acquire(t.Context(), root, "x.lock")
	must(t, err)

	// The late starter does get a lock, on a file that is no longer there.
	must(t, flock(late, syscall.LOCK_EX|syscall.LOCK_NB))
	info, err := late.Stat()
	must(t, err)
	if counts, err := leadsTo(root, "x.lock", info); counts || err != nil {
		t.Errorf("the lock of an unlinked file counts: %v, %v", counts, err)
	}
	// What it does next is to start over, and then it sees the second.
	if _, err := acquire(t.Context(), root, "x.lock"); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
	must(t, second.release())
	if left := entries(t, dir); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}
