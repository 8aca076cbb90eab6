package session

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A durable session outlives the process of the side that sends: its events
// and broadcast requests are also kept by somebody else, the keeper, who gives
// them to the session of the next process. The other side knows messages by
// their numbers, so a message must have the same number then. It therefore gets
// its number when it is accepted, not when it is first written, and the keeper
// stores the number with it. A call is never kept, because its caller ends with
// the process, but it takes a number as well: what is accepted is written in
// the order of acceptance. What is given up before it is written leaves a hole,
// which a skip fills when its turn comes.

// Stored is a message that the keeper has.
type Stored struct {
	Number  uint64
	Message Message
}

// Progress is what the keeper knows, beside the messages, of how far they have
// come.
type Progress struct {
	Acked    uint64 // the last number that was acknowledged, or an earlier one
	OldTo    uint64 // numbers up to this one may have been written in an earlier incarnation
	SentTo   uint64 // no higher number was written; MaxNumber if that is not known
	NowTo    uint64 // no higher number was written in the incarnation that was last; MaxNumber if that is not known
	Farewell bool   // the other side has said goodbye; what it had not started counts as not written
	Suspects Suspects
}

// Kept is what the keeper knows of a session whose process ended.
type Kept struct {
	Progress
	Messages []Stored // above Acked, in the order of their numbers
}

// Suspects are the messages during whose handling the other side may have
// died: those up to number To. All were delivered once, the one with number
// Head, which is the first of them, Count times.
type Suspects struct {
	Head, To uint64
	Count    int
}

// mostHoles bounds the numbers that the other side may have received from the
// process before, beyond the last one that is known here.
const mostHoles = 1 << 24

// Restore begins a durable session with what the keeper has. It is called once,
// before everything else. It fails if the numbers cannot be true.
func (s *Session) Restore(k Kept) error {
	last := k.Acked
	for i := range k.Messages {
		n := k.Messages[i].Number
		if n <= last || n-last > mostHoles || n > wire.MaxNumber {
			return fmt.Errorf("session: a stored message with number %d follows number %d", n, last)
		}
		last = n
	}
	sentTo := max(k.SentTo, k.Acked)
	if k.SentTo >= wire.MaxNumber {
		sentTo = last
	}
	o := &s.out[wire.S]
	o.acked, o.cursor, o.next = k.Acked, k.Acked+1, sentTo+1
	for i := range k.Messages {
		m := &k.Messages[i]
		e := o.entry()
		e.set(&m.Message)
		e.durable, e.number, e.old = true, m.Number, m.Number <= k.OldTo
		s.stamp++
		e.stamp = s.stamp
		if k.Suspects.Count > 0 && m.Number <= k.Suspects.To {
			e.deliveries = 1
			if m.Number <= k.Suspects.Head {
				e.deliveries = k.Suspects.Count
			}
		}
		o.next = max(o.next, m.Number+1)
		o.bytes += e.size
		o.frames++
		if m.Number > sentTo {
			o.queue.push(e)
			continue
		}
		// Suspects are written one at a time: of several, only the first has been.
		e.sent = m.Number <= k.NowTo && (e.deliveries == 0 || m.Number == k.Messages[0].Number)
		for o.last()+1 < m.Number {
			o.flight.push(s.hole())
		}
		o.flight.push(e)
	}
	s.stored = s.stamp
	s.unsent, s.restored, s.farewell = sentTo+1, true, k.Farewell
	s.bury()
	return nil
}

// hole stands for numbers of messages that are gone. One entry serves for all.
func (s *Session) hole() *entry {
	if s.gone == nil {
		s.gone = &entry{skip: true}
	}
	return s.gone
}

// rejoin takes over a session that goes on at the other side from the process
// that had it before.
func (s *Session) rejoin(peer Positions) error {
	if err := s.catchUp(peer); err != nil {
		return err
	}
	s.out[wire.R].acked, s.out[wire.R].cursor = peer.RRx, peer.RRx+1
	s.rx = [2]uint64{max(peer.SFirst, 1) - 1, max(peer.RFirst, 1) - 1}
	s.told = s.rx
	s.done, s.started = s.rx[wire.S], s.rx[wire.S]
	return nil
}

// catchUp makes numbers known that the other side received from the process
// before.
func (s *Session) catchUp(peer Positions) error {
	o := &s.out[wire.S]
	if peer.SRx < o.acked {
		return violation("number %d of sequence %d was acknowledged and never received", o.acked, wire.S)
	}
	if peer.SRx > o.last()+mostHoles {
		return violation("the other side received number %d of sequence %d, of which only %d are known here", peer.SRx, wire.S, o.next-1)
	}
	if peer.SRx >= s.unsent {
		// Calls that were made when there was a connection last had numbers that
		// were given to others since. Those have never been written: their numbers
		// are changed.
		by, kept := peer.SRx+1-s.unsent, false
		for i := range o.queue.len() {
			e := o.queue.at(i)
			e.number += by
			kept = kept || e.durable
		}
		o.next += by
		if kept {
			s.act(Action{Kind: ActionRenumber, From: s.unsent, By: by})
		}
	}
	for o.last() < peer.SRx {
		o.flight.push(s.hole())
	}
	return nil
}

