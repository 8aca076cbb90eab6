package ipcio

import (
	"context"
	"fmt"

	"github.com/ipcio/ipcio-go/runtime/internal/poison"
)

// HandlerFunc handles the messages of a command that has no typed handler. An
// event's result is ignored. A call's result is its reply, encoded as Emit
// would encode it. ctx ends when the handler returns, when the caller cancels
// or its deadline passes, and when the session is given up; it does not end
// when the connection is lost.
//
// An error that is or wraps a [DeclaredError] or a *[RemoteError] reaches the
// caller: the first such error that errors.As finds, with its own name or code,
// text and fields. What was wrapped around it does not: it is for the log of the
// process that handled the call, with Verbose. Any other error reaches the caller
// as code "internal" with an incident number; its text stays in that log.
type HandlerFunc func(ctx context.Context, m *Message) (any, error)

// A Message is one event or call as its handler sees it. It may be kept after
// the handler returned, but for the bytes of [Message.Raw]. Its methods may be
// called concurrently.
type Message struct {
	command     string
	from        Peer
	raw         []byte // lent: see kept
	call        bool
	redelivered bool
	poisoned    bool // raw is from poison.Lend
}

// Command returns the command's name.
func (m *Message) Command() string { return m.command }

// String returns the command, the sender and the size of the payload, not the
// payload itself.
func (m *Message) String() string {
	return fmt.Sprintf("%s from %s, %d bytes", m.command, m.from.label(), len(m.raw))
}

// From returns who sent the message. The server stamps it; no sender can
// choose it.
func (m *Message) From() Peer { return m.from }

// Raw returns the encoded payload, one CBOR item. The bytes are lent until
// the handler returns: package ipciotest shows who keeps them.
func (m *Message) Raw() []byte { return m.raw[:len(m.raw):len(m.raw)] }

// kept returns the payload for those who may come after the handler.
func (m *Message) kept() []byte {
	if m.poisoned {
		return poison.Kept(m.raw)
	}
	return m.raw
}

// takeBack ends the loan of the payload.
func (m *Message) takeBack() {
	if m.poisoned {
		poison.TakeBack(m.raw)
	}
}

// IsCall reports whether the sender waits for the reply.
func (m *Message) IsCall() bool { return m.call }

// Redelivered reports whether the message may have been handled before, by a
// server process that died before it could say so.
func (m *Message) Redelivered() bool { return m.redelivered }

// Decode decodes the payload into v: a pointer to a generated type, to a
// struct with cbor tags, or to any. Keys that v does not know are skipped; a
// key that occurs twice, text that is not UTF-8 and indefinite lengths are
// refused. What v holds afterwards is the caller's own. When Decode fails,
// what v holds is not specified.
func (m *Message) Decode(v any) error { return decodeInto(m.kept(), v) }

// Value decodes the payload into Go's own types: map[string]any, []any,
// string, int64, float64, bool, []byte, time.Time, [UUID] and nil. An integer
// beyond int64 becomes a *big.Int.
func (m *Message) Value() (any, error) { return decodeValue(m.kept()) }
