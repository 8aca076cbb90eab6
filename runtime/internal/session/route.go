package session

import (
	"errors"
	"fmt"

	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// Last returns the number of the latest broadcast.
func (d *Domain) Last() uint64 {
	d.logMu.Lock()
	defer d.logMu.Unlock()
	return d.log.Last()
}

// Expire drops broadcasts that are too old.
func (d *Domain) Expire(now int64) {
	d.logMu.Lock()
	defer d.logMu.Unlock()
	d.log.Expire(now)
}

// Publish adds a broadcast that all members but origin will get; a zero origin
// is the server itself.
func (d *Domain) Publish(f *wire.Frame, origin wire.ID, now int64) {
	d.logMu.Lock()
	d.log.Append(f, origin, now)
	d.logMu.Unlock()
	d.cfg.Published()
}

// Route takes a message of Next that origin sends to another client, or to all.
// An event or a broadcast is done when Route returns: the other session has it
// in its queue, or it was refused; then origin is told, and the refusal is
// returned. No Guard is held.
func (d *Domain) Route(origin *Member, in *Incoming, now int64) *Refusal {
	if in.Kind == wire.KindBroadcast {
		d.Publish(&wire.Frame{
			Kind: wire.KindBroadcast, Flags: in.Flags, Peer: origin.Sender, Command: in.Command, Payload: in.Payload,
		}, origin.ID, now)
		return nil
	}
	var target *Member
	if in.Peer.ID != (wire.ID{}) {
		target = d.byID(in.Peer.ID)
	} else {
		target = d.ByName(in.Peer.Name)
	}
	switch {
	case target != nil:
	case in.Peer.Name == "":
		return refuse(origin, in, "", &Refusal{"peer_gone", "the session of that client was given up"})
	default:
		return refuse(origin, in, in.Peer.Name, &Refusal{"unknown_client", fmt.Sprintf("there is no client %q", in.Peer.Name)})
	}
	m := &Message{
		Kind: in.Kind, Flags: in.Flags & wire.Redelivered, Peer: origin.Sender, Command: in.Command, Payload: in.Payload,
	}
	if in.Kind == wire.KindCall {
		return relayCall(origin, target, in, m)
	}
	m.Origin = Origin{Session: origin.ID, Number: in.Number}
	target.Guard.Lock()
	err := target.Core.Emit(m)
	target.Guard.Commit()
	if err != nil {
		return refuse(origin, in, target.Name, refusalOf(err))
	}
	return nil
}

// refusalOf is what the sender of a relayed message is told.
func refusalOf(err error) *Refusal {
	var size *SizeError
	switch {
	case errors.Is(err, ErrQueueFull), errors.Is(err, ErrBudget):
		return &Refusal{"queue_full", "the queue of the other client is full"}
	case errors.Is(err, ErrNoSlot):
		return &Refusal{"unavailable", "as many calls are in flight to the other client as it takes"}
	case errors.As(err, &size):
		return &Refusal{"too_large", fmt.Sprintf("the message needs a frame of %d bytes, the limit of the other client is %d", size.Size, size.Limit)}
	}
	return &Refusal{"peer_gone", "the session of that client was given up"}
}

func refuse(origin *Member, in *Incoming, peer string, r *Refusal) *Refusal {
	origin.Guard.Lock()
	if in.Kind == wire.KindCall {
		origin.Core.Fail(in, r.Code, r.Message, wire.OutcomeNotHandled, nil)
	} else {
		origin.Core.NackFor(in, peer, r.Code, r.Message)
	}
	origin.Guard.Commit()
	return r
}

// A Relayed is a call on its way from one client to another: the Tag of the
// outgoing call at its target, and of the incoming one at its origin.
type Relayed struct {
	from, to *Member
	in       *Incoming
	call     *Call // guarded by to's Guard
}

func relayCall(from, to *Member, in *Incoming, m *Message) *Refusal {
	r := &Relayed{from: from, to: to, in: in}
	m.Tag, m.Nested, m.Deadline = r, in.Ref.Nested(), in.Deadline
	to.Guard.Lock()
	var err error
	r.call, err = to.Core.Call(m)
	to.Guard.Commit()
	if err != nil {
		return refuse(from, in, to.Name, refusalOf(err))
	}
	from.Guard.Lock()
	in.Tag = r
	canceled := in.Canceled()
	from.Guard.Unlock()
	if canceled {
		r.CancelCall()
	}
	return nil
}

// CancelCall passes on that the caller does not wait any more. No Guard is
// held.
func (r *Relayed) CancelCall() {
	r.to.Guard.Lock()
	r.to.Core.Cancel(r.call)
	r.to.Guard.Commit()
}

// Resolve passes on the outcome of c, which ActionResolve told of. No Guard is
// held.
func (r *Relayed) Resolve(c *Call) {
	core := r.from.Core
	r.from.Guard.Lock()
	defer r.from.Guard.Commit()
	res := &c.Result
	if res.OK {
		core.Reply(r.in, res.Payload)
		return
	}
	outcome, code := res.Outcome, res.Code
	if outcome == wire.OutcomeNotSent {
		outcome = wire.OutcomeNotHandled
	}
	if code == "" || code == "closed" {
		code = "peer_gone"
	}
	core.Fail(r.in, code, res.Message, outcome, res.Payload)
}

// Returned tells the sender of a relayed event that peer refused it, or that it
// was given up after all. No Guard is held.
func (d *Domain) Returned(peer string, g Gap) {
	origin := d.byID(g.Origin.Session)
	if origin == nil {
		return
	}
	code, message := "peer_gone", "the other client is gone"
	var data []byte
	switch {
	case g.Nack:
		code, message, data = g.Code, g.Message, g.Data
	case g.Dropped:
		code, message = "queue_full", "dropped to make room for newer messages"
	case g.Code == "too_large":
		code, message = g.Code, g.Message
	}
	origin.Guard.Lock()
	origin.Core.NackNumber(g.Origin.Number, peer, g.Command, code, message, data)
	origin.Guard.Commit()
}
