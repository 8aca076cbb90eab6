package ipcio

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/ipcio/ipcio-go/runtime/internal/session"
)

// A fanout has broadcasts written to all clients. One goroutine that exists only
// while there is something to write goes from lane to lane and writes what each
// socket takes; whatever was published meanwhile leaves with its next round. So a
// broadcast wakes one goroutine, not one for each client, and the more there is
// to write, the more goes into one write. A client whose socket is full is left
// to the writer of its lane, so nobody waits for it.
type fanout struct {
	mu      sync.Mutex // guards the fields below
	running bool
	again   bool // something was published since the round began
	ended   bool
}

// laneShare is for how many clients a round takes another goroutine to help.
const laneShare = 256

// published has the latest broadcast written.
func (s *Server) published() {
	f := &s.fanout
	f.mu.Lock()
	defer f.mu.Unlock()
	f.again = true
	if !f.running && !f.ended {
		f.running = true
		s.ep.owned.Go(s.fanOut)
	}
}

func (s *Server) fanOut() {
	f := &s.fanout
	for {
		f.mu.Lock()
		if !f.again || f.ended {
			f.running = false
			f.mu.Unlock()
			return
		}
		f.again = false
		f.mu.Unlock()
		s.round()
	}
}

// round writes to all clients once.
func (s *Server) round() {
	members := s.domain.Members()
	var next atomic.Int64
	work := func() {
		for i := next.Add(1); i <= int64(len(members)); i = next.Add(1) {
			flushDomain(members[i-1])
		}
	}
	var helpers sync.WaitGroup
	for range min(len(members)/laneShare, runtime.GOMAXPROCS(0)/2-1) {
		helpers.Go(work)
	}
	work()
	helpers.Wait()
}

func flushDomain(m *session.Member) {
	ss := m.Owner.(*serverSession)
	ss.link.mu.Lock()
	domain := ss.domain
	ss.link.mu.Unlock()
	if domain != nil {
		domain.flush()
	}
}

// end says that nothing more is to be written.
func (f *fanout) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
}
