package ipcio

import (
	"errors"
	"slices"
	"sync"
)

// A notifier runs the program's callbacks one at a time, in order, on a
// goroutine that exists only while there are any.
type notifier struct {
	mu      sync.Mutex // guards the fields below
	waiting []notice
	running bool
}

// A notice is a state, a gap or a dead letter, and who is to be told.
type notice struct {
	dead    func()
	gap     *Gap
	onGap   func(Gap)
	state   State
	onState func(State)
}

func (n *notice) call() {
	if n.dead != nil {
		n.dead()
		return
	}
	if n.gap != nil {
		n.onGap(*n.gap)
		return
	}
	n.onState(n.state)
}

const (
	mostNotices     = 4096
	mostGapCommands = 16
)

// postState has f called with s. Behind a slow f the newest state takes the
// place of the last one that waits, so that whoever is told late still learns
// what holds, and what waits is bounded: by mostNotices and one.
func (n *notifier) postState(s State, f func(State)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.waiting) >= mostNotices {
		for i, w := range slices.Backward(n.waiting) {
			if w.onState != nil {
				n.waiting[i].state = s
				return
			}
		}
	}
	n.appendLocked(notice{state: s, onState: f})
}

// postDead has f called, however many notices wait already: for each of its
// kind a server has died several times.
func (n *notifier) postDead(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.appendLocked(notice{dead: f})
}

// postGap has f called with g. Behind a slow f, gaps of one kind are added up,
// so that none is lost. The kinds are as many as the other side makes: from
// twice as many on, only the reason counts. So what waits is bounded by twice
// mostNotices and one of each reason.
func (n *notifier) postGap(g Gap, f func(Gap)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.waiting) >= mostNotices {
		for _, w := range slices.Backward(n.waiting) {
			if w.gap != nil && w.gap.merge(&g, len(n.waiting) >= 2*mostNotices) {
				return
			}
		}
	}
	n.appendLocked(notice{gap: &g, onGap: f})
}

func (n *notifier) appendLocked(w notice) {
	n.waiting = append(n.waiting, w)
	if !n.running {
		n.running = true
		go n.run()
	}
}

func (n *notifier) run() {
	exited := true // by a callback that ended its goroutine, as testing.T.FailNow does
	defer func() {
		if exited {
			go n.run()
		}
	}()
	for {
		n.mu.Lock()
		if len(n.waiting) == 0 {
			n.running, n.waiting, exited = false, nil, false
			n.mu.Unlock()
			return
		}
		w := n.waiting[0]
		n.waiting = n.waiting[1:]
		n.mu.Unlock()
		w.call()
	}
}

// merge adds a later gap to g, if both tell of the same; with anyKind, if they
// have the same reason.
func (g *Gap) merge(later *Gap, anyKind bool) bool {
	if g.Reason != later.Reason {
		return false
	}
	if g.Client != later.Client || codeOf(g.Err) != codeOf(later.Err) {
		if !anyKind {
			return false
		}
		g.Client, g.Err = "", nil
	}
	if later.From == g.To+1 && g.From != 0 {
		g.To = later.To
	} else {
		g.From, g.To = 0, 0
	}
	g.Count += later.Count
	for _, command := range later.Commands {
		if len(g.Commands) < mostGapCommands && !slices.Contains(g.Commands, command) {
			g.Commands = append(g.Commands, command)
		}
	}
	return true
}

// codeOf returns the code of what the other side said, "" if err is not that.
func codeOf(err error) string {
	if e, ok := errors.AsType[*RemoteError](err); ok {
		return e.Code
	}
	return ""
}
