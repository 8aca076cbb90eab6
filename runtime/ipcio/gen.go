package ipcio

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/ipcio/ipcio-go/runtime/codec"
)

// This file is the whole seam between generated code and the runtime.
// Programs use the typed methods of their generated package instead.

// SupportsGen1 says that this runtime fits code written by generation 1 of
// ipcio-gen. Generated code refers to it, so that a runtime which does not fit
// is an error of the compiler.
const SupportsGen1 = 1

// A Payload is a pointer to a generated struct: what a message carries.
type Payload interface {
	Encoder
	Decoder
}

// An Encoder appends one encoded payload to b. It is used before the function
// it is given to returns, and never kept.
type Encoder interface {
	AppendCBOR(b []byte) ([]byte, error)
}

// A Decoder decodes b, which it must not keep.
type Decoder interface {
	UnmarshalCBOR(b []byte) error
}

// A LentDecoder is a Decoder that can do without copies: what it sets may be
// parts of b, and is valid as long as b is.
type LentDecoder interface {
	Decoder
	UnmarshalLent(b []byte) error
}

// A TypedFunc runs the program's handler for m, whose payload is p. It returns
// the reply, which is nil for an event. It is not encoded if there is an error.
type TypedFunc func(ctx context.Context, m *Message, p Payload) (reply Payload, err error)

// Endpoint is what generated methods send from and register at: a *[Server],
// a *[Client] or a [Peer].
type Endpoint interface {
	emitTyped(ctx context.Context, to, command string, enc Encoder) error
	broadcastTyped(ctx context.Context, command string, enc Encoder) error
	callTyped(ctx context.Context, to, command string, enc Encoder, dec Decoder) error
	handleTyped(command string, h runFunc) error
}

// EmitTyped sends an event. to is the client's name; "" is the server for a
// Client, and the peer itself for a Peer. A nil enc sends the empty payload.
func EmitTyped(ctx context.Context, from Endpoint, to, command string, enc Encoder) error {
	return from.emitTyped(ctx, to, command, enc)
}

// BroadcastTyped sends an event to every client, except the one that sends it.
// A Peer cannot broadcast.
func BroadcastTyped(ctx context.Context, from Endpoint, command string, enc Encoder) error {
	return from.broadcastTyped(ctx, command, enc)
}

// CallTyped sends a call and decodes its reply into dec. to and enc are as for
// EmitTyped.
func CallTyped(ctx context.Context, from Endpoint, to, command string, enc Encoder, dec Decoder) error {
	return from.callTyped(ctx, to, command, enc, dec)
}

// HandleTyped registers h as the typed handler of command. payload is a nil
// pointer to the type that each message is decoded into, anew; nil if the
// command carries none. If it is a [LentDecoder], its parts are lent like
// [Message.Raw], until h has returned and its reply is encoded. isSet says whether the program gave a handler: without
// one it is an error. It shares one registry with On and refuses what On
// refuses.
func HandleTyped(at Endpoint, command string, payload Payload, isSet bool, h TypedFunc) error {
	if !isSet {
		return &nilHandler{command}
	}
	return at.handleTyped(command, typed(payload, h))
}

// Registered returns the errors of many registrations as one, nil if there are
// none. Handlers that are not set are left out: there was nothing to register.
func Registered(errs ...error) error {
	var failed []error
	for _, err := range errs {
		if _, unset := err.(*nilHandler); err != nil && !unset {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// nilHandler is the error of a registration without a handler.
type nilHandler struct{ command string }

func (e *nilHandler) Error() string { return fmt.Sprintf("ipcio: the handler of %q is nil", e.command) }

// runFunc handles one message and appends the encoded reply to b. For an event
// it returns b as it is.
type runFunc func(ctx context.Context, m *Message, b []byte) ([]byte, error)

// typed makes the function that runs a typed handler.
func typed(payload Payload, h TypedFunc) runFunc {
	var goType reflect.Type
	if payload != nil {
		goType = reflect.TypeOf(payload).Elem()
	}
	return func(ctx context.Context, m *Message, b []byte) ([]byte, error) {
		p, err := decodePayload(m, goType)
		if err != nil {
			return b, &payloadError{message: m, err: err}
		}
		reply, err := h(ctx, m, p)
		if err != nil || reply == nil {
			return b, err
		}
		return reply.AppendCBOR(b)
	}
}

// decodePayload decodes the payload of m into a new value of goType, which is
// nil for a command that carries none.
func decodePayload(m *Message, goType reflect.Type) (Payload, error) {
	if goType == nil {
		return nil, codec.CheckEmpty(m.raw)
	}
	p := reflect.New(goType).Interface().(Payload)
	if lent, ok := p.(LentDecoder); ok {
		return p, lent.UnmarshalLent(m.raw)
	}
	return p, p.UnmarshalCBOR(m.raw)
}

// encodeFunc and decodeFunc are functions as an Encoder and a Decoder.
type (
	encodeFunc func(b []byte) ([]byte, error)
	decodeFunc func(b []byte) error
)

func (f encodeFunc) AppendCBOR(b []byte) ([]byte, error) { return f(b) }
func (f decodeFunc) UnmarshalCBOR(b []byte) error        { return f(b) }
