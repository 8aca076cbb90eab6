// Package schemavalue is an interpreter of schemas for tests: it makes values
// that a writer of a type may send, reads values as a reader of a type does,
// and turns values into CBOR and back.
//
// It knows nothing of generated code and of the runtime, so that both can be
// compared with it: what [Accepts] refuses, a generated decoder or Validate
// must refuse as well, and what a [Generator] makes, both must take.
//
// Writers send: the shortest integers, floats in the width of their type, tag 0
// for timestamps, tag 37 for UUIDs, no null for an absent field, sorted keys,
// and values within all constraints. Through open enums and open unions they
// may pass on what they do not know.
//
// Readers accept more: integers for floats and other widths of floats if the
// value is exact, tag 1 for timestamps, 16 bare bytes for a UUID, null for an
// absent optional field, unknown keys, and any order of keys.
package schemavalue
