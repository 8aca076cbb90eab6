package export_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/ipcio/ipcio-go/generator/export"
	"github.com/ipcio/ipcio-go/schema"
)

// withText returns a schema that has a text wherever any text may be.
func withText(t *testing.T, text string) *schema.Schema {
	t.Helper()
	q := strconv.Quote(text) // YAML knows the escapes of Go
	s, err := schema.Load(fstest.MapFS{"commands.yaml": {Data: []byte(`
ipcio: 1
protocol: p
doc: ` + q + `
types:
  E: {doc: ` + q + `, deprecated: ` + q + `, enum: {` + q + `: {doc: ` + q + `, deprecated: ` + q + `}}}
  S: {fields: {f: {type: opt<string>, doc: ` + q + `, deprecated: ` + q + `, default: ` + q + `}, g: {type: string, in: [` + q + `]}}}
  U: {union: {v: {f: {type: string, doc: ` + q + `}}}}
  N: {type: string, pattern: ` + strconv.Quote(`\b`+quoteMeta(text)) + `, doc: ` + q + `}
errors:
  X: {doc: ` + q + `, deprecated: ` + q + `, fields: {f: {type: bool, doc: ` + q + `}}}
commands:
  a.b: {doc: ` + q + `, deprecated: ` + q + `, payload: {e: E}, reply: {r: {type: bool, doc: ` + q + `}}, errors: [X]}
`)}}, "commands.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func quoteMeta(text string) string {
	return strings.NewReplacer(`\`, `\\`, `|`, `\|`, `[`, `\[`, `(`, `\(`, `)`, `\)`, `{`, `\{`, `*`, `\*`, `+`, `\+`, `?`, `\?`).Replace(text)
}

func TestHostileText(t *testing.T) {
	plain, err := parseCDDL(string(export.CDDL(withText(t, "plain"))))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"one\ntwo = tstr", "one\r\ntwo = tstr", "one\rtwo = tstr", "one\u2028two\u2029three\u0085four",
		`a", "b": any, "c`, `\`, `"`, `; no comment`, "\x00\x1b[31m\x7f\u0080", "\u202eesrever \u2066", "\ufffe\U0010ffff\ufeff",
		"</script><script>alert(1)</script>", "😀 名 ﷽", `*/ /* // # {{}}`,
	} {
		s := withText(t, text)
		doc := string(export.CDDL(s))
		for _, r := range doc { // RFC 8610 allows no other characters, not even tabs
			if r < ' ' && r != '\n' || r == 0x7f || 0x80 <= r && r <= 0x9f || r == 0x202e || r == 0x2028 {
				t.Errorf("%q: U+%04X is in the CDDL", text, r)
			}
		}
		e, err := parseCDDL(doc)
		if err != nil {
			t.Errorf("%q: %v\n%s", text, err, doc)
			continue
		}
		if !slices.Equal(e.order, plain.order) {
			t.Errorf("%q: rules %v, want %v", text, e.order, plain.order)
		}
		if !e.match(e.rules["S"], mustMarshal(m{"g": text})) || e.match(e.rules["S"], mustMarshal(m{"g": text + "x"})) {
			t.Errorf("%q is not what the CDDL takes", text)
		}
		for _, f := range export.Formats() {
			if f.Name == "cddl" {
				continue
			}
			var v any
			if err := json.Unmarshal(f.Render(s), &v); err != nil {
				t.Errorf("%q: %s: %v", text, f.Name, err)
			}
		}
		var model struct{ Doc string }
		if err := json.Unmarshal(export.Model(s), &model); err != nil || model.Doc != text {
			t.Errorf("doc of the model: %q, %v, want %q", model.Doc, err, text)
		}
	}
}

// The smallest schema is a document in every format.
func TestLeast(t *testing.T) {
	s, err := schema.Load(fstest.MapFS{"c.yaml": {Data: []byte("ipcio: 1\nprotocol: p\ncommands: {a: {}}\n")}}, "c.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := "; p 1\n\n; no command carries anything\nmessage = null\n"
	if diff := cmp.Diff(want, string(export.CDDL(s))); diff != "" {
		t.Errorf("CDDL (-want +got):\n%s", diff)
	}
	for _, f := range export.Formats() {
		if out := f.Render(s); !strings.HasSuffix(string(out), "\n") || strings.HasSuffix(string(out), "\n\n") {
			t.Errorf("%s does not end in one line feed", f.Name)
		}
	}
}

func TestSecretDefault(t *testing.T) {
	s := load(t, "everything")
	for _, f := range export.Formats() {
		if got, want := strings.Contains(string(f.Render(s)), "hunter2"), f.Name == "model"; got != want {
			t.Errorf("%s shows the default of a secret field: %v, want %v", f.Name, got, want)
		}
	}
}
