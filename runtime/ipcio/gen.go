package ipcio

import "context"

// This file is the whole seam between generated code and the runtime.
// Programs use the typed methods of their generated package instead.

// SupportsGen1 says that this runtime fits code written by generation 1 of
// ipcio-gen. Generated code refers to it, so that a runtime which does not fit
// is an error of the compiler.
const SupportsGen1 = 1

// AppendFunc appends one encoded payload to b. It is called before the
// function it is given to returns, and never kept.
type AppendFunc = func(b []byte) ([]byte, error)

// ParseFunc decodes b, which it must not keep.
type ParseFunc = func(b []byte) error

// TypedFunc handles one message: it decodes m with [DecodePayload], runs the program's handler
// and appends the encoded reply to b. For an event it returns b as it is.
type TypedFunc func(ctx context.Context, m *Message, b []byte) ([]byte, error)

// Endpoint is what generated methods send from and register at: a *[Server],
// a *[Client] or a [Peer].
type Endpoint interface {
	emitTyped(ctx context.Context, to, command string, enc AppendFunc) error
	broadcastTyped(ctx context.Context, command string, enc AppendFunc) error
	callTyped(ctx context.Context, to, command string, enc AppendFunc, dec ParseFunc) error
	handleTyped(command string, h TypedFunc) error
}

// EmitTyped sends an event. to is the client's name; "" is the server for a
// Client, and the peer itself for a Peer. A nil enc sends the empty payload.
func EmitTyped(ctx context.Context, from Endpoint, to, command string, enc AppendFunc) error {
	return from.emitTyped(ctx, to, command, enc)
}

// BroadcastTyped sends an event to every client, except the one that sends it.
// A Peer cannot broadcast.
func BroadcastTyped(ctx context.Context, from Endpoint, command string, enc AppendFunc) error {
	return from.broadcastTyped(ctx, command, enc)
}

// CallTyped sends a call and hands its encoded reply to dec. to and enc are as
// for EmitTyped.
func CallTyped(ctx context.Context, from Endpoint, to, command string, enc AppendFunc, dec ParseFunc) error {
	return from.callTyped(ctx, to, command, enc, dec)
}

// HandleTyped registers h as the typed handler of command. It shares one
// registry with On and refuses what On refuses.
func HandleTyped(at Endpoint, command string, h TypedFunc) error {
	return at.handleTyped(command, h)
}
