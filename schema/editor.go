package schema

import (
	"bytes"
	"encoding/json"
	"maps"
)

// EditorSchema returns a JSON Schema (draft-07) of schema files as indented
// JSON, for editors: it completes keys and words, shows what they mean, and
// marks most mistakes of structure while one types. It is made of the tables
// that [Load] goes by. It accepts every file that Load does; what it cannot know
// are other files, the names that are declared, and the order of keys.
//
// An editor with a YAML language server takes it from the first line of a file:
//
//	# yaml-language-server: $schema=./.ipcio/commands.schema.json
func EditorSchema() []byte {
	root := form{
		"$schema":     "http://json-schema.org/draft-07/schema#",
		"title":       "ipcio commands.yaml",
		"description": "The commands, types and errors of one protocol.",
		"required":    []string{"ipcio"},
		"definitions": map[string]form{
			"typeExpr":  typeExprForm("", "A built-in type, the name of a type, list<T> or map<T>. The keys of maps are strings."),
			"fieldType": typeExprForm("opt<", "A type; opt<T> if the field may be absent."),
			"go":        objectForm(goKeys),
			"type":      anyOf(reference("typeExpr"), typeObjectForm()),
			"fields":    mappingForm(snakeName, reference("field")),
			"field":     anyOf(reference("fieldType"), with(objectForm(fieldKeys), "required", []string{"type"})),
			"enum":      anyOf(enumListForm(), enumMapForm()),
			"union":     with(mappingForm(snakeName, anyOf(reference("typeExpr"), reference("fields"))), "minProperties", 1),
			"error":     objectForm(errorKeys),
			"command":   with(objectForm(commandKeys), "dependencies", map[string][]string{"errors": {"reply"}, "idempotent": {"reply"}}),
			"body":      anyOf(pascalName, reference("fields")),
		},
	}
	maps.Copy(root, objectForm(schemaKeys))
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		panic("schema: " + err.Error()) // only strings, numbers and lists: cannot fail
	}
	return b.Bytes()
}

// objectForm is the form of a mapping with the keys of a table.
func objectForm[T any](keys []key[T]) form {
	properties := make(map[string]form, len(keys))
	for _, k := range keys {
		property := with(k.form, "description", k.doc)
		if _, ok := k.form["$ref"]; ok {
			// draft-07 ignores what stands beside $ref
			property = form{"description": k.doc, "allOf": []form{k.form}}
		}
		properties[k.name] = property
	}
	return form{"type": "object", "properties": properties, "additionalProperties": false}
}

// with returns f and one more member.
func with(f form, name string, v any) form {
	f = maps.Clone(f)
	f[name] = v
	return f
}

func anyOf(forms ...form) form { return form{"anyOf": forms} }

// typeExprForm is the form of a type, perhaps in a prefix. Regular expressions
// cannot count, so it is for Load to see whether each < is closed.
func typeExprForm(prefix, doc string) form {
	head := ""
	if prefix != "" {
		head = "(" + prefix + ")?"
	}
	words := append([]string{}, scalarNames[1:]...)
	pattern := "^" + head + "(list<|map<)*("
	for _, w := range words {
		pattern += w + "|"
	}
	pattern += "[A-Z][A-Za-z0-9]*)>*$"
	if prefix != "" {
		for _, w := range scalarNames[1:] {
			words = append(words, prefix+w+">")
		}
	}
	// The words are there to be completed; the pattern says what is possible.
	return form{"description": doc, "type": "string", "pattern": pattern, "examples": words}
}

// typeObjectForm is the form of a type given as a mapping: exactly one of its
// forms, and the other keys beside those that they may stand with.
func typeObjectForm() form {
	f := objectForm(typeKeys)
	var forms []form
	for _, name := range typeForms {
		forms = append(forms, form{"required": []string{name}})
	}
	f["oneOf"] = forms
	dependencies := make(map[string]form)
	for _, k := range typeKeys {
		if k.with == nil {
			continue
		}
		var beside []form
		for _, name := range k.with {
			beside = append(beside, form{"required": []string{name}})
		}
		dependencies[k.name] = anyOf(beside...)
	}
	f["dependencies"] = dependencies
	return f
}

var enumText = form{"type": "string", "maxLength": maxEnumValueLength}

func enumListForm() form {
	return form{"type": "array", "minItems": 1, "uniqueItems": true, "items": enumText}
}

func enumMapForm() form {
	return form{
		"type": "object", "minProperties": 1, "propertyNames": enumText,
		"additionalProperties": anyOf(form{"type": []string{"string", "null"}}, objectForm(enumValueKeys)),
	}
}
