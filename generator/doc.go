// Package generator writes the Go package of a protocol from its schema.
//
// [Generate] is pure: a model in, files in memory out. The same model gives the
// same bytes, always. It reads no Go package, so that it works while the code
// around is broken. ipcio-gen (in cmd/ipcio-gen) is the shell around it that
// reads and writes files.
//
// What is generated is data and short functions: whatever repeats is in
// runtime/codec and runtime/ipcio. One Go file holds the types of one schema
// file; client, server and protocol have a file each.
//
// # Names
//
// Every Go identifier is made in names.go and checked in check.go: names that
// meet, or that are no Go names, are findings with both places and the way out
// ([Check]). Nothing is renamed silently.
//
// # Text of the schema in Go code
//
// Identifiers are ASCII and pass the checks first. Other text appears in two
// places only: in string literals, quoted, and in comments, where every line
// gets its own "// ", so that no text of a schema can become code or a compiler
// directive.
//
// # Where this differs from a plain reading of the types
//
// A required field of type any may be null, since null is a value there. A
// required list, map or bytes that is nil is written as the empty one. A struct
// that is a variant of a union implements it by pointer; of other types,
// <Union><Variant> does. What a value takes in memory is counted by runtime/codec
// as on a 64-bit machine, so that both sides of a connection count in the same way.
//
// # How it stays small
//
// A type is a table of runtime/codec and methods of one line; what a table needs
// of another type is a pointer to its table. Types that hold themselves are
// found first (cycle.go), because Go does not let a variable need itself.
package generator
