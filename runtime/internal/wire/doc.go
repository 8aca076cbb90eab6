// Package wire is the byte layer of ipcio: frames and their fields, as
// runtime/PROTOCOL.md specifies them. It does no I/O but for [Reader], which
// cuts a stream into frames, and holds no state between frames but for a
// bounded table of command names.
//
// A lane carries a CBOR sequence (RFC 8742) of definite-length byte strings.
// The head of a byte string is the length prefix of a frame; its content is
// one CBOR array (RFC 8949) whose first element is the frame's kind and whose
// last, in the kinds that have one, is the payload: exactly one CBOR item that
// this package passes on without looking at it.
package wire