// PeerRestarted says that the process at the other side is another one now,
// which goes on with the same session. [Session.Adopt] follows. What was on its
// way to the former one may have been handled there.
func (s *Session) PeerRestarted() {
	s.forsake(0)
	for seq := range s.out {
		flight := &s.out[seq].flight
		for i := range flight.len() {
			e := flight.at(i)
			e.old = e.old || !e.fresh
		}
	}
	r := &s.out[wire.R]
	for _, waiting := range []*ring[*entry]{&r.flight, &r.queue} {
		for i := range waiting.len() {
			if e := waiting.at(i); e.frame.Kind != wire.KindNack {
				s.dropAnswer(r, e)
			}
		}
	}
	r.sweep()
	for _, in := range s.servingInOrder() {
		in.canceled = true
		s.act(Action{Kind: ActionCancel, In: in})
	}
}

// Stored says that the keeper has everything that was accepted up to the given
// mark, or that it has refused all that it had not confirmed before. What it
// has not confirmed is not written; what it refused never was accepted.
func (s *Session) Stored(mark uint64, refused bool) {
	o := &s.out[wire.S]
	for i := o.queue.len() - 1; refused && i >= 0; i-- {
		e := o.queue.at(i)
		if e.stamp <= s.stored {
			break
		}
		if e.durable && e.stamp <= mark {
			o.void(e)
		}
	}
	s.stored = max(s.stored, mark)
	if refused {
		s.act(Action{Kind: ActionRoom})
	}
}

// held reports whether an entry waits for its keeper.
func (s *Session) held(e *entry) bool { return e.durable && e.stamp > s.stored }

// Progress returns how far the messages have come.
func (s *Session) Progress() Progress {
	o := &s.out[wire.S]
	p := Progress{Acked: o.acked, SentTo: o.acked, Farewell: s.farewell}
	if s.restored {
		p.SentTo = s.unsent - 1
	}
	for i := range o.flight.len() {
		e := o.flight.at(i)
		n := o.acked + 1 + uint64(i)
		if (e.sent || e.old) && !e.fresh {
			p.SentTo = max(p.SentTo, n)
		}
		if e.sent && !e.skip { // all holes are one entry
			p.NowTo = n
		}
		if e.old {
			p.OldTo = n
		}
		if e.deliveries > 0 && !e.skip {
			if p.Suspects.Count == 0 {
				p.Suspects.Head, p.Suspects.Count = n, e.deliveries
			}
			p.Suspects.To = n
		}
	}
	return p
}

// Acked returns the last number of S that is acknowledged.
func (s *Session) Acked() uint64 { return s.out[wire.S].acked }

// accuse counts what had been delivered when the other side died without a
// word, and gives up what was delivered too often. An other side that lives and
// has only given the session up was killed by nothing.
func (s *Session) accuse() {
	if s.cfg.Deliveries == 0 {
		return
	}
	o := &s.out[wire.S]
	for i := range o.flight.len() {
		e := o.flight.at(i)
		if e.sent && !e.fresh && !s.farewell && !s.spared && e.accusable() {
			e.deliveries++
		}
		e.sent = false
	}
	s.bury()
}

func (e *entry) accusable() bool {
	return !e.skip && (e.frame.Kind == wire.KindEvent || e.frame.Kind == wire.KindBroadcast)
}

// bury gives up what was delivered too often.
func (s *Session) bury() {
	if s.cfg.Deliveries == 0 {
		return
	}
	o := &s.out[wire.S]
	for i := range o.flight.len() {
		e := o.flight.at(i)
		if e.skip || e.deliveries < s.cfg.Deliveries {
			continue
		}
		s.act(Action{Kind: ActionDead, Dead: &Dead{
			Number: o.acked + 1 + uint64(i), Deliveries: e.deliveries,
			Peer: e.frame.Peer, Command: e.frame.Command, Payload: e.frame.Payload, Broadcast: e.frame.Kind == wire.KindBroadcast,
		}})
		o.void(e)
	}
	s.act(Action{Kind: ActionRoom})
}

// Dead is a message that was delivered as often as the configuration allows,
// and each time the other side died before it was done.
type Dead struct {
	Number     uint64
	Deliveries int
	Peer       *wire.Peer
	Command    string
	Payload    []byte
	Broadcast  bool
}

// alone reports whether e may be written only when nothing else is on its way,
// because it, or what was written before it, is suspected of having killed the
// other side: so it is known the next time which one did.
func (s *Session) alone(o *outbox, e *entry) bool {
	if s.cfg.Deliveries == 0 {
		return false
	}
	before := o.flight.at(int(o.cursor - o.acked - 2))
	return e.deliveries > 0 || before.deliveries > 0
}

// forget tells the keeper that a message was given up.
func (s *Session) forget(e *entry, number uint64) {
	if e.durable {
		s.act(Action{Kind: ActionForget, From: number})
	}
}

// forsake ends the calls that were on their way to a process that is gone, but
// for those that may be made again: under another number if it will not be taken
// again.
func (s *Session) forsake(taken uint64) {
	for _, c := range s.sentCalls() {
		if e := c.entry; e != nil && e.fresh {
			continue // never started: sent again with its number
		}
		if c.repeat && !c.canceled {
			s.repeat(c, taken)
			continue
		}
		s.end(c, Result{Code: "outcome_unknown", Message: "the other side was restarted while the call was on its way", Outcome: wire.OutcomeUnknown})
	}
}

// SortStored sorts messages by number and drops those with a number that an
// earlier one has.
func SortStored(messages []Stored) []Stored {
	slices.SortStableFunc(messages, func(a, b Stored) int { return cmp.Compare(a.Number, b.Number) })
	return slices.CompactFunc(messages, func(a, b Stored) bool { return a.Number == b.Number })
}
