// Package codec holds the CBOR primitives (RFC 8949) that generated code
// calls. Programs use the types of their generated package instead.
//
// # Encoding
//
// An [Encoder] writes the deterministic encoding of RFC 8949, section 4.2.1:
// one value has one encoding. Integers take their shortest form, floating-point
// numbers always 4 or 8 bytes, as their type says. It finds what is wrong with
// a Go value on the way: text that is not UTF-8, a year RFC 3339 cannot write,
// a union that holds nothing, a cycle of pointers. The Append functions write
// single items and cannot fail.
//
// # Validation
//
// A [Validator] collects which constraints of the schema a value breaks. Both
// sides validate: the one that sends, before it encodes, and the one that
// receives, after it decoded. A method Check that a program declares for a
// struct counts as one of its rules.
//
// # Decoding
//
// A [Decoder] remembers its first error, so that a function which decodes many
// things checks once, in [Decoder.Finish]. After an error everything reads as
// its zero value and every cursor ends. [Struct], [List] and [Map] are the
// cursors; on the way out they put the path of the failed item together, which
// therefore costs nothing while nothing is wrong.
//
// # Limits
//
// Nesting stops at [MaxDepth]. Lengths and counts are compared with the bytes
// that are there before anything is allocated. What lists, maps and optional
// structs of one item take in memory is added up and may not pass 64 KiB plus
// [MaxGrowth] bytes for each byte of the item. An Encoder counts in the same
// way, so that what can be encoded can be decoded.
//
// # Concurrency
//
// The functions may be called concurrently. A Decoder, an Encoder, a
// Validator and their cursors belong to one goroutine.
package codec
