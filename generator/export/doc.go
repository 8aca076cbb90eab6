// Package export writes a schema in the languages of other tools: CDDL
// (RFC 8610) for what travels, JSON Schema for the same values as JSON,
// AsyncAPI 3 for the commands, and the model itself as JSON for generators of
// other languages.
//
// Every function is pure: a schema in, bytes out, nothing read, nothing
// written, the same bytes for the same schema. They end in one line feed, are
// safe for concurrent use, and cannot fail, because a [schema.Schema] is
// complete and consistent. Their size is linear in that of the schema, up to
// patterns: one of Unicode classes such as \pL may grow to some kilobytes,
// since not every regexp engine knows the same classes.
//
// # Names
//
// All formats call a definition the same. A named type has its own name. What
// has no name gets one that nothing declared can have:
//
//	job.submit-payload    the payload of the command job.submit
//	job.submit-reply      its reply
//	Task.shell            the inline fields of the variant shell of Task
//	error.QueueFull       the fields of the error QueueFull
//
// A payload or reply that is a named struct is defined as that struct. A command
// without a payload has none in any format.
//
// # What the formats say
//
// They describe what a correct writer sends, today and after the schema has
// grown in the ways that need no upgrade: maps may hold keys that are not
// declared, enums and unions that are not closed may hold other values and
// variants. Readers accept a little more, such as null for an absent field.
// Comments, deprecations and defaults are carried along where the format has a
// place for them; the default of a secret field is in [Model] only.
//
// Constraints are exact, except where the format has no words for them:
//
//	unique            CDDL cannot say it; a comment does
//	len of string     CDDL counts bytes; from 1000 code points on, the bounds are of bytes, with a comment
//	len of bytes      JSON Schema sees base64: up to two bytes more or less pass
//	pattern           what not every engine has words for (\b, ^ and $ inside) is left out, with a comment
//	format            hostname, uri and ip are a name to JSON Schema, which many tools do not check; a comment in CDDL
//
// # JSON
//
// [JSONSchema] and [AsyncAPI] describe values as JSON: numbers and durations (in
// nanoseconds) are numbers, bytes are base64 with padding, timestamps are
// RFC 3339, a uuid is its usual text, a union is an object with one member.
// 64-bit numbers above 2^53 are exact in the text and may not be in a tool.
// Secret fields are marked "x-secret": true.
package export
