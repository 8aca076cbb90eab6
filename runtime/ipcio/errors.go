package ipcio

import (
	"context"
	"errors"
	"fmt"
)

// What this side says. Compare with [errors.Is]; the text may change.
var (
	ErrClosed           = errors.New("ipcio: closed")
	ErrNameTaken        = errors.New("ipcio: the client name is taken")
	ErrUnknownClient    = errors.New("ipcio: no such client in the domain")
	ErrUnknownCommand   = errors.New("ipcio: the other side does not declare this command") // and has no handler for it: ErrNoHandler too
	ErrNoHandler        = errors.New("ipcio: no handler for this command")
	ErrDuplicateHandler = errors.New("ipcio: the command already has a handler")
	ErrReservedName     = errors.New("ipcio: the name is reserved")
	ErrQueueFull        = errors.New("ipcio: the queue is full")
	ErrTooLarge         = errors.New("ipcio: the message is too large")
	ErrDenied           = errors.New("ipcio: access denied")
	ErrDomainInUse      = errors.New("ipcio: the domain already has a server")
	ErrProtocolMismatch = errors.New("ipcio: the protocols do not match")
	ErrPeerGone         = errors.New("ipcio: the peer is gone")
	ErrOutcomeUnknown   = errors.New("ipcio: the outcome is unknown: the call may have been handled")
)

// The codes of the errors that the runtime itself sends. A handler may send
// any of them, or one of its own, by returning a *[RemoteError].
const (
	CodeInvalid        = "invalid"         // the payload does not fit the command
	CodeUnknownCommand = "unknown_command" // ErrNoHandler
	CodeUnknownClient  = "unknown_client"  // ErrUnknownClient
	CodeDenied         = "denied"          // ErrDenied
	CodeTimeout        = "timeout"         // context.DeadlineExceeded
	CodeCanceled       = "canceled"        // context.Canceled
	CodeUnavailable    = "unavailable"     // a limit was reached: ErrQueueFull if it was a queue's
	CodeQueueFull      = "queue_full"      // ErrQueueFull
	CodeTooLarge       = "too_large"       // ErrTooLarge
	CodePeerGone       = "peer_gone"       // ErrPeerGone
	CodeOutcomeUnknown = "outcome_unknown" // ErrOutcomeUnknown
	CodeInternal       = "internal"        // the handler failed or panicked; its log has the incident
	CodeNameTaken      = "name_taken"      // ErrNameTaken
	CodeProtocol       = "protocol"        // ErrProtocolMismatch
	CodeClosed         = "closed"          // ErrClosed
)

// sentinels maps the codes to what [RemoteError.Is] compares with.
var sentinels = map[string]error{
	CodeUnknownCommand: ErrNoHandler,
	CodeUnknownClient:  ErrUnknownClient,
	CodeDenied:         ErrDenied,
	CodeTimeout:        context.DeadlineExceeded,
	CodeCanceled:       context.Canceled,
	CodeQueueFull:      ErrQueueFull,
	CodeTooLarge:       ErrTooLarge,
	CodePeerGone:       ErrPeerGone,
	CodeOutcomeUnknown: ErrOutcomeUnknown,
	CodeNameTaken:      ErrNameTaken,
	CodeProtocol:       ErrProtocolMismatch,
	CodeClosed:         ErrClosed,
}

// A RemoteError is what another process answered. A handler may return one to
// choose the code and the message its caller sees.
type RemoteError struct {
	Code    string // at most 128 bytes; longer codes are cut
	Message string // at most 4 KiB; longer messages are cut
	Data    Any    // more about it, or nil; not sent if it is not one CBOR item or makes the frame too large

	outcome Outcome // as the remote said; only meaningful in an error received
}

// Error returns the code and the message.
func (e *RemoteError) Error() string {
	if e.Message == "" {
		return "ipcio: remote error: " + e.Code
	}
	return "ipcio: remote error: " + e.Code + ": " + e.Message
}

// Is reports whether target is the sentinel that stands for e's code.
func (e *RemoteError) Is(target error) bool {
	s, ok := sentinels[e.Code]
	return ok && s == target
}

// Outcome says what a failed call or emit did at the other side, and so
// whether it is safe to try again.
type Outcome uint8

// The outcomes.
const (
	OutcomeUnknown    Outcome = iota // it may have been handled, or may yet be
	OutcomeNotSent                   // it never left this process and never will
	OutcomeNotHandled                // it arrived, and no handler was started for it
	OutcomeHandled                   // a handler ran; trying again is a second time
)

// String returns the outcome in words.
func (o Outcome) String() string {
	switch o {
	case OutcomeNotSent:
		return "not sent"
	case OutcomeNotHandled:
		return "not handled"
	case OutcomeHandled:
		return "handled"
	}
	return "unknown"
}

// OutcomeOf returns the outcome that err, returned by an Emit or a Call,
// stands for. For nil it is OutcomeHandled. For an error that this package did
// not return it is OutcomeUnknown.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return OutcomeHandled
	}
	if e, ok := errors.AsType[*sendError](err); ok {
		return e.outcome
	}
	if e, ok := errors.AsType[*RemoteError](err); ok {
		return e.outcome
	}
	return OutcomeUnknown
}

// sendError says which command failed, to whom, why, and with what outcome.
type sendError struct {
	verb    string // emit, call, broadcast
	command string
	to      string // "" is the server
	outcome Outcome
	err     error
}

func (e *sendError) Error() string {
	to := "the server"
	if e.to != "" {
		to = fmt.Sprintf("client %q", clip(e.to))
	}
	if e.verb == "broadcast" {
		to = "all clients"
	}
	return fmt.Sprintf("ipcio: %s %q to %s: %v", e.verb, clip(e.command), to, trimPrefix(e.err))
}

func (e *sendError) Unwrap() error { return e.err }

// trimmed prints an error without the package's prefix, where another message
// that has it goes before.
type trimmed struct{ error }

func (t trimmed) Error() string {
	const prefix = "ipcio: "
	s := t.error.Error()
	if len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):]
	}
	return s
}

func trimPrefix(err error) error { return trimmed{err} }
