// Package docs writes a schema for people: as Markdown, and as one HTML page
// that needs nothing else.
//
// Both are pure functions of a [schema.Schema]: nothing read, nothing written,
// the same bytes for the same schema. They cannot fail and are safe for
// concurrent use. Their size is linear in that of the schema.
//
// # What is on a page
//
// The commands by direction, each direction with a drawing of who sends what to
// whom, each command with its payload, reply and errors; then the errors, the
// types with where they are used, and what changes: what is deprecated, what to
// use instead, and which names are gone. Types and errors are linked wherever
// they are named.
//
// # Anchors
//
// They do not change unless the name does, so that others may link to them:
//
//	#job.submit        a command
//	#type.Job          a type
//	#error.QueueFull   an error
//
// Sections have plain words as anchors: #overview, #client-to-server,
// #server-to-client, #both-ways, #client-to-client, #errors, #types and
// #evolution. A command called like one of them has #Command.types instead.
//
// # Text of the schema
//
// It may be any text and is shown as it is written: markup in it is not markup
// of the page. What one would not see, such as a control character or a mark
// that turns the direction of text, is shown as <U+202E>. The HTML page forbids
// scripts and whatever would come from elsewhere by a Content-Security-Policy
// of its own; it follows the light or dark scheme of the reader. The default of
// a secret field is not shown.
package docs
