// Package ipcio lets the processes of one application talk to each other on
// one machine: in both directions, at any time, while each of them may restart
// at any time.
//
// They meet in a domain: a unix socket with one [Server] and many named
// [Client]s. A message names a command and carries one payload. An event is
// sent with Emit and has no reply; a call is sent with Call and has one; a
// broadcast goes to every client but the one who asked for it. The server
// emits to and calls its clients as they do to it, and passes messages on
// between them. Whoever handles a message can answer its [Peer] without
// knowing its name.
//
// # Typed and dynamic
//
// Most programs do not use this package's sending methods but those of code
// that ipcio-gen writes from a schema, commands.yaml: EmitJobSubmit,
// OnJobSubmit and so on, on a Server and a Client that embed the ones here. The
// dynamic methods are there on the same value and share one registry of
// handlers with the typed ones.
//
//	c, err := ipcio.NewClient(ipcio.ClientConfig{Domain: "jobs", Name: "worker-1"})
//	…
//	err = c.On("job.*", func(ctx context.Context, m *ipcio.Message) (any, error) {
//		v, err := m.Value()
//		…
//	})
//	err = c.Connect(ctx)
//
// # What a nil error means
//
// Emit returns nil when the message is accepted: it waits in the client's
// queue until the server has handled it, through lost connections and restarts
// of the server. Within the life of one server process it is handled exactly
// once, in the order sent. If the server process dies, what it had not
// acknowledged is sent to its successor; what may have been handled before is
// marked, see [Message.Redelivered]. Messages that are given up after all, by
// the program's own choice of [QueueConfig] or because a peer is gone, are
// reported as a [Gap].
//
// A call ends exactly once: with its reply, with the error of the other side,
// or with an error that says by [OutcomeOf] whether it may have been handled.
//
// # Order
//
// The events that one party sends are handled one after another, in the order
// sent. A call's handler is started in that order and then runs beside what
// follows. Different senders are handled in parallel; at a client all private
// events form one queue, broadcasts another.
//
// Handlers may do anything: send, call back the peer that waits for them,
// block, panic. A handler that blocks holds up its own sender only.
//
// # Whose memory it is
//
// What a handler gets is its own, and so are replies and errors. Two things are
// lent to it until it returns, its reply encoded: the bytes of [Message.Raw],
// and those fields of a typed handler's payload whose schema says borrow. What
// is to be kept, or read by another goroutine, must be copied. Package ipciotest
// overwrites what was lent, so that tests show who forgot.
//
// # Programs of different versions
//
// Programs that were built from different versions of a schema may meet, if its
// major version is the same. When they connect they tell each other the
// fingerprints of their commands, and log once which ones differ. What both
// declare alike, or what fits all the same, works. What does not fit is refused,
// message by message, and never half understood: whoever sent it, or cannot read
// a reply, gets a *[MismatchError], which is [ErrProtocolMismatch] and names the
// command and both fingerprints, with the violations beside it: from Call, or as
// a [Gap] for an event. A command that the other side does not declare is
// [ErrUnknownCommand]. Two clients do not know each other's fingerprints; a
// refusal carries that of the client that refused, a reply does not.
//
// The bytes on the wire are specified in runtime/PROTOCOL.md.
package ipcio
