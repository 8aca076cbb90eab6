package export

import (
	"slices"

	"github.com/ipcio/ipcio-go/schema"
)

// A Format is a language that a schema can be written in.
type Format struct {
	Name   string // as one asks for it, for example cddl
	Suffix string // of a file in it, for example .cddl
	Doc    string // a line about it, for a list
	Render func(*schema.Schema) []byte
}

var formats = []Format{
	{"asyncapi", ".asyncapi.json", "AsyncAPI 3.0: commands as channels and operations", AsyncAPI},
	{"cddl", ".cddl", "CDDL (RFC 8610): payloads, replies and errors as they travel", CDDL},
	{"jsonschema", ".schema.json", "JSON Schema 2020-12: the same values as JSON", JSONSchema},
	{"model", ".model.json", "the whole model as JSON, for other generators", Model},
}

// Formats returns all formats, sorted by name. The caller may change the list.
func Formats() []Format { return slices.Clone(formats) }

// Lookup returns the format with a name of [Formats].
func Lookup(name string) (f Format, ok bool) {
	i := slices.IndexFunc(formats, func(f Format) bool { return f.Name == name })
	if i < 0 {
		return Format{}, false
	}
	return formats[i], true
}
