package session

import "sync/atomic"

// A Budget bounds a sum over many sessions. It may be used concurrently. A nil
// Budget has no bound.
type Budget struct {
	most int64
	used atomic.Int64
}

// NewBudget returns a Budget of at most so much.
func NewBudget(most int64) *Budget { return &Budget{most: most} }

// Used returns the sum.
func (b *Budget) Used() int64 { return b.used.Load() }

// fits reports whether n more would be within the bound. Several sessions that
// ask at once may each be told so.
func (b *Budget) fits(n int64) bool { return b == nil || b.used.Load()+n <= b.most }

func (b *Budget) add(n int64) {
	if b != nil {
		b.used.Add(n)
	}
}

// take adds n if that is within the bound.
func (b *Budget) take(n int64) bool {
	if b == nil {
		return true
	}
	if b.used.Add(n) > b.most {
		b.used.Add(-n)
		return false
	}
	return true
}

// Settle brings the budgets up to date and grants a larger window to an other
// side that fills the one it has, while its budget lasts. The caller calls it
// when it has carried out the actions.
func (s *Session) Settle() {
	if queued := int64(s.QueuedBytes()); queued != s.queued {
		s.cfg.Queues.add(queued - s.queued)
		s.queued = queued
	}
	if s.ended {
		s.cfg.Windows.add(-s.granted)
		s.granted = 0
		return
	}
	if !s.Pressed() {
		return
	}
	frames, bytes := s.Window()
	if frames >= s.cfg.MostWindowFrames && bytes >= s.cfg.MostWindowBytes {
		return
	}
	more := max(min(bytes, s.cfg.MostWindowBytes-bytes), 0)
	if !s.cfg.Windows.take(int64(more)) {
		return
	}
	s.granted += int64(more)
	s.Widen(min(2*frames, s.cfg.MostWindowFrames), bytes+more)
}
