package ipcio

import (
	"fmt"
	"testing"
)

// held returns a notifier whose callbacks are stuck in the first call, and a
// function that releases them and returns when all have run.
func held(t *testing.T) (n *notifier, release func()) {
	t.Helper()
	n = new(notifier)
	entered, free := make(chan struct{}), make(chan struct{})
	n.postState(StateConnecting, func(State) { close(entered); <-free })
	<-entered
	return n, func() {
		idle := make(chan struct{})
		n.mu.Lock()
		n.appendLocked(notice{onState: func(State) { close(idle) }})
		n.mu.Unlock()
		close(free)
		<-idle
	}
}

// Behind a slow callback states are not kept without end, and the last one is
// told.
func TestStatesBehindASlowCallback(t *testing.T) {
	n, release := held(t)
	var told []State
	const posted = 3*mostNotices + 1
	for i := range posted {
		n.postState([]State{StateConnected, StateConnecting}[i%2], func(s State) { told = append(told, s) })
	}
	n.postGap(Gap{Reason: GapDropped}, func(Gap) { told = append(told, 0xff) })
	n.postState(StateClosed, func(s State) { told = append(told, s) })
	if len(n.waiting) != mostNotices+1 {
		t.Errorf("%d notices wait", len(n.waiting))
	}
	release()
	if len(told) != mostNotices+1 {
		t.Fatalf("%d states were told", len(told))
	}
	for i, s := range told[:mostNotices-1] {
		if want := []State{StateConnected, StateConnecting}[i%2]; s != want {
			t.Fatalf("state %d is %v, not %v", i, s, want)
		}
	}
	if last := told[mostNotices-1]; last != StateClosed {
		t.Errorf("the last state that was told is %v", last)
	}
}

// Whatever codes the other side makes up, gaps are counted and bounded.
func TestGapsBehindASlowCallback(t *testing.T) {
	n, release := held(t)
	told, calls := map[GapReason]uint64{}, 0
	tell := func(g Gap) { told[g.Reason] += g.Count; calls++ }
	const posted = 5 * mostNotices
	for i := range posted {
		reason, err := GapRefused, &RemoteError{Code: fmt.Sprint(i)}
		if i%2 > 0 {
			reason = GapTooLarge
		}
		n.postGap(Gap{Reason: reason, Client: fmt.Sprint(i % 3), Count: 1, Err: err}, tell)
	}
	if len(n.waiting) > 2*mostNotices+2 {
		t.Errorf("%d notices wait", len(n.waiting))
	}
	release()
	if told[GapRefused] != posted/2 || told[GapTooLarge] != posted/2 || calls > 2*mostNotices+2 {
		t.Errorf("%v of %d gaps were told, in %d calls", told, posted, calls)
	}
}
