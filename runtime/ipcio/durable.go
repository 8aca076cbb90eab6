package ipcio

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// poisonDeliveries is after how many deliveries a message is a dead letter, if
// the server died each time.
const poisonDeliveries = 5

// A DeadLetter is an event that was delivered again and again, each time to a
// server that died before it had handled it.
// What a server had when it gave the session up and lived on is not counted, as
// far as this process has met that server.
type DeadLetter struct {
	To         string // the client it was for; "" if it was for the server
	ToID       string // that client's session, if the event answered one
	Command    string
	Payload    Any
	Broadcast  bool
	Deliveries int
}

// A keeper is what a durable client's link has beside the others: it hands the
// session's messages to an [OutboxLog] and its word back to the session. Its
// fields are guarded by link.mu.
type keeper struct {
	log     OutboxLog
	state   OutboxState // what was saved last
	met     []byte      // the incarnation of a connection that is not saved yet, or nil
	waiting []storing
	closed  bool // log is, or about to be
}

// A storing is an Emit that waits for its message to be stored.
type storing struct {
	mark uint64
	done chan error // capacity 1
}

// openOutbox gives the client what its outbox holds.
func (c *Client) openOutbox() error {
	log, err := c.cfg.Outbox.Open(c.cfg.Domain, c.cfg.Name, c.link.stored)
	if err != nil {
		return fmt.Errorf("ipcio: open the outbox: %w", err)
	}
	held := log.Recovered()
	kept := session.Kept{
		Progress: session.Progress{
			Acked: held.State.Acked, OldTo: held.State.OldTo, SentTo: held.State.SentTo, Farewell: held.State.Farewell,
			Suspects: session.Suspects{Head: held.State.Suspect, To: held.State.SuspectTo, Count: int(held.State.Deliveries)},
		},
		Met: held.State.Connected || held.State.SentTo > held.State.Acked,
	}
	if held.State.Connected {
		kept.SentTo = wire.MaxNumber
	}
	var parser wire.Parser
	for _, m := range held.Messages {
		message, err := parseStored(&parser, m.Frame)
		if err != nil {
			held.Damage = append(held.Damage, fmt.Errorf("ipcio: message %d of the outbox: %w", m.Number, err))
			log.Forget(m.Number)
			continue
		}
		kept.Messages = append(kept.Messages, session.Stored{Number: m.Number, Message: *message})
	}
	l := c.link
	l.mu.Lock()
	err = l.core.Restore(kept)
	if err == nil {
		k := &keeper{log: log}
		l.keeper = k
		k.save(l.core, held.State.Incarnation, false)
		c.core.Token, c.core.Attempt = held.Token, uint64(held.Generation)<<32
		var incarnation []byte
		if held.State.Incarnation != (wire.ID{}) {
			incarnation = held.State.Incarnation[:]
		}
		c.core.Succeed(incarnation, randomID())
	}
	l.unlock()
	if err != nil {
		return errors.Join(fmt.Errorf("ipcio: open the outbox: %w", err), log.Close())
	}
	for _, err := range held.Damage {
		c.report(Gap{Reason: GapDamaged, Err: err})
	}
	return nil
}

// closeOutbox has everything written and lets go of the outbox. The link has
// ended.
func (c *Client) closeOutbox() error {
	c.link.mu.Lock()
	k := c.link.keeper
	if k == nil {
		c.link.mu.Unlock()
		return nil
	}
	k.closed = true
	c.link.mu.Unlock()
	return k.log.Close()
}

// parseStored reads the frame of a stored message. It keeps nothing of it.
func parseStored(parser *wire.Parser, frame []byte) (*session.Message, error) {
	content, n, err := wire.Split(frame, uint64(len(frame)))
	if err != nil {
		return nil, err
	}
	var f wire.Frame
	if err := parser.Parse(content, &f); err != nil {
		return nil, err
	}
	if n != len(frame) || f.Kind != wire.KindEvent && f.Kind != wire.KindBroadcast {
		return nil, &wire.MalformedError{Kind: f.Kind, Reason: "not a message that is stored"}
	}
	return &session.Message{Kind: f.Kind, Flags: f.Flags, Peer: f.Peer, Command: f.Command, Payload: slices.Clone(f.Payload)}, nil
}

