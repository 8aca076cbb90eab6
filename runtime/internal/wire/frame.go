package wire

import "fmt"

// Kind says what a frame is: the first element of its array.
type Kind uint8

// The kinds. Those below 8 serve the connection, those from 8 on the session.
// A receiver ignores an unknown kind that has the bit [Ignorable] and ends the
// connection on any other.
const (
	KindHello        Kind = 0  // [0, map]
	KindWelcome      Kind = 1  // [1, map]
	KindRefuse       Kind = 2  // [2, code, message]
	KindClose        Kind = 3  // [3, code, done, started]
	KindPing         Kind = 4  // [4]
	KindPong         Kind = 5  // [5]
	KindAck          Kind = 6  // [6, s, r, frames, bytes]
	KindAckRequest   Kind = 7  // [7, s]
	KindEvent        Kind = 8  // [8, number, flags, peer, command, payload]
	KindCall         Kind = 9  // [9, number, flags, peer, command, timeout, payload]
	KindReply        Kind = 10 // [10, number, flags, call, payload]
	KindFail         Kind = 11 // [11, number, flags, call, code, message, outcome, data]
	KindNack         Kind = 12 // [12, number, flags, from, to, peer, command, code, message, data]
	KindSkip         Kind = 13 // [13, sequence, from, to, count, reason]
	KindCancel       Kind = 14 // [14, call]
	KindBroadcast    Kind = 15 // [15, number, flags, peer, command, payload]
	KindBroadcastAck Kind = 16 // [16, b]
	KindQuery        Kind = 17 // [17, id, what]
	KindAnswer       Kind = 18 // [18, id, payload]
	KindCommands     Kind = 65 // [65, left, payload]: see [AppendCommands]; whoever does not know it passes over it

	KindKnock Kind = 66 // [66]: there is something to read on the private lane

	// Ignorable is the bit of the kinds that a receiver which does not know
	// them passes over.
	Ignorable Kind = 64
)

// Flags are the bits of a frame's second number.
type Flags uint8

// The flags. A receiver refuses any other bit.
const (
	Redelivered Flags = 1 << iota // may have been handled before, by a server that died
	Nested                        // a call in the sequence r: its handler starts on arrival

	knownFlags = Redelivered | Nested
)

// Sequence names one of the numbered sequences of a session.
type Sequence uint8

// The sequences. Each counts from 1.
const (
	S Sequence = iota // events, calls and broadcast requests
	R                 // replies, failures, nacks and nested calls: what must never wait behind S
	B                 // the domain's broadcasts
)

// A Ref names a call by the frame that carried it: its number in S, or in R if
// it was nested. On the wire it is the number times two, plus one if nested.
type Ref uint64

// RefOf returns the name of call n of sequence S or R.
func RefOf(n uint64, nested bool) Ref {
	if nested {
		return Ref(n<<1 | 1)
	}
	return Ref(n << 1)
}

// Number returns the number of the frame that carried the call.
func (r Ref) Number() uint64 { return uint64(r) >> 1 }

// Nested reports whether the call is one of the sequence R.
func (r Ref) Nested() bool { return r&1 != 0 }

// MaxNumber is the largest number of a sequence. Refs need one bit.
const MaxNumber = 1<<63 - 1

// ID is a 128-bit identifier.
type ID [16]byte

// A Peer names the other party of a frame that a server relays. Upwards it is
// where the frame goes: nil is the server itself, a Peer with only a Name
// whoever has that name now, one with only an ID that session. Downwards it is
// who sent the frame: nil is the server itself, otherwise all fields are set.
type Peer struct {
	Name     string
	ID       ID
	UID, GID uint32
	PID      int32
}

// Outcome says in a failure whether a handler ran for the call.
type Outcome uint8

// The outcomes of a failure.
const (
	OutcomeUnknown Outcome = iota
	OutcomeNotSent         // of a call that never left its caller, so not on the wire
	OutcomeNotHandled
	OutcomeHandled
)

// A Frame is one frame of a session, of the kinds from Close on. Which
// fields count depends on the kind.
type Frame struct {
	Kind     Kind
	Flags    Flags
	Outcome  Outcome
	Sequence Sequence
	Number   uint64 // of the frame in its sequence; Ack: s; BroadcastAck: b; AckRequest: s; Query, Answer: id; Commands: left
	From, To uint64 // the range of a Nack or Skip; Ack: r in To; Close: done, started
	Ref      Ref    // Reply, Fail, Cancel
	Timeout  int64  // Call: what is left of the deadline, in nanoseconds; 0 means none
	Frames   uint64 // Ack: how many numbers beyond s the receiver takes
	Bytes    uint64 // Ack: how many bytes of frames
	Peer     *Peer  // Nack: who refused it, by name; nil is the sender of the frame itself
	Count    uint64 // Skip: how many messages were given up; 0 if their sender knows
	Command  string // Query: what
	Code     string // Fail, Nack, Close; Skip: reason
	Message  string
	Payload  []byte // one CBOR item, not checked here
}

// Limits of the fields of a frame. A longer one is malformed.
const (
	MaxCommand  = 128
	MaxName     = 63
	MaxCode     = 128
	MaxMessage  = 4096
	MaxHello    = 1024 // of the content of a Hello
	MaxOverhead = 256  // what an application frame holds beside command, code, message and payload, at most
)

// MalformedError says what is wrong with the bytes of a frame. The connection
// that carried it is of no more use.
type MalformedError struct {
	Kind   Kind
	Reason string
}

func (e *MalformedError) Error() string {
	return fmt.Sprintf("wire: malformed frame of kind %d: %s", e.Kind, e.Reason)
}

// SizeError says that a frame is larger than the receiver's limit.
type SizeError struct{ Size, Limit uint64 }

func (e *SizeError) Error() string {
	return fmt.Sprintf("wire: a frame of %d bytes is larger than the limit of %d", e.Size, e.Limit)
}

// InSequence returns the sequence of the private lane that the frame's number
// belongs to; false if it has none.
func (f *Frame) InSequence() (Sequence, bool) {
	switch f.Kind {
	case KindEvent, KindBroadcast:
		return S, true
	case KindCall:
		if f.Flags&Nested != 0 {
			return R, true
		}
		return S, true
	case KindReply, KindFail, KindNack:
		return R, true
	}
	return 0, false
}
