package ipcio

import (
	"fmt"
	"slices"

	"github.com/ipcio/ipcio-go/runtime/codec"
)

// A ValidationError says how a payload breaks its schema: see
// [codec.ValidationError]. A sender gets it from Emit and Call before anything
// is sent, or from the other side, which trusts nobody: then it comes with
// [OutcomeNotHandled], and wraps [ErrProtocolMismatch] if the two sides
// declare the command differently.
type ValidationError = codec.ValidationError

// A Violation is one rule that a payload breaks, and where.
type Violation = codec.Violation

// DecodePayload decodes the payload of m. Its error tells the sender that the
// message was refused before its handler ran, and why. Generated handlers
// call it.
func DecodePayload(m *Message, dec ParseFunc) error {
	if err := dec(m.raw); err != nil {
		return &payloadError{message: m, err: err}
	}
	return nil
}

// payloadError marks a payload that was refused before the handler ran.
type payloadError struct {
	message *Message // nil if no handler was asked
	err     error
}

func (e *payloadError) Error() string { return "ipcio: the payload: " + trimPrefix(e.err).Error() }
func (e *payloadError) Unwrap() error { return e.err }

// What a refusal carries: {"violations": [{"path", "rule", "want"}],
// "fingerprint": of the command at the refusing side}.
var (
	refusalFields   = []codec.Field{{Name: "violations"}, {Name: "fingerprint", Rule: codec.Optional}}
	violationFields = []codec.Field{{Name: "path"}, {Name: "rule"}, {Name: "want"}}
)

// violationMemory is what a Violation takes in memory.
const violationMemory = 48

// appendRefusal encodes why a payload was refused.
func appendRefusal(b []byte, invalid *ValidationError, spec *CommandSpec) []byte {
	n := 1
	if spec != nil && spec.Fingerprint != "" {
		n++
	}
	b = codec.AppendMapHead(b, n)
	b = codec.AppendText(b, "violations")
	b = codec.AppendListHead(b, len(invalid.Violations))
	for _, v := range invalid.Violations {
		b = codec.AppendMapHead(b, len(violationFields))
		for _, s := range [...]string{"path", v.Path, "rule", v.Rule, "want", v.Want} {
			b = codec.AppendText(b, s)
		}
	}
	if n > 1 {
		b = codec.AppendText(codec.AppendText(b, "fingerprint"), spec.Fingerprint)
	}
	return b
}

// parseRefusal decodes what appendRefusal wrote. More violations than a
// ValidationError holds are left out.
func parseRefusal(b []byte) (violations []Violation, fingerprint string, err error) {
	d := codec.NewDecoder(b)
	for s := d.Struct(refusalFields); s.Next(); {
		if s.Index() == 1 {
			fingerprint = d.Text()
			continue
		}
		list := d.List(violationMemory)
		for list.Next() {
			if v := parseViolation(&d); len(violations) < codec.MaxViolations {
				violations = append(violations, v)
			}
		}
	}
	return violations, fingerprint, d.Finish(nil)
}

func parseViolation(d *codec.Decoder) (v Violation) {
	for s := d.Struct(violationFields); s.Next(); {
		*[...]*string{&v.Path, &v.Rule, &v.Want}[s.Index()] = d.Text()
	}
	return v
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
