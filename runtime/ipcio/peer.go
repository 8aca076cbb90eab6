package ipcio

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/ipcio/ipcio-go/runtime/codec"
	"github.com/ipcio/ipcio-go/runtime/internal/session"
	"github.com/ipcio/ipcio-go/runtime/internal/wire"
)

// A Peer is whoever sent a message: a client, or the server. It is small and
// may be copied, kept and used after the handler returned. It stands for a
// session, not for a name: when the session is given up its methods fail with
// [ErrPeerGone], even if another client has the name by then. Any number of
// goroutines may use it.
type Peer struct{ p *peer }

type peer struct {
	link  *link
	to    *wire.Peer // where its frames go; nil is the other side of the link
	name  string
	id    wire.ID
	creds Credentials
	known bool // creds are known
}

// Name returns the client's name; "" if the peer is the server.
func (p Peer) Name() string {
	if p.p == nil {
		return ""
	}
	return p.p.name
}

// ID returns the identifier of the peer's session: 32 hex digits that are
// never used again. For the server it changes when the server is restarted.
func (p Peer) ID() string {
	if p.p == nil {
		return ""
	}
	return hex.EncodeToString(p.p.id[:])
}

// Credentials returns what the kernel said of the peer's process when it
// connected; false if it is not known.
func (p Peer) Credentials() (Credentials, bool) {
	if p.p == nil {
		return Credentials{}, false
	}
	return p.p.creds, p.p.known
}

// Emit sends an event to the peer. See [Client.Emit].
func (p Peer) Emit(ctx context.Context, command string, data any) error {
	if err := p.valid(""); err != nil {
		return err
	}
	return p.emitTyped(ctx, "", command, p.p.link.ep.encoder(command, data))
}

// Call sends a call to the peer and waits for its reply. See [Client.Call].
// With the ctx of a handler of a call that this peer waits for, the call is
// nested: its handler starts at once, beside whatever is queued there.
func (p Peer) Call(ctx context.Context, command string, data any) (*Message, error) {
	if err := p.valid(""); err != nil {
		return nil, err
	}
	return p.p.link.ep.callDynamic(ctx, p, "", command, data)
}

func (p Peer) valid(to string) error {
	switch {
	case p.p == nil:
		return fmt.Errorf("ipcio: the zero Peer: %w", ErrPeerGone)
	case to != "":
		return errors.New("ipcio: a Peer sends to itself only")
	}
	return nil
}

func (p Peer) emitTyped(ctx context.Context, to, command string, enc Encoder) error {
	if err := p.valid(to); err != nil {
		return err
	}
	return p.p.link.emitTo(ctx, p.p.to, p.p.name, command, enc)
}

func (p Peer) callTyped(ctx context.Context, to, command string, enc Encoder, dec Decoder) error {
	if err := p.valid(to); err != nil {
		return err
	}
	return p.p.link.callTo(ctx, p.p.to, p.p.name, command, enc, dec)
}

func (p Peer) broadcastTyped(context.Context, string, Encoder) error {
	return errors.New("ipcio: a Peer cannot broadcast")
}

func (p Peer) handleTyped(string, runFunc) error {
	return errors.New("ipcio: a Peer has no handlers")
}

// label is the peer's name for reports.
func (p Peer) label() string {
	if n := p.Name(); n != "" {
		return n
	}
	return "server"
}

// encode appends the payload of a message to b. A nil enc makes the empty map.
func encode(b []byte, enc Encoder) ([]byte, error) {
	if enc == nil {
		return append(b, cborEmptyMap), nil
	}
	return enc.AppendCBOR(b)
}

// encoder encodes what a program sends without generated code, and checks it
// if the command is declared.
func (ep *endpoint) encoder(command string, data any) Encoder {
	return encodeFunc(func(b []byte) ([]byte, error) {
		start := len(b)
		b, err := appendValue(b, data)
		if err != nil {
			return b, err
		}
		if spec := ep.specs[command]; spec != nil && spec.Payload != nil {
			if err := spec.Payload.Check(b[start:]); err != nil {
				if invalid := codec.Invalid(command, err); invalid != nil {
					err = invalid
				}
				return b, err
			}
		}
		return b, nil
	})
}

