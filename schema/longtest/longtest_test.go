package longtest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A log is a test that keeps what it was told.
type log struct {
	testing.TB
	mu       sync.Mutex // guards the fields below
	lines    []string
	failed   bool
	cleanups []func()
}

func (l *log) Helper() {}

func (l *log) Logf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *log) Errorf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = true
}

func (l *log) Cleanup(f func()) { l.cleanups = append(l.cleanups, f) }

func (l *log) end() string {
	for i := len(l.cleanups) - 1; i >= 0; i-- {
		l.cleanups[i]()
	}
	return strings.Join(l.lines, "\n")
}

func TestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{}
		r := begin(l, 0, nil, nil)
		r.Note("seed", "from 7")
		var workers sync.WaitGroup
		for range 4 {
			workers.Go(func() {
				for range 100 {
					r.Add("texts", 1)
				}
			})
		}
		workers.Wait()
		r.Add("refused", 0)
		time.Sleep(interval + time.Second) // of the bubble's clock
		r.Add("texts", 5)
		r.Fail("-seed=8", fmt.Errorf("wrong \"x\"\nand more"))
		if r.Over() {
			t.Error("it is over and has no limit")
		}
		const want = "ledger: seed=\"from 7\"\nledger: texts=400 refused=0\nledger: failure=\"-seed=8: wrong \\\"x\\\"\"\nledger: texts=5 refused=0"
		if got := l.end(); got != want || !l.failed {
			t.Errorf("failed %v, logged\n%s\nwant\n%s", l.failed, got, want)
		}
	})
}

func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{}
		r := begin(l, time.Hour, nil, nil)
		if r.Over() {
			t.Error("it is over at its beginning")
		}
		time.Sleep(time.Hour) // of the bubble's clock
		if !r.Over() {
			t.Error("it is not over at its limit")
		}
		if got := l.end(); got != "" {
			t.Errorf("nothing was counted, and logged: %s", got)
		}
	})
}

// TestInterrupted shows that a test which is interrupted says what it did.
func TestInterrupted(t *testing.T) {
	if os.Getenv("LONGTEST_CHILD") != "" {
		r := Begin(t, 0)
		r.Add("steps", 3)
		fmt.Println("ready")
		time.Sleep(time.Minute) // unless somebody comes
		t.Fatal("nobody came")
	}
	if os.PathSeparator != '/' {
		t.Skip("there are no signals to send")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestInterrupted$", "-test.v")
	cmd.Env = append(os.Environ(), "LONGTEST_CHILD=1")
	var out strings.Builder
	ready := make(chan struct{})
	cmd.Stdout = &until{to: &out, text: "ready\n", found: ready}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("it ended before it was interrupted: %v\n%s", err, out.String())
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; cmd.ProcessState.ExitCode() != 130 || !strings.Contains(out.String(), "ledger: steps=3\n") {
		t.Errorf("it ended with %v and said\n%s", err, out.String())
	}
}

// until closes a channel when a text has been written.
type until struct {
	to    *strings.Builder
	text  string
	found chan struct{}
	once  sync.Once
}

func (u *until) Write(p []byte) (int, error) {
	u.to.Write(p)
	if strings.Contains(u.to.String(), u.text) {
		u.once.Do(func() { close(u.found) })
	}
	return len(p), nil
}
