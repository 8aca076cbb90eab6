package ipcio

import "context"

// An Outbox is where a client keeps what Emit, EmitTo and Broadcast have
// accepted, beyond the life of its process. Package outbox has two.
type Outbox interface {
	// Open takes the outbox for a client of a domain. It fails if another process
	// has it, or if it belongs to another client or domain.
	//
	// stored is told, from one goroutine at a time, that all messages up to the
	// one with this mark are stored; or with an error that those since the last
	// one that was told are not. The error wraps [ErrQueueFull] if there may be
	// room later. stored may call the log.
	Open(domain, client string, stored func(mark uint64, err error)) (OutboxLog, error)
}

// An OutboxLog is an open [Outbox]. Only Sync and Close block; the other
// methods take note, and what they were told is written in the order of the
// calls. They may be called by one goroutine at a time.
type OutboxLog interface {
	// Recovered returns what the outbox held when it was opened.
	Recovered() OutboxContents

	// Append stores a message: its number, above all others, and its frame as it
	// travels. The log may keep the frame. mark is above all others too, and is
	// told to stored.
	Append(mark, number uint64, frame []byte)

	// Forget gives the message with this number up.
	Forget(number uint64)

	// Renumber adds by to all numbers from from on.
	Renumber(from, by uint64)

	// Save replaces the state. Messages up to its Acked are given up.
	Save(state OutboxState)

	// Sync waits until everything before is stored. If the log has failed, it is
	// nil only if the state that is stored says Connected. After Close it fails at
	// once with [ErrClosed].
	Sync(ctx context.Context) error

	// Close stores what it was told, unlocks the outbox, and returns why the log
	// failed, if it did. It is the last call.
	Close() error
}

// OutboxContents is what an [OutboxLog] held when it was opened.
type OutboxContents struct {
	Token      [16]byte // the session's secret, drawn when the outbox was made
	Generation uint32   // raised each time the outbox is opened, and stored
	State      OutboxState
	Messages   []OutboxMessage // in the order of their numbers, above State.Acked
	Damage     []error         // what could not be read
}

// An OutboxMessage is one stored message.
type OutboxMessage struct {
	Number uint64
	Frame  []byte
}

// OutboxState is how far the messages of an outbox have come.
type OutboxState struct {
	Incarnation [16]byte // of the session that Connected and SentTo speak of; zero if it is not known
	Epoch       [16]byte // of the server that it was with; zero if it is not known
	Connected   bool     // there is a connection: every message may have been written to it
	Farewell    bool     // the server said goodbye
	Acked       uint64   // the last number acknowledged
	SentTo      uint64   // the last number ever written, if not Connected
	OldTo       uint64   // numbers up to this one may have been written in an earlier incarnation
	NowTo       uint64   // the last number written in this one, if not Connected

	// The messages up to SuspectTo were on their way when a server died. Suspect
	// is the first of them; it was delivered to Deliveries servers, the others to
	// one.
	Suspect, SuspectTo uint64
	Deliveries         uint32
}
