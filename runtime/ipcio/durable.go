package ipcio

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// defaultDeliveries is what ClientConfig.MaxDeliveries is if it is zero.
const defaultDeliveries = 5

// A DeadLetter is an event that was delivered to one server after another, each
// of which ended before it had handled it.
//
// A server counts once, when the client meets another one: if it was connected
// to this client with the event on its way, or perhaps on its way, and neither
// acknowledged it nor said goodbye. How often the connection was lost or the
// client was started again in the life of a server does not matter, nor does a
// server that gave the session up and lives on. When a server ends, every event
// on its way to it is suspected; from then on suspects are sent one at a time,
// until each is handled, so that the next time the one that did it is known.
type DeadLetter struct {
	To         string // the client it was for; "" if it was for the server
	ToID       string // that client's session, if the event answered one
	Command    string
	Payload    Any
	Broadcast  bool
	Deliveries int // servers that ended with it
}

// A keeper is what a durable client's link has beside the others: it hands the
// session's messages to an [OutboxLog] and its word back to the session. Its
// fields are guarded by link.mu.
type keeper struct {
	log     OutboxLog
	state   OutboxState // what was saved last
	with    meeting     // whom the session's incarnation is with
	met     bool        // a connection is not saved yet
	waiting []storing
	closed  bool // log is, or about to be
}

// A meeting says whom a client is connected to.
type meeting struct{ incarnation, epoch [16]byte }

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
			Acked: held.State.Acked, OldTo: held.State.OldTo, SentTo: held.State.SentTo, NowTo: held.State.NowTo, Farewell: held.State.Farewell,
			Suspects: session.Suspects{Head: held.State.Suspect, To: held.State.SuspectTo, Count: int(held.State.Deliveries)},
		},
	}
	if held.State.Connected {
		kept.SentTo, kept.NowTo = wire.MaxNumber, wire.MaxNumber
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
		k := &keeper{log: log, with: meeting{held.State.Incarnation, held.State.Epoch}}
		l.keeper = k
		k.save(l.core, false)
		c.core.Token, c.core.Attempt = held.Token, uint64(held.Generation)<<32
		c.core.Succeed(known(held.State.Incarnation), known(held.State.Epoch), randomID())
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

// known returns an id as a slice, or nil if it is zero.
func known(id [16]byte) []byte {
	if id == (wire.ID{}) {
		return nil
	}
	return id[:]
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
func (k *keeper) save(core *session.Session, connected bool) {
	p := core.Progress()
	k.state = OutboxState{
		Incarnation: k.with.incarnation, Epoch: k.with.epoch, Connected: connected, Farewell: p.Farewell && !connected,
		Acked: p.Acked, SentTo: p.SentTo, OldTo: p.OldTo, NowTo: p.NowTo,
		Suspect: p.Suspects.Head, SuspectTo: p.Suspects.To, Deliveries: uint32(p.Suspects.Count),
	}
	k.log.Save(k.state)
}

// remember has it stored that a durable client is connected, and to whom. It
// comes last, when the messages can be written, and before any is: the next
// process must know what may have been, and takes all of it to have been.
func (c *Client) remember(ctx context.Context) error {
	l := c.link
	l.mu.Lock()
	k := l.keeper
	if k == nil {
		l.mu.Unlock()
		return nil
	}
	if l.leaving || l.ended { // what the end has saved holds
		l.mu.Unlock()
		return ErrClosed
	}
	k.met = true
	l.unlock() // the numbers are changed first: see follow
	if err := k.log.Sync(ctx); err != nil {
		return fmt.Errorf("the outbox: %w", err)
	}
	return nil
}

// carryOut does what the session asks of the log, in the order it asked.
func (k *keeper) carryOut(a session.Action) {
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
	if k.met {
		k.met = false
		k.save(core, true)
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
