package ipcio

import (
	"fmt"
	"slices"

	"github.com/ipcio/ipcio-go/runtime/codec"
)

// A ValidationError says how a payload breaks its schema: see
// [codec.ValidationError]. A sender gets it from Emit and Call before anything
// is sent, or from the other side, which trusts nobody: then it comes with
// [OutcomeNotHandled], beside a *[MismatchError] if the two sides declare the
// command differently.
type ValidationError = codec.ValidationError

// A Violation is one rule that a payload breaks, and where.
type Violation = codec.Violation

// payloadError marks a payload that was refused before the handler ran.
type payloadError struct {
	message *Message // nil if no handler was asked
	err     error
}

func (e *payloadError) Error() string { return "ipcio: the payload: " + trimPrefix(e.err).Error() }
func (e *payloadError) Unwrap() error { return e.err }

// A refusedWhy is what the answer to a refused payload carries.
type refusedWhy struct {
	Violations  []Violation
	Fingerprint *string // of the command at the refusing side
}

var layoutRefusal = codec.Struct{Type: (*refusedWhy)(nil), Fields: []codec.Field{
	{Key: "violations", Of: codec.List{Of: &layoutViolation}},
	{Key: "fingerprint", Of: codec.String, Optional: true},
}}

var layoutViolation = codec.Struct{Type: (*Violation)(nil), Fields: []codec.Field{
	{Key: "path", Of: codec.String},
	{Key: "rule", Of: codec.String},
	{Key: "want", Of: codec.String},
}}

// appendRefusal encodes why a payload was refused.
func appendRefusal(b []byte, invalid *ValidationError, spec *CommandSpec) []byte {
	r := refusedWhy{Violations: invalid.Violations}
	if spec != nil && spec.Fingerprint != "" {
		r.Fingerprint = &spec.Fingerprint
	}
	b, err := layoutRefusal.Append(b, &r)
	if err != nil {
		// Text that is not UTF-8, in a method Check. The code says enough.
		return nil
	}
	return b
}

// parseRefusal decodes what appendRefusal wrote. More violations than a
// ValidationError holds are left out.
func parseRefusal(b []byte) (violations []Violation, fingerprint string, err error) {
	var r refusedWhy
	if err := layoutRefusal.Unmarshal(b, &r); err != nil {
		return nil, "", err
	}
	if r.Fingerprint != nil {
		fingerprint = *r.Fingerprint
	}
	return r.Violations[:min(len(r.Violations), codec.MaxViolations)], fingerprint, nil
}

// A refusedPayload is the error of a message whose payload the other side
// refused.
type refusedPayload struct {
	invalid  *ValidationError
	remote   *RemoteError
	mismatch *MismatchError // how the declarations differ; nil if they do not
}

func (e *refusedPayload) Error() string {
	text := "ipcio: refused by the other side: " + trimPrefix(e.invalid).Error()
	if e.mismatch != nil {
		text += ": " + e.mismatch.Error()
	}
	return text
}

func (e *refusedPayload) Unwrap() []error {
	if e.mismatch != nil {
		return []error{e.invalid, e.remote, e.mismatch}
	}
	return []error{e.invalid, e.remote}
}

// refused is what the sender of a message gets for the answer that it was
// refused, or that the call failed: the *RemoteError itself, or one that says
// more and wraps it. peer is who answered, "" for the server.
func (l *link) refused(command, peer string, remote *RemoteError) error {
	switch spec := l.ep.specs[command]; {
	case remote.Code == CodeInvalid:
		violations, fingerprint, err := parseRefusal(remote.Data)
		if err == nil && len(violations) > 0 {
			return &refusedPayload{
				invalid: &ValidationError{Command: command, Violations: violations}, remote: remote,
				mismatch: l.mismatch(command, peer, fingerprint),
			}
		}
		if remote.outcome == OutcomeHandled {
			return remote // a handler chose the code
		}
	case remote.Code == CodeUnknownCommand && remote.outcome == OutcomeNotHandled:
		if unknown := l.undeclaredThere(command, peer, remote); unknown != nil {
			return unknown
		}
		return remote
	case remote.Code == CodeDenied && remote.outcome == OutcomeNotHandled: // another direction, perhaps
	case spec != nil && slices.Contains(spec.Errors, remote.Code): // its fields did not fit
	default:
		return remote
	}
	if mismatch := l.mismatch(command, peer, ""); mismatch != nil {
		return fmt.Errorf("%w: %w", remote, mismatch)
	}
	return remote
}

// refuser returns who refused an event. peer is what the nack says: "" is the
// other side itself.
func (l *link) refuser(peer string) string {
	if peer == "" {
		return l.otherName()
	}
	return peer
}

// wrongReply is the error of a call whose reply this side cannot decode. peer is
// the client that replied, "" for the server.
func (l *link) wrongReply(command, peer string, err error) error {
	return l.unread(command, peer, fmt.Errorf("the reply: %w", err))
}
