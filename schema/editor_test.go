package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ipcio/ipcio-go/schema/schematest"
)

// A validator checks values against a JSON Schema, as far as EditorSchema goes.
// A word that it does not know is an error, so that it never accepts what it
// does not understand.
type validator struct {
	root     map[string]any
	patterns map[string]*regexp.Regexp
}

func newValidator(t *testing.T) *validator {
	t.Helper()
	v := &validator{patterns: make(map[string]*regexp.Regexp)}
	if err := json.Unmarshal(EditorSchema(), &v.root); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *validator) check(schema map[string]any, value any, at string) error {
	for word, arg := range schema {
		if err := v.word(schema, word, arg, value, at); err != nil {
			return err
		}
	}
	return nil
}

func (v *validator) word(schema map[string]any, word string, arg, value any, at string) error {
	object, isObject := value.(map[string]any)
	array, isArray := value.([]any)
	text, isText := value.(string)
	number, isNumber := value.(float64)
	fail := func(format string, args ...any) error { return fmt.Errorf(at+": "+format, args...) }
	must := func(ok bool) error {
		if !ok {
			return fail("%s %v refuses %v", word, arg, value)
		}
		return nil
	}
	switch word {
	case "$schema", "title", "description", "definitions", "examples":
		return nil
	case "$ref":
		name := strings.TrimPrefix(arg.(string), "#/definitions/")
		return v.check(v.root["definitions"].(map[string]any)[name].(map[string]any), value, at)
	case "type":
		types, ok := arg.([]any)
		if !ok {
			types = []any{arg}
		}
		return must(slices.ContainsFunc(types, func(want any) bool { return hasType(value, want.(string)) }))
	case "const":
		return must(reflect.DeepEqual(arg, value))
	case "enum":
		return must(slices.ContainsFunc(arg.([]any), func(w any) bool { return reflect.DeepEqual(w, value) }))
	case "pattern":
		if v.patterns[arg.(string)] == nil {
			v.patterns[arg.(string)] = regexp.MustCompile(arg.(string))
		}
		return must(!isText || v.patterns[arg.(string)].MatchString(text))
	case "minimum":
		return must(!isNumber || number >= arg.(float64))
	case "maximum":
		return must(!isNumber || number <= arg.(float64))
	case "maxLength":
		return must(!isText || utf8.RuneCountInString(text) <= int(arg.(float64)))
	case "minItems":
		return must(!isArray || len(array) >= int(arg.(float64)))
	case "maxItems":
		return must(!isArray || len(array) <= int(arg.(float64)))
	case "uniqueItems":
		seen := make(map[string]bool)
		for _, item := range array {
			seen[fmt.Sprintf("%T %[1]v", item)] = true
		}
		return must(len(seen) == len(array))
	case "minProperties":
		return must(!isObject || len(object) >= int(arg.(float64)))
	case "required":
		return must(!isObject || !slices.ContainsFunc(arg.([]any), func(k any) bool { _, ok := object[k.(string)]; return !ok }))
	case "items":
		for i, item := range array {
			if err := v.check(arg.(map[string]any), item, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case "propertyNames":
		for k := range object {
			if err := v.check(arg.(map[string]any), k, at+"."+k); err != nil {
				return err
			}
		}
	case "properties":
		for k, sub := range arg.(map[string]any) {
			if item, ok := object[k]; ok {
				if err := v.check(sub.(map[string]any), item, at+"."+k); err != nil {
					return err
				}
			}
		}
	case "additionalProperties":
		properties, _ := schema["properties"].(map[string]any)
		for k, item := range object {
			if _, ok := properties[k]; ok {
				continue
			}
			if arg == false {
				return fail("unknown key %s", k)
			}
			if err := v.check(arg.(map[string]any), item, at+"."+k); err != nil {
				return err
			}
		}
	case "dependencies":
		for k, sub := range arg.(map[string]any) {
			if _, ok := object[k]; !ok {
				continue
			}
			if list, ok := sub.([]any); ok {
				sub = map[string]any{"required": list}
			}
			if err := v.check(sub.(map[string]any), value, at); err != nil {
				return err
			}
		}
	case "allOf", "anyOf", "oneOf":
		var failures []error
		for _, sub := range arg.([]any) {
			if err := v.check(sub.(map[string]any), value, at); err != nil {
				failures = append(failures, err)
			}
		}
		good := len(arg.([]any)) - len(failures)
		if word == "allOf" && len(failures) > 0 || word == "anyOf" && good == 0 || word == "oneOf" && good != 1 {
			return fail("%d of %s: %w", good, word, errors.Join(failures...))
		}
	default:
		return fail("the validator does not know %q", word)
	}
	return nil
}

func hasType(value any, want string) bool {
	switch value := value.(type) {
	case nil:
		return want == "null"
	case bool:
		return want == "boolean"
	case float64:
		return want == "number" || want == "integer" && value == float64(int64(value))
	case string:
		return want == "string"
	case []any:
		return want == "array"
	case map[string]any:
		return want == "object"
	}
	return false
}

// jsonOf returns a YAML value as an editor sees it, with YAML 1.2.
func jsonOf(n *node) any {
	switch n.kind {
	case nullNode:
		return nil
	case boolNode:
		return n.text == "true"
	case numberNode:
		var f float64
		if json.Unmarshal([]byte(n.text), &f) != nil {
			return n.text // 017 and its like: for Load to explain
		}
		return f
	case listNode:
		list := make([]any, len(n.items))
		for i, item := range n.items {
			list[i] = jsonOf(item)
		}
		return list
	case mapNode:
		m := make(map[string]any, len(n.pairs))
		for _, kv := range n.pairs {
			m[kv.key.text] = jsonOf(kv.value)
		}
		return m
	}
	return n.text
}

// unknowable are the goldens of structure whose mistake a JSON Schema of one
// file cannot see, with the reason.
var unknowable = map[string]string{
	"E0101-order":    "the order of keys",
	"E0101-protocol": "whether this is the root file",
	"E0108-self":     "its own name",
	"E0109-included": "whether this is the root file",
	"E0112-depth":    "counting brackets",
	"E0113-float":    "1.0 is a whole number for JSON Schema",
	"E0113-folder":   "what a path leads to",
}

// TestEditorSchemaGoldens proves that the editor's schema accepts what Load
// accepts, and refuses mistakes of structure.
func TestEditorSchemaGoldens(t *testing.T) {
	v := newValidator(t)
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	accepted, refused := 0, 0
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		valid := strings.HasPrefix(name, "ok-") || name[0] == 'W' || strings.HasPrefix(name, "lint-")
		structure := strings.HasPrefix(name, "E01")
		if !valid && !structure {
			continue
		}
		var found error
		for _, f := range readArchive(t, path).files {
			if !strings.HasSuffix(f.name, ".yaml") {
				continue
			}
			root, d := parse(newSource(f.name, []byte(f.data)))
			if d != nil {
				t.Fatal(d)
			}
			if err := v.check(v.root, jsonOf(root), f.name); err != nil {
				found = err
			}
		}
		_, excused := unknowable[name]
		switch {
		case valid && found != nil:
			t.Errorf("%s is fine, and refused: %v", name, found)
		case structure && found == nil && !excused:
			t.Errorf("%s is accepted", name)
		case structure && found != nil && excused:
			t.Errorf("%s is refused, although that is thought impossible: %v", name, found)
		case valid:
			accepted++
		default:
			refused++
		}
	}
	if accepted < 15 || refused < 15 {
		t.Errorf("%d accepted and %d refused: where are the goldens?", accepted, refused)
	}
}

// TestEditorSchemaRandom proves that no schema that Load accepts is refused.
func TestEditorSchemaRandom(t *testing.T) {
	v := newValidator(t)
	for seed := range uint64(200) {
		src := schematest.Random(seed, schematest.Options{})
		root, d := parse(newSource("commands.yaml", src))
		if d != nil {
			t.Fatal(d)
		}
		if err := v.check(v.root, jsonOf(root), ""); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, src)
		}
	}
}

// TestEditorSchemaDocs proves that every key says what it is.
func TestEditorSchemaDocs(t *testing.T) {
	v := newValidator(t)
	count := 0
	var walk func(any)
	walk = func(x any) {
		switch x := x.(type) {
		case []any:
			for _, item := range x {
				walk(item)
			}
		case map[string]any:
			if properties, ok := x["properties"].(map[string]any); ok {
				for name, p := range properties {
					count++
					if doc, _ := p.(map[string]any)["description"].(string); !strings.HasSuffix(doc, ".") {
						t.Errorf("%s: %q", name, doc)
					}
				}
			}
			for _, item := range x {
				walk(item)
			}
		}
	}
	walk(v.root)
	if count < 40 {
		t.Errorf("%d keys", count)
	}
}