// save tells the log how far the messages have come.
func (k *keeper) save(core *session.Session, incarnation [16]byte, connected bool) {
	p := core.Progress()
	k.state = OutboxState{
		Incarnation: incarnation, Connected: connected, Farewell: p.Farewell && !connected,
		Acked: p.Acked, SentTo: p.SentTo, OldTo: p.OldTo,
		Suspect: p.Suspects.Head, SuspectTo: p.Suspects.To, Deliveries: uint32(p.Suspects.Count),
	}
	k.log.Save(k.state)
}

// carryOut does what the session asks of the log, in the order it asked.
func (k *keeper) carryOut(a *session.Action) {
	switch a.Kind {
	case session.ActionForget:
		k.log.Forget(a.From)
	case session.ActionRenumber:
		k.log.Renumber(a.From, a.By)
	}
}

// follow tells the log of a new connection, and of what is acknowledged. The log
// knows what the session asked of it: a state that says that all messages may
// have been written must not be on the disk before the change of numbers that
// keeps one which was not from having a number that the server received.
func (k *keeper) follow(core *session.Session) {
	if k.met != nil {
		k.save(core, [16]byte(k.met), true)
		k.met = nil
	}
	if n := core.Acked(); n > k.state.Acked {
		k.state.Acked = n
		k.log.Save(k.state)
	}
}

// append hands a message to the log, which tells link.stored when it has it.
func (k *keeper) append(m *session.Message) chan error {
	done := make(chan error, 1)
	k.waiting = append(k.waiting, storing{m.Mark, done})
	k.log.Append(m.Mark, m.Number, wire.Append(nil, &wire.Frame{
		Kind: m.Kind, Number: m.Number, Flags: m.Flags, Peer: m.Peer, Command: m.Command, Payload: m.Payload,
	}))
	return done
}

// stored is told by the log that everything up to a mark is stored, or that
// what it has not confirmed before is not.
func (l *link) stored(mark uint64, err error) {
	l.mu.Lock()
	l.core.Stored(mark, err != nil)
	k := l.keeper
	n := 0
	for n < len(k.waiting) && k.waiting[n].mark <= mark {
		k.waiting[n].done <- err
		n++
	}
	if k.waiting = slices.Delete(k.waiting, 0, n); len(k.waiting) == 0 {
		k.waiting = nil
	}
	l.unlock()
}

// awaitStored waits until a message is stored.
func (l *link) awaitStored(ctx context.Context, done chan error) (Outcome, error) {
	select {
	case err := <-done:
		if errors.Is(err, ErrQueueFull) {
			return OutcomeNotSent, err
		}
		return OutcomeUnknown, err // who knows what a disk holds that has failed
	case <-ctx.Done():
		return OutcomeUnknown, fmt.Errorf("%w while the message was being stored: %w", ctx.Err(), ErrOutcomeUnknown)
	}
}

// dead tells the program of a dead letter. It is on the disk until the program
// has it.
func (c *Client) dead(d session.Dead) {
	letter := DeadLetter{Command: d.Command, Payload: Any(d.Payload), Broadcast: d.Broadcast, Deliveries: d.Deliveries}
	if d.Peer != nil {
		letter.To = d.Peer.Name
		if d.Peer.ID != (wire.ID{}) {
			letter.ToID = fmt.Sprintf("%x", d.Peer.ID[:])
		}
	}
	c.ep.log.warn("a message is given up: each time it was delivered the server died before it had handled it",
		"command", d.Command, "deliveries", d.Deliveries)
	forget := func() {
		c.link.mu.Lock()
		if k := c.link.keeper; k != nil && !k.closed {
			k.log.Forget(d.Number)
		}
		c.link.mu.Unlock()
	}
	if f := c.cfg.OnDeadLetter; f != nil {
		c.ep.notify.postDead(func() { f(letter); forget() })
		return
	}
	c.report(Gap{From: d.Number, To: d.Number, Count: 1, Commands: []string{d.Command}, Reason: GapPoisoned})
	forget()
}
