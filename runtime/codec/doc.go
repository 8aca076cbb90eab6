// Package codec holds the CBOR primitives (RFC 8949) that generated code
// calls. Programs use the types of their generated package instead.
//
// # Encoding
//
// The Append functions write the deterministic encoding of RFC 8949, section
// 4.2.1: one value has one encoding. Integers take their shortest form,
// floating-point numbers always 4 or 8 bytes, as their type says. They cannot
// fail. What can be wrong with a value (text that is not UTF-8, an undeclared
// value of a closed enum, a year RFC 3339 cannot write, a cycle of pointers) is
// found before, by a [Checker].
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
// [MaxGrowth] bytes for each byte of the item. A Checker counts in the same
// way, so that what can be encoded can be decoded.
//
// # Concurrency
//
// The functions may be called concurrently. A Decoder, a Checker and their
// cursors belong to one goroutine.
package codec
