// Package session is the delivery protocol of one session as a pure state
// machine: what is queued, what is on its way, what has been received, what is
// done, and which calls wait for an answer. It starts no goroutine, reads no
// clock, opens no socket and draws no random number, so that every history can
// be replayed.
//
// A [Session] is one side of one session; the two sides are alike. It takes
// events as method calls ([Session.Emit], [Session.Receive], [Session.Done],
// [Session.Attach], …) and answers with [Action]s, which the caller drains with
// [Session.Actions] and carries out: it runs handlers, wakes callers, writes
// what [Session.Output] yields. One method for each event rather than one
// function over a union of events: the arguments are typed and nothing is
// allocated for them.
//
// # Sequences
//
// Each direction has two sequences. S carries events, calls and broadcast
// requests; it has a window, and its acknowledgement means done: an event's
// handler has returned, a call's handler was started. R carries replies,
// failures, nacks and nested calls, which must never wait behind a full
// window; its acknowledgement means received.
//
// A frame gets its number when it is first handed to a connection, not when
// the program sends it. So a message that is cancelled, expires or is dropped
// while it waits leaves no hole that the receiver would have to be told of,
// and a queue that fills up while the other side is away costs nothing but its
// own entries. From its number on, a frame is freed only by an
// acknowledgement.
//
// # Incarnations
//
// An incarnation is one life of the session at the server. While it lasts, a
// lost connection costs nothing: each side tells what it received, and the
// other continues behind it. In a new one (the server was restarted, or gave
// the session up) each side tells the first number that is not acknowledged;
// the other starts to receive there, and frames that a connection has seen
// before are flagged as redelivered.
//
// A Session is not safe for concurrent use.
package session
