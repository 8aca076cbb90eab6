package ipcio

import (
	"errors"
	"reflect"
	"slices"

	"github.com/ipcio/ipcio-go/runtime/codec"
)

// A DeclaredError is an error that a schema declares: generated code has a type
// for each. A handler of a call returns one, wrapped or not, and it travels with
// all its fields; text that was wrapped around it does not. The caller gets
// the same Go type, if its own schema declares the error for the command, and
// else a *[RemoteError] with the error's name as Code and its fields as Data.
type DeclaredError interface {
	error
	ErrorName() string // as it travels
	Retryable() bool   // the same call may succeed later
	AppendCBOR(b []byte) ([]byte, error)
	UnmarshalCBOR(b []byte) error
}

// An ErrorSpec describes one declared error.
type ErrorSpec struct {
	Name string
	Type DeclaredError // a nil pointer to its Go type
}

// make returns a new value of the error, into which the fields are decoded.
func (e *ErrorSpec) make() DeclaredError {
	return reflect.New(reflect.TypeOf(e.Type).Elem()).Interface().(DeclaredError)
}

// declaredError returns the typed error for the answer of a call, or nil: the
// schema of this side does not declare it for the command, or its fields do
// not fit.
func (ep *endpoint) declaredError(command string, remote *RemoteError) DeclaredError {
	spec := ep.specs[command]
	if spec == nil || !slices.Contains(spec.Errors, remote.Code) {
		return nil
	}
	i := slices.IndexFunc(ep.protocol.Errors, func(e ErrorSpec) bool { return e.Name == remote.Code })
	if i < 0 {
		return nil
	}
	fields := []byte(remote.Data)
	if len(fields) == 0 {
		fields = []byte{cborEmptyMap}
	}
	declared := ep.protocol.Errors[i].make()
	if err := declared.UnmarshalCBOR(fields); err != nil {
		ep.log.op("cannot decode a declared error", "command", command, "name", remote.Code, "error", err)
		return nil
	}
	return declared
}

// isIdempotent reports whether the schema of this side says that a call may be
// repeated.
func (ep *endpoint) isIdempotent(command string) bool {
	spec := ep.specs[command]
	return spec != nil && spec.Idempotent
}

// remoteError is what a caller gets for an answer that is an error: the
// *RemoteError itself, or one that says more and wraps it. peer is the client
// that was called, "" for the server.
func (l *link) remoteError(command, peer string, remote *RemoteError) error {
	if declared := l.ep.declaredError(command, remote); declared != nil {
		return &declaredFailure{declared, remote}
	}
	return l.refused(command, peer, remote)
}

// declaredFailure is a declared error that was received. It wraps both forms
// of it.
type declaredFailure struct {
	DeclaredError
	remote *RemoteError
}

func (e *declaredFailure) Unwrap() []error { return []error{e.DeclaredError, e.remote} }

// encodeDeclared returns the fields of a declared error that a handler
// returned.
func encodeDeclared(e DeclaredError) (Any, error) {
	b, err := e.AppendCBOR(nil)
	if err != nil {
		return nil, err
	}
	return b, codec.WellFormed(b)
}

// declaredBy returns the declared error that err is or wraps, unless it was
// received from elsewhere in an error that says so itself.
func declaredBy(err error) (DeclaredError, bool) {
	if e, ok := errors.AsType[*declaredFailure](err); ok {
		return e.DeclaredError, true
	}
	return errors.AsType[DeclaredError](err)
}