// checkSend reports why a command cannot be sent from here: to clients, or from
// a client to the server.
func (ep *endpoint) checkSend(command string, toClients bool) error {
	if err := checkCommand(command); err != nil {
		return err
	}
	if spec := ep.specs[command]; spec != nil && !ep.maySend(spec.Direction, toClients) {
		e := &directionError{spec: spec, from: "a client", to: "the server"}
		if toClients {
			e.to = "clients"
		}
		if ep.route != nil {
			e.from = "the server"
		}
		return e
	}
	if ep.declared && ep.specs[command] == nil {
		return fmt.Errorf("%q is not declared, and the configuration says DeclaredOnly: %w", command, ErrNoHandler)
	}
	return nil
}

// maySend reports whether the schema lets this side send a command. One that
// was described without a direction may be sent by anyone.
func (ep *endpoint) maySend(d Direction, toClients bool) bool {
	switch d {
	case ClientToServer:
		return ep.route == nil && !toClients
	case ServerToClient:
		return ep.route != nil
	case Both:
		return ep.route != nil || !toClients
	case ClientToClient:
		return ep.route == nil && toClients
	}
	return true
}

// A directionError says that a command is not sent this way. It is [ErrDenied],
// as it is where the other side refuses it.
type directionError struct {
	spec     *CommandSpec
	from, to string
}

func (e *directionError) Error() string {
	return fmt.Sprintf("it is declared %s, so %s cannot send it to %s", e.spec.Direction, e.from, e.to)
}

func (e *directionError) Unwrap() error { return ErrDenied }

// prepare checks a command's name and direction and encodes its payload into a
// draft, to be released when the message was sent.
func (l *link) prepare(verb string, kind wire.Kind, command, to string, enc Encoder) (*draft, error) {
	err := l.ep.checkSend(command, l.ep.route != nil || to != "" || kind == wire.KindBroadcast)
	d := newDraft()
	if err == nil {
		d.buf, err = encode(d.buf[:0], enc)
	}
	if err != nil {
		d.release()
		if invalid, ok := errors.AsType[*ValidationError](err); ok && invalid.Command == "" {
			invalid.Command = command
		}
		return nil, &sendError{verb: verb, command: command, to: to, outcome: OutcomeNotSent, err: err}
	}
	d.message = session.Message{Kind: kind, Command: command, Payload: d.buf, Own: l.own}
	return d, nil
}

// emitTo sends an event over the link: to its other side, or through it to
// another client.
func (l *link) emitTo(ctx context.Context, to *wire.Peer, name, command string, enc Encoder) error {
	d, err := l.prepare("emit", wire.KindEvent, command, name, enc)
	if err != nil {
		return err
	}
	defer d.release()
	if l.ep.log.verbose {
		l.ep.log.op("emit", "command", command, "to", label(name), "bytes", len(d.buf))
	}
	d.message.Peer = to
	return l.post(ctx, "emit", &d.message, name)
}

func (l *link) callTo(ctx context.Context, to *wire.Peer, name, command string, enc Encoder, dec Decoder) error {
	d, err := l.prepare("call", wire.KindCall, command, name, enc)
	if err != nil {
		return err
	}
	defer d.release()
	if l.ep.log.verbose {
		l.ep.log.op("call", "command", command, "to", label(name), "bytes", len(d.buf))
	}
	d.message.Peer, d.message.Nested = to, isNested(ctx, l, to, l.ep.route != nil)
	d.message.Idempotent = l.ep.isIdempotent(command)
	reply, err := l.call(ctx, &d.message, name)
	if err != nil {
		return err
	}
	if dec == nil {
		return nil
	}
	if err := dec.UnmarshalCBOR(reply); err != nil {
		return &sendError{verb: "call", command: command, to: name, outcome: OutcomeHandled, err: l.wrongReply(command, name, err)}
	}
	return nil
}

// callDynamic is the dynamic Call of every endpoint.
func (ep *endpoint) callDynamic(ctx context.Context, from Endpoint, to, command string, data any) (*Message, error) {
	var reply *Message
	err := from.callTyped(ctx, to, command, ep.encoder(command, data), decodeFunc(func(b []byte) error {
		if spec := ep.specs[command]; spec != nil && spec.Reply != nil {
			if err := spec.Reply.Check(b); err != nil {
				return err
			}
		}
		reply = &Message{command: command, raw: b}
		return nil
	}))
	return reply, err
}

func label(name string) string {
	if name == "" {
		return "server"
	}
	return name
}
