// Package codec encodes, decodes, validates and prints the values of generated
// types as CBOR (RFC 8949), from tables that describe the types. Programs use
// the types of their generated package instead.
//
// # Tables
//
// For each struct, union, enum and type with rules, generated code has one
// variable: a [Struct], a [Union], an [Enum] or a [Named]. They read like the
// schema, in its order, and are static data: no code runs to initialise them.
// The methods of a generated type are one line each, which hands itself to its
// table. A schema of a thousand commands so costs the compiler little and a
// program nothing until it uses a type.
//
// When a type is used first, its table is compared with the Go type by package
// reflect and becomes a plan: the fields in the order in which they travel,
// with encoded keys, offsets, rules, and whether the program declared a method
// Check. Walking over values and bytes along plans is all that happens
// afterwards, without reflect but for unions, for maps of other than texts,
// bools and numbers of 8 bytes, and for allocations of types with pointers. A table that does not describe its
// Go type panics then, with the name of the type; generated code that nobody
// changed has none.
//
// Code for each type would be faster by some tens of nanoseconds for a message
// and cost ten times as much to compile; offsets as constants in generated code
// would save the first use some microseconds, and nobody would compare them
// with the kinds beside them. Memory is accessed without Go's types in one
// file, memory.go, which says why that is sound.
//
// # Encoding
//
// The encoding is the deterministic one of RFC 8949, section 4.2.1: one value
// has one encoding. Integers take their shortest form, floating-point numbers
// always 4 or 8 bytes, as their type says. What is wrong with a Go value is
// found on the way: text that is not UTF-8, a year RFC 3339 cannot write, a
// union that holds nothing, a cycle of pointers. Into a buffer with room
// nothing is allocated, but for maps of more than 8 entries and for those that
// need reflect. Nothing is written behind the end of the item.
// The Append functions write single items and cannot fail.
//
// # Decoding
//
// Keys are expected in their order and looked up if they come in another.
// Nothing is kept of the input: short texts share copies of 256 bytes of it.
// The first error ends the decoding; the path of the failed item is put together
// on the way out, and therefore costs nothing while nothing is wrong.
//
// # Validation
//
// Both sides validate: the one that sends, before it encodes, and the one that
// receives, after it decoded. Violations come in the order of the schema, those
// in a map in the order of its keys as strings. A method Check that a program declares for a struct counts as one of its rules.
// Values without rules, and without structs that have a Check or can hold
// themselves, are not looked at.
//
// # Limits
//
// Nesting stops at [MaxDepth]. Lengths and counts are compared with the bytes
// that are there before anything is allocated. What lists, maps and optional
// structs of one item take in memory, on a 64-bit machine, is added up and may
// not pass 64 KiB plus [MaxGrowth] bytes for each byte of the item. Encoding
// counts in the same way, so that what can be encoded can be decoded.
//
// # Concurrency
//
// The functions may be called concurrently, and so may the methods of tables.
// A value must not be changed while a method reads it.
package codec
